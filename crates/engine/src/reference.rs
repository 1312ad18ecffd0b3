//! How callers name things: by any form of an id, by an id that was brought along, by address.

use roster_model::{AddressKind, Dialect, EntityId, Form, Organization, OrganizationId, User, UserId, text};
use roster_store::{Names, View};

use crate::error::Result;
use crate::surface::Surface;

/// An organization, as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationRef {
    Id(OrganizationId),
    /// An id in any dialect's form, or one it brought along.
    Text(String),
    /// The same, or else the slug.
    TextOrSlug(String),
    /// An id that Roster gave, in any form; else one that was brought along, the external id or the slug. If these are
    /// several organizations', it is nobody's.
    Anything(String),
}

impl From<&str> for OrganizationRef {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<OrganizationId> for OrganizationRef {
    fn from(id: OrganizationId) -> Self {
        Self::Id(id)
    }
}

/// A user, as a caller names one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserRef {
    Id(UserId),
    /// An id in any dialect's form, or one it brought along.
    Text(String),
    /// An e-mail address in any case. What isn't one is an unknown user.
    Email(String),
    /// An id that Roster gave, in any form; else one that was brought along, the external id or an e-mail address. If
    /// these are several users', it is nobody's.
    Anything(String),
    /// The caller.
    Me,
}

impl From<&str> for UserRef {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<UserId> for UserRef {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

/// The one with this id, in any form that Roster gives it.
fn of_ours<I: EntityId, T>(text: &str, load: impl Fn(I) -> roster_store::Result<Option<T>>) -> Result<Option<T>> {
    match Form::read_any::<I>(text) {
        Some(id) => Ok(load(id)?),
        None => Ok(None),
    }
}

/// The dialects whose ids can have been brought along, for who comes in here.
fn dialects(surface: Surface) -> impl Iterator<Item = Dialect> {
    let own = surface.dialect();
    Dialect::ALL.into_iter().filter(move |dialect| own.is_none_or(|own| own == *dialect))
}

/// All who brought this id along: each dialect may know another one by it.
fn aliased<I: EntityId, T>(
    view: &View<'_>,
    surface: Surface,
    text: &str,
    load: impl Fn(I) -> roster_store::Result<Option<T>>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for dialect in dialects(surface) {
        if let Some(id) = view.find_alias::<I>(dialect, text)? {
            found.extend(load(id)?);
        }
    }
    Ok(found)
}

/// Ours by id; else the one who brought this id along or is called so (`called`), if it is one.
fn anyone<I: EntityId, T>(
    view: &View<'_>,
    surface: Surface,
    text: &str,
    load: impl Fn(I) -> roster_store::Result<Option<T>>,
    called: impl FnOnce() -> Result<[Option<T>; 2]>,
    id: impl Fn(&T) -> I,
) -> Result<Option<T>> {
    if let Some(ours) = of_ours(text, &load)? {
        return Ok(Some(ours));
    }
    let mut all = aliased(view, surface, text, load)?;
    all.extend(called()?.into_iter().flatten());
    Ok(agreed(all, id))
}

/// The one that all of these are. If they are several the name is nobody's: external ids and slugs are chosen, and who
/// chooses what another is known by must not be taken for him.
fn agreed<T, I: EntityId>(found: Vec<T>, id: impl Fn(&T) -> I) -> Option<T> {
    let mut found = found.into_iter();
    let first = found.next()?;
    found.all(|other| id(&other) == id(&first)).then_some(first)
}

/// Form, then alias, else unknown. A malformed id is unknown too.
pub(crate) fn resolve<I: EntityId, T>(
    view: &View<'_>,
    surface: Surface,
    text: &str,
    load: impl Fn(I) -> roster_store::Result<Option<T>>,
) -> Result<Option<T>> {
    if let Some(found) = of_ours::<I, T>(text, &load)? {
        return Ok(Some(found));
    }
    for dialect in dialects(surface) {
        if let Some(id) = view.find_alias::<I>(dialect, text)? {
            return Ok(load(id)?);
        }
    }
    Ok(None)
}

/// What these may mean, for who reads ahead.
pub(crate) fn names<'r>(
    organizations: impl IntoIterator<Item = &'r OrganizationRef>,
    users: impl IntoIterator<Item = &'r UserRef>,
) -> Names {
    Names {
        organizations: organizations.into_iter().filter_map(OrganizationRef::born).collect(),
        users: users.into_iter().filter_map(|user| user.born(None)).collect(),
    }
}

impl OrganizationRef {
    /// The id that Roster gave, if that is what the name looks like. Whether there is such an organization is another question.
    pub(crate) fn born(&self) -> Option<OrganizationId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Text(text) | Self::TextOrSlug(text) | Self::Anything(text) => Form::read_any(text),
        }
    }

    pub(crate) fn find(&self, view: &View<'_>, surface: Surface) -> Result<Option<Organization>> {
        let found = match self {
            Self::Id(id) => view.organization(*id)?,
            Self::Text(text) => resolve(view, surface, text, |id| view.organization(id))?,
            Self::TextOrSlug(text) => match resolve(view, surface, text, |id| view.organization(id))? {
                Some(found) => Some(found),
                None => view.organization_by_slug(text)?,
            },
            Self::Anything(text) => {
                let called = || Ok([view.organization_by_external_id(text)?, view.organization_by_slug(text)?]);
                anyone(view, surface, text, |id| view.organization(id), called, |found| found.id)?
            }
        };
        Ok(found.filter(|o| (surface.shows_root() || !o.is_root()) && (surface.shows_deleted() || !o.hidden)))
    }
}

impl UserRef {
    /// The id that Roster gave, if that is what the name looks like. Whether there is such a user is another question.
    pub(crate) fn born(&self, me: Option<UserId>) -> Option<UserId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Text(text) | Self::Anything(text) => Form::read_any(text),
            Self::Email(_) => None,
            Self::Me => me,
        }
    }

    /// As [`Self::find`], for who is only named: see [`View::named_user`].
    pub(crate) fn find_named(&self, view: &View<'_>, surface: Surface, me: Option<UserId>) -> Result<Option<User>> {
        if let Some(id) = self.born(me)
            && let Some(user) = view.named_user(id)?
        {
            return Ok(Some(user));
        }
        self.find(view, surface, me)
    }

    pub(crate) fn find(&self, view: &View<'_>, surface: Surface, me: Option<UserId>) -> Result<Option<User>> {
        Ok(match self {
            Self::Id(id) => view.user(*id)?,
            Self::Text(text) => resolve(view, surface, text, |id| view.user(id))?,
            Self::Email(address) => match text::email(address) {
                Ok(address) => view.user_by_address(AddressKind::Email, &address)?,
                Err(_) => None,
            },
            Self::Anything(text) => {
                let by_email = || Self::Email(text.clone()).find(view, surface, me);
                let called = || Ok([view.user_by_external_id(text)?, by_email()?]);
                anyone(view, surface, text, |id| view.user(id), called, |found| found.id)?
            }
            Self::Me => match me {
                Some(id) => view.user(id)?,
                None => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_is_nobodys() {
        let [ada, bob] = [1, 2].map(UserId::from_raw);
        let of = |found: &[UserId]| agreed(found.to_vec(), |user| *user);
        assert_eq!((of(&[]), of(&[ada]), of(&[ada, ada, ada])), (None, Some(ada), Some(ada)));
        assert_eq!((of(&[ada, bob]), of(&[ada, ada, bob]), of(&[bob, ada, bob])), (None, None, None));
    }
}

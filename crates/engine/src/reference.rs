//! How callers name things: by any form of an id, by an id that was brought along, by address.

use roster_model::{AddressKind, Dialect, EntityId, Form, Organization, OrganizationId, User, UserId, text};
use roster_store::{Named, Names, Naming, View};

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

/// What a name may be besides an id that Roster gave, the first before the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Otherwise {
    pub namings: Vec<(Naming, String)>,
    /// Whether all whom it finds must be one. Otherwise the first counts.
    agreed: bool,
}

impl Otherwise {
    /// The ids that were brought along, for who comes in here: each dialect may know another one by it.
    fn aliases(surface: Surface, text: &str) -> Vec<(Naming, String)> {
        let own = surface.dialect();
        let dialects = Dialect::ALL.into_iter().filter(|dialect| own.is_none_or(|own| own == *dialect));
        dialects.map(|dialect| (Naming::Alias(dialect), text.to_owned())).collect()
    }

    fn find<I: EntityId, T>(
        &self,
        view: &View<'_>,
        load: impl Fn(I) -> roster_store::Result<Option<T>>,
    ) -> Result<Option<T>> {
        self.choose(&view.named(&self.namings)?, load)
    }

    /// Who is meant, of those who were found. `load`: if there is such a one.
    pub(crate) fn choose<I: EntityId, T>(
        &self,
        found: &Named,
        load: impl Fn(I) -> roster_store::Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut there = Vec::new();
        for id in self.namings.iter().filter_map(|naming| found.get(naming).copied().and_then(I::checked)) {
            let Some(one) = load(id)? else { continue };
            if !self.agreed {
                return Ok(Some(one));
            }
            there.push((id, one));
        }
        Ok(agreed(there))
    }
}

/// The one that all of these are. If they are several the name is nobody's: external ids and slugs are chosen, and who
/// chooses what another is known by must not be taken for him.
fn agreed<I: PartialEq, T>(found: Vec<(I, T)>) -> Option<T> {
    let mut found = found.into_iter();
    let (id, first) = found.next()?;
    found.all(|(other, _)| other == id).then_some(first)
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

    pub(crate) fn otherwise(&self, surface: Surface) -> Otherwise {
        let (text, further, agreed): (_, &[Naming], _) = match self {
            Self::Id(_) => return Otherwise::default(),
            Self::Text(text) => (text, &[], false),
            Self::TextOrSlug(text) => (text, &[Naming::Slug], false),
            Self::Anything(text) => (text, &[Naming::OrganizationExternalId, Naming::Slug], true),
        };
        let mut namings = Otherwise::aliases(surface, text);
        namings.extend(further.iter().map(|naming| (*naming, text.clone())));
        Otherwise { namings, agreed }
    }

    pub(crate) fn find(&self, view: &View<'_>, surface: Surface) -> Result<Option<Organization>> {
        let load = |id| view.organization(id);
        let born = self.born().map(load).transpose()?.flatten();
        let found = if born.is_some() { born } else { self.otherwise(surface).find(view, load)? };
        Ok(found.filter(|found| is_shown(surface, found)))
    }
}

/// Whether it is one on this surface.
pub(crate) fn is_shown(surface: Surface, organization: &Organization) -> bool {
    (surface.shows_root() || !organization.is_root()) && (surface.shows_deleted() || !organization.hidden)
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

    pub(crate) fn otherwise(&self, surface: Surface) -> Otherwise {
        let email = |text: &str| text::email(text).ok().map(|email| (Naming::Address(AddressKind::Email), email));
        match self {
            Self::Id(_) | Self::Me => Otherwise::default(),
            Self::Text(text) => Otherwise { namings: Otherwise::aliases(surface, text), agreed: false },
            Self::Email(text) => Otherwise { namings: email(text).into_iter().collect(), agreed: false },
            Self::Anything(text) => {
                let mut namings = Otherwise::aliases(surface, text);
                namings.push((Naming::UserExternalId, text.clone()));
                namings.extend(email(text));
                Otherwise { namings, agreed: true }
            }
        }
    }

    pub(crate) fn find(&self, view: &View<'_>, surface: Surface, me: Option<UserId>) -> Result<Option<User>> {
        let load = |id| view.user(id);
        let born = self.born(me).map(load).transpose()?.flatten();
        if born.is_some() { Ok(born) } else { self.otherwise(surface).find(view, load) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_is_nobodys() {
        let [ada, bob] = [1, 2].map(UserId::from_raw);
        let of = |found: &[UserId]| agreed(found.iter().map(|user| (*user, *user)).collect());
        assert_eq!((of(&[]), of(&[ada]), of(&[ada, ada, ada])), (None, Some(ada), Some(ada)));
        assert_eq!((of(&[ada, bob]), of(&[ada, ada, bob]), of(&[bob, ada, bob])), (None, None, None));
    }
}

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
    /// The same, with the external id tried before the slug.
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
    /// An id in any form, or one it brought along, or the external id, or an e-mail address: the first that is somebody's.
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

/// Form, then alias, else unknown. A malformed id is unknown too.
pub(crate) fn resolve<I: EntityId, T>(
    view: &View<'_>,
    surface: Surface,
    text: &str,
    load: impl Fn(I) -> roster_store::Result<Option<T>>,
) -> Result<Option<T>> {
    if let Some(id) = Form::read_any::<I>(text)
        && let Some(found) = load(id)?
    {
        return Ok(Some(found));
    }
    let own = surface.dialect();
    for dialect in Dialect::ALL.into_iter().filter(|dialect| own.is_none_or(|own| own == *dialect)) {
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
            Self::Anything(text) => match resolve(view, surface, text, |id| view.organization(id))? {
                Some(found) => Some(found),
                None => match view.organization_by_external_id(text)? {
                    Some(found) => Some(found),
                    None => view.organization_by_slug(text)?,
                },
            },
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
            Self::Anything(text) => match resolve(view, surface, text, |id| view.user(id))? {
                Some(found) => Some(found),
                None => match view.user_by_external_id(text)? {
                    Some(found) => Some(found),
                    None => Self::Email(text.clone()).find(view, surface, me)?,
                },
            },
            Self::Me => match me {
                Some(id) => view.user(id)?,
                None => None,
            },
        })
    }
}

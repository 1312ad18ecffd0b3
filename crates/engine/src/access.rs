//! Authorization that the compiler enforces.
//!
//! A lookup returns a [`Found`], of which nothing can be read. [`Found::allow`] checks that the caller holds a [`Right`] there
//! and returns an [`Allowed`], which can be read, and which every change and every list requires.
//!
//! ```text
//! reader.organization(&reference)?            → Found<Organization>
//!     .allow(reader, Right::tree(…))?         → Allowed<Organization>
//! tx.change(&allowed, Change::…)              needs it
//! ```

mod domain;

use roster_model::permission::BuiltIn as P;
use roster_model::{Change, Membership, Organization, Realm, Right, Standing, User};

use crate::error::{Error, Result, Subject};
use crate::transaction::Reader;

pub use domain::Domain;

/// An entity that exists. Whether the caller may know of it hasn't been checked yet.
#[derive(Debug)]
pub struct Found<T>(pub(crate) T);

/// An entity for which the caller has been found to hold the right that is needed.
#[derive(Clone, Debug)]
pub struct Allowed<T> {
    entity: T,
    standing: Standing,
}

impl<T> std::ops::Deref for Allowed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entity
    }
}

impl<T> Allowed<T> {
    /// What the caller holds there.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    pub fn into_inner(self) -> T {
        self.entity
    }
}

/// Whether access was allowed. An error other than a refusal is passed on.
pub(crate) fn is_allowed<T>(outcome: Result<T>) -> Result<bool> {
    match outcome {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_) | Error::Forbidden(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn forbidden(right: Right) -> Error {
    Error::Forbidden(right.permission.key().into())
}

/// Whether the caller is a user whose key may be used for this permission.
fn is_user_in_scope(reader: Reader<'_>, standing: &Standing, permission: P) -> bool {
    reader.acting.user.is_some() && standing.scopes_cover(Some(&[permission.key().to_owned()]))
}

impl Found<Organization> {
    /// Fails with `NotFound` if the caller may not even know of the organization, else with `Forbidden`.
    pub fn allow(self, reader: Reader<'_>, right: Right) -> Result<Allowed<Organization>> {
        self.allow_any(reader, &[right])
    }

    /// Requires one of these rights. If none is held, the error names the first.
    pub fn allow_any(self, reader: Reader<'_>, rights: &[Right]) -> Result<Allowed<Organization>> {
        let standing = reader.standing(&self.0)?;
        if rights.iter().any(|right| standing.holds(*right)) {
            return Ok(Allowed { entity: self.0, standing });
        }
        match rights.first() {
            Some(right)
                if standing.holds(Right::tree(P::OrganizationsRead))
                    || !standing.here().is_empty()
                    || reader.acting.surface.tells_what_exists() =>
            {
                Err(forbidden(*right))
            }
            _ => Err(Error::NotFound(Subject::Organization)),
        }
    }

    /// For members, whatever their roles grant, if a key's scopes include `organizations:read`. Others need that permission there
    /// or above.
    pub(crate) fn allow_member(self, reader: Reader<'_>) -> Result<Allowed<Organization>> {
        let standing = reader.standing(&self.0)?;
        if is_user_in_scope(reader, &standing, P::OrganizationsRead) && !standing.here().is_empty() {
            return Ok(Allowed { entity: self.0, standing });
        }
        self.allow(reader, Right::tree(P::OrganizationsRead))
    }

    /// Checks that the caller may see who the members are, which depends on the organization's visibility.
    pub fn allow_listing(self, reader: Reader<'_>) -> Result<Allowed<Organization>> {
        use roster_model::Visibility;
        let standing = reader.standing(&self.0)?;
        let by_right = standing.holds(Right::tree(P::MembershipsWrite));
        let user = is_user_in_scope(reader, &standing, P::MembershipsRead);
        let member = user && !standing.here().is_empty();
        let visible = match self.0.visibility {
            Visibility::Admins => false,
            Visibility::Members => member || standing.holds(Right::tree(P::MembershipsRead)),
            Visibility::Realm => {
                (user && reader.acting.only.is_none()) || standing.holds(Right::tree(P::MembershipsRead))
            }
        };
        if by_right || visible {
            return Ok(Allowed { entity: self.0, standing });
        }
        self.allow(reader, Right::tree(P::MembershipsWrite))
    }

    /// For a caller who presented the secret of an invitation to this organization: its sender had the right to invite.
    pub(crate) fn by_invitation(
        self,
        reader: Reader<'_>,
        invitation: &roster_model::Invitation,
    ) -> Result<Allowed<Organization>> {
        if invitation.organization != self.0.id {
            return Err(Error::NotFound(Subject::Invitation));
        }
        Ok(Allowed { standing: reader.standing(&self.0)?, entity: self.0 })
    }

    /// The organization's id, for operations that only refer to it.
    pub(crate) fn id(&self) -> roster_model::OrganizationId {
        self.0.id
    }
}

impl Found<Realm> {
    /// Rights about the whole realm must be held at its root.
    pub fn allow(self, reader: Reader<'_>, permission: P) -> Result<Allowed<Realm>> {
        let standing = reader.root_standing()?;
        let right = Right::root(permission);
        if standing.holds(right) { Ok(Allowed { entity: self.0, standing }) } else { Err(forbidden(right)) }
    }

    /// For what everyone in the realm may do.
    pub fn allow_everyone(self, reader: Reader<'_>) -> Result<Allowed<Realm>> {
        Ok(Allowed { entity: self.0, standing: reader.root_standing()? })
    }
}

impl Found<User> {
    /// For that user, or a holder of the permission at the realm's root. Others get `Forbidden` if they may read the user, else
    /// `NotFound`. A user who is limited to one membership may only read their own data, since their login link was issued by
    /// somebody else.
    pub fn allow_self_or(self, reader: Reader<'_>, permission: P) -> Result<Allowed<User>> {
        let standing = reader.root_standing()?;
        if self.is_for_self_or(reader, &standing, permission) {
            Ok(Allowed { entity: self.0, standing })
        } else {
            Err(self.refusal(reader, &standing, permission))
        }
    }

    fn is_for_self_or(&self, reader: Reader<'_>, standing: &Standing, permission: P) -> bool {
        let whole = reader.acting.only.is_none() || permission == P::UsersRead;
        let own = whole
            && reader.acting.user == Some(self.0.id)
            && standing.scopes_cover(Some(&[permission.key().to_owned()]));
        own || standing.holds(Right::root(permission))
    }

    /// Why a caller without this permission may not do it. Only who may read the user learns that there is one.
    fn refusal(&self, reader: Reader<'_>, standing: &Standing, permission: P) -> Error {
        if self.is_for_self_or(reader, standing, P::UsersRead) {
            forbidden(Right::root(permission))
        } else {
            Error::NotFound(Subject::User)
        }
    }

    /// For `proved`, a user whose identity was just proved by a password or by an invitation's secret; it must be this
    /// one.
    pub(crate) fn allow_authenticated(self, reader: Reader<'_>, proved: &User) -> Result<Allowed<User>> {
        if self.0.id != proved.id {
            return Err(Error::NotFound(Subject::User));
        }
        Ok(Allowed { standing: reader.root_standing()?, entity: self.0 })
    }

    /// For a holder of the permission at the realm's root. That user and whoever may read the user get `Forbidden`, others
    /// `NotFound`.
    pub fn allow(self, reader: Reader<'_>, permission: P) -> Result<Allowed<User>> {
        let standing = reader.root_standing()?;
        if standing.holds(Right::root(permission)) {
            Ok(Allowed { entity: self.0, standing })
        } else if reader.acting.user == Some(self.0.id) {
            Err(forbidden(Right::root(permission)))
        } else {
            Err(self.refusal(reader, &standing, permission))
        }
    }

    /// The user, for a caller who may add, remove or refer to users in an organization.
    pub fn named_by(self, _proof: &Allowed<Organization>) -> User {
        self.0
    }
}

/// Proof that the caller may make a change.
pub trait Proof: sealed::Sealed {
    /// Whether the change is about the entity that was allowed. If not, that is a bug, and the change is refused as an internal error.
    fn covers(&self, change: &Change) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Allowed<super::Organization> {}
    impl Sealed for super::Allowed<super::Realm> {}
    impl Sealed for super::Allowed<super::User> {}
    impl Sealed for super::Allowed<super::Domain> {}
}

/// Whether a change only sets or clears `is_default`: that is a consequence of changes to other memberships.
fn is_default_only(change: &Change) -> bool {
    matches!(change, Change::MembershipUpdated { before, after }
        if **after == Membership { is_default: after.is_default, updated: after.updated, ..Membership::clone(before) })
}

impl Proof for Allowed<Organization> {
    fn covers(&self, change: &Change) -> bool {
        match change {
            Change::OrganizationCreated { after } => after.parent == Some(self.id),
            _ => change.organization() == Some(self.id) || is_default_only(change),
        }
    }
}

impl Proof for Allowed<Realm> {
    fn covers(&self, _change: &Change) -> bool {
        true
    }
}

impl Proof for Allowed<User> {
    fn covers(&self, change: &Change) -> bool {
        change.user() == Some(self.id)
    }
}

impl Allowed<Organization> {
    /// An organization that this account manages: itself, or one right below it. Else [`Error::NotManaged`].
    pub(crate) fn managed(&self, reader: Reader<'_>, found: Found<Organization>) -> Result<Self> {
        if found.0.id == self.id || found.0.parent == Some(self.id) {
            Ok(Self { standing: reader.standing(&found.0)?, entity: found.0 })
        } else {
            Err(Error::NotManaged)
        }
    }

    /// Proof for creating users in the realm, for a caller who may create them here.
    pub(crate) fn creating(&self, realm: Realm) -> Result<Allowed<Realm>> {
        let may = [Right::tree(P::UsersCreate), Right::here(P::AccountsWrite)];
        if may.iter().any(|right| self.standing.holds(*right)) {
            Ok(Allowed { entity: realm, standing: self.standing.clone() })
        } else {
            Err(forbidden(Right::tree(P::UsersCreate)))
        }
    }
}

//! Rights, proved to the compiler.
//!
//! What is looked up comes as a [`Found`], of which nothing can be read. [`Found::allow`] asks whether the caller holds a
//! [`Right`] there and gives an [`Allowed`], which can be read, and which every change and every list asks for.
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

/// Something that is there; whether the caller may know is still open.
#[derive(Debug)]
pub struct Found<T>(pub(crate) T);

/// Something about which the caller may do what he asked for.
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

/// Whether it was allowed. That the question couldn't be answered is an error and no verdict.
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

impl Found<Organization> {
    /// `NotFound` for who may not even know of the organization, `Forbidden` for who may.
    pub fn allow(self, reader: Reader<'_>, right: Right) -> Result<Allowed<Organization>> {
        self.allow_any(reader, &[right])
    }

    /// One of these is enough. The first is named when none is held.
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

    /// Whether the caller may see who the members are: as the organization's visibility says.
    pub fn allow_listing(self, reader: Reader<'_>) -> Result<Allowed<Organization>> {
        use roster_model::Visibility;
        let standing = reader.standing(&self.0)?;
        let by_right = standing.holds(Right::tree(P::MembershipsWrite));
        let in_scope = standing.scopes_cover(Some(&[P::MembershipsRead.key().to_owned()]));
        let member = in_scope && reader.acting.user.is_some() && !standing.here().is_empty();
        let visible = match self.0.visibility {
            Visibility::Admins => false,
            Visibility::Members => member || standing.holds(Right::tree(P::MembershipsRead)),
            Visibility::Realm => {
                (in_scope && reader.acting.user.is_some() && reader.acting.only.is_none())
                    || standing.holds(Right::tree(P::MembershipsRead))
            }
        };
        if by_right || visible {
            return Ok(Allowed { entity: self.0, standing });
        }
        self.allow(reader, Right::tree(P::MembershipsWrite))
    }

    /// For who shows the secret of an invitation there: whoever sent it had the right to.
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

    /// The organization as something to point at, for an operation about something else.
    pub(crate) fn id(&self) -> roster_model::OrganizationId {
        self.0.id
    }
}

impl Found<Realm> {
    /// What concerns the whole realm is decided at its root.
    pub fn allow(self, reader: Reader<'_>, permission: P) -> Result<Allowed<Realm>> {
        let standing = reader.root_standing()?;
        let right = Right::root(permission);
        if standing.holds(right) { Ok(Allowed { entity: self.0, standing }) } else { Err(forbidden(right)) }
    }

    /// What everyone in the realm may know.
    pub fn allow_everyone(self, reader: Reader<'_>) -> Result<Allowed<Realm>> {
        Ok(Allowed { entity: self.0, standing: reader.root_standing()? })
    }
}

impl Found<User> {
    /// The user himself, or who holds the permission at the realm's root. Others don't learn whether the user exists. Who is
    /// limited to one membership may read himself and no more: somebody else made him that link.
    pub fn allow_self_or(self, reader: Reader<'_>, permission: P) -> Result<Allowed<User>> {
        let standing = reader.root_standing()?;
        let whole = reader.acting.only.is_none() || permission == P::UsersRead;
        let own = whole
            && reader.acting.user == Some(self.0.id)
            && standing.scopes_cover(Some(&[permission.key().to_owned()]));
        if own || standing.holds(Right::root(permission)) {
            Ok(Allowed { entity: self.0, standing })
        } else {
            Err(Error::NotFound(Subject::User))
        }
    }

    /// The user himself, who has just proved to be that by his password or by an invitation's secret.
    pub(crate) fn by_himself(self, reader: Reader<'_>, proved: &User) -> Result<Allowed<User>> {
        if self.0.id != proved.id {
            return Err(Error::NotFound(Subject::User));
        }
        Ok(Allowed { standing: reader.root_standing()?, entity: self.0 })
    }

    /// Who holds the permission at the realm's root, or at an organization that he has been allowed something about.
    pub fn allow(self, reader: Reader<'_>, permission: P) -> Result<Allowed<User>> {
        let standing = reader.root_standing()?;
        if standing.holds(Right::root(permission)) {
            Ok(Allowed { entity: self.0, standing })
        } else if reader.acting.user == Some(self.0.id) {
            Err(forbidden(Right::root(permission)))
        } else {
            Err(Error::NotFound(Subject::User))
        }
    }

    /// The user as somebody to be added, removed or named by who may do that in an organization.
    pub fn named_by(self, _proof: &Allowed<Organization>) -> User {
        self.0
    }
}

/// A proof that a change may be made.
pub trait Proof: sealed::Sealed {
    /// Whether the change is about what was allowed. A change that isn't is our bug, and is refused as one.
    fn covers(&self, change: &Change) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Allowed<super::Organization> {}
    impl Sealed for super::Allowed<super::Realm> {}
    impl Sealed for super::Allowed<super::User> {}
    impl Sealed for super::Allowed<super::Domain> {}
}

/// A change of nothing but which membership is the user's default: it follows from changes elsewhere.
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
    /// An organization that this one manages: itself, or one right under it.
    pub(crate) fn managed(&self, reader: Reader<'_>, found: Found<Organization>) -> Result<Self> {
        if found.0.id == self.id || found.0.parent == Some(self.id) {
            Ok(Self { standing: reader.standing(&found.0)?, entity: found.0 })
        } else {
            Err(Error::NotManaged)
        }
    }

    /// As the realm may create users by who may create them here.
    pub(crate) fn creating(&self, realm: Realm) -> Result<Allowed<Realm>> {
        let may = [Right::tree(P::UsersCreate), Right::here(P::AccountsWrite)];
        if may.iter().any(|right| self.standing.holds(*right)) {
            Ok(Allowed { entity: realm, standing: self.standing.clone() })
        } else {
            Err(forbidden(Right::tree(P::UsersCreate)))
        }
    }
}

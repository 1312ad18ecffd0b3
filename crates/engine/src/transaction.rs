//! What operations work with: a [`Reader`] of one consistent view, and a [`Tx`] that can also make changes.

use std::sync::Arc;

use roster_model::{
    Change, EntityId, EventId, Organization, OrganizationId, Realm, RoleCatalog, RoleSet, Standing, Timestamp,
    TokenKind, User, UserId,
};
use roster_store::{Transaction, View};

use crate::access::{Found, Proof};
use crate::actor::{Acting, Actor};
use crate::error::{Error, Result, Subject};
use crate::ids::IdGenerator;
use crate::reference::{OrganizationRef, UserRef};

/// A view of the realm at one position of the log, and the acting caller.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) acting: &'a Acting,
}

impl Reader<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.acting.now
    }

    pub(crate) fn roles(&self) -> Result<Arc<RoleCatalog>> {
        Ok(self.view.roles()?)
    }

    pub(crate) fn organization(&self, reference: &OrganizationRef) -> Result<Found<Organization>> {
        let found = reference.find(self.view, self.acting.surface)?;
        found.map(Found).ok_or(Error::NotFound(Subject::Organization))
    }

    pub(crate) fn user(&self, reference: &UserRef) -> Result<Found<User>> {
        let found = reference.find(self.view, self.acting.surface, self.acting.user)?;
        found.map(Found).ok_or(Error::NotFound(Subject::User))
    }

    /// A user who is only referred to: without the time of the last activity.
    pub(crate) fn named(&self, reference: &UserRef) -> Result<Found<User>> {
        let found = reference.find_named(self.view, self.acting.surface, self.acting.user)?;
        found.map(Found).ok_or(Error::NotFound(Subject::User))
    }

    pub(crate) fn realm(&self) -> Result<Found<Realm>> {
        self.view.realm()?.map(Found).ok_or(Error::NotFound(Subject::Realm))
    }

    /// What the caller holds at an organization.
    pub(crate) fn standing(&self, organization: &Organization) -> Result<Standing> {
        let chain = if organization.id == self.acting.root {
            vec![self.acting.root]
        } else {
            self.view.chain(organization.id)?
        };
        self.standing_along(&chain)
    }

    pub(crate) fn root_standing(&self) -> Result<Standing> {
        self.standing_along(&[self.acting.root])
    }

    fn standing_along(&self, chain: &[OrganizationId]) -> Result<Standing> {
        let standing = self.full_standing_along(chain)?;
        Ok(match self.acting.options.counted_roles {
            Some(roles) if self.acting.user.is_some() => standing.counting_only(roles),
            _ => standing,
        })
    }

    fn full_standing_along(&self, chain: &[OrganizationId]) -> Result<Standing> {
        let catalog = self.roles()?;
        let actor = &self.acting.actor;
        let Some(token) = actor.token() else {
            return Ok(match (actor, self.acting.user) {
                (_, Some(user)) => Standing::new(catalog, &self.held_along(user, chain)?, None),
                (Actor::Operator, None) => Standing::everything(catalog, None),
                (_, None) => Standing::new(catalog, &[], None),
            });
        };
        let scopes = token.scopes.as_deref().map(Arc::from);
        if let Actor::ActingAs(_, user) = actor {
            return Ok(Standing::new(catalog, &self.view.roles_along(*user, chain)?, scopes));
        }
        let held = match token.kind {
            TokenKind::Realm => return Ok(Standing::everything(catalog, scopes)),
            TokenKind::Organization => {
                let at =
                    |id: &OrganizationId| if token.organization == Some(*id) { token.roles } else { RoleSet::EMPTY };
                chain.iter().map(at).collect()
            }
            TokenKind::User => match self.acting.user {
                Some(user) => self.view.roles_along(user, chain)?,
                None => Vec::new(),
            },
        };
        Ok(Standing::new(catalog, &held, scopes))
    }
}

impl Reader<'_> {
    /// The roles with which the acting user may act at each of these organizations, in their order. If the user is
    /// limited to one membership, only its roles count.
    pub(crate) fn held_along(&self, user: UserId, chain: &[OrganizationId]) -> Result<Vec<RoleSet>> {
        let mut held = self.view.roles_along(user, chain)?;
        if let Some(only) = self.acting.only {
            for (roles, _) in held.iter_mut().zip(chain).filter(|(_, place)| **place != only.organization) {
                *roles = RoleSet::EMPTY;
            }
        }
        Ok(held)
    }
}

/// What is needed to create entities: the id generator and the current time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Creation<'a> {
    pub ids: &'a IdGenerator,
    pub now: Timestamp,
}

impl Creation<'_> {
    pub(crate) fn new_id<I: EntityId>(&self) -> I {
        self.ids.generate(self.now)
    }
}

/// A transaction, and who is acting in it.
#[derive(Debug)]
pub struct Tx<'a, 't> {
    ids: &'a IdGenerator,
    inner: &'a mut Transaction<'t>,
    acting: &'a Acting,
}

impl<'a, 't> Tx<'a, 't> {
    pub(crate) fn new(ids: &'a IdGenerator, inner: &'a mut Transaction<'t>, acting: &'a Acting) -> Self {
        Self { ids, inner, acting }
    }

    /// A reader that sees the changes made so far in this transaction.
    pub(crate) fn read(&self) -> Reader<'_> {
        Reader { view: self.inner, acting: self.acting }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.acting.now
    }

    pub(crate) fn new_id<I: EntityId>(&self) -> I {
        self.ids.generate(self.acting.now)
    }

    pub(crate) fn creation(&self) -> Creation<'_> {
        Creation { ids: self.ids, now: self.acting.now }
    }

    /// The raw id of the actor, for `created_by`.
    pub(crate) fn author(&self) -> Option<i64> {
        self.acting.actor.reference().id
    }

    /// Applies a change and records its event. A change that `proof` doesn't cover is an internal error.
    pub(crate) fn change(&mut self, proof: &impl Proof, change: &Change) -> Result<()> {
        if !proof.covers(change) {
            return Err(Error::Internal(format!("{} is not covered by its proof", change.kind())));
        }
        let event: EventId = self.new_id();
        self.inner.apply(event, self.acting.now, self.acting.actor.reference(), change)?;
        Ok(())
    }

    /// Applies many changes and records their events. They must not depend on each other's rows.
    pub(crate) fn change_all(&mut self, proof: &impl Proof, changes: &[Change]) -> Result<()> {
        if let Some(change) = changes.iter().find(|change| !proof.covers(change)) {
            return Err(Error::Internal(format!("{} is not covered by its proof", change.kind())));
        }
        let (ids, now) = (self.ids, self.acting.now);
        Ok(self.inner.apply_all(|| ids.generate(now), now, self.acting.actor.reference(), changes)?)
    }

    /// Stores how far an import has come.
    pub(crate) fn put_import_progress(&self, progress: &roster_store::ImportProgress) -> Result<()> {
        Ok(self.inner.put_import_progress(progress)?)
    }

    /// Runs a part that may fail on its own; if it does, its changes are rolled back.
    pub(crate) fn attempt<T>(&mut self, run: impl FnOnce(&mut Tx<'_, 't>) -> Result<T>) -> Result<T> {
        let (ids, acting) = (self.ids, self.acting);
        self.inner.attempt(|inner| run(&mut Tx { ids, inner, acting }))
    }

    /// Removes invitations to the addresses of a user who is erased.
    pub(crate) fn forget_invitations(&self, emails: &[String]) -> Result<()> {
        Ok(self.inner.forget_invitations(emails)?)
    }

    /// Drops the answers stored for idempotent requests, which may contain what was just erased.
    pub(crate) fn forget_answers(&self) -> Result<()> {
        Ok(self.inner.forget_answers()?)
    }
}

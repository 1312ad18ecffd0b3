//! What operations work with: a [`Reader`] of one moment, and a [`Tx`] that can change things too.

use std::sync::Arc;

use roster_model::{
    Change, EntityId, EventId, Organization, OrganizationId, Realm, RoleCatalog, RoleSet, Standing, Timestamp,
    TokenKind, User, UserId,
};
use roster_store::{Transaction, View};

use crate::access::{Found, Proof};
use crate::actor::{Acting, Actor};
use crate::error::{Error, Result, Subject};
use crate::ids::IdSource;
use crate::reference::{OrganizationRef, UserRef};

/// The realm at one position, and who is asking.
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

    /// A user who is only named: when he was last seen is not told.
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
        if let Actor::As(_, user) = actor {
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
    /// What the acting user holds at each of these organizations, in their order: what he may act by, that is.
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

/// What new entities are given: ids, and the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing<'a> {
    pub ids: &'a IdSource,
    pub now: Timestamp,
}

impl Drawing<'_> {
    pub(crate) fn draw<I: EntityId>(&self) -> I {
        self.ids.draw(self.now)
    }
}

/// A transaction, and who is acting in it.
#[derive(Debug)]
pub struct Tx<'a, 't> {
    ids: &'a IdSource,
    inner: &'a mut Transaction<'t>,
    acting: &'a Acting,
}

impl<'a, 't> Tx<'a, 't> {
    pub(crate) fn new(ids: &'a IdSource, inner: &'a mut Transaction<'t>, acting: &'a Acting) -> Self {
        Self { ids, inner, acting }
    }

    /// Sees the changes made so far.
    pub(crate) fn read(&self) -> Reader<'_> {
        Reader { view: self.inner, acting: self.acting }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.acting.now
    }

    pub(crate) fn draw<I: EntityId>(&self) -> I {
        self.ids.draw(self.acting.now)
    }

    pub(crate) fn drawing(&self) -> Drawing<'_> {
        Drawing { ids: self.ids, now: self.acting.now }
    }

    /// The raw id of who acts, for `created_by`.
    pub(crate) fn author(&self) -> Option<i64> {
        self.acting.actor.reference().id
    }

    /// Makes a change, with its event.
    pub(crate) fn change(&mut self, proof: &impl Proof, change: &Change) -> Result<()> {
        if !proof.covers(change) {
            return Err(Error::Internal(format!("{} is not covered by its proof", change.kind())));
        }
        let event: EventId = self.draw();
        self.inner.apply(event, self.acting.now, self.acting.actor.reference(), change)?;
        Ok(())
    }

    /// Makes many changes, each with its event, which don't build on each other's rows.
    pub(crate) fn change_all(&mut self, proof: &impl Proof, changes: &[Change]) -> Result<()> {
        if let Some(change) = changes.iter().find(|change| !proof.covers(change)) {
            return Err(Error::Internal(format!("{} is not covered by its proof", change.kind())));
        }
        let (ids, now) = (self.ids, self.acting.now);
        Ok(self.inner.apply_all(|| ids.draw(now), now, self.acting.actor.reference(), changes)?)
    }

    /// Remembers how far an import came.
    pub(crate) fn put_import_progress(&self, progress: &roster_store::ImportProgress) -> Result<()> {
        Ok(self.inner.put_import_progress(progress)?)
    }

    /// Tries something that may be refused by itself, without a trace.
    pub(crate) fn attempt<T>(&mut self, run: impl FnOnce(&mut Tx<'_, 't>) -> Result<T>) -> Result<T> {
        let (ids, acting) = (self.ids, self.acting);
        self.inner.attempt(|inner| run(&mut Tx { ids, inner, acting }))
    }

    /// Invitations to the addresses of somebody who is erased.
    pub(crate) fn forget_invitations(&self, emails: &[String]) -> Result<()> {
        Ok(self.inner.forget_invitations(emails)?)
    }

    /// Answers kept for repeated requests may hold what was just erased.
    pub(crate) fn forget_answers(&self) -> Result<()> {
        Ok(self.inner.forget_answers()?)
    }
}

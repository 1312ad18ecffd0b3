//! Who may do what, where: the authorization rule behind every operation of every surface.
//!
//! A right is a permission and *where* it must be held, seen from the organization that the operation is about:
//!
//! ```text
//!   root ── … ── parent ── HERE
//!     │            │         └ Here:  held at this organization itself
//!     │            └ Above:  held at an ancestor by a role that reaches down
//!     └ Root:  held at the realm's root
//! ```
//!
//! [`Standing`] is what an actor holds at one organization. A realm key holds everything everywhere. A token's scopes restrict
//! which permissions it may *use*; they don't change which roles it may give to others.

use std::sync::Arc;

use crate::{RoleCatalog, RoleSet, permission::BuiltIn};

/// Where a permission must be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Where {
    /// At the organization itself.
    Here,
    /// At the organization itself or at one above.
    Tree,
    /// At an organization above.
    Above,
    /// At the realm's root.
    Root,
    /// At the organization itself or at the realm's root, but not in between.
    HereOrRoot,
}

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Right {
    pub permission: BuiltIn,
    pub place: Where,
}

impl Right {
    pub const fn here(permission: BuiltIn) -> Self {
        Self { permission, place: Where::Here }
    }
    pub const fn tree(permission: BuiltIn) -> Self {
        Self { permission, place: Where::Tree }
    }
    pub const fn above(permission: BuiltIn) -> Self {
        Self { permission, place: Where::Above }
    }
    pub const fn root(permission: BuiltIn) -> Self {
        Self { permission, place: Where::Root }
    }
    pub const fn here_or_root(permission: BuiltIn) -> Self {
        Self { permission, place: Where::HereOrRoot }
    }
}

/// What an actor holds at one organization.
#[derive(Clone, Debug)]
pub struct Standing {
    catalog: Arc<RoleCatalog>,
    /// Whether the actor may do everything, here and above.
    everything: bool,
    here: RoleSet,
    /// Roles held at ancestors: only those that reach down.
    above: RoleSet,
    /// Roles held at the realm's root.
    root: RoleSet,
    /// The only roles that grant anything. `None`: all of them.
    counted: Option<RoleSet>,
    scopes: Option<Arc<[String]>>,
}

impl Standing {
    /// `held`: the actor's roles from the root down to this organization, the last one held here.
    pub fn new(catalog: Arc<RoleCatalog>, held: &[RoleSet], scopes: Option<Arc<[String]>>) -> Self {
        let (here, ancestors) = held.split_last().map_or((RoleSet::EMPTY, held), |(here, above)| (*here, above));
        let above =
            ancestors.iter().fold(RoleSet::EMPTY, |all, roles| all.union(roles.intersection(catalog.reaching())));
        let root = held.first().copied().unwrap_or_default();
        Self { catalog, everything: false, here, above, root, counted: None, scopes }
    }

    /// The standing of a realm key or the operator.
    pub fn everything(catalog: Arc<RoleCatalog>, scopes: Option<Arc<[String]>>) -> Self {
        let none = RoleSet::EMPTY;
        Self { catalog, everything: true, here: none, above: none, root: none, counted: None, scopes }
    }

    /// The same, except that only these roles grant anything. Other roles still make a member: see [`Self::here`].
    #[must_use]
    pub fn counting_only(self, roles: RoleSet) -> Self {
        Self { counted: Some(roles), ..self }
    }

    fn roles(&self, place: Where) -> RoleSet {
        let held = match place {
            Where::Here => self.here,
            Where::Tree => self.here.union(self.above),
            Where::Above => self.above,
            Where::Root => self.root,
            Where::HereOrRoot => self.here.union(self.root),
        };
        self.counted.map_or(held, |counted| held.intersection(counted))
    }

    fn in_scope(&self, permission: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope == permission))
    }

    /// Whether the actor may use this right.
    pub fn holds(&self, right: Right) -> bool {
        let key = right.permission.key();
        self.in_scope(key) && (self.everything || self.catalog.granting(key).intersects(self.roles(right.place)))
    }

    /// The first permission granted by `roles` that the actor doesn't hold here or above: nobody may grant a permission
    /// they lack.
    pub fn missing_for_roles(&self, roles: RoleSet) -> Option<String> {
        if self.everything {
            return None;
        }
        let held = self.roles(Where::Tree);
        self.catalog.permissions_of(roles).find(|key| !self.catalog.granting(key).intersects(held)).map(str::to_owned)
    }

    /// The first of these permissions that the actor doesn't hold here or above.
    pub fn missing_among<'a>(&self, permissions: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let held = self.roles(Where::Tree);
        permissions
            .into_iter()
            .find(|key| !(self.everything || self.catalog.granting(key).intersects(held)))
            .map(str::to_owned)
    }

    /// Whether a token with the scopes `wanted` could use no more than this actor's scopes allow. `None` is no restriction.
    pub fn scopes_cover(&self, wanted: Option<&[String]>) -> bool {
        match (&self.scopes, wanted) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(wanted)) => wanted.iter().all(|scope| mine.contains(scope)),
        }
    }

    /// The roles held here, without those held above.
    pub const fn here(&self) -> RoleSet {
        self.here
    }

    pub const fn is_everything(&self) -> bool {
        self.everything
    }
}

//! Roles and permissions of a realm.

use roster_model::permission::{self, BuiltIn as P};
use roster_model::{
    Base, Change, EntityId as _, Form, Permission, PermissionId, Realm, Role, RoleCatalog, RoleId, RoleNumber, RoleSet,
    Timestamp, text,
};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::transaction::{Creation, Reader, Tx};

/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 1024;

/// A role to be created.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    /// `[a-z0-9_]{1,64}`, unique in the realm.
    pub key: String,
    /// The key if it isn't given.
    pub name: Option<String>,
    pub description: String,
    pub base: Base,
    pub reaches_down: bool,
    /// Keys of permissions that the realm has.
    pub permissions: Vec<String>,
}

/// Changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct RolePatch {
    /// A new key. Holders of the role keep it.
    pub key: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub base: Option<Base>,
    pub reaches_down: Option<bool>,
    pub permissions: Option<Vec<String>>,
    /// Permissions that the role keeps if it has them, although `permissions` doesn't name them: those that a surface doesn't show.
    pub kept_permissions: Vec<P>,
    /// If set, refused unless the record's `updated` is this.
    pub expected: Option<Timestamp>,
}

/// Changes; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct PermissionPatch {
    /// A new key. Roles that grant the permission still do.
    pub key: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
}

/// A permission to be created, for the application to ask about.
#[derive(Clone, Debug, Default)]
pub struct NewPermission {
    /// `feature:action`, unique in the realm.
    pub key: String,
    /// The key if it isn't given.
    pub name: Option<String>,
    pub description: String,
}

/// These permissions, sorted and without duplicates. Checks that they exist and that the caller may give them.
fn permissions(reader: Reader<'_>, proof: &Allowed<Realm>, keys: &[String]) -> Result<Vec<String>> {
    let known = reader.view.list_permissions()?;
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    if keys.iter().any(|key| !known.iter().any(|permission| permission.key == *key)) {
        return Err(Error::reference("permissions", Subject::Permission));
    }
    // Nobody holds a permission that no role grants yet, so whoever may define roles may give it.
    let catalog = reader.roles()?;
    let granted = keys.iter().map(String::as_str).filter(|key| !catalog.granting(key).is_empty());
    match proof.standing().missing_among(granted) {
        Some(lacking) => Err(Error::Forbidden(lacking.into())),
        None => Ok(keys),
    }
}

/// A role, by id in any form or by key.
fn find<'c>(catalog: &'c RoleCatalog, reference: &str) -> Result<&'c Role> {
    let by_id = Form::read_any::<RoleId>(reference).and_then(|id| catalog.by_id(id));
    by_id.or_else(|| catalog.by_key(reference)).ok_or(Error::NotFound(Subject::Role))
}

/// A permission, by id in any form or by key.
fn find_permission(reader: Reader<'_>, reference: &str) -> Result<Permission> {
    let id = Form::read_any::<PermissionId>(reference);
    let found = reader.view.list_permissions()?.into_iter().find(|p| Some(p.id) == id || p.key == reference);
    found.ok_or(Error::NotFound(Subject::Permission))
}

fn update_permission(
    tx: &mut Tx<'_, '_>,
    proof: &Allowed<Realm>,
    before: &Permission,
    patch: &PermissionPatch,
) -> Result<Permission> {
    if before.system {
        return Err(Error::System(Subject::Permission));
    }
    let mut after = before.clone();
    if let Some(key) = &patch.key {
        permission::key(key).of("key")?.clone_into(&mut after.key);
        let all = tx.read().view.list_permissions()?;
        if let Some(other) = all.iter().find(|other| other.key == *key && other.id != before.id) {
            let id = Some(other.id.raw());
            return Err(Error::AlreadyExists { subject: Subject::Permission, field: "key", id });
        }
    }
    if let Some(name) = &patch.name {
        text::name(name).of("name")?.clone_into(&mut after.name);
    }
    if let Some(description) = &patch.description {
        text::free(description, DESCRIPTION_MAX).of("description")?.clone_into(&mut after.description);
    }
    if after == *before {
        return Ok(after);
    }
    after.updated = tx.now().advanced_past(before.updated);
    tx.change(proof, &Change::PermissionUpdated { before: before.clone(), after: after.clone() })?;
    if after.key != before.key {
        let roles: Vec<Role> = tx.read().roles()?.iter().cloned().collect();
        for role in roles.into_iter().filter(|role| role.permissions.contains(&before.key)) {
            let mut renamed = role.clone();
            renamed.permissions.retain(|key| *key != before.key);
            renamed.permissions.push(after.key.clone());
            renamed.permissions.sort_unstable();
            renamed.updated = tx.now().advanced_past(role.updated);
            tx.change(proof, &Change::RoleUpdated { before: Box::new(role), after: Box::new(renamed) })?;
        }
    }
    Ok(after)
}

/// Builds and validates a role with a free number, without checking that its permissions exist and that the caller may give them.
pub(crate) fn build(creation: Creation<'_>, catalog: &RoleCatalog, new: &NewRole) -> Result<Role> {
    text::role_key(&new.key).of("key")?;
    if let Some(other) = catalog.by_key(&new.key) {
        return Err(Error::AlreadyExists { subject: Subject::Role, field: "key", id: Some(other.id.raw()) });
    }
    let mut permissions = new.permissions.clone();
    permissions.sort_unstable();
    permissions.dedup();
    Ok(Role {
        id: creation.new_id(),
        number: catalog.free_number().ok_or(Error::TooManyRoles)?,
        key: new.key.clone(),
        name: text::name(new.name.as_ref().unwrap_or(&new.key)).of("name")?.to_owned(),
        description: text::free(&new.description, DESCRIPTION_MAX).of("description")?.to_owned(),
        base: new.base,
        reaches_down: new.reaches_down,
        system: false,
        permissions,
        created: creation.now,
        updated: creation.now,
    })
}

/// Builds and validates a permission, without checking that its key is free.
pub(crate) fn build_permission(creation: Creation<'_>, new: &NewPermission) -> Result<Permission> {
    permission::key(&new.key).of("key")?;
    Ok(Permission {
        id: creation.new_id(),
        key: new.key.clone(),
        name: text::name(new.name.as_ref().unwrap_or(&new.key)).of("name")?.to_owned(),
        description: text::free(&new.description, DESCRIPTION_MAX).of("description")?.to_owned(),
        system: false,
        created: creation.now,
        updated: creation.now,
    })
}

fn create(tx: &mut Tx<'_, '_>, proof: &Allowed<Realm>, new: &NewRole) -> Result<Role> {
    let reader = tx.read();
    let mut role = build(tx.creation(), &*reader.roles()?, new)?;
    role.permissions = permissions(reader, proof, &new.permissions)?;
    tx.change(proof, &Change::RoleCreated { after: Box::new(role.clone()) })?;
    Ok(role)
}

fn update(tx: &mut Tx<'_, '_>, proof: &Allowed<Realm>, before: &Role, patch: &RolePatch) -> Result<Role> {
    if patch.expected.is_some_and(|expected| expected != before.updated) {
        return Err(Error::PreconditionFailed);
    }
    if before.system {
        return Err(Error::System(Subject::Role));
    }
    let mut after = before.clone();
    if let Some(key) = &patch.key {
        text::role_key(key).of("key")?.clone_into(&mut after.key);
        if let Some(other) = tx.read().roles()?.by_key(key).filter(|other| other.id != before.id) {
            return Err(Error::AlreadyExists { subject: Subject::Role, field: "key", id: Some(other.id.raw()) });
        }
    }
    if let Some(name) = &patch.name {
        text::name(name).of("name")?.clone_into(&mut after.name);
    }
    if let Some(description) = &patch.description {
        text::free(description, DESCRIPTION_MAX).of("description")?.clone_into(&mut after.description);
    }
    if let Some(base) = patch.base {
        after.base = base;
    }
    if let Some(reaches_down) = patch.reaches_down {
        after.reaches_down = reaches_down;
    }
    if let Some(keys) = &patch.permissions {
        after.permissions = permissions(tx.read(), proof, keys)?;
        // They are not given anew, so the caller need not hold them.
        let is_kept = |key: &&String| P::from_key(key).is_some_and(|kept| patch.kept_permissions.contains(&kept));
        after.permissions.extend(before.permissions.iter().filter(is_kept).cloned());
        after.permissions.sort_unstable();
        after.permissions.dedup();
    }
    if after.reaches_down && !before.reaches_down {
        // Its holders get its permissions at more organizations.
        permissions(tx.read(), proof, &after.permissions)?;
    }
    if after == *before {
        return Ok(after);
    }
    after.updated = tx.now().advanced_past(before.updated);
    tx.change(proof, &Change::RoleUpdated { before: Box::new(before.clone()), after: Box::new(after.clone()) })?;
    Ok(after)
}

impl Caller {
    /// All roles of the realm, by number. Everyone in the realm may know them.
    pub async fn list_roles(&self) -> Result<Vec<Role>> {
        self.read(|reader| {
            reader.realm()?.allow_everyone(reader)?;
            Ok(reader.roles()?.iter().cloned().collect())
        })
        .await
    }

    /// By id in any form, or by key.
    pub async fn role(&self, role: &str) -> Result<Role> {
        let role = role.to_owned();
        self.read(move |reader| {
            reader.realm()?.allow_everyone(reader)?;
            find(&*reader.roles()?, &role).cloned()
        })
        .await
    }

    /// The set of roles with these keys. `field` is the request's field for errors.
    pub fn role_set<'k>(&self, keys: impl IntoIterator<Item = &'k str>, field: &'static str) -> Result<RoleSet> {
        let catalog = self.roles();
        keys.into_iter()
            .map(|key| catalog.by_key(key).map(|role| role.number).ok_or(Error::reference(field, Subject::Role)))
            .collect()
    }

    /// Needs `roles:write` at the root, and every permission that the role is to grant.
    pub async fn create_role(&self, new: NewRole) -> Result<Role> {
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            create(tx, &proof, &new)
        })
        .await
    }

    /// Needs `roles:write` at the root, and every permission that the role is to grant.
    pub async fn update_role(&self, role: &str, patch: RolePatch) -> Result<Role> {
        let role = role.to_owned();
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let before = find(&*tx.read().roles()?, &role)?.clone();
            update(tx, &proof, &before, &patch)
        })
        .await
    }

    /// Needs `roles:write` at the root. Refused while a member, token or pending invitation has it.
    pub async fn delete_role(&self, role: &str, expected: Option<Timestamp>) -> Result<Role> {
        let role = role.to_owned();
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let before = find(&*tx.read().roles()?, &role)?.clone();
            if expected.is_some_and(|expected| expected != before.updated) {
                return Err(Error::PreconditionFailed);
            }
            match before.number {
                RoleNumber::ADMIN => return Err(Error::CreatorRole),
                RoleNumber::MEMBER => return Err(Error::DefaultRole),
                _ if before.system => return Err(Error::System(Subject::Role)),
                _ => {}
            }
            if tx.read().view.role_in_use(RoleSet::of(before.number))? {
                return Err(Error::RoleInUse);
            }
            if tx.read().view.role_is_promised(RoleSet::of(before.number), tx.now())? {
                return Err(Error::RolePromised);
            }
            tx.change(&proof, &Change::RoleDeleted { before: Box::new(before.clone()), at: Some(tx.now()) })?;
            Ok(before)
        })
        .await
    }

    /// All permissions of the realm, by key. Everyone in the realm may know them.
    pub async fn list_permissions(&self) -> Result<Vec<Permission>> {
        self.read(|reader| {
            reader.realm()?.allow_everyone(reader)?;
            Ok(reader.view.list_permissions()?)
        })
        .await
    }

    /// Needs `roles:write` at the root.
    pub async fn create_permission(&self, new: NewPermission) -> Result<Permission> {
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let permission = build_permission(tx.creation(), &new)?;
            if let Some(other) = tx.read().view.list_permissions()?.iter().find(|p| p.key == new.key) {
                let id = Some(other.id.raw());
                return Err(Error::AlreadyExists { subject: Subject::Permission, field: "key", id });
            }
            tx.change(&proof, &Change::PermissionCreated { after: permission.clone() })?;
            Ok(permission)
        })
        .await
    }

    /// By id in any form, or by key. Everyone in the realm may know them.
    pub async fn permission(&self, permission: &str) -> Result<Permission> {
        let reference = permission.to_owned();
        self.read(move |reader| {
            reader.realm()?.allow_everyone(reader)?;
            find_permission(reader, &reference)
        })
        .await
    }

    /// By id in any form, or by key. Needs `roles:write` at the root. Roles that grant it still do.
    pub async fn update_permission(&self, permission: &str, patch: PermissionPatch) -> Result<Permission> {
        let reference = permission.to_owned();
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let before = find_permission(tx.read(), &reference)?;
            update_permission(tx, &proof, &before, &patch)
        })
        .await
    }

    /// Makes a role grant one more permission. Needs `roles:write` at the root, and the permission itself.
    pub async fn grant(&self, role: &str, permission: &str) -> Result<Role> {
        self.regrant(role, permission, |keys, key| {
            if keys.contains(&key) {
                return Err(Error::AlreadyExists { subject: Subject::Grant, field: "permission", id: None });
            }
            keys.push(key);
            Ok(())
        })
        .await
    }

    /// Makes a role stop granting a permission. Needs `roles:write` at the root.
    pub async fn withdraw_grant(&self, role: &str, permission: &str) -> Result<Role> {
        self.regrant(role, permission, |keys, key| {
            let place = keys.iter().position(|other| *other == key).ok_or(Error::NotFound(Subject::Grant))?;
            keys.remove(place);
            Ok(())
        })
        .await
    }

    async fn regrant(
        &self,
        role: &str,
        permission: &str,
        change: impl FnOnce(&mut Vec<String>, String) -> Result<()> + Clone + Send + 'static,
    ) -> Result<Role> {
        let (role, permission) = (role.to_owned(), permission.to_owned());
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let before = find(&*tx.read().roles()?, &role)?.clone();
            let mut keys = before.permissions.clone();
            change(&mut keys, find_permission(tx.read(), &permission)?.key)?;
            update(tx, &proof, &before, &RolePatch { permissions: Some(keys), ..RolePatch::default() })
        })
        .await
    }

    /// By id in any form, or by key. Needs `roles:write` at the root. Roles stop granting it.
    pub async fn delete_permission(&self, permission: &str) -> Result<Permission> {
        let reference = permission.to_owned();
        self.write(move |tx| {
            let proof = tx.read().realm()?.allow(tx.read(), P::RolesWrite)?;
            let before = find_permission(tx.read(), &reference)?;
            if before.system {
                return Err(Error::System(Subject::Permission));
            }
            let roles: Vec<Role> = tx.read().roles()?.iter().cloned().collect();
            for role in roles.into_iter().filter(|role| role.permissions.contains(&before.key)) {
                let mut after = role.clone();
                after.permissions.retain(|key| *key != before.key);
                after.updated = tx.now().advanced_past(role.updated);
                tx.change(&proof, &Change::RoleUpdated { before: Box::new(role), after: Box::new(after) })?;
            }
            tx.change(&proof, &Change::PermissionDeleted { before: before.clone() })?;
            Ok(before)
        })
        .await
    }
}

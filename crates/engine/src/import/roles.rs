use std::sync::Arc;

use roster_model::{Change, EntityId as _, PermissionId, RoleCatalog, RoleId, RoleNumber};

use super::apply::Chunk;
use super::record::Carried;
use crate::error::{Error, Result, Subject};
use crate::roles::{self, NewPermission, NewRole};

impl Chunk<'_> {
    pub(super) fn permission(&mut self, carried: &Carried<PermissionId>, new: &NewPermission) -> Result<()> {
        let mut permission = roles::build_permission(self.creation, new)?;
        self.apply_carried(
            carried,
            Subject::Permission,
            &mut permission.id,
            &mut permission.created,
            &mut permission.updated,
        )?;
        let all = match &mut self.known.permissions {
            Some(all) => all,
            none => none.insert(self.reader.view.list_permissions()?),
        };
        if let Some(other) = all.iter().find(|other| other.key == permission.key) {
            let id = Some(other.id.raw());
            return Err(Error::AlreadyExists { subject: Subject::Permission, field: "key", id });
        }
        all.push(permission.clone());
        self.known.used.insert(permission.id.raw());
        self.changes.push(Change::PermissionCreated { after: permission });
        Ok(())
    }

    pub(super) fn role(&mut self, carried: &Carried<RoleId>, number: Option<RoleNumber>, new: &NewRole) -> Result<()> {
        let catalog = self.known.catalog(self.reader)?;
        let all = match &mut self.known.permissions {
            Some(all) => all,
            none => none.insert(self.reader.view.list_permissions()?),
        };
        if let Some(unknown) = new.permissions.iter().find(|key| !all.iter().any(|known| known.key == **key)) {
            return Err(Error::Unknown { subject: Subject::Permission, named: unknown.clone() });
        }
        let mut role = roles::build(self.creation, &catalog, new)?;
        if let Some(number) = number {
            if let Some(other) = catalog.get(number) {
                let id = Some(other.id.raw());
                return Err(Error::AlreadyExists { subject: Subject::Role, field: "number", id });
            }
            role.number = number;
        }
        self.apply_carried(carried, Subject::Role, &mut role.id, &mut role.created, &mut role.updated)?;
        self.known.catalog = Some(Arc::new(RoleCatalog::new(catalog.iter().cloned().chain([role.clone()]))));
        self.known.used.insert(role.id.raw());
        self.changes.push(Change::RoleCreated { after: Box::new(role) });
        Ok(())
    }
}

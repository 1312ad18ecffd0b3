//! Groups. Fields that only this vendor has are kept in their extras, under the vendor's names.

use roster_engine::{Extras, Metadata, NewOrganization, Organization, OrganizationPatch, Visibility, text};
use roster_http::{Failure, RequestError};
use serde_json::Value;

use super::{DIALECT, SURFACE, time};
use crate::wire::{Group, GroupBody, GroupMini, GroupPermissions, Level};

const TEXT_MAX: usize = 255;
const INVITABILITY: &str = "invitability_level";

pub(crate) fn mini(group: &Organization) -> GroupMini {
    GroupMini {
        kind: "group",
        id: SURFACE.show(group.id, &group.aliases),
        name: group.name.clone(),
        group_type: "managed_group",
    }
}

const fn level(visibility: Visibility) -> Level {
    match visibility {
        Visibility::Admins => Level::AdminsOnly,
        Visibility::Members => Level::AdminsAndMembers,
        Visibility::Realm => Level::AllManagedUsers,
    }
}

const fn visibility(level: Level) -> Visibility {
    match level {
        Level::AdminsOnly => Visibility::Admins,
        Level::AdminsAndMembers => Visibility::Members,
        Level::AllManagedUsers => Visibility::Realm,
    }
}

/// `may_invite`: whether the caller is an admin.
pub(crate) fn group(group: &Organization, may_invite: bool) -> Group {
    let text = |name| group.extras.text(DIALECT, name).map(str::to_owned);
    let invitability = group.extras.of(DIALECT).and_then(|extras| extras.get(INVITABILITY));
    Group {
        mini: mini(group),
        created_at: time(group.created),
        modified_at: time(group.updated),
        provenance: text("provenance"),
        external_sync_identifier: text("external_sync_identifier"),
        description: text("description"),
        invitability_level: invitability
            .and_then(|level| serde_json::from_value(level.clone()).ok())
            .unwrap_or_default(),
        member_viewability_level: level(group.visibility),
        permissions: GroupPermissions { can_invite_as_collaborator: may_invite },
    }
}

fn extras(body: &GroupBody) -> Result<Metadata, Failure> {
    let mut extras = Metadata::new();
    for (name, sent) in [
        ("provenance", &body.provenance),
        ("external_sync_identifier", &body.external_sync_identifier),
        ("description", &body.description),
    ] {
        let Some(sent) = sent else { continue };
        if let Some(sent) = sent {
            text::free(sent, TEXT_MAX).map_err(|problem| RequestError::invalid(name, problem))?;
        }
        extras.insert(name.into(), sent.clone().into());
    }
    if let Some(level) = body.invitability_level {
        extras.insert(INVITABILITY.into(), serde_json::to_value(level).unwrap_or(Value::Null));
    }
    Ok(extras)
}

pub(crate) fn new_group(body: GroupBody) -> Result<NewOrganization, Failure> {
    let mut kept = Extras::default();
    kept.merge(DIALECT, &extras(&body)?);
    Ok(NewOrganization {
        visibility: body.member_viewability_level.map(visibility).unwrap_or_default(),
        name: body.name.ok_or_else(|| RequestError::missing("name"))?,
        name_must_be_free: true,
        extras: kept,
        ..NewOrganization::default()
    })
}

pub(crate) fn group_patch(body: GroupBody) -> Result<OrganizationPatch, Failure> {
    Ok(OrganizationPatch {
        extras: Some((DIALECT, extras(&body)?)),
        visibility: body.member_viewability_level.map(visibility),
        name: body.name,
        name_must_be_free: true,
        ..OrganizationPatch::default()
    })
}

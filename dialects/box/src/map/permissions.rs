//! `configurable_permissions`: four switches of a group's admin. Stored only if not all are on, and bound to the roles that Box shows as
//! `admin`: removing these roles, through any API, removes the switches, too.

use roster_engine::{Extras, Metadata, RoleNumber, RoleSet, metadata::WHILE};
use serde_json::{Value, json};

use super::DIALECT;
use crate::wire::{ConfigurablePermissions, ConfigurablePermissionsBody, Role};

const KEY: &str = "configurable_permissions";
const ALL: ConfigurablePermissions = all(true);
const NONE: ConfigurablePermissions = all(false);

const fn all(on: bool) -> ConfigurablePermissions {
    ConfigurablePermissions {
        can_run_reports: on,
        can_instant_login: on,
        can_create_accounts: on,
        can_edit_accounts: on,
    }
}

/// The roles that show as `admin`.
pub(crate) const fn holders() -> RoleSet {
    RoleSet::OWNER.with(RoleNumber::ADMIN)
}

pub(crate) fn show(role: Role, extras: &Extras) -> ConfigurablePermissions {
    if role == Role::Member {
        return NONE;
    }
    let kept = extras.of(DIALECT).and_then(|extras| extras.get(KEY));
    kept.and_then(|kept| serde_json::from_value(kept.clone()).ok()).unwrap_or(ALL)
}

/// What is to be merged into the extras; nothing if the request doesn't contain them. If the role isn't an admin's, the engine drops it.
pub(crate) fn write(sent: Option<Option<ConfigurablePermissionsBody>>) -> Metadata {
    let mut extras = Metadata::new();
    if let Some(sent) = sent {
        let wanted = sent.map_or(NONE, |sent| ConfigurablePermissions {
            can_run_reports: sent.can_run_reports.unwrap_or(true),
            can_instant_login: sent.can_instant_login.unwrap_or(true),
            can_create_accounts: sent.can_create_accounts.unwrap_or(true),
            can_edit_accounts: sent.can_edit_accounts.unwrap_or(true),
        });
        let entry = if wanted == ALL {
            Value::Null
        } else {
            json!({
                WHILE: holders(),
                "can_run_reports": wanted.can_run_reports,
                "can_instant_login": wanted.can_instant_login,
                "can_create_accounts": wanted.can_create_accounts,
                "can_edit_accounts": wanted.can_edit_accounts,
            })
        };
        extras.insert(KEY.into(), entry);
    }
    extras
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(value: Value) -> Result<ConfigurablePermissionsBody, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    fn after(before: &Extras, sent: Option<Option<ConfigurablePermissionsBody>>) -> ConfigurablePermissions {
        let mut extras = before.clone();
        extras.merge(DIALECT, &write(sent));
        extras.retain_for_roles(holders());
        show(Role::Admin, &extras)
    }

    #[test]
    fn the_table_of_the_contract() {
        let some = body(json!({"can_run_reports": false})).expect("fine");
        let some_off = ConfigurablePermissions { can_run_reports: false, ..ALL };
        let mut off = Extras::default();
        off.merge(DIALECT, &write(Some(None)));
        for (before, absent) in [(Extras::default(), ALL), (off, NONE)] {
            assert_eq!(after(&before, None), absent);
            assert_eq!(after(&before, Some(None)), NONE);
            assert_eq!(after(&before, Some(Some(ConfigurablePermissionsBody::default()))), ALL);
            assert_eq!(after(&before, Some(Some(some))), some_off);
            assert_eq!(show(Role::Member, &before), NONE);
        }
    }

    #[test]
    fn what_is_no_such_object() {
        for bad in [
            json!([]),
            json!("x"),
            json!({"can_fly": true}),
            json!({"can_run_reports": null}),
            json!({"can_run_reports": 1}),
        ] {
            assert!(body(bad.clone()).is_err(), "{bad}");
        }
    }
}

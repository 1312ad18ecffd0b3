//! Fields that only this vendor has, kept in the extras of memberships, organizations, tokens and users. Sites are bound to the role
//! `site_access`: removing it, through any API, removes the sites, too.

use roster_engine::{Error, Extras, OrganizationId, metadata::WHILE};
use serde_json::{Value, json};

use super::{DIALECT, roles};
use crate::wire::Object;

const SITES: &str = "sites";
const IDS: &str = "ids";
const NOTIFICATIONS: &str = "notifications";
pub(crate) const SLACK: &str = "slack_webhook_url";
pub(crate) const EXPIRES: &str = "expires";
pub(crate) const ALLOWED_IPS: &str = "allowed_ips";
pub(crate) const IP_RESTRICTED: &str = "ip_restricted";

/// Maximum entries of a list, and maximum characters of an entry.
const ENTRIES_MAX: usize = 1000;
const LENGTH_MAX: usize = 256;

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(crate) fn sites(extras: &Extras) -> Vec<String> {
    texts(extras.of(DIALECT).and_then(|extras| extras.get(SITES)?.get(IDS)))
}

pub(crate) fn notifications(extras: &Extras) -> Vec<String> {
    texts(extras.of(DIALECT).and_then(|extras| extras.get(NOTIFICATIONS)))
}

fn check(field: &'static str, entries: &[String]) -> Result<(), Error> {
    if entries.len() > ENTRIES_MAX {
        return Err(Error::invalid(field, format!("has more than {ENTRIES_MAX} entries")));
    }
    if entries.iter().any(|entry| entry.chars().count() > LENGTH_MAX) {
        return Err(Error::invalid(field, format!("has an entry of more than {LENGTH_MAX} characters")));
    }
    Ok(())
}

/// What is to be merged into a membership's extras. An empty list removes the entry.
pub(crate) fn write(sites: Option<Vec<String>>, notifications: Option<Vec<String>>) -> Result<Object, Error> {
    let (sites, notifications) = (sites.unwrap_or_default(), notifications.unwrap_or_default());
    check("siteAccesses", &sites)?;
    check("notifications", &notifications)?;
    let sites = if sites.is_empty() { Value::Null } else { json!({ WHILE: roles::WITH_SITES, IDS: sites }) };
    let notifications = if notifications.is_empty() { Value::Null } else { json!(notifications) };
    Ok(Object::from_iter([(SITES.to_owned(), sites), (NOTIFICATIONS.to_owned(), notifications)]))
}

/// What is to be merged into a token's extras; what isn't given stays.
pub(crate) fn of_token(
    expires: Option<String>,
    allowed_ips: Option<Vec<String>>,
    ip_restricted: Option<bool>,
) -> Result<Object, Error> {
    let mut extras = Object::new();
    extras.extend(expires.map(|expires| (EXPIRES.to_owned(), expires.into())));
    if let Some(allowed_ips) = allowed_ips {
        check("allowedIps", &allowed_ips)?;
        extras.insert(ALLOWED_IPS.into(), json!(allowed_ips));
    }
    extras.extend(ip_restricted.map(|on| (IP_RESTRICTED.to_owned(), on.into())));
    Ok(extras)
}

/// For a user's extras: the organization that the user was created for.
pub(crate) fn made_for(organization: OrganizationId) -> Object {
    Object::from_iter([(roster_engine::MADE_FOR.to_owned(), super::id(organization).into())])
}

#[cfg(test)]
mod tests {
    use roster_engine::{RoleNumber, RoleSet};

    use super::*;

    #[test]
    fn sites_go_with_the_role_and_notifications_stay() {
        let (site, note) = (vec!["a site".to_owned()], vec!["mail".to_owned()]);
        let mut extras = Extras::default();
        extras.merge(DIALECT, &write(Some(site.clone()), Some(note.clone())).expect("fine"));
        extras.retain_for_roles(RoleSet::of(RoleNumber::SITE_ACCESS).with(RoleNumber::ADMIN));
        assert_eq!((sites(&extras), notifications(&extras)), (site, note.clone()));
        // Shown as `SiteAccess`, but without sites.
        extras.retain_for_roles(RoleSet::of(RoleNumber::VIEWER));
        assert_eq!((sites(&extras), notifications(&extras)), (vec![], note));
        extras.merge(DIALECT, &write(None, None).expect("fine"));
        assert!(extras.is_empty());
    }

    #[test]
    fn lists_have_a_limit_that_is_said() {
        let refused = |entries: Vec<String>| write(Some(entries), None).map_err(|error| error.to_string()).err();
        assert_eq!(refused(vec!["x".repeat(256); 1000]), None);
        let many = refused(vec![String::new(); 1001]);
        assert_eq!(many.as_deref(), Some("siteAccesses has more than 1000 entries"));
        let long = refused(vec!["x".repeat(257)]);
        assert_eq!(long.as_deref(), Some("siteAccesses has an entry of more than 256 characters"));
    }
}

//! Users. Attributes that Roster knows are stored in the user; the rest of what a directory sends is kept as its document.

use roster_engine::{EntityId as _, ProvisionedUser, RoleCatalog, UserProfile, UserProfilePatch, text as model};
use serde_json::{Map, Value, json};

use super::{Links, meta, roles, schemas, tag_of, text};
use crate::schema::{ENTERPRISE, USERS};

type Document = Map<String, Value>;

/// The index of the address that becomes the user's: the primary one, else the first for work, else the first.
fn own_address(emails: &[Value]) -> Option<usize> {
    let has_value = |value: &Value| value.get("value").and_then(Value::as_str).is_some_and(|v| !v.is_empty());
    let like = |fits: &dyn Fn(&Value) -> bool| emails.iter().position(|value| has_value(value) && fits(value));
    like(&|value| value.get("primary") == Some(&Value::Bool(true)))
        .or_else(|| {
            let is_work = |kind: &str| kind.eq_ignore_ascii_case("work");
            like(&|value| value.get("type").and_then(Value::as_str).is_some_and(is_work))
        })
        .or_else(|| like(&|_| true))
}

/// Replaces the address in the document by the one that the user has now.
fn show_address(document: &mut Document, email: Option<&str>) {
    let mut emails = match document.remove("emails") {
        Some(Value::Array(emails)) => emails,
        _ => Vec::new(),
    };
    match (own_address(&emails), email) {
        (Some(at), Some(email)) => {
            let said = emails[at].get("value").and_then(Value::as_str).unwrap_or_default();
            if model::email(said).as_deref() != Ok(email) {
                emails[at]["value"] = Value::from(email);
            }
        }
        (None, Some(email)) => emails.push(json!({"value": email, "type": "work", "primary": true})),
        (Some(at), None) => {
            emails.remove(at);
        }
        (None, None) => {}
    }
    if !emails.is_empty() {
        document.insert("emails".into(), Value::Array(emails));
    }
}

fn show_name(document: &mut Document, part: &str, now: Option<&str>) {
    let name = document.entry("name").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(name) = name {
        match now {
            Some(now) => {
                name.insert(part.to_owned(), Value::from(now));
            }
            None => {
                name.remove(part);
            }
        }
    }
}

/// Everything that a directory can write of a user, as it is now, in the form of the schema.
pub(crate) fn document(of: &ProvisionedUser) -> Document {
    let (user, link) = (&of.user, of.link.as_ref());
    let mut document = link.map(|link| link.document.clone()).unwrap_or_default();
    let says_active = link.is_none_or(|link| link.given.is_none() && !of.is_apart()) || document.contains_key("active");
    if !of.is_apart() {
        if let Some((given, now)) = of.since_given() {
            let changed = now.first_name != given.first_name || now.last_name != given.last_name;
            if now.first_name != given.first_name {
                show_name(&mut document, "givenName", now.first_name.as_deref());
            }
            if now.last_name != given.last_name {
                show_name(&mut document, "familyName", now.last_name.as_deref());
            }
            if changed && document.get("name").is_some_and(|name| name.get("formatted").is_some()) {
                show_name(&mut document, "formatted", Some(user.name.as_str()).filter(|name| !name.is_empty()));
            }
            if now.email != given.email {
                show_address(&mut document, now.email.as_deref());
            }
        } else {
            show_name(&mut document, "formatted", Some(user.name.as_str()).filter(|name| !name.is_empty()));
            show_name(&mut document, "givenName", user.first_name.as_deref());
            show_name(&mut document, "familyName", user.last_name.as_deref());
            show_address(&mut document, user.email());
        }
    }
    if document.get("name").and_then(Value::as_object).is_some_and(Map::is_empty) {
        document.remove("name");
    }
    document.insert("userName".into(), of.shown_user_name().into());
    document.remove("externalId");
    if let Some(external_id) = link.and_then(|link| link.external_id.as_deref()) {
        document.insert("externalId".into(), external_id.into());
    }
    document.remove("active");
    // Once removed, `active` is left out until it is written again, or until it isn't true.
    if says_active || !of.is_active() {
        document.insert("active".into(), of.is_active().into());
    }
    document
}

/// The attributes of a document that Roster knows.
pub(crate) fn profile(document: &Document) -> UserProfile {
    let name = document.get("name").and_then(Value::as_object).cloned().unwrap_or_default();
    let part = |part: &str| text(&name, part).map(str::to_owned);
    let (first_name, last_name) = (part("givenName"), part("familyName"));
    let display = || text(document, "displayName").filter(|_| first_name.is_none() && last_name.is_none());
    let whole = part("formatted").or_else(|| display().map(str::to_owned));
    let user_name = document.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let emails = document.get("emails").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let email = match own_address(emails) {
        Some(at) => emails[at].get("value").and_then(Value::as_str).map(str::to_owned),
        None => model::email(&user_name).ok().map(|_| user_name.clone()),
    };
    let mut kept = document.clone();
    kept.remove("userName");
    kept.remove("externalId");
    UserProfile {
        user_name,
        email,
        name: whole.map(|name| name.chars().take(model::NAME_MAX).collect()),
        first_name,
        last_name,
        active: document.get("active") != Some(&Value::Bool(false)),
        external_id: text(document, "externalId").map(str::to_owned),
        document: kept,
        addresses: emails.iter().filter_map(|email| email.get("value")?.as_str().map(str::to_owned)).collect(),
    }
}

fn changed<T: PartialEq>(before: &T, after: T) -> Option<T> {
    (*before != after).then_some(after)
}

/// Removes a whole name that Roster composed, and that no directory sent, once the parts that it was made of change.
fn drop_made_up_name(of: &ProvisionedUser, before: &Document, after: &mut Document) {
    let part = |document: &Document, part: &str| document.get("name").and_then(|name| name.get(part)).cloned();
    let said = of.link.as_ref().and_then(|link| part(&link.document, "formatted"));
    let shown = part(before, "formatted");
    let is_old = shown != said && part(after, "formatted") == shown;
    let moved = ["givenName", "familyName"].iter().any(|name| part(before, name) != part(after, name));
    if is_old && moved {
        show_name(after, "formatted", None);
        if after.get("name").and_then(Value::as_object).is_some_and(Map::is_empty) {
            after.remove("name");
        }
    }
}

/// What is different between two documents of a user; `None` if nothing is.
pub(crate) fn difference(of: &ProvisionedUser, before: &Document, mut after: Document) -> Option<UserProfilePatch> {
    if *before == after {
        return None;
    }
    drop_made_up_name(of, before, &mut after);
    let (before, after) = (profile(before), profile(&after));
    Some(UserProfilePatch {
        user_name: changed(&before.user_name, after.user_name),
        email: changed(&before.email, after.email),
        name: changed(&before.name, after.name),
        first_name: changed(&before.first_name, after.first_name),
        last_name: changed(&before.last_name, after.last_name),
        active: changed(&before.active, after.active),
        external_id: changed(&before.external_id, after.external_id),
        // The whole document: others may have changed parts of what it said.
        document: Some((after.document, after.addresses)),
    })
}

/// The user's groups as clients of this mount see them.
fn groups(of: &ProvisionedUser, catalog: &RoleCatalog, links: &Links) -> Vec<Value> {
    let shown =
        |id: &str, name: &str| json!({"value": id, "$ref": links.group_named(id), "display": name, "type": "direct"});
    let mut all = Vec::new();
    for group in &of.groups {
        if links.is_of_roles() {
            let keys = group.roles.iter().filter_map(|role| Some(&catalog.get(role)?.key));
            let ids = keys.map(|key| roles::id(group.organization, &group.aliases, key));
            all.extend(ids.map(|id| shown(&id, &id)));
        } else {
            all.push(shown(&group.organization.native(), &group.name));
        }
    }
    all
}

/// A user as shown to clients, with the entity tag.
pub(crate) fn user(of: &ProvisionedUser, catalog: &RoleCatalog, links: &Links) -> Document {
    let user = &of.user;
    let mut document = document(of);
    let extension = document.remove(ENTERPRISE);
    let mut shown = Map::new();
    shown.insert("schemas".into(), schemas(&USERS, extension.as_ref()));
    shown.insert("id".into(), user.id.native().into());
    shown.extend(document.remove("externalId").map(|id| ("externalId".to_owned(), id)));
    let (created, updated) = match &of.link {
        Some(link) if of.is_apart() => (link.created, link.updated),
        Some(link) => (user.created, user.updated.max(link.updated)),
        None => (user.created, user.updated),
    };
    for attribute in USERS.attributes {
        shown.extend(document.remove(attribute.name).map(|value| (attribute.name.to_owned(), value)));
    }
    let groups = groups(of, catalog, links);
    if !groups.is_empty() {
        shown.insert("groups".into(), Value::Array(groups));
    }
    shown.extend(extension.map(|extension| (ENTERPRISE.to_owned(), extension)));
    let mut meta = meta("User", created, updated, links.user(user.id));
    shown.insert("meta".into(), Value::Object(meta.clone()));
    meta.insert("version".into(), tag_of(&shown).into());
    shown.insert("meta".into(), Value::Object(meta));
    shown
}

/// A display name.
pub(crate) fn display(of: &ProvisionedUser) -> String {
    let document = document(of);
    let name = document.get("name").and_then(Value::as_object);
    let formatted = name.and_then(|name| text(name, "formatted"));
    let parts = || {
        let name = name?;
        let joined = model::join_name(text(name, "givenName"), text(name, "familyName"));
        (!joined.is_empty()).then_some(joined)
    };
    text(&document, "displayName")
        .or(formatted)
        .map(str::to_owned)
        .or_else(parts)
        .unwrap_or_else(|| of.shown_user_name())
}

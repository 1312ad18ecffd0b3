//! Filter conditions that many lists share.

use roster_model::{OrganizationId, Timestamp, UserId, text};

use crate::sql::{Select, Value, base62_digits, like};
use crate::view::View;

/// An allow list and a deny list. The default selects everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection<T> {
    /// `Some` of an empty list selects nothing.
    pub only: Option<Vec<T>>,
    pub except: Vec<T>,
}

impl<T> Default for Selection<T> {
    fn default() -> Self {
        Self { only: None, except: Vec::new() }
    }
}

impl<T: Clone + Into<Value>> Selection<T> {
    pub(crate) fn conditions(&self, select: &mut Select, column: &str) {
        if let Some(only) = &self.only {
            select.push(" AND ").push(column).push(" IN ").bind_all(only);
        }
        if !self.except.is_empty() {
            select.push(" AND (").push(column).push(" IS NULL OR ").push(column).push(" NOT IN ");
            select.bind_all(&self.except).push(")");
        }
    }

    /// Selects through memberships: `column` is an id, `mine` is its column in the membership table, `other` that of
    /// the selection's values.
    pub(crate) fn by_membership(&self, view: &View<'_>, select: &mut Select, column: &str, mine: &str, other: &str) {
        let mut exists = |not: &str, ids: &[T]| {
            select.push(" AND ").push(column).push(not).push(" IN (SELECT ").push(mine);
            select.push(" FROM membership WHERE realm = ").bind(view.realm);
            select.push(" AND ").push(other).push(" IN ").bind_all(ids).push(")");
        };
        if let Some(only) = &self.only {
            exists("", only);
        }
        if !self.except.is_empty() {
            exists(" NOT", &self.except);
        }
    }
}

/// Further conditions on users. All must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMatch {
    pub ids: Selection<UserId>,
    /// Member of one of these.
    pub organizations: Selection<OrganizationId>,
    pub external_ids: Selection<String>,
    /// Having one of these addresses, primary or not, normalized as in the model.
    pub emails: Option<Vec<String>>,
    pub phones: Option<Vec<String>>,
    pub usernames: Option<Vec<String>>,
    /// A part of one of the addresses.
    pub email_part: Option<String>,
    pub phone_part: Option<String>,
    pub username_part: Option<String>,
    /// A part of the name, or of first and last name joined.
    pub name_part: Option<String>,
    pub anything: Option<Anything>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    pub active_after: Option<Timestamp>,
    pub active_before: Option<Timestamp>,
    /// Member of this organization or of one below; or having this text in the extras, which name the organization that
    /// the user was made for.
    pub within: Option<(OrganizationId, String)>,
}

/// A case-insensitive search in everything that identifies a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anything {
    /// Part of a name, user name or address.
    pub part: String,
    /// Or this user.
    pub user: Option<UserId>,
    /// Or a part of the id as it is shown: the prefix before its eleven digits. `None`: ids are not searched.
    pub id_lead: Option<String>,
}

impl Anything {
    fn condition(&self, select: &mut Select) {
        let folded = text::fold(&self.part);
        select.push(" AND (u.search LIKE ").bind(like(&folded)).push(" ESCAPE '\\'");
        if let Some(id) = self.user {
            select.push(" OR u.id = ").bind(id);
        }
        // Most texts can't be part of an id, and rendering its digits is expensive.
        let could_be = folded.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if let Some(lead) = self.id_lead.as_deref().filter(|_| could_be) {
            select.push(" OR lower(").bind(lead).push(" || ").push(&base62_digits("u.id")).push(") LIKE ");
            select.bind(like(&folded)).push(" ESCAPE '\\'");
        }
        select.push(")");
    }
}

impl UserMatch {
    pub(crate) fn conditions(&self, view: &View<'_>, select: &mut Select) {
        self.ids.conditions(select, "u.id");
        self.external_ids.conditions(select, "u.external_id");
        self.organizations.by_membership(view, select, "u.id", "usr", "organization");
        for (kind, values) in [("email", &self.emails), ("phone", &self.phones)] {
            if let Some(values) = values {
                select.push(" AND u.id IN (SELECT usr FROM address WHERE realm = ").bind(view.realm);
                select.push(" AND kind = ").bind(kind).push(" AND value IN ").bind_all(values).push(")");
            }
        }
        if let Some(usernames) = &self.usernames {
            let folded: Vec<String> = usernames.iter().map(|name| text::fold(name)).collect();
            select.push(" AND u.username_folded IN ").bind_all(&folded);
        }
        for (kind, part) in [("email", &self.email_part), ("phone", &self.phone_part)] {
            if let Some(part) = part {
                select.push(" AND u.id IN (SELECT usr FROM address WHERE realm = ").bind(view.realm);
                select.push(" AND kind = ").bind(kind).push(" AND value LIKE ").bind(like(&text::fold(part)));
                select.push(" ESCAPE '\\')");
            }
        }
        for (column, part) in [("u.username_folded", &self.username_part), ("u.name_folded", &self.name_part)] {
            if let Some(part) = part {
                select.push(" AND ").push(column).push(" LIKE ").bind(like(&text::fold(part))).push(" ESCAPE '\\'");
            }
        }
        if let Some(anything) = &self.anything {
            anything.condition(select);
        }
        if let Some((top, made_for)) = &self.within {
            select.push(" AND (u.id IN (SELECT m.usr FROM membership m WHERE m.realm = ").bind(view.realm);
            select.push(
                " AND m.organization IN (WITH RECURSIVE down (id) AS (SELECT id FROM organization WHERE realm = ",
            );
            select.bind(view.realm).push(" AND id = ").bind(*top);
            select.push(" UNION ALL SELECT o.id FROM organization o JOIN down ON o.realm = ").bind(view.realm);
            select.push(" AND o.parent = down.id WHERE o.status <> 'gone') SELECT id FROM down)) OR u.extras LIKE ");
            select.bind(like(made_for)).push(" ESCAPE '\\')");
        }
        if let Some(after) = self.created_after {
            select.push(" AND u.created_ms > ").bind(after);
        }
        if let Some(before) = self.created_before {
            select.push(" AND u.created_ms < ").bind(before);
        }
        if let Some(after) = self.active_after {
            select.push(" AND u.active_ms > ").bind(after);
        }
        if let Some(before) = self.active_before {
            select.push(" AND u.active_ms < ").bind(before);
        }
    }
}

//! Paging common to all lists: a sort key with the id as tie-breaker, a position to continue from, and a total.

use roster_index::Start;
use roster_model::{EntityId, Timestamp};

use crate::sql::{Select, Value};

/// Where a page begins and how long it is.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// Go on after this row.
    pub after: Option<Mark>,
    /// Rows to skip at the beginning.
    pub offset: u64,
    /// Most rows; `None` is all.
    pub limit: Option<u64>,
    pub descending: bool,
}

/// The place of a row in a list: its sort key and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub key: Key,
    pub id: i64,
}

/// What a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// By id alone.
    None,
    Int(i64),
    Text(String),
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::None => Self::Null,
            Key::Int(number) => Self::Int(number),
            Key::Text(text) => Self::Text(text),
        }
    }
}

/// The limit as a number of rows; no limit is `usize::MAX`.
pub(crate) fn at_most(limit: Option<u64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

impl Slice {
    /// Its start in a list by id; `None` if its mark belongs to a list in another order.
    pub(crate) fn start_by_id<I: EntityId>(&self) -> Option<Start<I>> {
        let after = match &self.after {
            None => None,
            Some(Mark { key: Key::None, id }) => Some(I::from_raw(*id)),
            Some(_) => return None,
        };
        Some(Start { after, offset: self.offset, descending: self.descending })
    }

    /// Its start in a list of people, by id or by time of creation.
    pub(crate) fn start_among_people(&self, by_creation: bool) -> Option<Start<(i64, i64)>> {
        let after = match &self.after {
            None => None,
            Some(Mark { key: Key::None, id }) if !by_creation => Some((0, *id)),
            Some(Mark { key: Key::Int(created), id }) if by_creation => Some((*created, *id)),
            Some(_) => return None,
        };
        Some(Start { after, offset: self.offset, descending: self.descending })
    }

    /// Its start in a list by time of creation.
    pub(crate) fn start_by_creation<I: EntityId>(&self) -> Option<Start<(Timestamp, I)>> {
        let after = match &self.after {
            None => None,
            Some(Mark { key: Key::Int(created), id }) => Some((Timestamp::from_ms(*created), I::from_raw(*id))),
            Some(_) => return None,
        };
        Some(Start { after, offset: self.offset, descending: self.descending })
    }

    /// Appends the condition for rows after the mark. `key` is a column, or empty to use the id alone.
    pub(crate) fn seek(&self, select: &mut Select, key: &str, id: &str) {
        let Some(mark) = &self.after else { return };
        let than = if self.descending { " < " } else { " > " };
        if key.is_empty() {
            select.push(" AND ").push(id).push(than).bind(mark.id);
        } else {
            select.push(" AND (").push(key).push(", ").push(id).push(")").push(than).push("(");
            select.bind(mark.key.clone()).push(", ").bind(mark.id).push(")");
        }
    }

    /// Appends order, limit and offset.
    pub(crate) fn order(&self, select: &mut Select, key: &str, id: &str) {
        let direction = if self.descending { " DESC" } else { "" };
        select.push(" ORDER BY ");
        if !key.is_empty() {
            select.push(key).push(direction).push(", ");
        }
        select.push(id).push(direction);
        if self.limit.is_some() || self.offset > 0 {
            let limit = self.limit.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX);
            select.push(" LIMIT ").bind(limit);
        }
        if self.offset > 0 {
            select.push(" OFFSET ").bind(i64::try_from(self.offset).unwrap_or(i64::MAX));
        }
    }
}

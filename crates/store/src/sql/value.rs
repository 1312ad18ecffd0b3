use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// What a statement can be given.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Flag(bool),
    Text(String),
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Owned::Null),
            Self::Int(number) => ToSqlOutput::Owned(Owned::Integer(*number)),
            Self::Flag(flag) => ToSqlOutput::Owned(Owned::Integer(i64::from(*flag))),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

macro_rules! from {
    ($($type:ty => $how:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let how: fn($type) -> Self = $how;
                how(value)
            }
        }
    )*};
}

from! {
    i64 => Self::Int;
    u8 => |n| Self::Int(n.into());
    u32 => |n| Self::Int(n.into());
    bool => Self::Flag;
    String => Self::Text;
    &str => |text| Self::Text(text.to_owned());
    roster_model::Timestamp => |time| Self::Int(time.as_ms());
    roster_model::RoleSet => |roles| Self::Int(roles.bits());
    roster_model::RoleNumber => |role| Self::Int(role.get().into());
}

macro_rules! from_ids {
    ($($id:ident),*) => {$(
        impl From<roster_model::$id> for Value {
            fn from(id: roster_model::$id) -> Self {
                Self::Int(roster_model::EntityId::raw(id))
            }
        }
    )*};
}

from_ids!(
    RealmId,
    OrganizationId,
    UserId,
    MembershipId,
    InvitationId,
    RoleId,
    PermissionId,
    TokenId,
    SessionId,
    LinkId,
    EventId
);

impl From<roster_model::id::AddressId> for Value {
    fn from(id: roster_model::id::AddressId) -> Self {
        Self::Int(roster_model::EntityId::raw(id))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, read by position.
#[derive(Debug)]
pub struct Row<'a>(pub(super) &'a rusqlite::Row<'a>);

impl Row<'_> {
    pub fn int(&self, column: usize) -> Result<i64> {
        Ok(self.0.get(column)?)
    }

    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        Ok(self.0.get(column)?)
    }

    pub fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.0.get(column)?)
    }

    pub fn text(&self, column: usize) -> Result<String> {
        Ok(self.0.get(column)?)
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        Ok(self.0.get(column)?)
    }

    pub fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        let text = self.0.get_ref(column)?.as_str().map_err(|e| Error::Corrupt(e.to_string()))?;
        Ok(serde_json::from_str(text)?)
    }

    pub fn id<I: roster_model::EntityId>(&self, column: usize) -> Result<I> {
        Ok(I::from_raw(self.int(column)?))
    }

    pub fn opt_id<I: roster_model::EntityId>(&self, column: usize) -> Result<Option<I>> {
        Ok(self.opt_int(column)?.map(I::from_raw))
    }

    pub fn time(&self, column: usize) -> Result<roster_model::Timestamp> {
        Ok(roster_model::Timestamp::from_ms(self.int(column)?))
    }

    pub fn opt_time(&self, column: usize) -> Result<Option<roster_model::Timestamp>> {
        Ok(self.opt_int(column)?.map(roster_model::Timestamp::from_ms))
    }

    /// A word of a closed set.
    pub fn word<T>(&self, column: usize, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let word = self.text(column)?;
        read(&word).ok_or_else(|| Error::Corrupt(format!("unknown word {word:?}")))
    }
}

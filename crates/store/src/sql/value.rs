use bytes::BytesMut;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{IsNull, Type};

use crate::error::{Error, Result};

/// A value bound to a statement.
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

impl tokio_postgres::types::ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            // Rows copied from SQLite have integers for booleans.
            Self::Int(number) if *kind == Type::BOOL => (*number != 0).to_sql(kind, out),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Flag(flag) if *kind == Type::BOOL => flag.to_sql(kind, out),
            Self::Text(text) if matches!(*kind, Type::TEXT | Type::VARCHAR) => text.to_sql(kind, out),
            _ => Err(format!("{self:?} was given for a {kind}").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::VARCHAR)
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(kind, out)
    }
}

/// A result row, read by column position.
#[derive(Debug)]
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    fn read<'r, T: rusqlite::types::FromSql + tokio_postgres::types::FromSql<'r>>(
        &'r self,
        column: usize,
    ) -> Result<T> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| Error::Corrupt(format!("column {column} has no number")))
    }

    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self {
            // An integer literal in a statement is an INT4 to PostgreSQL.
            Self::Postgres(row) if row.columns().get(column).is_some_and(|c| *c.type_() == Type::INT4) => {
                Ok(row.try_get::<_, Option<i32>>(column)?.map(i64::from))
            }
            _ => self.read(column),
        }
    }

    pub fn flag(&self, column: usize) -> Result<bool> {
        self.read(column)
    }

    pub fn text(&self, column: usize) -> Result<String> {
        self.read(column)
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        self.read(column)
    }

    pub fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        let text = match self {
            Self::Sqlite(row) => row.get_ref(column)?.as_str().map_err(|e| Error::Corrupt(e.to_string()))?,
            Self::Postgres(row) => row.try_get(column)?,
        };
        Ok(serde_json::from_str(text)?)
    }

    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.len(),
        }
    }

    /// A value of any type, for copying.
    pub(crate) fn value(&self, column: usize) -> Result<Value> {
        use rusqlite::types::ValueRef;
        match self {
            Self::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Ok(Value::Null),
                ValueRef::Integer(number) => Ok(Value::Int(number)),
                text @ ValueRef::Text(_) => {
                    Ok(Value::Text(text.as_str().map_err(|e| Error::Corrupt(e.to_string()))?.to_owned()))
                }
                other => Err(Error::Corrupt(format!("a value of type {}", other.data_type()))),
            },
            Self::Postgres(row) => match row.columns().get(column).map(tokio_postgres::Column::type_) {
                Some(&Type::BOOL) => Ok(row.try_get::<_, Option<bool>>(column)?.into()),
                Some(&(Type::INT8 | Type::INT4)) => Ok(self.opt_int(column)?.into()),
                _ => Ok(self.opt_text(column)?.into()),
            },
        }
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

    /// A text column that has one of a fixed set of words.
    pub fn word<T>(&self, column: usize, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let word = self.text(column)?;
        read(&word).ok_or_else(|| Error::Corrupt(format!("unknown word {word:?}")))
    }
}

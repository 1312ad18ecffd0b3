//! Query parameters of lists.

use roster_engine::{Page, Picked, Timestamp, UserConditions, UserPart, UserRef, UserStatus};
use roster_http::{Failure, Pairs, RequestError};

/// Maximum rows on a page.
const LIMIT_MAX: i64 = 500;
const LIMIT_DEFAULT: i64 = 10;
/// No list is longer, so a larger offset is past the end.
const OFFSET_MAX: u64 = 1 << 31;
/// Maximum number of values of a repeatable filter.
const VALUES_MAX: usize = 100;

/// The problem of a filter with more values. It has an error code of its own.
pub(crate) fn too_many() -> String {
    format!("has more than {VALUES_MAX} values")
}

/// The parameters of a query. A `+` that wasn't escaped has become a space.
#[derive(Debug)]
pub(crate) struct Query(Pairs);

impl<S: Sync> axum::extract::FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self, Failure> {
        Ok(Self(Pairs::from_request_parts(parts, state).await?))
    }
}

fn storable<'a>(name: &str, value: &'a str) -> Result<&'a str, Failure> {
    if value.contains('\0') { Err(RequestError::invalid(name, "must not contain NUL").into()) } else { Ok(value) }
}

/// A whole number, which may also be written as `10.0`.
fn whole(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    let (number, fraction) = text.split_once('.')?;
    let zeros = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    number.parse::<i64>().ok().filter(|_| zeros)
}

impl Query {
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        self.0.optional(name)?.map(|value| storable(name, value)).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        self.0.flag(name)
    }

    fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Failure> {
        let Some(text) = self.0.optional(name)? else { return Ok(None) };
        match whole(text).filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(RequestError::invalid(name, format!("must be a whole number from {least} to {most}")).into()),
        }
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, Failure> {
        Ok(self.number(name, 0, i64::MAX)?.map(Timestamp::from_ms))
    }

    /// The page, and what the list is sorted by; newest first by default.
    pub(crate) fn page<S: Copy>(&self, sorts: &[(&str, S)], default: S) -> Result<(S, Page), Failure> {
        let (sort, descending) = match self.text("order_by")? {
            None => (default, true),
            Some(text) => {
                let (key, descending) = match text.strip_prefix('-') {
                    Some(key) => (key, true),
                    None => (text.strip_prefix(['+', ' ']).unwrap_or(text), false),
                };
                let known = sorts.iter().find(|(name, _)| *name == key).map(|(_, sort)| *sort);
                let keys = || sorts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                let problem =
                    || RequestError::invalid("order_by", format!("must be one of {}, with + or - in front", keys()));
                (known.ok_or_else(problem)?, descending)
            }
        };
        let limit = self.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
        let offset = self.number("offset", 0, i64::MAX)?.unwrap_or_default();
        let (limit, offset) = (limit.unsigned_abs(), offset.unsigned_abs().min(OFFSET_MAX));
        Ok((sort, Page { cursor: None, offset, limit: Some(limit), descending, total: true }))
    }

    /// All values of a filter; `None` if it wasn't given.
    pub(crate) fn all(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        let values = self.0.all(name)?;
        if values.len() > VALUES_MAX {
            return Err(RequestError::invalid(name, too_many()).into());
        }
        let values = values.into_iter().map(|value| storable(name, value).map(str::to_owned));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(values).filter(|values| !values.is_empty()))
    }

    /// Addresses have no spaces: each was a `+` that wasn't escaped.
    fn addresses(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.all(name)?.map(|all| all.into_iter().map(|address| address.replace(' ', "+")).collect()))
    }

    /// `+x` and `x` include a value, `-x` excludes it.
    pub(crate) fn signed<T>(&self, name: &str, read: impl Fn(String) -> T) -> Result<Picked<T>, Failure> {
        let mut picked = Picked::default();
        for value in self.all(name)?.unwrap_or_default() {
            if let Some(value) = value.strip_prefix('-') {
                picked.except.push(read(value.to_owned()));
            } else {
                let value = value.strip_prefix(['+', ' ']).unwrap_or(&value);
                picked.only.get_or_insert_with(Vec::new).push(read(value.to_owned()));
            }
        }
        Ok(picked)
    }

    fn part(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.text(name)?.filter(|part| !part.is_empty()).map(str::to_owned))
    }

    /// The conditions on users that lists of users and of members share.
    pub(crate) fn users(&self) -> Result<UserConditions, Failure> {
        let mut conditions = UserConditions {
            users: self.signed("user_id", UserRef::Text)?,
            emails: self.addresses("email_address")?,
            phones: self.addresses("phone_number")?,
            usernames: self.all("username")?,
            email_part: self.part("email_address_query")?,
            phone_part: self.part("phone_number_query")?.map(|part| part.replace(' ', "+")),
            username_part: self.part("username_query")?,
            name_part: self.part("name_query")?,
            anything: self.part("query")?,
            created_after: self.time("created_at_after")?,
            created_before: self.time("created_at_before")?,
            ..UserConditions::default()
        };
        conditions.active_after = match self.time("last_active_at_after")? {
            // The parameter's older name.
            None => self.time("last_active_at_since")?,
            after => after,
        };
        conditions.active_before = self.time("last_active_at_before")?;
        // Roster has no wallets, external accounts or sign-ins for this vendor, so filters on these match nobody.
        let mut nobody = false;
        for name in ["web3_wallet", "provider", "provider_user_id"] {
            nobody |= self.all(name)?.is_some();
        }
        for name in ["last_sign_in_at_before", "last_sign_in_at_after"] {
            nobody |= self.time(name)?.is_some();
        }
        if nobody {
            conditions.users.only = Some(Vec::new());
        }
        Ok(conditions)
    }

    /// The requested page of a list that is short enough to be filtered and sorted in memory, and the total number.
    pub(crate) fn among<'a, T>(&self, all: &'a [T], entry: impl Fn(&T) -> Entry) -> Result<(Vec<&'a T>, u64), Failure> {
        let sorts: [(&str, EntryKey); 3] =
            [("created_at", EntryKey::Created), ("name", EntryKey::Name), ("key", EntryKey::Key)];
        let (sort, page) = self.page(&sorts, EntryKey::Created)?;
        let part = self.part("query")?.map(|part| part.to_lowercase());
        let mut found: Vec<(Entry, &T)> = all.iter().map(|one| (entry(one), one)).collect();
        if let Some(part) = part {
            found.retain(|(entry, _)| {
                entry.id.to_lowercase() == part
                    || entry.name.to_lowercase().contains(&part)
                    || entry.key.to_lowercase().contains(&part)
            });
        }
        found.sort_by(|(a, _), (b, _)| {
            let by_key = match sort {
                EntryKey::Created => a.created.cmp(&b.created),
                EntryKey::Name => a.name.cmp(&b.name),
                EntryKey::Key => a.key.cmp(&b.key),
            };
            let order = by_key.then_with(|| a.id.cmp(&b.id));
            if page.descending { order.reverse() } else { order }
        });
        let total = found.len() as u64;
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let take = page.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Ok((found.into_iter().skip(skip).take(take).map(|(_, one)| one).collect(), total))
    }

    pub(crate) fn banned(&self) -> Result<Option<UserStatus>, Failure> {
        let status = |banned| if banned { UserStatus::Inactive } else { UserStatus::Active };
        Ok(self.flag("banned")?.map(status))
    }
}

/// What a role or a permission is searched and sorted by.
#[derive(Debug)]
pub(crate) struct Entry {
    pub id: String,
    pub name: String,
    pub key: String,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum EntryKey {
    Created,
    Name,
    Key,
}

/// The user fields that both lists can be sorted by, beside their own keys.
pub(crate) const PARTS: [(&str, UserPart); 5] = [
    ("first_name", UserPart::FirstName),
    ("last_name", UserPart::LastName),
    ("email_address", UserPart::Email),
    ("phone_number", UserPart::Phone),
    ("username", UserPart::Username),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query(Pairs::parse(text))
    }

    #[test]
    fn pages() {
        let sorts = [("created_at", 1), ("name", 2)];
        let page = |text: &str| {
            query(text).page(&sorts, 1).map(|(sort, page)| (sort, page.descending, page.limit, page.offset))
        };
        assert_eq!(page("").expect("fine"), (1, true, Some(10), 0));
        assert_eq!(page("limit=10.0&offset=5.000&order_by=+name").expect("fine"), (2, false, Some(10), 5));
        assert_eq!(page("order_by=%2Bname").expect("fine"), (2, false, Some(10), 0));
        assert_eq!(page("offset=9223372036854775807").expect("fine"), (1, true, Some(10), OFFSET_MAX));
        assert_eq!(page("order_by=-name&order_by=created_at").expect("fine"), (2, true, Some(10), 0));
        for bad in
            ["limit=0", "limit=501", "limit=1.5", "limit=x", "limit=", "offset=-1", "order_by=x", "order_by=--name"]
        {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn signs() {
        let picked = query("id=a&id=+b&id=%2Bc&id=-d").signed("id", |id| id).expect("fine");
        assert_eq!(picked.only, Some(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(picked.except, ["d"]);
        let many = "id=x&".repeat(101);
        assert!(query(&many).signed("id", |id| id).is_err());
    }
}

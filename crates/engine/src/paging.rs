use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roster_store::list::{Key, Mark, Slice};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which part of a list to return.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// [`Listed::next`] of the previous page.
    pub cursor: Option<String>,
    /// Rows to skip; for dialects that page by offset.
    pub offset: u64,
    /// Maximum number of rows; `None` is all.
    pub limit: Option<u64>,
    pub descending: bool,
    /// Whether to count the whole list.
    pub total: bool,
}

/// A part of a list. Items and total are from the same view.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// The length of the whole list, if it was asked for.
    pub total: Option<u64>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// The content of a cursor, before it is encoded.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// The list and its order: a cursor of another list is refused.
    of: String,
    id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    int: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Page {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    fn order(&self, of: &str) -> String {
        format!("{of}{}", if self.descending { "-" } else { "+" })
    }

    /// The slice to read from the store: one row longer than the page, to see whether another page follows.
    pub(crate) fn slice(&self, of: &str) -> Result<Slice> {
        let after = self.cursor.as_deref().map(|text| self.read_cursor(of, text)).transpose()?;
        let limit = self.limit.map(|limit| limit.saturating_add(1));
        Ok(Slice { after, offset: self.offset, limit, descending: self.descending })
    }

    fn read_cursor(&self, of: &str, text: &str) -> Result<Mark> {
        let bad = || Error::invalid("cursor", "is not a cursor of this list");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        if cursor.of != self.order(of) {
            return Err(bad());
        }
        let key = match (cursor.int, cursor.text) {
            (Some(int), None) => Key::Int(int),
            (None, Some(text)) if !text.contains('\0') => Key::Text(text),
            (None, None) => Key::None,
            _ => return Err(bad()),
        };
        Ok(Mark { key, id: cursor.id })
    }

    /// Removes the extra row and returns the cursor of the next page, if there is one.
    pub(crate) fn close<T>(
        &self,
        of: &str,
        mut items: Vec<T>,
        total: Option<u64>,
        mark: impl Fn(&T) -> Mark,
    ) -> Listed<T> {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| {
            let Mark { key, id } = mark(last);
            let (int, text) = match key {
                Key::None => (None, None),
                Key::Int(int) => (Some(int), None),
                Key::Text(text) => (None, Some(text)),
            };
            let cursor = serde_json::to_vec(&Cursor { of: self.order(of), id, int, text }).unwrap_or_default();
            URL_SAFE_NO_PAD.encode(cursor)
        });
        Listed { items, total, next }
    }
}

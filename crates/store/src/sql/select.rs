use std::fmt::Write as _;

use super::Value;

/// A statement assembled from parts, whose values are numbered as they are bound.
#[derive(Clone, Debug, Default)]
pub struct Select {
    pub text: String,
    pub values: Vec<Value>,
}

impl Select {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends the value's placeholder.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// Appends `($1, $2, …)`. The list is padded to a power of two, so that there are few distinct statements to
    /// prepare.
    pub fn bind_all<T: Into<Value> + Clone>(&mut self, values: &[T]) -> &mut Self {
        self.text.push('(');
        let padded = values.len().next_power_of_two();
        for n in 0..padded {
            if n > 0 {
                self.text.push_str(", ");
            }
            match values.get(n).or_else(|| values.last()) {
                Some(value) => self.bind(value.clone()),
                None => self.push("NULL"),
            };
        }
        self.text.push(')');
        self
    }
}

/// Replaces a NUL in what is searched for. Neither can be stored ([`roster_model::text`] accepts neither), so nothing is
/// found. PostgreSQL would refuse the NUL, and in SQLite it would end a `LIKE` pattern early.
pub(super) const NUL_REPLACEMENT: &str = "\u{ffff}";

/// A pattern for `LIKE … ESCAPE '\'` that finds the text anywhere, taken literally.
pub fn like(text: &str) -> String {
    format!("%{}", like_prefix(text))
}

/// The same, for what begins with the text.
pub fn like_prefix(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            '\0' => pattern.push_str(NUL_REPLACEMENT),
            c => pattern.push(c),
        }
    }
    pattern.push('%');
    pattern
}

/// An expression for the eleven base62 digits of a column of ids, as the model writes them.
pub fn base62_digits(column: &str) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |place: u32| {
        let weight = 62_i64.pow(place);
        format!("substr('{DIGITS}', CAST({column} / {weight} % 62 + 1 AS INTEGER), 1)")
    };
    (0..11).rev().map(digit).collect::<Vec<_>>().join(" || ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_literal_and_hold_no_nul() {
        assert_eq!(like("a_%\\b"), "%a\\_\\%\\\\b%");
        assert_eq!(like_prefix("a\0b"), "a\u{ffff}b%");
    }
}

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where the database is, read from `--database`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    File(PathBuf),
    /// A file in the temporary folder, removed when the store is closed.
    Temporary,
}

impl Location {
    /// `sqlite://roster.db` (here), `sqlite:///var/lib/roster.db` (absolute), `sqlite::memory:`, or a bare path.
    pub fn parse(text: &str) -> Result<Self> {
        let path = if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            path
        } else if let Some((scheme, _)) = text.split_once("://") {
            return Err(Error::Url(match scheme {
                "postgres" | "postgresql" => String::from("PostgreSQL is not built in yet: use sqlite://FILE"),
                other => format!("unknown database scheme {other:?}: use sqlite://FILE"),
            }));
        } else {
            text
        };
        if path == ":memory:" {
            return Ok(Self::Temporary);
        }
        if path.is_empty() {
            return Err(Error::Url(String::from("the database has no file name: use sqlite://FILE")));
        }
        if let Some((_, query)) = path.split_once('?') {
            return Err(Error::Url(format!("unknown database option {query:?}: sqlite://FILE takes none")));
        }
        Ok(Self::File(Path::new(path).to_owned()))
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite://{}", path.display()),
            Self::Temporary => f.write_str("sqlite::memory: (gone when the server stops)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_after_the_slashes_is_a_file() {
        let file = |text: &str| Location::File(PathBuf::from(text));
        assert_eq!(Location::parse("sqlite://roster.db").unwrap(), file("roster.db"));
        assert_eq!(Location::parse("sqlite:///tmp/a b.db").unwrap(), file("/tmp/a b.db"));
        assert_eq!(Location::parse("data/roster.db").unwrap(), file("data/roster.db"));
        assert_eq!(Location::parse("sqlite::memory:").unwrap(), Location::Temporary);
        for bad in ["", "sqlite://", "mysql://x/y", "postgres://x/y", "sqlite://a.db?mode=ro"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }
}

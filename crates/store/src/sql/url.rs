use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// How long connecting to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long sent data may stay unacknowledged by the peer's kernel.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The database's location, parsed from `--database`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    File(PathBuf),
    /// A file in the temporary folder, removed when the store is closed.
    Temporary,
    Server(Box<Address>),
}

/// The address of a PostgreSQL server, or of several of which one is the primary.
#[derive(Clone)]
pub struct Address {
    /// As given, with the password: for comparing addresses.
    text: String,
    config: tokio_postgres::Config,
    root_certificate: Option<PathBuf>,
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Address {}

impl Address {
    /// A URL as `libpq` takes it: `postgres://user:password@host1:5432,host2:5432/database?target_session_attrs=read-write`.
    fn parse(text: &str) -> Result<Self> {
        let (bare, root_certificate) = without_root_certificate(text);
        // The parser's messages contain no values, so no password.
        let problem = |e: tokio_postgres::Error| {
            let cause = std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string);
            Error::Url(format!("the database's address can't be parsed: {cause}"))
        };
        let mut config: tokio_postgres::Config = bare.parse().map_err(problem)?;
        if config.get_hosts().is_empty() {
            return Err(Error::Url(String::from("the database's address names no host")));
        }
        if config.get_user().is_none() {
            return Err(Error::Url(String::from(
                "the database's address names no user: postgres://USER@HOST/DATABASE",
            )));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("roster");
        }
        Ok(Self { text: text.to_owned(), config, root_certificate })
    }

    pub(super) fn config(&self) -> tokio_postgres::Config {
        self.config.clone()
    }

    pub(super) fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }

    /// For a replica, which takes no writes.
    pub(crate) fn to_any_host(&self) -> Self {
        let mut config = self.config.clone();
        config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::Any);
        Self { config, ..self.clone() }
    }
}

/// The driver doesn't support libpq's `sslrootcert`, so it is handled here.
fn without_root_certificate(text: &str) -> (String, Option<PathBuf>) {
    let Some((base, query)) = text.split_once('?') else { return (text.to_owned(), None) };
    let mut found = None;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.strip_prefix("sslrootcert=") {
            Some(file) => {
                found =
                    Some(PathBuf::from(percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned()));
                false
            }
            None => true,
        })
        .collect();
    let bare = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    (bare, found)
}

impl std::fmt::Display for Address {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use tokio_postgres::config::Host;
        write!(f, "postgres://{}@", self.config.get_user().unwrap_or_default())?;
        let ports = self.config.get_ports();
        for (n, host) in self.config.get_hosts().iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(folder) => write!(f, "{}", folder.display())?,
            }
            if let Some(port) = ports.get(n).or_else(|| ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Location {
    /// `sqlite://roster.db` (here), `sqlite:///var/lib/roster.db` (absolute), `sqlite::memory:`, a bare path, or
    /// `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub fn parse(text: &str) -> Result<Self> {
        let path = if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            path
        } else if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "postgres" | "postgresql" => Ok(Self::Server(Box::new(Address::parse(text)?))),
                other => {
                    Err(Error::Url(format!("unknown database scheme {other:?}: use sqlite://FILE or postgres://…")))
                }
            };
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
            Self::Server(address) => address.fmt(f),
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
        for bad in [
            "",
            "sqlite://",
            "mysql://x/y",
            "postgres://x/y",
            "postgres:///y",
            "postgres://u@h/d?nonsense=1",
            "sqlite://a.db?mode=ro",
        ] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let text =
            "postgres://ann:secret@a:1,b:2/roster?target_session_attrs=read-write&sslrootcert=%2Fx.pem&sslmode=require";
        let Location::Server(address) = Location::parse(text).unwrap() else { panic!("a server") };
        assert_eq!(address.to_string(), "postgres://ann@a:1,b:2/roster");
        assert_eq!(format!("{address:?}"), "postgres://ann@a:1,b:2/roster");
        assert_eq!(address.root_certificate(), Some(Path::new("/x.pem")));
        let problem = Location::parse("postgres://ann:secret@h:port/d").unwrap_err().to_string();
        assert!(!problem.contains("secret"), "{problem}");
    }
}

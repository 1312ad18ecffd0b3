//! The configuration: a flag takes precedence over the environment, that over the file, and that over the default.

mod environment;
mod file;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use roster_engine::{DirectoryOptions, check_bootstrap_key};
use roster_http::Limits;

use crate::cli::{CommonArgs, ServeArgs};

pub(crate) use environment::{is_empty_variable, log_unknown_variables, print_unknown_variables};
pub(crate) use file::File;

/// The environment variable for the first realm key. There is neither a flag nor a setting in the file for it, since others on
/// the machine may be able to read those.
pub(crate) const BOOTSTRAP_KEY: &str = "ROSTER_BOOTSTRAP_KEY";

/// The complete, validated configuration.
#[derive(Clone)]
pub struct Settings {
    /// `HOST:PORT`.
    pub listen: String,
    pub database: String,
    /// A replica of the database to read from.
    pub read_database: Option<String>,
    pub index: Index,
    /// Where snapshots of large graphs are kept between starts.
    pub index_folder: Option<PathBuf>,
    /// Without a trailing slash.
    pub public_url: Option<String>,
    /// Whether an older database is migrated.
    pub migrate: bool,
    /// How long requests in flight may take when the server is stopped.
    pub grace: Duration,
    pub log: String,
    pub log_format: LogFormat,
    pub bootstrap_key: Option<String>,
    pub limits: Limits,
    /// The names that AuthZEN's clients use.
    pub authzen: roster_authzen::Names,
    pub directory: DirectoryOptions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Text,
    Json,
}

/// How much of the membership graph is kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Index {
    /// All of it: checks are answered from memory.
    #[default]
    Full,
    /// Nothing: the database answers, with the same answers.
    None,
}

impl Settings {
    pub(crate) fn new(common: &CommonArgs, serve: &ServeArgs, file: File) -> anyhow::Result<Self> {
        let mut limits = Limits::default();
        file.limits.apply(&mut limits);
        set(&mut limits.body_bytes, serve.body_limit);
        set(&mut limits.bulk_items, serve.bulk_limit);
        set(&mut limits.page_size_max, serve.page_limit);
        set(&mut limits.connections, serve.connections);
        set(&mut limits.request_timeout, serve.request_timeout.map(Duration::from_secs));
        // So that lowering the maximum alone doesn't make the default invalid.
        limits.page_size_default = limits.page_size_default.min(limits.page_size_max);
        check(&limits)?;
        let mut directory = DirectoryOptions::default();
        file.scim.apply(&mut directory);
        ensure!(directory.max_removal_percent <= 100, "scim.max_removal_percent must be at most 100");
        let public_url = serve.public_url.clone().or(file.public_url);
        Ok(Self {
            listen: serve.listen.clone().or(file.listen).unwrap_or_else(|| "127.0.0.1:8080".into()),
            database: common.database.clone().or(file.database).unwrap_or_else(|| "sqlite://roster.db".into()),
            read_database: serve.read_database.clone().or(file.read_database),
            index: serve.index.or(file.index).unwrap_or_default(),
            index_folder: serve.index_folder.clone().or(file.index_folder),
            public_url: public_url.map(|url| checked_url(&url)).transpose()?,
            migrate: serve.no_migrate.map(|not| !not).or(file.migrate).unwrap_or(true),
            grace: Duration::from_secs(serve.grace.or(file.grace_seconds).unwrap_or(10)),
            log: serve.log.clone().or(file.log).unwrap_or_else(|| "info".into()),
            log_format: serve.log_format.or(file.log_format).unwrap_or_default(),
            bootstrap_key: bootstrap_key()?,
            limits,
            authzen: file.authzen,
            directory,
        })
    }
}

impl std::fmt::Debug for Settings {
    /// Omits secrets: the key, and the database's URL, which can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("migrate", &self.migrate)
            .field("grace", &self.grace)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn check(limits: &Limits) -> anyhow::Result<()> {
    for (name, value) in [
        ("body_bytes", limits.body_bytes),
        ("header_bytes", limits.header_bytes),
        ("url_bytes", limits.url_bytes),
        ("json_depth", limits.json_depth),
        ("bulk_items", limits.bulk_items),
        ("page_size_default", limits.page_size_default),
        ("page_size_max", limits.page_size_max),
        ("connections", limits.connections),
    ] {
        ensure!(value > 0, "the limit {name} must be at least 1");
    }
    let deepest = Limits::JSON_DEPTH_MAX;
    ensure!(limits.json_depth <= deepest, "the limit json_depth must be at most {deepest}");
    ensure!(!limits.request_timeout.is_zero(), "the limit request_timeout_seconds must be at least 1");
    ensure!(!limits.idle_timeout.is_zero(), "the limit idle_timeout_seconds must be at least 1");
    ensure!(!limits.stall_timeout.is_zero(), "the limit stall_timeout_seconds must be at least 1");
    Ok(())
}

fn checked_url(url: &str) -> anyhow::Result<String> {
    let parsed = url.parse::<http::Uri>().with_context(|| format!("the public URL {url:?} can't be read"))?;
    let web = matches!(parsed.scheme_str(), Some("http" | "https"));
    ensure!(
        web && parsed.query().is_none() && !url.contains('#'),
        "the public URL {url:?} must be like https://roster.example.com"
    );
    Ok(url.trim_end_matches('/').to_owned())
}

fn bootstrap_key() -> anyhow::Result<Option<String>> {
    match std::env::var(BOOTSTRAP_KEY) {
        _ if is_empty_variable(BOOTSTRAP_KEY) => Ok(None),
        Ok(key) => checked_key(key).map(Some),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => checked_key("\u{fffd}".into()).map(Some),
    }
}

fn checked_key(key: String) -> anyhow::Result<String> {
    check_bootstrap_key(&key).map_err(|problem| anyhow!("{BOOTSTRAP_KEY} {problem}"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_over_the_file_is_over_the_default() {
        let file = || File::parse("listen = \"a:1\"\ngrace_seconds = 3\n[limits]\nbody_bytes = 7").expect("a file");
        let serve = ServeArgs { listen: Some("b:2".into()), ..ServeArgs::default() };
        let settings = Settings::new(&CommonArgs::default(), &serve, file()).expect("settings");
        assert_eq!((settings.listen.as_str(), settings.grace.as_secs()), ("b:2", 3));
        assert_eq!((settings.limits.body_bytes, settings.limits.json_depth), (7, 64));
        assert_eq!(settings.database, "sqlite://roster.db");
        assert!(settings.migrate);
    }

    #[test]
    fn whether_to_migrate() {
        for (said, text, migrate) in [
            (None, "", true),
            (None, "migrate = false", false),
            (Some(true), "migrate = true", false),
            (Some(false), "migrate = false", true),
        ] {
            let serve = ServeArgs { no_migrate: said, ..ServeArgs::default() };
            let file = File::parse(text).expect("a file");
            let settings = Settings::new(&CommonArgs::default(), &serve, file).expect("settings");
            assert_eq!(settings.migrate, migrate, "{said:?} over {text:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |text: &str| {
            let file = File::parse(text).expect("a file");
            Settings::new(&CommonArgs::default(), &ServeArgs::default(), file).expect_err("refused").to_string()
        };
        assert!(refused("[limits]\nbody_bytes = 0").contains("body_bytes"));
        assert!(refused("[limits]\njson_depth = 128").contains("json_depth"));
        assert!(refused("public_url = \"roster.example.com\"").contains("https://"));
        assert!(refused("public_url = \"https://roster.example.com/#x\"").contains("https://"));
        assert!(refused("public_url = \"https://roster.example.com?x\"").contains("https://"));
    }

    #[test]
    fn bootstrap_keys() {
        assert!(checked_key("0123456789abcdef".into()).is_ok());
        for bad in ["0123456789abcde", "0123456789abcdef:", "0123456789 abcdef", "0123456789äbcdef"] {
            assert!(checked_key(bad.into()).is_err(), "{bad}");
        }
        for bad in ["rst_mistyped-or-made-up", "rss_mistyped-or-made-up"] {
            let told = checked_key(bad.into()).expect_err("refused").to_string();
            assert!(told.starts_with("ROSTER_BOOTSTRAP_KEY must not look like a key generated by Roster"), "{told}");
            assert!(!told.contains(bad), "a secret is not repeated: {told}");
        }
        assert!(checked_key("0".repeat(513)).is_err());
    }
}

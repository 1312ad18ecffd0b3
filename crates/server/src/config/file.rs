//! The configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use roster_engine::DirectoryOptions;
use roster_http::Limits;
use serde::Deserialize;

use super::{Index, LogFormat, environment::nearest, set};

/// The contents of a configuration file; every setting is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(super) listen: Option<String>,
    pub(super) database: Option<String>,
    pub(super) read_database: Option<String>,
    pub(super) index: Option<Index>,
    pub(super) index_folder: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    pub(super) migrate: Option<bool>,
    pub(super) grace_seconds: Option<u64>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<LogFormat>,
    pub(super) limits: FileLimits,
    pub(super) authzen: roster_authzen::Names,
    pub(super) scim: FileScim,
}

/// The section `[scim]`, named as in [`DirectoryOptions`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FileScim {
    link_existing: Option<bool>,
    max_removal_percent: Option<u32>,
    max_removal_floor: Option<u64>,
}

/// The section `[limits]`, named as in [`Limits`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FileLimits {
    body_bytes: Option<usize>,
    header_bytes: Option<usize>,
    url_bytes: Option<usize>,
    json_depth: Option<usize>,
    bulk_items: Option<usize>,
    page_size_default: Option<usize>,
    page_size_max: Option<usize>,
    request_timeout_seconds: Option<u64>,
    idle_timeout_seconds: Option<u64>,
    stall_timeout_seconds: Option<u64>,
    connections: Option<usize>,
}

const KEYS: &[&str] = &[
    "listen",
    "database",
    "read_database",
    "index",
    "index_folder",
    "public_url",
    "migrate",
    "grace_seconds",
    "log",
    "log_format",
    "limits",
    "authzen",
    "scim",
];
const LIMITS: &[&str] = &[
    "body_bytes",
    "header_bytes",
    "url_bytes",
    "json_depth",
    "bulk_items",
    "page_size_default",
    "page_size_max",
    "request_timeout_seconds",
    "idle_timeout_seconds",
    "stall_timeout_seconds",
    "connections",
];

const SCIM: &[&str] = &["link_existing", "max_removal_percent", "max_removal_floor"];

impl File {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("the configuration file {}", path.display());
        let text = std::fs::read_to_string(path).with_context(named)?;
        Self::parse(&text).with_context(named)
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = toml::from_str(text)?;
        refuse_unknown("", &table, KEYS)?;
        if let Some(limits) = table.get("limits") {
            // serde would also accept an array for the section, element by element.
            refuse_unknown("limits.", limits.as_table().context("limits must be a section, [limits]")?, LIMITS)?;
        }
        if let Some(scim) = table.get("scim") {
            refuse_unknown("scim.", scim.as_table().context("scim must be a section, [scim]")?, SCIM)?;
        }
        if let Some(authzen) = table.get("authzen") {
            // Its tables refuse unknown keys by themselves.
            authzen.as_table().context("authzen has tables such as [[authzen.actions]]")?;
        }
        // Parsed from the text once more, so that an error shows its line.
        Ok(toml::from_str(text)?)
    }
}

impl FileScim {
    pub(super) fn apply(&self, options: &mut DirectoryOptions) {
        set(&mut options.link_existing, self.link_existing);
        set(&mut options.max_removal_percent, self.max_removal_percent);
        set(&mut options.max_removal_floor, self.max_removal_floor);
    }
}

impl FileLimits {
    pub(super) fn apply(self, limits: &mut Limits) {
        set(&mut limits.body_bytes, self.body_bytes);
        set(&mut limits.header_bytes, self.header_bytes);
        set(&mut limits.url_bytes, self.url_bytes);
        set(&mut limits.json_depth, self.json_depth);
        set(&mut limits.bulk_items, self.bulk_items);
        set(&mut limits.page_size_default, self.page_size_default);
        set(&mut limits.page_size_max, self.page_size_max);
        set(&mut limits.request_timeout, self.request_timeout_seconds.map(Duration::from_secs));
        set(&mut limits.idle_timeout, self.idle_timeout_seconds.map(Duration::from_secs));
        set(&mut limits.stall_timeout, self.stall_timeout_seconds.map(Duration::from_secs));
        set(&mut limits.connections, self.connections);
    }
}

/// Refuses unknown settings: ignored, a misspelt one would be noticed much later.
fn refuse_unknown(section: &str, table: &toml::Table, known: &[&str]) -> anyhow::Result<()> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    match nearest(key, known.iter().copied()) {
        Some(name) => bail!("there is no setting {section}{key}; did you mean {section}{name}?"),
        None => bail!("there is no setting {section}{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        let refused = |text: &str| File::parse(text).expect_err("refused").to_string();
        assert_eq!(refused("listn = 1"), "there is no setting listn; did you mean listen?");
        assert_eq!(
            refused("[limits]\nbody_byte = 1"),
            "there is no setting limits.body_byte; did you mean limits.body_bytes?"
        );
        assert!(refused("listen = 5").contains("listen = 5"), "shows the line");
    }

    #[test]
    fn names_of_authzens_clients_are_read() {
        let file = File::parse(
            "[[authzen.resource_types]]\nname = \"record\"\nid = \"external_id\"\n[[authzen.actions]]\nname = \"delete\"\n\
             when = { soft = true }\npermission = \"delete:soft\"",
        );
        let names = file.expect("a file").authzen;
        assert_eq!(names.resource_types[0].id, Some(roster_authzen::IdFormat::ExternalId));
        assert_eq!(names.actions[0].when["soft"], true);
        for bad in [
            "[[authzen.actions]]\nname = \"x\"",
            "[[authzen.subject_types]]\nname = \"x\"\nid = \"roman\"",
            "[authzen]\nnames = 1",
        ] {
            assert!(File::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_known_key_is_read() {
        // A key in the list without a field would be silently ignored, so each gets a value that has no field's type.
        for key in KEYS {
            assert!(File::parse(&format!("{key} = [[]]")).is_err(), "{key}");
        }
        for key in SCIM {
            assert!(File::parse(&format!("[scim]\n{key} = [[]]")).is_err(), "{key}");
        }
        for key in LIMITS {
            assert!(File::parse(&format!("[limits]\n{key} = [[]]")).is_err(), "{key}");
        }
    }
}

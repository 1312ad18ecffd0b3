//! Environment variables: those that say nothing, and those that nobody reads.

use std::ffi::OsStr;

use clap::CommandFactory;

use super::BOOTSTRAP_KEY;
use crate::cli::Cli;

/// Whether a variable is there and empty, as `${VAR:-}` in a compose file leaves it. Then it counts as one that isn't there.
pub(crate) fn says_nothing(name: impl AsRef<OsStr>) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Logs a warning for each variable that looks like a misspelt one of ours.
pub(crate) fn log_unknown_variables() {
    for (name, meant) in unknown() {
        tracing::warn!(name, meant, "an environment variable that begins with ROSTER_ is not known");
    }
}

/// Says so where there is no log, and standard output is for results; but only of what looks like one of ours, since commands are many.
pub(crate) fn print_unknown_variables() {
    for (name, meant) in unknown() {
        if let Some(meant) = meant {
            eprintln!("roster: the environment variable {name} is not known; did you mean {meant}?");
        }
    }
}

/// Variables that look like misspelt ones of ours, each with the one that may be meant.
///
/// They are only warned of: Kubernetes puts variables such as `ROSTER_SERVICE_HOST` and `ROSTER_PORT` there by itself when a
/// service is named roster.
fn unknown() -> Vec<(String, Option<String>)> {
    let known = known();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = names.filter(|name| name.starts_with("ROSTER_") && !known.contains(name) && !says_nothing(name));
    let with_meant = |name: String| {
        let meant = nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
        (name, meant)
    };
    unknown.map(with_meant).collect()
}

fn known() -> Vec<String> {
    let command = Cli::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let of_flags = commands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
    let mut known: Vec<_> = of_flags.filter_map(|name| name.to_str().map(str::to_owned)).collect();
    known.push(BOOTSTRAP_KEY.to_owned());
    known
}

/// The name most like `word`, if one is at all.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    let rated = names.map(|name| (strsim::normalized_damerau_levenshtein(word, name), name));
    rated.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_variables_and_the_nearest_of_them() {
        let known = known();
        for name in ["ROSTER_LISTEN", "ROSTER_DATABASE_URL", BOOTSTRAP_KEY] {
            assert!(known.iter().any(|known| known == name), "{name}");
        }
        let meant = |name: &str| nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        assert_eq!(meant("ROSTER_DATABSE_URL").as_deref(), Some("ROSTER_DATABASE_URL"));
        assert_eq!(meant("ROSTER_SERVICE_PORT_HTTP"), None);
    }
}

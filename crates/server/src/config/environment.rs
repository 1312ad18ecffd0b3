//! Environment variables: empty ones, and unknown ones.

use std::ffi::OsStr;

use clap::CommandFactory;

use super::BOOTSTRAP_KEY;
use crate::cli::Cli;

/// Whether a variable is set and empty, as `${VAR:-}` in a compose file leaves it. It is then treated as unset.
pub(crate) fn is_empty_variable(name: impl AsRef<OsStr>) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Logs a warning for each unknown variable that begins with `ROSTER_`.
pub(crate) fn log_unknown_variables() {
    for (name, meant) in unknown() {
        tracing::warn!(name, meant, "an environment variable that begins with ROSTER_ is not known");
    }
}

/// The same for commands, which have no log and use standard output for results: prints to standard error, and only variables that
/// resemble a known one, since commands are run often.
pub(crate) fn print_unknown_variables() {
    for (name, meant) in unknown() {
        if let Some(meant) = meant {
            eprintln!("roster: the environment variable {name} is not known; did you mean {meant}?");
        }
    }
}

/// Unknown variables that begin with `ROSTER_`, each with the known one that may be meant.
///
/// They only cause warnings: Kubernetes itself sets variables such as `ROSTER_SERVICE_HOST` and `ROSTER_PORT` when a service is
/// named roster.
fn unknown() -> Vec<(String, Option<String>)> {
    let known = known();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = names.filter(|name| name.starts_with("ROSTER_") && !known.contains(name) && !is_empty_variable(name));
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

/// The name most similar to `word`, if any is similar enough.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const MIN_SIMILARITY: f64 = 0.7;
    let rated = names.map(|name| (strsim::normalized_damerau_levenshtein(word, name), name));
    rated.filter(|(likeness, _)| *likeness >= MIN_SIMILARITY).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
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

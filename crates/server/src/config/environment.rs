//! Environment variables that nobody reads.

use clap::CommandFactory;

use super::BOOTSTRAP_KEY;
use crate::cli::Cli;

/// Logs a warning for each variable that looks like a misspelt one of ours.
///
/// Only a warning: Kubernetes puts variables such as `ROSTER_SERVICE_HOST` and `ROSTER_PORT` there by itself when a service
/// is named roster.
pub(crate) fn warn_of_unknown_variables() {
    let known = known();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("ROSTER_") && !known.contains(name)) {
        let meant = nearest(&name, known.iter().map(String::as_str));
        tracing::warn!(name, meant, "an environment variable that begins with ROSTER_ is not known");
    }
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

//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches as _, Parser, Subcommand};

use crate::Settings;
use crate::commands::database::{BackupArgs, CopyArgs, RestoreArgs};
use crate::commands::member::MemberArgs;
use crate::commands::openapi::OpenapiArgs;
use crate::commands::org::OrgArgs;
use crate::commands::owner::OwnerArgs;
use crate::commands::realm::RealmArgs;
use crate::commands::token::TokenArgs;
use crate::commands::transfer::{ExportArgs, ImportArgs};
use crate::commands::user::UserArgs;
use crate::commands::verify::VerifyArgs;
use crate::config::{File, Index, LogFormat, is_empty_variable};

/// Roster: who belongs to which organization, behind the APIs that your applications already speak.
#[derive(Debug, Parser)]
#[command(name = "roster", version, about, after_help = "Without a command, roster serves.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub common: CommonArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server (this is what roster does without a command)
    Serve(Box<ServeArgs>),
    /// Work on realms, closed worlds of users and organizations
    Realm(RealmArgs),
    /// Work on users
    User(UserArgs),
    /// Work on organizations
    #[command(alias = "organization")]
    Org(OrgArgs),
    /// Work on memberships
    Member(MemberArgs),
    /// Work on who owns an organization
    Owner(OwnerArgs),
    /// Work on tokens, the keys to the API
    Token(TokenArgs),
    /// Write a realm into a file, one JSON object a line
    Export(ExportArgs),
    /// Bring users, organizations and memberships from a file into a realm
    Import(ImportArgs),
    /// Copy a whole database into an empty one, from SQLite to PostgreSQL or back
    Copy(CopyArgs),
    /// Write the whole database into a file, while it is in use
    Backup(BackupArgs),
    /// Put a backup where there is no database yet
    Restore(RestoreArgs),
    /// Compare every realm's event log with its tables and rules; exits with 1 if they disagree
    Verify(VerifyArgs),
    /// Print the OpenAPI document of a surface
    Openapi(OpenapiArgs),
}

/// Arguments of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CommonArgs {
    /// Configuration file, in TOML
    #[arg(long, global = true, env = "ROSTER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Database [default: sqlite://roster.db]
    #[arg(long, global = true, env = "ROSTER_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
}

/// Arguments of `roster serve`. What is left out is taken from the configuration file, else it has a default.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "ROSTER_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Replica of the PostgreSQL database, for reads that it is up to date enough for
    #[arg(long, env = "ROSTER_READ_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub read_database: Option<String>,
    /// How much of the membership graph is kept in memory; the same for all processes of one database [default: full]
    #[arg(long, env = "ROSTER_INDEX", value_name = "HOW")]
    pub index: Option<Index>,
    /// Where large graphs are kept between starts [default: beside an SQLite file, else nowhere]
    #[arg(long, env = "ROSTER_INDEX_FOLDER", value_name = "FOLDER")]
    pub index_folder: Option<PathBuf>,
    /// How clients reach this server, for links in answers
    #[arg(long, env = "ROSTER_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Don't bring the database up to date; refuse to start on an older one
    #[arg(long, env = "ROSTER_NO_MIGRATE", action = ArgAction::SetTrue, default_value = "", value_parser = OptionalFlagParser)]
    pub no_migrate: OptionalFlag,
    /// How long requests in flight may take when the server is stopped [default: 10]
    #[arg(long, env = "ROSTER_GRACE", value_name = "SECONDS")]
    pub grace: Option<u64>,
    /// What to log: a level, or levels by module as in `info,roster_http=debug` [default: info]
    #[arg(long, env = "ROSTER_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log; auto is text on a terminal and JSON elsewhere [default: auto]
    #[arg(long, env = "ROSTER_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Maximum bytes of a request body [default: 1048576]
    #[arg(long, env = "ROSTER_BODY_LIMIT", value_name = "BYTES")]
    pub body_limit: Option<usize>,
    /// Maximum items of a bulk request [default: 1000]
    #[arg(long, env = "ROSTER_BULK_LIMIT", value_name = "ITEMS")]
    pub bulk_limit: Option<usize>,
    /// Maximum items on a page [default: 500]
    #[arg(long, env = "ROSTER_PAGE_LIMIT", value_name = "ITEMS")]
    pub page_limit: Option<usize>,
    /// How long a request may take [default: 30]
    #[arg(long, env = "ROSTER_REQUEST_TIMEOUT", value_name = "SECONDS")]
    pub request_timeout: Option<u64>,
    /// Maximum concurrent connections; further ones wait [default: 10000]
    #[arg(long, env = "ROSTER_CONNECTIONS", value_name = "NUMBER")]
    pub connections: Option<usize>,
}

/// A flag without a value, whose environment variable can also be false and so override the file; `None` if neither is given.
///
/// An alias, since clap would treat a literal `Option` in the field's type specially.
type OptionalFlag = Option<bool>;

#[derive(Clone, Debug)]
struct OptionalFlagParser;

impl TypedValueParser for OptionalFlagParser {
    type Value = OptionalFlag;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<OptionalFlag, clap::Error> {
        if value.is_empty() {
            return Ok(None);
        }
        BoolishValueParser::new().parse_ref(command, arg, value).map(Some)
    }
}

impl Cli {
    /// Combines flags, environment, file and defaults, in this order of precedence.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let file = self.common.config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        let serve = match &self.command {
            Some(Command::Serve(args)) => args,
            None | Some(_) => &Box::default(),
        };
        Settings::new(&self.common, serve, file)
    }
}

/// Reads the command line, or ends the process with a message.
pub(crate) fn parse() -> Cli {
    read(std::env::args_os().collect()).unwrap_or_else(|error| error.exit())
}

/// `roster` is `roster serve`, and `roster --listen …` is `roster serve --listen …`.
fn read(mut words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let read = read_as_given(&words);
    let serves = match &read {
        Ok(cli) => cli.command.is_none(),
        Err(error) => error.use_stderr() && begins_with_flag(&words) && !names_command(&words),
    };
    if serves {
        words.insert(1.min(words.len()), "serve".into());
        return read_as_given(&words);
    }
    read
}

fn read_as_given(words: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = without_empty_variables(Cli::command()).try_get_matches_from(words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    // The environment variable may be set for the other commands, but the flag must be meant for `copy`, where it is ambiguous.
    let given = matches.value_source("database") == Some(ValueSource::CommandLine);
    if given && matches!(cli.command, Some(Command::Copy(_))) {
        let problem = "copy takes no --database: use --from and --to";
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, problem));
    }
    Ok(cli)
}

/// Ignores empty environment variables, which the flags would interpret in different ways.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty_variable) { arg.env(None::<&str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

fn begins_with_flag(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|word| word.to_string_lossy().starts_with('-'))
}

fn names_command(words: &[OsString]) -> bool {
    let command = Cli::command();
    words.iter().any(|word| command.get_subcommands().any(|known| *word == *known.get_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Cli, clap::Error> {
        read(line.split(' ').map(Into::into).collect())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn roster_alone_serves() {
        for line in ["roster", "roster serve", "roster --database x", "roster --database x serve"] {
            assert!(matches!(words(line), Ok(Cli { command: Some(Command::Serve(_)), .. })), "{line}");
        }
        match words("roster --listen a:1 --database x") {
            Ok(Cli { command: Some(Command::Serve(args)), common }) => {
                assert_eq!((args.listen.as_deref(), common.database.as_deref()), (Some("a:1"), Some("x")));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(words("roster openapi native"), Ok(Cli { command: Some(Command::Openapi(_)), .. })));
    }

    #[test]
    fn a_flag_says_yes_or_nothing_and_its_variable_no_too() {
        let flag = |line: &str| match words(line) {
            Ok(Cli { command: Some(Command::Serve(args)), .. }) => args.no_migrate,
            other => panic!("{other:?}"),
        };
        assert_eq!((flag("roster"), flag("roster --no-migrate --listen a:1")), (None, Some(true)));
        assert!(words("roster serve --no-migrate=false").is_err() && words("roster serve --no-migrate false").is_err());
        let variable = |value: &str| OptionalFlagParser.parse_ref(&Cli::command(), None, OsStr::new(value));
        for (value, said) in [
            ("1", Some(true)),
            ("true", Some(true)),
            ("YES", Some(true)),
            ("0", Some(false)),
            ("false", Some(false)),
            ("No", Some(false)),
            ("", None),
        ] {
            assert_eq!(variable(value).expect("a boolean"), said, "{value}");
        }
        for nonsense in ["ja", "2", "tru"] {
            assert!(variable(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_copy_takes_no_third_database() {
        for line in ["roster copy --from a --to b --database c", "roster --database c copy --from a --to b"] {
            let told = words(line).expect_err("a mistake").to_string();
            assert!(told.contains("--from and --to"), "{told}");
        }
        assert!(matches!(words("roster copy --from a --to b"), Ok(Cli { command: Some(Command::Copy(_)), .. })));
    }

    #[test]
    fn mistakes_are_told_about_the_command_that_was_meant() {
        let told = |line: &str| words(line).expect_err("a mistake").to_string();
        assert!(told("roster --lisen a:1").contains("--listen"));
        assert!(told("roster bogus").contains("unrecognized subcommand"));
        assert!(told("roster --lisen a:1 openapi native").contains("--lisen"));
    }
}

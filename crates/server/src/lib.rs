//! The server: configuration, command line, and all surfaces behind one port.

mod cli;
mod commands;
mod config;
mod operations;
mod serve;
mod stop;
mod surfaces;
mod telemetry;

use std::process::ExitCode;

pub use config::Settings;
pub use roster_authzen::{ActionName, IdFormat, Names, TypeName};
pub use roster_http::{App, Limits};
pub use surfaces::{apis, router};

/// Runs the command that the process was started with.
///
/// Exit codes: 0 success; 1 failure, explained on standard error; 2 invalid command line.
pub fn main() -> ExitCode {
    let cli = cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roster: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<()> {
    let settings = cli.settings()?;
    if matches!(cli.command, None | Some(cli::Command::Serve(_))) {
        telemetry::start(&settings)?;
        config::log_unknown_variables();
    } else {
        config::print_unknown_variables();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = match cli.command {
        None | Some(cli::Command::Serve(_)) => runtime.block_on(serve::serve(settings)),
        Some(cli::Command::Realm(args)) => runtime.block_on(commands::realm::run(&settings, &args)),
        Some(cli::Command::User(args)) => runtime.block_on(commands::user::run(&settings, &args)),
        Some(cli::Command::Org(args)) => runtime.block_on(commands::org::run(&settings, &args)),
        Some(cli::Command::Member(args)) => runtime.block_on(commands::member::run(&settings, &args)),
        Some(cli::Command::Owner(args)) => runtime.block_on(commands::owner::run(&settings, &args)),
        Some(cli::Command::Token(args)) => runtime.block_on(commands::token::run(&settings, &args)),
        Some(cli::Command::Export(args)) => runtime.block_on(commands::transfer::export(&settings, &args)),
        Some(cli::Command::Import(args)) => runtime.block_on(commands::transfer::import(&settings, &args)),
        Some(cli::Command::Copy(args)) => commands::database::copy(&args),
        Some(cli::Command::Backup(args)) => commands::database::backup(&settings, &args),
        Some(cli::Command::Restore(args)) => commands::database::restore(&settings, &args),
        Some(cli::Command::Verify(args)) => runtime.block_on(commands::verify::all(&settings, &args)),
        Some(cli::Command::Openapi(args)) => commands::openapi::run(&args),
    };
    // Anything still running serves a client that reads too slowly, and the grace period is over.
    runtime.shutdown_background();
    done
}

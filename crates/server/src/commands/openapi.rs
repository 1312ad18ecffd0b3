//! `roster openapi`: prints a surface's OpenAPI document, without a server or a database.

use std::io::Write;

use anyhow::Context;

#[derive(clap::Args, Debug)]
pub(crate) struct OpenapiArgs {
    /// The surface to describe
    #[arg(value_parser = words())]
    surface: String,
}

/// The names of all surfaces.
fn words() -> Vec<&'static str> {
    crate::apis().iter().map(|api| api.surface().word()).collect()
}

pub(crate) fn run(args: &OpenapiArgs) -> anyhow::Result<()> {
    let api = crate::apis().into_iter().find(|api| api.surface().word() == args.surface);
    let json = api.context("there is no such surface")?.openapi().to_pretty_json()?;
    writeln!(std::io::stdout().lock(), "{json}")?;
    Ok(())
}

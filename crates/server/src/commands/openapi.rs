//! `roster openapi`: what a surface says of itself, without a server or a database.

use std::io::Write;

use anyhow::Context;

#[derive(clap::Args, Debug)]
pub(crate) struct OpenapiArgs {
    /// native, whylabs, …
    surface: String,
}

pub(crate) fn run(args: &OpenapiArgs) -> anyhow::Result<()> {
    let apis = crate::apis();
    let known: Vec<_> = apis.iter().map(|api| api.surface().word()).collect();
    let api = apis.into_iter().find(|api| api.surface().word() == args.surface);
    let api = api.with_context(|| format!("there is no surface {:?}; there are {}", args.surface, known.join(", ")))?;
    let json = api.openapi().to_pretty_json()?;
    writeln!(std::io::stdout().lock(), "{json}")?;
    Ok(())
}

//! `roster copy`, `backup` and `restore`: whole databases.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use roster_engine::database::{self, Progress};
use serde_json::json;

use super::shell::{Output, explain, lines};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// Database to copy; it may be in use
    #[arg(long, value_name = "URL", env = "ROSTER_COPY_FROM", hide_env_values = true)]
    from: String,
    /// Database to copy to, which must be empty
    #[arg(long, value_name = "URL", env = "ROSTER_COPY_TO", hide_env_values = true)]
    to: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// File to write, which must not be there yet
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// File that `roster backup` wrote
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// A progress bar, shown on a terminal only.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg:18} {wide_bar} {human_pos}/{human_len} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn update(&self, progress: Progress<'_>) {
        if self.0.message() != progress.step {
            self.0.set_message(progress.step.to_owned());
            self.0.reset_eta();
        }
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

pub(crate) fn copy(args: &CopyArgs) -> anyhow::Result<()> {
    let bar = Bar::new();
    let copied = database::copy(&args.from, &args.to, &mut |p| bar.update(p)).map_err(explain)?;
    drop(bar);
    let tables: serde_json::Map<_, _> =
        copied.tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
    args.output.print(&json!({"rows": copied.rows(), "sha256": copied.hash, "tables": tables}), || {
        let mut facts: Vec<_> = copied.tables.iter().map(|(table, rows)| (*table, rows.to_string())).collect();
        facts.push(("sha256", copied.hash.clone()));
        format!("{}Copied and verified: both databases hold the same data.\n", lines(&facts))
    })
}

pub(crate) fn backup(settings: &Settings, args: &BackupArgs) -> anyhow::Result<()> {
    let bar = Bar::new();
    database::backup(&settings.database, &args.file, &mut |p| bar.update(p)).map_err(explain)?;
    drop(bar);
    let bytes = std::fs::metadata(&args.file).with_context(|| args.file.display().to_string())?.len();
    args.output.print(&json!({"file": args.file, "bytes": bytes}), || {
        format!(
            "{} has the whole database ({bytes} bytes). Keep it as safe as the database itself.\n",
            args.file.display()
        )
    })
}

pub(crate) fn restore(settings: &Settings, args: &RestoreArgs) -> anyhow::Result<()> {
    let bar = Bar::new();
    database::restore(&args.file, &settings.database, &mut |p| bar.update(p)).map_err(explain)?;
    drop(bar);
    args.output.print(&json!({"database": settings.database}), || {
        format!("{} has what {} had\n", settings.database, args.file.display())
    })
}

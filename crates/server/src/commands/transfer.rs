//! `roster export` and `roster import`: one realm as a file of lines.

use std::io::{BufWriter, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use roster_engine::Caller;
use roster_engine::database::NewFile;
use roster_transfer::{Error, ExportError, ImportNotice, Input, Options};
use serde_json::json;

use super::shell::{ShellArgs, explain, in_realm, lines};
use crate::Settings;
use crate::stop::StopSignals;

/// Stands for standard input or output.
const STDIO: &str = "-";
/// How many refused lines are printed; the rest are only counted.
const MAX_PRINTED_PROBLEMS: u64 = 100;
/// How often progress is printed if there is no terminal.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    shell: ShellArgs,
    /// Check every line and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Begin at the first line, also where an import of this file was stopped before or is done
    #[arg(long)]
    restart: bool,
    /// File with one JSON object a line; - is standard input
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    shell: ShellArgs,
    /// File to write, which must not be there yet; - is standard output
    #[arg(default_value = STDIO)]
    file: PathBuf,
}

pub(crate) async fn export(settings: &Settings, args: &ExportArgs) -> anyhow::Result<()> {
    let exporting = in_realm(settings, &args.shell, async |session| {
        let mut progress = ProgressReporter::new(None);
        let mut on_progress = |lines| progress.position(lines, 0);
        let written = if args.file == Path::new(STDIO) {
            let mut output = BufWriter::new(std::io::stdout());
            roster_transfer::export(&session.caller, &mut output, &mut on_progress).await
        } else {
            to_file(&session.caller, &args.file, &mut on_progress).await
        };
        progress.finish();
        match written {
            Ok(_) if args.file == Path::new(STDIO) => Ok(()),
            Ok(lines) => {
                let shape = json!({"file": args.file, "lines": lines});
                session.output.print(&shape, || format!("{} has {lines} lines\n", args.file.display()))
            }
            // The reader has closed the pipe, as in `roster export | head`.
            Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(ExportError::Write(error)) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} exists already", args.file.display())
            }
            Err(ExportError::Write(error)) => Err(error).with_context(|| args.file.display().to_string()),
            Err(ExportError::Engine(error)) => Err(explain(error)),
        }
    });
    if args.file == Path::new(STDIO) {
        // Leaves nothing to clean up. And while the write blocks on a full pipe, only the default action of a signal can end it.
        return exporting.await;
    }
    let mut stop = StopSignals::new().context("can't listen for signals")?;
    tokio::select! {
        done = exporting => done,
        // The partial file was removed when the export's future was dropped.
        () = stop.wait() => bail!("interrupted"),
    }
}

async fn to_file(caller: &Caller, file: &Path, on_progress: &mut (dyn FnMut(u64) + Send)) -> Result<u64, ExportError> {
    let new = NewFile::create(file)?;
    let mut output = BufWriter::new(new.as_file());
    let lines = roster_transfer::export(caller, &mut output, on_progress).await?;
    output.flush()?;
    drop(output);
    new.finish()?;
    Ok(lines)
}

pub(crate) async fn import(settings: &Settings, args: &ImportArgs) -> anyhow::Result<()> {
    let input = if args.file == Path::new(STDIO) {
        Input::stdin()
    } else {
        Input::open(&args.file).with_context(|| args.file.display().to_string())?
    };
    let options = Options { dry_run: args.dry_run, restart: args.restart };
    let importing = in_realm(settings, &args.shell, async |session| {
        let mut progress = ProgressReporter::new(input.size());
        let imported =
            roster_transfer::import(&session.caller, input, options, &mut |notice| progress.report(&notice)).await;
        progress.finish();
        let imported = imported.map_err(|error| match error {
            Error::Engine(error) => explain(error),
            other => other.into(),
        })?;
        let shape = json!({
            "dry_run": args.dry_run,
            "records": imported.records,
            "lines": imported.lines,
            "refused": imported.refused,
        });
        session.output.print(&shape, || {
            if imported.nothing_new {
                return String::from("nothing new: this file was imported before\n");
            }
            let counts: Vec<_> = imported.records.iter().map(|(kind, count)| (*kind, count.to_string())).collect();
            lines(&counts)
        })?;
        let state = match imported.lines {
            _ if args.dry_run => String::from("nothing was changed"),
            0 => String::from("nothing was imported"),
            // Not the line before the first refused one: its whole chunk is left out.
            lines => format!("nothing after line {lines} was imported"),
        };
        match imported.refused {
            0 => Ok(()),
            1 => bail!("1 line can't be imported; {state}"),
            number => bail!("{number} lines can't be imported; {state}"),
        }
    });
    let state = match (args.dry_run, args.restart) {
        (true, _) => "nothing was changed",
        (false, true) => "run the same command without --restart to resume",
        (false, false) => "run the same command again to resume",
    };
    let mut stop = StopSignals::new().context("can't listen for signals")?;
    tokio::select! {
        done = importing => done,
        () = stop.wait() => bail!("interrupted; {state}"),
    }
}

/// Reports progress: by a bar on a terminal, else by printing a line now and then.
struct ProgressReporter {
    bar: Option<ProgressBar>,
    size: Option<u64>,
    started: Instant,
    last_printed: Instant,
    first: Option<u64>,
    refused: u64,
}

impl ProgressReporter {
    fn new(size: Option<u64>) -> Self {
        let now = Instant::now();
        Self { bar: bar(size), size, started: now, last_printed: now, first: None, refused: 0 }
    }

    fn report(&mut self, notice: &ImportNotice<'_>) {
        match notice {
            ImportNotice::Resumed(from) => {
                self.first = Some(from.lines);
                self.print(&format!("resuming after line {}, where the last import ended", from.lines));
            }
            ImportNotice::Refused { line, problem } => {
                self.refused += 1;
                if self.refused <= MAX_PRINTED_PROBLEMS {
                    self.print(&format!("line {line}: {problem}"));
                }
            }
            ImportNotice::At { lines, bytes } => self.position(*lines, *bytes),
        }
    }

    fn position(&mut self, lines: u64, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(format!("{lines} lines"));
        } else if self.last_printed.elapsed() >= PROGRESS_INTERVAL {
            self.last_printed = Instant::now();
            let here = lines.saturating_sub(self.first.unwrap_or_default());
            let speed = u128::from(here) * 1000 / self.started.elapsed().as_millis().max(1);
            let part = self
                .size
                .filter(|size| *size > 0)
                .map_or_else(String::new, |size| format!(" ({} %)", bytes.saturating_mul(100) / size));
            eprintln!("{lines} lines{part}, {speed} a second");
        }
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.refused > MAX_PRINTED_PROBLEMS {
            eprintln!("… and {} more", self.refused - MAX_PRINTED_PROBLEMS);
        }
    }
}

fn bar(size: Option<u64>) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = if size.is_some() { "{wide_bar} {percent} % {msg} {eta}" } else { "{spinner} {msg} {elapsed}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    Some(bar)
}

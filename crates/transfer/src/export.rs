//! Exports a realm as lines.

use std::io::{self, Write};

use roster_engine::{self as engine, Caller};

use crate::record::{End, FORMAT, Header, Line, VERSION};
use crate::show::LineBuilder;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the output can't be written")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

fn write_line(output: &mut impl Write, record: &Line) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *output, record).map_err(io::Error::from)?;
    output.write_all(b"\n")?;
    Ok(())
}

/// Writes the caller's realm as lines, in the state of one moment. `on_progress` gets the number of lines written so far. Returns their
/// number in the end.
pub async fn export(
    caller: &Caller,
    output: &mut (impl Write + Send),
    on_progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, ExportError> {
    // Not limited in time: the reader of a pipe may pause, and nobody else waits for the export.
    let mut pieces = caller.export(None).await?;
    let header = Header { format: FORMAT.to_owned(), version: VERSION, end: true, ..Header::default() };
    write_line(output, &Line::Header(header))?;
    let mut lines = 1;
    let builder = LineBuilder::new(caller.root(), caller.roles());
    while let Some(piece) = pieces.next().await {
        for record in piece? {
            write_line(output, &builder.line(record))?;
            lines += 1;
        }
        on_progress(lines);
    }
    write_line(output, &Line::End(End { lines, ..End::default() }))?;
    output.flush()?;
    Ok(lines + 1)
}

//! Writes a realm as lines.

use std::io::{self, Write};

use roster_engine::{self as engine, Caller};

use crate::record::{End, FORMAT, Header, Line, VERSION};
use crate::show::Show;

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the output can't be written")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

fn line(output: &mut impl Write, record: &Line) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *output, record).map_err(io::Error::from)?;
    output.write_all(b"\n")?;
    Ok(())
}

/// Writes everything of the caller's realm that says who belongs where, as it is at one moment. `told` hears how many lines there are. How
/// many they are in the end.
pub async fn export(
    caller: &Caller,
    output: &mut (impl Write + Send),
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, ExportError> {
    // Whoever is behind a pipe may stand still, and nobody else waits for him.
    let mut pieces = caller.export(None).await?;
    let header = Header { format: FORMAT.to_owned(), version: VERSION, end: true, ..Header::default() };
    line(output, &Line::Header(header))?;
    let mut lines = 1;
    let show = Show::new(caller.root(), caller.roles());
    while let Some(piece) = pieces.next().await {
        for one in piece? {
            line(output, &show.one(one))?;
            lines += 1;
        }
        told(lines);
    }
    line(output, &Line::End(End { lines, ..End::default() }))?;
    output.flush()?;
    Ok(lines + 1)
}

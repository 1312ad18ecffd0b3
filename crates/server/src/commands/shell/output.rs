//! Results on standard output: as text, or as one JSON value.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

use clap::Args;
use serde::Serialize;

/// How results are shown.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Print one JSON value
    #[arg(long, global = true)]
    json: bool,
}

impl Output {
    /// Prints `value` as JSON, or `text`.
    pub(crate) fn print(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let mut text = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // The reader has closed the pipe, as in `roster user list | head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Prints a list. In text, the cursor of the next part goes to standard error, since it isn't part of the table.
    pub(crate) fn list<const N: usize>(
        self,
        value: &impl Serialize,
        heads: [&str; N],
        rows: impl Iterator<Item = [String; N]>,
        next: Option<&str>,
    ) -> anyhow::Result<()> {
        self.print(value, || table(heads, rows))?;
        if let Some(next) = next.filter(|_| !self.json) {
            eprintln!("there are more: --cursor {next}");
        }
        Ok(())
    }
}

/// One line for each pair: the name, and the value in a second column.
pub(crate) fn lines(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:width$}  {}", printable(value));
        text
    })
}

/// A table with column headings, each column as wide as its widest cell.
fn table<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let heads = heads.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heads).chain(rows.map(|row| row.map(|cell| printable(&cell)))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A value for output; `-` if there is none.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

/// Replaces control characters: names come from clients and must not inject terminal control sequences or line breaks.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["1", "Ada"], ["22", "\u{1b}[2J\n"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["ID", "NAME"], rows.into_iter()), "ID  NAME\n1   Ada\n22  \u{fffd}[2J\u{fffd}\n");
        assert_eq!(lines(&[("id", "1".into()), ("name", "Ada".into())]), "id    1\nname  Ada\n");
    }
}

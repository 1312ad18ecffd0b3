//! Reads a file line by line and hashes what was read so far.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};
use std::path::Path;

use roster_engine::ImportProgress;
use sha2::{Digest as _, Sha256};

use crate::import::Error;

/// Maximum bytes of a line.
pub(crate) const LINE_MAX: u64 = 8 << 20;
/// How many bytes of a file's beginning are used to tell it from another one.
const BEGINNING: usize = 4096;
const BUFFER: usize = 1 << 18;
/// What some editors put in front of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where lines come from.
#[derive(Debug)]
pub enum Input {
    File(File),
    /// An input that can be read only once.
    Stream(Box<dyn ReadOnce>),
}

/// An input that can be read only once, such as standard input.
pub trait ReadOnce: Read + Send + std::fmt::Debug + 'static {}

impl<R: Read + Send + std::fmt::Debug + 'static> ReadOnce for R {}

impl Input {
    pub fn open(file: &Path) -> io::Result<Self> {
        let file = File::open(file)?;
        // A named pipe can't be read twice, either.
        Ok(if file.metadata()?.is_file() { Self::File(file) } else { Self::Stream(Box::new(file)) })
    }

    pub fn stdin() -> Self {
        Self::Stream(Box::new(io::stdin()))
    }

    /// In bytes, if known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::File(file) => file.metadata().ok().map(|file| file.len()),
            Self::Stream(_) => None,
        }
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Stream(stream) => stream.read(into),
        }
    }
}

/// Reads line by line.
pub(crate) struct Lines {
    reader: BufReader<io::Chain<io::Cursor<Vec<u8>>, Input>>,
    hash: Sha256,
    first: Vec<u8>,
    pub bytes: u64,
    /// The number of the line read last, from 1.
    pub number: u64,
    buffer: Vec<u8>,
}

/// One line.
pub(crate) enum RawLine<'l> {
    Line(&'l [u8]),
    /// Longer than [`LINE_MAX`].
    TooLong,
}

impl Lines {
    /// Resumes where `before` ended and returns true if this is the same file; else begins at its first line.
    pub(crate) fn open(mut input: Input, before: Option<&ImportProgress>) -> Result<(Self, bool), Error> {
        let first = beginning(&mut input)?;
        let resumable = before.filter(|before| {
            let seen = usize::try_from(before.bytes).unwrap_or(usize::MAX).min(BEGINNING);
            first.get(..seen).is_some_and(|first| {
                // Blank beginnings don't identify a file.
                let blank = first.len() as u64 == before.bytes && is_blank(first);
                !blank && hex::encode(Sha256::digest(first)) == before.beginning
            })
        });
        let mut lines = Self::new(first.clone(), input);
        let Some(before) = resumable else { return Ok((lines, false)) };
        if lines.skip(before)? {
            return Ok((lines, true));
        }
        match lines.reader.into_inner().into_inner().1 {
            Input::File(mut file) => {
                file.seek(io::SeekFrom::Start(first.len() as u64))?;
                Ok((Self::new(first, Input::File(file)), false))
            }
            Input::Stream(_) => Err(Error::OtherStream),
        }
    }

    fn new(first: Vec<u8>, input: Input) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER, io::Cursor::new(first.clone()).chain(input)),
            first,
            hash: Sha256::new(),
            bytes: 0,
            number: 0,
            buffer: Vec::new(),
        }
    }

    /// Skips what was imported before. Returns false if the file doesn't begin with that.
    fn skip(&mut self, before: &ImportProgress) -> io::Result<bool> {
        let mut last = b'\n';
        while self.bytes < before.bytes {
            let read = self.reader.fill_buf()?;
            if read.is_empty() {
                return Ok(false);
            }
            let left = usize::try_from(before.bytes - self.bytes).unwrap_or(usize::MAX).min(read.len());
            self.hash.update(&read[..left]);
            last = read[left - 1];
            self.reader.consume(left);
            self.bytes += left as u64;
        }
        // Without a line break at the end, what follows is the rest of the last line.
        self.number = if last == b'\n' { before.lines } else { before.lines.saturating_sub(1) };
        Ok(self.hash() == before.hash)
    }

    /// The SHA-256 of what was read so far, in hex.
    pub(crate) fn hash(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    /// The SHA-256 of the file's first [`BEGINNING`] bytes, as far as they were read, in hex.
    pub(crate) fn beginning(&self) -> String {
        let seen = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(self.first.len());
        hex::encode(Sha256::digest(&self.first[..seen]))
    }

    /// The file's first line, as far as it lies within the first [`BEGINNING`] bytes.
    pub(crate) fn first_line(&self) -> &[u8] {
        let first = self.first.strip_prefix(BOM).unwrap_or(&self.first);
        first.split(|byte| *byte == b'\n').next().unwrap_or_default()
    }

    /// The next line, trimmed. `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.buffer.clear();
        let read = (&mut self.reader).take(LINE_MAX).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.hash.update(&self.buffer);
        self.bytes += read as u64;
        self.number += 1;
        if read as u64 == LINE_MAX && self.buffer.last() != Some(&b'\n') {
            self.skip_rest()?;
            return Ok(Some(RawLine::TooLong));
        }
        let mut line = self.buffer.as_slice();
        if self.number == 1 {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        Ok(Some(RawLine::Line(line.trim_ascii())))
    }
}

impl Lines {
    /// Skips to the end of the line.
    fn skip_rest(&mut self) -> io::Result<()> {
        while self.buffer.last().is_some_and(|last| *last != b'\n') {
            self.buffer.clear();
            let read = (&mut self.reader).take(LINE_MAX).read_until(b'\n', &mut self.buffer)?;
            self.hash.update(&self.buffer);
            self.bytes += read as u64;
        }
        Ok(())
    }
}

fn is_blank(beginning: &[u8]) -> bool {
    beginning.strip_prefix(BOM).unwrap_or(beginning).trim_ascii().is_empty()
}

fn beginning(input: &mut Input) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(BEGINNING);
    input.take(BEGINNING as u64).read_to_end(&mut first)?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use roster_engine::Timestamp;

    use super::*;

    fn input(text: &str) -> Input {
        Input::Stream(Box::new(io::Cursor::new(text.to_owned().into_bytes())))
    }

    /// The progress that is stored after a complete import of a file with this text.
    fn remembered(text: &str) -> ImportProgress {
        let (mut lines, _) = Lines::open(input(text), None).expect("an input");
        while lines.next().expect("an input").is_some() {}
        ImportProgress {
            beginning: lines.beginning(),
            hash: lines.hash(),
            bytes: lines.bytes,
            lines: lines.number,
            finished: true,
            begun: Timestamp::from_ms(0),
            updated: Timestamp::from_ms(0),
        }
    }

    #[test]
    fn nothing_goes_on_behind_what_said_nothing() {
        const LINE: &str = "{\"type\":\"user\"}\n";
        for nothing in ["", "\u{feff}", "  ", "\u{feff}\r\n\n"] {
            let before = remembered(nothing);
            let opened = Lines::open(input(&format!("{nothing}{LINE}")), Some(&before));
            let (lines, resumed) = opened.expect("an input");
            assert_eq!((resumed, lines.bytes, lines.number), (false, 0, 0), "{nothing:?}");
        }
        // Blank lines are no reason to do the others twice.
        for something in [LINE.to_owned(), format!("\n\n{LINE}"), format!("{}{LINE}", "\n".repeat(2 * BEGINNING))] {
            let before = remembered(&something);
            let opened = Lines::open(input(&format!("{something}{LINE}")), Some(&before));
            let (lines, resumed) = opened.expect("an input");
            assert_eq!((resumed, lines.bytes, lines.number), (true, before.bytes, before.lines));
        }
    }
}

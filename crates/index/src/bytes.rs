//! Writes and reads numbers, with a checksum at the end of the stream.

use std::io::{self, Read, Write};

const CHUNK: usize = 256 << 10;
/// Length of the checksum in bytes.
const CHECKSUM_LENGTH: u64 = 4;

pub(crate) fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(crate) struct ChecksumWriter<W> {
    out: W,
    buffer: Vec<u8>,
    sum: crc32fast::Hasher,
}

impl<W: Write> ChecksumWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, buffer: Vec::with_capacity(CHUNK), sum: crc32fast::Hasher::new() }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > CHUNK {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sum.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    pub(crate) fn u8(&mut self, number: u8) -> io::Result<()> {
        self.bytes(&[number])
    }

    pub(crate) fn u32(&mut self, number: u32) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn i64(&mut self, number: i64) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    pub(crate) fn count(&mut self, count: usize) -> io::Result<()> {
        self.u32(u32::try_from(count).map_err(|_| invalid("too many for a snapshot"))?)
    }

    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.count(text.len())?;
        self.bytes(text.as_bytes())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        let sum = self.sum.finalize();
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.flush()
    }
}

pub(crate) struct ChecksumReader<R> {
    source: R,
    /// Bytes that are still to be read, without the checksum.
    left: u64,
    buffer: Vec<u8>,
    at: usize,
    sum: crc32fast::Hasher,
}

impl<R: Read> ChecksumReader<R> {
    /// For a stream of `length` bytes.
    pub(crate) fn new(input: R, length: u64) -> io::Result<Self> {
        let left = length.checked_sub(CHECKSUM_LENGTH).ok_or_else(|| invalid("too short"))?;
        Ok(Self { source: input, left, buffer: Vec::new(), at: 0, sum: crc32fast::Hasher::new() })
    }

    /// Buffers at least so many bytes, or fails if there are fewer.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let had = self.buffer.len();
        let more = usize::try_from(self.left).unwrap_or(usize::MAX).min(count.max(CHUNK) - had);
        self.buffer.resize(had + more, 0);
        let fresh = self.buffer.get_mut(had..).unwrap_or_default();
        self.source.read_exact(fresh)?;
        self.sum.update(fresh);
        self.left -= more as u64;
        if self.buffer.len() < count { Err(invalid("it ends early")) } else { Ok(()) }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        if self.buffer.len() - self.at < N {
            self.fill(N)?;
        }
        let bytes = self.buffer.get(self.at..self.at + N).and_then(|bytes| bytes.try_into().ok());
        self.at += N;
        bytes.ok_or_else(|| invalid("it ends early"))
    }

    pub(crate) fn u8(&mut self) -> io::Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> io::Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Reads a number of items of at least `size` bytes each, which must all be there: a corrupt number must not cause
    /// a huge allocation.
    pub(crate) fn count(&mut self, size: u64) -> io::Result<usize> {
        let count = self.u32()?;
        let at_hand = self.left + (self.buffer.len() - self.at) as u64;
        if u64::from(count) * size > at_hand {
            return Err(invalid("more than there is"));
        }
        Ok(count as usize)
    }

    pub(crate) fn text(&mut self) -> io::Result<String> {
        let length = self.count(1)?;
        if self.buffer.len() - self.at < length {
            self.fill(length)?;
        }
        let bytes = self.buffer.get(self.at..self.at + length).ok_or_else(|| invalid("it ends early"))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| invalid("no text"))?;
        self.at += length;
        Ok(text)
    }

    /// Checks that nothing is left, and that the checksum is right.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.left > 0 || self.at < self.buffer.len() {
            return Err(invalid("it goes on"));
        }
        let mut sum = [0; 4];
        self.source.read_exact(&mut sum)?;
        if self.sum.finalize() == u32::from_le_bytes(sum) { Ok(()) } else { Err(invalid("it was damaged")) }
    }
}

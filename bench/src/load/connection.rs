//! One connection of a load, with one request at a time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::Source;
use super::answer::Answer;

pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    sent: usize,
    since: Instant,
    answer: Answer,
}

impl Connection {
    pub fn open(address: SocketAddr, registry: &Registry, token: Token) -> Result<Self> {
        let stream = std::net::TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, request: Vec::new(), sent: 0, since: Instant::now(), answer: Answer::default() })
    }

    /// `since`: the moment from which its latency is measured.
    pub fn send(&mut self, since: Instant, source: &mut Source<'_>) -> Result<()> {
        self.request.clear();
        source(&mut self.request);
        self.answer.clear();
        (self.sent, self.since) = (0, since);
        self.flush()
    }

    /// Sends what couldn't be sent before.
    pub fn flush(&mut self) -> Result<()> {
        while self.sent < self.request.len() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns whether the answer is complete. Then nothing more can arrive, so it doesn't read until the socket would block.
    pub fn receive(&mut self, scratch: &mut [u8]) -> Result<bool> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) if self.answer.take(&scratch[..read])? => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub const fn since(&self) -> Instant {
        self.since
    }

    pub const fn bytes(&self) -> usize {
        self.answer.bytes
    }
}

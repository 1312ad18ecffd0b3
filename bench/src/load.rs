//! A load of keep-alive connections, each on a thread that sends a request and reads its answer, again and again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Answers per second.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub f64);

#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub round: Duration,
}

pub fn get(path: &str, key: Option<&str>) -> Vec<u8> {
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{key}\r\n").into_bytes()
}

pub fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// How long the body of the answer to this request is.
pub fn bytes_of_answer(address: SocketAddr, request: &[u8]) -> Result<usize> {
    let mut connection = Connection::open(address)?;
    connection.exchange(request)
}

impl Load {
    /// `request` is asked for each request, with the numbers of its connection and of the request on it.
    pub fn run(self, request: impl Fn(usize, u64) -> Vec<u8> + Sync) -> Result<Rate> {
        let done = AtomicU64::new(0);
        let start = Barrier::new(self.connections + 1);
        let elapsed = std::thread::scope(|scope| -> Result<Duration> {
            let workers: Vec<_> = (0..self.connections)
                .map(|number| {
                    let (done, start, request) = (&done, &start, &request);
                    scope.spawn(move || -> Result<()> {
                        let connection = Connection::open(self.address);
                        start.wait();
                        let mut connection = connection?;
                        let until = Instant::now() + self.round;
                        let mut count = 0;
                        while Instant::now() < until {
                            connection.exchange(&request(number, count))?;
                            count += 1;
                        }
                        done.fetch_add(count, Ordering::Relaxed);
                        Ok(())
                    })
                })
                .collect();
            start.wait();
            let begin = Instant::now();
            for worker in workers {
                worker.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??;
            }
            Ok(begin.elapsed())
        })?;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        Ok(Rate(done.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64()))
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads the whole answer; how long its body is.
    fn exchange(&mut self, request: &[u8]) -> Result<usize> {
        self.stream.write_all(request)?;
        let mut have = 0;
        let (head, length) = loop {
            let read = self.stream.read(&mut self.buffer[have..])?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            have += read;
            if let Some(end) = self.buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                if !head.starts_with("HTTP/1.1 2") {
                    bail!("{}", String::from_utf8_lossy(&self.buffer[..have]));
                }
                let length = head
                    .lines()
                    .find_map(|line| {
                        line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().to_owned())
                    })
                    .context("an answer without its length")?;
                break (end + 4, length.parse::<usize>()?);
            }
        };
        let mut rest = (head + length).saturating_sub(have);
        while rest > 0 {
            let most = rest.min(self.buffer.len());
            let read = self.stream.read(&mut self.buffer[..most])?;
            if read == 0 {
                bail!("the server closed the connection in an answer");
            }
            rest -= read;
        }
        Ok(length)
    }
}

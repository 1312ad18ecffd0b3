//! Single requests, for what is set up before the clock runs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::load::{self, Key};

/// The status, and the body if it is JSON.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// An error unless the status is 2xx.
    pub fn good(self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        Ok(self.body)
    }
}

pub fn ask(address: SocketAddr, method: &str, path: &str, key: Key<'_>, body: Option<&str>) -> Result<Reply> {
    exchange(address, &load::request(method, path, key, body))
}

pub fn exchange(address: SocketAddr, request: &[u8]) -> Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let end = request.windows(2).position(|two| two == b"\r\n").context("a request")? + 2;
    let (line, rest) = request.split_at(end);
    stream.write_all(&[line, b"Connection: close\r\n", rest].concat())?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8(text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("an answer with a head")?;
    let status = head.split(' ').nth(1).context("a status")?.parse()?;
    let chunked = head.lines().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = if chunked { joined(body)? } else { body.to_owned() };
    Ok(Reply { status, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) })
}

/// The chunks without what is between them.
fn joined(mut rest: &str) -> Result<String> {
    let mut whole = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n").context("a chunk")?;
        let length = usize::from_str_radix(length, 16)?;
        if length == 0 {
            return Ok(whole);
        }
        whole.push_str(after.get(..length).context("a chunk's bytes")?);
        rest = after.get(length + 2..).context("a chunk's end")?;
    }
}

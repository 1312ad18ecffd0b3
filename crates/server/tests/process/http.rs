//! A small HTTP client with one connection, one request at a time, and control over every byte.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// One connection, made when it is first needed and kept.
#[derive(Debug)]
pub struct Client {
    address: String,
    key: String,
    connection: Option<BufReader<TcpStream>>,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A string of the body, by JSON pointer.
    pub fn str(&self, pointer: &str) -> String {
        let json = self.json();
        json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {json}")).to_owned()
    }

    /// Itself, if it has this status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Client {
    pub fn new(address: &str, key: &str) -> Self {
        Self { address: address.to_owned(), key: key.to_owned(), connection: None }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, None).expect("an answer")
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body)).expect("an answer")
    }

    /// Sends a request and reads the whole answer. An error when the connection ends before that.
    pub fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.call_with(method, path, &[], body)
    }

    pub fn call_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = self.head(method, path, body.len());
        for (name, value) in headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        self.send(format!("{head}\r\n{body}").as_bytes())?;
        let answer = self.receive()?;
        if answer.header("connection") == Some("close") {
            self.connection = None;
        }
        Ok(answer)
    }

    /// The first lines of a request, without the empty one that ends them.
    pub fn head(&self, method: &str, path: &str, length: usize) -> String {
        let Self { address, key, .. } = self;
        let content = if length > 0 { "Content-Type: application/json\r\n" } else { "" };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             {content}Content-Length: {length}\r\n"
        )
    }

    /// Sends these bytes and nothing else.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            // Longer than any test waits on purpose; without it a lost answer would hang the tests.
            stream.set_read_timeout(Some(Duration::from_mins(1)))?;
            self.connection = Some(BufReader::new(stream));
        }
        let connection = self.connection.as_mut().ok_or(ErrorKind::NotConnected)?;
        connection.get_mut().write_all(bytes)
    }

    /// Reads one answer.
    pub fn receive(&mut self) -> Result<Answer> {
        let connection = self.connection.as_mut().ok_or(ErrorKind::NotConnected)?;
        let status = line(connection)?;
        let status = status.split(' ').nth(1).and_then(|number| number.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut headers = Vec::new();
        loop {
            let line = line(connection)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = line(connection)?;
                let size = usize::from_str_radix(&size, 16).map_err(|_| ErrorKind::InvalidData)?;
                answer.body.extend(exactly(connection, size)?);
                line(connection)?;
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
            answer.body = exactly(connection, length)?;
        }
        Ok(answer)
    }

    /// Hangs up.
    pub fn close(&mut self) {
        self.connection = None;
    }
}

/// A line without its end. The end of the connection is an error.
fn line(connection: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(Error::from(ErrorKind::UnexpectedEof)),
    }
}

fn exactly(connection: &mut BufReader<TcpStream>, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    connection.read_exact(&mut bytes)?;
    Ok(bytes)
}

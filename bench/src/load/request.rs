//! Requests as bytes, made before the clock runs.

use std::fmt::Write as _;

/// How the key is sent.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    None,
    Bearer(&'a str),
    /// Raw header lines, each with its line break.
    Lines(&'a str),
}

pub fn get(path: &str, key: Key<'_>) -> Vec<u8> {
    request("GET", path, key, None)
}

pub fn post(path: &str, key: Key<'_>, body: &str) -> Vec<u8> {
    request("POST", path, key, Some(body))
}

pub fn request(method: &str, path: &str, key: Key<'_>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n");
    let _ = match key {
        Key::None => Ok(()),
        Key::Bearer(key) => write!(text, "Authorization: Bearer {key}\r\n"),
        Key::Lines(lines) => text.write_str(lines),
    };
    let body = body.unwrap_or_default();
    if method != "GET" {
        let _ = write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

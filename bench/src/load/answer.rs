//! Parses HTTP/1.1 responses just far enough to know where they end and whether they succeeded.

use anyhow::{Context as _, Result, bail};

/// The progress of one response.
#[derive(Debug, Default)]
pub struct Answer {
    head: Vec<u8>,
    body: Body,
    /// Bytes of the body received so far.
    pub bytes: usize,
}

#[derive(Debug, Default)]
enum Body {
    /// The head isn't complete.
    #[default]
    Unknown,
    /// This many bytes are still to come.
    Rest(usize),
    /// Chunked, with the last bytes seen.
    Chunked([u8; 5]),
}

const LAST_CHUNK: &[u8; 5] = b"0\r\n\r\n";

impl Answer {
    pub fn clear(&mut self) {
        self.head.clear();
        self.body = Body::Unknown;
        self.bytes = 0;
    }

    /// Takes what has arrived. Returns whether the response is complete.
    pub fn take(&mut self, mut arrived: &[u8]) -> Result<bool> {
        if matches!(self.body, Body::Unknown) {
            let before = self.head.len();
            self.head.extend_from_slice(arrived);
            let Some(end) = end_of_head(&self.head, before) else { return Ok(false) };
            arrived = &arrived[end - before..];
            self.body = self.read_head(end, arrived)?;
        }
        self.bytes += arrived.len();
        match &mut self.body {
            Body::Unknown => Ok(false),
            Body::Rest(rest) => {
                *rest = rest.checked_sub(arrived.len()).context("an answer that is longer than it says")?;
                Ok(*rest == 0)
            }
            Body::Chunked(last) => {
                for byte in &arrived[arrived.len().saturating_sub(last.len())..] {
                    last.rotate_left(1);
                    last[4] = *byte;
                }
                Ok(last == LAST_CHUNK)
            }
        }
    }

    fn read_head(&self, end: usize, body: &[u8]) -> Result<Body> {
        let head = std::str::from_utf8(&self.head[..end])?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{head}{}", String::from_utf8_lossy(body));
        }
        if head.starts_with("HTTP/1.1 204") {
            return Ok(Body::Rest(0));
        }
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                return Ok(Body::Rest(value.trim().parse()?));
            }
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Ok(Body::Chunked(*b"\0\0\0\0\0"));
            }
        }
        bail!("an answer without its length: {head}")
    }
}

/// Where the body begins. The bytes before `from` were already searched.
fn end_of_head(head: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    head[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

#[cfg(test)]
mod tests {
    use super::Answer;

    fn complete_after(parts: &[&str]) -> Option<(usize, usize)> {
        let mut answer = Answer::default();
        parts.iter().position(|part| answer.take(part.as_bytes()).expect("an answer")).map(|last| (last, answer.bytes))
    }

    #[test]
    fn an_answer_is_over_when_its_body_is() {
        assert_eq!(complete_after(&["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"]), Some((0, 3)));
        assert_eq!(complete_after(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r", "\n\r", "\na", "bc"]), Some((3, 3)));
        assert_eq!(complete_after(&["HTTP/1.1 204 No Content\r\n\r\n"]), Some((0, 0)));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        assert_eq!(complete_after(&[chunked, "0\r\n", "\r\n"]), Some((2, 13)));
        assert_eq!(complete_after(&[chunked]), None);
    }

    #[test]
    fn what_went_wrong_is_told() {
        let error = Answer::default().take(b"HTTP/1.1 404 Not Found\r\n\r\nno").expect_err("refused");
        assert!(error.to_string().contains("404"));
        assert!(Answer::default().take(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc").is_err());
    }
}

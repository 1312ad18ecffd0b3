//! The start-up message on standard output.

use std::io::Write;
use std::net::SocketAddr;

use super::reachable_url;

/// Prints the server's address and its first key, if one was made. Scripts parse these lines by their first words.
pub(super) fn announce(address: SocketAddr, database: &str, first_key: Option<&str>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    write(&mut out, address, database, first_key)?;
    out.flush()
}

fn write(out: &mut impl Write, address: SocketAddr, database: &str, first_key: Option<&str>) -> std::io::Result<()> {
    let near = reachable_url(address);
    writeln!(out, "Roster {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "listening on http://{address}")?;
    writeln!(out, "database {database}")?;
    writeln!(out, "documentation {near}/docs")?;
    let Some(key) = first_key else { return Ok(()) };
    writeln!(out, "realm key {key}")?;
    writeln!(out)?;
    writeln!(out, "Keep this key: it grants full access, and it is shown only now. Create a first user with it:")?;
    writeln!(out)?;
    writeln!(
        out,
        "curl {near}/v1/users -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"email\": \"ada@example.com\", \"first_name\": \"Ada\", \"last_name\": \"Lovelace\"}}'"
    )?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn scripts_find_address_and_key() {
        let mut text = Vec::new();
        let address = "0.0.0.0:81".parse().expect("an address");
        write(&mut text, address, "sqlite://roster.db", Some("k")).expect("written");
        let text = String::from_utf8(text).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        for line in ["listening on http://0.0.0.0:81", "database sqlite://roster.db", "realm key k"] {
            assert!(lines.contains(&line), "{line}");
        }
        assert!(text.contains("curl http://127.0.0.1:81/v1/users"));
    }
}

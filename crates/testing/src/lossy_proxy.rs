//! A proxy to a PostgreSQL server that can drop a response and then cut the connection, as when a cable is pulled out.

use std::io::{Read, Result, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::Database;

/// The name of the socket that PostgreSQL's clients look for in a folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// Relays between a database and the clients that connect to [`Self::url`].
#[derive(Debug)]
pub struct LossyProxy {
    url: String,
    armed: Arc<AtomicBool>,
    _folder: TempDir,
}

impl LossyProxy {
    /// For a database on a server that listens on a socket in a folder, such as that of `tests/postgres.sh`. Only connections on which the
    /// client has sent `trigger` can lose a response.
    pub fn for_database(database: &Database, trigger: &'static str) -> Self {
        let (user, rest) = database.url().split_once('@').expect("a user");
        let (host, name) = rest.split_once('/').expect("a database");
        let server_folder = host.strip_suffix(":5432").expect("the usual port").replace("%2F", "/");
        assert!(server_folder.starts_with('/'), "{server_folder} is not a folder with a socket");
        let folder = tempfile::tempdir().expect("a folder");
        let proxy_folder = folder.path().to_str().expect("plain letters").replace('/', "%2F");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let armed = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&armed);
        // The thread ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let _ =
                    client.and_then(|client| relay(client, &Path::new(&server_folder).join(SOCKET), trigger, &shared));
            }
        });
        Self { url: format!("{user}@{proxy_folder}:5432/{name}"), armed, _folder: folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drops the next response on a connection that has sent the trigger, and closes that connection.
    pub fn drop_next_response(&self) {
        self.armed.store(true, Ordering::Release);
    }
}

fn relay(client: UnixStream, server: &Path, trigger: &'static str, armed: &Arc<AtomicBool>) -> Result<()> {
    let server = UnixStream::connect(server)?;
    let triggered = Arc::new(AtomicBool::new(false));
    let (requests, to_server, seen) = (client.try_clone()?, server.try_clone()?, Arc::clone(&triggered));
    std::thread::spawn(move || {
        copy_while(requests, to_server, |bytes| {
            let found = bytes.windows(trigger.len()).any(|part| part == trigger.as_bytes());
            seen.fetch_or(found, Ordering::AcqRel);
            true
        });
    });
    let armed = Arc::clone(armed);
    std::thread::spawn(move || {
        copy_while(server, client, |_| !(triggered.load(Ordering::Acquire) && armed.swap(false, Ordering::AcqRel)));
    });
    Ok(())
}

/// Copies until one side is closed or `forward` returns false, then closes both.
fn copy_while(mut from: UnixStream, mut to: UnixStream, forward: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !forward(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // This also ends the thread that copies in the other direction.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! A way to a PostgreSQL server on which an answer can be lost, and with it the connection: as when a cable is pulled out, without a goodbye.

use std::io::{Read, Result, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::Database;

/// The socket's name, as PostgreSQL's clients look for it in a folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// Stands between a database and whoever connects to [`Self::url`].
#[derive(Debug)]
pub struct DeafWay {
    url: String,
    deaf: Arc<AtomicBool>,
    _folder: TempDir,
}

impl DeafWay {
    /// To a database on a server that listens on a socket in a folder, such as that of `tests/postgres.sh`. `mark` is what somebody has said of
    /// whom an answer may be lost.
    pub fn to(database: &Database, mark: &'static str) -> Self {
        let (user, rest) = database.url().split_once('@').expect("a user");
        let (place, name) = rest.split_once('/').expect("a database");
        let there = place.strip_suffix(":5432").expect("the usual port").replace("%2F", "/");
        assert!(there.starts_with('/'), "{there} is no folder with a socket");
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().to_str().expect("plain letters").replace('/', "%2F");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let deaf = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&deaf);
        // It ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let _ = client.and_then(|client| lead(client, &Path::new(&there).join(SOCKET), mark, &told));
            }
        });
        Self { url: format!("{user}@{here}:5432/{name}"), deaf, _folder: folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next answer to somebody who has said the mark doesn't come to him, nor anything after it.
    pub fn lose_an_answer(&self) {
        self.deaf.store(true, Ordering::Release);
    }
}

fn lead(client: UnixStream, server: &Path, mark: &'static str, deaf: &Arc<AtomicBool>) -> Result<()> {
    let server = UnixStream::connect(server)?;
    let marked = Arc::new(AtomicBool::new(false));
    let (asking, asked, said) = (client.try_clone()?, server.try_clone()?, Arc::clone(&marked));
    std::thread::spawn(move || {
        pass(asking, asked, |bytes| {
            let says = bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            said.fetch_or(says, Ordering::AcqRel);
            true
        });
    });
    let deaf = Arc::clone(deaf);
    std::thread::spawn(move || {
        pass(server, client, |_| !(marked.load(Ordering::Acquire) && deaf.swap(false, Ordering::AcqRel)));
    });
    Ok(())
}

/// Until one of them is gone, or something isn't to be passed on.
fn pass(mut from: UnixStream, mut to: UnixStream, may: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !may(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Whoever is on the other thread hears of it.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

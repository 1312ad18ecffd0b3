//! The real server binary, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::ask;
use crate::backends::Backends;
use crate::comparison::Service;
use crate::cores::{Cores, Place};
use crate::load::Key;
use crate::process::Process;
use crate::world::Store;

/// The key of every realm that the bench creates.
pub const SECRET: &str = "a-realm-key-for-the-bench";
pub const KEY: Key<'static> = Key::Bearer(SECRET);

/// The log message after which a server answers checks from memory.
const IN_MEMORY: &str = "a realm is in memory";
/// The maximum time to load a realm into memory.
const TIMEOUT: Duration = Duration::from_mins(10);
/// The maximum time to wait for a server to become idle, and how often its CPU time is polled meanwhile.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(200);

pub struct Roster {
    process: Process,
    /// The PostgreSQL processes that work for it.
    backends: Option<Backends>,
    in_memory: Arc<AtomicBool>,
}

impl Roster {
    pub fn start(cores: &Cores, place: Place, store: &Store) -> Result<Self> {
        Self::start_keeping(cores, place, store, None)
    }

    /// Starts a server that keeps its graphs for the next start, if a folder is given.
    pub fn start_keeping(cores: &Cores, place: Place, store: &Store, folder: Option<&Path>) -> Result<Self> {
        let backends = store.server().map(|server| Backends::of(server, cores, place)).transpose()?;
        let mut command = command(store)?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn,roster_store::index=info"]);
        if let Some(folder) = folder {
            command.arg("--index-folder").arg(folder);
        }
        command.stderr(Stdio::piped());
        let mut process = Process::start(cores, place, command)?;
        let errors = process.errors().context("the log of a server")?;
        let in_memory = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&in_memory);
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(std::io::Result::ok) {
                if line.contains(IN_MEMORY) {
                    seen.store(true, Ordering::Relaxed);
                } else if !line.contains(r#""level":"INFO""#) {
                    eprintln!("{line}");
                }
            }
        });
        Ok(Self { process, backends, in_memory })
    }

    /// Waits until the realm is loaded into memory.
    pub fn once_in_memory(self) -> Result<Self> {
        let question = r#"{"email":"nobody@example.com","organization_id":"nowhere","role":"member"}"#;
        self.ask("POST", "/v1/check", Some(question))?;
        let begin = Instant::now();
        while !self.is_in_memory() {
            ensure!(begin.elapsed() < TIMEOUT, "the realm isn't in memory after {TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self)
    }

    /// Waits until the work left after the last answer is done, such as checkpointing the write-ahead log.
    pub fn wait_until_idle(&self) -> Result<()> {
        let begin = Instant::now();
        let mut before = self.cpu()?;
        while begin.elapsed() < IDLE_TIMEOUT {
            std::thread::sleep(IDLE_POLL_INTERVAL);
            let now = self.cpu()?;
            if now.saturating_sub(before) < IDLE_POLL_INTERVAL / 20 {
                break;
            }
            before = now;
        }
        Ok(())
    }

    pub fn is_in_memory(&self) -> bool {
        self.in_memory.load(Ordering::Relaxed)
    }

    pub const fn process(&self) -> &Process {
        &self.process
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<Value> {
        let reply = ask::ask(self.address(), method, path, KEY, body)?;
        reply.good().with_context(|| format!("{method} {path}"))
    }

    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

impl Service for Roster {
    fn address(&self) -> SocketAddr {
        self.process.address
    }

    fn place(&self) -> Place {
        self.process.place
    }

    fn cpu(&self) -> Result<Duration> {
        let own = self.process.cpu()?;
        Ok(own + self.backends.as_ref().map(Backends::cpu).transpose()?.unwrap_or_default())
    }
}

/// A command that runs the server binary built along with the bench, on this database.
pub fn command(store: &Store) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("roster"));
    // Settings for tests must not affect it.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ROSTER_")) {
        command.env_remove(name);
    }
    command.env("ROSTER_BOOTSTRAP_KEY", SECRET);
    command.args(["--database", store.url()]);
    Ok(command)
}

//! The real binary, as a process beside the bench.

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
use crate::cores::{Cores, Place};
use crate::load::Key;
use crate::process::Process;
use crate::turns::Served;
use crate::world::Store;

/// Of every realm that the bench makes.
pub const SECRET: &str = "a-realm-key-for-the-bench";
pub const KEY: Key<'static> = Key::Bearer(SECRET);

/// What a server logs when checks are answered from memory from then on.
const IN_MEMORY: &str = "a realm is in memory";
/// Longer than that no realm takes.
const PATIENCE: Duration = Duration::from_mins(10);
/// No more than this is waited for a server to rest, and how often it's looked at.
const LEFT_OVER: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(200);

pub struct Roster {
    process: Process,
    /// What works for it in the database.
    backends: Option<Backends>,
    in_memory: Arc<AtomicBool>,
}

impl Roster {
    pub fn start(cores: &Cores, place: Place, store: &Store) -> Result<Self> {
        Self::start_keeping(cores, place, store, None)
    }

    /// One that keeps its graphs in a folder for the next start, if one is given.
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

    /// Waits until it has in memory what it reads after a start.
    pub fn settled(self) -> Result<Self> {
        let question = r#"{"email":"nobody@example.com","organization_id":"nowhere","role":"member"}"#;
        self.ask("POST", "/v1/check", Some(question))?;
        let begin = Instant::now();
        while !self.is_in_memory() {
            ensure!(begin.elapsed() < PATIENCE, "the realm isn't in memory after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self)
    }

    /// Waits until it has done what was left to do after its last answer, such as folding the log of writes into the file.
    pub fn at_rest(&self) -> Result<()> {
        let begin = Instant::now();
        let mut before = self.cpu()?;
        while begin.elapsed() < LEFT_OVER {
            std::thread::sleep(LOOK);
            let now = self.cpu()?;
            if now.saturating_sub(before) < LOOK / 20 {
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

impl Served for Roster {
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

/// The program that was built beside the bench, on this database.
pub fn command(store: &Store) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("roster"));
    // What is set for tests is not for it.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ROSTER_")) {
        command.env_remove(name);
    }
    command.env("ROSTER_BOOTSTRAP_KEY", SECRET);
    command.args(["--database", store.url()]);
    Ok(command)
}

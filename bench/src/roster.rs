//! The real binary, as a process beside the bench.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
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

/// How long a server is watched for whether it has work of its own.
const LOOK: Duration = Duration::from_millis(150);

pub struct Roster {
    process: Process,
    /// What works for it in the database.
    backends: Option<Backends>,
}

impl Roster {
    pub fn start(cores: &Cores, place: Place, store: &Store) -> Result<Self> {
        let backends = store.server().map(|server| Backends::of(server, cores, place)).transpose()?;
        let mut command = command(store)?;
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Ok(Self { process: Process::start(cores, place, command)?, backends })
    }

    /// Waits until it has read what it reads after a start.
    pub fn settled(self) -> Result<Self> {
        let question = r#"{"email":"nobody@example.com","organization_id":"nowhere","role":"member"}"#;
        self.ask("POST", "/v1/check", Some(question))?;
        loop {
            let before = self.cpu()?;
            std::thread::sleep(LOOK);
            if self.cpu()?.saturating_sub(before) < LOOK / 10 {
                return Ok(self);
            }
        }
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
    command.args(["--log", "warn", "--database", store.url()]);
    Ok(command)
}

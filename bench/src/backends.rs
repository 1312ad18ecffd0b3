//! The processes of a PostgreSQL server, whose CPU time is attributed to the process that uses it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::unistd::Pid;
use postgres::{Client, NoTls};

use crate::cores::{Cores, Place};
use crate::process::cpu_of;

pub struct Backends {
    postmaster: Pid,
    /// CPU time by process; those that have ended keep their last value.
    used: Mutex<HashMap<Pid, Duration>>,
}

impl Backends {
    /// The processes of this server, pinned to `place`; later ones inherit that.
    pub fn of(server: &str, cores: &Cores, place: Place) -> Result<Self> {
        let mut client = Client::connect(server, NoTls)?;
        let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        let status = std::fs::read_to_string(format!("/proc/{backend}/status")).context("a backend's process")?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).context("PPid")?;
        let backends = Self { postmaster: Pid::from_raw(parent.trim().parse()?), used: Mutex::default() };
        for pid in backends.all()? {
            // A process that has just ended needs no pinning.
            let _ = cores.place(pid, place);
        }
        Ok(backends)
    }

    fn all(&self) -> Result<Vec<Pid>> {
        let postmaster = self.postmaster;
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))?;
        let children = children.split_whitespace().map(|pid| Ok(Pid::from_raw(pid.parse()?)));
        std::iter::once(Ok(postmaster)).chain(children).collect()
    }

    pub fn cpu(&self) -> Result<Duration> {
        let mut used = self.used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for pid in self.all()? {
            if let Ok(now) = cpu_of(pid) {
                used.insert(pid, now);
            }
        }
        Ok(used.values().sum())
    }
}

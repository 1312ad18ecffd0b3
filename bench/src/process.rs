//! A server process, and the resources that it uses.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::cores::{Cores, Place};

/// What each process prints before its address as soon as it listens.
pub const LISTENING: &str = "listening on http://";

/// A process's resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    pub all: f64,
    /// Without pages of mapped files such as the program itself.
    pub own: f64,
}

/// Killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub place: Place,
    /// Kept open, since the process would fail to print into a closed pipe.
    _output: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(cores: &Cores, place: Place, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = cores.run_at(place, || command.spawn().with_context(|| format!("starting {command:?}")))?;
        let mut output = BufReader::new(child.stdout.take().context("the output of a process")?);
        let mut line = String::new();
        loop {
            line.clear();
            if output.read_line(&mut line)? == 0 {
                let _ = child.kill();
                bail!("{command:?} ended without listening: {}", child.wait()?);
            }
            if let Some(address) = line.trim_end().strip_prefix(LISTENING) {
                let address = address.parse().with_context(|| format!("the address {address}"))?;
                return Ok(Self { child, address, place, _output: output });
            }
        }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The CPU time of all its threads, including those that have ended.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of(self.pid())
    }

    pub fn resident(&self) -> Result<Resident> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a size in /proc")?;
            let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
            anyhow::Ok(kilobytes * 1024.0)
        };
        Ok(Resident { all: bytes("VmRSS:")?, own: bytes("RssAnon:")? })
    }

    /// Its standard error, if that is piped.
    pub const fn errors(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> Result<()> {
        kill(self.pid(), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time that a process has used, in user and system mode.
pub fn cpu_of(pid: Pid) -> Result<Duration> {
    let time = clock_gettime(clock_getcpuclockid(pid)?).with_context(|| format!("the CPU time of {pid}"))?;
    Ok(Duration::from(time))
}

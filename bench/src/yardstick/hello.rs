//! Bare hyper that answers with a fixed body, in a process of its own: the lower bound for the cost of an answer over HTTP.

use std::process::Command;

use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;

use crate::cores::{Cores, Place};
use crate::process::Process;

/// Its subcommand.
pub const COMMAND: &str = "hello";

pub fn start(cores: &Cores, bytes: usize) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, &bytes.to_string()]);
    Process::start(cores, Place::Server, command)
}

/// Serves in that process, until it is killed.
pub fn serve(bytes: &str) -> Result<()> {
    let bytes = bytes.parse().context("how many bytes to answer")?;
    let body = Bytes::from(vec![b'x'; bytes]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(super::server::serve(move |_| std::future::ready(Response::new(Full::new(body.clone())))))
}

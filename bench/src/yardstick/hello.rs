//! Bare hyper that answers a fixed body, in a process of its own: the least that an answer over HTTP costs here.

use std::convert::Infallible;
use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::cores::{Cores, Place};
use crate::process::{LISTENING, Process};

/// The word on the command line for it.
pub const COMMAND: &str = "hello";

pub fn start(cores: &Cores, bytes: usize) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, &bytes.to_string()]);
    Process::start(cores, Place::Server, command)
}

/// What that process does, until it is killed.
pub fn serve(bytes: &str) -> Result<()> {
    let bytes = bytes.parse().context("how many bytes to answer")?;
    let body = Bytes::from(vec![b'x'; bytes]);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{LISTENING}{}", listener.local_addr()?)?;
        out.flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |_: Request<hyper::body::Incoming>| {
                    let body = body.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
                });
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    })
}

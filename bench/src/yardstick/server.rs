//! Bare hyper in a process of its own, shared by the yardsticks that answer over HTTP.

use std::convert::Infallible;
use std::io::Write as _;

use anyhow::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::process::LISTENING;

pub type Asked = Request<Incoming>;
pub type Answer = Response<Full<Bytes>>;

/// Prints where it listens, and serves until the process is killed.
pub async fn serve<F>(answer: impl Fn(Asked) -> F + Clone + Send + Sync + 'static) -> Result<()>
where
    F: Future<Output = Answer> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout();
    writeln!(out, "{LISTENING}{}", listener.local_addr()?)?;
    out.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|asked| {
                let answered = answer(asked);
                async { Ok::<_, Infallible>(answered.await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

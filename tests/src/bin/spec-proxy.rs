//! A proxy between a vendor's client and a server that validates every answer against the vendor's own API description.
//!
//! ```text
//! VENDOR_SPECS=DIR spec-proxy 127.0.0.1:8080 REPORT
//! ```
//!
//! It prints `listening on http://…`, and passes requests and answers on byte for byte: method, target, header lines in their
//! letter case, body. Told to stop (SIGTERM), it writes to the file REPORT what it saw:
//!
//! ```json
//! {"checked": 812, "violations": ["GET /v0/user 200 OK: …"], "unseen": ["DELETE /whylabs/v0/user"]}
//! ```
//!
//! `unseen` are the operations of the descriptions in use that were never answered with success. It exits 1 if there is a
//! violation, each of which it printed when it saw it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use roster_tests::vendor;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    checked: u64,
    violations: Vec<String>,
    /// Whose descriptions were of use, by one operation of each.
    described: BTreeSet<String>,
    succeeded: BTreeSet<String>,
}

#[derive(Debug)]
struct Proxy {
    server: Authority,
    client: Client<HttpConnector, Full<Bytes>>,
    seen: Mutex<Seen>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [server, report] = words.as_slice() else {
        eprintln!("usage: VENDOR_SPECS=DIR spec-proxy HOST:PORT REPORT");
        return ExitCode::from(2);
    };
    match run(server, PathBuf::from(report)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("spec-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was as described.
async fn run(server: &str, report: PathBuf) -> Result<bool, Failure> {
    if !vendor::is_on() {
        return Err("VENDOR_SPECS must name a folder with a vendor's description".into());
    }
    let client = Client::builder(TokioExecutor::new()).http1_preserve_header_case(true).build_http();
    let proxy = Arc::new(Proxy { server: server.parse()?, client, seen: Mutex::default() });
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = terminate.recv() => break,
        };
        stream.set_nodelay(true)?;
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let proxy = Arc::clone(&proxy);
                async move { Ok::<_, Infallible>(proxy.pass(request).await) }
            });
            let mut http = http1::Builder::new();
            http.preserve_header_case(true).half_close(true);
            // An error here is a client that hung up.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
    let seen = proxy.seen.lock().expect("no panic while holding this");
    let described = seen.described.iter().flat_map(|path| vendor::operations(path)).collect::<BTreeSet<_>>();
    let unseen: Vec<_> = described.difference(&seen.succeeded).collect();
    let text = json!({"checked": seen.checked, "violations": seen.violations, "unseen": unseen});
    std::fs::write(report, format!("{text:#}\n"))?;
    Ok(seen.violations.is_empty())
}

impl Proxy {
    async fn pass(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        match self.forward(request).await {
            Ok(response) => {
                self.look(&method, uri.path(), response.status(), response.body());
                response.map(Full::new)
            }
            Err(error) => {
                let problem = format!("{method} {}: no answer: {error}", uri.path());
                self.complain(problem.clone());
                let mut response = Response::new(Full::from(problem));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Bytes>, Failure> {
        // The parts' extensions carry the letter case of the header lines.
        let (mut parts, body) = request.into_parts();
        let mut to = Uri::builder().scheme(Scheme::HTTP).authority(self.server.clone());
        to = to.path_and_query(parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
        parts.uri = to.build()?;
        parts.headers.insert(HOST, self.server.as_str().parse()?);
        let body = body.collect().await?.to_bytes();
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    fn look(&self, method: &Method, path: &str, status: StatusCode, body: &[u8]) {
        let operation = vendor::operation(method, path);
        let held = vendor::check(method, path, status, body);
        {
            let mut seen = self.seen.lock().expect("no panic while holding this");
            if let Some(operation) = operation {
                seen.checked += 1;
                seen.described.insert(path.to_owned());
                if status.is_success() {
                    seen.succeeded.insert(operation);
                }
            }
        }
        if let Err(problem) = held {
            self.complain(problem);
        }
    }

    fn complain(&self, problem: String) {
        println!("violation: {problem}");
        self.seen.lock().expect("no panic while holding this").violations.push(problem);
    }
}

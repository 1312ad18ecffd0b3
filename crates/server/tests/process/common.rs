//! A temporary folder in which servers and commands are run.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Client;

/// A generous timeout for anything that is immediate on an idle machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The realm key of every server in tests that aren't about the first key.
pub const KEY: &str = "a-realm-key-for-the-tests";

/// A folder that is deleted on drop, and the commands that run in it.
#[derive(Debug)]
pub struct TestDir(TempDir);

impl TestDir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The binary, to be run in this folder without environment variables that affect it.
    pub fn roster(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roster"));
        command.args(words);
        self.put(&mut command);
        command
    }

    /// Makes a command run in this folder, without environment variables that affect Roster.
    pub fn put(&self, command: &mut Command) {
        command.current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ROSTER_") {
                command.env_remove(name);
            }
        }
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.roster(words).output().expect("the binary starts")
    }

    /// Runs a command that must succeed. Returns its standard output.
    pub fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The same with `--json`.
    pub fn json(&self, words: &[&str]) -> Value {
        let words: Vec<_> = words.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.done(&words)).expect("one JSON value")
    }

    /// Runs a command that must fail with this exit code. Returns its standard error.
    pub fn refused(&self, code: i32, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{words:?}: {}", said(&output));
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Starts a server on `roster.db` with [`KEY`].
    pub fn serve(&self) -> Server {
        Server::start(self.roster(&SERVE).env("ROSTER_BOOTSTRAP_KEY", KEY))
    }
}

/// Serves the folder's `roster.db` on a free port, and logs only errors.
pub const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--log", "error"];

/// A process's standard output and error, for the message of a failed assertion.
pub fn said(output: &Output) -> String {
    let Output { status, stdout, stderr } = output;
    format!("{status}\n{}\n{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
}

/// A server process. It is killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: String,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    seen: Vec<String>,
}

impl Server {
    /// Starts it, and waits until it prints where it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (send, lines) = channel();
        let reader = std::thread::spawn(move || {
            // An error means the end of the process, like the end of the lines.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut server = Self { child, address: String::new(), lines, reader: Some(reader), seen: Vec::new() };
        server.address = server.wait_for("listening on http://");
        server
    }

    /// Waits for a line with this beginning. Returns the rest of it.
    pub fn wait_for(&mut self, beginning: &str) -> String {
        loop {
            match self.lines.recv_timeout(TIMEOUT) {
                Ok(line) => {
                    self.seen.push(line);
                    let line = self.seen.last().and_then(|line| line.strip_prefix(beginning));
                    if let Some(rest) = line {
                        return rest.to_owned();
                    }
                }
                Err(error) => panic!("no line {beginning:?}: {error}; {:?}", self.seen),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A connection to it, with [`KEY`].
    pub fn client(&self) -> Client {
        self.client_with(KEY)
    }

    pub fn client_with(&self, key: &str) -> Client {
        Client::new(&self.address, key)
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> Option<u64> {
        let text = self.client().get("/metrics").text();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Sends SIGTERM, as a supervisor does.
    pub fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Kills it, so that it has no chance to finish anything.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Waits until it has exited.
    pub fn ended(&mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// Stops it. Returns everything that it has printed since it started.
    pub fn stop(mut self) -> String {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "{status}");
        // The end of the process ends the lines.
        self.reader.take().map(JoinHandle::join).transpose().expect("the lines can be read");
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Most have already exited by themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal; the standard library has no safe call for that.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([format!("-{name}"), process.to_string()]).status();
    assert!(sent.expect("there is kill").success());
}

/// Waits for the end of a process, with a timeout, which the standard library lacks.
pub fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("the process ends", || {
        status = child.try_wait().expect("it is ours");
        status.is_some()
    });
    status.expect("it has ended")
}

/// Polls a condition until it holds, with a timeout.
pub fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happens() {
        assert!(begun.elapsed() < TIMEOUT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this program is installed. If not, a test may be skipped, unless all tests must run.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing: install it, see `make test`");
    if !found {
        eprintln!("skipped: there is no {program}; `make test` installs it");
    }
    found
}

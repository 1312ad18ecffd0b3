//! PostgreSQL servers of a test's own: on sockets in a temporary folder, started, killed and promoted at will.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::eventually;

/// A temporary folder with servers, all removed on drop.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

/// One server. Its data stays when it is killed.
#[derive(Debug)]
pub struct Postgres<'c> {
    cluster: &'c Cluster,
    name: String,
    process: u32,
}

impl Cluster {
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let found = Command::new("tests/postgres-bin.sh").current_dir(root).output().expect("the script is there");
        assert!(found.status.success(), "PostgreSQL is missing: `make test` installs it");
        let programs = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim().to_owned());
        let cluster = Self { folder: tempfile::tempdir().expect("a temporary folder"), programs };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(cluster.path()));
        }
        cluster
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data_of(&self, server: &str) -> PathBuf {
        self.path().join(server).join("data")
    }

    /// The folder of its socket: not within its data, which is copied as a whole for a standby.
    fn folder_of(&self, server: &str) -> PathBuf {
        self.path().join(server)
    }

    /// One of PostgreSQL's programs. As they refuse to run as root, root runs them as another user.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// A new server with an empty database `roster`. It syncs its writes, since what it acknowledges must survive.
    pub fn start(&self, name: &str) -> Postgres<'_> {
        let data = self.data_of(name);
        let words = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-D"];
        run(self.program("initdb").args(words).arg(&data));
        let server = self.resume(name);
        server.sql("CREATE DATABASE roster", "postgres");
        server
    }

    /// The same, on a port of 127.0.0.1, with this certificate and key, and refusing connections without TLS. Returns the port.
    pub fn start_with_tls(&self, name: &str, certificate: &str, key: &str) -> (Postgres<'_>, u16) {
        self.start(name).stop();
        let data = self.data_of(name);
        for (file, text) in [("server.crt", certificate), ("server.key", key)] {
            std::fs::write(data.join(file), text).expect("written");
        }
        std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
            .expect("written");
        run(Command::new("chmod").arg("600").arg(data.join("server.key")));
        if is_root() {
            run(Command::new("chown").args(["postgres", "server.crt", "server.key"]).current_dir(&data));
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        (self.resume_with(name, &format!("-c ssl=on -c listen_addresses=127.0.0.1 -c port={port}")), port)
    }

    /// Starts a server on its existing data.
    pub fn resume(&self, name: &str) -> Postgres<'_> {
        self.resume_with(name, "-c listen_addresses=")
    }

    fn resume_with(&self, name: &str, more: &str) -> Postgres<'_> {
        let data = self.data_of(name);
        let options = format!(
            "-c unix_socket_directories={} -c max_connections=200 -c wal_level=replica \
             -c hot_standby=on -c wal_receiver_status_interval=1s {more}",
            self.folder_of(name).display()
        );
        run(self
            .program("pg_ctl")
            .arg("-D")
            .arg(&data)
            .args(["-w", "-l"])
            .arg(data.join("log"))
            .args(["-o", &options, "start"]));
        let file = std::fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
        let process = file.lines().next().and_then(|line| line.parse().ok()).expect("the number of a process");
        Postgres { cluster: self, name: name.to_owned(), process }
    }

    /// The address of the database `roster` on whichever of these is the primary.
    pub fn url(&self, servers: &[&str]) -> String {
        let hosts: Vec<_> =
            servers.iter().map(|name| self.folder_of(name).display().to_string().replace('/', "%2F")).collect();
        format!("postgres://postgres@{}/roster?target_session_attrs=read-write", hosts.join(","))
    }

    /// The address of this one, primary or not.
    pub fn url_of(&self, server: &str) -> String {
        self.url(&[server]).replace("?target_session_attrs=read-write", "")
    }
}

impl<'c> Postgres<'c> {
    /// A standby that has everything this one acknowledges from now on.
    pub fn standby(&self, name: &str) -> Postgres<'c> {
        let data = self.cluster.data_of(name);
        let from = self.cluster.folder_of(&self.name);
        let mut copy = self.cluster.program("pg_basebackup");
        run(copy.arg("-h").arg(from).args(["-U", "postgres", "-R", "-X", "stream", "-c", "fast", "-D"]).arg(&data));
        let standby = self.cluster.resume(name);
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'", "postgres");
        self.sql("SELECT pg_reload_conf()", "postgres");
        eventually("the standby is in step", || {
            self.ask("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "postgres") == "1"
        });
        standby
    }

    /// Runs a statement.
    pub fn sql(&self, statement: &str, database: &str) {
        self.ask(statement, database);
    }

    /// Runs a statement and returns its result.
    pub fn ask(&self, statement: &str, database: &str) -> String {
        let folder = self.cluster.folder_of(&self.name);
        let mut command = self.cluster.program("psql");
        command.arg("-h").arg(folder).args(["-U", "postgres", "-X", "-q", "-t", "-A", "-d", database, "-c", statement]);
        let output = command.stdout(Stdio::piped()).output().expect("there is psql");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends all its processes at once: it has no chance to finish anything.
    pub fn kill(self) {
        let mut processes = vec![self.process];
        for entry in std::fs::read_dir("/proc").expect("this is Linux").flatten() {
            let parent = std::fs::read_to_string(entry.path().join("stat")).ok().and_then(|stat| {
                let (_, rest) = stat.rsplit_once(") ")?;
                rest.split(' ').nth(1)?.parse::<u32>().ok()
            });
            if parent == Some(self.process) {
                processes.extend(entry.file_name().to_string_lossy().parse::<u32>().ok());
            }
        }
        for process in processes {
            // Some may just have ended by themselves.
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status();
        }
        eventually("the server is gone", || !Path::new(&format!("/proc/{}", self.process)).exists());
        std::mem::forget(self);
    }

    /// Ends it like a crash, but all its processes are gone when this returns.
    pub fn stop(self) {
        self.end();
        std::mem::forget(self);
    }

    fn end(&self) {
        let data = self.cluster.data_of(&self.name);
        let mut stop = self.cluster.program("pg_ctl");
        let _ = stop.arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]).stderr(Stdio::null()).status();
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        let data = self.cluster.data_of(&self.name);
        run(self.cluster.program("pg_ctl").arg("-D").arg(data).args(["-w", "promote"]));
    }
}

impl Drop for Postgres<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn run(command: &mut Command) {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let output = output.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

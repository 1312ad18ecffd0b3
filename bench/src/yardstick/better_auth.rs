//! better-auth with its organization plugin, as a process: what an application would use today. See bench/better-auth.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::cores::{Cores, Place};
use crate::load::{Key, Source, get, post};
use crate::process::Process;
use crate::settings::Settings;

pub struct BetterAuth {
    pub process: Process,
    facts: Value,
    _folder: tempfile::TempDir,
}

/// As the browser of somebody who is logged in sends it.
fn headers(cookie: &str) -> String {
    format!("Cookie: {cookie}\r\nOrigin: http://localhost\r\n")
}

impl BetterAuth {
    /// With so many members in its organization.
    pub fn start(cores: &Cores, place: Place, members: usize) -> Result<Self> {
        let code = Path::new("bench/better-auth").canonicalize().context("run it from the top of the repository")?;
        ensure!(
            code.join("node_modules/better-sqlite3/build").exists(),
            "better-auth isn't installed: make bench does that"
        );
        let folder = tempfile::tempdir_in(Settings::folder())?;
        let facts = folder.path().join("facts.json");
        let mut command = Command::new("node");
        command.arg(code.join("server.mjs")).arg(members.to_string()).arg(folder.path().join("auth.db")).arg(&facts);
        command.env("NODE_ENV", "production");
        let process = Process::start(cores, place, command)?;
        let facts = serde_json::from_str(&std::fs::read_to_string(facts)?)?;
        Ok(Self { process, facts, _folder: folder })
    }

    /// Each session in turn asks whether it may do something.
    pub fn checks(&self) -> Result<Source<'static>> {
        let body = json!({"permissions": {"member": ["create"]}}).to_string();
        self.by_sessions(|key| post("/api/auth/organization/has-permission", key, &body))
    }

    /// Each session in turn lists a hundred members.
    pub fn pages(&self) -> Result<Source<'static>> {
        self.by_sessions(|key| get("/api/auth/organization/list-members?limit=100", key))
    }

    fn by_sessions(&self, request: impl Fn(Key<'_>) -> Vec<u8>) -> Result<Source<'static>> {
        let cookies = self.facts["cookies"].as_array().context("cookies")?;
        let requests =
            cookies.iter().map(|cookie| Ok(request(Key::Lines(&headers(cookie.as_str().context("a cookie")?)))));
        Ok(crate::load::in_turn(requests.collect::<Result<_>>()?))
    }

    /// Users who aren't members yet, each once.
    pub fn additions(&self) -> Result<Source<'static>> {
        let organization = &self.facts["organization"];
        let users = self.facts["reserve"].as_array().context("users in reserve")?;
        let bodies = users.iter().map(|user| json!({"userId": user, "organizationId": organization}).to_string());
        Ok(crate::load::in_turn(bodies.map(|body| post("/members", Key::None, &body)).collect()))
    }
}

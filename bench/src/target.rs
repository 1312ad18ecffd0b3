//! A Roster with an organization of many members, on a port.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use roster_engine::{
    Bulk, BulkItem, Caller, Config, Engine, EntityId as _, NewMembership, NewOrganization, NewUser, OrganizationId,
    RoleNumber, RoleSet, UserId,
};
use roster_http::{App, Limits};
use roster_testing::Database;

use crate::load;

const KEY: &str = "a-realm-key-for-the-bench";
/// Users who are nobody's members yet: enough for all rounds.
const RESERVE: usize = 60_000;

pub struct Target {
    pub address: SocketAddr,
    engine: Arc<Engine>,
    organization: OrganizationId,
    member: UserId,
    free: Vec<UserId>,
    next: AtomicUsize,
    empty: OrganizationId,
    _database: Database,
}

impl Target {
    pub async fn start(members: usize) -> Result<Self> {
        let database = match std::env::var(roster_testing::SERVER) {
            Ok(server) => Database::on(&server),
            // Beside the code, where a sync is a sync: temporary folders are often in memory.
            Err(_) => Database::file_in(Path::new(".")),
        };
        let mut config = Config::new(database.url());
        config.bootstrap_key = Some(KEY.to_owned());
        let (engine, _) = Engine::open(config).await?;
        let operator = engine.operator("default").await?.context("the realm `default`")?;
        let free = users(&operator, members + RESERVE).await?;
        let organization = organization(&operator, "big").await?;
        let empty = self::organization(&operator, "growing").await?;
        let new = || NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), ..NewMembership::default() };
        for part in free[..members].chunks(1000) {
            let items = part.iter().map(|user| BulkItem::Add((*user).into(), new())).collect();
            operator.bulk_members(organization, Bulk { items, replace: false, dry_run: false }).await?;
        }
        let app = App::new(Arc::clone(&engine), Limits::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = roster_server::router(&app, std::sync::Arc::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let member = free[members / 2];
        let free = free[members..].to_vec();
        Ok(Self { address, engine, organization, member, free, next: AtomicUsize::new(0), empty, _database: database })
    }

    /// Whether a member holds his role.
    pub fn check(&self) -> Vec<u8> {
        let (user, organization) = (self.member.native(), self.organization.native());
        let body = format!("{{\"user_id\":\"{user}\",\"organization_id\":\"{organization}\",\"role\":\"member\"}}");
        load::post("/v1/check", KEY, &body)
    }

    pub fn membership(&self) -> Vec<u8> {
        let path = format!("/v1/organizations/{}/memberships/{}", self.organization.native(), self.member.native());
        load::get(&path, Some(KEY))
    }

    pub fn page(&self) -> Vec<u8> {
        load::get(&format!("/v1/organizations/{}/memberships?limit=100", self.organization.native()), Some(KEY))
    }

    /// Adds a user who isn't a member yet.
    pub fn addition(&self) -> Vec<u8> {
        let user = self.free[self.next.fetch_add(1, Ordering::Relaxed) % self.free.len()];
        let body = format!("{{\"user_id\":\"{}\"}}", user.native());
        load::post(&format!("/v1/organizations/{}/memberships", self.empty.native()), KEY, &body)
    }

    pub async fn stop(self) {
        self.engine.close().await;
    }
}

async fn organization(operator: &Caller, name: &str) -> Result<OrganizationId> {
    Ok(operator.create_organization(NewOrganization { name: name.into(), ..NewOrganization::default() }).await?.id)
}

/// Made by many at once, so that commits are shared.
async fn users(operator: &Caller, count: usize) -> Result<Vec<UserId>> {
    let mut users = Vec::with_capacity(count);
    for from in (0..count).step_by(512) {
        let tasks: Vec<_> = (from..count.min(from + 512))
            .map(|number| {
                let operator = operator.clone();
                let new = NewUser {
                    email: Some(format!("user{number}@example.com")),
                    name: Some(format!("User {number}")),
                    ..NewUser::default()
                };
                tokio::spawn(async move { operator.create_user(new).await })
            })
            .collect();
        for task in tasks {
            users.push(task.await??.id);
        }
    }
    Ok(users)
}

//! Fills an empty database through the engine.

use anyhow::{Context as _, Result};
use roster_engine::{
    Bulk, BulkItem, Caller, Config, Engine, NewMembership, NewOrganization, NewUser, OrganizationId, RoleNumber,
    RoleSet, UserId,
};

use super::{Shape, Store};
use crate::roster::SECRET;

pub fn fill(store: &Store, shape: Shape) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = Config::new(store.url());
        config.bootstrap_key = Some(SECRET.to_owned());
        let (engine, _) = Engine::open(config).await?;
        let operator = engine.operator("default").await?.context("the realm `default`")?;
        let users = users(&operator, shape.users(), "user").await?;
        let loners = self::users(&operator, Shape::LONERS, "loner").await?;
        let big = organization(&operator, "big".into()).await?;
        members(&operator, big, &users).await?;
        members(&operator, organization(&operator, "loners".into()).await?, &loners).await?;
        for group in 0..shape.groups() {
            let id = organization(&operator, format!("group-{group}")).await?;
            let from = group * Shape::MEMBERS;
            let chosen: Vec<_> = (from..from + Shape::MEMBERS).map(|number| users[number % users.len()]).collect();
            members(&operator, id, &chosen).await?;
        }
        for empty in 0..Shape::EMPTY {
            organization(&operator, format!("empty-{empty}")).await?;
        }
        engine.close().await;
        Ok(())
    })
}

async fn members(operator: &Caller, organization: OrganizationId, users: &[UserId]) -> Result<()> {
    let new = || NewMembership { roles: RoleSet::of(RoleNumber::MEMBER), ..NewMembership::default() };
    for part in users.chunks(1000) {
        let items = part.iter().map(|user| BulkItem::Add((*user).into(), new())).collect();
        operator.bulk_members(organization, Bulk { items, replace: false, dry_run: false }).await?;
    }
    Ok(())
}

async fn organization(operator: &Caller, name: String) -> Result<OrganizationId> {
    let new = NewOrganization { external_id: Some(name.clone()), name, ..NewOrganization::default() };
    Ok(operator.create_organization(new).await?.id)
}

/// Made by many at once, so that commits are shared.
async fn users(operator: &Caller, count: usize, name: &'static str) -> Result<Vec<UserId>> {
    let mut users = Vec::with_capacity(count);
    for from in (0..count).step_by(512) {
        let tasks: Vec<_> = (from..count.min(from + 512))
            .map(|number| {
                let operator = operator.clone();
                let new = NewUser {
                    email: Some(format!("{name}{number}@example.com")),
                    name: Some(format!("{name} {number}")),
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

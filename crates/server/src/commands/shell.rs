//! What the commands that work on a database share. They use the engine directly, not HTTP, and also work while a server has the
//! same database open.

mod explain;
mod output;

use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use roster_engine::{
    Caller, Config, Engine, EntityId, Error, Form, IndexMode, Metadata, MetadataWrite, OrganizationId,
    OrganizationQuery, Page, RoleSet, UserId, UserRef, Within,
};

use crate::Settings;

pub(crate) use explain::explain;
pub(crate) use output::{Output, lines, or_dash};

/// The name of a realm's root: never a slug, and not special to shells.
const ROOT: &str = "/";

/// Arguments of every command that works in one realm.
#[derive(Args, Clone, Debug)]
pub(crate) struct ShellArgs {
    /// The realm to work in
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    realm: String,
    #[command(flatten)]
    pub output: Output,
}

/// Arguments that select a part of a list.
#[derive(Args, Clone, Debug)]
pub(crate) struct PageArgs {
    /// Maximum rows; without it, all
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Where to continue, as printed after the previous part
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl PageArgs {
    pub(crate) fn page(&self) -> Page {
        Page { cursor: self.cursor.clone(), limit: self.limit, ..Page::default() }
    }
}

/// An open database, and a caller who may do everything in one of its realms.
#[derive(Debug)]
pub(crate) struct Session {
    pub caller: Caller,
    pub output: Output,
}

/// Opens the database for `work`. Creates a missing database or migrates an old one only if `may_migrate`.
pub(crate) async fn with_engine<T>(
    settings: &Settings,
    may_migrate: bool,
    work: impl AsyncFnOnce(&Arc<Engine>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut config = Config::new(settings.database.clone());
    config.migrate = may_migrate;
    // A server may be running that keeps the graph in memory.
    config.index = IndexMode::External;
    let engine = Engine::open_database(&config).await.map_err(explain).context("can't open the database")?;
    let done = work(&engine).await;
    engine.close().await;
    done
}

/// Opens the database and runs `work` in the given realm.
pub(crate) async fn in_realm(
    settings: &Settings,
    args: &ShellArgs,
    work: impl AsyncFnOnce(&Session) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    with_engine(settings, false, async |engine| {
        let Some(caller) = engine.operator(&args.realm).await.map_err(explain)? else {
            return Err(no_realm(engine, &args.realm).await?);
        };
        work(&Session { caller, output: args.output }).await
    })
    .await
}

/// The error for an unknown realm.
pub(crate) async fn no_realm(engine: &Engine, name: &str) -> anyhow::Result<anyhow::Error> {
    let realms = engine.list_realms().await.map_err(explain)?;
    let names: Vec<_> = realms.iter().map(|realm| realm.name.as_str()).collect();
    Ok(match &*names {
        [] => anyhow!("there is no realm {name:?}, nor any other; `roster realm create {name}` makes it"),
        _ => anyhow!("there is no realm {name:?}; there are {}", names.join(", ")),
    })
}

impl Session {
    /// A user, named by e-mail address or by an id in any form.
    pub(crate) async fn user(&self, name: &str) -> anyhow::Result<UserId> {
        let user = if name.contains('@') { UserRef::Email(name.to_owned()) } else { UserRef::from(name) };
        match self.caller.user(user).await {
            Ok(user) => Ok(user.id),
            Err(Error::NotFound(_)) => {
                bail!("there is no user {name:?}: give an id or an e-mail address, see `roster user list`")
            }
            Err(error) => Err(explain(error)),
        }
    }

    /// A user who may have been deleted already; a deleted user can be named only by id.
    pub(crate) async fn user_or_deleted(&self, name: &str) -> anyhow::Result<UserId> {
        match self.user(name).await {
            Err(unknown) => Form::read_any::<UserId>(name).ok_or(unknown),
            found => found,
        }
    }

    /// An organization, named by an id in any form, by its slug, or as the root.
    pub(crate) async fn organization(&self, name: &str) -> anyhow::Result<OrganizationId> {
        if name == ROOT {
            return Ok(self.caller.root());
        }
        match self.caller.organization(name).await {
            Ok(organization) => return Ok(organization.id),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(explain(error)),
        }
        let query = OrganizationQuery { within: Within::Realm, slug: Some(name.to_owned()), ..Default::default() };
        let found = self.caller.list_organizations(query).await.map_err(explain)?;
        match found.items.first() {
            Some(organization) => Ok(organization.id),
            None => bail!("there is no organization {name:?}: give an id or a slug, see `roster org list`"),
        }
    }

    /// Roles by their keys.
    pub(crate) fn roles(&self, keys: &[String]) -> anyhow::Result<RoleSet> {
        self.caller.role_set(keys.iter().map(String::as_str), "roles").map_err(|_| {
            let catalog = self.caller.roles();
            let known: Vec<_> = catalog.iter().map(|role| role.key.as_str()).collect();
            let unknown = keys.iter().find(|key| !known.contains(&key.as_str()));
            anyhow!("there is no role {:?}; there are {}", unknown.map_or("", |key| key), known.join(", "))
        })
    }

    /// Roles by their keys, for a column of a table.
    pub(crate) fn role_words(&self, roles: RoleSet) -> String {
        self.caller.roles().keys(roles).join(",")
    }
}

/// An id for output; `-` if there is none.
pub(crate) fn id_or_dash<I: EntityId>(id: Option<I>) -> String {
    id.map_or_else(|| String::from("-"), I::native)
}

/// Maps an empty value to `Some(None)`, which clears the field.
pub(crate) fn clearing(value: Option<String>) -> Option<Option<String>> {
    value.map(|value| (!value.is_empty()).then_some(value))
}

/// Metadata on the command line: a JSON object, which is merged into the existing metadata, or an empty value, which clears that.
pub(crate) fn metadata(text: &str) -> Result<MetadataWrite, String> {
    if text.is_empty() {
        return Ok(MetadataWrite::Replace(Metadata::default()));
    }
    serde_json::from_str(text)
        .map(MetadataWrite::Merge)
        .map_err(|error| format!("must be a JSON object such as '{{\"team\": \"red\"}}': {error}"))
}

/// The metadata of something new.
pub(crate) fn new_metadata(given: Option<MetadataWrite>) -> Metadata {
    match given {
        Some(MetadataWrite::Merge(metadata) | MetadataWrite::Replace(metadata)) => metadata,
        None => Metadata::default(),
    }
}

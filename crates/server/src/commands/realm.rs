//! `roster realm`: closed worlds of users and organizations on one server.

use clap::{Args, Subcommand};
use roster_engine::{EntityId as _, Realm};
use serde_json::{Value, json};

use super::shell::{Output, explain, lines, with_engine};
use super::verify;
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct RealmArgs {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a realm and print its first key, which is shown only once
    Create {
        /// a-z, 0-9 and _
        name: String,
    },
    /// List all realms
    List,
    /// Compare a realm's event log with its tables and rules; exits with 1 if they disagree
    Verify { name: String },
}

pub(crate) async fn run(settings: &Settings, args: &RealmArgs) -> anyhow::Result<()> {
    match &args.action {
        Action::Create { name } => create(settings, args.output, name).await,
        Action::List => list(settings, args.output).await,
        Action::Verify { name } => verify::one(settings, args.output, name).await,
    }
}

fn shape(realm: &Realm, key: Option<&str>) -> Value {
    let mut value = json!({
        "id": realm.id.native(),
        "name": realm.name,
        "root_organization_id": realm.root.native(),
        "created_at": realm.created.rfc3339(),
    });
    if let Some(key) = key {
        value["key"] = key.into();
    }
    value
}

async fn create(settings: &Settings, output: Output, name: &str) -> anyhow::Result<()> {
    let (realm, key) =
        with_engine(settings, true, async |engine| engine.create_realm(name).await.map_err(explain)).await?;
    output.print(&shape(&realm, Some(&key)), || {
        let facts = lines(&[("realm", realm.name.clone()), ("key", key.clone())]);
        format!("{facts}\nKeep this key: it grants full access to the realm, and it is shown only now.\n")
    })
}

async fn list(settings: &Settings, output: Output) -> anyhow::Result<()> {
    let realms = with_engine(settings, false, async |engine| engine.list_realms().await.map_err(explain)).await?;
    let shapes: Vec<_> = realms.iter().map(|realm| shape(realm, None)).collect();
    let rows = realms.iter().map(|realm| [realm.name.clone(), realm.root.native(), realm.created.rfc3339()]);
    output.list(&json!({"items": shapes, "next_cursor": null}), ["NAME", "ROOT", "CREATED"], rows, None)
}

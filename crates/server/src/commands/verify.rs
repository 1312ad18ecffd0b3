//! `roster verify` and `roster realm verify NAME`: replays the event log and compares it with the tables and rules.

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::shell::{Output, explain, no_realm, with_engine};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    output: Output,
}

/// The result for one realm.
struct Verified {
    realm: String,
    problems: Vec<String>,
}

/// Verifies every realm.
pub(crate) async fn all(settings: &Settings, args: &VerifyArgs) -> anyhow::Result<()> {
    let found = verify(settings, None).await?;
    let shapes: Vec<_> = found.iter().map(Verified::shape).collect();
    print_report(args.output, &json!({"realms": shapes}), &found)
}

/// Verifies the realm with this name.
pub(crate) async fn one(settings: &Settings, output: Output, name: &str) -> anyhow::Result<()> {
    let found = verify(settings, Some(name)).await?;
    print_report(output, &json!(found.first().map(Verified::shape)), &found)
}

async fn verify(settings: &Settings, name: Option<&str>) -> anyhow::Result<Vec<Verified>> {
    with_engine(settings, false, async |engine| {
        let mut realms = engine.list_realms().await.map_err(explain)?;
        if let Some(name) = name {
            realms.retain(|realm| realm.name == name);
            if realms.is_empty() {
                return Err(no_realm(engine, name).await?);
            }
        }
        let mut found = Vec::new();
        for realm in realms {
            let problems = engine.verify(realm.id).await.map_err(explain)?;
            found.push(Verified { realm: realm.name, problems });
        }
        Ok(found)
    })
    .await
}

impl Verified {
    fn shape(&self) -> Value {
        json!({"realm": self.realm, "ok": self.problems.is_empty(), "problems": self.problems})
    }

    fn text(&self) -> String {
        match &*self.problems {
            [] => format!("realm {} is sound\n", self.realm),
            problems => format!("realm {}:\n{}\n", self.realm, problems.join("\n")),
        }
    }
}

/// Prints the results, and fails if there is any problem.
fn print_report(output: Output, shape: &Value, found: &[Verified]) -> anyhow::Result<()> {
    output.print(shape, || found.iter().map(Verified::text).collect())?;
    let unsound: Vec<_> = found.iter().filter(|found| !found.problems.is_empty()).collect();
    let names: Vec<_> = unsound.iter().map(|found| found.realm.as_str()).collect();
    let realms = match &*names {
        [] => return Ok(()),
        [name] => format!("realm {name}"),
        names => format!("realms {}", names.join(", ")),
    };
    match unsound.iter().map(|found| found.problems.len()).sum::<usize>() {
        1 => bail!("there is 1 problem in {realms}"),
        number => bail!("there are {number} problems in {realms}"),
    }
}

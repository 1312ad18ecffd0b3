//! `roster owner`: an organization has one, or none.

use clap::{Args, Subcommand};

use super::member::show;
use super::shell::{ShellArgs, explain, in_realm};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct OwnerArgs {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the owner's membership
    Get {
        /// Id in any form, or slug
        organization: String,
    },
    /// Make a member the owner; the former owner becomes an admin
    Set {
        /// Id in any form, or slug
        organization: String,
        /// Id in any form, or e-mail address
        user: String,
    },
    /// Leave the organization without an owner; the former owner becomes an admin
    Clear {
        /// Id in any form, or slug
        organization: String,
    },
}

pub(crate) async fn run(settings: &Settings, args: &OwnerArgs) -> anyhow::Result<()> {
    in_realm(settings, &args.shell, async |session| {
        let caller = &session.caller;
        let member = match &args.action {
            Action::Get { organization } => caller.owner(session.organization(organization).await?).await,
            Action::Set { organization, user } => {
                let organization = session.organization(organization).await?;
                caller.transfer_ownership(organization, session.user(user).await?).await
            }
            Action::Clear { organization } => caller.clear_ownership(session.organization(organization).await?).await,
        };
        show(session, &member.map_err(explain)?)
    })
    .await
}

//! `roster member`: who belongs where.

use clap::{Args, Subcommand};
use roster_engine::{EntityId as _, Member, MemberQuery, MembershipPatch, MetadataWrite, NewMembership};
use roster_native::json;

use super::shell::{PageArgs, Session, ShellArgs, explain, in_realm, lines, metadata, new_metadata, or_dash};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct MemberArgs {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a user a member of an organization
    Add {
        #[command(flatten)]
        who: Who,
        /// Key of a role; may be given several times
        #[arg(long = "role", value_name = "ROLE", default_value = "member")]
        roles: Vec<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Show a membership
    Get {
        #[command(flatten)]
        who: Who,
    },
    /// List the members of an organization, or with --user where somebody belongs
    List {
        /// Id in any form, or slug; / is the realm's root
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        organization: Option<String>,
        /// Id in any form, or e-mail address
        #[arg(long)]
        user: Option<String>,
        /// Only those with this role; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Only those with this part of a name, user name or address
        #[arg(long)]
        text: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Change a membership; fields not given stay
    Update {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        changes: Changes,
    },
    /// End a membership
    Remove {
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Args, Debug)]
struct Who {
    /// Id in any form, or slug; / is the realm's root
    organization: String,
    /// Id in any form, or e-mail address
    user: String,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true, args = ["roles", "default", "public", "private"])]
struct Changes {
    /// Key of a role; may be given several times; replaces all current ones
    #[arg(long = "role", value_name = "ROLE")]
    roles: Option<Vec<String>>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args, Clone, Debug)]
#[group(skip)]
struct Fields {
    /// Whether it is the user's default organization
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    default: Option<bool>,
    /// Public metadata, merged into the existing metadata
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    public: Option<MetadataWrite>,
    /// Private metadata, merged into the existing metadata
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    private: Option<MetadataWrite>,
}

pub(crate) async fn run(settings: &Settings, args: &MemberArgs) -> anyhow::Result<()> {
    in_realm(settings, &args.shell, async |session| {
        let caller = &session.caller;
        match &args.action {
            Action::Add { who, roles, fields } => {
                let (organization, user) = session.organization_and_user(who).await?;
                let Fields { default, public, private } = fields.clone();
                let new = NewMembership {
                    roles: session.roles(roles)?,
                    is_default: default.unwrap_or_default(),
                    public: new_metadata(public),
                    private: new_metadata(private),
                    ..NewMembership::default()
                };
                show(session, &caller.add_member(organization, user, new).await.map_err(explain)?)
            }
            Action::Get { who } => {
                let (organization, user) = session.organization_and_user(who).await?;
                show(session, &caller.member(organization, user).await.map_err(explain)?)
            }
            Action::List { organization, user, roles, text, page } => {
                let roles = if roles.is_empty() { None } else { Some(session.roles(roles)?) };
                let query = MemberQuery { roles, text: text.clone(), page: page.page(), ..MemberQuery::default() };
                list(session, organization.as_deref(), user.as_deref(), query).await
            }
            Action::Update { who, changes } => {
                let (organization, user) = session.organization_and_user(who).await?;
                let Fields { default, public, private } = changes.fields.clone();
                let patch = MembershipPatch {
                    roles: changes.roles.as_deref().map(|roles| session.roles(roles)).transpose()?,
                    is_default: default,
                    public,
                    private,
                    ..MembershipPatch::default()
                };
                show(session, &caller.update_member(organization, user, patch).await.map_err(explain)?)
            }
            Action::Remove { who } => {
                let (organization, user) = session.organization_and_user(who).await?;
                let gone = caller.remove_member(organization, user, None).await.map_err(explain)?;
                session.output.print(&json::member(&gone, &caller.roles()), || {
                    format!("removed {} from {organization} {}", or_dash(gone.user.email()), gone.organization.slug)
                })
            }
        }
    })
    .await
}

impl Session {
    async fn organization_and_user(
        &self,
        who: &Who,
    ) -> anyhow::Result<(roster_engine::OrganizationId, roster_engine::UserId)> {
        Ok((self.organization(&who.organization).await?, self.user(&who.user).await?))
    }
}

/// Shows a membership; also for `roster owner`.
pub(super) fn show(session: &Session, member: &Member) -> anyhow::Result<()> {
    let Member { membership, user, organization } = member;
    session.output.print(&json::member(member, &session.caller.roles()), || {
        lines(&[
            ("id", membership.id.native()),
            ("organization", format!("{} {}", organization.id.native(), organization.slug)),
            ("user", format!("{} {}", user.id.native(), or_dash(user.email()))),
            ("roles", session.role_words(membership.roles)),
            ("created", membership.created.rfc3339()),
            ("updated", membership.updated.rfc3339()),
        ])
    })
}

async fn list(
    session: &Session,
    organization: Option<&str>,
    user: Option<&str>,
    query: MemberQuery,
) -> anyhow::Result<()> {
    let listed = match (organization, user) {
        (_, Some(user)) => session.caller.list_memberships_of(session.user(user).await?, query).await,
        // clap requires one of them.
        (organization, None) => {
            let organization = session.organization(organization.unwrap_or_default()).await?;
            session.caller.list_members(organization, query).await
        }
    };
    let listed = listed.map_err(explain)?;
    let rows = listed.items.iter().map(|member| {
        [
            member.organization.slug.clone(),
            member.user.id.native(),
            or_dash(member.user.email()),
            session.role_words(member.membership.roles),
            member.user.name.clone(),
        ]
    });
    let catalog = session.caller.roles();
    let value = json::list(&listed, |member| json::member(member, &catalog));
    let heads = ["ORGANIZATION", "USER", "E-MAIL", "ROLES", "NAME"];
    session.output.list(&value, heads, rows, listed.next.as_deref())
}

//! `roster org`.

use std::num::ParseIntError;

use clap::{Args, Subcommand, ValueEnum};
use roster_engine::{
    EntityId as _, MetadataWrite, NewOrganization, Organization, OrganizationPatch, OrganizationQuery,
    OrganizationSort, Visibility, Within,
};
use roster_native::json;

use super::shell::{
    PageArgs, Session, ShellArgs, clearing, explain, id_or_dash, in_realm, lines, metadata, new_metadata, or_dash,
};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct OrgArgs {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    action: Action,
}

/// Wherever an organization is named, that is an id in any form, a slug, or `/` for the realm's root.
#[derive(Debug, Subcommand)]
enum Action {
    /// Create an organization
    Create {
        name: String,
        /// The organization above it
        #[arg(long, value_name = "ORGANIZATION", default_value = "/")]
        parent: String,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Show an organization
    Get {
        /// Id in any form, or slug; / is the realm's root
        organization: String,
    },
    /// List organizations
    List {
        /// Part of a name or slug
        text: Option<String>,
        /// Only those directly below this one
        #[arg(long, value_name = "ORGANIZATION", conflicts_with = "below")]
        parent: Option<String>,
        /// Only those below this one, at any depth
        #[arg(long, value_name = "ORGANIZATION")]
        below: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Change an organization; fields not given stay, an empty value clears a field
    Update {
        /// Id in any form, or slug; / is the realm's root
        organization: String,
        #[command(flatten)]
        changes: Box<Changes>,
    },
    /// Move an organization, with all below it, below another one
    Move {
        /// Id in any form, or slug
        organization: String,
        /// Id in any form, or slug; / is the realm's root
        parent: String,
    },
    /// Delete an organization with its memberships and tokens; users stay
    Delete {
        /// Id in any form, or slug
        organization: String,
        /// Also delete what is below it
        #[arg(long)]
        subtree: bool,
    },
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true, args = [
    "name", "slug", "external_id", "max_members", "email_domains", "visibility", "locale", "public", "private",
])]
struct Changes {
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args, Clone, Debug)]
#[group(skip)]
struct Fields {
    /// Unique short name of a-z, 0-9 and -
    #[arg(long)]
    slug: Option<String>,
    /// The organization's id in another system
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Maximum members; 0 is no limit
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    max_members: Option<u32>,
    /// Only users with an address of this domain can become members; may be given several times
    #[arg(long = "email-domain", value_name = "DOMAIN")]
    email_domains: Option<Vec<String>>,
    /// Who may list the members without the right to change them
    #[arg(long)]
    visibility: Option<VisibilityWord>,
    #[arg(long)]
    locale: Option<String>,
    /// Public metadata, merged into the existing metadata
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    public: Option<MetadataWrite>,
    /// Private metadata, merged into the existing metadata
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    private: Option<MetadataWrite>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VisibilityWord {
    Admins,
    Members,
    Realm,
}

impl From<VisibilityWord> for Visibility {
    fn from(word: VisibilityWord) -> Self {
        match word {
            VisibilityWord::Admins => Self::Admins,
            VisibilityWord::Members => Self::Members,
            VisibilityWord::Realm => Self::Realm,
        }
    }
}

pub(crate) async fn run(settings: &Settings, args: &OrgArgs) -> anyhow::Result<()> {
    in_realm(settings, &args.shell, async |session| {
        let caller = &session.caller;
        match &args.action {
            Action::Create { name, parent, fields } => {
                let parent = session.organization(parent).await?;
                let new = NewOrganization { name: name.clone(), parent: Some(parent.into()), ..new(fields) };
                show(session, &caller.create_organization(new).await.map_err(explain)?)
            }
            Action::Get { organization } => {
                let id = session.organization(organization).await?;
                show(session, &caller.organization(id).await.map_err(explain)?)
            }
            Action::List { text, parent, below, page } => {
                let within = match (parent, below) {
                    (Some(parent), _) => Within::ChildrenOf(session.organization(parent).await?.into()),
                    (None, Some(top)) => Within::Below(session.organization(top).await?.into()),
                    (None, None) => Within::Realm,
                };
                let (text, page) = (text.clone(), page.page());
                let sort = OrganizationSort::Created;
                list(session, OrganizationQuery { within, text, sort, page, ..OrganizationQuery::default() }).await
            }
            Action::Update { organization, changes } => {
                let id = session.organization(organization).await?;
                show(session, &caller.update_organization(id, patch(changes)).await.map_err(explain)?)
            }
            Action::Move { organization, parent } => {
                let id = session.organization(organization).await?;
                let parent = Some(session.organization(parent).await?.into());
                let patch = OrganizationPatch { parent, ..OrganizationPatch::default() };
                show(session, &caller.update_organization(id, patch).await.map_err(explain)?)
            }
            Action::Delete { organization, subtree } => {
                let id = session.organization(organization).await?;
                let gone = caller.delete_organization(id, *subtree, None).await.map_err(explain)?;
                session.output.print(&json::organization(&gone), || format!("deleted {id} {}", gone.slug))
            }
        }
    })
    .await
}

/// A limit on the command line; an empty value is 0, no limit.
fn limit(text: &str) -> Result<u32, ParseIntError> {
    if text.is_empty() { Ok(0) } else { text.parse() }
}

fn new(fields: &Fields) -> NewOrganization {
    let Fields { slug, external_id, max_members, email_domains, visibility, locale, public, private } = fields.clone();
    NewOrganization {
        slug,
        external_id,
        max_members: max_members.unwrap_or_default(),
        email_domains: email_domains.unwrap_or_default(),
        visibility: visibility.map(Into::into).unwrap_or_default(),
        locale,
        public: new_metadata(public),
        private: new_metadata(private),
        ..NewOrganization::default()
    }
}

fn patch(changes: &Changes) -> OrganizationPatch {
    let Changes { name, fields } = changes.clone();
    let Fields { slug, external_id, max_members, email_domains, visibility, locale, public, private } = fields;
    OrganizationPatch {
        name,
        slug,
        external_id: clearing(external_id),
        max_members,
        // A single empty domain stands for the empty list.
        email_domains: email_domains.map(|domains| domains.into_iter().filter(|domain| !domain.is_empty()).collect()),
        visibility: visibility.map(Into::into),
        locale: clearing(locale),
        public,
        private,
        ..OrganizationPatch::default()
    }
}

fn show(session: &Session, organization: &Organization) -> anyhow::Result<()> {
    session.output.print(&json::organization(organization), || {
        lines(&[
            ("id", organization.id.native()),
            ("slug", organization.slug.clone()),
            ("name", organization.name.clone()),
            ("parent", id_or_dash(organization.parent)),
            ("external id", or_dash(organization.external_id.as_deref())),
            ("created", organization.created.rfc3339()),
            ("updated", organization.updated.rfc3339()),
        ])
    })
}

async fn list(session: &Session, query: OrganizationQuery) -> anyhow::Result<()> {
    let listed = session.caller.list_organizations(query).await.map_err(explain)?;
    let rows = listed.items.iter().map(|o| [o.id.native(), id_or_dash(o.parent), o.slug.clone(), o.name.clone()]);
    let heads = ["ID", "PARENT", "SLUG", "NAME"];
    session.output.list(&json::list(&listed, json::organization), heads, rows, listed.next.as_deref())
}

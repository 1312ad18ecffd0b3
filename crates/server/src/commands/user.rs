//! `roster user`.

use clap::{Args, Subcommand, ValueEnum};
use roster_engine::{EntityId as _, MetadataWrite, NewUser, User, UserPatch, UserQuery, UserStatus};
use roster_native::json;
use serde_json::json;

use super::shell::{PageArgs, Session, ShellArgs, clearing, explain, in_realm, lines, metadata, new_metadata, or_dash};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct UserArgs {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a user
    Create(Box<Fields>),
    /// Show a user
    Get {
        /// Id in any form, or e-mail address
        user: String,
    },
    /// List users
    List {
        /// Part of a name, user name or address
        text: Option<String>,
        #[arg(long)]
        status: Option<StatusWord>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Change a user; fields not given stay, an empty value clears a field
    Update {
        /// Id in any form, or e-mail address
        user: String,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Delete a user, with memberships and tokens
    Delete {
        /// Id in any form, or e-mail address
        user: String,
        /// Also blank what the event log says of the user, now or after an earlier deletion
        #[arg(long)]
        erase: bool,
    },
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true)]
struct Fields {
    #[arg(long)]
    email: Option<String>,
    /// The whole name; first and last name are read from it
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    first_name: Option<String>,
    #[arg(long)]
    last_name: Option<String>,
    #[arg(long)]
    username: Option<String>,
    /// The user's id in another system
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    #[arg(long)]
    status: Option<StatusWord>,
    /// Preferred language, such as en-GB
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
enum StatusWord {
    Active,
    Inactive,
}

impl From<StatusWord> for UserStatus {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Active => Self::Active,
            StatusWord::Inactive => Self::Inactive,
        }
    }
}

pub(crate) async fn run(settings: &Settings, args: &UserArgs) -> anyhow::Result<()> {
    in_realm(settings, &args.shell, async |session| match &args.action {
        Action::Create(fields) => show(session, &session.caller.create_user(new(fields)).await.map_err(explain)?),
        Action::Get { user } => {
            let user = session.user(user).await?;
            show(session, &session.caller.user(user).await.map_err(explain)?)
        }
        Action::List { text, status, page } => {
            let status = status.map(Into::into);
            list(session, UserQuery { text: text.clone(), status, page: page.page(), ..UserQuery::default() }).await
        }
        Action::Update { user, fields } => {
            let user = session.user(user).await?;
            show(session, &session.caller.update_user(user, patch(fields)).await.map_err(explain)?)
        }
        Action::Delete { user, erase: false } => {
            let user = session.user(user).await?;
            let gone = session.caller.delete_user(user, None).await.map_err(explain)?;
            session.output.print(&json::user(&gone), || format!("deleted {user} {}", or_dash(gone.email())))
        }
        Action::Delete { user, erase: true } => {
            let user = session.user_or_deleted(user).await?;
            session.caller.erase_user(user, None).await.map_err(explain)?;
            let id = user.native();
            session.output.print(&json!({"id": id, "erased": true}), || format!("erased {id}"))
        }
    })
    .await
}

fn new(fields: &Fields) -> NewUser {
    let Fields { email, name, first_name, last_name, username, external_id, status, locale, public, private } =
        fields.clone();
    NewUser {
        email,
        name,
        first_name,
        last_name,
        username,
        external_id,
        status: status.map(Into::into).unwrap_or_default(),
        locale,
        public: new_metadata(public),
        private: new_metadata(private),
        ..NewUser::default()
    }
}

fn patch(fields: &Fields) -> UserPatch {
    let Fields { email, name, first_name, last_name, username, external_id, status, locale, public, private } =
        fields.clone();
    UserPatch {
        email: clearing(email),
        name,
        first_name: clearing(first_name),
        last_name: clearing(last_name),
        username: clearing(username),
        external_id: clearing(external_id),
        status: status.map(Into::into),
        locale: clearing(locale),
        public,
        private,
        ..UserPatch::default()
    }
}

const fn status(user: &User) -> &'static str {
    match user.status {
        UserStatus::Active => "active",
        UserStatus::Inactive => "inactive",
    }
}

fn show(session: &Session, user: &User) -> anyhow::Result<()> {
    session.output.print(&json::user(user), || {
        lines(&[
            ("id", user.id.native()),
            ("email", or_dash(user.email())),
            ("name", user.name.clone()),
            ("username", or_dash(user.username.as_deref())),
            ("external id", or_dash(user.external_id.as_deref())),
            ("status", status(user).to_owned()),
            ("created", user.created.rfc3339()),
            ("updated", user.updated.rfc3339()),
        ])
    })
}

async fn list(session: &Session, query: UserQuery) -> anyhow::Result<()> {
    let listed = session.caller.list_users(query).await.map_err(explain)?;
    let rows = listed
        .items
        .iter()
        .map(|user| [user.id.native(), or_dash(user.email()), status(user).to_owned(), user.name.clone()]);
    let heads = ["ID", "E-MAIL", "STATUS", "NAME"];
    session.output.list(&json::list(&listed, json::user), heads, rows, listed.next.as_deref())
}

//! `roster token`: keys to the API.

use clap::{Args, Subcommand, ValueEnum};
use roster_engine::{EntityId as _, NewToken, Timestamp, Token, TokenKind, TokenQuery};
use roster_native::json;

use super::shell::{PageArgs, Session, ShellArgs, explain, id_or_dash, in_realm, lines, or_dash};
use crate::Settings;

#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Issue a token and print its key, which is shown only then: a realm key, which may do everything, or with
    /// --organization or --user one that may do less
    Create(Box<NewArgs>),
    /// List tokens
    List {
        /// Those of this organization
        #[arg(long, visible_alias = "org")]
        organization: Option<String>,
        /// Those of this user
        #[arg(long)]
        user: Option<String>,
        #[arg(long)]
        kind: Option<KindWord>,
        /// Also show revoked ones
        #[arg(long)]
        revoked: bool,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Revoke a token, effective at once
    Revoke {
        /// Id of the token
        token: String,
    },
}

#[derive(Args, Debug)]
struct NewArgs {
    /// Acts at this organization and below: id in any form, or slug
    #[arg(long, visible_alias = "org")]
    organization: Option<String>,
    /// Acts as this user, by id in any form or e-mail address; with --organization, ends with this user
    #[arg(long)]
    user: Option<String>,
    /// Role that an organization's token acts with [default: member]; may be given several times
    #[arg(long = "role", value_name = "ROLE", requires = "organization")]
    roles: Vec<String>,
    /// Key of a permission that it is restricted to; may be given several times
    #[arg(long = "scope", value_name = "PERMISSION")]
    scopes: Option<Vec<String>>,
    /// What it is for
    #[arg(long)]
    name: Option<String>,
    /// When it expires, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindWord {
    Realm,
    Organization,
    User,
}

impl From<KindWord> for TokenKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Realm => Self::Realm,
            KindWord::Organization => Self::Organization,
            KindWord::User => Self::User,
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| String::from("must be a time such as 2027-01-31T00:00:00Z"))
}

pub(crate) async fn run(settings: &Settings, args: &TokenArgs) -> anyhow::Result<()> {
    in_realm(settings, &args.shell, async |session| match &args.action {
        Action::Create(args) => create(session, args).await,
        Action::List { organization, user, kind, revoked, page } => {
            let mut query = TokenQuery {
                kind: kind.map(Into::into),
                without_revoked: !revoked,
                page: page.page(),
                ..TokenQuery::default()
            };
            if let Some(organization) = organization {
                query.organization = Some(session.organization(organization).await?.into());
            }
            if let Some(user) = user {
                query.user = Some(session.user(user).await?.into());
            }
            list(session, query).await
        }
        Action::Revoke { token } => show(session, &session.caller.revoke_token(token).await.map_err(explain)?, None),
    })
    .await
}

async fn create(session: &Session, args: &NewArgs) -> anyhow::Result<()> {
    let kind = match (&args.organization, &args.user) {
        (Some(_), _) => TokenKind::Organization,
        (None, Some(_)) => TokenKind::User,
        (None, None) => TokenKind::Realm,
    };
    let mut new = NewToken::new(kind);
    if let Some(organization) = &args.organization {
        new.organization = Some(session.organization(organization).await?.into());
        let member = [String::from("member")];
        new.roles = session.roles(if args.roles.is_empty() { &member } else { &args.roles })?;
    }
    if let Some(user) = &args.user {
        new.user = Some(session.user(user).await?.into());
    }
    new.scopes.clone_from(&args.scopes);
    new.name.clone_from(&args.name);
    new.expires = args.expires;
    let issued = session.caller.issue_token(new).await.map_err(explain)?;
    show(session, &issued.token, issued.secret)
}

const fn kind(token: &Token) -> &'static str {
    match token.kind {
        TokenKind::Realm => "realm",
        TokenKind::Organization => "organization",
        TokenKind::User => "user",
    }
}

fn moment(time: Option<Timestamp>) -> String {
    time.map_or_else(|| String::from("-"), Timestamp::rfc3339)
}

fn roles(session: &Session, token: &Token) -> String {
    let keys = session.caller.roles().of_token(token).keys(token.roles).join(",");
    or_dash(Some(&*keys).filter(|keys| !keys.is_empty()))
}

fn show(session: &Session, token: &Token, secret: Option<String>) -> anyhow::Result<()> {
    let value = json::token(token, secret.clone(), &session.caller.roles());
    session.output.print(&value, || {
        let mut pairs = vec![
            ("id", token.id.native()),
            ("kind", kind(token).to_owned()),
            ("organization", id_or_dash(token.organization)),
            ("user", id_or_dash(token.user)),
            ("roles", roles(session, token)),
            ("scopes", token.scopes.as_ref().map_or_else(|| String::from("-"), |scopes| scopes.join(","))),
            ("name", or_dash(token.name.as_deref())),
            ("expires", moment(token.expires)),
            ("revoked", moment(token.revoked)),
        ];
        let Some(secret) = secret else { return lines(&pairs) };
        pairs.push(("key", secret));
        format!("{}\nKeep this key: it is shown only now.\n", lines(&pairs))
    })
}

async fn list(session: &Session, query: TokenQuery) -> anyhow::Result<()> {
    let listed = session.caller.list_tokens(query).await.map_err(explain)?;
    let rows = listed.items.iter().map(|token| {
        [
            token.id.native(),
            kind(token).to_owned(),
            id_or_dash(token.organization),
            id_or_dash(token.user),
            roles(session, token),
            moment(token.expires),
            moment(token.revoked),
            or_dash(token.name.as_deref()),
        ]
    });
    let catalog = session.caller.roles();
    let value = json::list(&listed, |token| json::token(token, None, &catalog));
    let heads = ["ID", "KIND", "ORGANIZATION", "USER", "ROLES", "EXPIRES", "REVOKED", "NAME"];
    session.output.list(&value, heads, rows, listed.next.as_deref())
}

//! The caller, the version of the API, and the URL under which the client reaches the server.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use roster_engine::{Caller, EntityId, Error, Listed, Member, UserId};
use roster_http::{App, Authenticated, Failure, Pairs, PresentedSecret, RequestError, Row, RowCache, RowForm, bearer};

use crate::error::VERSION;
use crate::map::Creators;
use crate::wire::{OrganizationMembership, Paged};
use crate::{PREFIX, avatars, map};

/// Versions that the vendor has published. They are ordered as strings.
const VERSIONS: [&str; 6] = ["2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"];
/// The first version with operations on roles and permissions.
const ROLES_SINCE: &str = "2024-10-01";
/// The first version in which metadata can be changed only by its own operations.
const SEPARATE_METADATA_SINCE: &str = "2026-05-12";

/// Something that can't be a key is treated like no key at all.
pub(crate) fn secret(headers: &HeaderMap) -> PresentedSecret {
    match bearer(headers) {
        PresentedSecret::Secret(secret) if !secret.is_empty() => PresentedSecret::Secret(secret),
        _ => PresentedSecret::Missing,
    }
}

/// A caller of this surface.
#[derive(Debug)]
pub(crate) struct Session {
    pub caller: Caller,
    version: &'static str,
    /// Where clients reach the server: as configured, else scheme and host from this request.
    origin: String,
    rows: Arc<RowCache>,
}

impl Session {
    /// Refuses metadata if this version has separate operations for it. `sent`: for each such field, its name and whether it was sent.
    pub(crate) fn metadata_in_patch(&self, sent: &[(&'static str, bool)]) -> Result<(), Failure> {
        match sent.iter().find(|(_, sent)| *sent) {
            Some((name, _)) if self.version >= SEPARATE_METADATA_SINCE => Err(RequestError::unknown(*name).into()),
            _ => Ok(()),
        }
    }

    /// Those of these creators of organizations who have an imported id. All others, deleted ones too, are shown by Roster's id.
    pub(crate) async fn creators(&self, users: Vec<UserId>) -> Result<Creators, Error> {
        let mut shown = self.caller.shown_user_ids(users).await?;
        shown.retain(|user, shown| *shown != map::id(*user));
        Ok(shown)
    }

    /// A membership.
    pub(crate) async fn membership(&self, member: &Member) -> Result<OrganizationMembership, Error> {
        let catalog = self.caller.roles();
        let creators = self.creators(map::creator(&member.organization).into_iter().collect()).await?;
        Ok(map::membership(self, &catalog, &creators, member))
    }

    /// A list of memberships.
    pub(crate) async fn memberships(&self, listed: &Listed<Member>) -> Result<Paged<Row>, Failure> {
        let catalog = self.caller.roles();
        let creators = listed.items.iter().filter_map(|member| map::creator(&member.organization)).collect();
        let creators = self.creators(creators).await?;
        // The URLs of pictures depend on the origin.
        let usual = RowForm::of(("clerk membership", &self.origin));
        let row = |member: &Member| {
            // The creator's imported id isn't part of the member, and can change by itself.
            let brought = map::creator(&member.organization).and_then(|user| creators.get(&user));
            let form = brought.map_or(usual, |id| RowForm::of(("clerk membership", &self.origin, id)));
            self.rows.member(form, member, &catalog, |m, catalog| map::membership(self, catalog, &creators, m))
        };
        let data = listed.items.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Paged { data, total_count: listed.total.unwrap_or_default() })
    }

    /// An absolute URL on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The URL of an entity's picture; the clients require one for everything.
    pub(crate) fn image(&self, id: impl EntityId) -> String {
        self.url(&format!("{PREFIX}{}", avatars::path(id)))
    }
}

/// A caller whose version has operations on roles and permissions. In older versions these paths don't exist.
#[derive(Debug)]
pub(crate) struct RolesSession(pub Session);

impl FromRequestParts<App> for RolesSession {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let session = Session::from_request_parts(parts, app).await?;
        if session.version < ROLES_SINCE { Err(RequestError::RouteNotFound.into()) } else { Ok(Self(session)) }
    }
}

fn version(parts: &Parts) -> Result<&'static str, Failure> {
    let bad = |problem: &str| Failure::from(RequestError::invalid(VERSION, problem));
    let query = parts.uri.query().map(Pairs::parse).unwrap_or_default();
    let asked = query.optional("__clerk_api_version")?;
    let header = parts.headers.get("clerk-api-version").map(|value| value.to_str().unwrap_or_default());
    match (header, asked) {
        (None, None) => Ok(VERSIONS[0]),
        (Some(_), Some(_)) => Err(bad("is named in the header and in the query")),
        (Some(wanted), None) | (None, Some(wanted)) => {
            VERSIONS.into_iter().find(|known| *known == wanted).ok_or_else(|| bad("is not a version of this API"))
        }
    }
}

fn origin(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    let host = text(HOST.as_str()).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

impl FromRequestParts<App> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        let version = version(parts)?;
        let origin = app.urls.public.clone().unwrap_or_else(|| origin(&parts.headers));
        Ok(Self { caller: caller.protecting_last_admin(), version, origin, rows: Arc::clone(&app.rows) })
    }
}

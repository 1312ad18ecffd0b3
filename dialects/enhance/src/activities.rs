//! The activity log of an organization: members added and removed. The vendor has no kinds of activities for other
//! changes of members.

use axum::Json;
use roster_engine::{
    Activity as Entry, ActivityQuery, ActivityText, ActorKind, BuiltIn as P, Caller, EntityId as _, Form, Organization,
    OrganizationId, Right, Timestamp, TokenId, User, UserId,
};
use roster_http::{App, Authenticated, Failure, Pairs, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;
use crate::query;
use crate::wire::{
    AccessTokenWord, ActivitiesListing, Activity, ActivityAccessTokenEntity, ActivityActor, ActivityContext,
    ActivityKind, ActivityLoginContent, ActivityLoginDetail, ActivityLoginEntity, ActivityLoginEntityDetail,
    ActivityOrgContent, ActivityOrgDetail, ActivityOrgEntity, ActivityOrgEntityDetail, HttpError, LoginWord, OrgWord,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const ADDED: &str = "membership.added";
const REMOVED: &str = "membership.removed";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

fn kind(entry: &Entry) -> ActivityKind {
    if entry.event.kind == REMOVED { ActivityKind::Removed } else { ActivityKind::Added }
}

fn message(entry: &Entry) -> String {
    let who = entry.user.as_ref().map(|user| if user.name.is_empty() { map::email(user) } else { user.name.clone() });
    let what = if kind(entry) == ActivityKind::Removed { "removed" } else { "added" };
    format!("{} was {what}", who.unwrap_or_else(|| "A deleted login".into()))
}

fn login(id: UserId, user: Option<&User>, realm: &str) -> ActivityLoginEntity {
    let ok = user.map(|user| ActivityLoginEntityDetail {
        name: user.name.clone(),
        email: map::email(user),
        realm_id: realm.to_owned(),
    });
    let gone = || HttpError { code: "not_found".into(), detail: None, message: Some("the login was deleted".into()) };
    let error = ok.is_none().then(gone);
    let id = user.map_or_else(|| map::id(id), map::user_id);
    ActivityLoginEntity {
        r#type: LoginWord::Login,
        content: ActivityLoginContent { id, detail: ActivityLoginDetail { ok, error } },
    }
}

fn shown(entry: &Entry, realm: &str) -> Option<Activity> {
    let org_id = map::organization_id(&entry.organization);
    let actor = &entry.event.actor;
    let actor = match actor.id.filter(|_| actor.kind == ActorKind::User) {
        Some(id) => ActivityActor::Login(login(UserId::from_raw(id), entry.actor.as_ref(), realm)),
        None => ActivityActor::AccessToken(ActivityAccessTokenEntity { r#type: AccessTokenWord::AccessToken }),
    };
    let detail = ActivityOrgDetail { ok: ActivityOrgEntityDetail { name: entry.organization.name.clone() } };
    let content = ActivityOrgContent { id: org_id.clone(), detail };
    Some(Activity {
        id: map::id(entry.event.id),
        org_id,
        kind: kind(entry),
        created_at: entry.event.time.rfc3339(),
        message: message(entry),
        context: ActivityContext { org: ActivityOrgEntity { r#type: OrgWord::Org, content }, actor },
        activity_object: login(entry.event.user?, entry.user.as_ref(), realm),
    })
}

/// The beginning of a day, in UTC.
fn day(query: &Pairs, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = query.optional(name)? else { return Ok(None) };
    let day = if text.len() == 10 { Timestamp::parse(&format!("{text}T00:00:00Z")) } else { None };
    day.map(Some).ok_or_else(|| RequestError::invalid(name, "must be a day such as 2030-01-31").into())
}

/// The users that the activities must be about, or done by, as raw ids; `None` for anyone.
async fn involved(caller: &Caller, query: &Pairs, organization: &Organization) -> Result<Option<Vec<i64>>, Failure> {
    let ids = query.all("anyEntityId")?;
    let own = map::organization_id(organization);
    let is_own = |id: &str| id == own || Form::read_any::<OrganizationId>(id) == Some(organization.id);
    // The organization itself is in the context of everything.
    if ids.is_empty() || ids.iter().any(|id| is_own(id)) {
        return Ok(None);
    }
    let (mut involved, mut others) = (Vec::new(), Vec::new());
    for id in ids {
        let token = || Form::read_any::<TokenId>(id).map(TokenId::raw);
        match Form::read_any::<UserId>(id).map(UserId::raw).or_else(token) {
            Some(raw) => involved.push(raw),
            None => others.push(id.to_owned()),
        }
    }
    // An id that isn't Roster's own may be a user's imported id.
    involved.extend(caller.resolve_users(others).await?.into_iter().map(UserId::raw));
    Ok(Some(involved))
}

fn wanted(query: &Pairs, involved: Option<Vec<i64>>) -> Result<ActivityQuery, Failure> {
    let mut kinds = Vec::new();
    let asked = query.all("activityKinds")?;
    for word in &asked {
        let kind: ActivityKind = serde_json::from_value((*word).into())
            .map_err(|_| RequestError::invalid("activityKinds", "is not a known kind"))?;
        match kind {
            ActivityKind::Added => kinds.push(ADDED),
            ActivityKind::Removed => kinds.push(REMOVED),
            // Roster has none of these activities.
            ActivityKind::Cloned
            | ActivityKind::Imported
            | ActivityKind::BackedUp
            | ActivityKind::ErrorRaised
            | ActivityKind::BackupError => {}
        }
    }
    if asked.is_empty() {
        kinds = vec![ADDED, REMOVED];
    }
    match query.optional("entityKind")? {
        None | Some("login") => {}
        // All activities are about logins.
        Some("website" | "org" | "domain") => kinds.clear(),
        Some(_) => return Err(RequestError::invalid("entityKind", "must be website, login, org or domain").into()),
    }
    if involved.as_ref().is_some_and(Vec::is_empty) {
        kinds.clear();
    }
    Ok(ActivityQuery {
        kinds,
        from: day(query, "createdAfter")?.map(|day| day.plus_ms(DAY_MS)),
        before: day(query, "createdBefore")?,
        involved,
        text: query::text(query, "search")?.map(|part| ActivityText { says: message, part }),
        page: query::page(query)?,
    })
}

/// List an organization's activities.
///
/// Lists the members added and removed, newest first. Requires an owner, super admin or system administrator, here or
/// above.
#[utoipa::path(
    get, path = "/v2/orgs/{org_id}/activities", operation_id = "getOrgActivities", tag = "orgs",
    params(
        ("org_id" = String, Path),
        ("offset" = Option<u64>, Query),
        ("limit" = Option<u64>, Query, description = "Maximum number of items. Default: all."),
        ("createdBefore" = Option<String>, Query,
            description = "Only activities before this day (UTC), such as `2030-01-31`."),
        ("createdAfter" = Option<String>, Query,
            description = "Only activities after this day (UTC), such as `2030-01-31`."),
        ("activityKinds" = Option<Vec<ActivityKind>>, Query),
        ("anyEntityId" = Option<Vec<String>>, Query,
            description = "Only activities about or by one of these. The organization's own id matches all."),
        ("entityKind" = Option<String>, Query,
            description = "`website`, `login`, `org` or `domain`. All activities are about logins."),
        ("search" = Option<String>, Query, description = "Part of the message, in any letter case."),
    ),
    responses((status = 200, description = "The activities.", body = ActivitiesListing), Failures),
)]
async fn list(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    query: Pairs,
) -> Result<Json<ActivitiesListing>, Failure> {
    let organization = caller.organization_for(&*org, Right::tree(P::EventsRead)).await?;
    let involved = involved(&caller, &query, &organization).await?;
    let listed = caller.list_activities(organization.id, wanted(&query, involved)?).await?;
    let realm = map::id(caller.root());
    let items = listed.items.iter().filter_map(|entry| shown(entry, &realm)).collect();
    Ok(Json(ActivitiesListing { items, total: listed.total.unwrap_or_default() }))
}

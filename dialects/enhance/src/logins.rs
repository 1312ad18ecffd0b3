//! Logins: the realm's users.

use axum::Json;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, Caller, Error, Extras, MemberQuery, NewUser, OrganizationRef, Right, SelfUpdate, User,
    UserConditions, UserQuery, UserRef, UserSort,
};
use roster_http::{App, Authenticated, Body, Failure, Pairs, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cookie::UserCaller;
use crate::docs::Failures;
use crate::map::{self, DIALECT, locale, settings};
use crate::query;
use crate::wire::{
    AuthMethod, Login, LoginInfo, LoginMemberships, LoginsListing, NewResourceUuid, UpdateLogin, UpdateLoginResult,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(of_org))
        .routes(routes!(get, update))
        .routes(routes!(memberships))
}

/// A string that must not be empty.
fn filled(name: &str, text: String) -> Result<String, Failure> {
    if text.trim().is_empty() { Err(RequestError::invalid(name, "must not be empty").into()) } else { Ok(text) }
}

pub(crate) fn known_locale(text: Option<String>) -> Result<Option<String>, Failure> {
    match text {
        Some(text) if !locale::is_known(&text) => Err(RequestError::invalid("locale", "is not a known locale").into()),
        text => Ok(text),
    }
}

async fn shown(caller: &Caller, users: &[User]) -> Result<Vec<Login>, Error> {
    let changed = caller.passwords_changed(users.iter().map(|user| user.id).collect()).await?;
    Ok(users.iter().map(|user| map::login(user, changed.get(&user.id).copied())).collect())
}

fn users(query: &Pairs) -> Result<UserQuery, Failure> {
    let sorts = [("email", UserSort::ShownEmail), ("name", UserSort::Name), ("registrationDate", UserSort::Created)];
    Ok(UserQuery { sort: query::sort(query, &sorts)?, page: query::page(query)?, ..UserQuery::default() })
}

/// Create a login.
///
/// The login has a password, but is not a member of any organization yet.
#[utoipa::path(
    post, path = "/logins", operation_id = "createLogin", tag = "logins",
    params(
        ("orgId" = String, Query, description = "The organization for which the login is created."),
    ), request_body = LoginInfo,
    responses((status = 201, description = "Created.", body = NewResourceUuid), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    query: Pairs,
    body: Body<LoginInfo>,
) -> Result<(StatusCode, Json<NewResourceUuid>), Failure> {
    let org = query.required("orgId")?;
    let organization = caller.organization_for(org, Right::tree(P::UsersCreate)).await?;
    let body = body.read()?;
    let (name, password) = (filled("name", body.name)?, filled("password", body.password)?);
    let mut extras = Extras::default();
    extras.merge(DIALECT, &settings::made_for(organization.id));
    let new = NewUser {
        email: Some(filled("email", body.email)?),
        name: Some(name),
        password: Some(caller.hash_password(&password).await?),
        organization: Some(organization.id.into()),
        extras,
        ..NewUser::default()
    };
    let user = caller.create_user(new).await?;
    Ok((StatusCode::CREATED, Json(NewResourceUuid { id: map::user_id(&user) })))
}

/// List logins.
///
/// Lists all logins, or those of an organization and everything below it. Requires an owner, super admin or system
/// administrator of the master organization.
#[utoipa::path(
    get, path = "/logins", operation_id = "getLogins", tag = "logins",
    params(
        ("realmId" = Option<String>, Query,
            description = "Only members of this organization or of one below it, and logins created for it."),
        ("offset" = Option<u64>, Query),
        ("limit" = Option<u64>, Query, description = "Maximum number of items. Default: all."),
        ("sortOrder" = Option<String>, Query, description = "`asc` (default) or `desc`."),
        ("sortBy" = Option<String>, Query,
            description = "`email`, `name` or `registrationDate`. Default: by creation."),
    ),
    responses((status = 200, description = "The logins.", body = LoginsListing), Failures),
)]
async fn list(Authenticated(caller): Authenticated, query: Pairs) -> Result<Json<LoginsListing>, Failure> {
    caller.realm_for(P::UsersRead).await?;
    let mut wanted = users(&query)?;
    if let Some(realm) = query::text(&query, "realmId")? {
        let top = caller.organization(&*realm).await?;
        // Everybody is in the master organization's tree.
        let within = Some(OrganizationRef::Id(top.id)).filter(|_| !top.is_root());
        wanted.more = UserConditions { within, ..UserConditions::default() };
    }
    let listed = caller.list_users(wanted).await?;
    let items = shown(&caller, &listed.items).await?;
    Ok(Json(LoginsListing { items, total: listed.total.unwrap_or_default() }))
}

/// List the logins of an organization's members.
///
/// Requires an owner, super admin or system administrator, here or at the master organization.
#[utoipa::path(
    get, path = "/orgs/{org_id}/logins", operation_id = "getOrgLogins", tag = "logins",
    params(
        ("org_id" = String, Path),
        ("offset" = Option<u64>, Query),
        ("limit" = Option<u64>, Query, description = "Maximum number of items. Default: all."),
        ("sortOrder" = Option<String>, Query, description = "`asc` (default) or `desc`."),
        ("sortBy" = Option<String>, Query,
            description = "`email`, `name` or `registrationDate`. Default: by creation."),
    ),
    responses((status = 200, description = "The logins.", body = LoginsListing), Failures),
)]
async fn of_org(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    query: Pairs,
) -> Result<Json<LoginsListing>, Failure> {
    caller.organization_for(&*org, Right::here_or_root(P::UsersRead)).await?;
    let listed = caller.list_users_of(&*org, users(&query)?).await?;
    let items = shown(&caller, &listed.items).await?;
    Ok(Json(LoginsListing { items, total: listed.total.unwrap_or_default() }))
}

/// Get the caller's login.
#[utoipa::path(
    get, path = "/login", operation_id = "getLogin", tag = "logins",
    responses((status = 200, description = "The login.", body = Login), Failures),
)]
async fn get(UserCaller(caller): UserCaller) -> Result<Json<Login>, Failure> {
    let user = caller.user(UserRef::Me).await?;
    let login = shown(&caller, &[user]).await?.pop();
    Ok(Json(login.ok_or_else(|| Error::Internal("a login is not shown".into()))?))
}

/// Update the caller's login.
///
/// Changing the e-mail address or password requires the current password.
#[utoipa::path(
    patch, path = "/login", operation_id = "updateLoginInfo", tag = "logins", request_body = UpdateLogin,
    responses((status = 200, description = "Done.", body = UpdateLoginResult), Failures),
)]
async fn update(UserCaller(caller): UserCaller, body: Body<UpdateLogin>) -> Result<Json<UpdateLoginResult>, Failure> {
    let body = body.read()?;
    if body.auth_method.is_some_and(|method| method != AuthMethod::Basic) {
        return Err(RequestError::invalid("authMethod", "must be basic: a second factor is not offered").into());
    }
    let change = SelfUpdate {
        name: body.name.map(|name| filled("name", name)).transpose()?,
        locale: known_locale(body.locale)?.map(Some),
        email: body.email,
        password: body.password,
        current_password: body.current_password,
    };
    caller.update_self(change).await.map_err(|error| match error {
        Error::AlreadyExists { field, .. } => Error::invalid(field, "is another login's"),
        other => other,
    })?;
    Ok(Json(UpdateLoginResult {}))
}

/// A user's memberships, as far as the caller's session may see them.
pub(crate) async fn memberships_of(caller: &Caller) -> Result<LoginMemberships, Error> {
    let listed = caller.list_memberships_of(UserRef::Me, MemberQuery::default()).await?;
    let catalog = caller.roles();
    Ok(LoginMemberships { memberships: listed.items.iter().map(|m| map::membership(&catalog, m)).collect() })
}

/// List the caller's memberships.
///
/// For a session that is limited to one membership, lists only that one.
#[utoipa::path(
    get, path = "/login/memberships", operation_id = "getLoginMemberships", tag = "logins",
    responses((status = 200, description = "The memberships.", body = LoginMemberships), Failures),
)]
async fn memberships(UserCaller(caller): UserCaller) -> Result<Json<LoginMemberships>, Failure> {
    Ok(Json(memberships_of(&caller).await?))
}

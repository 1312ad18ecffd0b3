//! Memberships of groups: the six operations that the clients know.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use roster_engine::{
    BuiltIn as P, Caller, Extras, Listed, Member, MemberQuery, MembershipPatch, NewMembership, Page, Right,
    RoleMap as _, RoleSet,
};
use roster_http::{App, Body, Failure, Pairs, Path, Row, RowForm};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::fields::Fields;
use crate::map::{self, DIALECT, permissions};
use crate::query::Offsets;
use crate::session::{Session, TargetUser};
use crate::wire::{self, CreateGroupMembership, GroupMembership, Role, UpdateGroupMembership};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, update, remove))
        .routes(routes!(of_group))
        .routes(routes!(of_user))
}

fn shown(caller: &Caller, member: &Member, fields: &Fields) -> Json<Value> {
    Json(fields.select(&map::membership(&caller.roles(), member), &GroupMembership::STANDARD))
}

fn page(
    (app, caller): (&App, &Caller),
    listed: &Listed<Member>,
    at: Offsets,
    fields: &Fields,
) -> Result<Json<wire::Page<Row>>, Failure> {
    let (form, roles) = (RowForm::of(("box group membership", fields)), caller.roles());
    let written = |member: &Member, roles: &_| fields.select(&map::membership(roles, member), &GroupMembership::LISTED);
    Ok(Json(wire::Page {
        total_count: listed.total.unwrap_or_default(),
        limit: at.limit,
        offset: at.offset,
        entries: listed.items.iter().map(|m| app.rows.member(form, m, &roles, written)).collect::<Result<_, _>>()?,
    }))
}

/// Create a group membership.
///
/// Requires an admin.
#[utoipa::path(
    post, path = "/2.0/group_memberships", operation_id = "post_group_memberships", tag = "Memberships",
    params(("fields" = Option<String>, Query)),
    request_body = CreateGroupMembership,
    responses((status = 201, description = "Created.", body = GroupMembership), Failures),
)]
async fn create(
    Session(caller): Session,
    query: Pairs,
    body: Body<CreateGroupMembership>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    // The engine would let a group's own admins do this; the vendor doesn't.
    caller.realm_for(P::MembershipsWrite).await?;
    let body = body.read()?;
    let fields = Fields::of(&query)?;
    let mut extras = Extras::default();
    extras.merge(DIALECT, &permissions::write(body.configurable_permissions));
    let new = NewMembership { roles: RoleSet::of(Role::role(body.role)), extras, ..NewMembership::default() };
    let member = caller.add_member(map::group_ref(&body.group.id)?, map::user_ref(&body.user.id)?, new).await?;
    Ok((StatusCode::CREATED, shown(&caller, &member, &fields)))
}

/// Get a group membership.
///
/// Requires an admin, or an admin of the group.
#[utoipa::path(
    get, path = "/2.0/group_memberships/{group_membership_id}", operation_id = "get_group_memberships_id", tag = "Memberships",
    params(("group_membership_id" = String, Path), ("fields" = Option<String>, Query)),
    responses((status = 200, description = "Success.", body = GroupMembership), Failures),
)]
async fn get(Session(caller): Session, Path(id): Path<String>, query: Pairs) -> Result<Json<Value>, Failure> {
    let member = caller.membership_for(map::membership_id(&id)?, Right::tree(P::MembershipsWrite)).await?;
    Ok(shown(&caller, &member, &Fields::of(&query)?))
}

/// Update a group membership.
///
/// Changes the role and the permissions. Requires an admin, or an admin of the group.
#[utoipa::path(
    put, path = "/2.0/group_memberships/{group_membership_id}", operation_id = "put_group_memberships_id", tag = "Memberships",
    params(("group_membership_id" = String, Path), ("fields" = Option<String>, Query)),
    request_body = UpdateGroupMembership,
    responses((status = 200, description = "Updated.", body = GroupMembership), Failures),
)]
async fn update(
    Session(caller): Session,
    Path(id): Path<String>,
    query: Pairs,
    body: Body<UpdateGroupMembership>,
) -> Result<Json<Value>, Failure> {
    let id = map::membership_id(&id)?;
    // Checked here only for the order of errors: the update checks again.
    caller.membership_for(id, Right::tree(P::MembershipsWrite)).await?;
    let body = body.read_or_default()?;
    let fields = Fields::of(&query)?;
    let extras = Some((DIALECT, permissions::write(body.configurable_permissions)));
    let patch = MembershipPatch { extras, ..MembershipPatch::default() };
    let member = caller.update_membership::<Role>(id, body.role, patch).await?;
    Ok(shown(&caller, &member, &fields))
}

/// Delete a group membership.
///
/// Requires an admin, or an admin of the group.
#[utoipa::path(
    delete, path = "/2.0/group_memberships/{group_membership_id}", operation_id = "delete_group_memberships_id",
    tag = "Memberships",
    params(("group_membership_id" = String, Path)),
    responses((status = 204, description = "Deleted."), Failures),
)]
async fn remove(Session(caller): Session, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.remove_membership(map::membership_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a group's memberships.
///
/// In order of creation. The group's `member_viewability_level` determines who may list them.
#[utoipa::path(
    get, path = "/2.0/groups/{group_id}/memberships", operation_id = "get_groups_id_memberships", tag = "Memberships",
    params(
        ("group_id" = String, Path), ("fields" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query),
    ),
    responses((status = 200, description = "A page of the list.", body = wire::Page<GroupMembership>), Failures),
)]
async fn of_group(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    query: Pairs,
) -> Result<Json<wire::Page<Row>>, Failure> {
    let group = map::group_ref(&id)?;
    let (at, fields) = match (Offsets::of(&query), Fields::of(&query)) {
        (Ok(at), Ok(fields)) => (at, fields),
        (Err(wrong), _) | (_, Err(wrong)) => {
            // Errors in the query are reported only to callers who may list.
            let page = Page { limit: Some(1), ..Page::default() };
            caller.list_members(group, MemberQuery { page, ..MemberQuery::default() }).await?;
            return Err(wrong);
        }
    };
    let listed = caller.list_members(group, MemberQuery { page: at.page(), ..MemberQuery::default() }).await?;
    page((&app, &caller), &listed, at, &fields)
}

/// List a user's group memberships.
///
/// In order of creation. Requires an admin, or the user.
#[utoipa::path(
    get, path = "/2.0/users/{user_id}/memberships", operation_id = "get_users_id_memberships", tag = "Memberships",
    params(
        ("user_id" = String, Path, description = "`me` is the caller's own user."), ("fields" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query),
    ),
    responses((status = 200, description = "A page of the list.", body = wire::Page<GroupMembership>), Failures),
)]
async fn of_user(
    State(app): State<App>,
    Session(caller): Session,
    Path(id): Path<String>,
    query: Pairs,
) -> Result<Json<wire::Page<Row>>, Failure> {
    let whom = TargetUser::to_read(&caller, &id).await?;
    if let TargetUser::User(user) = &whom {
        caller.user_id(user.clone()).await?;
    }
    let (at, fields) = (Offsets::of(&query)?, Fields::of(&query)?);
    let listed = match whom {
        TargetUser::User(user) => {
            caller.list_memberships_of(user, MemberQuery { page: at.page(), ..MemberQuery::default() }).await?
        }
        // It has no memberships.
        TargetUser::ServiceAccount => Listed { items: Vec::new(), total: Some(0), next: None },
    };
    page((&app, &caller), &listed, at, &fields)
}

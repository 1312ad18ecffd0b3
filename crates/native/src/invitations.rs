//! `/organizations/{id}/invitations` and `/invitations`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use roster_engine::{Caller, Error, Expiry, IfPending, InvitationQuery, InvitationSort, NewInvitation};
use roster_http::{App, Authenticated, Body, Failure, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::etag::entity;
use crate::problem::Problem;
use crate::query::{Query, page};
use crate::users::user_ref;
use crate::wire::{Invitation, InvitationWord, List, Membership, Object, Time};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(batch))
        .routes(routes!(get, revoke))
        .routes(routes!(accept))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateInvitation {
    /// The address to invite. An address has at most one pending invitation per organization.
    #[schema(example = "ada@example.com")]
    email: String,
    /// The name of a user who is created for the invitation.
    #[serde(default)]
    name: String,
    /// Keys of the roles that the member will have, at least one. Default: `["member"]`.
    roles: Option<Vec<String>>,
    /// The user in whose name the invitation is sent: a member who may invite.
    inviter_id: Option<String>,
    /// When the invitation expires. Default: in 30 days.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
    /// Whether to replace a pending invitation to the same address. Otherwise the new invitation is refused
    /// (`already_exists`). Default: `false`.
    #[serde(default)]
    renew: bool,
}

/// Several invitations, created in one transaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchInvitations {
    /// At most 1000 unless the server is configured otherwise.
    invitations: Vec<CreateInvitation>,
}

/// The invitations in the order of the request, each with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct SentInvitations {
    items: Vec<Invitation>,
}

impl CreateInvitation {
    fn into_engine(self, caller: &Caller) -> Result<NewInvitation, Error> {
        let roles = match &self.roles {
            Some(keys) => caller.role_set(keys.iter().map(String::as_str), "roles")?,
            None => caller.role_set(["member"], "roles")?,
        };
        Ok(NewInvitation {
            email: self.email,
            name: self.name,
            roles,
            inviter: self.inviter_id.as_deref().map(user_ref),
            expires: self.expires_at.map(|time| Expiry::At(time.0)),
            public: self.public_metadata.unwrap_or_default(),
            private: self.private_metadata.unwrap_or_default(),
            if_pending: if self.renew { IfPending::Renew } else { IfPending::Refuse },
            ..NewInvitation::default()
        })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptInvitation {
    /// The secret of the invitation.
    secret: String,
    /// The user who becomes the member. Default: `me`, the caller's own user.
    user_id: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct InvitationListQuery {
    /// Number of items per page: 1 to 500 unless the server is configured otherwise. Default: 50.
    limit: Option<u64>,
    /// The `next_cursor` of the previous page. Omit it to get the first page.
    cursor: Option<String>,
    /// Sort key: `created_at` (default) or `email`. A leading `-` sorts in descending order.
    sort: Option<String>,
    /// Whether to also return `total`, the number of items in the whole list. Default: `false`.
    total: Option<bool>,
    /// Only invitations with this status.
    status: Option<InvitationWord>,
    /// Only invitations to exactly this address, in any letter case.
    email: Option<String>,
    /// Only invitations whose address contains this text, in any letter case.
    q: Option<String>,
}

/// List an organization's invitations.
///
/// Requires `memberships:write` at the organization or above it.
#[utoipa::path(get, path = "/organizations/{organization_id}/invitations", tag = "invitations",
    operation_id = "listInvitations", params(("organization_id" = String, Path), InvitationListQuery),
    responses((status = 200, body = List<Invitation>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<List<Invitation>>, Failure> {
    let q: InvitationListQuery = query.read()?;
    let sorts = [("created_at", InvitationSort::Created), ("email", InvitationSort::Email)];
    let (page, sort) = page(&app, q.limit, q.cursor, q.total, q.sort.as_deref(), &sorts)?;
    let status = q.status.map(|status| vec![status.into()]);
    let query = InvitationQuery { status, email: q.email, text: q.q, sort, page };
    let listed = caller.list_invitations(&*id, query).await?;
    let catalog = caller.roles();
    Ok(Json(List::of(listed, |invited| Invitation::of(invited, &catalog))))
}

/// Create an invitation.
///
/// Reserves a membership for an e-mail address. The secret is only in this response; nothing is mailed, so the
/// application delivers it. The caller must have `memberships:write` at the organization or above it, and every
/// permission of the roles promised.
#[utoipa::path(post, path = "/organizations/{organization_id}/invitations", tag = "invitations",
    operation_id = "createInvitation", params(("organization_id" = String, Path)), request_body = CreateInvitation,
    responses((status = 201, body = Invitation), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn invite(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<CreateInvitation>,
) -> Result<Response, Failure> {
    let new = body.read()?.into_engine(&caller)?;
    let sent = caller.invite(&*id, new).await?;
    let mut wire = Invitation::of(&sent.invited, &caller.roles());
    wire.secret = sent.secret;
    Ok(entity(StatusCode::CREATED, wire, sent.invited.invitation.updated))
}

/// Create invitations in bulk.
///
/// Creates all invitations, or none if any of them fails; `items` in the error says which and why. The same rights
/// apply as for creating a single invitation.
#[utoipa::path(post, path = "/organizations/{organization_id}/invitations:batch", tag = "invitations",
    operation_id = "batchInvitations", params(("organization_id" = String, Path)), request_body = BatchInvitations,
    responses((status = 201, body = SentInvitations), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn batch(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<BatchInvitations>,
) -> Result<(StatusCode, Json<SentInvitations>), Failure> {
    let new = body.read()?.invitations.into_iter().map(|one| one.into_engine(&caller)).collect();
    let sent = caller.invite_all(&*id, new).await.map_err(|error| match error {
        Error::Items(items) => {
            let placed = |(number, error): (usize, Error)| (number, error.within(&format!("invitations[{number}]")));
            Error::Items(items.into_iter().map(placed).collect())
        }
        other => other,
    })?;
    let catalog = caller.roles();
    let items = sent.into_iter().map(|sent| {
        let mut wire = Invitation::of(&sent.invited, &catalog);
        wire.secret = sent.secret;
        wire
    });
    Ok((StatusCode::CREATED, Json(SentInvitations { items: items.collect() })))
}

/// Get an invitation.
///
/// The secret is not returned. Requires `memberships:write` at the organization or above it.
#[utoipa::path(get, path = "/invitations/{invitation_id}", tag = "invitations", operation_id = "getInvitation",
    params(("invitation_id" = String, Path)),
    responses((status = 200, body = Invitation), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let invited = caller.invitation(&id).await?;
    Ok(entity(StatusCode::OK, Invitation::of(&invited, &caller.roles()), invited.invitation.updated))
}

/// Revoke a pending invitation.
///
/// Requires `memberships:write` at the organization or above it.
#[utoipa::path(delete, path = "/invitations/{invitation_id}", tag = "invitations", operation_id = "revokeInvitation",
    params(("invitation_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn revoke(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.revoke_invitation(&id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accept an invitation.
///
/// Takes the invitation's secret. The user must have the invited address. Accepting for another user requires
/// `users:write` at the realm's root.
#[utoipa::path(post, path = "/invitations:accept", tag = "invitations", operation_id = "acceptInvitation",
    request_body = AcceptInvitation,
    responses((status = 201, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn accept(Authenticated(caller): Authenticated, body: Body<AcceptInvitation>) -> Result<Response, Failure> {
    let b = body.read()?;
    let user = user_ref(b.user_id.as_deref().unwrap_or("me"));
    let member = caller.accept_invitation(&b.secret, user).await?;
    Ok(entity(StatusCode::CREATED, Membership::of(&member, &caller.roles()), member.membership.updated))
}

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
    #[schema(example = "ada@example.com")]
    email: String,
    /// How a user is called who is made for it.
    #[serde(default)]
    name: String,
    /// Keys of roles. Default: `["member"]`.
    roles: Option<Vec<String>>,
    /// In whose name: a member who may invite.
    inviter_id: Option<String>,
    /// In 30 days if it isn't given.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    #[schema(value_type = Option<Object>)]
    public_metadata: Option<Object>,
    #[schema(value_type = Option<Object>)]
    private_metadata: Option<Object>,
    /// Makes a pending invitation to the same address this one; else it is refused.
    #[serde(default)]
    renew: bool,
}

/// Many invitations in one transaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchInvitations {
    invitations: Vec<CreateInvitation>,
}

/// In the order of the request, each with its secret.
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
    secret: String,
    /// Who becomes the member; `me`, the caller, if it isn't given.
    user_id: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct InvitationListQuery {
    /// Rows on the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// `created_at` (default) or `email`; with `-` in front, downwards.
    sort: Option<String>,
    /// Whether to count the whole list.
    total: Option<bool>,
    status: Option<InvitationWord>,
    /// Exactly this address, in any case.
    email: Option<String>,
    /// Part of the address, in any case.
    q: Option<String>,
}

/// List an organization's invitations.
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

/// Invite somebody by e-mail address. The secret is in this answer and nowhere else; sending it is the application's.
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

/// Invite many people, or nobody if one of them can't be: `items` of the error says which and why.
#[utoipa::path(post, path = "/organizations/{organization_id}/invitations:batch", tag = "invitations",
    operation_id = "batchInvitations", params(("organization_id" = String, Path)), request_body = BatchInvitations,
    responses((status = 201, body = SentInvitations), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn batch(
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    body: Body<BatchInvitations>,
) -> Result<(StatusCode, Json<SentInvitations>), Failure> {
    let mut new = Vec::new();
    for (number, one) in body.read()?.invitations.into_iter().enumerate() {
        new.push(one.into_engine(&caller).map_err(|error| error.within(&format!("invitations[{number}]")))?);
    }
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

/// Get an invitation, without its secret.
#[utoipa::path(get, path = "/invitations/{invitation_id}", tag = "invitations", operation_id = "getInvitation",
    params(("invitation_id" = String, Path)),
    responses((status = 200, body = Invitation), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<Response, Failure> {
    let invited = caller.invitation(&id).await?;
    Ok(entity(StatusCode::OK, Invitation::of(&invited, &caller.roles()), invited.invitation.updated))
}

/// Revoke a pending invitation.
#[utoipa::path(delete, path = "/invitations/{invitation_id}", tag = "invitations", operation_id = "revokeInvitation",
    params(("invitation_id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn revoke(Authenticated(caller): Authenticated, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    caller.revoke_invitation(&id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accept an invitation by its secret. The user must have the address that was invited.
#[utoipa::path(post, path = "/invitations:accept", tag = "invitations", operation_id = "acceptInvitation",
    request_body = AcceptInvitation,
    responses((status = 201, body = Membership), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn accept(Authenticated(caller): Authenticated, body: Body<AcceptInvitation>) -> Result<Response, Failure> {
    let b = body.read()?;
    let user = user_ref(b.user_id.as_deref().unwrap_or("me"));
    let member = caller.accept_invitation(&b.secret, user).await?;
    Ok(entity(StatusCode::CREATED, Membership::of(&member, &caller.roles()), member.membership.updated))
}

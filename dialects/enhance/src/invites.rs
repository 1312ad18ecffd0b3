//! Invites: a pending member, and a link for the person who has the e-mail address.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use roster_engine::{
    Acceptance, BuiltIn as P, Error, Expiry, Extras, IfPending, NewInvitation, Right, Subject, UserRef, text,
};
use roster_http::{App, Authenticated, Authenticator, Body, Failure, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cookie::{ClientContext, MaybeUserCaller};
use crate::docs::Failures;
use crate::logins::known_locale;
use crate::map::{self, DIALECT, roles, settings};
use crate::wire::{AcceptInviteBody, InviteValidation, NewInvite};

const LIFETIME_MS: i64 = 10 * 24 * 60 * 60 * 1000;

/// All but what a query may hold as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(accept)).routes(routes!(validate))
}

/// Create an invite.
///
/// The invite is valid for ten days. The response is the link; nothing is mailed. Requires an owner or super admin,
/// here or above.
#[utoipa::path(
    post, path = "/orgs/{org_id}/invites", operation_id = "createInvite", tag = "invites",
    params(("org_id" = String, Path)), request_body = NewInvite,
    responses((status = 201, description = "The link.", body = String, content_type = "application/json"), Failures),
)]
async fn create(
    Authenticated(caller): Authenticated,
    Path(org): Path<String>,
    client: ClientContext,
    body: Body<NewInvite>,
) -> Result<(StatusCode, Json<String>), Failure> {
    caller.organization_for(&*org, Right::tree(P::MembershipsWrite)).await?;
    let body = body.read()?;
    if body.name.trim().is_empty() {
        return Err(RequestError::invalid("name", "must not be empty").into());
    }
    let if_pending = IfPending::Update(roles::writer(body.site_accesses.as_deref()));
    let mut extras = Extras::default();
    extras.merge(DIALECT, &settings::write(body.site_accesses, body.notifications)?);
    let new = NewInvitation {
        email: body.email,
        name: body.name,
        roles: roles::read(&body.roles),
        expires: Some(Expiry::After(LIFETIME_MS)),
        extras,
        if_pending,
        in_url: true,
        ..NewInvitation::default()
    };
    let sent = caller.invite(&*org, new).await.map_err(|error| match error {
        Error::AlreadyExists { .. } => Error::invalid("email", "is a member's already"),
        other => other,
    })?;
    let secret = sent.secret.ok_or_else(|| Error::Internal("a new invitation without its secret".into()))?;
    let email = utf8_percent_encode(&sent.invited.invitation.email, QUERY);
    Ok((StatusCode::CREATED, Json(format!("{}/invites/{secret}?email={email}", client.url))))
}

/// Validate an invite.
///
/// Returns the organization and role of the invite, if it is valid. Requires no key.
#[utoipa::path(
    post, path = "/invites/{invite_id}/validate", operation_id = "validateInvite", tag = "invites", security(()),
    params(("invite_id" = String, Path)),
    responses(
        (status = 200, description = "Whether the invite is valid, and what it is for.", body = InviteValidation),
        Failures,
    ),
)]
async fn validate(authenticator: Authenticator, Path(invite): Path<String>) -> Result<Json<InviteValidation>, Failure> {
    let preview = match authenticator.preview_invitation(&invite).await {
        Ok(preview) => preview,
        Err(Error::NotFound(_)) => return Ok(Json(InviteValidation::default())),
        Err(error) => return Err(error.into()),
    };
    Ok(Json(InviteValidation {
        is_valid: true,
        login_id: Some(preview.known.as_ref().map_or_else(|| map::id(preview.user_id()), map::user_id)),
        org_id: Some(map::organization_id(&preview.organization)),
        org_name: Some(preview.organization.name),
        role: roles::show(&preview.roles, preview.invitation.roles).first().copied(),
    }))
}

/// Accept an invite.
///
/// Takes the invited login's session or password. A login that is new or has no password gets the given one. Requires
/// no key.
#[utoipa::path(
    post, path = "/invites/{invite_id}", operation_id = "acceptInvite", tag = "invites", security(()),
    params(("invite_id" = String, Path)), request_body = AcceptInviteBody,
    responses((status = 200, description = "Accepted.", headers(("Set-Cookie" = String))), Failures),
)]
async fn accept(
    authenticator: Authenticator,
    MaybeUserCaller(login): MaybeUserCaller,
    Path(invite): Path<String>,
    client: ClientContext,
    body: Body<AcceptInviteBody>,
) -> Result<Response, Failure> {
    let preview = authenticator.preview_invitation(&invite).await?;
    let body = body.read()?;
    let locale = known_locale(body.locale)?;
    let foreign = || Error::Forbidden("the login that was invited".into());
    if let Some(caller) = login {
        let invited = caller.me().await?.is_some_and(|me| me.id == preview.user_id());
        if !invited || text::email(&body.email).as_ref() != Ok(&preview.invitation.email) {
            return Err(foreign().into());
        }
        caller.accept_invitation(&invite, UserRef::Me).await.map_err(|error| match error {
            Error::NotFound(Subject::User) => foreign(),
            other => other,
        })?;
        return Ok(StatusCode::OK.into_response());
    }
    let acceptance =
        Acceptance { secret: invite, email: body.email, password: body.password, locale, agent: client.agent.clone() };
    let entered = authenticator.accept(acceptance).await?;
    Ok((StatusCode::OK, client.set_cookie(&entered.secret)).into_response())
}

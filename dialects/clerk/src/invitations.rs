//! Who is to become a member.

use axum::Json;
use roster_engine::{
    BuiltIn as P, Error, Expiry, InvitationQuery, InvitationSort, InvitationStatus, NewInvitation, Organization, Right,
    RoleCatalog, RoleSet, SentInvitation, Subject, UserRef, text,
};
use roster_http::{App, Body, Failure, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{Object, filled, fitting};
use crate::docs::Failures;
use crate::error::BULK;
use crate::map::{self, roles};
use crate::query::Query;
use crate::session::Session;
use crate::wire::{CreateInvitation, OrganizationInvitation, Paged, RevokeInvitation};

const BULK_MAX: usize = 10;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const SORTS: [(&str, InvitationSort); 2] =
    [("created_at", InvitationSort::Created), ("email_address", InvitationSort::Email)];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(create_bulk))
        .routes(routes!(list_pending))
        .routes(routes!(get))
        .routes(routes!(revoke))
        .routes(routes!(list_all))
        .routes(routes!(list_of_user))
}

async fn place(session: &Session, organization: &str) -> Result<Organization, Failure> {
    Ok(session.caller.organization_for(organization, Right::tree(P::MembershipsWrite)).await?)
}

/// An invitation to be sent.
struct Draft {
    /// Has no roles until they are looked up.
    new: NewInvitation,
    /// A role's key.
    role: String,
    /// The inviter, as sent; empty if there is none.
    inviter: String,
    /// The page of the application to which invited people are sent.
    redirect: Option<String>,
}

impl Draft {
    /// Looks at the form of everything. What the body names comes later, in a list after the form of all its items.
    fn read(body: CreateInvitation) -> Result<Self, Failure> {
        let (email, role) = (filled("email_address", body.email_address)?, filled("role", body.role)?);
        text::email(&email).map_err(|problem| Error::invalid("email", problem))?;
        let expires = match body.expires_in_days {
            Some(days) if (1..=365).contains(&days) => Some(Expiry::After(days * DAY_MS)),
            Some(_) => return Err(RequestError::invalid("expires_in_days", "must be from 1 to 365").into()),
            None => None,
        };
        let inviter = body.inviter_user_id.unwrap_or_default();
        let new = NewInvitation {
            email,
            inviter: (!inviter.is_empty()).then(|| UserRef::Text(inviter.clone())),
            expires,
            public: fitting("public_metadata", body.public_metadata)?,
            private: fitting("private_metadata", body.private_metadata)?,
            ..NewInvitation::default()
        };
        Ok(Self { new, role, inviter, redirect: body.redirect_url.filter(|url| !url.is_empty()) })
    }

    /// The invitation with the role that is named.
    fn invitation(&self, catalog: &RoleCatalog) -> Result<NewInvitation, Error> {
        Ok(NewInvitation { roles: RoleSet::of(roles::role(catalog, &self.role)?), ..self.new.clone() })
    }
}

/// With the link in which the secret is: to the application if it says where, else to where the native API takes it.
fn sent(session: &Session, sent: &SentInvitation, redirect: Option<&str>) -> OrganizationInvitation {
    let mut wire = map::invitation(session, &session.caller.roles(), &sent.invited, false);
    wire.url = sent.secret.as_ref().map(|secret| {
        let to = redirect.map_or_else(|| session.url("/v1/invitations:accept"), str::to_owned);
        with_ticket(&to, secret)
    });
    wire
}

/// The URL with one parameter more, in front of the fragment, which no server gets to see.
fn with_ticket(url: &str, secret: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}__clerk_ticket={secret}{fragment}")
}

/// Create an organization invitation.
///
/// Invites a person by e-mail address. Nothing is mailed; the response has the link.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/invitations", operation_id = "CreateOrganizationInvitation",
    tag = "Organization Invitations", params(("organization_id" = String, Path)), request_body = CreateInvitation,
    responses((status = 200, description = "Success.", body = OrganizationInvitation), Failures),
)]
async fn create(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<CreateInvitation>,
) -> Result<Json<OrganizationInvitation>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let draft = Draft::read(body.read()?)?;
    let new = draft.invitation(&session.caller.roles())?;
    let made = session.caller.invite(organization.id, new).await.map_err(map::with_user_named(&draft.inviter))?;
    Ok(Json(sent(&session, &made, draft.redirect.as_deref())))
}

/// Create organization invitations in bulk.
///
/// Creates up to ten invitations, or none if any of them fails.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/invitations/bulk",
    operation_id = "CreateOrganizationInvitationBulk", tag = "Organization Invitations",
    params(("organization_id" = String, Path)), request_body = Vec<CreateInvitation>,
    responses((status = 200, description = "Success.", body = Paged<OrganizationInvitation>), Failures),
)]
async fn create_bulk(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<Vec<Object<CreateInvitation>>>,
) -> Result<Json<Paged<OrganizationInvitation>>, Failure> {
    let organization = place(&session, &organization_id).await?;
    // One of the clients sends no body for an empty list.
    let items = match body.read_array() {
        Err(Failure::Request(RequestError::BodyMissing)) => Vec::new(),
        read => read?,
    };
    if items.is_empty() {
        return Err(RequestError::missing("email_address").into());
    }
    if items.len() > BULK_MAX {
        return Err(Error::invalid(BULK, format!("has more than {BULK_MAX} entries")).into());
    }
    let drafts = items.into_iter().map(|Object(item)| Draft::read(item)).collect::<Result<Vec<_>, _>>()?;
    let catalog = session.caller.roles();
    let new = drafts.iter().map(|draft| draft.invitation(&catalog)).collect::<Result<Vec<_>, _>>()?;
    let inviters: Vec<&str> = drafts.iter().map(|draft| draft.inviter.as_str()).collect();
    let made = session.caller.invite_all(organization.id, new.into_iter().map(Ok).collect()).await;
    let made = made.map_err(|error| map::with_each_user_named(&inviters, error))?;
    let shown = |(made, draft): (&SentInvitation, &Draft)| sent(&session, made, draft.redirect.as_deref());
    let data: Vec<_> = made.iter().zip(&drafts).map(shown).collect();
    Ok(Json(Paged { total_count: data.len() as u64, data }))
}

fn statuses(query: &Query) -> Result<Option<Vec<InvitationStatus>>, Failure> {
    let Some(words) = query.all("status")? else { return Ok(None) };
    let status = |word: &str| {
        InvitationStatus::from_word(word)
            .ok_or_else(|| RequestError::invalid("status", "must be pending, accepted, revoked or expired"))
    };
    Ok(Some(words.iter().map(|word| status(word)).collect::<Result<_, _>>()?))
}

/// List an organization's invitations.
#[utoipa::path(
    get, path = "/organizations/{organization_id}/invitations", operation_id = "ListOrganizationInvitations",
    tag = "Organization Invitations",
    params(
        ("organization_id" = String, Path),
        ("status" = Option<Vec<String>>, Query),
        ("email_address" = Option<String>, Query),
        ("order_by" = Option<String>, Query,
            description = "`created_at` or `email_address`, with a leading `+` (ascending, the default) or `-` \
                (descending)."),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<OrganizationInvitation>), Failures),
)]
async fn list(
    session: Session,
    Path(organization_id): Path<String>,
    query: Query,
) -> Result<Json<Paged<OrganizationInvitation>>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let (sort, page) = query.page(&SORTS, InvitationSort::Created)?;
    let email = query.text("email_address")?.map(|email| email.replace(' ', "+"));
    let query = InvitationQuery { status: statuses(&query)?, email, text: None, sort, page };
    let listed = session.caller.list_invitations(organization.id, query).await?;
    let catalog = session.caller.roles();
    Ok(Json(map::paged(listed, |invited| map::invitation(&session, &catalog, invited, false))))
}

/// List an organization's pending invitations.
///
/// An older form of the list of invitations.
#[utoipa::path(
    get, path = "/organizations/{organization_id}/invitations/pending",
    operation_id = "ListPendingOrganizationInvitations", tag = "Organization Invitations",
    params(("organization_id" = String, Path), ("limit" = Option<f64>, Query), ("offset" = Option<f64>, Query)),
    responses((status = 200, description = "Success.", body = Paged<OrganizationInvitation>), Failures),
)]
async fn list_pending(
    session: Session,
    Path(organization_id): Path<String>,
    query: Query,
) -> Result<Json<Paged<OrganizationInvitation>>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let (sort, page) = query.page(&SORTS, InvitationSort::Created)?;
    let status = Some(vec![InvitationStatus::Pending]);
    let query = InvitationQuery { status, sort, page, ..InvitationQuery::default() };
    let listed = session.caller.list_invitations(organization.id, query).await?;
    let catalog = session.caller.roles();
    Ok(Json(map::paged(listed, |invited| map::invitation(&session, &catalog, invited, false))))
}

/// The invitation in a path. One of another organization counts as not found.
async fn find(session: &Session, organization: &str, invitation: &str) -> Result<roster_engine::Invited, Failure> {
    let organization = place(session, organization).await?;
    let invited = session.caller.invitation(invitation).await?;
    if invited.organization.id == organization.id {
        Ok(invited)
    } else {
        Err(Error::NotFound(Subject::Invitation).into())
    }
}

/// Get an organization invitation.
#[utoipa::path(
    get, path = "/organizations/{organization_id}/invitations/{invitation_id}",
    operation_id = "GetOrganizationInvitation", tag = "Organization Invitations",
    params(("organization_id" = String, Path), ("invitation_id" = String, Path)),
    responses((status = 200, description = "Success.", body = OrganizationInvitation), Failures),
)]
async fn get(
    session: Session,
    Path((organization_id, invitation_id)): Path<(String, String)>,
) -> Result<Json<OrganizationInvitation>, Failure> {
    let invited = find(&session, &organization_id, &invitation_id).await?;
    Ok(Json(map::invitation(&session, &session.caller.roles(), &invited, false)))
}

/// Revoke a pending invitation.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/invitations/{invitation_id}/revoke",
    operation_id = "RevokeOrganizationInvitation", tag = "Organization Invitations",
    params(("organization_id" = String, Path), ("invitation_id" = String, Path)), request_body = RevokeInvitation,
    responses((status = 200, description = "Success.", body = OrganizationInvitation), Failures),
)]
async fn revoke(
    session: Session,
    Path((organization_id, invitation_id)): Path<(String, String)>,
    body: Body<RevokeInvitation>,
) -> Result<Json<OrganizationInvitation>, Failure> {
    find(&session, &organization_id, &invitation_id).await?;
    let by = body.read()?.requesting_user_id.filter(|id| !id.is_empty());
    let named = by.clone().unwrap_or_default();
    let revoked = session.caller.revoke_invitation(&invitation_id, by.map(UserRef::Text)).await;
    let invited = revoked.map_err(map::with_user_named(&named))?;
    Ok(Json(map::invitation(&session, &session.caller.roles(), &invited, false)))
}

/// List the invitations of all organizations.
#[utoipa::path(
    get, path = "/organization_invitations", operation_id = "ListInstanceOrganizationInvitations",
    tag = "Organization Invitations",
    params(
        ("status" = Option<Vec<String>>, Query),
        ("query" = Option<String>, Query, description = "Part of the e-mail address."),
        ("order_by" = Option<String>, Query),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<OrganizationInvitation>), Failures),
)]
async fn list_all(session: Session, query: Query) -> Result<Json<Paged<OrganizationInvitation>>, Failure> {
    let (sort, page) = query.page(&SORTS, InvitationSort::Created)?;
    let text = query.text("query")?.filter(|part| !part.is_empty()).map(str::to_owned);
    let query = InvitationQuery { status: statuses(&query)?, email: None, text, sort, page };
    let listed = session.caller.list_all_invitations(query).await?;
    let catalog = session.caller.roles();
    Ok(Json(map::paged(listed, |invited| map::invitation(&session, &catalog, invited, true))))
}

/// List a user's organization invitations.
///
/// Returns the invitations to any of the user's e-mail addresses.
#[utoipa::path(
    get, path = "/users/{user_id}/organization_invitations", operation_id = "UsersGetOrganizationInvitations",
    tag = "Organization Invitations",
    params(
        ("user_id" = String, Path),
        ("status" = Option<Vec<String>>, Query),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<OrganizationInvitation>), Failures),
)]
async fn list_of_user(
    session: Session,
    Path(user_id): Path<String>,
    query: Query,
) -> Result<Json<Paged<OrganizationInvitation>>, Failure> {
    let user = session.caller.user(&*user_id).await?;
    let (sort, page) = query.page(&SORTS, InvitationSort::Created)?;
    let query = InvitationQuery { status: statuses(&query)?, sort, page, ..InvitationQuery::default() };
    let listed = session.caller.list_invitations_of(user.id, query).await?;
    let catalog = session.caller.roles();
    Ok(Json(map::paged(listed, |invited| map::invitation(&session, &catalog, invited, true))))
}

#[cfg(test)]
mod tests {
    use super::with_ticket;

    #[test]
    fn the_ticket_is_a_parameter() {
        for (url, with) in [
            ("https://app/x", "https://app/x?__clerk_ticket=s"),
            ("https://app/x?a=1", "https://app/x?a=1&__clerk_ticket=s"),
            ("https://app/x#top", "https://app/x?__clerk_ticket=s#top"),
            ("https://app/?a=1#/b?c=2", "https://app/?a=1&__clerk_ticket=s#/b?c=2"),
            ("https://app/#/b?c=2", "https://app/?__clerk_ticket=s#/b?c=2"),
        ] {
            assert_eq!(with_ticket(url, "s"), with);
        }
    }
}

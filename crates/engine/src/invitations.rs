//! Invitations to join an organization, for whoever has the e-mail address.
//!
//! ```text
//! pending ── accept(secret, user) ──▶ accepted, and a membership with the roles and metadata promised
//!    ├────── the person is added otherwise ──▶ accepted
//!    ├────── revoke ──▶ revoked
//!    └────── its time runs out ──▶ expired (by the clock; written when another invitation replaces it)
//! ```
//!
//! A pending invitation counts towards an organization's limit of members. It has a secret like a token's, which is returned once; only its
//! hash is stored.

use std::collections::HashMap;

use roster_model::permission::BuiltIn as P;
use roster_model::{
    AddressKind, Change, EntityId as _, Extras, Form, Invitation, InvitationId, InvitationStatus, Metadata,
    Organization, OrganizationId, Right, RoleNumber, RoleSet, Timestamp, User, UserId, metadata, text,
};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{InvitationFilter, InvitationSort};
use serde::{Deserialize, Serialize};

use crate::access::Allowed;
use crate::actor::Caller;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::import::IncomingInvitation;
use crate::memberships::{self, Member, check_limit, check_may_grant, check_roles};
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef};
use crate::secret;
use crate::transaction::{Creation, Reader, Tx};
use crate::users;

/// How long an invitation is valid by default: 30 days.
const LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// An invitation to be sent.
#[derive(Clone, Debug, Default)]
pub struct NewInvitation {
    pub email: String,
    /// The name of a user who is created for it.
    pub name: String,
    pub roles: RoleSet,
    /// The user in whose name it is sent: a member who may invite.
    pub inviter: Option<UserRef>,
    /// In 30 days if it isn't given.
    pub expires: Option<Expiry>,
    pub public: Metadata,
    pub private: Metadata,
    pub extras: Extras,
    pub if_pending: IfPending,
    /// Whether the secret is to be a UUID, for use in a URL.
    pub in_url: bool,
}

/// Until when an invitation can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    At(Timestamp),
    /// This many milliseconds after its creation.
    After(i64),
}

/// What happens to a pending invitation to the same address.
#[derive(Clone, Copy, Debug, Default)]
pub enum IfPending {
    /// It is kept, and the new one is refused.
    #[default]
    Refuse,
    /// It is replaced by the new one: roles, metadata, secret and expiry change, the id stays.
    Renew,
    /// As `Renew`, but what the surface can't show stays: metadata, the extras of other dialects, and the inviter. Its new roles are computed
    /// from its own and those of the new one, in this order.
    Update(fn(RoleSet, RoleSet) -> RoleSet),
}

/// An invitation with its organization and inviter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// With its status at the time of reading.
    pub invitation: Invitation,
    pub organization: Organization,
    /// `None`: no inviter, or a deleted user.
    pub inviter: Option<User>,
}

/// An invitation and its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentInvitation {
    pub invited: Invited,
    /// Returned once. `None` when the stored answer to a repeated request is returned.
    #[serde(skip)]
    pub secret: Option<String>,
}

/// Which invitations to list.
#[derive(Clone, Debug, Default)]
pub struct InvitationQuery {
    /// Any of these.
    pub status: Option<Vec<InvitationStatus>>,
    /// The exact address, case-insensitive.
    pub email: Option<String>,
    /// Part of the address, case-insensitive.
    pub text: Option<String>,
    pub sort: InvitationSort,
    pub page: Page,
}

/// The invitations to an organization that are stored as pending, which includes expired ones, to any of the user's addresses.
pub(crate) fn pending_of(reader: Reader<'_>, organization: OrganizationId, user: &User) -> Result<Vec<Invitation>> {
    let emails = user.addresses.iter().filter(|address| address.kind == AddressKind::Email);
    emails
        .filter_map(|email| reader.view.pending_invitation(organization, &email.value).transpose())
        .map(|i| Ok(i?))
        .collect()
}

/// All pending invitations to an organization, oldest first.
pub(crate) fn all_pending(reader: Reader<'_>, organization: OrganizationId) -> Result<Vec<Invitation>> {
    if !reader.view.may_have_invitations(&[organization])? {
        return Ok(Vec::new());
    }
    let filter = InvitationFilter {
        organization: Some(organization),
        status: Some((vec![InvitationStatus::Pending], reader.now())),
        ..InvitationFilter::default()
    };
    Ok(reader.view.list_invitations(&filter, InvitationSort::Created, &Slice::default())?)
}

/// Closes invitations of a person who becomes a member: pending ones count as accepted.
pub(crate) fn close(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, pending: Vec<Invitation>) -> Result<()> {
    for invitation in pending {
        let status = match invitation.status_at(tx.now()) {
            InvitationStatus::Pending => InvitationStatus::Accepted,
            other => other,
        };
        set_status(tx, place, invitation, status)?;
    }
    Ok(())
}

pub(crate) fn set_status(
    tx: &mut Tx<'_, '_>,
    place: &Allowed<Organization>,
    before: Invitation,
    status: InvitationStatus,
) -> Result<Invitation> {
    let updated = tx.now().advanced_past(before.updated);
    let after = Invitation { status, updated, ..before.clone() };
    let change = Change::InvitationUpdated { before: Box::new(before), after: Box::new(after.clone()), hash: None };
    tx.change(place, &change)?;
    Ok(after)
}

/// The user in whose name an invitation is sent or revoked: a member who may invite.
fn inviter(reader: Reader<'_>, place: &Allowed<Organization>, user: &UserRef) -> Result<UserId> {
    let unknown = || Error::reference("inviter_user_id", Subject::User);
    let user = reader.user(user).map_err(|error| error.if_missing(unknown()))?.named_by(place);
    let membership = reader.view.membership(place.id, user.id)?.ok_or(Error::NotAMember)?;
    if reader.roles()?.granting(P::MembershipsWrite.key()).intersects(membership.roles) {
        Ok(user.id)
    } else {
        Err(Error::MemberLacks(P::MembershipsWrite.key().into()))
    }
}

pub(crate) fn no_owner() -> Error {
    Error::invalid("roles", "must not include the owner's role: only a member can become the owner")
}

/// Builds and validates an imported invitation, except for what depends on other entities: roles, user, inviter and extras.
pub(crate) fn build(
    creation: Creation<'_>,
    organization: OrganizationId,
    email: String,
    line: &IncomingInvitation,
) -> Result<Invitation> {
    metadata::check(&line.public).of("public_metadata")?;
    metadata::check(&line.private).of("private_metadata")?;
    Ok(Invitation {
        id: creation.new_id(),
        organization,
        email,
        name: text::free(&line.name, text::NAME_MAX).of("name")?.to_owned(),
        user: None,
        roles: RoleSet::EMPTY,
        status: InvitationStatus::Pending,
        inviter: None,
        expires: line.expires.unwrap_or_else(|| creation.now.plus_ms(LIFETIME_MS)),
        created: creation.now,
        updated: creation.now,
        public: line.public.clone(),
        private: line.private.clone(),
        extras: Extras::default(),
    })
}

/// A renewed invitation with these roles, and with what the surface can't show of the one before.
fn with_rest_of(reader: Reader<'_>, before: &Invitation, after: Invitation, roles: RoleSet) -> Invitation {
    let mut extras = before.extras.clone();
    if let Some(dialect) = reader.acting.surface.dialect() {
        extras.0.remove(dialect.word());
    }
    extras.0.extend(after.extras.0);
    Invitation {
        roles,
        inviter: after.inviter.or(before.inviter),
        public: before.public.clone(),
        private: before.private.clone(),
        extras: memberships::extras_for_roles(roles, &extras),
        ..after
    }
}

fn invite(tx: &mut Tx<'_, '_>, place: &Allowed<Organization>, new: &NewInvitation, secret: &str) -> Result<Invitation> {
    let reader = tx.read();
    let email = users::given_email(&new.email).of("email")?;
    let expires = match new.expires.unwrap_or(Expiry::After(LIFETIME_MS)) {
        Expiry::At(time) => time,
        Expiry::After(ms) => tx.now().plus_ms(ms),
    };
    if expires <= tx.now() {
        return Err(Error::invalid("expires_at", "must be in the future"));
    }
    metadata::check(&new.public).of("public_metadata")?;
    metadata::check(&new.private).of("private_metadata")?;
    text::free(&new.name, text::NAME_MAX).of("name")?;
    check_roles(reader, new.roles)?;
    if new.roles.contains(RoleNumber::OWNER) {
        return Err(no_owner());
    }
    check_may_grant(place, new.roles)?;
    let inviter = new.inviter.as_ref().map(|user| inviter(reader, place, user)).transpose()?;
    if !place.admits(Some(&email)) {
        return Err(Error::DomainNotAllowed);
    }
    let known = reader.view.user_by_address(AddressKind::Email, &email)?;
    if let Some(user) = &known
        && let Some(member) = reader.view.membership(place.id, user.id)?
    {
        let id = Some(member.id.raw());
        return Err(Error::AlreadyExists { subject: Subject::Membership, field: "user", id });
    }
    // Invitations to the same address reserve the same user id.
    let user = reader.view.user_promised(&email, reader.now())?;
    let extras = memberships::extras_for_roles(new.roles, &new.extras);
    let written = |id, created, updated| Invitation {
        id,
        organization: place.id,
        email: email.clone(),
        name: new.name.clone(),
        user,
        roles: new.roles,
        status: InvitationStatus::Pending,
        inviter,
        expires,
        created,
        updated,
        public: new.public.clone(),
        private: new.private.clone(),
        extras: extras.clone(),
    };
    let pending = match &known {
        // An existing user may have been invited at another of their addresses.
        Some(user) if !matches!(new.if_pending, IfPending::Refuse) => {
            let mut pending = pending_of(reader, place.id, user)?;
            pending.sort_by_key(|invitation| invitation.email == email);
            pending.pop()
        }
        _ => reader.view.pending_invitation(place.id, &email)?,
    };
    match pending {
        Some(before) if before.status_at(tx.now()) == InvitationStatus::Pending => {
            let replaced = written(before.id, before.created, tx.now().advanced_past(before.updated));
            let after = match new.if_pending {
                IfPending::Refuse => {
                    let id = Some(before.id.raw());
                    return Err(Error::AlreadyExists { subject: Subject::Invitation, field: "email", id });
                }
                IfPending::Renew => replaced,
                IfPending::Update(roles) => {
                    let after = with_rest_of(reader, &before, replaced, roles(before.roles, new.roles));
                    // Whoever gets the new secret can accept the invitation, also with roles that others promised.
                    check_may_grant(place, after.roles)?;
                    after
                }
            };
            let hash = Some(secret::hash(secret));
            let change = Change::InvitationUpdated { before: Box::new(before), after: Box::new(after.clone()), hash };
            tx.change(place, &change)?;
            return Ok(after);
        }
        Some(expired) => {
            set_status(tx, place, expired, InvitationStatus::Expired)?;
        }
        None => {}
    }
    check_limit(tx.read(), place, 0)?;
    let after = written(tx.new_id(), tx.now(), tx.now());
    tx.change(place, &Change::InvitationCreated { after: Box::new(after.clone()), hash: secret::hash(secret) })?;
    Ok(after)
}

fn find(reader: Reader<'_>, reference: &str) -> Result<Invitation> {
    let id = Form::read_any::<InvitationId>(reference);
    let found = id.map(|id| reader.view.invitation(id)).transpose()?.flatten();
    found.ok_or(Error::NotFound(Subject::Invitation))
}

/// Adds organizations and inviters to invitations.
fn with_parts(reader: Reader<'_>, invitations: Vec<Invitation>) -> Result<Vec<Invited>> {
    let mut organizations: Vec<OrganizationId> = invitations.iter().map(|i| i.organization).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let mut users: Vec<UserId> = invitations.iter().filter_map(|i| i.inviter).collect();
    users.sort_unstable();
    users.dedup();
    let organizations: HashMap<OrganizationId, Organization> = reader.view.organizations_by_id(&organizations)?;
    let users: HashMap<UserId, User> = reader.view.users_by_id(&users)?;
    invitations
        .into_iter()
        .map(|mut invitation| {
            invitation.status = invitation.status_at(reader.now());
            let organization = organizations.get(&invitation.organization).cloned();
            Ok(Invited {
                inviter: invitation.inviter.and_then(|id| users.get(&id).cloned()),
                organization: organization
                    .ok_or_else(|| Error::Internal(format!("{:?} lacks its organization", invitation.id)))?,
                invitation,
            })
        })
        .collect()
}

fn with_part(reader: Reader<'_>, invitation: Invitation) -> Result<Invited> {
    with_parts(reader, vec![invitation])?.pop().ok_or(Error::NotFound(Subject::Invitation))
}

fn list(
    reader: Reader<'_>,
    query: &InvitationQuery,
    organization: Option<OrganizationId>,
    of: Option<Vec<String>>,
) -> Result<Listed<Invited>> {
    let emails = match (&query.email, of) {
        // An invalid address matches nothing.
        (Some(email), None) => Some(text::email(email).into_iter().collect()),
        (None, of) => of,
        (Some(email), Some(of)) => {
            let email = text::email(email).unwrap_or_default();
            Some(of.into_iter().filter(|address| *address == email).collect())
        }
    };
    let filter = InvitationFilter {
        organization,
        emails,
        text: query.text.clone(),
        status: query.status.clone().map(|status| (status, reader.now())),
        shown_only: !reader.acting.surface.shows_root(),
    };
    let of = match query.sort {
        InvitationSort::Created => "created",
        InvitationSort::Email => "email",
    };
    let items = reader.view.list_invitations(&filter, query.sort, &query.page.slice(of)?)?;
    let total = if query.page.total { Some(reader.view.count_invitations(&filter)?) } else { None };
    let mark = |invited: &Invited| Mark {
        key: match query.sort {
            InvitationSort::Created => Key::None,
            InvitationSort::Email => Key::Text(invited.invitation.email.clone()),
        },
        id: invited.invitation.id.raw(),
    };
    Ok(query.page.close(of, with_parts(reader, items)?, total, mark))
}

impl Caller {
    /// Needs `memberships:write` there or above, and every permission of the roles promised.
    pub async fn invite(&self, organization: impl Into<OrganizationRef>, new: NewInvitation) -> Result<SentInvitation> {
        let mut sent = self.invite_all(organization, vec![Ok(new)]).await.map_err(|error| match error {
            Error::Items(mut items) if items.len() == 1 => items.remove(0).1,
            other => other,
        })?;
        sent.pop().ok_or_else(|| Error::Internal(String::from("an invitation was not answered")))
    }

    /// Sends several invitations, all or none: [`Error::Items`] tells which ones failed and why. At most as many as a bulk operation may have.
    /// One that makes no sense on its own is given as that error, which is told together with the others. Rights as for [`Self::invite`].
    pub async fn invite_all(
        &self,
        organization: impl Into<OrganizationRef>,
        new: Vec<Result<NewInvitation>>,
    ) -> Result<Vec<SentInvitation>> {
        let organization = organization.into();
        let limit = self.engine.limits().bulk_items;
        self.write(move |tx| {
            let place = tx.read().organization(&organization)?.allow(tx.read(), Right::tree(P::MembershipsWrite))?;
            if new.len() > limit {
                return Err(Error::invalid("invitations", format!("has more than {limit} entries")));
            }
            let (mut sent, mut refused) = (Vec::with_capacity(new.len()), Vec::new());
            for (number, new) in new.iter().enumerate() {
                let outcome = tx.attempt(|tx| {
                    let new = new.as_ref().map_err(Error::clone)?;
                    let secret = if new.in_url { secret::uuid() } else { secret::generate() };
                    Ok((invite(tx, &place, new, &secret)?, secret))
                });
                match outcome {
                    Ok((invitation, secret)) => {
                        let invited = with_part(tx.read(), invitation)?;
                        sent.push(SentInvitation { invited, secret: Some(secret) });
                    }
                    Err(error) => refused.push((number, error)),
                }
            }
            if refused.is_empty() { Ok(sent) } else { Err(Error::Items(refused)) }
        })
        .await
    }

    /// By id in any form. Needs `memberships:write` there or above.
    pub async fn invitation(&self, invitation: &str) -> Result<Invited> {
        let reference = invitation.to_owned();
        self.read(move |reader| {
            let found = find(reader, &reference)?;
            let unknown = |error: Error| error.if_missing(Error::NotFound(Subject::Invitation));
            let place = reader.organization(&found.organization.into()).map_err(unknown)?;
            place.allow(reader, Right::tree(P::MembershipsWrite)).map_err(unknown)?;
            with_part(reader, found)
        })
        .await
    }

    /// Revokes a pending invitation. Needs `memberships:write` there or above. `by`: the user in whose name, a member who may invite.
    pub async fn revoke_invitation(&self, invitation: &str, by: Option<UserRef>) -> Result<Invited> {
        let reference = invitation.to_owned();
        self.write(move |tx| {
            let reader = tx.read();
            let found = find(reader, &reference)?;
            let unknown = |error: Error| error.if_missing(Error::NotFound(Subject::Invitation));
            let place = reader.organization(&found.organization.into()).map_err(unknown)?;
            let place = place.allow(reader, Right::tree(P::MembershipsWrite)).map_err(unknown)?;
            if let Some(by) = &by {
                inviter(reader, &place, by)?;
            }
            if found.status_at(tx.now()) != InvitationStatus::Pending {
                return Err(Error::NotPending);
            }
            let revoked = set_status(tx, &place, found, InvitationStatus::Revoked)?;
            with_part(tx.read(), revoked)
        })
        .await
    }

    /// Creates the promised membership for a user who has the invited address, given the secret. For the caller's own
    /// user, or with `users:write` at the root.
    pub async fn accept_invitation(&self, secret: &str, user: impl Into<UserRef>) -> Result<Member> {
        let (hash, user) = (secret::read(secret).map(|(_, secret)| secret::hash(secret)), user.into());
        self.write(move |tx| {
            let reader = tx.read();
            let user = reader.user(&user)?.allow_self_or(reader, P::UsersWrite)?;
            let found = hash.as_deref().map(|hash| reader.view.invitation_by_hash(hash)).transpose()?.flatten();
            let found = found.ok_or(Error::NotFound(Subject::Invitation))?;
            let place = reader.organization(&found.organization.into())?.by_invitation(reader, &found)?;
            if found.status_at(tx.now()) != InvitationStatus::Pending {
                return Err(Error::NotPending);
            }
            if !user.addresses.iter().any(|a| a.kind == AddressKind::Email && a.value == found.email) {
                return Err(Error::invalid("user_id", "is a user without the address that was invited"));
            }
            let membership = memberships::add_invited(tx, &place, &user, &found)?;
            Ok(Member::of(membership, user.into_inner(), place.into_inner()))
        })
        .await
    }

    /// Needs `memberships:write` there or above.
    pub async fn list_invitations(
        &self,
        organization: impl Into<OrganizationRef>,
        query: InvitationQuery,
    ) -> Result<Listed<Invited>> {
        let organization = organization.into();
        self.read(move |reader| {
            let place = reader.organization(&organization)?.allow(reader, Right::tree(P::MembershipsWrite))?;
            list(reader, &query, Some(place.id), None)
        })
        .await
    }

    /// All invitations of the realm. Needs `users:read` at the root.
    pub async fn list_all_invitations(&self, query: InvitationQuery) -> Result<Listed<Invited>> {
        self.read(move |reader| {
            reader.realm()?.allow(reader, P::UsersRead)?;
            list(reader, &query, None, None)
        })
        .await
    }

    /// Invitations to any of a user's addresses. For the caller's own user, or with `users:read` at the root.
    pub async fn list_invitations_of(
        &self,
        user: impl Into<UserRef>,
        query: InvitationQuery,
    ) -> Result<Listed<Invited>> {
        let user = user.into();
        self.read(move |reader| {
            let user = reader.user(&user)?.allow_self_or(reader, P::UsersRead)?;
            if reader.acting.user == Some(user.id) && reader.acting.only.is_some() {
                return Err(Error::Forbidden("a session of the whole user".into()));
            }
            let emails = user.addresses.iter().filter(|address| address.kind == AddressKind::Email);
            list(reader, &query, None, Some(emails.map(|email| email.value.clone()).collect()))
        })
        .await
    }
}

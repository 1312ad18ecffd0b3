//! Sessions of users who have logged in, by password or by a one-time link.
//!
//! ```text
//! log_in(address, password) ─────────────▶ session that acts by all memberships ──┐
//! issue_link(member) ─▶ link ── use_link ─▶ session that acts by that one only ───┴─▶ ended, by its user, with the user,
//!                        └ 60 s, once                                               with the membership, or by the clock
//! ```
//!
//! A session's secret is a key like a token's and is valid on every surface. Of the secrets of links and sessions only hashes are stored.

use std::sync::Arc;

use roster_model::permission::BuiltIn as P;
use roster_model::{
    AddressKind, Change, EntityId as _, Form, Link, MembershipId, MembershipScope, OrganizationId, RealmId, Right,
    Session, SessionId, User, UserId, text,
};
use roster_store::list::{Key, Mark, Slice};
use roster_store::{SessionFilter, View};
use serde::{Deserialize, Serialize};

use crate::access::{Allowed, Proof};
use crate::actor::{Actor, Caller, RequestScope};
use crate::engine::Engine;
use crate::error::{Error, Result, Subject};
use crate::memberships;
use crate::paging::{Listed, Page};
use crate::realms;
use crate::reference::{OrganizationRef, UserRef};
use crate::secret;
use crate::surface::Surface;
use crate::transaction::{Reader, Tx};

/// Lifetime of a session opened by password: 30 days.
const LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Lifetime of a session opened by a link: 12 hours.
const LINKED_LIFETIME_MS: i64 = 12 * 60 * 60 * 1000;
/// Lifetime of a link: one minute.
const LINK_MS: i64 = 60 * 1000;
/// Maximum length of a stored user agent, in characters.
const AGENT_MAX: usize = 256;

/// What a user presents to log in.
#[derive(Clone)]
pub struct Credentials {
    /// Any organization of the realm to log in to; `None` is the realm `default`.
    pub organization: Option<OrganizationRef>,
    pub email: String,
    pub password: String,
    /// The user agent that the client reports.
    pub agent: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("organization", &self.organization).finish_non_exhaustive()
    }
}

/// A user who has just logged in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The caller of the new session.
    pub caller: Caller,
    pub session: Session,
    /// The session's secret. Returned once.
    pub secret: String,
}

/// A link and its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedLink {
    pub link: Link,
    /// A UUID. Returned once; `None` when the stored answer to a repeated request is returned.
    #[serde(skip)]
    pub secret: Option<String>,
}

/// A reference to a member of an organization, as given by a caller.
#[derive(Clone, Debug)]
pub enum MemberRef {
    Membership(MembershipId),
    User(UserRef),
}

impl<T: Into<UserRef>> From<T> for MemberRef {
    fn from(user: T) -> Self {
        Self::User(user.into())
    }
}

/// A realm's id and root.
pub(crate) type Place = (RealmId, OrganizationId);

fn agent(text: Option<&str>) -> Option<String> {
    let text: String = text?.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// Opens a session for a user whose identity has been proved.
pub(crate) fn open(
    tx: &mut Tx<'_, '_>,
    proof: &impl Proof,
    user: UserId,
    only: Option<MembershipScope>,
    (named, secret): (Option<&str>, &str),
) -> Result<Session> {
    let lifetime = if only.is_some() { LINKED_LIFETIME_MS } else { LIFETIME_MS };
    let (created, expires) = (tx.now(), tx.now().plus_ms(lifetime));
    let session = Session { id: tx.new_id(), user, only, created, expires, agent: agent(named) };
    let opened = Change::SessionOpened { after: Box::new(session.clone()), hash: secret::hash(secret) };
    tx.change(proof, &opened)?;
    Ok(session)
}

impl Engine {
    /// The realm of an organization, or the realm `default` if none is given. [`Error::BadLogin`] if there is none.
    async fn realm_of(self: &Arc<Self>, surface: Surface, organization: Option<OrganizationRef>) -> Result<Place> {
        let Some(organization) = organization else {
            let realm = self.store().find_realm(realms::DEFAULT).await?.ok_or(Error::BadLogin)?;
            return Ok((realm.id, realm.root));
        };
        for realm in self.store().realms().await? {
            let organization = organization.clone();
            let find = move |view: &View<'_>| Ok::<_, Error>(organization.find(view, surface)?.is_some());
            if self.store().read(realm.id, find).await? {
                return Ok((realm.id, realm.root));
            }
        }
        Err(Error::BadLogin)
    }

    pub(crate) async fn root_of(&self, realm: RealmId) -> Result<Place> {
        let realm = self.store().read(realm, |view: &View<'_>| Ok::<_, Error>(view.realm()?)).await?;
        let realm = realm.ok_or(Error::NotFound(Subject::Realm))?;
        Ok((realm.id, realm.root))
    }

    /// A caller for a user who is logging in, with no more rights than the user will have.
    pub(crate) async fn logging_in(
        self: &Arc<Self>,
        surface: Surface,
        place: Place,
        user: UserId,
        scope: RequestScope,
    ) -> Result<Caller> {
        let roles = self.store().read(place.0, |view: &View<'_>| Ok::<_, Error>(view.roles()?)).await?;
        Ok(Caller::new(Arc::clone(self), surface, place, Actor::LoggingIn(user), scope, roles))
    }

    /// Opens a session by address and password. Every failure of these is the same [`Error::BadLogin`]; too many of them are
    /// [`Error::TooManyAttempts`].
    pub async fn log_in(
        self: &Arc<Self>,
        surface: Surface,
        credentials: Credentials,
        scope: RequestScope,
    ) -> Result<LoggedIn> {
        let Credentials { organization, email, password, agent } = credentials;
        let place = self.realm_of(surface, organization).await?;
        // An invalid address is nobody's, but takes the same time.
        let email = text::email(&email).unwrap_or_default();
        let wanted = email.clone();
        let known = self
            .store()
            .read(place.0, move |view: &View<'_>| {
                let user = view.user_by_address(AddressKind::Email, &wanted)?.filter(User::is_active);
                let password = user.as_ref().map(|user| view.password(user.id)).transpose()?.flatten();
                Ok::<_, Error>(user.zip(password))
            })
            .await?;
        let hash = known.as_ref().map(|(_, password)| password.hash.as_str());
        let right = self.check_password(place.0, &email, &password, hash).await?;
        let Some((user, proved)) = known.filter(|_| right) else { return Err(Error::BadLogin) };
        let caller = self.logging_in(surface, place, user.id, scope).await?;
        let secret = secret::session();
        let hidden = secret.clone();
        let session = caller
            .write(move |tx| {
                let reader = tx.read();
                let user = reader.user(&UserRef::Id(user.id))?.allow_self_or(reader, P::UsersWrite)?;
                // The password may have been changed since it was verified.
                let now = reader.view.password(user.id)?;
                if !user.is_active() || !now.is_some_and(|now| secret::same(&now.hash, &proved.hash)) {
                    return Err(Error::BadLogin);
                }
                open(tx, &user, user.id, None, (agent.as_deref(), &hidden))
            })
            .await
            .map_err(|error| error.if_missing(Error::BadLogin))?;
        Ok(caller.logged_in(session, secret))
    }

    /// Opens the one session for which a link is valid. [`Error::BadCredential`] if the link is unknown, used or expired.
    pub async fn use_link(
        self: &Arc<Self>,
        surface: Surface,
        secret: &str,
        agent: Option<String>,
        scope: RequestScope,
    ) -> Result<LoggedIn> {
        let hash = secret::hash(&secret.to_ascii_lowercase());
        let realm = self.store().realm_of_link(hash.clone()).await?.ok_or(Error::BadCredential)?;
        let place = self.root_of(realm).await?;
        let wanted = hash.clone();
        let find = move |view: &View<'_>| Ok::<_, Error>(view.link_by_hash(&wanted)?);
        let link = self.store().read(realm, find).await?.ok_or(Error::BadCredential)?;
        let caller = self.logging_in(surface, place, link.user, scope).await?;
        let secret = secret::session();
        let hidden = secret.clone();
        let session = caller
            .write(move |tx| {
                let reader = tx.read();
                // Somebody else may have used it in the meantime.
                let link = reader.view.link_by_hash(&hash)?.filter(|link| link.is_live(tx.now()));
                let link = link.ok_or(Error::BadCredential)?;
                let user = reader.user(&UserRef::Id(link.user))?.allow_self_or(reader, P::UsersWrite)?;
                if !user.is_active() || is_suspended(reader, user.id, link.only.organization)? {
                    return Err(Error::BadCredential);
                }
                tx.change(&user, &Change::LinkUsed { before: Box::new(link.clone()) })?;
                open(tx, &user, user.id, Some(link.only), (agent.as_deref(), &hidden))
            })
            .await
            .map_err(|error| error.if_missing(Error::BadCredential))?;
        Ok(caller.logged_in(session, secret))
    }
}

/// Whether the membership of this member doesn't count at the moment.
fn is_suspended(reader: Reader<'_>, member: UserId, place: OrganizationId) -> Result<bool> {
    Ok(reader.view.held_at(&[member], &[place])?.is_empty())
}

/// The sessions of this user that the caller may see and end.
fn reach(reader: Reader<'_>, user: &Allowed<User>) -> SessionFilter {
    let only = reader.acting.only.map(|only| only.membership);
    SessionFilter { user: Some(user.id), only, live: Some(reader.now()) }
}

/// The user and the user's sessions. For the user's own sessions, even from one that is limited to one membership, or
/// with `users:write` at the root.
fn of_user(reader: Reader<'_>, user: &UserRef) -> Result<(Allowed<User>, SessionFilter)> {
    let found = reader.user(user)?;
    let permission = if reader.acting.only.is_some() { P::UsersRead } else { P::UsersWrite };
    let user = found.allow_self_or(reader, permission)?;
    let filter = reach(reader, &user);
    Ok((user, filter))
}

fn find(reader: Reader<'_>, id: SessionId) -> Result<(Allowed<User>, Session)> {
    let unknown = || Error::NotFound(Subject::Session);
    let session = reader.view.session(id)?.filter(|session| session.is_live(reader.now())).ok_or_else(unknown)?;
    let (user, filter) = of_user(reader, &UserRef::Id(session.user)).map_err(|error| error.if_missing(unknown()))?;
    let limited = filter.only.is_some() && session.only.map(|only| only.membership) != filter.only;
    if limited { Err(unknown()) } else { Ok((user, session)) }
}

impl Caller {
    /// The same caller, authenticated by the session that was just opened.
    pub(crate) fn logged_in(mut self, session: Session, secret: String) -> LoggedIn {
        self.actor = Actor::Session(Arc::new(session.clone()));
        LoggedIn { caller: self, session, secret }
    }

    /// The session that authenticated the caller, if it was one.
    pub fn session(&self) -> Option<&Session> {
        match &self.actor {
            Actor::Session(session) => Some(session),
            _ => None,
        }
    }

    /// A user's live sessions, oldest first. For the user's own, or with `users:write` at the root. A user who is
    /// limited to one membership sees only the sessions that are limited to it.
    pub async fn list_sessions(&self, user: impl Into<UserRef>, page: Page) -> Result<Listed<Session>> {
        let user = user.into();
        self.read(move |reader| {
            let (_, filter) = of_user(reader, &user)?;
            let items = reader.view.list_sessions(&filter, &page.slice("sessions")?)?;
            let total = if page.total { Some(reader.view.count_sessions(&filter)?) } else { None };
            Ok(page.close("sessions", items, total, |s| Mark { key: Key::None, id: s.id.raw() }))
        })
        .await
    }

    /// By id in any form. Rights as for [`Self::list_sessions`].
    pub async fn find_session(&self, session: &str) -> Result<Session> {
        let id = Form::read_any::<SessionId>(session).ok_or(Error::NotFound(Subject::Session))?;
        self.read(move |reader| Ok(find(reader, id)?.1)).await
    }

    /// Ends a session, by id in any form, immediately and on every surface. Rights as for [`Self::list_sessions`].
    pub async fn end_session(&self, session: &str) -> Result<()> {
        let id = Form::read_any::<SessionId>(session).ok_or(Error::NotFound(Subject::Session))?;
        self.write(move |tx| {
            let (user, session) = find(tx.read(), id)?;
            tx.change(&user, &Change::SessionEnded { before: Box::new(session) })
        })
        .await
    }

    /// Ends all sessions that [`Self::list_sessions`] lists, including the caller's own.
    pub async fn end_sessions(&self, user: impl Into<UserRef>) -> Result<()> {
        let user = user.into();
        self.write(move |tx| {
            let (user, filter) = of_user(tx.read(), &user)?;
            for session in tx.read().view.list_sessions(&filter, &Slice::default())? {
                tx.change(&user, &Change::SessionEnded { before: Box::new(session) })?;
            }
            Ok(())
        })
        .await
    }

    /// Issues a link that opens one session for a member and is valid for a minute. Needs `login_links:write` there or at the root.
    pub async fn issue_link(
        &self,
        organization: impl Into<OrganizationRef>,
        member: impl Into<MemberRef>,
    ) -> Result<IssuedLink> {
        let (organization, member) = (organization.into(), member.into());
        let secret = secret::uuid();
        let hidden = secret.clone();
        let link = self
            .write(move |tx| {
                let reader = tx.read();
                let place =
                    reader.organization(&organization)?.allow(reader, Right::here_or_root(P::LoginLinksWrite))?;
                let membership = match &member {
                    MemberRef::User(user) => {
                        memberships::find_membership(reader, place.id, reader.user(user)?.named_by(&place).id)?
                    }
                    MemberRef::Membership(id) => crate::people::member_of(reader, &place, *id)?,
                };
                let user = reader.user(&UserRef::Id(membership.user))?.named_by(&place);
                if !user.is_active() {
                    return Err(Error::invalid("user_id", "is an inactive user, who can't log in"));
                }
                if is_suspended(reader, user.id, place.id)? {
                    return Err(Error::invalid("user_id", "is suspended here by a directory, and can't log in"));
                }
                let only = MembershipScope { membership: membership.id, organization: place.id };
                let (created, expires) = (tx.now(), tx.now().plus_ms(LINK_MS));
                let link = Link { id: tx.new_id(), user: user.id, only, created_by: tx.author(), created, expires };
                let issued = Change::LinkIssued { after: Box::new(link.clone()), hash: secret::hash(&hidden) };
                tx.change(&place, &issued)?;
                Ok(IssuedLink { link, secret: Some(hidden) })
            })
            .await?;
        Ok(link)
    }
}

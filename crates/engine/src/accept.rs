//! Accepting an invitation without being logged in: whoever has its secret and its address sets a password, unless they
//! have one already, becomes the promised member, and is logged in, all in one transaction.

use std::sync::Arc;

use roster_model::{
    AddressKind, Invitation, InvitationStatus, Organization, RealmId, RoleCatalog, User, UserId, UserStatus, text,
};
use roster_store::{MemberFilter, View};

use crate::actor::RequestScope;
use crate::engine::Engine;
use crate::error::{Error, Result, Subject};
use crate::memberships;
use crate::organizations::locale;
use crate::passwords;
use crate::reference::UserRef;
use crate::secret;
use crate::sessions::{self, LoggedIn};
use crate::surface::Surface;
use crate::transaction::{Reader, Tx};
use crate::users::{self, NewUser};

/// What an invited person presents.
#[derive(Clone)]
pub struct Acceptance {
    pub secret: String,
    pub email: String,
    /// The existing user's password, or the new password.
    pub password: Option<String>,
    /// The locale of a user who is created for it.
    pub locale: Option<String>,
    /// The user agent that the client reports.
    pub agent: Option<String>,
}

impl std::fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptance(…)")
    }
}

/// A pending invitation as shown to whoever has its secret.
#[derive(Clone, Debug)]
pub struct InvitationPreview {
    pub invitation: Invitation,
    pub organization: Organization,
    /// The user with the address, if there is one already.
    pub known: Option<User>,
    pub roles: Arc<RoleCatalog>,
}

impl InvitationPreview {
    /// The id of the invited user: of the existing one, else the reserved one.
    pub fn user_id(&self) -> UserId {
        self.known.as_ref().map_or(self.invitation.user_id(), |user| user.id)
    }
}

/// The user with the invited address, and the hash of that user's password.
type ExistingUser = Option<(User, Option<String>)>;

fn pending(view: &View<'_>, hash: &str, now: roster_model::Timestamp) -> Result<Invitation> {
    let found = view.invitation_by_hash(hash)?;
    let found = found.filter(|invitation| invitation.status_at(now) == InvitationStatus::Pending);
    found.ok_or(Error::NotFound(Subject::Invitation))
}

fn existing_user(view: &View<'_>, email: &str) -> Result<ExistingUser> {
    let Some(user) = view.user_by_address(AddressKind::Email, email)? else { return Ok(None) };
    let password = view.password(user.id)?.map(|password| password.hash);
    Ok(Some((user, password)))
}

/// Refuses to set a password for a user who is known elsewhere: the holder of the invitation's secret must not get access to what the user
/// has, or may be given, in other organizations.
fn check_may_set_password(reader: Reader<'_>, user: &User) -> Result<()> {
    if is_known_elsewhere(reader, user.id)? {
        return Err(Error::Forbidden(
            "a session of the invited user, who is known elsewhere and has no password,".into(),
        ));
    }
    Ok(())
}

/// Whether the user is a member somewhere, or is provisioned by a directory or an account, either of which can make the
/// user a member at any time.
fn is_known_elsewhere(reader: Reader<'_>, user: UserId) -> Result<bool> {
    let memberships = MemberFilter { user: Some(user), ..MemberFilter::default() };
    if reader.view.count_memberships(&memberships)? > 0 {
        return Ok(true);
    }
    let domains = reader.view.directory_links_of(user)?.into_iter().map(|link| link.domain);
    let accounts = reader.view.account_users_of(user)?.into_iter().map(|record| record.organization);
    for place in domains.chain(accounts) {
        // A deleted organization that is being purged doesn't count.
        if reader.view.organization(place)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Engine {
    async fn realm_of_invitation(&self, secret: &str) -> Result<(RealmId, String)> {
        let unknown = || Error::NotFound(Subject::Invitation);
        let (_, secret) = secret::read(secret).ok_or_else(unknown)?;
        let hash = secret::hash(secret);
        let realm = self.store().realm_of_invitation(hash.clone()).await?.ok_or_else(unknown)?;
        Ok((realm, hash))
    }

    /// A pending invitation, by its secret.
    pub async fn preview_invitation(&self, secret: &str) -> Result<InvitationPreview> {
        let (realm, hash) = self.realm_of_invitation(secret).await?;
        let now = self.clock().now();
        self.store()
            .read(realm, move |view: &View<'_>| {
                let invitation = pending(view, &hash, now)?;
                let organization = view.organization(invitation.organization)?;
                let organization = organization.ok_or(Error::NotFound(Subject::Invitation))?;
                let known = existing_user(view, &invitation.email)?.map(|(user, _)| user);
                Ok(InvitationPreview { invitation, organization, known, roles: view.roles()? })
            })
            .await
    }

    /// Accepts an invitation for somebody who is not logged in: with the password of the user who has the address, or with a new password
    /// if that user has none or is created by this.
    pub async fn accept(
        self: &Arc<Self>,
        surface: Surface,
        acceptance: Acceptance,
        scope: RequestScope,
    ) -> Result<LoggedIn> {
        let (realm, hash) = self.realm_of_invitation(&acceptance.secret).await?;
        let place = self.root_of(realm).await?;
        let now = self.clock().now();
        let looked_for = hash.clone();
        let (invitation, user) = self
            .store()
            .read(realm, move |view: &View<'_>| {
                let invitation = pending(view, &looked_for, now)?;
                let user = existing_user(view, &invitation.email)?;
                Ok::<_, Error>((invitation, user))
            })
            .await?;
        if text::email(&acceptance.email).as_ref() != Ok(&invitation.email) {
            return Err(Error::Forbidden("the address that was invited".into()));
        }
        let given = acceptance.password.as_deref().ok_or(Error::invalid("password", "must be given"))?;
        let before = user.as_ref().and_then(|(_, password)| password.clone());
        let hashed = if before.is_some() {
            if !self.check_password(realm, &invitation.email, given, before.as_deref()).await? {
                return Err(Error::WrongPassword);
            }
            None
        } else {
            Some(self.hash_password(given).await?)
        };
        let id = user.map_or(invitation.user_id(), |(user, _)| user.id);
        let caller = self.logging_in(surface, place, id, scope).await?;
        let secret = secret::session();
        let (hidden, locale) = (secret.clone(), acceptance.locale);
        let agent = acceptance.agent;
        let session = caller
            .write(move |tx| {
                let invitation = pending(tx.read().view, &hash, tx.now())?;
                let user = ensure_user(tx, &invitation, id, before.as_deref(), hashed, locale)?;
                let reader = tx.read();
                let place = reader.organization(&invitation.organization.into())?.by_invitation(reader, &invitation)?;
                memberships::add_invited(tx, &place, &user, &invitation)?;
                let reader = tx.read();
                let own = reader.user(&UserRef::Id(user.id))?.allow_authenticated(reader, &user)?;
                sessions::open(tx, &own, user.id, None, (agent.as_deref(), &hidden))
            })
            .await?;
        Ok(caller.logged_in(session, secret))
    }
}

/// The user who has the address, created if there is none, with a password from now on. `expected` and `proved` are the user and the password
/// hash against which the caller was checked before the transaction.
fn ensure_user(
    tx: &mut Tx<'_, '_>,
    invitation: &Invitation,
    expected: UserId,
    proved: Option<&str>,
    hashed: Option<passwords::HashedPassword>,
    language: Option<String>,
) -> Result<User> {
    let reader = tx.read();
    match existing_user(reader.view, &invitation.email)? {
        Some((user, _)) if !user.is_active() => Err(Error::Forbidden("an active user".into())),
        // The address now belongs to somebody else, or the password was changed, since it was checked.
        Some((user, password)) if user.id != expected || password.as_deref() != proved => Err(Error::WrongPassword),
        Some((user, _)) => {
            if let Some(hashed) = hashed {
                check_may_set_password(reader, &user)?;
                let own = reader.user(&UserRef::Id(user.id))?.allow_authenticated(reader, &user)?;
                passwords::set_hash(tx, &own, user.id, Some(&hashed.0))?;
            }
            Ok(user)
        }
        None => {
            let proof = reader.realm()?.allow_everyone(reader)?;
            let new = NewUser {
                email: Some(invitation.email.clone()),
                name: Some(invitation.name.clone()).filter(|name| !name.is_empty()),
                status: UserStatus::Active,
                locale: locale(language.as_deref())?,
                password: hashed,
                ..NewUser::default()
            };
            users::create(tx, &proof, &new)
        }
    }
}

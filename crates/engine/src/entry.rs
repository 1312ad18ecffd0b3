//! Coming in by an invitation: whoever has its secret and its address gets a password, if he has none, becomes the member that he
//! was promised to be, and is logged in. One transaction.

use std::sync::Arc;

use roster_model::{
    AddressKind, Invitation, InvitationStatus, Organization, RealmId, RoleCatalog, User, UserId, UserStatus, text,
};
use roster_store::{MemberFilter, View};

use crate::actor::RequestScope;
use crate::engine::Engine;
use crate::error::{Error, Result, Subject};
use crate::memberships::{self, NewMembership};
use crate::organizations::locale;
use crate::passwords;
use crate::reference::UserRef;
use crate::secret;
use crate::sessions::{self, Entered};
use crate::surface::Surface;
use crate::transaction::{Reader, Tx};
use crate::users::{self, NewUser};

/// What somebody shows who was invited.
#[derive(Clone)]
pub struct Acceptance {
    pub secret: String,
    pub email: String,
    /// His own, or the one that he will have.
    pub password: Option<String>,
    /// Of a user who is made for it.
    pub locale: Option<String>,
    /// What the user's program says it is.
    pub agent: Option<String>,
}

impl std::fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptance(…)")
    }
}

/// What an invitation promises, for whoever has its secret.
#[derive(Clone, Debug)]
pub struct Promise {
    pub invitation: Invitation,
    pub organization: Organization,
    /// The user with the address, if there is one already.
    pub known: Option<User>,
    pub roles: Arc<RoleCatalog>,
}

impl Promise {
    /// Whose it is or will be.
    pub fn user_id(&self) -> UserId {
        self.known.as_ref().map_or(self.invitation.user_id(), |user| user.id)
    }
}

/// The user as he is, and his password.
type Known = Option<(User, Option<String>)>;

fn pending(view: &View<'_>, hash: &str, now: roster_model::Timestamp) -> Result<Invitation> {
    let found = view.invitation_by_hash(hash)?;
    let found = found.filter(|invitation| invitation.status_at(now) == InvitationStatus::Pending);
    found.ok_or(Error::NotFound(Subject::Invitation))
}

fn known(view: &View<'_>, email: &str) -> Result<Known> {
    let Some(user) = view.user_by_address(AddressKind::Email, email)? else { return Ok(None) };
    let password = view.password(user.id)?.map(|password| password.hash);
    Ok(Some((user, password)))
}

/// Whoever holds the invitation's secret must not get into what the user has elsewhere, or is about to be given there.
fn may_be_given_a_password(reader: Reader<'_>, user: &User) -> Result<()> {
    if is_known_elsewhere(reader, user.id)? {
        return Err(Error::Forbidden(
            "a session of the invited user, who is known elsewhere and has no password,".into(),
        ));
    }
    Ok(())
}

/// Whether he is a member somewhere, or a directory or an account provisions him: it can make him one at any time.
fn is_known_elsewhere(reader: Reader<'_>, user: UserId) -> Result<bool> {
    let memberships = MemberFilter { user: Some(user), ..MemberFilter::default() };
    if reader.view.count_memberships(&memberships)? > 0 {
        return Ok(true);
    }
    let domains = reader.view.directory_links_of(user)?.into_iter().map(|link| link.domain);
    let accounts = reader.view.account_users_of(user)?.into_iter().map(|record| record.organization);
    for place in domains.chain(accounts) {
        // One that is being cleared away gives nothing any more.
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

    /// What a pending invitation promises.
    pub async fn promise(&self, secret: &str) -> Result<Promise> {
        let (realm, hash) = self.realm_of_invitation(secret).await?;
        let now = self.clock().now();
        self.store()
            .read(realm, move |view: &View<'_>| {
                let invitation = pending(view, &hash, now)?;
                let organization = view.organization(invitation.organization)?;
                let organization = organization.ok_or(Error::NotFound(Subject::Invitation))?;
                let known = known(view, &invitation.email)?.map(|(user, _)| user);
                Ok(Promise { invitation, organization, known, roles: view.roles()? })
            })
            .await
    }

    /// Accepts an invitation for somebody who is not logged in: with the password of the user who has the address; with a new one
    /// for a user without, or for one who is made by this.
    pub async fn accept(
        self: &Arc<Self>,
        surface: Surface,
        acceptance: Acceptance,
        scope: RequestScope,
    ) -> Result<Entered> {
        let (realm, hash) = self.realm_of_invitation(&acceptance.secret).await?;
        let place = self.root_of(realm).await?;
        let now = self.clock().now();
        let looked_for = hash.clone();
        let (invitation, user) = self
            .store()
            .read(realm, move |view: &View<'_>| {
                let invitation = pending(view, &looked_for, now)?;
                let user = known(view, &invitation.email)?;
                Ok::<_, Error>((invitation, user))
            })
            .await?;
        if text::email(&acceptance.email).as_ref() != Ok(&invitation.email) {
            return Err(Error::Forbidden("the address that was invited".into()));
        }
        let given = acceptance.password.as_deref().ok_or(Error::invalid("password", "must be given"))?;
        let before = user.as_ref().and_then(|(_, password)| password.clone());
        let hashed = if before.is_some() {
            if !self.is_password(realm, &invitation.email, given, before.as_deref()).await? {
                return Err(Error::WrongPassword);
            }
            None
        } else {
            Some(self.hash_password(given).await?)
        };
        let id = user.map_or(invitation.user_id(), |(user, _)| user.id);
        let caller = self.entering(surface, place, id, scope).await?;
        let secret = secret::session();
        let (hidden, locale) = (secret.clone(), acceptance.locale);
        let agent = acceptance.agent;
        let session = caller
            .write(move |tx| {
                let invitation = pending(tx.read().view, &hash, tx.now())?;
                let user = user_for(tx, &invitation, id, before.as_deref(), hashed, locale)?;
                let reader = tx.read();
                let place = reader.organization(&invitation.organization.into())?.by_invitation(reader, &invitation)?;
                let new = NewMembership {
                    roles: invitation.roles,
                    public: invitation.public.clone(),
                    private: invitation.private.clone(),
                    extras: invitation.extras.clone(),
                    ..NewMembership::default()
                };
                memberships::add_invited(tx, &place, &user, &new)?;
                let reader = tx.read();
                let own = reader.user(&UserRef::Id(user.id))?.by_himself(reader, &user)?;
                sessions::open(tx, &own, user.id, None, (agent.as_deref(), &hidden))
            })
            .await?;
        Ok(caller.entered(session, secret))
    }
}

/// The user who has the address, with a password from now on; made if there is none.
fn user_for(
    tx: &mut Tx<'_, '_>,
    invitation: &Invitation,
    expected: UserId,
    proved: Option<&str>,
    hashed: Option<passwords::HashedPassword>,
    language: Option<String>,
) -> Result<User> {
    let reader = tx.read();
    match known(reader.view, &invitation.email)? {
        Some((user, _)) if !user.is_active() => Err(Error::Forbidden("an active user".into())),
        // Somebody else came, or the password was changed, while it was looked at.
        Some((user, password)) if user.id != expected || password.as_deref() != proved => Err(Error::WrongPassword),
        Some((user, _)) => {
            if let Some(hashed) = hashed {
                may_be_given_a_password(reader, &user)?;
                let own = reader.user(&UserRef::Id(user.id))?.by_himself(reader, &user)?;
                passwords::put(tx, &own, user.id, Some(&hashed.0))?;
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

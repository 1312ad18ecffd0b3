//! API keys: issuing, listing, changing and revoking them.

use roster_model::permission::BuiltIn as P;
use roster_model::{
    Change, Dialect, EntityId as _, Extras, Form, Metadata, Organization, Right, RoleNumber, RoleSet, Timestamp, Token,
    TokenId, TokenKind, text,
};
use roster_store::TokenFilter;
use roster_store::list::{Key, Mark};
use serde::{Deserialize, Serialize};

use crate::access::{Allowed, is_allowed};
use crate::actor::{Actor, Caller};
use crate::error::{Error, OfField as _, Result, Subject};
use crate::memberships::{check_may_grant, check_roles};
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef};
use crate::secret::{self, SecretForm};
use crate::transaction::{Reader, Tx};

/// A token to be issued.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub kind: TokenKind,
    /// The organization at which an organization token acts.
    pub organization: Option<OrganizationRef>,
    /// The user of a user token; or the user that an organization token is made for: it is invalid while that user is
    /// inactive, deleted or suspended there.
    pub user: Option<UserRef>,
    /// The roles of an organization token.
    pub roles: RoleSet,
    /// Keys of the permissions that it may use; `None`: all that its roles grant.
    pub scopes: Option<Vec<String>>,
    pub name: Option<String>,
    pub expires: Option<Timestamp>,
    pub extras: Extras,
    pub form: SecretForm,
}

impl NewToken {
    pub fn new(kind: TokenKind) -> Self {
        Self {
            kind,
            organization: None,
            user: None,
            roles: RoleSet::EMPTY,
            scopes: None,
            name: None,
            expires: None,
            extras: Extras::default(),
            form: SecretForm::default(),
        }
    }
}

/// Changes of a token; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct TokenPatch {
    pub name: Option<Option<String>>,
    /// Of an organization token. The caller must hold their permissions there.
    pub roles: Option<RoleSet>,
    pub expires: Option<Option<Timestamp>>,
    pub extras: Option<(Dialect, Metadata)>,
}

/// A token and its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedToken {
    pub token: Token,
    /// Returned once. `None` when the stored answer to a repeated request is returned, since the secret isn't stored.
    #[serde(skip)]
    pub secret: Option<String>,
}

/// Which tokens to list.
#[derive(Clone, Debug, Default)]
pub struct TokenQuery {
    /// Tokens of this organization.
    pub organization: Option<OrganizationRef>,
    /// Tokens of this user.
    pub user: Option<UserRef>,
    pub kind: Option<TokenKind>,
    pub without_revoked: bool,
    pub page: Page,
}

fn check_common(reader: Reader<'_>, new: &NewToken) -> Result<()> {
    if let Some(name) = &new.name {
        text::name(name).of("name")?;
    }
    if new.expires.is_some_and(|expires| expires <= reader.now()) {
        return Err(Error::invalid("expires_at", "must be in the future"));
    }
    if let Some(scopes) = &new.scopes {
        let known = reader.view.list_permissions()?;
        if let Some(scope) = scopes.iter().find(|scope| !known.iter().any(|p| p.key == **scope)) {
            return Err(Error::invalid(
                "scopes",
                format!("contains {scope:?}, which is not a permission of this realm"),
            ));
        }
    }
    Ok(())
}

/// When the caller's own key expires. A session that isn't limited to one membership doesn't count, since its user can log in again.
fn caller_expiry(actor: &Actor) -> Option<Timestamp> {
    match actor {
        Actor::Token(own) => own.expires,
        Actor::Session(session) => session.only.map(|_| session.expires),
        // Acting as another user still uses the caller's own key.
        Actor::ActingAs(real, _) => caller_expiry(real),
        Actor::Operator | Actor::LoggingIn(_) => None,
    }
}

/// The expiry of a new token: by default that of the key that issues it, and never later. Revoking that key doesn't revoke the token.
fn expiry(reader: Reader<'_>, wanted: Option<Timestamp>) -> Result<Option<Timestamp>> {
    match (caller_expiry(&reader.acting.actor), wanted) {
        (Some(own), Some(wanted)) if wanted > own => {
            Err(Error::invalid("expires_at", "must not be after the expiry of the key that issues it"))
        }
        (own, wanted) => Ok(wanted.or(own)),
    }
}

/// Refuses the first of these fields that is given. A kind of token has no use for them.
fn refuse_given<const N: usize>(problem: &'static str, fields: [(&'static str, bool); N]) -> Result<()> {
    let given = fields.into_iter().find(|(_, given)| *given);
    given.map_or(Ok(()), |(field, _)| Err(Error::invalid(field, problem)))
}

/// The kind of the tokens that a list by user or organization has. To ask for another kind there is a mistake.
fn only_kind(wanted: Option<TokenKind>, kind: TokenKind) -> Result<Option<TokenKind>> {
    if wanted.is_some_and(|wanted| wanted != kind) {
        return Err(Error::invalid("kind", "must fit the organization or user whose tokens are listed"));
    }
    Ok(Some(kind))
}

fn issue(tx: &mut Tx<'_, '_>, new: &NewToken, secret: &str) -> Result<Token> {
    let reader = tx.read();
    let expires = expiry(reader, new.expires);
    let token = |organization, user, expires, tx: &Tx<'_, '_>| Token {
        id: tx.new_id(),
        kind: new.kind,
        organization,
        user,
        roles: new.roles,
        scopes: new.scopes.clone(),
        hint: secret::hint(secret, new.form),
        name: new.name.clone(),
        expires,
        revoked: None,
        created_by: tx.author(),
        created: tx.now(),
        last_used: None,
        extras: new.extras.clone(),
    };
    let issued = |token: &Token| Change::TokenIssued { after: Box::new(token.clone()), hash: secret::hash(secret) };
    match new.kind {
        TokenKind::Realm => {
            let proof = reader.realm()?.allow(reader, P::TokensWrite)?;
            let others = [
                ("organization_id", new.organization.is_some()),
                ("user_id", new.user.is_some()),
                ("roles", !new.roles.is_empty()),
            ];
            refuse_given("must not be given for a realm key", others)?;
            // A realm key may do more than any role grants, so only a realm key can issue one.
            if !proof.standing().is_everything() || !proof.standing().scopes_cover(new.scopes.as_deref()) {
                return Err(Error::Forbidden("a realm key".into()));
            }
            check_common(reader, new)?;
            let token = token(None, None, expires?, tx);
            tx.change(&proof, &issued(&token))?;
            Ok(token)
        }
        TokenKind::Organization => {
            let organization = new.organization.as_ref().ok_or(Error::invalid("organization_id", "must be given"))?;
            let place = reader.organization(organization)?.allow(reader, Right::tree(P::TokensWrite))?;
            check_token_roles(reader, &place, new.roles)?;
            if !place.standing().scopes_cover(new.scopes.as_deref()) {
                return Err(Error::Forbidden("a key with these scopes".into()));
            }
            check_common(reader, new)?;
            let user =
                new.user.as_ref().map(|user| reader.user(user)).transpose()?.map(|user| user.named_by(&place).id);
            let token = token(Some(place.id), user, expires?, tx);
            tx.change(&place, &issued(&token))?;
            Ok(token)
        }
        TokenKind::User => {
            let user = new.user.as_ref().ok_or(Error::invalid("user_id", "must be given"))?;
            let user = reader.user(user)?.allow_self_or(reader, P::UsersActAs)?;
            let others = [("organization_id", new.organization.is_some()), ("roles", !new.roles.is_empty())];
            refuse_given("must not be given for a user's token: it acts by memberships", others)?;
            // A token can't have wider scopes than the key that issues it; the user's memberships don't matter for that.
            if !user.standing().scopes_cover(new.scopes.as_deref()) {
                return Err(Error::Forbidden("a key with these scopes".into()));
            }
            check_common(reader, new)?;
            let token = token(None, Some(user.id), expires?, tx);
            tx.change(&user, &issued(&token))?;
            Ok(token)
        }
    }
}

/// A token that the caller may see and revoke. `NotFound` if there is none, or if the caller may not see it.
fn find(reader: Reader<'_>, reference: &str) -> Result<Token> {
    let unknown = || Error::NotFound(Subject::Token);
    let id: TokenId = Form::read_any(reference).ok_or_else(unknown)?;
    check_visible(reader, reader.view.token_as_stored(id)?.ok_or_else(unknown)?)
}

fn check_visible(reader: Reader<'_>, token: Token) -> Result<Token> {
    let unknown = || Error::NotFound(Subject::Token);
    if matches!(&reader.acting.actor, Actor::Token(own) if own.id == token.id) {
        return Ok(token);
    }
    let allowed = match (token.kind, token.organization, token.user) {
        (TokenKind::Organization, Some(organization), _) => {
            let place = reader.organization(&OrganizationRef::Id(organization));
            is_allowed(place.and_then(|place| place.allow(reader, Right::tree(P::TokensWrite))))?
        }
        (TokenKind::User, _, Some(user)) => {
            let user = reader.user(&UserRef::Id(user));
            is_allowed(user.and_then(|user| user.allow_self_or(reader, P::UsersActAs)))?
        }
        _ => reader.root_standing()?.is_everything() && is_allowed(reader.realm()?.allow(reader, P::TokensWrite))?,
    };
    if allowed { Ok(token) } else { Err(unknown()) }
}

/// Checks that the caller may give an organization token these roles here.
fn check_token_roles(reader: Reader<'_>, place: &Allowed<Organization>, roles: RoleSet) -> Result<()> {
    check_roles(reader, roles)?;
    check_may_grant(place, roles)?;
    // Only an owner, here or above, may issue a token that acts as an owner.
    if roles.contains(RoleNumber::OWNER)
        && let Some(lacking) = place.standing().missing_for_roles(RoleSet::OWNER)
    {
        return Err(Error::Forbidden(lacking.into()));
    }
    Ok(())
}

fn update(tx: &mut Tx<'_, '_>, before: Token, patch: &TokenPatch) -> Result<Token> {
    let reader = tx.read();
    if before.revoked.is_some() {
        return Err(Error::NotFound(Subject::Token));
    }
    let mut after = before.clone();
    if let Some(name) = &patch.name {
        if let Some(name) = name {
            text::name(name).of("name")?;
        }
        after.name.clone_from(name);
    }
    // Nobody may change a key into one that they couldn't have issued.
    if (patch.expires.is_some() || patch.roles.is_some())
        && !reader.root_standing()?.scopes_cover(before.scopes.as_deref())
    {
        return Err(Error::Forbidden("a key with these scopes".into()));
    }
    if let Some(expires) = patch.expires {
        if expires.is_some_and(|expires| expires <= reader.now()) {
            return Err(Error::invalid("expires_at", "must be in the future"));
        }
        after.expires = expiry(reader, expires)?;
    }
    if let Some(roles) = patch.roles {
        let Some(organization) = before.organization else {
            return Err(Error::invalid("roles", "must not be given for such a key"));
        };
        // Writing back the roles that it has gives nothing.
        if roles != before.roles {
            let place = reader.organization(&organization.into())?.allow(reader, Right::tree(P::TokensWrite))?;
            check_token_roles(reader, &place, roles)?;
            after.roles = roles;
        }
    }
    if let Some((dialect, extras)) = &patch.extras {
        after.extras.merge(*dialect, extras);
    }
    if after == before {
        return Ok(after);
    }
    // The right was checked by `find` before.
    let proof = reader.realm()?.allow_everyone(reader)?;
    tx.change(&proof, &Change::TokenUpdated { before: Box::new(before), after: Box::new(after.clone()) })?;
    Ok(after)
}

/// Whether this is the caller's own key, even while acting as a user: a key must not extend its own lifetime or rights.
fn is_own(reader: Reader<'_>, token: &Token) -> bool {
    reader.acting.actor.token().is_some_and(|own| own.id == token.id)
}

pub(crate) fn revoke(tx: &mut Tx<'_, '_>, before: Token) -> Result<Token> {
    if before.revoked.is_some() {
        return Ok(before);
    }
    let after = Token { revoked: Some(tx.now()), ..before.clone() };
    let change = Change::TokenRevoked { before: Box::new(before), after: Box::new(after.clone()) };
    // The right was checked by `find` before.
    let proof = tx.read().realm()?.allow_everyone(tx.read())?;
    tx.change(&proof, &change)?;
    Ok(after)
}

impl Caller {
    /// Issuing a realm key needs a realm key; an organization token needs `tokens:write` there or above, and every
    /// permission of its roles. Users may issue tokens for themselves; for others, this needs `users:act_as` at the
    /// root. No token has wider scopes than the key that issues it, or expires later.
    pub async fn issue_token(&self, new: NewToken) -> Result<IssuedToken> {
        let secret = secret::of_form(new.form);
        let hidden = secret.clone();
        let issued =
            self.write(move |tx| Ok(IssuedToken { token: issue(tx, &new, &hidden)?, secret: Some(hidden) })).await?;
        // The stored answer to a repeated request is the first request's token, without its secret.
        Ok(issued)
    }

    /// By id in any form. A token may see itself; for others the rights are those of [`Self::list_tokens`].
    pub async fn find_token(&self, token: &str) -> Result<Token> {
        let reference = token.to_owned();
        let mut token = self.read(move |reader| find(reader, &reference)).await?;
        token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        Ok(token)
    }

    /// By its secret, if the caller may see it. A secret of another realm is unknown.
    pub async fn token_of_secret(&self, secret: &str) -> Result<Token> {
        let unknown = || Error::NotFound(Subject::Token);
        let (_, secret) = secret::read(secret).ok_or_else(unknown)?;
        let hash = secret::hash(secret);
        self.read(move |reader| check_visible(reader, reader.view.token_by_hash(&hash)?.ok_or_else(unknown)?)).await
    }

    /// By id in any form. Effective immediately and everywhere; repeating it changes nothing. A token may revoke itself.
    pub async fn revoke_token(&self, token: &str) -> Result<Token> {
        let reference = token.to_owned();
        let mut token = self
            .write(move |tx| {
                let token = find(tx.read(), &reference)?;
                revoke(tx, token)
            })
            .await?;
        token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        Ok(token)
    }

    /// As [`Self::revoke_token`], for a live token of this organization. Needs `tokens:write` there or above, or to be
    /// that token.
    pub async fn revoke_token_of(&self, organization: impl Into<OrganizationRef>, token: &str) -> Result<()> {
        let (organization, reference) = (organization.into(), token.to_owned());
        self.write(move |tx| {
            let reader = tx.read();
            let place = reader.organization(&organization)?;
            let id = place.id();
            let own = match &reader.acting.actor {
                Actor::Token(own) => own.organization == Some(id) && Form::read_any(&reference) == Some(own.id),
                _ => false,
            };
            if !own {
                place.allow(reader, Right::tree(P::TokensWrite))?;
            }
            let token = find(reader, &reference)?;
            if token.kind != TokenKind::Organization || token.organization != Some(id) || token.revoked.is_some() {
                return Err(Error::NotFound(Subject::Token));
            }
            revoke(tx, token).map(drop)
        })
        .await
    }

    /// By id in any form. Whoever may issue such a token may change it to one that they could have issued. No token may
    /// change itself.
    pub async fn update_token(&self, token: &str, patch: TokenPatch) -> Result<Token> {
        self.update_token_with(token, move |_| patch).await
    }

    /// The same, with a patch that is computed from the token as it is.
    pub async fn update_token_with(
        &self,
        token: &str,
        patch: impl FnOnce(&Token) -> TokenPatch + Clone + Send + 'static,
    ) -> Result<Token> {
        let reference = token.to_owned();
        let mut token = self
            .write(move |tx| {
                let token = find(tx.read(), &reference)?;
                if is_own(tx.read(), &token) {
                    return Err(Error::Forbidden("another key".into()));
                }
                let patch = patch(&token);
                update(tx, token, &patch)
            })
            .await?;
        token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        Ok(token)
    }

    /// Listing an organization's tokens needs `tokens:write` there or above; another user's, `users:act_as` at the
    /// root; those of the whole realm, `tokens:write` at the root. Users may list their own.
    pub async fn list_tokens(&self, query: TokenQuery) -> Result<Listed<Token>> {
        let mut listed = self
            .read(move |reader| {
                let mut filter =
                    TokenFilter { kind: query.kind, without_revoked: query.without_revoked, ..TokenFilter::default() };
                if let Some(organization) = &query.organization {
                    let place = reader.organization(organization)?.allow(reader, Right::tree(P::TokensWrite))?;
                    filter.organization = Some(place.id);
                    filter.kind = only_kind(query.kind, TokenKind::Organization)?;
                    if let Some(user) = &query.user {
                        filter.user = Some(reader.user(user)?.named_by(&place).id);
                    }
                } else if let Some(user) = &query.user {
                    filter.user = Some(reader.user(user)?.allow_self_or(reader, P::UsersActAs)?.id);
                    filter.kind = only_kind(query.kind, TokenKind::User)?;
                } else {
                    reader.realm()?.allow(reader, P::TokensWrite)?;
                }
                let items = reader.view.list_tokens(&filter, &query.page.slice("tokens")?)?;
                let total = if query.page.total { Some(reader.view.count_tokens(&filter)?) } else { None };
                Ok(query.page.close("tokens", items, total, |t| Mark { key: Key::None, id: t.id.raw() }))
            })
            .await?;
        for token in &mut listed.items {
            token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        }
        Ok(listed)
    }
}

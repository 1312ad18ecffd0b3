//! Keys to the API: issued, listed, revoked.

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
use crate::memberships::{check_roles, may_give};
use crate::paging::{Listed, Page};
use crate::reference::{OrganizationRef, UserRef};
use crate::secret::{self, SecretForm};
use crate::transaction::{Reader, Tx};

/// A token to be issued.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub kind: TokenKind,
    /// Where an organization token acts.
    pub organization: Option<OrganizationRef>,
    /// Whose user token it is, or with whom an organization token dies.
    pub user: Option<UserRef>,
    /// What an organization token acts with.
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

/// What of a token is to be different; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TokenPatch {
    pub name: Option<Option<String>>,
    /// Of an organization token. Whoever gives them must hold their permissions there.
    pub roles: Option<RoleSet>,
    pub expires: Option<Option<Timestamp>>,
    pub extras: Option<(Dialect, Metadata)>,
}

/// A token and its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedToken {
    pub token: Token,
    /// Told once. `None` when a repeated request is answered again, since nobody remembers it.
    #[serde(skip)]
    pub secret: Option<String>,
}

/// Which tokens to list.
#[derive(Clone, Debug, Default)]
pub struct TokenQuery {
    /// Those of this organization.
    pub organization: Option<OrganizationRef>,
    /// Those of this user.
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
            return Err(Error::invalid("scopes", format!("names {scope:?}, which is no permission of this realm")));
        }
    }
    Ok(())
}

/// When the key that was shown ends. A session that isn't limited is its user, who comes again.
fn own_end(actor: &Actor) -> Option<Timestamp> {
    match actor {
        Actor::Token(own) => own.expires,
        Actor::Session(session) => session.only.map(|_| session.expires),
        // Whomever he acts as, it was his own key that was shown.
        Actor::As(behind, _) => own_end(behind),
        Actor::Operator | Actor::Entering(_) => None,
    }
}

/// No token outlives the key that it is made with: it ends with that one if nobody says when, and never later.
fn expiry(reader: Reader<'_>, wanted: Option<Timestamp>) -> Result<Option<Timestamp>> {
    match (own_end(&reader.acting.actor), wanted) {
        (Some(own), Some(wanted)) if wanted > own => {
            Err(Error::invalid("expires_at", "must not be after the end of the key that it is made with"))
        }
        (own, wanted) => Ok(wanted.or(own)),
    }
}

fn of_kind(problem: &'static str, field: &'static str) -> Error {
    Error::invalid(field, problem)
}

fn issue(tx: &mut Tx<'_, '_>, new: &NewToken, secret: &str) -> Result<Token> {
    let reader = tx.read();
    let expires = expiry(reader, new.expires);
    let token = |organization, user, expires, tx: &Tx<'_, '_>| Token {
        id: tx.draw(),
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
            if new.organization.is_some() || new.user.is_some() || !new.roles.is_empty() {
                return Err(of_kind("must not be given for a realm key", "organization_id"));
            }
            // A realm key may do more than any role grants: only another one can make it.
            if !proof.standing().is_everything() || !proof.standing().scopes_cover(new.scopes.as_deref()) {
                return Err(Error::Forbidden("a realm key".into()));
            }
            check_common(reader, new)?;
            let token = token(None, None, expires?, tx);
            tx.change(&proof, &issued(&token))?;
            Ok(token)
        }
        TokenKind::Organization => {
            let organization = new.organization.as_ref().ok_or(of_kind("must be given", "organization_id"))?;
            let place = reader.organization(organization)?.allow(reader, Right::tree(P::TokensWrite))?;
            may_act_with(reader, &place, new.roles)?;
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
            let user = new.user.as_ref().ok_or(of_kind("must be given", "user_id"))?;
            let user = reader.user(user)?.allow_self_or(reader, P::UsersActAs)?;
            if new.organization.is_some() || !new.roles.is_empty() {
                return Err(of_kind("must not be given for a user's token: it acts by memberships", "organization_id"));
            }
            // An own token can't do more than the one it is made with; who acts for others isn't narrowed by their memberships.
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

/// The token, and whether the caller may see and end it. Who may not is told that there is none.
fn find(reader: Reader<'_>, reference: &str) -> Result<Token> {
    let unknown = || Error::NotFound(Subject::Token);
    let id: TokenId = Form::read_any(reference).ok_or_else(unknown)?;
    visible(reader, reader.view.token_as_stored(id)?.ok_or_else(unknown)?)
}

fn visible(reader: Reader<'_>, token: Token) -> Result<Token> {
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

/// The roles that an organization token may be given here.
fn may_act_with(reader: Reader<'_>, place: &Allowed<Organization>, roles: RoleSet) -> Result<()> {
    check_roles(reader, roles)?;
    may_give(place, roles)?;
    // A token that acts as an owner is made by an owner, here or above.
    if roles.contains(RoleNumber::OWNER)
        && let Some(lacking) = place.standing().lacks_of(RoleSet::OWNER)
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
    // Nobody makes of another key what he couldn't have made himself.
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
            return Err(of_kind("must not be given for such a key", "roles"));
        };
        let place = reader.organization(&organization.into())?.allow(reader, Right::tree(P::TokensWrite))?;
        may_act_with(reader, &place, roles)?;
        after.roles = roles;
    }
    if let Some((dialect, extras)) = &patch.extras {
        after.extras.merge(*dialect, extras);
    }
    if after == before {
        return Ok(after);
    }
    // `find` decided; this is what it decided about.
    let proof = reader.realm()?.allow_everyone(reader)?;
    tx.change(&proof, &Change::TokenUpdated { before: Box::new(before), after: Box::new(after.clone()) })?;
    Ok(after)
}

/// A key must not give itself more time or more rights, nor have them given by whom it acts as.
fn is_own(reader: Reader<'_>, token: &Token) -> bool {
    reader.acting.actor.token().is_some_and(|own| own.id == token.id)
}

pub(crate) fn revoke(tx: &mut Tx<'_, '_>, before: Token) -> Result<Token> {
    if before.revoked.is_some() {
        return Ok(before);
    }
    let after = Token { revoked: Some(tx.now()), ..before.clone() };
    let change = Change::TokenRevoked { before: Box::new(before), after: Box::new(after.clone()) };
    // `find` decided; this is what it decided about.
    let proof = tx.read().realm()?.allow_everyone(tx.read())?;
    tx.change(&proof, &change)?;
    Ok(after)
}

impl Caller {
    /// A realm key is made by a realm key; an organization token needs `tokens:write` there or above, and every permission of
    /// its roles; a user's token is made by the user, or with `users:act_as` at the root. No token may use more than the one it
    /// is made with, or outlive it.
    pub async fn issue_token(&self, new: NewToken) -> Result<IssuedToken> {
        let secret = secret::of_form(new.form);
        let hidden = secret.clone();
        let issued =
            self.write(move |tx| Ok(IssuedToken { token: issue(tx, &new, &hidden)?, secret: Some(hidden) })).await?;
        // What comes from memory after a repeated request is the token of the first one, whose secret is gone.
        Ok(issued)
    }

    /// By id in any form. A token may see itself; the others as [`Self::list_tokens`] says.
    pub async fn find_token(&self, token: &str) -> Result<Token> {
        let reference = token.to_owned();
        let mut token = self.read(move |reader| find(reader, &reference)).await?;
        token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        Ok(token)
    }

    /// By its secret, for who may see it. A secret of another realm is an unknown one.
    pub async fn token_of_secret(&self, secret: &str) -> Result<Token> {
        let unknown = || Error::NotFound(Subject::Token);
        let (_, secret) = secret::read(secret).ok_or_else(unknown)?;
        let hash = secret::hash(secret);
        self.read(move |reader| visible(reader, reader.view.token_by_hash(&hash)?.ok_or_else(unknown)?)).await
    }

    /// By id in any form. Effective at once, everywhere; doing it again changes nothing. A token may end itself.
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

    /// By id in any form. Who may issue such a token may change it, to what he might have issued, but no token itself.
    pub async fn update_token(&self, token: &str, patch: TokenPatch) -> Result<Token> {
        let reference = token.to_owned();
        let mut token = self
            .write(move |tx| {
                let token = find(tx.read(), &reference)?;
                if is_own(tx.read(), &token) {
                    return Err(Error::Forbidden("another key".into()));
                }
                update(tx, token, &patch)
            })
            .await?;
        token.last_used = self.engine.last_seen(self.realm, token.id, token.last_used);
        Ok(token)
    }

    /// Of an organization: `tokens:write` there or above. Of a user: oneself, or `users:act_as` at the root. Of the whole realm:
    /// `tokens:write` at the root.
    pub async fn list_tokens(&self, query: TokenQuery) -> Result<Listed<Token>> {
        let mut listed = self
            .read(move |reader| {
                let mut filter =
                    TokenFilter { kind: query.kind, without_revoked: query.without_revoked, ..TokenFilter::default() };
                if let Some(organization) = &query.organization {
                    let place = reader.organization(organization)?.allow(reader, Right::tree(P::TokensWrite))?;
                    filter.organization = Some(place.id);
                    filter.kind = Some(TokenKind::Organization);
                    if let Some(user) = &query.user {
                        filter.user = Some(reader.user(user)?.named_by(&place).id);
                    }
                } else if let Some(user) = &query.user {
                    filter.user = Some(reader.user(user)?.allow_self_or(reader, P::UsersActAs)?.id);
                    filter.kind = Some(TokenKind::User);
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

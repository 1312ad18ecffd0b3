//! Realms and their first keys.

use std::sync::Arc;

use roster_model::permission::BuiltIn;
use roster_model::role::BUILT_IN;
use roster_model::{
    Aliases, Change, Extras, Metadata, Organization, OrganizationId, OrganizationStatus, Permission, Realm, Role,
    RoleSet, Timestamp, Token, TokenKind, Visibility, text,
};
use roster_store::{Decision, Transaction};

use crate::access::Found;
use crate::engine::Engine;
use crate::error::{Error, OfField as _, Result, Subject};
use crate::secret::{self, SecretForm};
use crate::transaction::Tx;

/// The realm that is created automatically.
pub(crate) const DEFAULT: &str = "default";
/// The name of the key that the operator sets; at most one such key is valid.
const BOOTSTRAP: &str = "bootstrap";
/// Callers can't choose a slug of this form, so the root's slug never conflicts.
const ROOT_SLUG: &str = "~root";

impl Engine {
    /// All realms of this server, by name.
    pub async fn list_realms(&self) -> Result<Vec<Realm>> {
        Ok(self.store().realms().await?)
    }

    /// Creates a realm with its root organization, built-in roles and first key, whose secret is returned once.
    pub async fn create_realm(&self, name: &str) -> Result<(Realm, String)> {
        text::role_key(name).of("name")?;
        if self.store().find_realm(name).await?.is_some() {
            return Err(Error::AlreadyExists { subject: Subject::Realm, field: "name", id: None });
        }
        let secret = secret::generate();
        let realm = self.make_realm(name, Some((secret.clone(), "first key"))).await?;
        Ok((realm, secret))
    }

    /// Creates the realm `default` and its first key, if it doesn't exist. Returns the key if it was generated now.
    pub(crate) async fn bootstrap(self: &Arc<Self>, key: Option<&str>) -> Result<Option<String>> {
        key.map(secret::check_bootstrap_key).transpose().of("ROSTER_BOOTSTRAP_KEY")?;
        let mut realm = self.store().find_realm(DEFAULT).await?;
        if realm.is_none() {
            let made = match &key {
                Some(key) => self.make_realm(DEFAULT, Some(((*key).to_owned(), BOOTSTRAP))).await.map(|_| None),
                None => self.create_realm(DEFAULT).await.map(|(_, secret)| Some(secret)),
            };
            // Another process that is starting may have been first.
            realm = self.store().find_realm(DEFAULT).await?;
            if made.is_ok() || realm.is_none() {
                return made;
            }
        }
        match (realm, key) {
            (Some(realm), Some(key)) => self.set_bootstrap_key(&realm, key).await.map(|()| None),
            _ => Ok(None),
        }
    }

    async fn make_realm(&self, name: &str, key: Option<(String, &'static str)>) -> Result<Realm> {
        let acting_now = self.clock().now();
        let realm = Realm {
            id: self.ids().generate(acting_now),
            name: name.to_owned(),
            root: self.ids().generate(acting_now),
            created: acting_now,
        };
        let permissions: Vec<Permission> =
            BuiltIn::ALL.iter().map(|p| self.built_in_permission(*p, acting_now)).collect();
        let change = Change::RealmCreated {
            root: Box::new(root_of(&realm)),
            roles: self.built_in_roles(acting_now),
            permissions,
            realm: realm.clone(),
        };
        let token = key.map(|(secret, name)| (self.realm_token(&secret, name, acting_now), secret));
        self.in_realm(&realm, move |tx, realm| {
            let proof = Found(realm).allow_everyone(tx.read())?;
            tx.change(&proof, &change)?;
            if let Some((token, secret)) = token {
                tx.change(&proof, &Change::TokenIssued { after: Box::new(token), hash: secret::hash(&secret) })?;
            }
            Ok(())
        })
        .await?;
        Ok(realm)
    }

    /// Issues the key set by the operator, and revokes the one set before.
    async fn set_bootstrap_key(&self, realm: &Realm, key: &str) -> Result<()> {
        let now = self.clock().now();
        let (hash, token) = (secret::hash(key), self.realm_token(key, BOOTSTRAP, now));
        self.in_realm(realm, move |tx, realm| {
            let proof = Found(realm).allow_everyone(tx.read())?;
            let mine = tx.read().view.token_by_hash(&hash)?;
            if mine.as_ref().is_some_and(|token| token.revoked.is_none()) {
                return Ok(());
            }
            if mine.is_some() {
                return Err(Error::invalid("ROSTER_BOOTSTRAP_KEY", "is a key that was revoked: set another one"));
            }
            let filter = roster_store::TokenFilter {
                kind: Some(TokenKind::Realm),
                without_revoked: true,
                ..roster_store::TokenFilter::default()
            };
            for before in tx.read().view.list_tokens(&filter, &roster_store::list::Slice::default())? {
                if before.name.as_deref() == Some(BOOTSTRAP) {
                    let after = Token { revoked: Some(now), ..before.clone() };
                    tx.change(&proof, &Change::TokenRevoked { before: Box::new(before), after: Box::new(after) })?;
                }
            }
            tx.change(&proof, &Change::TokenIssued { after: Box::new(token), hash })
        })
        .await
    }

    /// Runs an operation as the server itself, in a realm that may not exist yet.
    async fn in_realm(
        &self,
        realm: &Realm,
        operation: impl FnOnce(&mut Tx<'_, '_>, Realm) -> Result<()> + Clone + Send + 'static,
    ) -> Result<()> {
        let acting = self.acting_operator(realm.root);
        let ids = Arc::clone(self.ids());
        let realm = realm.clone();
        self.store()
            .write(realm.id, move |transaction: &mut Transaction<'_>| {
                operation(&mut Tx::new(&ids, transaction, &acting), realm)?;
                Ok::<_, Error>(Decision::Keep(()))
            })
            .await
    }

    fn realm_token(&self, secret: &str, name: &str, now: Timestamp) -> Token {
        Token {
            id: self.ids().generate(now),
            kind: TokenKind::Realm,
            organization: None,
            user: None,
            roles: RoleSet::EMPTY,
            scopes: None,
            // A key chosen by the operator might be guessed from its beginning, so it has no hint.
            hint: if name == BOOTSTRAP { String::new() } else { secret::hint(secret, SecretForm::Prefixed) },
            name: Some(name.to_owned()),
            expires: None,
            revoked: None,
            created_by: None,
            created: now,
            last_used: None,
            extras: Extras::default(),
        }
    }

    fn built_in_permission(&self, permission: BuiltIn, now: Timestamp) -> Permission {
        Permission {
            id: self.ids().generate(now),
            key: permission.key().to_owned(),
            name: permission.words().to_owned(),
            description: String::new(),
            system: true,
            created: now,
            updated: now,
        }
    }

    fn built_in_roles(&self, now: Timestamp) -> Vec<Role> {
        BUILT_IN
            .iter()
            .map(|role| {
                let granted = BuiltIn::ALL.iter().filter(|permission| role.grants(**permission));
                let mut permissions: Vec<String> = granted.map(|permission| permission.key().to_owned()).collect();
                permissions.sort_unstable();
                Role {
                    id: self.ids().generate(now),
                    number: role.number,
                    key: role.key.to_owned(),
                    name: role.name.to_owned(),
                    description: String::new(),
                    base: role.base,
                    reaches_down: role.reaches_down,
                    system: true,
                    permissions,
                    created: now,
                    updated: now,
                }
            })
            .collect()
    }
}

fn root_of(realm: &Realm) -> Organization {
    root(realm.root, &realm.name, realm.created)
}

fn root(id: OrganizationId, name: &str, now: Timestamp) -> Organization {
    Organization {
        id,
        parent: None,
        depth: 0,
        name: name.to_owned(),
        slug: ROOT_SLUG.to_owned(),
        external_id: None,
        max_members: 0,
        email_domains: Vec::new(),
        visibility: Visibility::default(),
        status: OrganizationStatus::Active,
        suspended: false,
        hidden: false,
        locale: None,
        created_by: None,
        created: now,
        updated: now,
        public: Metadata::new(),
        private: Metadata::new(),
        extras: Extras::default(),
        aliases: Aliases::default(),
    }
}

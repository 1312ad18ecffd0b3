use roster_model::{
    Address, AddressKind, Aliases, Change, Dialect, EntityId, Extras, InvitationStatus, User, UserId, text,
};
use roster_store::LookupKey;

use super::apply::Chunk;
use super::known::Emails;
use super::record::{IncomingAddress, IncomingUser};
use crate::error::{Error, OfField as _, Result, Subject};
use crate::organizations::check_alias;
use crate::users;

impl Chunk<'_> {
    pub(super) fn user(&mut self, line: &IncomingUser) -> Result<()> {
        let mut user = users::build(self.creation, &line.new)?;
        if let Some(addresses) = &line.addresses {
            user.addresses = self.addresses(addresses)?;
        }
        if line.only_whole_name {
            (user.first_name, user.last_name) = (None, None);
        }
        check_extras(&user.extras)?;
        user.aliases = aliases::<UserId>(&line.carried.aliases)?;
        match self.promised(&user.addresses)? {
            Some(promised) if line.carried.id.is_none() => user.id = promised,
            _ => {}
        }
        self.apply_carried(&line.carried, Subject::User, &mut user.id, &mut user.created, &mut user.updated)?;
        let names = names(&user);
        for (key, name) in &names {
            if let Some(other) = self.known.look_up(self.reader, *key, name)? {
                return Err(Error::AlreadyExists { subject: Subject::User, field: word(*key), id: Some(other) });
            }
        }
        for (key, name) in &names {
            self.known.put_name(*key, name, Some(user.id.raw()));
        }
        self.known.users.insert(user.id, true);
        self.known.emails.insert(user.id, Emails::of(&user.addresses));
        self.known.used.insert(user.id.raw());
        self.known.used.extend(user.addresses.iter().map(|address| address.id.raw()));
        self.changes.push(Change::UserCreated { after: Box::new(user) });
        Ok(())
    }

    fn addresses(&self, given: &[IncomingAddress]) -> Result<Vec<Address>> {
        let mut all: Vec<Address> = Vec::with_capacity(given.len());
        for (number, address) in given.iter().enumerate() {
            let problem = |error: Error| error.within(&format!("addresses[{number}]"));
            let value = match address.kind {
                AddressKind::Email => text::email(&address.value),
                AddressKind::Phone => text::phone(&address.value).map(str::to_owned),
            };
            let value = value.of("value").map_err(problem)?;
            let same_kind = || all.iter().filter(|other| other.kind == address.kind);
            if same_kind().any(|other| other.value == value) {
                return Err(problem(Error::invalid("value", "is there twice")));
            }
            if address.primary && same_kind().any(|other| other.primary) {
                return Err(problem(Error::invalid("primary", "is set for another address of this kind, too")));
            }
            if let Some(id) = address.id {
                self.known.must_be_unused(id.raw(), Subject::User).map_err(problem)?;
                if all.iter().any(|other| other.id == id) {
                    return Err(problem(Error::invalid("id", "is there twice")));
                }
            }
            all.push(Address {
                id: address.id.unwrap_or_else(|| self.creation.new_id()),
                kind: address.kind,
                value,
                primary: address.primary,
                verified: address.verified,
                created: address.created.unwrap_or(self.creation.now),
            });
        }
        users::sort_addresses(&mut all);
        Ok(all)
    }

    /// The id that a pending invitation reserved for a user with one of these addresses, if no user ever had it.
    fn promised(&mut self, addresses: &[Address]) -> Result<Option<UserId>> {
        if !self.known.any_pending(self.reader)? {
            return Ok(None);
        }
        let now = self.creation.now;
        for email in addresses.iter().filter(|address| address.kind == AddressKind::Email) {
            let sent = self.known.pending.get(&email.value).into_iter().flatten();
            let oldest = sent.filter(|i| i.status_at(now) == InvitationStatus::Pending).min_by_key(|i| i.id);
            let Some(id) = oldest.map(roster_model::Invitation::user_id) else { continue };
            if !self.known.used.contains(&id.raw()) && !self.reader.view.ever_existed(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// All names of a user that must be unique.
fn names(user: &User) -> Vec<(LookupKey, String)> {
    let addresses = user.addresses.iter().map(|address| (LookupKey::Address(address.kind), address.value.clone()));
    let aliases = user.aliases.0.iter().map(|(dialect, alias)| (LookupKey::Alias(*dialect), alias.clone()));
    let username = user.username.as_deref().map(|name| (LookupKey::Username, text::fold(name)));
    let external_id = user.external_id.clone().map(|id| (LookupKey::UserExternalId, id));
    addresses.chain(username).chain(external_id).chain(aliases).collect()
}

pub(super) const fn word(key: LookupKey) -> &'static str {
    match key {
        LookupKey::Address(AddressKind::Email) => "email",
        LookupKey::Address(AddressKind::Phone) => "phone",
        LookupKey::Username => "username",
        LookupKey::UserExternalId | LookupKey::OrganizationExternalId => "external_id",
        LookupKey::Slug => "slug",
        LookupKey::Alias(_) => "alias",
    }
}

/// Validates ids of other systems: each must be in its vendor's form, and none may look like one generated by Roster.
pub(super) fn aliases<I: EntityId>(given: &[(Dialect, String)]) -> Result<Aliases> {
    let mut all = given.to_vec();
    for (dialect, alias) in &all {
        text::external_id(alias).of("aliases")?;
        check_alias::<I>(*dialect, alias)?;
    }
    all.sort_by_key(|(dialect, _)| dialect.word());
    Ok(Aliases(all))
}

/// Checks that extras have a known vendor and an object for each.
pub(super) fn check_extras(extras: &Extras) -> Result<()> {
    for (dialect, entries) in &extras.0 {
        if Dialect::from_word(dialect).is_none() {
            return Err(Error::invalid(format!("extras.{dialect}"), "is not a vendor that Roster supports"));
        }
        if !entries.is_object() {
            return Err(Error::invalid(format!("extras.{dialect}"), "must be an object"));
        }
    }
    Ok(())
}

use roster_model::{
    Address, AddressKind, Aliases, Change, Dialect, EntityId, Extras, InvitationStatus, User, UserId, text,
};
use roster_store::Naming;

use super::apply::Chunk;
use super::known::Emails;
use super::record::{IncomingAddress, IncomingUser};
use crate::error::{Error, OfField as _, Result, Subject};
use crate::organizations::check_alias;
use crate::users;

impl Chunk<'_> {
    pub(super) fn user(&mut self, line: &IncomingUser) -> Result<()> {
        let mut user = users::build(self.drawing, &line.new)?;
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
        self.carry(&line.carried, Subject::User, &mut user.id, &mut user.created, &mut user.updated)?;
        let names = names(&user);
        for (naming, name) in &names {
            if let Some(other) = self.known.named(self.reader, *naming, name)? {
                return Err(Error::AlreadyExists { subject: Subject::User, field: word(*naming), id: Some(other) });
            }
        }
        for (naming, name) in &names {
            self.known.put_name(*naming, name, Some(user.id.raw()));
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
                return Err(problem(Error::invalid("primary", "is said of another address of this kind, too")));
            }
            if let Some(id) = address.id {
                self.known.must_be_unused(id.raw(), Subject::User).map_err(problem)?;
                if all.iter().any(|other| other.id == id) {
                    return Err(problem(Error::invalid("id", "is there twice")));
                }
            }
            all.push(Address {
                id: address.id.unwrap_or_else(|| self.drawing.draw()),
                kind: address.kind,
                value,
                primary: address.primary,
                verified: address.verified,
                created: address.created.unwrap_or(self.drawing.now),
            });
        }
        users::sort_addresses(&mut all);
        Ok(all)
    }

    /// The id that an invitation keeps for somebody with one of these addresses, if it never was another's.
    fn promised(&mut self, addresses: &[Address]) -> Result<Option<UserId>> {
        if !self.known.any_pending(self.reader)? {
            return Ok(None);
        }
        let now = self.drawing.now;
        for email in addresses.iter().filter(|address| address.kind == AddressKind::Email) {
            let to_him = self.known.pending.get(&email.value).into_iter().flatten();
            let oldest = to_him.filter(|i| i.status_at(now) == InvitationStatus::Pending).min_by_key(|i| i.id);
            let Some(id) = oldest.map(roster_model::Invitation::user_id) else { continue };
            if !self.known.used.contains(&id.raw()) && !self.reader.view.was_ever(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Everything that nobody else may be called.
fn names(user: &User) -> Vec<(Naming, String)> {
    let addresses = user.addresses.iter().map(|address| (Naming::Address(address.kind), address.value.clone()));
    let aliases = user.aliases.0.iter().map(|(dialect, alias)| (Naming::Alias(*dialect), alias.clone()));
    let username = user.username.as_deref().map(|name| (Naming::Username, text::fold(name)));
    let external_id = user.external_id.clone().map(|id| (Naming::UserExternalId, id));
    addresses.chain(username).chain(external_id).chain(aliases).collect()
}

pub(super) const fn word(naming: Naming) -> &'static str {
    match naming {
        Naming::Address(AddressKind::Email) => "email",
        Naming::Address(AddressKind::Phone) => "phone",
        Naming::Username => "username",
        Naming::UserExternalId | Naming::OrganizationExternalId => "external_id",
        Naming::Slug => "slug",
        Naming::Alias(_) => "alias",
    }
}

/// Ids that other systems gave: one of each at most, none that looks like one of ours.
pub(super) fn aliases<I: EntityId>(given: &[(Dialect, String)]) -> Result<Aliases> {
    let mut all = given.to_vec();
    for (_, alias) in &all {
        text::external_id(alias).of("aliases")?;
        check_alias::<I>(alias)?;
    }
    all.sort_by_key(|(dialect, _)| dialect.word());
    Ok(Aliases(all))
}

/// What only one vendor has: an object for each.
pub(super) fn check_extras(extras: &Extras) -> Result<()> {
    for (dialect, entries) in &extras.0 {
        if Dialect::from_word(dialect).is_none() {
            return Err(Error::invalid(format!("extras.{dialect}"), "is of no vendor that Roster knows"));
        }
        if !entries.is_object() {
            return Err(Error::invalid(format!("extras.{dialect}"), "must be an object"));
        }
    }
    Ok(())
}

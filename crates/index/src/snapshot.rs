//! A graph as a file, so that a start need not read the tables. It is a cache: the reader must check that it belongs to
//! the database at hand; if anything is wrong with it, the tables are read.
//!
//! ```text
//! magic and version, 8 bytes
//! length, JSON          whose it is, where its log was, the realm, its roles
//! sets of roles         bits
//! organizations         id, created, parent's number, flags
//! users                 id, created, flags; those who are there first, by id
//! memberships           of each organization, by id: id, user's number, number of the set of roles
//! places                of each user: numbers of organizations
//! order                 of all memberships: pairs of numbers in blocks, each with the key it begins with
//! invitations, suspensions, links of directories
//! CRC-32 of all that
//! ```
//!
//! Numbers of organizations and users are those within the file; all integers are little-endian.

use std::io::{self, Read, Write};

use roster_model::{EntityId as _, MembershipId, OrganizationId, Realm, RetiredRole, Role, RoleSet, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::bytes::{ChecksumReader, ChecksumWriter, invalid};
use crate::graph::Graph;
use crate::lists::DualOrder;
use crate::members::{Member, Members};
use crate::order::{Block, Order, Start};
use crate::parts::{Person, Place, number};

/// The last byte is the version, to be changed with the format.
const MAGIC: &[u8; 8] = b"rostidx\x03";
const NONE: u32 = u32::MAX;
const EXISTS: u8 = 1;
const ACTIVE: u8 = 2;
const SUSPENDED: u8 = 4;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Identifies what it is a snapshot of; chosen by the caller.
    of: String,
    position: i64,
    roles_version: i64,
    roles: Vec<Role>,
    retired_roles: Vec<RetiredRole>,
    realm: Option<Realm>,
}

fn flags(all: &[(u8, bool)]) -> u8 {
    all.iter().filter(|(_, is)| *is).map(|(flag, _)| flag).sum()
}

/// The numbers in the file, by those in memory.
fn renumbered(kept: &[u32], all: usize) -> Vec<u32> {
    let mut numbers = vec![NONE; all];
    for (new, old) in kept.iter().enumerate() {
        numbers[*old as usize] = number(new);
    }
    numbers
}

impl Graph {
    /// Writes a snapshot. `of` is returned by [`Self::restore`].
    pub fn save(&self, of: String, out: impl Write) -> io::Result<()> {
        let mut out = ChecksumWriter::new(out);
        out.bytes(MAGIC)?;
        let head = Head {
            of,
            position: self.position,
            roles_version: self.roles_version,
            roles: self.roles.clone(),
            retired_roles: self.retired_roles.to_vec(),
            realm: self.realm.clone(),
        };
        out.text(&serde_json::to_string(&head)?)?;
        out.count(self.role_sets.all().len())?;
        for set in self.role_sets.all() {
            out.i64(set.bits())?;
        }
        let places: Vec<u32> = (0..number(self.places.len()))
            .filter(|place| {
                let place = &self.places[*place as usize];
                place.exists || !place.children.is_empty()
            })
            .collect();
        let place_numbers = renumbered(&places, self.places.len());
        out.count(places.len())?;
        for place in places.iter().map(|place| &self.places[*place as usize]) {
            out.i64(place.id.raw())?;
            out.i64(place.created.as_ms())?;
            out.u32(place.parent.map_or(NONE, |parent| place_numbers[parent as usize]))?;
            out.u8(flags(&[(EXISTS, place.exists), (ACTIVE, place.active), (SUSPENDED, place.suspended)]))?;
        }
        let mut people = self.lists.users.by_id.all();
        let known = self.users.values().copied();
        people.extend(known.filter(|person| !self.people[*person as usize].exists));
        let person_numbers = renumbered(&people, self.people.len());
        out.count(people.len())?;
        for person in people.iter().map(|person| &self.people[*person as usize]) {
            out.i64(person.id.raw())?;
            out.i64(person.created.as_ms())?;
            out.u8(flags(&[(EXISTS, person.exists), (ACTIVE, person.active)]))?;
        }
        for place in &places {
            let members = &self.places[*place as usize].members;
            out.count(members.len())?;
            for member in members.part(Start::default(), usize::MAX) {
                out.i64(member.membership.raw())?;
                out.u32(person_numbers[member.person as usize])?;
                out.u32(member.roles)?;
            }
        }
        for person in &people {
            let there = |place: &u32| self.places[*place as usize].exists;
            let at: Vec<u32> = self.people[*person as usize].places.iter().copied().filter(there).collect();
            out.count(at.len())?;
            at.iter().try_for_each(|place| out.u32(place_numbers[*place as usize]))?;
        }
        let order = &self.lists.memberships;
        out.i64(order.greatest().map_or(i64::MIN, MembershipId::raw))?;
        out.count(order.blocks().len())?;
        for Block { first, items } in order.blocks() {
            out.i64(first.raw())?;
            out.count(items.len())?;
            for (place, person) in items {
                out.u32(place_numbers[*place as usize])?;
                out.u32(person_numbers[*person as usize])?;
            }
        }
        out.count(self.pending.len())?;
        for (organization, invitations) in &self.pending {
            out.i64(organization.raw())?;
            out.i64(i64::try_from(*invitations).unwrap_or(i64::MAX))?;
        }
        out.count(self.suspended.values().map(Vec::len).sum())?;
        for (user, domain) in self.suspended.iter().flat_map(|(user, domains)| domains.iter().map(move |d| (user, d))) {
            out.i64(user.raw())?;
            out.i64(domain.raw())?;
        }
        out.count(self.links.all().len())?;
        for (domain, subject) in self.links.all() {
            out.i64(domain.raw())?;
            out.i64(*subject)?;
        }
        out.finish()
    }

    /// Reads what [`Self::save`] wrote, `length` bytes, and returns it with its `of`. Anything else is an error of the
    /// kind [`io::ErrorKind::InvalidData`].
    pub fn restore(input: impl Read, length: u64) -> io::Result<(Self, String)> {
        let mut input = ChecksumReader::new(input, length)?;
        if input.array::<8>()? != *MAGIC {
            return Err(invalid("not a snapshot of this version"));
        }
        let head: Head = serde_json::from_str(&input.text()?)?;
        let mut graph = Self::new(head.position, head.roles_version, head.roles, head.retired_roles);
        graph.realm = head.realm;
        for _ in 0..input.count(8)? {
            graph.role_sets.number(RoleSet::from_bits(input.i64()?));
        }
        graph.restore_places(&mut input)?;
        graph.restore_people(&mut input)?;
        graph.restore_memberships(&mut input)?;
        for _ in 0..input.count(16)? {
            let organization = OrganizationId::from_raw(input.i64()?);
            graph.put_pending(organization, u64::try_from(input.i64()?).unwrap_or_default());
        }
        for _ in 0..input.count(16)? {
            let user = UserId::from_raw(input.i64()?);
            graph.put_suspension(user, OrganizationId::from_raw(input.i64()?));
        }
        for _ in 0..input.count(16)? {
            let domain = OrganizationId::from_raw(input.i64()?);
            graph.put_linked(domain, input.i64()?);
        }
        input.finish()?;
        Ok((graph, head.of))
    }

    fn restore_places(&mut self, input: &mut ChecksumReader<impl Read>) -> io::Result<()> {
        let count = input.count(21)?;
        self.places.reserve(count);
        self.organizations.reserve(count);
        for place in 0..count {
            let (id, created) = (OrganizationId::from_raw(input.i64()?), Timestamp::from_ms(input.i64()?));
            let (parent, flags) = (input.u32()?, input.u8()?);
            if parent != NONE && parent as usize >= count {
                return Err(invalid("an organization below none"));
            }
            let mut restored = Place::new(id);
            (restored.exists, restored.active) = (flags & EXISTS != 0, flags & ACTIVE != 0);
            restored.suspended = flags & SUSPENDED != 0;
            (restored.created, restored.parent) = (created, Some(parent).filter(|parent| *parent != NONE));
            self.places.push(restored);
            self.organizations.insert(id, number(place));
        }
        for place in 0..number(count) {
            match self.places[place as usize].parent {
                Some(parent) => self.places[parent as usize].children.push(place),
                None if self.root.is_none() && self.places[place as usize].exists => self.root = Some(place),
                None => {}
            }
        }
        for place in self.root.map(|root| self.downward(root)).unwrap_or_default() {
            self.list_organization(place);
        }
        Ok(())
    }

    fn restore_people(&mut self, input: &mut ChecksumReader<impl Read>) -> io::Result<()> {
        let count = input.count(17)?;
        self.people.reserve(count);
        self.users.reserve(count);
        let mut there = Vec::with_capacity(count);
        for person in 0..number(count) {
            let (id, created) = (UserId::from_raw(input.i64()?), Timestamp::from_ms(input.i64()?));
            let flags = input.u8()?;
            let mut restored = Person::new(id);
            (restored.exists, restored.active) = (flags & EXISTS != 0, flags & ACTIVE != 0);
            restored.created = created;
            if restored.exists {
                there.push(person);
            }
            self.people.push(restored);
            self.users.insert(id, person);
        }
        self.lists.users = DualOrder::of(there, |number| {
            let person = &self.people[number as usize];
            (person.created, person.id)
        });
        Ok(())
    }

    fn restore_memberships(&mut self, input: &mut ChecksumReader<impl Read>) -> io::Result<()> {
        let (sets, places, people) = (self.role_sets.all().len(), self.places.len(), self.people.len());
        let checked = |number: u32, count: usize, what: &'static str| {
            if (number as usize) < count { Ok(number) } else { Err(invalid(what)) }
        };
        for place in &mut self.places {
            let count = input.count(16)?;
            let mut sorted = Vec::with_capacity(count);
            for _ in 0..count {
                let membership = MembershipId::from_raw(input.i64()?);
                let person = checked(input.u32()?, people, "a membership of nobody")?;
                let roles = checked(input.u32()?, sets, "a membership with unknown roles")?;
                sorted.push(Member { membership, person, roles });
            }
            place.members = Members::of_sorted(&sorted);
        }
        for person in &mut self.people {
            let count = input.count(4)?;
            person.places.reserve_exact(count);
            for _ in 0..count {
                person.places.push(checked(input.u32()?, places, "a user who is nowhere")?);
            }
        }
        let greatest = Some(input.i64()?).filter(|raw| *raw != i64::MIN).map(MembershipId::from_raw);
        let count = input.count(12)?;
        let mut blocks = Vec::with_capacity(count);
        for _ in 0..count {
            let first = MembershipId::from_raw(input.i64()?);
            let count = input.count(8)?;
            let mut items = Vec::with_capacity(count);
            for _ in 0..count {
                let place = checked(input.u32()?, places, "a listed membership of nothing")?;
                items.push((place, checked(input.u32()?, people, "a listed membership of nobody")?));
            }
            blocks.push(Block { first, items });
        }
        self.lists.memberships = Order::of_blocks(blocks, greatest);
        Ok(())
    }
}

use roster_model::{Change, EntityId, Timestamp};

use super::known::ImportState;
use super::record::{Carried, Incoming};
use crate::error::{Error, Result, Subject};
use crate::transaction::{Creation, Reader};

/// A chunk of lines that is being turned into changes.
pub(super) struct Chunk<'a> {
    pub reader: Reader<'a>,
    pub creation: Creation<'a>,
    pub known: &'a mut ImportState,
    pub changes: Vec<Change>,
}

/// The changes, and the lines that were refused, by index.
type Outcome = (Vec<Change>, Vec<(usize, Error)>);

impl<'a> Chunk<'a> {
    /// Turns lines into changes. An error is one of the database; refused lines are part of the result.
    pub(super) fn run(
        reader: Reader<'a>,
        creation: Creation<'a>,
        known: &'a mut ImportState,
        lines: &[Incoming],
    ) -> Result<Outcome> {
        let mut chunk = Self { reader, creation, known, changes: Vec::with_capacity(lines.len()) };
        chunk.prefetch(lines)?;
        let mut refused = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            match chunk.line(line) {
                Ok(()) => {}
                Err(error @ (Error::Internal(_) | Error::Unavailable { .. })) => return Err(error),
                Err(error) => refused.push((number, error)),
            }
        }
        Ok((chunk.changes, refused))
    }

    /// Processes a line, all or nothing.
    fn line(&mut self, line: &Incoming) -> Result<()> {
        match line {
            Incoming::Permission(permission) => self.permission(&permission.0, &permission.1),
            Incoming::Role(role) => self.role(&role.0, role.1, &role.2),
            Incoming::Root(root) => self.root(root),
            Incoming::Organization(organization) => self.organization(organization),
            Incoming::User(user) => self.user(user),
            Incoming::Membership(membership) => self.membership(membership),
            Incoming::Invitation(invitation) => self.invitation(invitation),
            Incoming::AccountUser(record) => self.account_user(record),
            Incoming::DirectoryLink(link) => self.directory_link(link),
        }
    }

    /// Replaces the generated id and times by those that the line carries.
    pub(super) fn apply_carried<I: EntityId>(
        &self,
        carried: &Carried<I>,
        subject: Subject,
        id: &mut I,
        created: &mut Timestamp,
        updated: &mut Timestamp,
    ) -> Result<()> {
        if let Some(given) = carried.id {
            self.known.must_be_unused(given.raw(), subject)?;
            *id = given;
        }
        if let Some(given) = carried.created {
            *created = given;
        }
        if let Some(given) = carried.updated {
            *updated = given;
        }
        Ok(())
    }
}

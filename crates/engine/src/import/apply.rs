use roster_model::{Change, EntityId, Timestamp};

use super::known::Known;
use super::record::{Carried, Incoming};
use crate::error::{Error, Result, Subject};
use crate::transaction::{Drawing, Reader};

/// Lines on their way to changes.
pub(super) struct Chunk<'a> {
    pub reader: Reader<'a>,
    pub drawing: Drawing<'a>,
    pub known: &'a mut Known,
    pub changes: Vec<Change>,
}

/// Changes, and the lines that can't be done.
type Outcome = (Vec<Change>, Vec<(usize, Error)>);

impl<'a> Chunk<'a> {
    /// What these lines amount to. An error is one of the database's; what lines were refused for is in the answer.
    pub(super) fn run(
        reader: Reader<'a>,
        drawing: Drawing<'a>,
        known: &'a mut Known,
        lines: &[Incoming],
    ) -> Result<Outcome> {
        let mut chunk = Self { reader, drawing, known, changes: Vec::with_capacity(lines.len()) };
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

    /// Does all of a line, or nothing of it.
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

    /// Puts what was brought along in the place of what was drawn.
    pub(super) fn carry<I: EntityId>(
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

use roster_model::{Invitation, InvitationId, InvitationStatus, OrganizationId, RealmId, Timestamp, UserId, text};

use crate::batch::About;
use crate::error::Result;
use crate::list::Slice;
use crate::sql::{Row, Select, Value, like};
use crate::store::Store;
use crate::view::{Memory, View};

const COLUMNS: &str = "i.id, i.organization, i.email, i.roles, i.status, i.inviter, i.expires_ms, i.created_ms, \
    i.updated_ms, i.public, i.private, i.name, i.usr, i.extras";

/// A filter of invitations; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct InvitationFilter {
    pub organization: Option<OrganizationId>,
    /// To one of these addresses, normalized as in the model.
    pub emails: Option<Vec<String>>,
    /// To an address that contains this, case-insensitive.
    pub text: Option<String>,
    /// In one of these states at that time.
    pub status: Option<(Vec<InvitationStatus>, Timestamp)>,
    /// Only of organizations that surfaces without the root show: neither the root nor what is deleted or below that.
    pub shown_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvitationSort {
    #[default]
    Created,
    Email,
}

impl InvitationSort {
    const fn column(self) -> &'static str {
        match self {
            Self::Created => "",
            Self::Email => "i.email",
        }
    }
}

fn read(row: &Row<'_>) -> Result<Invitation> {
    Ok(Invitation {
        id: row.id(0)?,
        organization: row.id(1)?,
        email: row.text(2)?,
        roles: roster_model::RoleSet::from_bits(row.int(3)?),
        status: row.word(4, InvitationStatus::from_word)?,
        inviter: row.opt_id(5)?,
        expires: row.time(6)?,
        created: row.time(7)?,
        updated: row.time(8)?,
        public: row.json(9)?,
        private: row.json(10)?,
        name: row.text(11)?,
        user: row.opt_id(12)?,
        extras: row.json(13)?,
    })
}

impl View<'_> {
    fn one_invitation(&self, condition: &str, values: Vec<Value>) -> Result<Option<Invitation>> {
        let mut all = vec![self.realm.into()];
        all.extend(values);
        let sql = format!("SELECT {COLUMNS} FROM invitation i WHERE i.realm = $1 AND {condition}");
        self.connection.optional(&sql, &all, read)
    }

    pub fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>> {
        self.one_invitation("i.id = $2", vec![id.into()])
    }

    pub fn invitation_by_hash(&self, hash: &str) -> Result<Option<Invitation>> {
        self.one_invitation("i.hash = $2", vec![hash.into()])
    }

    /// The user id reserved by pending invitations to this address.
    pub fn user_promised(&self, email: &str, now: Timestamp) -> Result<Option<UserId>> {
        let filter = InvitationFilter {
            emails: Some(vec![email.to_owned()]),
            status: Some((vec![InvitationStatus::Pending], now)),
            ..InvitationFilter::default()
        };
        let oldest = Slice { limit: Some(1), ..Slice::default() };
        let found = self.list_invitations(&filter, InvitationSort::Created, &oldest)?;
        Ok(found.first().map(Invitation::user_id))
    }

    /// `false` if none of these organizations can have a pending invitation.
    pub fn may_have_invitations(&self, organizations: &[OrganizationId]) -> Result<bool> {
        let any = |memory: &Memory<'_>| Ok(organizations.iter().any(|id| memory.graph.may_have_pending(*id)));
        self.ask_memory(About::Invitations, any).unwrap_or(Ok(true))
    }

    /// The invitation marked as pending; it may have expired by now.
    pub fn pending_invitation(&self, organization: OrganizationId, email: &str) -> Result<Option<Invitation>> {
        let any = self.ask_memory(About::Invitations, |memory| Ok(memory.graph.may_have_pending(organization)));
        if matches!(any, Some(Ok(false))) {
            return Ok(None);
        }
        let values = vec![organization.into(), email.into()];
        self.one_invitation("i.organization = $2 AND i.email = $3 AND i.status = 'pending'", values)
    }

    /// Invitations to these addresses marked as pending; they may have expired by now. The oldest first.
    pub(crate) fn invitations_marked_pending(&self, emails: &[&str]) -> Result<Vec<Invitation>> {
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM invitation i WHERE i.realm = "));
        select.bind(self.realm).push(" AND i.email IN ").bind_all(emails);
        select.push(" AND i.status = 'pending' ORDER BY i.id");
        self.connection.all(&select.text, &select.values, read)
    }

    fn invitation_where(&self, select: &mut Select, filter: &InvitationFilter) {
        if filter.shown_only {
            select.push(" JOIN organization o ON o.realm = i.realm AND o.id = i.organization");
            select.push(" AND o.parent IS NOT NULL AND NOT o.hidden");
        }
        select.push(" WHERE i.realm = ").bind(self.realm);
        if let Some(organization) = filter.organization {
            select.push(" AND i.organization = ").bind(organization);
        }
        if let Some(emails) = &filter.emails {
            select.push(" AND i.email IN ").bind_all(emails);
        }
        if let Some(part) = &filter.text {
            select.push(" AND i.email LIKE ").bind(like(&text::fold(part))).push(" ESCAPE '\\'");
        }
        if let Some((statuses, now)) = &filter.status {
            select.push(" AND (FALSE");
            for status in statuses {
                match status {
                    InvitationStatus::Pending => {
                        select.push(" OR (i.status = 'pending' AND i.expires_ms > ").bind(*now).push(")");
                    }
                    InvitationStatus::Expired => {
                        select.push(" OR i.status = 'expired' OR (i.status = 'pending' AND i.expires_ms <= ");
                        select.bind(*now).push(")");
                    }
                    InvitationStatus::Accepted | InvitationStatus::Revoked => {
                        select.push(" OR i.status = ").bind(status.word());
                    }
                }
            }
            select.push(")");
        }
    }

    pub fn list_invitations(
        &self,
        filter: &InvitationFilter,
        sort: InvitationSort,
        slice: &Slice,
    ) -> Result<Vec<Invitation>> {
        let mut select = Select::new(&format!("SELECT {COLUMNS} FROM invitation i"));
        self.invitation_where(&mut select, filter);
        slice.seek(&mut select, sort.column(), "i.id");
        slice.order(&mut select, sort.column(), "i.id");
        self.connection.all(&select.text, &select.values, read)
    }

    pub fn count_invitations(&self, filter: &InvitationFilter) -> Result<u64> {
        let mut select = Select::new("SELECT COUNT(*) FROM invitation i");
        self.invitation_where(&mut select, filter);
        self.count(&select)
    }

    pub(crate) fn insert_invitation(&self, i: &Invitation, hash: &str) -> Result<()> {
        self.connection.execute(
            "INSERT INTO invitation (realm, id, organization, email, roles, status, inviter, hash, expires_ms, created_ms,
                updated_ms, public, private, name, usr, extras)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            &[
                self.realm.into(),
                i.id.into(),
                i.organization.into(),
                i.email.as_str().into(),
                i.roles.into(),
                i.status.word().into(),
                i.inviter.into(),
                hash.into(),
                i.expires.into(),
                i.created.into(),
                i.updated.into(),
                serde_json::to_string(&i.public)?.into(),
                serde_json::to_string(&i.private)?.into(),
                i.name.as_str().into(),
                i.user.into(),
                serde_json::to_string(&i.extras)?.into(),
            ],
        )?;
        Ok(())
    }

    /// Erases invitations to these addresses from the table and the log, for a person who is erased. The events'
    /// numbers, times and kinds stay.
    pub fn forget_invitations(&self, emails: &[String]) -> Result<()> {
        for email in emails {
            let place = [self.realm.into(), email.as_str().into()];
            self.connection.execute("DELETE FROM invitation WHERE realm = $1 AND email = $2", &place)?;
            let written = format!("\"email\":{}", serde_json::to_string(email)?);
            self.connection.execute(
                "UPDATE event SET body = NULL WHERE realm = $1
                    AND kind IN ('invitation.created', 'invitation.updated') AND body LIKE $2 ESCAPE '\\'",
                &[self.realm.into(), like(&written).into()],
            )?;
        }
        Ok(())
    }

    pub(crate) fn update_invitation(&self, i: &Invitation, hash: Option<&str>) -> Result<()> {
        self.connection.execute(
            "UPDATE invitation SET roles = $3, status = $4, inviter = $5, expires_ms = $6, updated_ms = $7, public = $8,
                private = $9, hash = COALESCE($10, hash), name = $11, usr = $12, extras = $13, email = $14
             WHERE realm = $1 AND id = $2",
            &[
                self.realm.into(),
                i.id.into(),
                i.roles.into(),
                i.status.word().into(),
                i.inviter.into(),
                i.expires.into(),
                i.updated.into(),
                serde_json::to_string(&i.public)?.into(),
                serde_json::to_string(&i.private)?.into(),
                hash.into(),
                i.name.as_str().into(),
                i.user.into(),
                serde_json::to_string(&i.extras)?.into(),
                i.email.as_str().into(),
            ],
        )?;
        Ok(())
    }
}

impl Store {
    /// The realm of the invitation whose secret has this hash. The secret is all that an invited person has.
    pub async fn realm_of_invitation(&self, hash: String) -> Result<Option<RealmId>> {
        self.read_server(move |connection| {
            connection.optional("SELECT realm FROM invitation WHERE hash = $1", &[hash.into()], |row| row.id(0))
        })
        .await
    }
}

use roster_engine::{Aliases, Dialect, EntityId, Form, Kind, Surface};
use serde::Serialize;
use utoipa::ToSchema;

/// The entity's id in the form of each dialect. Dialects without such an entity are omitted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ids {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clerk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whylabs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#box: Option<String>,
}

impl Ids {
    pub(crate) fn of<I: EntityId>(id: I, aliases: &Aliases) -> Self {
        let show = |dialect: Dialect, surface: Surface, form: Form| {
            aliases.of(dialect).map(str::to_owned).or_else(|| form.show(id).map(|_| surface.show(id, aliases)))
        };
        Self {
            clerk: show(Dialect::Clerk, Surface::Clerk, Form::Clerk),
            whylabs: show(Dialect::Whylabs, Surface::Whylabs, Form::Whylabs),
            enhance: show(Dialect::Enhance, Surface::Enhance, Form::Enhance),
            r#box: show(Dialect::Box, Surface::Box, Form::Box),
        }
    }
}

/// The native form of a raw id of any kind, for `created_by` and actors.
pub(crate) fn native(raw: i64) -> String {
    use roster_engine::id::kind_of;
    use roster_engine::{MembershipId, OrganizationId, TokenId, UserId};
    match kind_of(raw) {
        Some(Kind::Organization) => OrganizationId::from_raw(raw).native(),
        Some(Kind::Membership) => MembershipId::from_raw(raw).native(),
        Some(Kind::Token) => TokenId::from_raw(raw).native(),
        _ => UserId::from_raw(raw).native(),
    }
}

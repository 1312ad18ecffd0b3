use roster_engine as engine;
use roster_engine::{EntityId as _, RoleCatalog};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MemberUser, Organization, role_keys};

/// The result of an access check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verdict {
    /// Whether access is granted.
    allowed: bool,
    /// `granted`, or else the first that applies of `unknown_subject`, `subject_inactive`, `unknown_resource`,
    /// `unknown_action`, `membership_pending`, `no_membership` and `no_grant`.
    #[schema(example = "granted")]
    reason: &'static str,
    /// The nearest membership that grants access; `null` if none does.
    via: Option<Via>,
}

/// The membership through which access is granted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Via {
    membership_id: String,
    /// The organization of the membership: the one in question, or one above it.
    organization_id: String,
    /// The key of the strongest of its roles that grants access.
    role: String,
    /// Whether the membership is above the organization in question.
    inherited: bool,
    /// How many levels above the organization in question the membership is; 0 means at that organization.
    distance: usize,
}

impl From<engine::Verdict> for Verdict {
    fn from(verdict: engine::Verdict) -> Self {
        let via = |via: engine::Via| Via {
            membership_id: via.membership.native(),
            organization_id: via.organization.native(),
            role: via.role,
            inherited: via.distance > 0,
            distance: via.distance,
        };
        Self { allowed: verdict.allowed, reason: verdict.reason.word(), via: verdict.via.map(via) }
    }
}

/// A membership through which a user reaches the organization.
#[derive(Debug, Serialize, ToSchema)]
struct Way {
    membership_id: String,
    /// The organization of the membership: the one in question, or one above it.
    organization_id: String,
    /// The keys of those of its roles that count at the organization in question.
    roles: Vec<String>,
    /// Whether the membership is above the organization in question.
    inherited: bool,
    /// How many levels above the organization in question the membership is; 0 means at that organization.
    distance: usize,
}

impl Way {
    fn of(way: &engine::Way, catalog: &RoleCatalog) -> Self {
        Self {
            membership_id: way.membership.native(),
            organization_id: way.organization.native(),
            roles: role_keys(catalog, way.roles),
            inherited: way.distance > 0,
            distance: way.distance,
        }
    }
}

/// An organization that a user reaches, through a membership there or above.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReachedOrganization {
    organization_id: String,
    organization: Organization,
    /// The keys of all roles that count at the organization.
    roles: Vec<String>,
    /// The memberships through which the user reaches the organization, nearest first.
    via: Vec<Way>,
}

impl ReachedOrganization {
    pub(crate) fn of(reached: &engine::ReachableOrganization, catalog: &RoleCatalog) -> Self {
        Self {
            organization_id: reached.organization.id.native(),
            organization: Organization::from(&reached.organization),
            roles: role_keys(catalog, reached.roles),
            via: reached.ways.iter().map(|way| Way::of(way, catalog)).collect(),
        }
    }
}

/// A user who reaches an organization, through a membership there or above.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EffectiveMember {
    user_id: String,
    user: MemberUser,
    /// The keys of all roles that count at the organization.
    roles: Vec<String>,
    /// The memberships through which the user reaches the organization, nearest first.
    via: Vec<Way>,
}

impl EffectiveMember {
    pub(crate) fn of(member: &engine::EffectiveMember, catalog: &RoleCatalog) -> Self {
        Self {
            user_id: member.user.id.native(),
            user: MemberUser::from(&member.user),
            roles: role_keys(catalog, member.roles),
            via: member.ways.iter().map(|way| Way::of(way, catalog)).collect(),
        }
    }
}

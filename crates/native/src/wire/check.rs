use roster_engine as engine;
use roster_engine::{EntityId as _, RoleCatalog};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MemberUser, Organization, role_keys};

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verdict {
    allowed: bool,
    /// `granted`; else `unknown_subject`, `subject_inactive`, `unknown_resource`, `unknown_action`, `membership_pending`,
    /// `no_membership` or `no_grant`: the first that applies.
    #[schema(example = "granted")]
    reason: &'static str,
    /// The nearest membership that grants it; null if none does.
    via: Option<Via>,
}

/// How it is granted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Via {
    membership_id: String,
    /// Where the membership is: here, or above.
    organization_id: String,
    /// The strongest of its roles that grants it.
    role: String,
    inherited: bool,
    /// Levels of the tree between; 0 is here.
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

/// A membership that counts here.
#[derive(Debug, Serialize, ToSchema)]
struct Way {
    membership_id: String,
    /// Where the membership is: here, or above.
    organization_id: String,
    /// Those of its roles that count here.
    roles: Vec<String>,
    inherited: bool,
    /// Levels of the tree between; 0 is here.
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

/// An organization that a user reaches, by a membership there or above.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReachedOrganization {
    organization_id: String,
    organization: Organization,
    /// All roles that count here.
    roles: Vec<String>,
    /// By which memberships, the nearest first.
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

/// A user who reaches an organization, by a membership there or above.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EffectiveMember {
    user_id: String,
    user: MemberUser,
    /// All roles that count here.
    roles: Vec<String>,
    /// By which memberships, the nearest first.
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

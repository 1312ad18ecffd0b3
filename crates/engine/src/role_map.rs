use roster_model::{RoleCatalog, RoleNumber, RoleSet};

/// Maps between Roster's roles and a vendor's fixed set of roles, in both directions.
///
/// `show` gives the closest vendor role that isn't more powerful. Writing back what was shown changes nothing.
pub trait RoleMap: 'static {
    /// The vendor's roles.
    type Shown: Copy + Eq + Send + Sync + std::fmt::Debug + 'static;

    fn show(catalog: &RoleCatalog, roles: RoleSet) -> Self::Shown;

    fn role(shown: Self::Shown) -> RoleNumber;

    /// The roles after the vendor writes `shown`; `None` if `roles` are already shown as that.
    fn write(catalog: &RoleCatalog, roles: RoleSet, shown: Self::Shown) -> Option<RoleSet> {
        (Self::show(catalog, roles) != shown).then(|| RoleSet::of(Self::role(shown)))
    }
}

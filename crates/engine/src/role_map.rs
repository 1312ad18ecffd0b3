use roster_model::{RoleCatalog, RoleNumber, RoleSet};

/// How a vendor with a closed set of roles sees Roster's: one map per dialect, both ways, in one place.
///
/// Showing is the nearest and never more powerful; writing back what was shown changes nothing.
pub trait RoleMap: 'static {
    /// The vendor's roles.
    type Shown: Copy + Eq + Send + Sync + std::fmt::Debug + 'static;

    fn show(catalog: &RoleCatalog, roles: RoleSet) -> Self::Shown;

    fn role(shown: Self::Shown) -> RoleNumber;

    /// What `roles` become when the vendor writes `shown`; `None` if that is what they show already.
    fn write(catalog: &RoleCatalog, roles: RoleSet, shown: Self::Shown) -> Option<RoleSet> {
        (Self::show(catalog, roles) != shown).then(|| RoleSet::of(Self::role(shown)))
    }
}

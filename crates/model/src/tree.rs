//! The tree of organizations: no cycle, and never deeper than 16.

use crate::OrganizationId;

/// The depth of the deepest organization; the root's is 0.
pub const DEPTH_MAX: u8 = 16;

/// Why an organization can't be moved or created somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeProblem {
    Cycle,
    TooDeep,
}

impl TreeProblem {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cycle => "would put an organization below itself",
            Self::TooDeep => "would make the tree deeper than 16",
        }
    }
}

/// The depth of a child of an organization at `parent` depth.
pub fn child_depth(parent: u8) -> Result<u8, TreeProblem> {
    if parent < DEPTH_MAX { Ok(parent + 1) } else { Err(TreeProblem::TooDeep) }
}

/// Whether `moved`, whose subtree is `height` levels high (0: no children), may go under `parent`.
///
/// `parent_chain` are the ancestors of the new parent and the parent itself, from the root down. Returns the new depth.
pub fn may_move(moved: OrganizationId, height: u8, parent_chain: &[OrganizationId]) -> Result<u8, TreeProblem> {
    if parent_chain.contains(&moved) {
        return Err(TreeProblem::Cycle);
    }
    let depth = u8::try_from(parent_chain.len()).map_err(|_| TreeProblem::TooDeep)?;
    if depth.saturating_add(height) > DEPTH_MAX { Err(TreeProblem::TooDeep) } else { Ok(depth) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityId as _;

    #[test]
    fn depth_and_cycles() {
        let id = OrganizationId::from_raw;
        assert_eq!(child_depth(15), Ok(16));
        assert_eq!(child_depth(16), Err(TreeProblem::TooDeep));
        assert_eq!(may_move(id(3), 0, &[id(1), id(2)]), Ok(2));
        assert_eq!(may_move(id(2), 0, &[id(1), id(2)]), Err(TreeProblem::Cycle));
        let chain: Vec<_> = (1..=16).map(id).collect();
        assert_eq!(may_move(id(99), 0, &chain), Ok(16));
        assert_eq!(may_move(id(99), 1, &chain), Err(TreeProblem::TooDeep));
    }
}

use roster_model::{Aliases, Dialect, EntityId, Form};

/// Through which API somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    Native,
    Whylabs,
    Clerk,
    Enhance,
    Box,
    /// OpenID AuthZEN: questions only.
    Authzen,
    /// Directories that provision.
    Scim,
}

impl Surface {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Whylabs => "whylabs",
            Self::Clerk => "clerk",
            Self::Enhance => "enhance",
            Self::Box => "box",
            Self::Authzen => "authzen",
            Self::Scim => "scim",
        }
    }

    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            // A directory's clients store Roster's own ids, and may bring any vendor's.
            Self::Native | Self::Scim | Self::Authzen => None,
            Self::Whylabs => Some(Dialect::Whylabs),
            Self::Clerk => Some(Dialect::Clerk),
            Self::Enhance => Some(Dialect::Enhance),
            Self::Box => Some(Dialect::Box),
        }
    }

    const fn form(self) -> Form {
        match self {
            Self::Native | Self::Scim | Self::Authzen => Form::Native,
            Self::Whylabs => Form::Whylabs,
            Self::Clerk => Form::Clerk,
            Self::Enhance => Form::Enhance,
            Self::Box => Form::Box,
        }
    }

    /// Whether the realm's root is an organization here, and what is marked as deleted is one that says so. Elsewhere both are
    /// unknown, in no list, and nobody's parent.
    pub const fn shows_root(self) -> bool {
        matches!(self, Self::Native | Self::Enhance | Self::Scim | Self::Authzen)
    }

    /// Whether an organization that is marked as deleted is still one here.
    pub const fn shows_deleted(self) -> bool {
        matches!(self, Self::Native | Self::Enhance)
    }

    /// Whether a caller who may not is told so (403) even where he may not read: the vendor's contract has it that way. Elsewhere
    /// what he may not know of is not there (404).
    pub const fn tells_what_exists(self) -> bool {
        matches!(self, Self::Box | Self::Enhance)
    }

    /// What stands before the digits of every id of a kind here, if they are base62 digits.
    pub(crate) fn lead<I: EntityId>(self) -> Option<String> {
        self.form().lead::<I>()
    }

    /// An entity's id as this surface's clients know it: the one it brought along, else its own in this surface's form.
    pub fn show<I: EntityId>(self, id: I, aliases: &Aliases) -> String {
        let alias = self.dialect().and_then(|dialect| aliases.of(dialect));
        match alias {
            Some(alias) => alias.to_owned(),
            None => self.form().show(id).unwrap_or_else(|| id.native()),
        }
    }
}

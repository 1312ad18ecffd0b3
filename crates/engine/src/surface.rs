use roster_model::{Aliases, Dialect, EntityId, Form};

/// The API through which a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    Native,
    Whylabs,
    Clerk,
    Enhance,
    Box,
    /// OpenID AuthZEN: access checks only.
    Authzen,
    /// SCIM: directories that provision.
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
            // Directories store Roster's own ids, and may use any vendor's.
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

    /// Whether the realm's root is shown as an organization, and organizations that are marked as deleted are shown with that status. On
    /// other surfaces both are unknown, in no list, and nobody's parent.
    pub const fn shows_root(self) -> bool {
        matches!(self, Self::Native | Self::Enhance | Self::Scim | Self::Authzen)
    }

    /// Whether organizations that are marked as deleted are still shown.
    pub const fn shows_deleted(self) -> bool {
        matches!(self, Self::Native | Self::Enhance)
    }

    /// Whether a caller who lacks a right is told so (403) even about entities that the caller may not read, as the
    /// vendor's contract requires. On other surfaces such entities appear not to exist (404).
    pub const fn tells_what_exists(self) -> bool {
        matches!(self, Self::Box | Self::Enhance)
    }

    /// What precedes the base62 digits of every id of this kind on this surface. `None` if the form isn't base62.
    pub(crate) fn base62_prefix<I: EntityId>(self) -> Option<String> {
        self.form().base62_prefix::<I>()
    }

    /// An entity's id as this surface's clients know it: its alias for this dialect, else its own id in this surface's form.
    pub fn show<I: EntityId>(self, id: I, aliases: &Aliases) -> String {
        let alias = self.dialect().and_then(|dialect| aliases.of(dialect));
        match alias {
            Some(alias) => alias.to_owned(),
            None => self.form().show(id).unwrap_or_else(|| id.native()),
        }
    }
}

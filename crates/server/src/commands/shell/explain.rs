use anyhow::anyhow;
use roster_engine::{Error, Subject};

/// An engine's error in words for who sits at a shell, with what to do where that isn't plain.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    match &error {
        Error::NotFound(Subject::Membership) => {
            anyhow!("the user is no member of the organization: see `roster member list`, `roster member add`")
        }
        Error::NotFound(Subject::Owner) => anyhow!("the organization has no owner"),
        Error::NotFound(subject) => anyhow!("there is no such {subject}"),
        Error::HasChildren => anyhow!("{error}: --subtree deletes them, too"),
        Error::OwnerProtected => anyhow!("{error}, with `roster owner set` or `roster owner clear`"),
        Error::OwnerExists => anyhow!("{error}, with `roster owner set`"),
        Error::Unavailable { reason, .. } => anyhow!("{reason}: try again in a moment"),
        _ => anyhow::Error::new(error),
    }
}

use anyhow::anyhow;
use roster_engine::{Error, Subject};

/// An engine error in words for a command's user, with a hint on what to do where it isn't obvious.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    match &error {
        Error::NotFound(Subject::Membership) => {
            anyhow!("the user is not a member of the organization: see `roster member list`, `roster member add`")
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

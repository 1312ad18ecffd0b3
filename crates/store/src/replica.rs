//! A read replica that takes load off the primary.
//!
//! This doesn't make answers any staler: the caller was authenticated on the primary a moment before, and the replica
//! answers only if it has reached the primary's position of that moment. Otherwise the primary is asked, as without a
//! replica.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use roster_model::RealmId;

use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::{Location, Readers, Source};
use crate::view::View;

/// How long an unreachable replica isn't tried again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Replica {
    readers: Readers,
    down_until: Mutex<Option<Instant>>,
}

/// Outcome of a read on the replica.
pub(crate) enum Outcome<F, A> {
    Answered(A),
    /// The replica is behind or unreachable; `read` was not run and is handed back.
    Refused(F),
}

impl Replica {
    pub(crate) fn new(primary: &Location, replica: &Location) -> Result<Self> {
        let (Location::Server(_), Location::Server(address)) = (primary, replica) else {
            return Err(Error::Url(String::from("only a PostgreSQL database has replicas to read from")));
        };
        let readers = Readers::new(Source::Server(Box::new(address.to_any_host())));
        Ok(Self { readers, down_until: Mutex::default() })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.down_until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| Instant::now() >= until)
    }

    pub(crate) async fn read<T, E, F>(
        &self,
        catalogs: &CatalogCache,
        realm: RealmId,
        known: i64,
        read: F,
    ) -> Outcome<F, Result<T, E>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    {
        let (slot, catalogs) = (Arc::new(Mutex::new(Some(read))), catalogs.clone());
        let mine = Arc::clone(&slot);
        let answer = self
            .readers
            .run(move |connection| {
                let view = View::open(connection, &catalogs, realm)?;
                if view.head < known {
                    return Ok(None);
                }
                let read = mine.lock().unwrap_or_else(PoisonError::into_inner).take();
                Ok::<_, Error>(read.map(|read| read(&view)))
            })
            .await;
        let left = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (answer, left) {
            (Ok(Some(answer)), _) => Outcome::Answered(answer),
            (Err(error), Some(read)) => {
                tracing::warn!(%error, "the replica can't be read; reads go to the primary");
                *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + RETRY_DELAY);
                Outcome::Refused(read)
            }
            (Ok(None), Some(read)) => Outcome::Refused(read),
            (Err(error), None) => Outcome::Answered(Err(error.into())),
            (Ok(None), None) => Outcome::Answered(Err(Error::Closed.into())),
        }
    }

    pub(crate) fn close(&self) {
        self.readers.close();
    }
}

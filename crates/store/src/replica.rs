//! A replica of the primary that takes reads off it.
//!
//! Nothing is staler for that: who calls was looked up at the primary a moment before, and what is read afterwards comes from the
//! replica only if it has come at least as far as the primary was then. Else the primary is asked, as it is without a replica.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use roster_model::RealmId;

use crate::error::{Error, Result};
use crate::roles::CatalogCache;
use crate::sql::{Location, Readers, Source};
use crate::view::View;

/// How long a replica that can't be reached is left alone.
const REST: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Replica {
    readers: Readers,
    down_until: Mutex<Option<Instant>>,
}

/// What became of a read.
pub(crate) enum Outcome<F, A> {
    Answered(A),
    /// It isn't as far, or not there: the read was not begun.
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
                tracing::warn!(%error, "the replica can't be read; the primary answers");
                *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
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

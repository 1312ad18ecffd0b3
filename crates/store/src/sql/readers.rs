use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Connection, Source};
use crate::error::{Error, Result};

/// How long a reader waits for a free connection.
const WAIT: Duration = Duration::from_secs(5);

/// Connections that only read, opened as they are needed, each used by one reader at a time on a thread that may block.
#[derive(Clone, Debug)]
pub struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    source: Source,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
    size: usize,
}

impl Readers {
    /// Four for each core, and no fewer than 16: most of them wait for the database.
    pub fn new(source: Source) -> Self {
        let size = std::thread::available_parallelism().map_or(16, |cores| 4 * usize::from(cores)).max(16);
        let free = Arc::new(Semaphore::new(size));
        Self(Arc::new(Pool { source, idle: Mutex::new(Vec::new()), free, size }))
    }

    /// Runs `read` in a transaction of its own, so that everything it sees is of one moment.
    pub async fn run<T, E>(&self, read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.0.free).acquire_owned())
            .await
            .map_err(|_| Error::Busy("too many readers"))?
            .map_err(|_| Error::Closed)?;
        let pool = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = pool.take()?;
            let answer = read(&connection);
            // What was read stands, also where the server goes away now; then the connection is not used again.
            if connection.commit().is_ok() && !connection.is_lost() {
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            answer
        });
        // A panic drops its connection, and the open transaction with it.
        done.await.unwrap_or_else(|panic| Err(Error::Panic(panic.to_string()).into()))
    }

    /// How many there can be, and how many are in use.
    pub fn usage(&self) -> (u64, u64) {
        let busy = self.0.size - self.0.free.available_permits().min(self.0.size);
        (self.0.size as u64, busy as u64)
    }

    /// Lets nobody in any more and closes what is idle.
    pub fn close(&self) {
        self.0.free.close();
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Pool {
    /// A connection with a transaction begun. One that slept while its server went away is found out here, and another one made.
    fn take(&self) -> Result<Connection> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(connection) = idle else { break };
            match connection.begin_reading() {
                Ok(()) => return Ok(connection),
                Err(Error::Unreachable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let connection = self.source.open_reader()?;
        connection.begin_reading()?;
        Ok(connection)
    }
}

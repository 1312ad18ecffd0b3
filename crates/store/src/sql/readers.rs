use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore};

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
    /// While others need a core: how many read at a time then.
    few: Arc<Semaphore>,
    modest: AtomicUsize,
}

/// As long as it is there, one core is left to whoever made it.
#[derive(Debug)]
pub struct Modesty(Readers);

impl Drop for Modesty {
    fn drop(&mut self) {
        self.0.0.modest.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// Four for each core, and no fewer than 16: most of them wait for the database.
    pub fn new(source: Source) -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        let size = (4 * cores).max(16);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (free, few) = (semaphore(size), semaphore((cores - 1).max(1)));
        Self(Arc::new(Pool { source, idle: Mutex::default(), free, size, few, modest: AtomicUsize::new(0) }))
    }

    /// From now on fewer read at a time, for something short that many wait for.
    pub fn be_modest(&self) -> Modesty {
        self.0.modest.fetch_add(1, Ordering::Relaxed);
        Modesty(self.clone())
    }

    /// Runs `read` in a transaction of its own, so that everything it sees is of one moment.
    pub async fn run<T, E>(&self, read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permits = async {
            let one_of_few = match self.0.modest.load(Ordering::Relaxed) {
                0 => None,
                _ => Some(Arc::clone(&self.0.few).acquire_owned().await?),
            };
            Ok::<_, AcquireError>((one_of_few, Arc::clone(&self.0.free).acquire_owned().await?))
        };
        let permit = tokio::time::timeout(WAIT, permits)
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
        self.0.few.close();
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_is_modest_leaves_a_core() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.db");
        std::fs::write(&file, "").expect("a file");
        let readers = Readers::new(Source::File(file));
        let modesty = readers.be_modest();
        let few = readers.0.few.available_permits();
        let (entered, entries) = mpsc::channel();
        let mut reading = Vec::new();
        for _ in 0..few {
            let (go, gone) = mpsc::channel::<()>();
            let (readers, entered) = (readers.clone(), entered.clone());
            let read = move |_: &Connection| {
                entered.send(()).expect("somebody who counts");
                // Until the other end is gone.
                let _ = gone.recv();
                Ok::<_, Error>(())
            };
            reading.push((go, tokio::spawn(async move { readers.run(read).await })));
        }
        let all = tokio::task::spawn_blocking(move || entries.iter().take(few).count());
        assert_eq!(all.await.expect("no panic"), few);
        let mut another = pin!(readers.run(|_| Ok::<_, Error>(())));
        assert!(poll_fn(|context| Poll::Ready(another.as_mut().poll(context).is_pending())).await);
        assert_eq!(readers.usage().1, few as u64, "nobody else has a connection");
        drop(modesty);
        readers.run(|_| Ok::<_, Error>(())).await.expect("who comes now isn't kept");
        for (go, read) in reading {
            drop(go);
            read.await.expect("no panic").expect("a read");
        }
        another.await.expect("the one who waited");
        readers.close();
    }
}

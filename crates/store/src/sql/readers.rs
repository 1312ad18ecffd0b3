use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore};

use super::{Connection, Source};
use crate::error::{Error, Result};

/// How long a read waits for a free connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);

/// A pool of read-only connections, opened on demand, each used by one read at a time on a thread that may block.
#[derive(Clone, Debug)]
pub struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    source: Source,
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
    size: usize,
    /// Limits concurrent reads while a [`ReadThrottle`] exists.
    throttled: Arc<Semaphore>,
    throttles: AtomicUsize,
}

/// While it exists, fewer reads run at a time, so that a core is left to its owner.
#[derive(Debug)]
pub struct ReadThrottle(Readers);

impl Drop for ReadThrottle {
    fn drop(&mut self) {
        self.0.0.throttles.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    /// Four connections for each core, and at least 16: most of them wait for the database.
    pub fn new(source: Source) -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        let size = (4 * cores).max(16);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (free, throttled) = (semaphore(size), semaphore((cores - 1).max(1)));
        Self(Arc::new(Pool { source, idle: Mutex::default(), free, size, throttled, throttles: AtomicUsize::new(0) }))
    }

    /// Limits the number of concurrent reads, for a short task that many wait for.
    pub fn throttle(&self) -> ReadThrottle {
        self.0.throttles.fetch_add(1, Ordering::Relaxed);
        ReadThrottle(self.clone())
    }

    /// Runs `read` in a transaction of its own, so that everything it reads is one consistent snapshot.
    pub async fn run<T, E>(&self, read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permits = async {
            let throttled = match self.0.throttles.load(Ordering::Relaxed) {
                0 => None,
                _ => Some(Arc::clone(&self.0.throttled).acquire_owned().await?),
            };
            Ok::<_, AcquireError>((throttled, Arc::clone(&self.0.free).acquire_owned().await?))
        };
        let permit = tokio::time::timeout(CONNECTION_WAIT, permits)
            .await
            .map_err(|_| Error::Busy("too many readers"))?
            .map_err(|_| Error::Closed)?;
        let pool = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = pool.take()?;
            let answer = read(&connection);
            // The result is valid even if the connection is lost now; then it isn't reused.
            if connection.commit().is_ok() && !connection.is_lost() {
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            answer
        });
        // A panic drops its connection, and the open transaction with it.
        done.await.unwrap_or_else(|panic| Err(Error::Panic(panic.to_string()).into()))
    }

    /// The size of the pool, and the number of connections in use.
    pub fn usage(&self) -> (u64, u64) {
        let busy = self.0.size - self.0.free.available_permits().min(self.0.size);
        (self.0.size as u64, busy as u64)
    }

    /// Rejects new reads and closes idle connections.
    pub fn close(&self) {
        self.0.throttled.close();
        self.0.free.close();
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Pool {
    /// A connection with a transaction begun. Idle connections whose server has gone away are detected here and
    /// replaced.
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
        let throttle = readers.throttle();
        let few = readers.0.throttled.available_permits();
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
        drop(throttle);
        readers.run(|_| Ok::<_, Error>(())).await.expect("who comes now isn't kept");
        for (go, read) in reading {
            drop(go);
            read.await.expect("no panic").expect("a read");
        }
        another.await.expect("the one who waited");
        readers.close();
    }
}

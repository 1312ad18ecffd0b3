//! Streamed lists, for contracts that return a list whole: they are read in chunks from one view, so that only a few chunks are in memory at a time.

use std::time::Duration;

use roster_model::{Organization, OrganizationId};
use roster_store::MemberFilter;
use roster_store::list::Slice;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::SendTimeoutError};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::memberships::{Member, mark, with_user_and_organization};
use crate::organizations::{self, OrganizationQuery};
use crate::reference::OrganizationRef;
use crate::transaction::Reader;
use roster_store::MemberSort;

/// Rows in one chunk.
const CHUNK_ROWS: u64 = 500;
/// Number of chunks that are buffered for a slow client.
const BUFFERED_CHUNKS: usize = 2;
/// How long sending a chunk waits for room in the buffer. A client that reads a few kilobytes per second is fast enough.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The chunks of a list. After an error there are no more.
#[derive(Debug)]
pub struct Chunks<T>(mpsc::Receiver<Result<Vec<T>>>);

impl<T> Chunks<T> {
    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<T>>> {
        self.0.recv().await
    }

    pub fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Result<Vec<T>>>> {
        self.0.poll_recv(context)
    }
}

/// Sends chunks to the client. Fails if the receiver is gone.
#[derive(Debug)]
pub(crate) struct ChunkSender<T> {
    chunks: mpsc::Sender<Result<Vec<T>>>,
    runtime: Handle,
    /// How long to wait for room in the buffer; `None`: without limit.
    timeout: Option<Duration>,
}

impl<T> ChunkSender<T> {
    /// Blocks until there is room in the buffer. In a server the wait is limited, since a stream permit and a database snapshot are held
    /// meanwhile.
    pub(crate) fn send(&self, chunk: Vec<T>) -> Result<()> {
        self.runtime.block_on(self.send_async(chunk))
    }

    async fn send_async(&self, chunk: Vec<T>) -> Result<()> {
        let sent = match self.timeout {
            Some(timeout) => self.chunks.send_timeout(Ok(chunk), timeout).await,
            None => self.chunks.send(Ok(chunk)).await.map_err(|closed| SendTimeoutError::Closed(closed.0)),
        };
        sent.map_err(|error| {
            Error::Internal(String::from(match error {
                SendTimeoutError::Closed(_) => "the client went away",
                SendTimeoutError::Timeout(_) => "the client reads too slowly",
            }))
        })
    }
}

impl Caller {
    /// Produces chunks from one view, on a thread that may block. Returns once the view is open or
    /// opening it failed; an error is delivered as a chunk.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        produce: impl FnOnce(Reader<'_>, &ChunkSender<T>) -> Result<()> + Send + 'static,
    ) -> Result<Chunks<T>> {
        self.stream_with_timeout(Some(SEND_TIMEOUT), produce).await
    }

    /// The same with this timeout for sending a chunk. `None`: the client may take as long as it likes.
    pub(crate) async fn stream_with_timeout<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        produce: impl FnOnce(Reader<'_>, &ChunkSender<T>) -> Result<()> + Send + 'static,
    ) -> Result<Chunks<T>> {
        let permit = self.engine.stream_permit().await?;
        let (sender, chunks) = mpsc::channel(BUFFERED_CHUNKS);
        let (ready, opened) = tokio::sync::oneshot::channel();
        let caller = self.clone();
        let failed = sender.clone();
        let sender = ChunkSender { chunks: sender, runtime: Handle::current(), timeout };
        tokio::spawn(async move {
            let _permit = permit;
            let done = caller
                .read(move |reader| {
                    if timeout.is_none() {
                        reader.view.disable_timeouts()?;
                    }
                    let _ = ready.send((reader.view.position(), reader.roles()?));
                    produce(reader, &sender)
                })
                .await;
            if let Err(error) = done {
                let _ = failed.send(Err(error)).await;
            }
        });
        if let Ok((position, roles)) = opened.await {
            self.observe(position, roles);
        }
        Ok(Chunks(chunks))
    }

    /// All members of an organization, in this order. Rights as for [`Self::list_members`].
    pub async fn stream_members(
        &self,
        organization: impl Into<OrganizationRef>,
        sort: MemberSort,
    ) -> Result<Chunks<Member>> {
        let organization = organization.into();
        self.stream(move |reader, sender| {
            let place = reader.organization(&organization)?.allow_listing(reader)?;
            send_members(reader, sender, place.id, sort)
        })
        .await
    }

    /// All organizations that a query finds; its page is ignored. Rights as for [`Self::list_organizations`].
    pub async fn stream_organizations(&self, mut query: OrganizationQuery) -> Result<Chunks<Organization>> {
        self.stream(move |reader, sender| {
            query.page = crate::paging::Page { limit: Some(CHUNK_ROWS), ..crate::paging::Page::default() };
            loop {
                let listed = organizations::list(reader, &query)?;
                sender.send(listed.items)?;
                match listed.next {
                    Some(next) => query.page.cursor = Some(next),
                    None => return Ok(()),
                }
            }
        })
        .await
    }
}

pub(crate) fn send_members(
    reader: Reader<'_>,
    sender: &ChunkSender<Member>,
    organization: OrganizationId,
    sort: MemberSort,
) -> Result<()> {
    let filter = MemberFilter { organization: Some(organization), ..MemberFilter::default() };
    let mut slice = Slice { limit: Some(CHUNK_ROWS), ..Slice::default() };
    loop {
        let memberships = reader.view.shared_memberships(&filter, sort, &slice)?;
        let full = memberships.len() as u64 == CHUNK_ROWS;
        let chunk = with_user_and_organization(reader, memberships)?;
        slice.after = chunk.last().map(mark(sort, slice.descending));
        sender.send(chunk)?;
        if !full {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use roster_store::IndexMode;
    use roster_testing::Database;

    use super::*;
    use crate::engine::{Config, Engine};

    #[tokio::test]
    async fn a_piece_that_nobody_takes_ends_the_list() {
        let (chunks, mut taken) = mpsc::channel(BUFFERED_CHUNKS);
        let sender = ChunkSender { chunks, runtime: Handle::current(), timeout: Some(Duration::from_millis(20)) };
        let sending = tokio::task::spawn_blocking(move || {
            let sent: Vec<_> = (0..=BUFFERED_CHUNKS).map(|chunk| sender.send(vec![chunk]).is_ok()).collect();
            (sent, sender)
        });
        let (sent, sender) = sending.await.expect("no panic");
        assert_eq!(sent, [true, true, false]);
        assert!(taken.recv().await.expect("a chunk").is_ok());
        let sent = tokio::task::spawn_blocking(move || sender.send(vec![3]).is_ok()).await;
        assert!(sent.expect("no panic"), "there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_stand_still_is_waited_for() {
        let (chunks, mut taken) = mpsc::channel(BUFFERED_CHUNKS);
        let sender = ChunkSender { chunks, runtime: Handle::current(), timeout: None };
        for chunk in 0..BUFFERED_CHUNKS {
            sender.send_async(vec![chunk]).await.expect("there is room");
        }
        let mut another = pin!(sender.send_async(vec![BUFFERED_CHUNKS]));
        assert!(poll_fn(|context| Poll::Ready(another.as_mut().poll(context).is_pending())).await);
        tokio::time::advance(Duration::from_hours(24)).await;
        assert!(poll_fn(|context| Poll::Ready(another.as_mut().poll(context).is_pending())).await);
        assert!(taken.recv().await.expect("a chunk").is_ok());
        another.await.expect("there is room again");
    }

    /// Even an empty realm's export has more than [`BUFFERED_CHUNKS`] chunks.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_is_given_the_patience_that_was_asked_for() {
        let database = Database::new();
        let mut config = Config::new(database.url());
        config.index = IndexMode::None;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
        let mut chunks = operator.export(Some(Duration::ZERO)).await.expect("an export");
        let given_up = async {
            // The remaining sender is the one for the error.
            while chunks.0.sender_strong_count() > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SEND_TIMEOUT, given_up).await.expect("nobody is waited for");
        let mut taken = Vec::new();
        while let Some(chunk) = chunks.next().await {
            taken.push(chunk.is_ok());
        }
        assert_eq!(taken, [true, true, false]);
        let mut chunks = operator.export(None).await.expect("an export");
        while let Some(chunk) = chunks.next().await {
            chunk.expect("a chunk");
        }
        engine.close().await;
    }
}

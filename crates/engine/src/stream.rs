//! Lists that a contract wants whole, given in pieces: the server holds one piece at a time, all are of one moment.

use std::time::Duration;

use roster_model::{Organization, OrganizationId};
use roster_store::MemberFilter;
use roster_store::list::Slice;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::SendTimeoutError};

use crate::actor::Caller;
use crate::error::{Error, Result};
use crate::memberships::{Member, mark, with_sides};
use crate::organizations::{self, OrganizationQuery};
use crate::reference::OrganizationRef;
use crate::transaction::Reader;
use roster_store::MemberSort;

/// Rows in one piece.
const PIECE: u64 = 500;
/// Pieces that wait for a slow client.
const AHEAD: usize = 2;
/// How long a piece waits for a server's client to have taken one before it: who reads a few kilobytes a second is quick enough.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pieces of a list. An error is the last one.
#[derive(Debug)]
pub struct Chunks<T>(mpsc::Receiver<Result<Vec<T>>>);

impl<T> Chunks<T> {
    /// `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Vec<T>>> {
        self.0.recv().await
    }

    pub fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Result<Vec<T>>>> {
        self.0.poll_recv(context)
    }
}

/// Where pieces go. Fails when nobody listens any more.
#[derive(Debug)]
pub(crate) struct Outlet<T> {
    pieces: mpsc::Sender<Result<Vec<T>>>,
    runtime: Handle,
    /// `None`: it has no end.
    patience: Option<Duration>,
}

impl<T> Outlet<T> {
    /// Waits until there is room. Not for ever in a server: the list's place, and the moment of the database that it is of, are kept
    /// meanwhile.
    pub(crate) fn send(&self, piece: Vec<T>) -> Result<()> {
        self.runtime.block_on(self.hand_over(piece))
    }

    async fn hand_over(&self, piece: Vec<T>) -> Result<()> {
        let sent = match self.patience {
            Some(patience) => self.pieces.send_timeout(Ok(piece), patience).await,
            None => self.pieces.send(Ok(piece)).await.map_err(|closed| SendTimeoutError::Closed(closed.0)),
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
    /// Produces pieces at one position, on a thread that may block. The first piece is awaited, so that a refusal is an error of
    /// this call.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        produce: impl FnOnce(Reader<'_>, &Outlet<T>) -> Result<()> + Send + 'static,
    ) -> Result<Chunks<T>> {
        self.stream_within(Some(PATIENCE), produce).await
    }

    /// The same for who may leave a piece lying for so long; `None`: for as long as he likes.
    pub(crate) async fn stream_within<T: Send + 'static>(
        &self,
        patience: Option<Duration>,
        produce: impl FnOnce(Reader<'_>, &Outlet<T>) -> Result<()> + Send + 'static,
    ) -> Result<Chunks<T>> {
        let place = self.engine.stream_place().await?;
        let (outlet, pieces) = mpsc::channel(AHEAD);
        let (ready, opened) = tokio::sync::oneshot::channel();
        let caller = self.clone();
        let failed = outlet.clone();
        let outlet = Outlet { pieces: outlet, runtime: Handle::current(), patience };
        tokio::spawn(async move {
            let _place = place;
            let done = caller
                .read(move |reader| {
                    if patience.is_none() {
                        reader.view.take_time()?;
                    }
                    let _ = ready.send((reader.view.position(), reader.roles()?));
                    produce(reader, &outlet)
                })
                .await;
            if let Err(error) = done {
                let _ = failed.send(Err(error)).await;
            }
        });
        if let Ok((position, roles)) = opened.await {
            self.saw(position, roles);
        }
        Ok(Chunks(pieces))
    }

    /// All members of an organization, in this order. Rights as for [`Self::list_members`].
    pub async fn stream_members(
        &self,
        organization: impl Into<OrganizationRef>,
        sort: MemberSort,
    ) -> Result<Chunks<Member>> {
        let organization = organization.into();
        self.stream(move |reader, outlet| {
            let place = reader.organization(&organization)?.allow_listing(reader)?;
            send_members(reader, outlet, place.id, sort)
        })
        .await
    }

    /// All organizations that a query finds; its page is not looked at. Rights as for [`Self::list_organizations`].
    pub async fn stream_organizations(&self, mut query: OrganizationQuery) -> Result<Chunks<Organization>> {
        self.stream(move |reader, outlet| {
            query.page = crate::paging::Page { limit: Some(PIECE), ..crate::paging::Page::default() };
            loop {
                let listed = organizations::list(reader, &query)?;
                outlet.send(listed.items)?;
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
    outlet: &Outlet<Member>,
    organization: OrganizationId,
    sort: MemberSort,
) -> Result<()> {
    let filter = MemberFilter { organization: Some(organization), ..MemberFilter::default() };
    let mut slice = Slice { limit: Some(PIECE), ..Slice::default() };
    loop {
        let memberships = reader.view.shared_memberships(&filter, sort, &slice)?;
        let full = memberships.len() as u64 == PIECE;
        let piece = with_sides(reader, memberships)?;
        slice.after = piece.last().map(mark(sort, slice.descending));
        outlet.send(piece)?;
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
        let (pieces, mut taken) = mpsc::channel(AHEAD);
        let outlet = Outlet { pieces, runtime: Handle::current(), patience: Some(Duration::from_millis(20)) };
        let sending = tokio::task::spawn_blocking(move || {
            let sent: Vec<_> = (0..=AHEAD).map(|piece| outlet.send(vec![piece]).is_ok()).collect();
            (sent, outlet)
        });
        let (sent, outlet) = sending.await.expect("no panic");
        assert_eq!(sent, [true, true, false]);
        assert!(taken.recv().await.expect("a piece").is_ok());
        let sent = tokio::task::spawn_blocking(move || outlet.send(vec![3]).is_ok()).await;
        assert!(sent.expect("no panic"), "there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_stand_still_is_waited_for() {
        let (pieces, mut taken) = mpsc::channel(AHEAD);
        let outlet = Outlet { pieces, runtime: Handle::current(), patience: None };
        for piece in 0..AHEAD {
            outlet.hand_over(vec![piece]).await.expect("there is room");
        }
        let mut another = pin!(outlet.hand_over(vec![AHEAD]));
        assert!(poll_fn(|context| Poll::Ready(another.as_mut().poll(context).is_pending())).await);
        tokio::time::advance(Duration::from_hours(24)).await;
        assert!(poll_fn(|context| Poll::Ready(another.as_mut().poll(context).is_pending())).await);
        assert!(taken.recv().await.expect("a piece").is_ok());
        another.await.expect("there is room again");
    }

    /// Of its pieces more than [`AHEAD`] are there also for an empty realm.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_is_given_the_patience_that_was_asked_for() {
        let database = Database::new();
        let mut config = Config::new(database.url());
        config.index = IndexMode::None;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
        let mut pieces = operator.export(Some(Duration::ZERO)).await.expect("an export");
        let given_up = async {
            // The one that is left then is for the error.
            while pieces.0.sender_strong_count() > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, given_up).await.expect("nobody is waited for");
        let mut taken = Vec::new();
        while let Some(piece) = pieces.next().await {
            taken.push(piece.is_ok());
        }
        assert_eq!(taken, [true, true, false]);
        let mut pieces = operator.export(None).await.expect("an export");
        while let Some(piece) = pieces.next().await {
            piece.expect("a piece");
        }
        engine.close().await;
    }
}

//! A session with a server, driven by the thread that waits for it. What is asked in one go travels together.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error;

type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Its calls block; so it lives on threads that may.
pub(super) struct Session {
    runtime: Runtime,
    client: Client,
    /// Gone when the other side is.
    wire: Option<Wire>,
    /// How long an answer may take; `None`: as long as it likes.
    patience: Option<Duration>,
}

/// The server ends what takes longer than a minute. Who says nothing even then is stopped, or cut off in a way that nobody was told of.
const PATIENCE: Duration = Duration::from_secs(75);
/// To let somebody in takes less.
const WELCOME: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn open(config: &Config, tls: MakeRustlsConnect) -> error::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| error::Error::File(String::from("starting the driver"), e))?;
        let connected = runtime.block_on(async { tokio::time::timeout(WELCOME, config.connect(tls)).await });
        let (client, wire) = connected.map_err(|_| error::Error::Unreachable(String::from("it lets nobody in")))??;
        Ok(Self { runtime, client, wire: Some(wire), patience: Some(PATIENCE) })
    }

    /// What is asked next may take as long as it likes, or not any more.
    pub(super) const fn take_time(&mut self, take: bool) {
        self.patience = if take { None } else { Some(PATIENCE) };
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask<T>(&mut self, asked: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Error> {
        let Self { runtime, client, wire, patience } = self;
        let mut answer = pin!(asked(client));
        let _inside = runtime.enter();
        let mut end = pin!(patience.map(tokio::time::sleep));
        runtime.block_on(poll_fn(|context| {
            let answered = answer.as_mut().poll(context);
            if answered.is_ready() {
                return answered;
            }
            if let Some(end) = end.as_mut().as_pin_mut()
                && end.poll(context).is_ready()
            {
                // Hung up: who waits hears of it now.
                *wire = None;
                return answer.as_mut().poll(context);
            }
            drive(wire, context).map_or_else(
                // What came before the end may be the answer.
                |error| match answer.as_mut().poll(context) {
                    Poll::Pending => Poll::Ready(Err(error)),
                    answered @ Poll::Ready(_) => answered,
                },
                |()| Poll::Pending,
            )
        }))
    }

    /// Hears what the other side has said in the meantime: its goodbye, perhaps.
    pub(super) fn listen(&mut self) {
        let Self { runtime, wire, .. } = self;
        let heard = async {
            // Meanwhile the runtime looks at the socket.
            tokio::task::yield_now().await;
            poll_fn(|context| Poll::Ready(drive(wire, context))).await
        };
        // What is over is seen by whoever asks next.
        let _ = runtime.block_on(heard);
    }

    /// Says goodbye.
    pub(super) fn close(self) {
        let Self { runtime, client, mut wire, .. } = self;
        drop(client);
        let gone = poll_fn(|context| match drive(&mut wire, context) {
            Ok(()) if wire.is_some() => Poll::Pending,
            ended => Poll::Ready(ended),
        });
        let _ = runtime.block_on(async { tokio::time::timeout(WELCOME, gone).await });
    }
}

/// Sends what is to be sent, and hands out what has come.
fn drive(wire: &mut Option<Wire>, context: &mut Context<'_>) -> Result<(), Error> {
    while let Some(open) = wire {
        match open.poll_message(context) {
            Poll::Pending => break,
            // Notices: nobody asked.
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None) => *wire = None,
            Poll::Ready(Some(Err(error))) => {
                *wire = None;
                return Err(error);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use roster_testing::{Database, SERVER};

    use super::*;
    use crate::sql::tls;
    use crate::sql::url::Location;

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        if std::env::var_os(SERVER).is_none() {
            return;
        }
        let database = Database::new();
        let Location::Server(address) = Location::parse(database.url()).expect("an address") else {
            panic!("a server")
        };
        let connector = || tls::connector(address.root_certificate()).expect("a connector");
        let mut session = Session::open(&address.config(), connector()).expect("a session");
        session.patience = Some(Duration::from_millis(50));
        let unheard = session.ask(async |client| client.batch_execute("SELECT pg_sleep(30)").await);
        assert!(unheard.is_err_and(|error| error.is_closed()), "who waits hears that nobody does any more");
        assert!(session.is_closed());
        // Who takes time has it.
        let mut session = Session::open(&address.config(), connector()).expect("a session");
        session.patience = Some(Duration::from_millis(50));
        session.take_time(true);
        session.ask(async |client| client.batch_execute("SELECT pg_sleep(0.2)").await).expect("an answer");
        session.close();
    }
}

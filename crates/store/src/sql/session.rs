//! A session with a PostgreSQL server, driven by the thread that waits for it. Requests made together are pipelined.

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

/// Its calls block, so it must be used on threads that may.
pub(super) struct Session {
    runtime: Runtime,
    client: Client,
    /// `None` once the connection is closed.
    wire: Option<Wire>,
    /// How long a response may take; `None` for no limit.
    response_timeout: Option<Duration>,
}

/// The server cancels statements after a minute. If it doesn't answer even then, it is stopped or cut off without
/// notice.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(75);
/// Limit for connecting, and for closing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn open(config: &Config, tls: MakeRustlsConnect) -> error::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| error::Error::File(String::from("starting the driver's runtime"), e))?;
        let connected = runtime.block_on(async { tokio::time::timeout(CONNECT_TIMEOUT, config.connect(tls)).await });
        let (client, wire) = connected
            .map_err(|_| error::Error::Unreachable(String::from("it did not accept the connection within 30 s")))??;
        Ok(Self { runtime, client, wire: Some(wire), response_timeout: Some(RESPONSE_TIMEOUT) })
    }

    /// Disables or restores the response timeout.
    pub(super) const fn disable_timeout(&mut self, disabled: bool) {
        self.response_timeout = if disabled { None } else { Some(RESPONSE_TIMEOUT) };
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Sends a request and waits for its response.
    pub(super) fn ask<T>(&mut self, asked: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Error> {
        let Self { runtime, client, wire, response_timeout } = self;
        let mut answer = pin!(asked(client));
        let _inside = runtime.enter();
        let mut end = pin!(response_timeout.map(tokio::time::sleep));
        runtime.block_on(poll_fn(|context| {
            let answered = answer.as_mut().poll(context);
            if answered.is_ready() {
                return answered;
            }
            if let Some(end) = end.as_mut().as_pin_mut()
                && end.poll(context).is_ready()
            {
                // The connection is closed: the pending request fails now.
                *wire = None;
                return answer.as_mut().poll(context);
            }
            drive(wire, context).map_or_else(
                // A response received before the end of the connection may be the answer.
                |error| match answer.as_mut().poll(context) {
                    Poll::Pending => Poll::Ready(Err(error)),
                    answered @ Poll::Ready(_) => answered,
                },
                |()| Poll::Pending,
            )
        }))
    }

    /// Processes messages that have arrived meanwhile, such as the server's closing of the connection.
    pub(super) fn process_messages(&mut self) {
        let Self { runtime, wire, .. } = self;
        let heard = async {
            // Gives the runtime a chance to poll the socket.
            tokio::task::yield_now().await;
            poll_fn(|context| Poll::Ready(drive(wire, context))).await
        };
        // An error here shows with the next request.
        let _ = runtime.block_on(heard);
    }

    /// Closes the connection gracefully.
    pub(super) fn close(self) {
        let Self { runtime, client, mut wire, .. } = self;
        drop(client);
        let gone = poll_fn(|context| match drive(&mut wire, context) {
            Ok(()) if wire.is_some() => Poll::Pending,
            ended => Poll::Ready(ended),
        });
        let _ = runtime.block_on(async { tokio::time::timeout(CONNECT_TIMEOUT, gone).await });
    }
}

/// Sends pending requests and dispatches received messages.
fn drive(wire: &mut Option<Wire>, context: &mut Context<'_>) -> Result<(), Error> {
    while let Some(open) = wire {
        match open.poll_message(context) {
            Poll::Pending => break,
            // Notices and notifications are ignored.
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
        session.response_timeout = Some(Duration::from_millis(50));
        let unheard = session.ask(async |client| client.batch_execute("SELECT pg_sleep(30)").await);
        assert!(unheard.is_err_and(|error| error.is_closed()), "who waits hears that nobody does any more");
        assert!(session.is_closed());
        // Without the timeout there is no limit.
        let mut session = Session::open(&address.config(), connector()).expect("a session");
        session.response_timeout = Some(Duration::from_millis(50));
        session.disable_timeout(true);
        session.ask(async |client| client.batch_execute("SELECT pg_sleep(0.2)").await).expect("an answer");
        session.close();
    }
}

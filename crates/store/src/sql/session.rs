//! A session with a server, driven by the thread that waits for it. What is asked in one go travels together.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

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
}

impl Session {
    pub(super) fn open(config: &Config, tls: MakeRustlsConnect) -> error::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| error::Error::File(String::from("starting the driver"), e))?;
        let (client, wire) = runtime.block_on(config.connect(tls))?;
        Ok(Self { runtime, client, wire: Some(wire) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask<T>(&mut self, asked: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Error> {
        let Self { runtime, client, wire } = self;
        let mut answer = pin!(asked(client));
        runtime.block_on(poll_fn(|context| {
            let answered = answer.as_mut().poll(context);
            if answered.is_ready() {
                return answered;
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
        let Self { runtime, client, mut wire } = self;
        drop(client);
        let _ = runtime.block_on(poll_fn(|context| match drive(&mut wire, context) {
            Ok(()) if wire.is_some() => Poll::Pending,
            ended => Poll::Ready(ended),
        }));
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

//! A load generator with keep-alive connections, all of them on the calling thread.
//!
//! At full speed, a connection sends its next request once the previous answer has arrived. At a pace, requests are sent at fixed
//! times; if one has to wait for a free connection, the wait is part of its latency.

mod answer;
mod connection;
mod request;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use connection::Connection;
pub use request::{Key, get, post, request};

/// Writes the next request.
pub type Source<'a> = Box<dyn FnMut(&mut Vec<u8>) + Send + 'a>;

/// Repeats these requests in turn.
pub fn in_turn(requests: Vec<Vec<u8>>) -> Source<'static> {
    let mut next = 0;
    Box::new(move |out| {
        out.extend_from_slice(&requests[next]);
        next = (next + 1) % requests.len();
    })
}

/// If nothing at all happens for this long, something is wrong.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a paced load sleeps when it has nothing to do, since the server may need the core. Short, since it adds to the latency;
/// waiting for events instead would wake up to a millisecond late.
const PACE_SLEEP: Duration = Duration::from_micros(20);

#[derive(Clone, Copy, Debug)]
pub enum Pace {
    Full,
    PerSecond(f64),
}

/// Open connections to one server.
pub struct Load {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
    poll_timeout: Duration,
}

#[derive(Debug)]
pub struct Outcome {
    pub requests: u64,
    pub elapsed: Duration,
    /// In nanoseconds.
    pub latency: Histogram<u64>,
    /// Of the body of the last answer.
    pub bytes: usize,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// A quantile of the latency, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a latency")]
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl Load {
    pub fn open(address: SocketAddr, connections: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..connections)
            .map(|number| Connection::open(address, poll.registry(), Token(number)))
            .collect::<Result<_>>()?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            connections,
            scratch: vec![0; 256 * 1024],
            poll_timeout: TIMEOUT,
        })
    }

    /// Never sleeps; for a load with a core of its own. Waking a sleeping thread is expensive and would be counted as the server's CPU
    /// time, the more often the slower the server is.
    pub const fn busy_polling(mut self) -> Self {
        self.poll_timeout = Duration::ZERO;
        self
    }

    /// Runs at full speed for `length`, then waits for the answers still outstanding.
    pub fn run(&mut self, length: Duration, source: &mut Source<'_>) -> Result<Outcome> {
        self.run_at(Pace::Full, length, source)
    }

    pub fn run_at(&mut self, pace: Pace, length: Duration, source: &mut Source<'_>) -> Result<Outcome> {
        let mut run = Run::new(self, pace, length, source)?;
        let paced = run.pace.is_some();
        while !run.over() {
            let busy = self.step(&mut run, paced.then_some(Duration::ZERO))?;
            if paced && !busy {
                std::thread::sleep(PACE_SLEEP);
            }
        }
        Ok(run.finish())
    }

    /// Runs this load at its pace, and `other` at full speed at the same time.
    pub fn run_beside(
        &mut self,
        (pace, source): (Pace, &mut Source<'_>),
        (other, other_source): (&mut Self, &mut Source<'_>),
        length: Duration,
    ) -> Result<(Outcome, Outcome)> {
        let mut run = Run::new(self, pace, length, source)?;
        let mut beside = Run::new(other, Pace::Full, length, other_source)?;
        while !(run.over() && beside.over()) {
            let busy = self.step(&mut run, Some(Duration::ZERO))?;
            if !(other.step(&mut beside, Some(Duration::ZERO))? || busy) {
                std::thread::sleep(PACE_SLEEP);
            }
        }
        Ok((run.finish(), beside.finish()))
    }

    /// Sends what is due and receives what has arrived. Returns whether there was anything.
    fn step(&mut self, run: &mut Run<'_, '_>, wait: Option<Duration>) -> Result<bool> {
        let sent = run.send(&mut self.connections)?;
        self.poll.poll(&mut self.events, Some(wait.unwrap_or(self.poll_timeout)))?;
        for event in &self.events {
            let number = event.token().0;
            let connection = &mut self.connections[number];
            if event.is_writable() {
                connection.flush()?;
            }
            if event.is_readable() && connection.receive(&mut self.scratch)? {
                run.done(number, connection)?;
            }
        }
        ensure!(run.under_way == 0 || run.last.elapsed() < TIMEOUT, "no answer in {TIMEOUT:?}");
        Ok(sent || !self.events.is_empty())
    }
}

struct Due {
    every: Duration,
    next: Instant,
}

struct Run<'r, 's> {
    source: &'r mut Source<'s>,
    pace: Option<Due>,
    begin: Instant,
    end: Instant,
    /// When something last arrived.
    last: Instant,
    free: VecDeque<usize>,
    under_way: usize,
    outcome: Outcome,
}

impl<'r, 's> Run<'r, 's> {
    fn new(load: &Load, pace: Pace, length: Duration, source: &'r mut Source<'s>) -> Result<Self> {
        let begin = Instant::now();
        let pace = match pace {
            Pace::Full => None,
            Pace::PerSecond(rate) => Some(Due { every: Duration::from_secs_f64(1.0 / rate), next: begin }),
        };
        let outcome = Outcome { requests: 0, elapsed: Duration::ZERO, latency: Histogram::new(3)?, bytes: 0 };
        let free = (0..load.connections.len()).collect();
        Ok(Self { source, pace, begin, end: begin + length, last: begin, free, under_way: 0, outcome })
    }

    /// Sends what is due on free connections. Returns whether anything was.
    fn send(&mut self, connections: &mut [Connection]) -> Result<bool> {
        let (now, before) = (Instant::now(), self.under_way);
        while let Some(number) = self.free.front().copied() {
            let since = match &mut self.pace {
                None if now < self.end => now,
                Some(due) if due.next <= now && due.next < self.end => {
                    let since = due.next;
                    due.next += due.every;
                    since
                }
                _ => break,
            };
            self.free.pop_front();
            self.under_way += 1;
            connections[number].send(since, self.source)?;
        }
        Ok(self.under_way > before)
    }

    fn over(&self) -> bool {
        let nothing_due = match &self.pace {
            None => Instant::now() >= self.end,
            Some(due) => due.next >= self.end,
        };
        nothing_due && self.under_way == 0
    }

    fn done(&mut self, number: usize, connection: &Connection) -> Result<()> {
        self.under_way -= 1;
        self.free.push_back(number);
        self.outcome.requests += 1;
        self.outcome.bytes = connection.bytes();
        self.last = Instant::now();
        let took = self.last - connection.since();
        self.outcome.latency.record(u64::try_from(took.as_nanos())?)?;
        Ok(())
    }

    fn finish(mut self) -> Outcome {
        self.outcome.elapsed = self.begin.elapsed();
        self.outcome
    }
}

//! Measures target and yardstick alternately, so that disturbances on the machine affect both.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::cores::Place;
use crate::load::{Load, Outcome, Source};
use crate::process::Process;
use crate::settings::Settings;

/// A server under load, and the CPU time that it uses.
pub trait Service {
    fn address(&self) -> SocketAddr;
    fn place(&self) -> Place;
    /// The CPU time of all its processes so far.
    fn cpu(&self) -> Result<Duration>;
}

impl Service for Process {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn place(&self) -> Place {
        self.place
    }

    fn cpu(&self) -> Result<Duration> {
        self.cpu()
    }
}

/// Either the target or the yardstick, with its load.
pub struct Side<'a> {
    service: &'a dyn Service,
    load: Load,
    source: Source<'a>,
}

impl<'a> Side<'a> {
    pub fn new(service: &'a dyn Service, connections: usize, source: Source<'a>) -> Result<Self> {
        let load = Load::open(service.address(), connections)?;
        let load = if service.place() == Place::Server { load.busy_polling() } else { load };
        let mut side = Self { service, load, source };
        side.load.run(Duration::from_millis(200), &mut side.source)?;
        Ok(side)
    }

    pub fn round(&mut self, length: Duration) -> Result<Sample> {
        let before = self.service.cpu()?;
        let outcome = self.load.run(length, &mut self.source)?;
        let cpu = self.service.cpu()?.saturating_sub(before);
        Ok(Sample { cpu, outcome })
    }
}

/// The result of one side in one round.
pub struct Sample {
    cpu: Duration,
    pub outcome: Outcome,
}

impl Sample {
    /// CPU time per request, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    pub fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.requests as f64
    }
}

/// Runs both once, in alternating order: A B, then B A, then A B …
pub fn in_turn<A, B>(
    turn: usize,
    target: impl FnOnce() -> Result<A>,
    yardstick: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    if turn.is_multiple_of(2) {
        let target = target()?;
        Ok((target, yardstick()?))
    } else {
        let yardstick = yardstick()?;
        Ok((target()?, yardstick))
    }
}

/// A server, and the requests sent to it.
pub type Workload<'a> = (&'a dyn Service, Source<'a>);

/// The rounds of target and yardstick.
pub struct Comparison(Vec<(Sample, Sample)>);

impl Comparison {
    pub fn run(settings: &Settings, connections: usize, target: Workload<'_>, yardstick: Workload<'_>) -> Result<Self> {
        let round = settings.round;
        let mut target = Side::new(target.0, connections, target.1)?;
        let mut yardstick = Side::new(yardstick.0, connections, yardstick.1)?;
        let pairs = (0..settings.rounds).map(|turn| in_turn(turn, || target.round(round), || yardstick.round(round)));
        Ok(Self(pairs.collect::<Result<_>>()?))
    }

    /// CPU time of a request, as a multiple of the yardstick's.
    pub fn cpu(&self) -> Vec<f64> {
        self.0.iter().map(|(target, yardstick)| target.cpu() / yardstick.cpu()).collect()
    }

    /// Requests per second, as a multiple of the yardstick's.
    pub fn rate(&self) -> Vec<f64> {
        self.0.iter().map(|(target, yardstick)| target.outcome.rate() / yardstick.outcome.rate()).collect()
    }

    /// The absolute numbers of the last round.
    pub fn scale(&self) -> String {
        let say = |sample: &Sample| format!("{:.1} µs, {:.0}/s", sample.cpu(), sample.outcome.rate());
        self.0.last().map(|(target, yardstick)| format!("{} : {}", say(target), say(yardstick))).unwrap_or_default()
    }
}

//! A clock for one connection, by which a request that comes in time costs no timer.
//!
//! hyper sets an alarm whenever it begins to wait for a request and gives it up when that has come. With tokio's timers it would be entered
//! and taken out again for each request. Here that only moves a mark; beside the connection is one real timer, which looks at the mark when
//! it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// No alarm is set.
const NEVER: u64 = u64::MAX;

/// What hyper sets its alarms by: one at a time.
#[derive(Clone, Debug)]
pub(super) struct Clock(Arc<Mark>);

#[derive(Debug)]
struct Mark {
    born: Instant,
    /// When the alarm that is set goes off: nanoseconds since then.
    until: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mark { born: Instant::now(), until: AtomicU64::new(NEVER) }))
    }

    fn until(&self) -> Option<Instant> {
        let until = self.0.until.load(Ordering::Relaxed);
        (until != NEVER).then(|| self.0.born + Duration::from_nanos(until))
    }

    /// Runs a connection that has this clock, and wakes it when an alarm of its goes off.
    pub(super) async fn run<T>(self, connection: impl Future<Output = T>) -> T {
        let mut connection = std::pin::pin!(connection);
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut running = false;
        std::future::poll_fn(move |task| {
            loop {
                if let Poll::Ready(done) = connection.as_mut().poll(task) {
                    return Poll::Ready(done);
                }
                // One that ends too early is set again; who ends an alarm leaves the timer as it is.
                loop {
                    let until = self.until();
                    match until {
                        Some(until) if !running || until < timer.deadline().into_std() => {
                            timer.as_mut().reset(until.into());
                            running = true;
                        }
                        _ => {}
                    }
                    if !running || timer.as_mut().poll(task).is_pending() {
                        return Poll::Pending;
                    }
                    running = false;
                    if until.is_some_and(|until| until <= Instant::now()) {
                        break;
                    }
                }
            }
        })
        .await
    }
}

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Alarm { until, clock: self.clone() })
    }
}

/// An alarm that hyper has set.
struct Alarm {
    until: Instant,
    clock: Clock,
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.until <= Instant::now() {
            return Poll::Ready(());
        }
        let until = self.until.saturating_duration_since(self.clock.0.born).as_nanos();
        self.clock.0.until.store(u64::try_from(until).unwrap_or(NEVER), Ordering::Relaxed);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.clock.0.until.store(NEVER, Ordering::Relaxed);
    }
}

impl Sleep for Alarm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_alarm_goes_off_in_time_and_not_before() {
        let clock = Clock::new();
        let begin = Instant::now();
        let of_connection = clock.clone();
        clock
            .run(async move {
                for _ in 0..3 {
                    drop(of_connection.sleep(Duration::from_millis(50)));
                    // Set, and given up: the connection is woken by something else.
                    let mut alarm = of_connection.sleep(Duration::from_millis(50));
                    std::future::poll_fn(|task| Poll::Ready(alarm.as_mut().poll(task).is_pending())).await;
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
                of_connection.sleep(Duration::from_millis(50)).await;
                // A shorter one after a longer one.
                let mut longer = of_connection.sleep(Duration::from_hours(1));
                std::future::poll_fn(|task| Poll::Ready(longer.as_mut().poll(task).is_pending())).await;
                drop(longer);
                of_connection.sleep(Duration::from_millis(20)).await;
            })
            .await;
        let elapsed = begin.elapsed();
        assert!((Duration::from_millis(160)..Duration::from_secs(10)).contains(&elapsed), "{elapsed:?}");
    }
}

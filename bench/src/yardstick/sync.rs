//! The time until 4 kB are on disk: a write to the same place, and fdatasync.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::settings::Settings;

/// The median over a round, in microseconds.
#[expect(clippy::cast_precision_loss, reason = "a latency")]
pub fn median(round: Duration) -> Result<f64> {
    let file: File = tempfile::tempfile_in(Settings::folder())?;
    let block = [0x5a; 4096];
    // As in a log that was written before: no metadata of the file has to be synced.
    for at in 0..256 {
        file.write_all_at(&block, at * 4096)?;
    }
    file.sync_all()?;
    let (begin, mut times) = (Instant::now(), Histogram::<u64>::new(3)?);
    let mut at = 0;
    while begin.elapsed() < round {
        let one = Instant::now();
        file.write_all_at(&block, at * 4096)?;
        file.sync_data()?;
        times.record(u64::try_from(one.elapsed().as_nanos())?)?;
        at = (at + 1) % 256;
    }
    Ok(times.value_at_quantile(0.5) as f64 / 1000.0)
}

//! The engine's statistics as metrics.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use roster_engine::Statistics;

/// A registry that reports `statistics`, made for one rendering.
pub(super) fn registry(statistics: Statistics) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot(statistics)));
    registry
}

#[derive(Debug)]
struct Snapshot(Statistics);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let Self(now) = self;
        for (name, help, value) in [
            ("roster_store_readers", "Connections for reading.", now.readers),
            ("roster_store_readers_busy", "Connections for reading that are in use.", now.readers_busy),
            ("roster_store_write_queue", "Writes that wait for the writer.", now.queue),
            ("roster_group_commit_largest_batch", "Most writes committed together so far.", now.largest_batch),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in [
            ("roster_group_commits", "Commits.", now.batches),
            ("roster_group_commit_operations", "Writes in all commits.", now.batched_operations),
            ("roster_reads_answered_from_memory", "Reads that memory was enough for.", now.answered_from_memory),
            ("roster_realms_restored", "Realms that came into memory from a kept graph.", now.restored),
        ] {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        self.batch_sizes(encoder)
    }
}

impl Snapshot {
    fn batch_sizes(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let Self(now) = self;
        let mut buckets: Vec<_> = now.batch_sizes.iter().map(|&(bound, count)| (float(bound), count)).collect();
        let counted: u64 = buckets.iter().map(|(_, count)| count).sum();
        // The format requires a last bucket, up to infinity.
        buckets.push((f64::INFINITY, now.batches.saturating_sub(counted)));
        let help = "How many writes were committed together.";
        encoder
            .encode_descriptor("roster_group_commit_batch_size", help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(float(now.batched_operations), now.batches, &buckets, None)
    }
}

#[expect(clippy::cast_precision_loss, reason = "metrics are read by people and graphs")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode_registry;

    use super::*;

    #[test]
    fn what_memory_has_done_is_counted() {
        let statistics = Statistics { answered_from_memory: 3, restored: 2, ..Statistics::default() };
        let mut text = String::new();
        encode_registry(&mut text, &registry(statistics)).expect("a string takes everything");
        for line in ["roster_reads_answered_from_memory_total 3", "roster_realms_restored_total 2"] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}

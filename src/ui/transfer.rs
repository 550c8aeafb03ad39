//! Progress of transfers: bytes, rate and remaining time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Progress;
use crate::words;

/// The rate is measured over the last seconds, so that it follows changes but does not
/// jump with each packet.
const WINDOW: Duration = Duration::from_secs(5);
/// Before this time a rate would be a guess.
const MIN_TIME: Duration = Duration::from_secs(1);
/// A transfer without progress for this time is reported as stalled.
const STALLED: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Transfers(Vec<Transfer>);

#[derive(Debug)]
struct Transfer {
    item: String,
    progress: Progress,
    last_progress: Duration,
    samples: VecDeque<(Duration, u64)>,
}

impl Transfers {
    pub(super) fn update(&mut self, now: Duration, item: &str, progress: Progress) {
        match self.0.iter_mut().find(|transfer| transfer.item == item) {
            Some(transfer) => transfer.update(now, progress),
            None => self.0.push(Transfer {
                item: item.to_owned(),
                progress,
                last_progress: now,
                samples: VecDeque::from([(now, progress.done)]),
            }),
        }
    }

    /// Returns the pieces of a progress text, the most important first, because later
    /// ones may be omitted. The first is the item, the second its bytes. Parallel
    /// transfers are summarized.
    pub(super) fn pieces(&self, now: Duration) -> Vec<String> {
        let open: Vec<&Transfer> = self.0.iter().filter(|t| !t.complete()).collect();
        let [first, others @ ..] = open.as_slice() else {
            return Vec::new();
        };
        let layers: usize = open.iter().map(|transfer| transfer.progress.layers).sum();
        let layers = (layers > 1).then(|| words::count(layers as u64, "layer"));
        let mut item = words::one_line(&first.item);
        let item = match (others.len(), &layers) {
            (0, _) => item,
            (_, Some(layers)) => layers.clone(),
            (others, None) => {
                item.push_str(&format!(" and {others} more"));
                item
            }
        };
        // Includes complete transfers, so that the sum never decreases.
        let summed: Vec<&Transfer> = match others {
            [] => vec![first],
            _ => self.0.iter().collect(),
        };
        let done = summed.iter().map(|transfer| transfer.progress.done).sum();
        let total: Option<u64> = summed.iter().map(|transfer| transfer.progress.total).sum();
        let bytes = match total {
            Some(total) => words::bytes_of(done, total),
            None => words::bytes(done),
        };
        let mut pieces = vec![item, bytes];
        let last_progress = open.iter().map(|transfer| transfer.last_progress).max();
        let idle = now.saturating_sub(last_progress.unwrap_or(now));
        let rates: Vec<f64> = open.iter().filter_map(|one| one.rate(now)).collect();
        let rate: f64 = rates.iter().sum();
        if idle >= STALLED {
            pieces.push(format!("no data for {}", words::duration(idle)));
        } else if rate > 0.0 {
            pieces.push(format!("{}/s", words::bytes(rate as u64)));
            if let Some(total) = total {
                let left = total.saturating_sub(done) as f64 / rate;
                // At least a second, because `0 s left` would often be wrong.
                let left = Duration::from_secs_f64(left.clamp(1.0, 1e6));
                pieces.push(format!("{} left", words::duration(left)));
            }
        }
        pieces.extend(layers.filter(|_| others.is_empty() && idle < STALLED));
        pieces
    }
}

impl Transfer {
    fn update(&mut self, now: Duration, progress: Progress) {
        if progress.done < self.progress.done {
            // The transfer restarted, for example after an error.
            self.samples.clear();
        }
        if progress.done != self.progress.done {
            self.last_progress = now;
        }
        self.progress = Progress {
            total: progress.total.or(self.progress.total),
            ..progress
        };
        self.samples.push_back((now, progress.done));
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
    }

    fn complete(&self) -> bool {
        let Progress { done, total, .. } = self.progress;
        total.is_some_and(|total| done >= total)
    }

    fn rate(&self, now: Duration) -> Option<f64> {
        let (since, before) = *self.samples.front()?;
        let time = now.saturating_sub(since);
        let bytes = self.progress.done.checked_sub(before)?;
        (time >= MIN_TIME && bytes > 0).then(|| bytes as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn bytes(done: u64, total: Option<u64>) -> Progress {
        Progress::bytes(done, total)
    }

    #[test]
    fn parallel_pulls_are_summarized() {
        let mut transfers = Transfers::default();
        let progress = |done, total, layers| Progress {
            done,
            total: Some(total),
            layers,
        };
        for second in 0..=10_u64 {
            let now = Duration::from_secs(second);
            transfers.update(now, "mongo", progress(second * 6_000_000, 100_000_000, 3));
            transfers.update(now, "clearml", progress(second * 6_000_000, 500_000_000, 4));
            transfers.update(now, "redis", progress(30_000_000, 30_000_000, 0));
        }
        assert_eq!(
            transfers.pieces(at(10.0)).join(", "),
            "7 layers, 150 of 630 MB, 12 MB/s, 40 s left"
        );
        let mut one = Transfers::default();
        one.update(at(0.0), "mongo", progress(0, 100_000_000, 3));
        one.update(at(2.0), "mongo", progress(20_000_000, 100_000_000, 3));
        assert_eq!(
            one.pieces(at(2.0)).join(", "),
            "mongo, 20 of 100 MB, 10 MB/s, 8 s left, 3 layers"
        );
        // If the size of one item is unknown, so is the remaining time.
        transfers.update(at(10.0), "elasticsearch", bytes(0, None));
        assert_eq!(
            transfers.pieces(at(10.0)).join(", "),
            "7 layers, 150 MB, 12 MB/s"
        );
    }

    #[test]
    fn the_rate_is_measured_over_the_last_seconds() {
        let mut transfers = Transfers::default();
        let mut done = 0;
        for second in 0..=10_u32 {
            transfers.update(
                at(f64::from(second)),
                "mongo",
                bytes(done, Some(615_000_000)),
            );
            done += if second < 5 { 10_000_000 } else { 40_000_000 };
        }
        assert_eq!(
            transfers.pieces(at(10.0)).join(", "),
            "mongo, 250 of 615 MB, 40 MB/s, 9 s left"
        );
    }

    #[test]
    fn a_stalled_transfer_is_reported_and_a_finished_one_is_not() {
        let mut transfers = Transfers::default();
        transfers.update(at(0.0), "mongo", bytes(0, Some(100_000_000)));
        transfers.update(at(0.5), "mongo", bytes(50_000_000, None));
        assert_eq!(transfers.pieces(at(0.6)).join(", "), "mongo, 50 of 100 MB");
        assert_eq!(
            transfers.pieces(at(9.5)).join(", "),
            "mongo, 50 of 100 MB, no data for 9 s"
        );
        transfers.update(at(10.0), "mongo", bytes(100_000_000, None));
        assert!(transfers.pieces(at(10.0)).is_empty());
    }
}

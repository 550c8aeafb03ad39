//! Bytes on their way: how many, how fast, how long still.

use std::collections::VecDeque;
use std::time::Duration;

use super::words;

/// The rate is that of the last seconds, so that it follows a change, but does
/// not jump with each packet.
const WINDOW: Duration = Duration::from_secs(5);
/// Before this a rate is a guess.
const SETTLING: Duration = Duration::from_secs(1);
/// A transfer without news for this long says so.
const STALLED: Duration = Duration::from_secs(5);

/// The items of one step.
#[derive(Debug, Default)]
pub(super) struct Transfers(Vec<Transfer>);

#[derive(Debug)]
struct Transfer {
    item: String,
    done: u64,
    total: Option<u64>,
    moved: Duration,
    samples: VecDeque<(Duration, u64)>,
}

impl Transfers {
    pub(super) fn update(&mut self, now: Duration, item: &str, done: u64, total: Option<u64>) {
        let index = match self.0.iter().position(|t| t.item == item) {
            Some(index) => index,
            None => {
                self.0.push(Transfer {
                    item: item.to_owned(),
                    done,
                    total,
                    moved: now,
                    samples: VecDeque::from([(now, done)]),
                });
                return;
            }
        };
        self.0[index].update(now, done, total);
    }

    /// What to say, the most important first: later pieces may be left out. The
    /// first is the item, the second its bytes. Of several items it is the one
    /// that began first, so that the line does not jump between them.
    pub(super) fn pieces(&self, now: Duration) -> Vec<String> {
        match self.0.iter().find(|t| !t.complete()) {
            Some(transfer) => transfer.pieces(now),
            None => Vec::new(),
        }
    }
}

impl Transfer {
    fn update(&mut self, now: Duration, done: u64, total: Option<u64>) {
        if done < self.done {
            // It began anew, after an error for instance.
            self.samples.clear();
        }
        if done != self.done {
            self.moved = now;
        }
        self.done = done;
        self.total = total.or(self.total);
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
    }

    fn complete(&self) -> bool {
        self.total.is_some_and(|total| self.done >= total)
    }

    fn pieces(&self, now: Duration) -> Vec<String> {
        let bytes = match self.total {
            Some(total) => words::bytes_of(self.done, total),
            None => words::bytes(self.done),
        };
        let mut pieces = vec![words::one_line(&self.item), bytes];
        let still = now.saturating_sub(self.moved);
        if still >= STALLED {
            pieces.push(format!("no data for {}", words::duration(still)));
        } else if let Some(rate) = self.rate(now) {
            pieces.push(format!("{}/s", words::bytes(rate as u64)));
            if let Some(total) = self.total {
                let left = (total - self.done) as f64 / rate;
                // At least a second: `0 s left` that stays is a small lie.
                let left = Duration::from_secs_f64(left.clamp(1.0, 1e6));
                pieces.push(format!("{} left", words::duration(left)));
            }
        }
        pieces
    }

    fn rate(&self, now: Duration) -> Option<f64> {
        let (since, before) = *self.samples.front()?;
        let time = now.saturating_sub(since);
        let bytes = self.done.checked_sub(before)?;
        (time >= SETTLING && bytes > 0).then(|| bytes as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_rate_follows_the_last_seconds() {
        let mut transfers = Transfers::default();
        let mut done = 0;
        for second in 0..=10_u32 {
            transfers.update(at(f64::from(second)), "mongo", done, Some(615_000_000));
            done += if second < 5 { 10_000_000 } else { 40_000_000 };
        }
        assert_eq!(
            transfers.pieces(at(10.0)).join(", "),
            "mongo, 250 of 615 MB, 40 MB/s, 9 s left"
        );
    }

    #[test]
    fn a_stalled_transfer_says_so_and_a_finished_one_nothing() {
        let mut transfers = Transfers::default();
        transfers.update(at(0.0), "mongo", 0, Some(100_000_000));
        transfers.update(at(0.5), "mongo", 50_000_000, None);
        assert_eq!(transfers.pieces(at(0.6)).join(", "), "mongo, 50 of 100 MB");
        assert_eq!(
            transfers.pieces(at(9.5)).join(", "),
            "mongo, 50 of 100 MB, no data for 9 s"
        );
        transfers.update(at(10.0), "mongo", 100_000_000, None);
        assert!(transfers.pieces(at(10.0)).is_empty());
    }
}

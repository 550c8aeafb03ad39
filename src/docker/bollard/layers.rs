//! The progress of a pull, from what the engine reports of each layer.

use std::collections::BTreeMap;

use crate::event::Progress;

/// How many layers are counted; images have at most 127.
const LIMIT: usize = 1000;

/// Bytes of each layer: those that are downloaded, and all of them.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// Adds a report of the engine, and returns the progress of all layers together.
    pub(super) fn add(&mut self, layer: String, done: i64, total: i64) -> Progress {
        let bytes = |number: i64| number.max(0).unsigned_abs();
        if self.0.len() < LIMIT || self.0.contains_key(&layer) {
            self.0.insert(layer, (bytes(done), bytes(total)));
        }
        let sum = |sum: u64, bytes: &u64| sum.saturating_add(*bytes);
        Progress {
            done: self.0.values().map(|(done, _)| done).fold(0, sum),
            total: Some(self.0.values().map(|(_, total)| total).fold(0, sum)),
            layers: self.0.values().filter(|(done, total)| done < total).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_is_that_of_all_layers() {
        let mut layers = Layers::default();
        layers.add("a".to_owned(), 1, 4);
        layers.add("b".to_owned(), 3, 3);
        let progress = layers.add("a".to_owned(), 2, 4);
        assert_eq!((progress.done, progress.total), (5, Some(7)));
        assert_eq!(progress.layers, 1);
    }

    #[test]
    fn numbers_without_meaning_are_limited() {
        let mut layers = Layers::default();
        for layer in 0..2 * LIMIT {
            layers.add(layer.to_string(), i64::MIN, i64::MAX);
        }
        let progress = layers.add("a".to_owned(), i64::MAX, -1);
        assert_eq!((progress.done, progress.total), (0, Some(u64::MAX)));
        assert_eq!(progress.layers, LIMIT);
    }
}

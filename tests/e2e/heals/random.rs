//! Random choices from a seed, which is printed, so that a run can be repeated.

use std::time::Duration;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// Returns the choices that follow from `E2E_SEED`, and prints it.
    pub fn from_seed() -> Random {
        let seed = std::env::var("E2E_SEED").unwrap_or_default();
        eprintln!("the seed is E2E_SEED={seed}");
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Random(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Returns a moment of a run that takes so long.
    pub fn moment(&mut self, of: Duration) -> Duration {
        of.mul_f64(self.next() as f64 / u64::MAX as f64)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

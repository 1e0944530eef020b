//! Draws without replacement that are determined by a seed, on every machine and in every version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws.
///
/// The stream is ChaCha with 8 rounds, whose key is the seed as 8 little-endian bytes and 24 zeros. A draw among m takes the next 64
/// bits x and gives ⌊x·m / 2⁶⁴⌋; its bias is below m / 2⁶⁴. This is not left to a library, because libraries change how they expand
/// seeds and sample ranges, and a seed must name the same stimuli forever.
#[derive(Debug, Clone)]
pub(super) struct SeededDraw {
    stream: ChaCha8Rng,
}

impl SeededDraw {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { stream: ChaCha8Rng::from_seed(key) }
    }

    /// A whole number below `m`, or 0 if `m` is 0.
    pub(super) fn below(&mut self, m: usize) -> usize {
        ((u128::from(self.stream.next_u64()) * m as u128) >> 64) as usize
    }

    /// Removes a random element from `pool`; the others keep their order. `None` if it is empty.
    pub(super) fn take<T>(&mut self, pool: &mut Vec<T>) -> Option<T> {
        (!pool.is_empty()).then(|| pool.remove(self.below(pool.len())))
    }

    /// The elements of `pool` in random order, one after another by [`take`](Self::take).
    pub(super) fn shuffled<T>(&mut self, mut pool: Vec<T>) -> Vec<T> {
        std::iter::from_fn(|| self.take(&mut pool)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_of_a_seed_are_fixed_forever() {
        let mut draw = SeededDraw::new(7);
        let first: Vec<usize> = (0..8).map(|_| draw.below(1000)).collect();
        assert_eq!(first, [764, 465, 5, 301, 386, 336, 354, 193]);
        assert_eq!(SeededDraw::new(7).shuffled((0..10).collect()), [7, 4, 0, 3, 5, 2, 6, 1, 9, 8]);
    }

    #[test]
    fn the_stream_of_the_zero_seed_is_the_published_one_of_chacha8() {
        // First block of ChaCha8 with a key and nonce of zeros: test vector TC1 of draft-strombergson-chacha-test-vectors-01.
        let mut stream = SeededDraw::new(0).stream;
        assert_eq!(stream.next_u64().to_le_bytes(), [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]);
    }

    #[test]
    fn every_order_is_about_equally_likely() {
        // 6 orders of 3 items in 6000 seeds: 1000 each, with a standard deviation of √(6000·5/36) ≈ 29.
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(SeededDraw::new(seed).shuffled(vec![0, 1, 2])).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|c| c.abs_diff(1000) < 5 * 29), "{counts:?}");
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert_eq!(SeededDraw::new(0).take(&mut Vec::<u8>::new()), None);
        assert_eq!(SeededDraw::new(0).below(0), 0);
    }
}

//! Numbering of keys of several words: equal keys get equal numbers, counted from 0 by first appearance.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Numbers of keys of one length; looking up a known key allocates nothing.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    /// The keys one behind another.
    words: Vec<u64>,
    numbers: HashTable<u32>,
}

impl KeyTable {
    /// Number of keys met.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The key of a number; keys are not empty.
    pub(super) fn key(&self, number: usize) -> &[u64] {
        let width = self.words.len() / self.len();
        &self.words[number * width..(number + 1) * width]
    }

    /// Number of a key, a new one if it was not met before. All keys of a table have the same length, at least 1, and there
    /// are fewer than 2³².
    #[inline]
    pub(super) fn number(&mut self, key: &[u64]) -> usize {
        let (words, next) = (&self.words, self.numbers.len());
        let key_of = |number: &u32| &words[*number as usize * key.len()..][..key.len()];
        match self.numbers.entry(hash(key), |number| key_of(number) == key, |number| hash(key_of(number))) {
            Entry::Occupied(known) => *known.get() as usize,
            Entry::Vacant(free) => {
                free.insert(next as u32);
                self.words.extend_from_slice(key);
                next
            }
        }
    }
}

/// A multiply-and-fold hash.
#[inline]
fn hash(key: &[u64]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    key.iter().fold(ODD, |state, word| {
        let product = u128::from(state ^ word) * u128::from(ODD);
        (product as u64) ^ (product >> 64) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_keep_their_numbers() {
        for width in [1, 2, 5] {
            let mut table = KeyTable::default();
            let key = |k: u64| -> Vec<u64> { (0..width).map(|w| (k << (7 * w)) ^ w).collect() };
            for round in 0..2 {
                for k in 0..20_000 {
                    assert_eq!(table.number(&key(k)), k as usize, "width {width}, round {round}");
                }
            }
            assert_eq!((table.len(), table.key(777)), (20_000, &key(777)[..]));
        }
    }

    #[test]
    fn hashes_of_keys_that_differ_in_one_word_spread_evenly() {
        for place in 0..3 {
            for shift in [0, 20, 52] {
                let mut buckets = [0_u32; 256];
                for k in 0..4096_u64 {
                    let mut key = [3, f64::NAN.to_bits(), 0];
                    key[place] = k << shift;
                    buckets[hash(&key) as usize & 255] += 1;
                }
                // Poisson around 16 with standard deviation 4; nine of them are beyond any honest hash.
                assert!(buckets.iter().all(|&b| b < 52), "{place} {shift}: {buckets:?}");
            }
        }
    }
}

//! Numbering of keys of several words: equal keys get equal numbers, counted from 0 by first appearance.

/// An open-addressing hash table over keys of one length; looking up a known key allocates nothing.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    /// The keys one behind another.
    words: Vec<u64>,
    n_keys: usize,
    /// A power of two of slots, at most half filled: the number of a key plus one, 0 if free.
    slots: Vec<u32>,
}

impl KeyTable {
    /// Number of keys met.
    pub(super) fn len(&self) -> usize {
        self.n_keys
    }

    /// The key of a number; keys are not empty.
    pub(super) fn key(&self, number: usize) -> &[u64] {
        let width = self.words.len() / self.n_keys;
        &self.words[number * width..(number + 1) * width]
    }

    /// Number of a key, a new one if it was not met before. All keys of a table have the same length, at least 1, and there
    /// are fewer than 2³².
    #[inline]
    pub(super) fn number(&mut self, key: &[u64]) -> usize {
        if 2 * self.n_keys >= self.slots.len() {
            self.grow(key.len());
        }
        let mask = self.slots.len() - 1;
        let mut at = hash(key) as usize & mask;
        loop {
            match self.slots[at] {
                0 => break,
                number => {
                    let start = (number as usize - 1) * key.len();
                    if self.words[start..start + key.len()] == *key {
                        return number as usize - 1;
                    }
                }
            }
            at = (at + 1) & mask;
        }
        self.words.extend_from_slice(key);
        self.n_keys += 1;
        self.slots[at] = self.n_keys as u32;
        self.n_keys - 1
    }

    fn grow(&mut self, width: usize) {
        let capacity = (2 * self.slots.len()).max(64);
        let mask = capacity - 1;
        self.slots = vec![0; capacity];
        for (k, key) in self.words.chunks_exact(width).enumerate() {
            let mut at = hash(key) as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = k as u32 + 1;
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

//! Numbering of labels: equal byte strings get equal numbers, counted from 0 by first appearance.

/// An open-addressing hash table over labels; looking up a known label allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    labels: Vec<String>,
    /// `(hash, number + 1)` with 0 for a free slot; a power of two of them, at most three quarters filled.
    slots: Vec<(u32, u32)>,
}

impl Interner {
    /// Number of a label, a new one if it was not met before; otherwise what is wrong with it.
    pub(crate) fn intern(&mut self, label: &[u8]) -> Result<u32, String> {
        if 4 * self.labels.len() >= 3 * self.slots.len() {
            self.grow();
        }
        let hash = hash(label);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.slots[at] {
                (_, 0) => break,
                (h, number) if h == hash && self.labels[number as usize - 1].as_bytes() == label => {
                    return Ok(number - 1);
                }
                _ => at = (at + 1) & mask,
            }
        }
        let text = std::str::from_utf8(label)
            .map_err(|_| format!("{:?} is not UTF-8: expected text in UTF-8", String::from_utf8_lossy(label)))?;
        let number = u32::try_from(self.labels.len() + 1)
            .map_err(|_| format!("is label number {}: at most {} are supported", self.labels.len(), u32::MAX - 1))?;
        self.labels.push(text.to_owned());
        self.slots[at] = (hash, number);
        Ok(number - 1)
    }

    /// The label of a number handed out before.
    pub(crate) fn label(&self, number: u32) -> &str {
        &self.labels[number as usize]
    }

    /// All labels by number.
    pub(crate) fn into_labels(self) -> Vec<String> {
        self.labels
    }

    fn grow(&mut self) {
        let capacity = (2 * self.slots.len()).max(64);
        let mut slots = vec![(0, 0); capacity];
        for &(hash, number) in self.slots.iter().filter(|s| s.1 != 0) {
            let mut at = hash as usize & (capacity - 1);
            while slots[at].1 != 0 {
                at = (at + 1) & (capacity - 1);
            }
            slots[at] = (hash, number);
        }
        self.slots = slots;
    }
}

/// A multiply-and-fold hash over words of eight bytes; not meant to withstand labels made to collide.
fn hash(label: &[u8]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(ODD);
        (product as u64) ^ (product >> 64) as u64
    };
    let words = label.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    let state = words.fold(label.len() as u64 ^ ODD, mix);
    (mix(state, ODD) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_labels_keep_their_numbers() {
        let mut interner = Interner::default();
        for round in 0..2 {
            for k in 0..20_000_u32 {
                assert_eq!(interner.intern(format!("label {k}").as_bytes()), Ok(k), "round {round}");
            }
        }
        assert_eq!(interner.label(777), "label 777");
        assert_eq!(interner.into_labels().len(), 20_000);
    }

    #[test]
    fn labels_that_differ_only_by_zeros_are_told_apart() {
        let mut interner = Interner::default();
        assert_eq!(interner.intern(b"a"), Ok(0));
        assert_eq!(interner.intern(b"a\0"), Ok(1));
        assert_eq!(interner.intern(b""), Ok(2));
    }

    #[test]
    fn hashes_of_short_labels_spread_evenly() {
        let mut buckets = [0_u32; 256];
        for k in 0..65_536_u32 {
            buckets[hash(k.to_string().as_bytes()) as usize & 255] += 1;
        }
        // Poisson around 256 with standard deviation 16: seven of them are beyond any honest hash.
        assert!(buckets.iter().all(|&b| (144..368).contains(&b)), "{buckets:?}");
    }
}

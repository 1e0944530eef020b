//! Numbering of labels: equal byte strings get equal numbers, counted from 0 by first appearance.

/// Byte strings one behind another.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
    }

    #[inline]
    pub(crate) fn get(&self, k: usize) -> &[u8] {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        &self.bytes[start..self.ends[k]]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|k| self.get(k))
    }
}

/// An open-addressing hash table over labels; looking up a known label allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    /// The labels by number, each valid UTF-8.
    labels: Strings,
    /// A power of two of slots, at most three quarters filled.
    slots: Vec<Slot>,
    /// Scratch of `intern_all`.
    looked_up: Vec<(u32, Slot)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// Number of the label plus one; 0 if the slot is free.
    number: u32,
}

impl Interner {
    /// Number of a label, a new one if it was not met before; otherwise what is wrong with it.
    pub(crate) fn intern(&mut self, label: &[u8]) -> Result<u32, String> {
        self.intern_hashed(label, hash(label))
    }

    /// Numbers of many labels, appended to `numbers`; or the first label that is wrong and why.
    ///
    /// With a million labels every step of a lookup misses the cache. Taking each step for all labels before the next
    /// step lets the misses overlap, which makes this several times faster than one [`intern`](Self::intern) each.
    pub(crate) fn intern_all(&mut self, labels: &Strings, numbers: &mut Vec<u32>) -> Result<(), (usize, String)> {
        let mut looked_up = std::mem::take(&mut self.looked_up);
        looked_up.clear();
        looked_up.extend(labels.iter().map(|label| (hash(label), Slot::default())));
        if let Some(mask) = self.slots.len().checked_sub(1) {
            for (hash, slot) in &mut looked_up {
                let mut at = *hash as usize & mask;
                *slot = self.slots[at];
                while slot.number != 0 && slot.hash != *hash {
                    at = (at + 1) & mask;
                    *slot = self.slots[at];
                }
            }
        }
        // Only to have the bytes of the likely labels in cache when they are compared.
        let met = looked_up.iter().filter(|(_, slot)| slot.number != 0);
        let touched = met.map(|(_, slot)| self.labels.get(slot.number as usize - 1).first().copied().unwrap_or(0));
        std::hint::black_box(touched.fold(0, u8::wrapping_add));
        for (k, (&(hash, slot), label)) in looked_up.iter().zip(labels.iter()).enumerate() {
            // A slot read before a later label moved the table still names its label rightly.
            let known = slot.number != 0 && self.labels.get(slot.number as usize - 1) == label;
            numbers.push(match known {
                true => slot.number - 1,
                false => self.intern_hashed(label, hash).map_err(|problem| (k, problem))?,
            });
        }
        self.looked_up = looked_up;
        Ok(())
    }

    fn intern_hashed(&mut self, label: &[u8], hash: u32) -> Result<u32, String> {
        if 4 * self.labels.len() >= 3 * self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.number == 0 {
                break;
            }
            if slot.hash == hash && self.labels.get(slot.number as usize - 1) == label {
                return Ok(slot.number - 1);
            }
            at = (at + 1) & mask;
        }
        if std::str::from_utf8(label).is_err() {
            return Err(format!("{:?} is not UTF-8: expected text in UTF-8", String::from_utf8_lossy(label)));
        }
        let number = u32::try_from(self.labels.len() + 1)
            .map_err(|_| format!("is label number {}: at most {} are supported", self.labels.len(), u32::MAX - 1))?;
        self.labels.push(label);
        self.slots[at] = Slot { hash, number };
        Ok(number - 1)
    }

    /// How many labels there are.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The label of a number handed out before.
    pub(crate) fn get(&self, number: u32) -> &str {
        // Only valid UTF-8 gets in.
        std::str::from_utf8(self.labels.get(number as usize)).unwrap_or_default()
    }

    /// The label of a number handed out before.
    pub(crate) fn label(&self, number: u32) -> String {
        self.get(number).to_owned()
    }

    /// All labels by number.
    pub(crate) fn into_labels(self) -> Vec<String> {
        self.labels.iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect()
    }

    fn grow(&mut self) {
        let capacity = (2 * self.slots.len()).max(64);
        let mut slots = vec![Slot::default(); capacity];
        for &slot in self.slots.iter().filter(|s| s.number != 0) {
            let mut at = slot.hash as usize & (capacity - 1);
            while slots[at].number != 0 {
                at = (at + 1) & (capacity - 1);
            }
            slots[at] = slot;
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
    fn many_at_once_get_the_numbers_of_one_by_one() {
        let (mut all, mut single, mut numbers) = (Interner::default(), Interner::default(), Vec::new());
        for round in 0..50_u64 {
            let mut labels = Strings::default();
            (0..500).for_each(|k| labels.push(((k * k + 31 * round) % 4999).to_string().as_bytes()));
            numbers.clear();
            all.intern_all(&labels, &mut numbers).unwrap();
            let expected: Vec<u32> = labels.iter().map(|l| single.intern(l).unwrap()).collect();
            assert_eq!(numbers, expected);
        }
        let mut wrong = Strings::default();
        [&b"0"[..], b"\xff", b"1"].into_iter().for_each(|l| wrong.push(l));
        assert_eq!(all.intern_all(&wrong, &mut numbers).unwrap_err().0, 1);
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

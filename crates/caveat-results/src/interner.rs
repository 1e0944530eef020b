//! Numbers for labels and keys, counted from 0 by first appearance.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// The index of the value of a key; a new key gets a new value at the end.
pub(crate) fn index_of<K: Eq + Hash, V>(
    index: &mut HashMap<K, usize>,
    values: &mut Vec<V>,
    key: K,
    new: impl FnOnce() -> V,
) -> usize {
    *index.entry(key).or_insert_with(|| {
        values.push(new());
        values.len() - 1
    })
}

/// Slices, one after the other in one vector.
#[derive(Debug, Default)]
pub(crate) struct Slices<T> {
    all: Vec<T>,
    ends: Vec<usize>,
}

/// Byte strings, one after the other in one vector.
pub(crate) type Strings = Slices<u8>;

impl<T: Copy> Slices<T> {
    pub(crate) fn push(&mut self, slice: &[T]) {
        self.all.extend_from_slice(slice);
        self.ends.push(self.all.len());
    }

    #[inline]
    pub(crate) fn get(&self, k: usize) -> &[T] {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        &self.all[start..self.ends[k]]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.len()).map(|k| self.get(k))
    }
}

/// Numbers of slices; looking up a known slice allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Numbering<T> {
    /// The slices by number.
    keys: Slices<T>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<T: Copy + Eq + Hash> Numbering<T> {
    /// How many different slices were met.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The slice with a number handed out before.
    pub(crate) fn key(&self, number: usize) -> &[T] {
        self.keys.get(number)
    }

    /// Number of a slice, a new one if it was not met before. For fewer than 2³² slices.
    #[inline]
    pub(crate) fn number(&mut self, key: &[T]) -> usize {
        let Ok(number) = self.number_if(key, self.hasher.hash_one(key), |_| Ok::<_, Infallible>(()));
        number as usize
    }

    /// Number of a slice whose hash is known; a new slice gets the next number if `admit` accepts it.
    #[inline]
    fn number_if<E>(&mut self, key: &[T], hash: u64, admit: impl FnOnce(usize) -> Result<(), E>) -> Result<u32, E> {
        let Self { keys, numbers, hasher } = self;
        let hash_of = |number: &u32| hasher.hash_one(keys.get(*number as usize));
        match numbers.entry(hash, |number| keys.get(*number as usize) == key, hash_of) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(free) => {
                admit(keys.len())?;
                let number = keys.len() as u32;
                free.insert(number);
                keys.push(key);
                Ok(number)
            }
        }
    }
}

/// Numbers of labels.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    /// The labels, each valid UTF-8.
    labels: Numbering<u8>,
    /// Reused by every `intern_all`.
    looked_up: Vec<(u64, Option<u32>)>,
}

impl Interner {
    /// Number of a label, a new one if it was not met before; or what is wrong with the label.
    pub(crate) fn intern(&mut self, label: &[u8]) -> Result<u32, String> {
        self.intern_hashed(label, self.labels.hasher.hash_one(label))
    }

    /// Numbers of many labels, appended to `numbers`; or the first label that is wrong and why.
    ///
    /// With a million labels every step of a lookup misses the cache. Taking each step for all labels before the next
    /// step lets the misses overlap, which makes this several times faster than one [`intern`](Self::intern) each.
    pub(crate) fn intern_all(&mut self, labels: &Strings, numbers: &mut Vec<u32>) -> Result<(), (usize, String)> {
        let mut looked_up = std::mem::take(&mut self.looked_up);
        looked_up.clear();
        looked_up.extend(labels.iter().map(|label| (self.labels.hasher.hash_one(label), None)));
        for (hash, likely) in &mut looked_up {
            *likely = self.labels.numbers.find(*hash, |_| true).copied();
        }
        // Only to have the bytes of the likely labels in cache when they are compared.
        let likely = looked_up.iter().filter_map(|(_, likely)| *likely);
        let touched = likely.map(|number| self.labels.key(number as usize).first().copied().unwrap_or(0));
        std::hint::black_box(touched.fold(0, u8::wrapping_add));
        for (k, (&(hash, likely), label)) in looked_up.iter().zip(labels.iter()).enumerate() {
            numbers.push(match likely.filter(|number| self.labels.key(*number as usize) == label) {
                Some(number) => number,
                None => self.intern_hashed(label, hash).map_err(|problem| (k, problem))?,
            });
        }
        self.looked_up = looked_up;
        Ok(())
    }

    fn intern_hashed(&mut self, label: &[u8], hash: u64) -> Result<u32, String> {
        self.labels.number_if(label, hash, |number| {
            if std::str::from_utf8(label).is_err() {
                return Err(format!("{:?} is not UTF-8: expected text in UTF-8", String::from_utf8_lossy(label)));
            }
            if number >= u32::MAX as usize {
                return Err(format!("is label number {number}: at most {} are supported", u32::MAX - 1));
            }
            Ok(())
        })
    }

    /// How many labels there are.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The label with a number handed out before.
    pub(crate) fn get(&self, number: u32) -> &str {
        // Only valid UTF-8 gets in.
        std::str::from_utf8(self.labels.key(number as usize)).unwrap_or_default()
    }

    /// All labels by number.
    pub(crate) fn into_labels(self) -> Vec<String> {
        self.labels.keys.iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_keep_their_numbers() {
        for width in [1, 2, 5] {
            let mut table = Numbering::default();
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
    fn many_labels_keep_their_numbers() {
        let mut interner = Interner::default();
        for round in 0..2 {
            for k in 0..20_000_u32 {
                assert_eq!(interner.intern(format!("label {k}").as_bytes()), Ok(k), "round {round}");
            }
        }
        assert_eq!(interner.get(777), "label 777");
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
}

//! Numbers of trials: reconstructs them from proportions, and guards against points that separate thousands.

use std::collections::BTreeMap;

use crate::delimited::has_thousands;

/// Largest number of trials that a proportion may be of.
const MOST_TRIALS: u32 = 200;

/// How far a written proportion may be from its fraction. Fractions with denominators up to [`MOST_TRIALS`] differ by at least
/// 1/(200 · 199) = 2.5 · 10⁻⁵, so that at most one is this near.
const TOLERANCE: f64 = 1e-5;

/// How numbers of trials were reconstructed, and how well that worked.
///
/// A proportion of N trials is a fraction k/N, and in lowest terms its denominator d divides N. Rows of one group (as a session) had
/// nearly equal numbers of trials. For a candidate N, each row gets the multiple of its d that is nearest to N (the smaller of two)
/// and costs its distance from N. The group's typical count is the N up to 200 with the least total cost (the smallest of several).
/// This is the smallest design that explains the proportions; they cannot tell it from its multiples.
///
/// A proportion that is no such fraction within 10⁻⁵ gets the typical count of its group; a group whose proportions are all 0, 1 or
/// no fraction gets the smallest typical count of the other groups.
#[derive(Debug, Clone, PartialEq)]
pub struct CountReconstruction {
    /// Typical number of trials of every group, by its text, in order of appearance.
    pub typical: Vec<(String, u32)>,
    /// Number of rows with exactly the typical number of trials.
    pub at_typical: usize,
    /// Numbers of rows with another number of trials, by the difference.
    pub off_by: BTreeMap<i64, usize>,
    /// Number of rows, among those at the typical count, that got it without evidence.
    pub failed: usize,
}

/// Reconstructs the trials of rows, in `groups` numbered as their `names`; `None` if no group tells its counts. Time O(rows · 200).
pub(super) fn reconstruct(
    proportions: &[f64],
    groups: &[u32],
    names: Vec<String>,
) -> Option<(Vec<f64>, CountReconstruction)> {
    let denominators: Vec<Option<u32>> = proportions.iter().map(|&p| denominator(p)).collect();
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    for (&group, denominator) in groups.iter().zip(&denominators) {
        members[group as usize].extend(denominator);
    }
    let known: Vec<Option<u32>> = members.iter().map(|d| typical(d)).collect();
    let fallback = known.iter().flatten().min().copied()?;
    let typical = names.into_iter().zip(known.iter().map(|k| k.unwrap_or(fallback))).collect();
    let mut report = CountReconstruction { typical, at_typical: 0, off_by: BTreeMap::new(), failed: 0 };
    let mut trials = Vec::with_capacity(proportions.len());
    for (&group, denominator) in groups.iter().zip(&denominators) {
        let typical = report.typical[group as usize].1;
        let count = match denominator.filter(|_| known[group as usize].is_some()) {
            Some(d) => nearest_multiple(d, typical),
            None => {
                report.failed += 1;
                typical
            }
        };
        match i64::from(count) - i64::from(typical) {
            0 => report.at_typical += 1,
            off => *report.off_by.entry(off).or_default() += 1,
        }
        trials.push(f64::from(count));
    }
    Some((trials, report))
}

/// Denominator of a proportion in lowest terms, if it has one up to [`MOST_TRIALS`].
fn denominator(proportion: f64) -> Option<u32> {
    (1..=MOST_TRIALS).find(|&d| {
        let d = f64::from(d);
        (proportion - (proportion * d).round() / d).abs() <= TOLERANCE
    })
}

/// The positive multiple of `d` nearest to `n`, the smaller of two.
fn nearest_multiple(d: u32, n: u32) -> u32 {
    let below = n / d * d;
    let above = below + d;
    if below > 0 && n - below <= above - n { below } else { above }
}

/// The typical count of a group; `None` if all its proportions are 0 or 1.
fn typical(denominators: &[u32]) -> Option<u32> {
    if denominators.iter().all(|d| *d == 1) {
        return None;
    }
    let cost = |n: u32| denominators.iter().map(|&d| u64::from(nearest_multiple(d, n).abs_diff(n))).sum::<u64>();
    (1..=MOST_TRIALS).min_by_key(|&n| cost(n))
}

/// Whether points in the counts of a file may separate thousands.
#[derive(Debug, Clone, Default)]
pub(super) struct Thousands {
    /// Whether the file is text, as somebody wrote it.
    is_text: bool,
    /// The first count that may be in thousands, as 1.200.
    first: Option<String>,
    /// Whether some count surely has decimals, as 0.812 or 1.5.
    has_decimals: bool,
}

impl Thousands {
    /// For a file, given whether it is text.
    pub(super) fn for_file(is_text: bool) -> Self {
        Self { is_text, ..Self::default() }
    }

    /// Looks at a count.
    pub(super) fn see(&mut self, text: &str) {
        if self.is_text && has_thousands(text) {
            self.first.get_or_insert_with(|| text.to_owned());
        } else {
            self.has_decimals |= text.contains('.');
        }
    }

    /// At the end of a file, refuses counts that may be a thousand times as large.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        match &self.first {
            Some(text) if !self.has_decimals => Err(format!(
                "count {text:?}: all counts are whole or may have a point between thousands: write {} if it is that, or {text}0",
                text.replace('.', "")
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|k| k.to_string()).collect()
    }

    #[test]
    fn written_proportions_have_the_denominators_of_their_fractions() {
        for n in 1..=MOST_TRIALS {
            for k in 0..=n {
                let (mut a, mut b) = (n, k);
                while b > 0 {
                    (a, b) = (b, a % b);
                }
                let p = f64::from(k) / f64::from(n);
                assert_eq!(denominator(p), Some(n / a), "{k}/{n}");
                // Five written decimals are enough.
                assert_eq!(denominator((p * 1e5).round() / 1e5), Some(n / a), "{k}/{n} to five decimals");
            }
        }
        assert_eq!(denominator(std::f64::consts::FRAC_1_SQRT_2), None);
    }

    #[test]
    fn multiples_are_the_nearest_and_positive() {
        for (d, n, expected) in [(1, 40, 40), (41, 40, 41), (5, 41, 40), (2, 33, 32), (8, 12, 8), (60, 20, 60)] {
            assert_eq!(nearest_multiple(d, n), expected, "multiple of {d} near {n}");
        }
    }

    #[test]
    fn counts_of_a_design_with_lost_and_repeated_trials_come_back() {
        // Twenty trials a pair, one pair with 19 and one with 21; forty in the second group.
        let first = [(12, 20), (20, 20), (15, 20), (17, 20), (13, 19), (20, 21), (1, 20)];
        let second = [(37, 40), (40, 40), (21, 40), (20, 40), (39, 40)];
        let rows: Vec<(f64, u32)> = first
            .iter()
            .map(|r| (r, 0))
            .chain(second.iter().map(|r| (r, 1)))
            .map(|(&(k, n), g)| (f64::from(k) / f64::from(n), g))
            .collect();
        let (proportions, groups): (Vec<f64>, Vec<u32>) = rows.into_iter().unzip();
        let (trials, report) = reconstruct(&proportions, &groups, names(2)).unwrap();
        assert_eq!(trials, first.iter().chain(&second).map(|r| f64::from(r.1)).collect::<Vec<_>>());
        assert_eq!(report.typical, [("0".to_owned(), 20), ("1".to_owned(), 40)]);
        assert_eq!((report.at_typical, report.failed), (10, 0));
        assert_eq!(report.off_by, BTreeMap::from([(-1, 1), (1, 1)]));
    }

    #[test]
    fn groups_and_rows_without_evidence_fall_back_and_are_counted() {
        let golden = 0.618_033_988_749_895;
        let (trials, report) = reconstruct(&[0.25, golden, 1.0, 0.0, 0.125], &[0, 0, 1, 1, 2], names(3)).unwrap();
        assert_eq!(trials, [4.0, 4.0, 4.0, 4.0, 8.0]);
        assert_eq!((report.failed, report.at_typical), (3, 5));
        assert!(reconstruct(&[0.0, 1.0], &[0, 0], names(1)).is_none());
    }
}

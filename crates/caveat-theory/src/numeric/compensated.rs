//! Sums whose rounding error does not grow with the number of terms.

/// A sum with its rounding errors carried along (Knuth's two-sum: exact error of each addition, no branch).
///
/// The error of a sum of N terms is at most eps·|sum| + O(N² eps²)·Σ|terms| (algorithm Sum2 of Ogita, Rump & Oishi 2005,
/// doi 10.1137/030601818).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CompensatedSum {
    sum: f64,
    carry: f64,
}

impl From<f64> for CompensatedSum {
    fn from(value: f64) -> Self {
        Self { sum: value, carry: 0.0 }
    }
}

impl CompensatedSum {
    /// Adds one term.
    #[inline]
    pub(crate) fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        let virtual_term = sum - self.sum;
        self.carry += (self.sum - (sum - virtual_term)) + (term - virtual_term);
        self.sum = sum;
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.carry += other.carry;
    }

    /// The sum, rounded once.
    pub(crate) fn value(self) -> f64 {
        self.sum + self.carry
    }
}

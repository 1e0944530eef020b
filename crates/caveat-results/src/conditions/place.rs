//! Where a row stands.

/// A row of a table: the table's number in the upper bits, so that places compare by table, then by row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    const ROW_BITS: u32 = 40;

    pub(crate) fn new(table: usize, row: u64) -> Self {
        Self((table as u64) << Self::ROW_BITS | row & ((1 << Self::ROW_BITS) - 1))
    }

    pub(crate) fn table(self) -> usize {
        (self.0 >> Self::ROW_BITS) as usize
    }

    pub(crate) fn row(self) -> u64 {
        self.0 & ((1 << Self::ROW_BITS) - 1)
    }
}

//! The marks and sums of one condition, in square arrays over ordered pairs, and the places of rows.

use super::ids::ConditionId;

/// The place of a row. The number of its table is in the upper bits, so that places compare by table, then by row.
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

/// The marks of an ordered pair, and the first row that has them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    pub(super) marks: u8,
    pub(super) place: Place,
}

/// The sums of one condition.
#[derive(Debug)]
pub(crate) struct Group<S> {
    /// The condition, without the scale of the LoRA update.
    pub(super) id: ConditionId,
    /// Row length of `cells` and of every block: a power of two above every rank.
    pub(crate) stride: usize,
    pub(super) cells: Vec<Cell>,
    pub(super) seeds: Vec<i64>,
    pub(super) blocks: Vec<Vec<S>>,
    /// Bits of the scale of the LoRA update, NaN where rows have none, with the first row.
    pub(super) lora_alpha: Option<(u64, Place)>,
}

impl<S: Copy + Default> Group<S> {
    pub(crate) fn marks(&self, a: usize, b: usize) -> u8 {
        self.cells[a * self.stride + b].marks
    }

    /// The largest rank that has rows, plus one.
    pub(crate) fn n_items(&self) -> usize {
        let seen = self.cells.iter().enumerate().filter(|(_, c)| c.marks != 0);
        seen.map(|(k, _)| (k / self.stride).max(k % self.stride) + 1).max().unwrap_or(0)
    }

    /// The sums of every seed and ordered pair.
    pub(crate) fn sums(&self) -> impl Iterator<Item = (i64, (usize, usize), &S)> {
        let seeds = self.seeds.iter().zip(&self.blocks);
        seeds.flat_map(move |(&seed, block)| {
            block.iter().enumerate().map(move |(k, sum)| (seed, (k / self.stride, k % self.stride), sum))
        })
    }

    /// Every seed with its sums, in rows of length [`stride`](Self::stride).
    pub(crate) fn into_blocks(self) -> Vec<(i64, Vec<S>)> {
        self.seeds.into_iter().zip(self.blocks).collect()
    }

    pub(super) fn grow(&mut self, stride: usize) {
        let old = self.stride;
        self.cells = relaid(&self.cells, old, stride);
        for block in &mut self.blocks {
            *block = relaid(block, old, stride);
        }
        self.stride = stride;
    }
}

fn relaid<T: Copy + Default>(square: &[T], old: usize, new: usize) -> Vec<T> {
    let mut larger = vec![T::default(); new * new];
    for (to, from) in larger.chunks_mut(new).zip(square.chunks(old)) {
        to[..old].copy_from_slice(from);
    }
    larger
}

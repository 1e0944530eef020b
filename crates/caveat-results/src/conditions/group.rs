//! The sums and marks of one condition: square arrays over ordered pairs, one of sums for every seed.

use super::ids::ConditionId;
use super::place::Place;

/// What is known of an ordered pair, and the row that said it first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    pub(super) marks: u8,
    pub(super) place: Place,
}

/// The sums of one condition.
#[derive(Debug)]
pub(crate) struct Group<S> {
    /// Without the scale of the LoRA update.
    pub(super) id: ConditionId,
    /// Row length of `cells` and of every block, a power of two above every rank.
    pub(super) stride: usize,
    pub(super) cells: Vec<Cell>,
    pub(super) seeds: Vec<i64>,
    pub(super) blocks: Vec<Vec<S>>,
    /// The scale of the LoRA update, as bits, NaN where rows have none, with the first row.
    pub(super) lora_alpha: Option<(u64, Place)>,
}

impl<S: Copy + Default> Group<S> {
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn marks(&self, a: usize, b: usize) -> u8 {
        self.cells[a * self.stride + b].marks
    }

    /// The largest rank that has rows, plus one.
    pub(crate) fn n_items(&self) -> usize {
        let seen = self.cells.iter().enumerate().filter(|(_, c)| c.marks != 0);
        seen.map(|(k, _)| (k / self.stride).max(k % self.stride) + 1).max().unwrap_or(0)
    }

    /// Every seed with its sums, rows of length [`stride`](Self::stride).
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

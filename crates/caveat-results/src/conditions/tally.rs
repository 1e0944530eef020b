//! Running sums by condition, seed and ordered pair, in flat arrays and without hashing within a run of rows.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::group::{Cell, Group, Place};
use super::ids::{AsWritten, ConditionColumns, ConditionId, ConditionKey, MAX_ITEMS, canonical};
use super::trained::{EXCEPTION, NO, SEEN, TRAINED, Trained, YES};
use crate::error::{Result, ResultsError};
use crate::input::AsInput;
use crate::interner::{Interner, index_of};
use crate::trial_table::{Phase, Progress, TrialBatch, TrialColumn, distinct, scan_trials};

/// Most bytes of sums, over all conditions and seeds.
const MAX_BYTES: usize = 1 << 32;
/// The smallest row length of the arrays; all are powers of two.
const MIN_STRIDE: usize = 8;

/// What a tally does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowUse {
    /// Ignores it.
    Skip,
    /// Learns from it what was trained, but does not sum it.
    Mark,
    /// Learns from it and sums it.
    Count,
    /// Refuses it, because its phase is neither pre nor post.
    UnknownPhase,
}

/// Counts the rows of one phase and skips those of the other.
pub(crate) fn rows_of_phase(batch: &TrialBatch, phase: Phase) -> Result<Vec<RowUse>> {
    let phases = batch.text(TrialColumn::Phase)?;
    let uses = [RowUse::Count, RowUse::Skip, RowUse::UnknownPhase];
    let other = if phase == Phase::Pre { Phase::Post } else { Phase::Pre };
    let codes = phases.codes(&[phase.name(), other.name()]);
    Ok((0..batch.n_rows()).map(|row| uses[usize::from(phases.code(&codes, row).min(2))]).collect())
}

/// Sums over the rows of one ordered pair.
pub(crate) trait Tallied: Copy + Default + Send + Sync {
    /// The columns that are summed, besides those of every tally.
    const COLUMNS: &'static [TrialColumn];
    /// Whether seeds have sums of their own; otherwise all rows count as of seed 0.
    const BY_SEED: bool;
    /// The columns as found in a batch.
    type Rows<'a>;

    /// Finds the columns in a batch.
    fn rows(batch: &TrialBatch) -> Result<Self::Rows<'_>>;

    /// Adds one row.
    fn add_row(&mut self, batch: &TrialBatch, rows: &Self::Rows<'_>, row: usize) -> Result<()>;

    /// Adds the sums of later rows.
    fn merge(&mut self, later: &Self);
}

/// The number of rows of every seed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowCount(pub(crate) u64);

impl Tallied for RowCount {
    const COLUMNS: &'static [TrialColumn] = &[];
    const BY_SEED: bool = true;
    type Rows<'a> = ();

    fn rows(_: &TrialBatch) -> Result<()> {
        Ok(())
    }

    fn add_row(&mut self, _: &TrialBatch, (): &(), _: usize) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn merge(&mut self, later: &Self) {
        self.0 += later.0;
    }
}

/// The sums of all conditions met so far.
#[derive(Debug, Default)]
pub(crate) struct Tally<S> {
    names: Interner,
    files: Vec<Arc<Path>>,
    groups: Vec<Group<S>>,
    group_index: HashMap<ConditionId, usize>,
    /// (group, seed) → block of the group.
    block_index: HashMap<(usize, i64), usize>,
    n_bytes: usize,
    /// Whether the rows of a condition may differ in the scale of the LoRA update, because they are grouped by it elsewhere.
    pub(crate) alphas_may_differ: bool,
}

impl<S: Tallied> Tally<S> {
    /// The columns that every tally needs besides those that make conditions.
    const COLUMNS: [TrialColumn; 6] = [
        TrialColumn::Phase,
        TrialColumn::RankA,
        TrialColumn::RankB,
        TrialColumn::IsTrain,
        TrialColumn::IsException,
        TrialColumn::Label,
    ];

    /// Tallies the rows of the trial tables under `paths`. For each batch `uses` says how, and may read further `columns`.
    pub(crate) fn read<P: AsInput>(
        paths: &[P],
        columns: impl Iterator<Item = TrialColumn>,
        alphas_may_differ: bool,
        progress: Progress<'_>,
        uses: impl Fn(&TrialBatch) -> Result<Vec<RowUse>> + Sync,
    ) -> Result<Self> {
        let seed = S::BY_SEED.then_some(TrialColumn::Seed);
        let own = Self::COLUMNS.into_iter().chain(seed).chain(S::COLUMNS.iter().copied());
        let conditions = TrialColumn::CONDITION_NAMES.into_iter().chain(TrialColumn::CONDITION_NUMBERS);
        let columns = distinct(conditions.chain(own).chain(columns));
        let parts = scan_trials(paths, &columns, progress, |tally: &mut Self, batch| {
            tally.alphas_may_differ = alphas_may_differ;
            tally.add(batch, &uses(batch)?)
        })?;
        let mut all = Self { alphas_may_differ, ..Self::default() };
        parts.into_iter().try_for_each(|part| all.merge(part))?;
        Ok(all)
    }

    /// Adds the rows of a batch, each as `uses` says.
    fn add(&mut self, batch: &TrialBatch, uses: &[RowUse]) -> Result<()> {
        let conditions = ConditionColumns::from_batch(batch)?;
        let labels = batch.text(TrialColumn::Label)?;
        let label_codes = labels.codes(&["Yes", "No"]);
        let seeds = if S::BY_SEED { Some(batch.integers(TrialColumn::Seed)?) } else { None };
        let (rank_a, rank_b) = (batch.integers(TrialColumn::RankA)?, batch.integers(TrialColumn::RankB)?);
        let (train, exception) =
            (batch.flags(TrialColumn::IsTrain)?.values(), batch.flags(TrialColumn::IsException)?.values());
        let rows = S::rows(batch)?;

        // Consecutive rows are mostly of the same group and block.
        let mut last: Option<((AsWritten, i64), usize, usize)> = None;
        for row in 0..batch.n_rows() {
            match uses[row] {
                RowUse::Skip => continue,
                RowUse::Mark | RowUse::Count => {}
                RowUse::UnknownPhase => {
                    let found = shown(batch.text(TrialColumn::Phase)?.get(row));
                    let problem = format!("{found}: expected pre or post");
                    return Err(batch.bad_value(row, TrialColumn::Phase, problem));
                }
            }
            let seed = seeds.map_or(0, |s| s[row]);
            let run = (conditions.as_written(row), seed);
            let (group, block) = match last {
                Some((same, group, block)) if same == run => (group, block),
                _ => {
                    let id = conditions.id(batch, row, &mut self.names)?;
                    let (group, block) = self.locate(batch, row, id, seed)?;
                    last = Some((run, group, block));
                    (group, block)
                }
            };

            let (a, b) = (rank_a[row], rank_b[row]);
            // As an unsigned number, a negative rank is beyond every stride.
            if (a as u64).max(b as u64) >= self.groups[group].stride as u64 {
                self.make_room(batch, row, group, a, b)?;
            }
            if a == b {
                let problem = format!("rank {b} is compared with itself: expected a rank other than rank_a");
                return Err(batch.bad_value(row, TrialColumn::RankB, problem));
            }
            let mut marks = SEEN | if exception.value(row) { EXCEPTION } else { 0 };
            if train.value(row) {
                marks |= TRAINED;
                match labels.code(&label_codes, row) {
                    0 => marks |= YES,
                    1 => marks |= NO,
                    _ => {
                        let problem = format!("{} on a trained pair: expected Yes or No", shown(labels.get(row)));
                        return Err(batch.bad_value(row, TrialColumn::Label, problem));
                    }
                }
            }
            let at = a as usize * self.groups[group].stride + b as usize;
            if self.groups[group].cells[at].marks != marks {
                let place = self.place(batch, row);
                self.mark(group, a as usize, b as usize, Cell { marks, place })?;
            }
            if uses[row] == RowUse::Count {
                self.groups[group].blocks[block][at].add_row(batch, &rows, row)?;
            }
        }
        Ok(())
    }

    /// Adds the sums of another tally, whose rows come after those of this one.
    fn merge(&mut self, mut other: Self) -> Result<()> {
        let files: Vec<usize> = other.files.iter().map(|f| self.file_number(f)).collect();
        let moved = |place: Place| Place::new(files[place.table()], place.row());
        for from in other.take_groups() {
            let id = from.id.renumbered(&other.names, &mut self.names)?;
            let group = self.group(id);
            if let Some((alpha, place)) = from.lora_alpha {
                self.see_alpha(group, alpha, moved(place))?;
            }
            if self.groups[group].stride < from.stride {
                self.grow(group, from.stride)?;
            }
            let stride = self.groups[group].stride;
            for (k, cell) in from.cells.iter().enumerate().filter(|(_, c)| c.marks != 0) {
                let (a, b) = (k / from.stride, k % from.stride);
                if self.groups[group].cells[a * stride + b].marks != cell.marks {
                    self.mark(group, a, b, Cell { place: moved(cell.place), ..*cell })?;
                }
            }
            for (seed, sums) in from.seeds.iter().zip(&from.blocks) {
                let block = self.block(group, *seed)?;
                let into = &mut self.groups[group].blocks[block];
                for (to, row) in into.chunks_mut(stride).zip(sums.chunks(from.stride)) {
                    to.iter_mut().zip(row).for_each(|(t, s)| t.merge(s));
                }
            }
        }
        Ok(())
    }

    /// Moves the groups out; the names and files that they refer to stay here.
    pub(crate) fn take_groups(&mut self) -> Vec<Group<S>> {
        std::mem::take(&mut self.groups)
    }

    /// The condition of a group.
    pub(crate) fn key(&self, group: &Group<S>) -> ConditionKey {
        group.id.key(&self.names)
    }

    /// What was trained in a group, whose condition is `key`; refuses marks with a fatal flaw.
    pub(crate) fn trained(&self, group: &Group<S>, key: &ConditionKey) -> Result<Trained> {
        let trained = Trained::find(group.n_items(), |a, b| group.marks(a, b));
        match trained.problems.iter().find(|problem| problem.flaw.is_fatal()) {
            Some(problem) => Err(self.bad_cell(group, problem.pair, problem.flaw.column(), key, problem)),
            None => Ok(trained),
        }
    }

    /// An error about an ordered pair of a group, at the first row that shows it or else its reverse.
    pub(crate) fn bad_cell(
        &self,
        group: &Group<S>,
        (a, b): (usize, usize),
        column: TrialColumn,
        key: &ConditionKey,
        problem: impl std::fmt::Display,
    ) -> ResultsError {
        let cells = [(a, b), (b, a)].map(|(a, b)| group.cells[a * group.stride + b]);
        let cell = if cells[0].marks != 0 { cells[0] } else { cells[1] };
        self.bad_value(cell.place, column, format!("{problem} (condition {key})"))
    }

    fn bad_value(&self, place: Place, column: TrialColumn, problem: String) -> ResultsError {
        column.bad_value(&self.files[place.table()], place.row(), problem)
    }

    /// A row in words.
    fn named(&self, place: Place) -> String {
        format!("row {} of {}", place.row(), self.files[place.table()].display())
    }

    /// Finds or adds the group and block of a row.
    fn locate(&mut self, batch: &TrialBatch, row: usize, mut id: ConditionId, seed: i64) -> Result<(usize, usize)> {
        let alpha = std::mem::replace(&mut id.numbers[2], canonical(f64::NAN));
        let group = self.group(id);
        let place = self.place(batch, row);
        self.see_alpha(group, alpha, place)?;
        Ok((group, self.block(group, seed)?))
    }

    /// Refuses a condition with several scales of the LoRA update, as its models were trained in different ways.
    fn see_alpha(&mut self, group: usize, alpha: u64, place: Place) -> Result<()> {
        let (known, first) = *self.groups[group].lora_alpha.get_or_insert((alpha, place));
        if known == alpha || self.alphas_may_differ {
            return Ok(());
        }
        let shown = |alpha: f64| if alpha.is_nan() { "no value".to_owned() } else { alpha.to_string() };
        let [here, there] = [alpha, known].map(f64::from_bits);
        let choices: Vec<String> =
            [there, here].iter().filter(|a| !a.is_nan()).map(|a| format!("lora_alpha={a}")).collect();
        let problem = format!(
            "{} in condition {}, but {} in {}: expected one value in a condition; choose with ⟨where={}⟩",
            shown(here),
            self.key(&self.groups[group]),
            shown(there),
            self.named(first),
            choices.join(", or "),
        );
        Err(self.bad_value(place, TrialColumn::LoraAlpha, problem))
    }

    fn group(&mut self, id: ConditionId) -> usize {
        index_of(&mut self.group_index, &mut self.groups, id, || {
            let (stride, cells) = (MIN_STRIDE, vec![Cell::default(); MIN_STRIDE * MIN_STRIDE]);
            Group { id, stride, cells, seeds: Vec::new(), blocks: Vec::new(), lora_alpha: None }
        })
    }

    fn block(&mut self, group: usize, seed: i64) -> Result<usize> {
        if let Some(&block) = self.block_index.get(&(group, seed)) {
            return Ok(block);
        }
        let size = self.groups[group].stride * self.groups[group].stride;
        self.take_memory(size)?;
        let found = &mut self.groups[group];
        found.seeds.push(seed);
        found.blocks.push(vec![S::default(); size]);
        self.block_index.insert((group, seed), found.blocks.len() - 1);
        Ok(found.blocks.len() - 1)
    }

    /// Makes the arrays of a group large enough for two ranks, or says which rank is wrong.
    fn make_room(&mut self, batch: &TrialBatch, row: usize, group: usize, a: i64, b: i64) -> Result<()> {
        for (rank, column) in [(a, TrialColumn::RankA), (b, TrialColumn::RankB)] {
            if !(0..MAX_ITEMS as i64).contains(&rank) {
                let problem = format!("rank {rank}: expected a rank from 0 to {}", MAX_ITEMS - 1);
                return Err(batch.bad_value(row, column, problem));
            }
        }
        self.grow(group, (a.max(b) as usize + 1).next_power_of_two())
    }

    fn grow(&mut self, group: usize, stride: usize) -> Result<()> {
        let found = &self.groups[group];
        let added = (stride * stride - found.stride * found.stride) * found.blocks.len();
        self.take_memory(added)?;
        self.groups[group].grow(stride);
        Ok(())
    }

    fn take_memory(&mut self, sums: usize) -> Result<()> {
        self.n_bytes += sums * size_of::<S>();
        if self.n_bytes > MAX_BYTES {
            let problem = "conditions × seeds × items² are too many to sum at once: read fewer files at a time";
            return Err(ResultsError::BadTable(problem.to_owned()));
        }
        Ok(())
    }

    /// Number of a file among those met; mostly the last one.
    fn file_number(&mut self, path: &Arc<Path>) -> usize {
        let known = self.files.iter().rposition(|f| Arc::ptr_eq(f, path) || f == path);
        known.unwrap_or_else(|| {
            self.files.push(path.clone());
            self.files.len() - 1
        })
    }

    fn place(&mut self, batch: &TrialBatch, row: usize) -> Place {
        Place::new(self.file_number(batch.shared_path()), batch.first_row() + row as u64)
    }

    /// Marks an ordered pair at its first row; a later row with other marks is an error.
    fn mark(&mut self, group: usize, a: usize, b: usize, cell: Cell) -> Result<()> {
        let stride = self.groups[group].stride;
        let known = &mut self.groups[group].cells[a * stride + b];
        if known.marks == 0 {
            *known = cell;
            return Ok(());
        }
        let known = *known;
        let whole = format!("condition {}", self.key(&self.groups[group]));
        Err(self.contradiction(&known, &cell, (a, b), &whole))
    }

    /// The error that two groups, both part of `whole`, mark an ordered pair differently, if they do.
    pub(crate) fn contradiction_between(
        &self,
        known: &Group<S>,
        later: &Group<S>,
        whole: &str,
    ) -> Option<ResultsError> {
        let n = known.stride.min(later.stride);
        (0..n * n).find_map(|k| {
            let (a, b) = (k / n, k % n);
            let (first, second) = (&known.cells[a * known.stride + b], &later.cells[a * later.stride + b]);
            (first.marks & second.marks & SEEN != 0 && first.marks != second.marks)
                .then(|| self.contradiction(first, second, (a, b), whole))
        })
    }

    /// The error that a cell contradicts an earlier one.
    fn contradiction(&self, known: &Cell, cell: &Cell, (a, b): (usize, usize), whole: &str) -> ResultsError {
        let differ = known.marks ^ cell.marks;
        let truth = |mark: u8| if cell.marks & mark != 0 { ("true", "false") } else { ("false", "true") };
        let (column, (here, there)) = match differ {
            _ if differ & TRAINED != 0 => (TrialColumn::IsTrain, truth(TRAINED)),
            _ if differ & EXCEPTION != 0 => (TrialColumn::IsException, truth(EXCEPTION)),
            _ if cell.marks & YES != 0 => (TrialColumn::Label, ("Yes", "No")),
            _ => (TrialColumn::Label, ("No", "Yes")),
        };
        let problem = format!(
            "{here} for the ordered pair ({a}, {b}), but {there} in {}: expected the same throughout {whole}",
            self.named(known.place),
        );
        self.bad_value(cell.place, column, problem)
    }
}

fn shown(text: Option<&str>) -> String {
    text.map_or("a missing value".to_owned(), |t| format!("{t:?}"))
}

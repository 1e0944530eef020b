//! Running sums per condition, seed and ordered pair: flat arrays, with no hashing inside a run of rows.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::group::{Cell, EXCEPTION, Group, GroupKey, Place, SEEN, TRAINED, WON};
use super::key::{ConditionKey, MAX_ITEMS};
use super::rows::{Code, RowUse, codes};
use crate::error::{Result, ResultsError};
use crate::interner::Interner;
use crate::trial_table::{TextColumn, TrialBatch, TrialColumn};

/// Bytes of sums kept at most, over all conditions and seeds.
const MAX_BYTES: usize = 1 << 32;
/// The smallest row length of the arrays; a power of two like all.
const MIN_STRIDE: usize = 8;

/// What is summed over the rows of one ordered pair.
pub(crate) trait Tallied: Copy + Default + Send + Sync {
    /// The columns that it is taken from, besides those of every tally.
    const COLUMNS: &'static [TrialColumn];
    /// Whether the rows of every seed are summed on their own; otherwise all count as of seed 0.
    const BY_SEED: bool;
    /// These columns of a batch.
    type Rows<'a>;

    /// Finds the columns in a batch.
    fn rows(batch: &TrialBatch) -> Result<Self::Rows<'_>>;

    /// Adds one row.
    fn add_row(&mut self, batch: &TrialBatch, rows: &Self::Rows<'_>, row: usize) -> Result<()>;

    /// Adds the sums of later rows.
    fn merge(&mut self, later: &Self);
}

/// The number of rows alone, of every seed.
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
#[derive(Debug)]
pub(crate) struct Tally<S> {
    names: Interner,
    files: Vec<Arc<Path>>,
    groups: Vec<Group<S>>,
    group_index: HashMap<GroupKey, usize>,
    /// (group, seed) → block of the group.
    block_index: HashMap<(usize, i64), usize>,
    n_bytes: usize,
    /// Whether the rows of a condition may differ in the scale of the LoRA update, as it is told apart elsewhere.
    pub(crate) alphas_may_differ: bool,
}

impl<S> Default for Tally<S> {
    fn default() -> Self {
        Self {
            names: Interner::default(),
            files: Vec::new(),
            groups: Vec::new(),
            group_index: HashMap::new(),
            block_index: HashMap::new(),
            n_bytes: 0,
            alphas_may_differ: false,
        }
    }
}

/// What one row must share with the last for both to go to the same block.
#[derive(Clone, Copy, PartialEq)]
struct Run {
    names: [i32; 4],
    lora_r: u64,
    l2_reg: u64,
    lora_alpha: u64,
    seed: i64,
}

impl<S: Tallied> Tally<S> {
    const NAMES: [TrialColumn; 4] = [TrialColumn::Setting, TrialColumn::Model, TrialColumn::Task, TrialColumn::Hier];

    /// The columns that every tally needs.
    const COLUMNS: [TrialColumn; 13] = [
        TrialColumn::Setting,
        TrialColumn::Model,
        TrialColumn::Task,
        TrialColumn::Hier,
        TrialColumn::Phase,
        TrialColumn::RankA,
        TrialColumn::RankB,
        TrialColumn::IsTrain,
        TrialColumn::IsException,
        TrialColumn::Label,
        TrialColumn::LoraR,
        TrialColumn::L2Reg,
        TrialColumn::LoraAlpha,
    ];

    /// The columns that this tally needs.
    pub(crate) fn columns() -> Vec<TrialColumn> {
        let seed = S::BY_SEED.then_some(TrialColumn::Seed);
        Self::COLUMNS.into_iter().chain(seed).chain(S::COLUMNS.iter().copied()).collect()
    }

    /// Adds rows as `uses` says of each.
    pub(crate) fn add(&mut self, batch: &TrialBatch, uses: &[RowUse]) -> Result<()> {
        let names = Self::NAMES.map(|c| batch.text(c));
        let [setting, model, task, hier] = names;
        let names = [setting?, model?, task?, hier?];
        let labels = batch.text(TrialColumn::Label)?;
        let label_codes: Vec<Code> = codes(labels, "Yes", "No").collect();
        let seeds = if S::BY_SEED { Some(batch.integers(TrialColumn::Seed)?) } else { None };
        let (rank_a, rank_b) = (batch.integers(TrialColumn::RankA)?, batch.integers(TrialColumn::RankB)?);
        let (train, exception) =
            (batch.flags(TrialColumn::IsTrain)?.values(), batch.flags(TrialColumn::IsException)?.values());
        let (lora_r, l2_reg) = (batch.reals(TrialColumn::LoraR)?, batch.reals(TrialColumn::L2Reg)?);
        let lora_alpha = batch.reals(TrialColumn::LoraAlpha)?;
        let rows = S::rows(batch)?;

        let mut place: Option<(Run, usize, usize)> = None;
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
            let run = Run {
                names: names.map(|n| n.keys[row]),
                lora_r: lora_r[row].to_bits(),
                l2_reg: l2_reg[row].to_bits(),
                lora_alpha: lora_alpha[row].to_bits(),
                seed: seeds.map_or(0, |s| s[row]),
            };
            let (group, block) = match place {
                Some((last, group, block)) if last == run => (group, block),
                _ => {
                    let (group, block) = self.locate(batch, row, names, &run)?;
                    place = Some((run, group, block));
                    (group, block)
                }
            };

            let (a, b) = (rank_a[row], rank_b[row]);
            // A negative rank is beyond every stride as an unsigned number.
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
                match label_codes[(labels.keys[row] + 1) as usize] {
                    Code::Yes => marks |= WON,
                    Code::No => {}
                    Code::Unknown => {
                        let problem = format!("{} on a trained pair: expected Yes or No", shown(labels.get(row)));
                        return Err(batch.bad_value(row, TrialColumn::Label, problem));
                    }
                }
            }
            let at = a as usize * self.groups[group].stride + b as usize;
            if self.groups[group].cells[at].marks != marks {
                let file = self.file_number(batch.shared_path());
                let cell = Cell { marks, file, row: batch.first_row() + row as u64 };
                self.mark(group, a as usize, b as usize, cell)?;
            }
            if uses[row] == RowUse::Count {
                self.groups[group].blocks[block][at].add_row(batch, &rows, row)?;
            }
        }
        Ok(())
    }

    /// Adds the sums of another tally, whose rows come after those of this one.
    pub(crate) fn merge(&mut self, mut other: Self) -> Result<()> {
        let files: Vec<u32> = other.files.iter().map(|f| self.file_number(f)).collect();
        for from in other.take_groups() {
            let mut key = from.key;
            for name in &mut key.names {
                // Fails for 2³² names only, which no tally before has let pass.
                *name = self.names.intern(other.names.label(*name).as_bytes()).map_err(ResultsError::BadTable)?;
            }
            let group = self.group(key);
            if let Some((alpha, place)) = from.lora_alpha {
                self.see_alpha(group, alpha, Place { file: files[place.file as usize], ..place })?;
            }
            if self.groups[group].stride < from.stride {
                self.grow(group, from.stride)?;
            }
            let stride = self.groups[group].stride;
            for (k, cell) in from.cells.iter().enumerate().filter(|(_, c)| c.marks != 0) {
                let (a, b) = (k / from.stride, k % from.stride);
                if self.groups[group].cells[a * stride + b].marks != cell.marks {
                    self.mark(group, a, b, Cell { file: files[cell.file as usize], ..*cell })?;
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

    /// Hands out the groups; the names and files that they refer to stay.
    pub(crate) fn take_groups(&mut self) -> Vec<Group<S>> {
        std::mem::take(&mut self.groups)
    }

    /// The condition of a group.
    pub(crate) fn key(&self, group: &Group<S>) -> ConditionKey {
        let [setting, model, task, hier] = group.key.names.map(|n| self.names.label(n));
        let value = |bits| Some(f64::from_bits(bits)).filter(|x| !x.is_nan());
        ConditionKey { setting, model, task, hier, lora_r: value(group.key.lora_r), l2_reg: value(group.key.l2_reg) }
    }

    /// An error about an ordered pair of a group, at the row that first showed it or else its reversal.
    pub(crate) fn bad_cell(
        &self,
        group: &Group<S>,
        pair: (usize, usize),
        reversal: (usize, usize),
        column: &'static str,
        key: &ConditionKey,
        problem: &str,
    ) -> ResultsError {
        let cells = [pair, reversal].map(|(a, b)| group.cells[a * group.stride + b]);
        let cell = if cells[0].marks != 0 { cells[0] } else { cells[1] };
        ResultsError::BadValue {
            path: self.files[cell.file as usize].to_path_buf(),
            row: cell.row,
            column,
            problem: format!("{problem} (condition {key})"),
        }
    }

    /// Group and block of a row that begins a run.
    fn locate(&mut self, batch: &TrialBatch, row: usize, names: [&TextColumn; 4], run: &Run) -> Result<(usize, usize)> {
        let mut key = GroupKey { names: [0; 4], lora_r: canonical(run.lora_r), l2_reg: canonical(run.l2_reg) };
        for ((number, column), text) in key.names.iter_mut().zip(Self::NAMES).zip(names) {
            let Some(name) = text.get(row) else {
                return Err(batch.bad_value(row, column, "the value is missing: expected a name"));
            };
            *number = self.names.intern(name.as_bytes()).map_err(|problem| batch.bad_value(row, column, problem))?;
        }
        let group = self.group(key);
        let place = Place { file: self.file_number(batch.shared_path()), row: batch.first_row() + row as u64 };
        self.see_alpha(group, canonical(run.lora_alpha), place)?;
        Ok((group, self.block(group, run.seed)?))
    }

    /// Refuses a condition whose rows have several scales of the LoRA update: models that were trained in different ways.
    fn see_alpha(&mut self, group: usize, alpha: u64, place: Place) -> Result<()> {
        let (known, first) = *self.groups[group].lora_alpha.get_or_insert((alpha, place));
        if known == alpha || self.alphas_may_differ {
            return Ok(());
        }
        let shown = |alpha: f64| if alpha.is_nan() { "no value".to_owned() } else { alpha.to_string() };
        let [here, there] = [alpha, known].map(f64::from_bits);
        let choices: Vec<String> =
            [there, here].iter().filter(|a| !a.is_nan()).map(|a| format!("lora_alpha={a}")).collect();
        Err(ResultsError::BadValue {
            path: self.files[place.file as usize].to_path_buf(),
            row: place.row,
            column: TrialColumn::LoraAlpha.name(),
            problem: format!(
                "{} in condition {}, but {} in row {} of {}: expected one value in a condition; choose with `where={}`",
                shown(here),
                self.key(&self.groups[group]),
                shown(there),
                first.row,
                self.files[first.file as usize].display(),
                choices.join(", or "),
            ),
        })
    }

    fn group(&mut self, key: GroupKey) -> usize {
        *self.group_index.entry(key).or_insert_with(|| {
            let (stride, cells) = (MIN_STRIDE, vec![Cell::default(); MIN_STRIDE * MIN_STRIDE]);
            self.groups.push(Group { key, stride, cells, seeds: Vec::new(), blocks: Vec::new(), lora_alpha: None });
            self.groups.len() - 1
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

    /// Makes the arrays of a group large enough for two ranks, or says which of them is wrong.
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

    /// Number of a file among those met; few, and the last one almost always.
    fn file_number(&mut self, path: &Arc<Path>) -> u32 {
        let known = self.files.iter().rposition(|f| Arc::ptr_eq(f, path) || f == path);
        known.unwrap_or_else(|| {
            self.files.push(path.clone());
            self.files.len() - 1
        }) as u32
    }

    /// Marks an ordered pair at its first row; a later row that says otherwise is an error.
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

    /// The error that the ordered pairs which both of two groups show are marked differently, if any are, as of `whole`.
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

    /// The error that a cell says other than one before it.
    fn contradiction(&self, known: &Cell, cell: &Cell, (a, b): (usize, usize), whole: &str) -> ResultsError {
        let differ = known.marks ^ cell.marks;
        let truth = |mark: u8| if cell.marks & mark != 0 { ("true", "false") } else { ("false", "true") };
        let (column, (here, there)) = match differ {
            _ if differ & TRAINED != 0 => (TrialColumn::IsTrain, truth(TRAINED)),
            _ if differ & EXCEPTION != 0 => (TrialColumn::IsException, truth(EXCEPTION)),
            _ if cell.marks & WON != 0 => (TrialColumn::Label, ("Yes", "No")),
            _ => (TrialColumn::Label, ("No", "Yes")),
        };
        ResultsError::BadValue {
            path: self.files[cell.file as usize].to_path_buf(),
            row: cell.row,
            column: column.name(),
            problem: format!(
                "{here} for the ordered pair ({a}, {b}), but {there} in row {} of {}: expected the same throughout {whole}",
                known.row,
                self.files[known.file as usize].display(),
            ),
        }
    }
}

fn shown(text: Option<&str>) -> String {
    text.map_or("a missing value".to_owned(), |t| format!("{t:?}"))
}

/// One NaN for all, one zero for both.
pub(crate) fn canonical(bits: u64) -> u64 {
    let x = f64::from_bits(bits);
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}

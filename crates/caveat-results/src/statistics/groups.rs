//! The groups of a summary and their sums: rows are grouped by hashed keys, in parts that are merged in order.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Memory};

use arrow_array::Array;
use caveat_theory::PairClass;

use super::filter::{GroupColumn, Selection};
use super::hierarchy::Hierarchy;
use super::wilson::wilson_interval;
use crate::conditions::{RowUse, canonical};
use crate::error::{Result, ResultsError};
use crate::interner::{Interner, Numbering};
use crate::trial_table::{ColumnKind, TextColumn, TrialBatch, TrialColumn, distinct};

/// The value that all rows of a group have in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupValue {
    /// Text; empty where missing.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A float, NaN where missing.
    Real(f64),
    /// A truth value.
    Flag(bool),
    /// The class.
    Class(PairClass),
}

/// The rows of one class that share their values in some columns.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryGroup {
    /// Values in the columns that the summary is by, in their order.
    pub values: Vec<GroupValue>,
    /// Class of the pairs.
    pub class: PairClass,
    /// Number of binary trials: rows whose `correct` is not missing.
    pub n: u64,
    /// Number of those that are correct.
    pub n_correct: u64,
    /// Mean margin over the rows that have one, NaN without any.
    pub margin: f64,
    /// Standard error of the margin: the standard deviation of the means by seed over the root of their number. NaN unless at
    /// least two seeds have margins.
    pub margin_se: f64,
    /// Number of seeds with rows in the group.
    pub n_seeds: u64,
}

impl SummaryGroup {
    /// Share of correct trials, NaN without any.
    pub fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n as f64
    }

    /// Wilson's 95 % interval of the accuracy.
    pub fn interval(&self) -> (f64, f64) {
        wilson_interval(self.n_correct as f64, self.n as f64)
    }
}

/// Sums over the rows of one group and seed.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: u64,
    n_correct: u64,
    n_margins: u64,
    margin: f64,
}

impl Sums {
    fn merge(&mut self, later: &Self) {
        self.n += later.n;
        self.n_correct += later.n_correct;
        self.n_margins += later.n_margins;
        self.margin += later.margin;
    }

    fn mean_margin(&self) -> Option<f64> {
        (self.n_margins > 0).then(|| self.margin / self.n_margins as f64)
    }
}

/// The sums of a range of rows. A key has a word for each column, then one for the class unless it is a column, then the seed.
#[derive(Debug, Default)]
pub(super) struct Part {
    names: Interner,
    keys: Numbering<u64>,
    sums: Vec<Sums>,
}

impl Part {
    pub(super) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }
}

/// The word of a missing text.
const NO_TEXT: u64 = u64::MAX;

/// Classes of the pairs of a hierarchy by rank, flat.
struct ClassGrid<'a> {
    name: &'a str,
    n: usize,
    /// Index into `PairClass::ALL` of the pair (a, b) at a·n + b; out of range on the diagonal.
    classes: Vec<u8>,
}

/// What all ranges of rows share.
pub(super) struct Scan<'a> {
    /// The columns of a key before the seed.
    key: Vec<GroupColumn>,
    /// Place of the class in a key.
    class_at: usize,
    selection: &'a Selection,
    grids: Vec<ClassGrid<'a>>,
    /// Whether each class passes the filters.
    admitted: [bool; PairClass::ALL.len()],
    n_columns: usize,
    n_groups: AtomicUsize,
    max_groups: usize,
}

impl<'a> Scan<'a> {
    /// A scan that fails once the keys of all groups and seeds have more than `max_words` words.
    pub(super) fn new(
        by: &[GroupColumn],
        selection: &'a Selection,
        hierarchies: &'a [Hierarchy],
        max_words: usize,
    ) -> Self {
        let mut key = by.to_vec();
        let class_at = by.iter().position(|c| *c == GroupColumn::Class).unwrap_or_else(|| {
            key.push(GroupColumn::Class);
            by.len()
        });
        let grids = hierarchies
            .iter()
            .map(|h| {
                let n = h.n_items;
                let index = |k: usize| h.class(k / n, k % n).map_or(u8::MAX, |class| class as u8);
                ClassGrid { name: &h.name, n, classes: (0..n * n).map(index).collect() }
            })
            .collect();
        let admitted = PairClass::ALL.map(|class| selection.admits(class));
        let max_groups = max_words / (key.len() + 1);
        let n_groups = AtomicUsize::new(0);
        Self { key, class_at, selection, grids, admitted, n_columns: by.len(), n_groups, max_groups }
    }

    /// The columns to read.
    pub(super) fn columns(&self) -> Vec<TrialColumn> {
        let fixed = [
            TrialColumn::Hier,
            TrialColumn::Seed,
            TrialColumn::RankA,
            TrialColumn::RankB,
            TrialColumn::Correct,
            TrialColumn::Margin,
        ];
        let by = self.key.iter().filter_map(|c| if let GroupColumn::Trial(c) = c { Some(*c) } else { None });
        distinct(fixed.into_iter().chain(by).chain(self.selection.columns()))
    }

    /// Adds the rows of a batch that count.
    pub(super) fn add(&self, part: &mut Part, batch: &TrialBatch) -> Result<()> {
        let uses = self.selection.uses(batch)?;
        if !uses.contains(&RowUse::Count) {
            return Ok(());
        }
        let hier = batch.text(TrialColumn::Hier)?;
        let grid_of: Vec<Option<&ClassGrid<'_>>> =
            hier.values.iter().map(|name| self.grids.iter().find(|g| Some(g.name) == name)).collect();
        let (rank_a, rank_b) = (batch.integers(TrialColumn::RankA)?, batch.integers(TrialColumn::RankB)?);
        let (correct, margins) = (batch.reals(TrialColumn::Correct)?, batch.reals(TrialColumn::Margin)?);
        let seeds = batch.integers(TrialColumn::Seed)?;
        let columns: Vec<Vec<u64>> =
            self.key.iter().map(|&c| words(c, batch, &uses, &mut part.names)).collect::<Result<_>>()?;

        let before = part.sums.len();
        let mut key = vec![0; columns.len() + 1];
        for row in (0..batch.n_rows()).filter(|&row| uses[row] == RowUse::Count) {
            // The first pass has seen all these rows, so this fails only if a file has changed since.
            let grid = usize::try_from(hier.keys[row]).ok().and_then(|k| grid_of[k]);
            let rank = |r: i64, n: usize| usize::try_from(r).ok().filter(|r| *r < n);
            let class = grid
                .and_then(|g| Some(g.classes[rank(rank_a[row], g.n)? * g.n + rank(rank_b[row], g.n)?]))
                .filter(|class| usize::from(*class) < PairClass::ALL.len());
            let Some(class) = class else {
                return Err(ResultsError::bad_file(batch.path(), "the file changed while it was read: try again"));
            };
            if !self.admitted[usize::from(class)] {
                continue;
            }
            for (word, column) in key.iter_mut().zip(&columns) {
                *word = column[row];
            }
            key[self.class_at] = u64::from(class);
            key[columns.len()] = seeds[row] as u64;
            let number = part.keys.number(&key);
            if number == part.sums.len() {
                part.sums.push(Sums::default());
            }
            let sums = &mut part.sums[number];
            let (right, binary) = is_correct(batch, row, correct[row])?;
            sums.n += u64::from(binary);
            sums.n_correct += u64::from(right);
            if !margins[row].is_nan() {
                sums.margin += finite_margin(batch, row, margins[row])?;
                sums.n_margins += 1;
            }
        }
        let added = part.sums.len() - before;
        if self.n_groups.fetch_add(added, Memory::Relaxed) + added > self.max_groups {
            return Err(ResultsError::BadTable(format!(
                "the rows fall in more than {} groups and seeds: drop a column to group by, one with many values first",
                self.max_groups
            )));
        }
        Ok(())
    }

    /// Adds the sums of the next range of rows.
    pub(super) fn merge(&self, all: &mut Part, part: &Part) -> Result<()> {
        let mut key = Vec::with_capacity(self.key.len() + 1);
        for (number, sums) in part.sums.iter().enumerate() {
            key.clear();
            key.extend_from_slice(part.keys.key(number));
            for (word, column) in key.iter_mut().zip(&self.key) {
                if is_text(*column) && *word != NO_TEXT {
                    let name = part.names.get(*word as u32);
                    *word = all.names.intern(name.as_bytes()).map_err(ResultsError::BadTable)?.into();
                }
            }
            let number = all.keys.number(&key);
            if number == all.sums.len() {
                all.sums.push(Sums::default());
            }
            all.sums[number].merge(sums);
        }
        Ok(())
    }

    /// The groups in order, their seeds taken together.
    pub(super) fn groups(&self, all: Part) -> Vec<SummaryGroup> {
        let names = all.names.into_labels();
        let mut numbers: Vec<usize> = (0..all.keys.len()).collect();
        numbers.sort_unstable_by(|&x, &y| {
            let (x, y) = (all.keys.key(x), all.keys.key(y));
            let columns = self.key.iter().zip(x.iter().zip(y));
            columns
                .map(|(column, (x, y))| compare(*column, *x, *y, &names))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| (x[self.key.len()] as i64).cmp(&(y[self.key.len()] as i64)))
        });
        let columns_of = |number: usize| &all.keys.key(number)[..self.key.len()];
        numbers
            .chunk_by(|&x, &y| columns_of(x) == columns_of(y))
            .map(|seeds| {
                let key = columns_of(seeds[0]);
                let mut total = Sums::default();
                seeds.iter().for_each(|&k| total.merge(&all.sums[k]));
                let means: Vec<f64> = seeds.iter().filter_map(|&k| all.sums[k].mean_margin()).collect();
                let values = self.key[..self.n_columns].iter().zip(key);
                SummaryGroup {
                    values: values.map(|(column, word)| value(*column, *word, &names)).collect(),
                    class: PairClass::ALL[key[self.class_at] as usize],
                    n: total.n,
                    n_correct: total.n_correct,
                    margin: total.mean_margin().unwrap_or(f64::NAN),
                    margin_se: standard_error(&means),
                    n_seeds: seeds.len() as u64,
                }
            })
            .collect()
    }
}

/// Whether a trial is correct, and whether it is binary at all.
pub(super) fn is_correct(batch: &TrialBatch, row: usize, correct: f64) -> Result<(bool, bool)> {
    match correct {
        1.0 => Ok((true, true)),
        0.0 => Ok((false, true)),
        x if x.is_nan() => Ok((false, false)),
        x => Err(batch.bad_value(row, TrialColumn::Correct, format!("{x}: expected 1, 0 or a missing value"))),
    }
}

/// A margin that is not missing, or the error that it is infinite.
pub(super) fn finite_margin(batch: &TrialBatch, row: usize, margin: f64) -> Result<f64> {
    match margin.is_finite() {
        true => Ok(margin),
        false => Err(batch.bad_value(
            row,
            TrialColumn::Margin,
            format!("{margin}: expected a finite margin or a missing value"),
        )),
    }
}

/// Standard deviation over the root of the number, NaN for fewer than two values.
fn standard_error(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

fn is_text(column: GroupColumn) -> bool {
    matches!(column, GroupColumn::Trial(column) if column.kind() == ColumnKind::Text)
}

/// The words of a column in the keys of all rows; those of the class are set later.
fn words(column: GroupColumn, batch: &TrialBatch, uses: &[RowUse], names: &mut Interner) -> Result<Vec<u64>> {
    let GroupColumn::Trial(column) = column else { return Ok(vec![0; batch.n_rows()]) };
    Ok(match column.kind() {
        ColumnKind::Text => {
            let text = batch.text(column)?;
            // Only names that occur get a number.
            let mut known: Vec<Option<u64>> = vec![None; text.values.len()];
            let mut words = vec![NO_TEXT; batch.n_rows()];
            for (row, &key) in text.keys.iter().enumerate() {
                if key == TextColumn::MISSING || uses[row] != RowUse::Count {
                    continue;
                }
                let at = key as usize;
                words[row] = match known[at] {
                    Some(word) => word,
                    None => *known[at].insert(match text.values.value(at).as_bytes() {
                        // As in CSV, empty text is a missing value.
                        [] => NO_TEXT,
                        name => names.intern(name).map_err(|problem| batch.bad_value(row, column, problem))?.into(),
                    }),
                };
            }
            words
        }
        ColumnKind::Integer => batch.integers(column)?.iter().map(|&x| x as u64).collect(),
        ColumnKind::Real => batch.reals(column)?.iter().map(|x| canonical(*x)).collect(),
        ColumnKind::Flag => batch.flags(column)?.values().iter().map(u64::from).collect(),
    })
}

fn compare(column: GroupColumn, x: u64, y: u64, names: &[String]) -> Ordering {
    match column {
        _ if x == y => Ordering::Equal,
        GroupColumn::Trial(column) => match column.kind() {
            ColumnKind::Text => text_of(x, names).cmp(&text_of(y, names)),
            ColumnKind::Integer => (x as i64).cmp(&(y as i64)),
            ColumnKind::Real => {
                let (x, y) = (f64::from_bits(x), f64::from_bits(y));
                y.is_nan().cmp(&x.is_nan()).then(x.total_cmp(&y))
            }
            ColumnKind::Flag => x.cmp(&y),
        },
        GroupColumn::Class => x.cmp(&y),
    }
}

/// The text of a word, `None` if it is missing.
fn text_of(word: u64, names: &[String]) -> Option<&str> {
    (word != NO_TEXT).then(|| names[word as usize].as_str())
}

fn value(column: GroupColumn, word: u64, names: &[String]) -> GroupValue {
    match column {
        GroupColumn::Trial(column) => match column.kind() {
            ColumnKind::Text => GroupValue::Text(text_of(word, names).unwrap_or_default().to_owned()),
            ColumnKind::Integer => GroupValue::Integer(word as i64),
            ColumnKind::Real => GroupValue::Real(f64::from_bits(word)),
            ColumnKind::Flag => GroupValue::Flag(word == 1),
        },
        GroupColumn::Class => GroupValue::Class(PairClass::ALL[word as usize]),
    }
}

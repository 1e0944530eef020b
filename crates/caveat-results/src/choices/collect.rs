//! Collects the text of rows to a table of choices: items become ranks, proportions and counts become numbers of choices.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::columns::{Fields, Shape, says_who_was_chosen};
use super::counts::{Thousands, reconstruct};
use super::filter::LeftOut;
use super::names::{Names, People};
use super::source::{Cells, Source};
use super::{
    ChoiceColumns, ChoiceRole, ChoiceRow, ChoiceTable, CountReconstruction, DistanceRow, Grouping, ItemLabels,
    TrialCounts,
};
use crate::delimited::{Numbers, flag, has_thousands, is_missing};
use crate::error::{Result, ResultsError, name_list};
use crate::labels::label_key;

/// Largest number of items, as a guard against columns that do not hold ranks.
const MOST_ITEMS: usize = 1_000_000;

/// A list of more items than the first number, of which the file shows fewer than one in the second number, is refused: a rank seems
/// to be a code (999 for no answer), or the number of items should be given.
const SPARSE: (usize, usize) = (20, 4);

/// Fewer trials in all than this are refused, because a fit to them would be rounding errors.
const LEAST_TRIALS: f64 = 1e-4;

/// The caller's options that do not depend on the file, checked.
pub(super) struct Options {
    /// Ranks by [`label_key`].
    names: Option<HashMap<String, usize>>,
    first_rank: Option<usize>,
    n_items: Option<usize>,
}

impl Options {
    pub(super) fn new(columns: &ChoiceColumns) -> Result<Self> {
        let bad = |problem: String| Err(ResultsError::BadTable(problem));
        if let Some(first) = columns.first_rank.filter(|r| *r > 1) {
            return bad(format!("the first rank is {first}: expected 0 or 1"));
        }
        if let Some(n) = columns.n_items.filter(|n| !(2..=MOST_ITEMS).contains(n)) {
            return bad(format!("{n} items: expected 2 to {MOST_ITEMS}"));
        }
        if let TrialCounts::Fixed(n) = columns.trials
            && !(n >= 1.0 && n.is_finite() && n.fract() == 0.0)
        {
            return bad(format!("{n} trials a row: expected a whole number of at least 1"));
        }
        let Some(items) = &columns.items else {
            return Ok(Self { names: None, first_rank: columns.first_rank, n_items: columns.n_items });
        };
        if items.len() < 2 {
            return bad(format!("{} items are named: expected at least 2, the highest first", items.len()));
        }
        let mut names = HashMap::with_capacity(items.len());
        for (rank, name) in items.iter().enumerate() {
            let key = label_key(name).into_owned();
            if key.is_empty() || names.insert(key, rank).is_some() {
                return bad(format!("the item {name:?} is empty or named twice: expected different names"));
            }
        }
        Ok(Self { names: Some(names), first_rank: Some(0), n_items: Some(items.len()) })
    }
}

/// A row before the first rank and the numbers of trials are known.
struct RawRow {
    /// Items shown first and second, by ranks as in the file; or a distance and 0.
    items: (usize, usize),
    /// Proportion of choices of the first item, or with a distance of the higher item.
    proportion: f64,
    trials: f64,
    groups: [u32; 3],
}

/// Collects rows one by one.
pub(super) struct Collector<'a> {
    columns: &'a ChoiceColumns,
    options: &'a Options,
    shape: Shape,
    presentation_known: bool,
    rows: Vec<RawRow>,
    groups: [Option<Names>; 3],
    /// If counts are reconstructed: the role whose text makes the groups, their names, and the group of every row.
    designs: Option<(ChoiceRole, Names, Vec<u32>)>,
    /// Smallest and largest rank met.
    ranks: (usize, usize),
    /// Smallest and largest rank in the current file.
    ranks_here: (usize, usize),
    /// Among the files whose smallest rank is 0, and among those where it is 1, the one with the largest rank.
    by_first: [Option<(PathBuf, usize)>; 2],
    /// How the current file writes numbers.
    numbers: Numbers,
    /// Whether the counts of the current file may have points between thousands.
    thousands: Thousands,
    pub(super) left_out: LeftOut,
    /// The column of accuracies beside winner and loser, as long as it holds only 0 and 1.
    only_right_or_wrong: Option<String>,
    people: People,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        columns: &'a ChoiceColumns,
        options: &'a Options,
        fields: &Fields,
    ) -> std::result::Result<Self, String> {
        let designs = match columns.trials {
            TrialCounts::Column if fields.has(ChoiceRole::Accuracy) && !fields.has(ChoiceRole::Count) => {
                let alone = match fields.shape {
                    Shape::Chosen => {
                        "; where winner and loser say in every row who was chosen, name these two alone \
                         (⟨columns=winner=COLUMN,loser=COLUMN⟩)"
                    }
                    Shape::Ranked | Shape::Distance => "",
                };
                return Err(format!(
                    "the proportions come without numbers of trials: name a column of them (count=COLUMN) or give one number for \
                     all rows (⟨trials=N⟩){alone}"
                ));
            }
            TrialCounts::Reconstructed(_) if !fields.has(ChoiceRole::Accuracy) => {
                return Err(
                    "numbers of trials are reconstructed from proportions only: name a column for accuracy".to_owned()
                );
            }
            TrialCounts::Reconstructed(by) if !fields.has(by) => {
                return Err(format!("numbers of trials are reconstructed by {by}: name a column for it"));
            }
            TrialCounts::Reconstructed(by) => Some((by, Names::default(), Vec::new())),
            TrialCounts::Column | TrialCounts::Fixed(_) => None,
        };
        Ok(Self {
            columns,
            options,
            shape: fields.shape,
            presentation_known: fields.has(ChoiceRole::First),
            rows: Vec::new(),
            groups: Grouping::ALL.map(|g| fields.has(g.role()).then(Names::default)),
            designs,
            ranks: (usize::MAX, 0),
            ranks_here: (usize::MAX, 0),
            by_first: [None, None],
            numbers: Numbers::Point,
            thousands: Thousands::default(),
            left_out: LeftOut { notes: fields.passed_over.clone(), ..LeftOut::default() },
            only_right_or_wrong: fields
                .accuracy
                .clone()
                .filter(|name| fields.shape == Shape::Chosen && !says_who_was_chosen(name)),
            people: People::new(fields),
        })
    }

    /// Whether no row was used.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Begins the next file.
    pub(super) fn begin_file(&mut self, source: &Source, fields: &Fields) {
        self.numbers = source.rows.numbers();
        self.thousands = Thousands::for_file(source.rows.is_text());
        self.people.begin_file(source, fields);
    }

    /// Adds a row, or says what is wrong with it.
    pub(super) fn push(&mut self, cells: &Cells<'_>) -> std::result::Result<(), String> {
        let cell = |role: ChoiceRole| cells[role as usize].unwrap_or_default();
        let lacks = |role: &ChoiceRole| cells[*role as usize].is_some_and(|text| self.is_missing(*role, text));
        if let Some(role) = ChoiceRole::ALL.into_iter().find(lacks) {
            if self.columns.skip_missing {
                let lacking: Vec<ChoiceRole> = ChoiceRole::ALL.into_iter().filter(lacks).collect();
                self.left_out.add_missing(&lacking);
                return Ok(());
            }
            let found = match cell(role) {
                "" => "is empty".to_owned(),
                text => format!("is {text:?}, a missing value"),
            };
            return Err(format!(
                "the {role} {found}: expected a value in every row (⟨skip_missing⟩ leaves out the rows without one)"
            ));
        }
        let (items, swapped) = match self.shape {
            Shape::Distance => ((self.distance(cell(ChoiceRole::Distance))?, 0), false),
            Shape::Chosen => self.pair(cells, ChoiceRole::Winner, ChoiceRole::Loser)?,
            Shape::Ranked => self.pair(cells, ChoiceRole::Higher, ChoiceRole::Lower)?,
        };
        let proportion = match cells[ChoiceRole::Accuracy as usize] {
            Some(text) => proportion(text, self.numbers)?,
            None => 1.0,
        };
        if proportion > 0.0 && proportion < 1.0 {
            self.only_right_or_wrong = None;
        }
        let trials = match (self.columns.trials, cells[ChoiceRole::Count as usize]) {
            (TrialCounts::Fixed(n), _) => n,
            (TrialCounts::Reconstructed(_), _) => f64::NAN,
            (TrialCounts::Column, Some(text)) => {
                self.thousands.see(text);
                count(text, self.numbers)?
            }
            (TrialCounts::Column, None) => 1.0,
        };
        let mut groups = [0; 3];
        for ((number, names), grouping) in groups.iter_mut().zip(&mut self.groups).zip(Grouping::ALL) {
            if let Some(names) = names {
                *number = names.number(cell(grouping.role()))?;
                self.people.see(grouping, *number);
            }
        }
        if let Some((by, designs, numbers)) = &mut self.designs {
            numbers.push(designs.number(cell(*by))?);
        }
        self.rows.push(RawRow {
            items,
            proportion: if swapped { 1.0 - proportion } else { proportion },
            trials,
            groups,
        });
        Ok(())
    }

    /// Whether text means a missing value. A group may be called None, and an item anything that was listed.
    fn is_missing(&self, role: ChoiceRole, text: &str) -> bool {
        use ChoiceRole::{Condition, First, Higher, Loser, Lower, Session, Subject, Winner};
        match role {
            Subject | Session | Condition => {
                is_missing(text) && !text.eq_ignore_ascii_case("none") && !text.eq_ignore_ascii_case("null")
            }
            Winner | Loser | First | Higher | Lower => {
                is_missing(text)
                    && !self.options.names.as_ref().is_some_and(|names| names.contains_key(label_key(text).as_ref()))
            }
            // Counts given for all rows take precedence over the file's.
            ChoiceRole::Count => self.columns.trials == TrialCounts::Column && is_missing(text),
            _ => is_missing(text),
        }
    }

    /// The items of a row as (first, second), and whether this reverses (chosen or higher, other).
    fn pair(
        &mut self,
        cells: &Cells<'_>,
        of: ChoiceRole,
        against: ChoiceRole,
    ) -> std::result::Result<((usize, usize), bool), String> {
        let cell = |role: ChoiceRole| cells[role as usize].unwrap_or_default();
        let (a, b) = (self.item(cell(of), of)?, self.item(cell(against), against)?);
        if a == b {
            return Err(format!("{:?} is paired with itself: expected two different items", cell(of)));
        }
        if self.shape == Shape::Ranked && a > b {
            let (higher, lower) = (cell(of), cell(against));
            return Err(format!(
                "the higher item {higher:?} stands below the lower one {lower:?}: expected the smaller rank as higher (for pairs in \
                 either order, write who was chosen in one column and the other item in another: \
                 ⟨columns=winner=COLUMN,loser=COLUMN⟩, without accuracy)"
            ));
        }
        let first = match cells[ChoiceRole::First as usize] {
            Some(text) => self.item(text, ChoiceRole::First)?,
            None => a.min(b),
        };
        match first {
            _ if first == a => Ok(((a, b), false)),
            _ if first == b => Ok(((b, a), true)),
            _ => {
                let (first, a, b) = (cell(ChoiceRole::First), cell(of), cell(against));
                Err(format!(
                    "the first item {first:?} is neither the {of} {a:?} nor the {against} {b:?}: expected one of them"
                ))
            }
        }
    }

    /// Rank of an item, as in the file.
    fn item(&mut self, text: &str, role: ChoiceRole) -> std::result::Result<usize, String> {
        if let Some(names) = &self.options.names {
            return names.get(label_key(text).as_ref()).copied().ok_or_else(|| {
                let items = self.columns.items.iter().flatten();
                format!("the {role} {text:?} is none of the items {}", name_list(items))
            });
        }
        let rank = whole(&label_key(text), self.numbers).filter(|r| *r <= MOST_ITEMS).ok_or_else(|| {
            format!("the {role} {text:?} is not a rank: expected a whole number, or the items by name, highest first (⟨items=A,B,…⟩)")
        })?;
        let first = self.options.first_rank.unwrap_or(0);
        // If ranks may count from 0 or from 1, the larger range is allowed here and checked at the end.
        let last = self.options.n_items.map_or(MOST_ITEMS, |n| n - 1 + self.options.first_rank.unwrap_or(1));
        if !(first..=last).contains(&rank) {
            let expected = match (self.options.first_rank, self.options.n_items) {
                (None, Some(n)) => format!("0 to {}, or 1 to {n}", n - 1),
                _ => format!("{first} to {last}"),
            };
            return Err(format!("the {role} has rank {rank}: expected {expected}"));
        }
        self.ranks_here = (self.ranks_here.0.min(rank), self.ranks_here.1.max(rank));
        Ok(rank)
    }

    fn distance(&self, text: &str) -> std::result::Result<usize, String> {
        let most = self.options.n_items.unwrap_or(MOST_ITEMS) - 1;
        whole(text, self.numbers)
            .filter(|d| (1..=most).contains(d))
            .ok_or_else(|| format!("distance {text:?}: expected a whole number from 1 to {most}"))
    }

    /// Ends a file. If ranks may count from 0 or from 1, refuses a file with ranks from 1 that go beyond those of a file with ranks
    /// from 0: the two may count differently.
    pub(super) fn end_file(&mut self, path: &Path) -> std::result::Result<(), String> {
        self.thousands.check()?;
        let (low, high) = std::mem::replace(&mut self.ranks_here, (usize::MAX, 0));
        if low == usize::MAX {
            return Ok(());
        }
        self.ranks = (self.ranks.0.min(low), self.ranks.1.max(high));
        if self.options.first_rank.is_some() || self.columns.items.is_some() || low > 1 {
            return Ok(());
        }
        let own = &mut self.by_first[low];
        if own.as_ref().is_none_or(|(_, highest)| *highest < high) {
            *own = Some((path.to_owned(), high));
        }
        if let [Some((zero, to)), Some((one, reach))] = &self.by_first
            && reach > to
        {
            let (zero, one) = (zero.display(), one.display());
            return Err(format!(
                "the ranks run from 0 to {to} in {zero} and from 1 to {reach} in {one}: if both count from 0, say ⟨first_rank=0⟩; \
                 otherwise write them alike"
            ));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> std::result::Result<ChoiceTable, String> {
        let total: f64 = self.rows.iter().map(|row| row.trials).sum();
        if total < LEAST_TRIALS {
            return Err(format!(
                "the counts add up to {total:e} trials, from which nothing can be told: expected numbers of trials, as in 20, and not \
                 shares of them or another unit"
            ));
        }
        if let Some(column) = &self.only_right_or_wrong {
            return Err(format!(
                "the column {column:?} (the accuracy) holds 0 and 1 only, and winner and loser say already who was chosen: leave it \
                 out (⟨columns=winner=COLUMN,loser=COLUMN⟩); where it says whether the choice was right, name the right item \
                 higher and the other lower (higher=COLUMN,lower=COLUMN,accuracy={column}); where it says whether the item named \
                 winner was chosen, call it chose_first"
            ));
        }
        let reconstruction = self.reconstruct()?;
        let by_distance = self.shape == Shape::Distance;
        let first_rank = match self.options.first_rank {
            Some(first) => first,
            None if by_distance => 0,
            None if self.ranks.0 > 1 => {
                return Err(format!(
                    "the ranks run from {} to {}: say whether the highest item has rank 0 or 1 (⟨first_rank⟩)",
                    self.ranks.0, self.ranks.1
                ));
            }
            None => self.ranks.0,
        };
        let largest = match by_distance {
            true => self.rows.iter().map(|r| r.items.0).max().unwrap_or(1),
            false if self.options.names.is_some() => 1,
            false => self.ranks.1 - first_rank,
        };
        let n_items = self.options.n_items.unwrap_or(largest + 1);
        if largest >= n_items {
            let (from, to) = self.ranks;
            return Err(format!("the ranks run from {from} to {to}: expected {n_items} items, from {first_rank} on"));
        }
        if self.options.n_items.is_none() && !by_distance && n_items > SPARSE.0 {
            let shown: HashSet<usize> = self.rows.iter().flat_map(|row| [row.items.0, row.items.1]).collect();
            if SPARSE.1 * shown.len() < n_items {
                return Err(format!(
                    "the ranks run from {} to {}, and only {} of these {n_items} items occur: leave out rows with a code in place of a \
                     rank (⟨where⟩), or say how many items there are (⟨n_items={n_items}⟩)",
                    self.ranks.0,
                    self.ranks.1,
                    shown.len()
                ));
            }
        }
        let items = match &self.columns.items {
            Some(items) => items.clone(),
            None => (0..n_items).map(|k| (k + first_rank).to_string()).collect(),
        };
        // With a reconstructed count, the number of choices is whole.
        let chosen = |row: &RawRow| match reconstruction {
            Some(_) => (row.proportion * row.trials).round(),
            None => row.proportion * row.trials,
        };
        let (mut rows, mut distance_rows) = (Vec::new(), Vec::new());
        for row in &self.rows {
            let (chosen, trials, groups) = (chosen(row), row.trials, row.groups);
            if by_distance {
                distance_rows.push(DistanceRow { distance: row.items.0, higher_chosen: chosen, trials, groups });
            } else {
                let (first, second) = (row.items.0 - first_rank, row.items.1 - first_rank);
                rows.push(ChoiceRow { first, second, first_chosen: chosen, trials, groups });
            }
        }
        self.left_out.notes.extend(self.people.note(&self.groups));
        for (names, grouping) in self.groups.iter().zip(Grouping::ALL) {
            self.left_out.notes.extend(names.iter().flat_map(|names| names.notes(grouping.role())));
        }
        let groups = self.groups.map(|names| names.map_or_else(Vec::new, |names| names.shown));
        let presentation_known = self.presentation_known;
        let labels = match &self.columns.items {
            Some(_) => ItemLabels::Names,
            None => ItemLabels::Ranks { first: first_rank, is_given: self.options.first_rank.is_some() || by_distance },
        };
        Ok(ChoiceTable {
            n_items,
            items,
            labels,
            rows,
            distance_rows,
            presentation_known,
            groups,
            reconstruction,
            left_out: self.left_out,
        })
    }

    /// Reconstructs the numbers of trials of all rows, if that was asked for.
    fn reconstruct(&mut self) -> std::result::Result<Option<CountReconstruction>, String> {
        let Some((_, designs, numbers)) = self.designs.take() else { return Ok(None) };
        let proportions: Vec<f64> = self.rows.iter().map(|r| r.proportion).collect();
        let Some((trials, report)) = reconstruct(&proportions, &numbers, designs.shown) else {
            let problem =
                "the proportions do not tell their numbers of trials (all are 0, 1 or no fraction of up to 200 trials)";
            return Err(format!("{problem}: give one number for all rows (⟨trials=N⟩)"));
        };
        self.rows.iter_mut().zip(trials).for_each(|(row, trials)| row.trials = trials);
        Ok(Some(report))
    }
}

/// A whole number that is not negative, written as 3 or 3.0.
fn whole(text: &str, numbers: Numbers) -> Option<usize> {
    numbers.whole(text).and_then(|number| usize::try_from(number).ok())
}

/// A proportion, perhaps written as a truth value.
fn proportion(text: &str, numbers: Numbers) -> std::result::Result<f64, String> {
    let number = numbers.parse(text).or_else(|| flag(text).map(f64::from));
    number.filter(|p| (0.0..=1.0).contains(p)).ok_or_else(|| {
        let percent =
            if number.is_some_and(|p| (1.0..=100.0).contains(&p)) { " (a percentage divided by 100)" } else { "" };
        let comma = if numbers.parse(text).is_none() && text.contains(',') { ", with a decimal point" } else { "" };
        format!("accuracy {text:?}: expected a proportion from 0 to 1{percent}{comma}")
    })
}

fn count(text: &str, numbers: Numbers) -> std::result::Result<f64, String> {
    numbers.parse(text).filter(|n| *n > 0.0 && n.is_finite()).ok_or_else(|| {
        let point = if has_thousands(text) { ", without points between thousands" } else { "" };
        format!("count {text:?}: expected a positive, finite number of trials{point}")
    })
}

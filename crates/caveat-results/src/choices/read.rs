//! From rows of text to the table of choices: items to ranks, proportions and counts to numbers of choices.

use std::collections::HashMap;

use super::columns::{Fields, Shape};
use super::counts::reconstruct;
use super::source::{Cells, Source};
use super::{
    ChoiceColumns, ChoiceRole, ChoiceRow, ChoiceTable, CountReconstruction, DistanceRow, Grouping, TrialCounts,
};
use crate::error::{Result, ResultsError, name_list};
use crate::input::AsInput;
use crate::interner::Interner;

/// Largest number of items, as a guard against a column that holds no ranks.
const MOST_ITEMS: usize = 1_000_000;

/// Reads choices from a CSV file, or from Parquet where the name ends in `.parquet`.
///
/// A CSV has a header; in Parquet, text and numbers are read alike. Columns stand in any order among any others. Time is linear
/// in the rows; memory is 56 bytes a row.
///
/// # Errors
/// Without reading rows: options out of range, an empty, binary or damaged file, a missing column, proportions without
/// numbers of trials. Named by line (row in Parquet): an item that is no rank or none of those given, an item against itself, a
/// higher item below the lower one, a first item that is neither of the two, an accuracy outside 0 to 1, a count that is not
/// positive and finite, a distance that is no positive whole number, an empty field. Then: no rows, ranks whose first is
/// neither 0 nor 1 where that was left open, counts that cannot be reconstructed.
///
/// ```
/// use caveat_results::{ChoiceColumns, Grouping, read_choices};
/// # let directory = std::env::temp_dir().join(format!("caveat-choices-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let path = directory.join("choices.csv");
/// std::fs::write(&path, "chosen,other,monkey\n1,2,Ada\n3,2,Ada\n2,3,Bo\n")?;
/// let table = read_choices(&path, &"winner=chosen,loser=other,subject=monkey".parse::<ChoiceColumns>()?)?;
/// assert_eq!((table.n_items, table.names(Grouping::Subject)), (3, &["Ada".to_owned(), "Bo".to_owned()][..]));
/// let middle = &table.pairs()?[1];
/// assert_eq!((middle.higher, middle.lower, middle.higher_chosen, middle.trials), (1, 2, 1.0, 2.0));
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_choices(file: &(impl AsInput + ?Sized), columns: &ChoiceColumns) -> Result<ChoiceTable> {
    let options = Options::new(columns)?;
    let input = file.as_input();
    let path = input.path();
    let source = Source::open(&input)?;
    let fields = columns.resolve(source.names()).map_err(|problem| ResultsError::bad_file(path, problem))?;
    let mut collector = Collector::new(columns, options, &fields).map_err(|e| ResultsError::bad_file(path, e))?;
    source.visit(&fields.fields, &mut |cells| collector.push(cells))?;
    if collector.rows.is_empty() {
        let (path, filter) = (path.to_owned(), String::new());
        return Err(ResultsError::NoRows { path, filter, expected: "one per choice or proportion" });
    }
    collector.finish().map_err(|problem| ResultsError::bad_file(path, problem))
}

/// The choices of the caller that do not depend on the file, checked.
struct Options {
    names: Option<HashMap<String, usize>>,
    first_rank: Option<usize>,
    n_items: Option<usize>,
}

impl Options {
    fn new(columns: &ChoiceColumns) -> Result<Self> {
        let bad = |problem: String| Err(ResultsError::BadTable(problem));
        if let Some(first) = columns.first_rank.filter(|r| *r > 1) {
            return bad(format!("the first rank is {first}: expected 0 or 1"));
        }
        if let Some(n) = columns.n_items.filter(|n| !(2..=MOST_ITEMS).contains(n)) {
            return bad(format!("{n} items: expected 2 to {MOST_ITEMS}"));
        }
        if let TrialCounts::Fixed(n) = columns.trials
            && !(n > 0.0 && n.is_finite())
        {
            return bad(format!("{n} trials a row: expected a positive, finite number"));
        }
        let Some(items) = &columns.items else {
            return Ok(Self { names: None, first_rank: columns.first_rank, n_items: columns.n_items });
        };
        if items.len() < 2 {
            return bad(format!("{} items are named: expected at least 2, the highest first", items.len()));
        }
        let mut names = HashMap::with_capacity(items.len());
        for (rank, name) in items.iter().enumerate() {
            if name.is_empty() || names.insert(name.clone(), rank).is_some() {
                return bad(format!("the item {name:?} is empty or named twice: expected different names"));
            }
        }
        Ok(Self { names: Some(names), first_rank: Some(0), n_items: Some(items.len()) })
    }
}

/// A row before ranks are known to count from 0 and proportions to be of how many trials.
struct RawRow {
    /// Items shown first and second, in the file's ranks; by distance, the distance and 0.
    items: (usize, usize),
    /// Proportion of choices of the first item; by distance, of the higher one.
    proportion: f64,
    trials: f64,
    groups: [u32; 3],
}

/// Takes rows one by one.
struct Collector<'a> {
    columns: &'a ChoiceColumns,
    options: Options,
    shape: Shape,
    presentation_known: bool,
    rows: Vec<RawRow>,
    groups: [Option<Interner>; 3],
    /// With counts to be reconstructed: the role whose text makes the groups, their numbers, and every row's.
    designs: Option<(ChoiceRole, Interner, Vec<u32>)>,
    /// Smallest and largest rank met.
    ranks: (usize, usize),
}

impl<'a> Collector<'a> {
    fn new(columns: &'a ChoiceColumns, options: Options, fields: &Fields) -> std::result::Result<Self, String> {
        let designs = match columns.trials {
            TrialCounts::Column if fields.has(ChoiceRole::Accuracy) && !fields.has(ChoiceRole::Count) => {
                return Err(
                    "the proportions come without numbers of trials: name a column of them (count=COLUMN) or give one \
                            number for all rows (--trials N)"
                        .to_owned(),
                );
            }
            TrialCounts::Reconstructed(_) if !fields.has(ChoiceRole::Accuracy) => {
                return Err(
                    "numbers of trials are reconstructed from proportions only: name a column for accuracy".to_owned()
                );
            }
            TrialCounts::Reconstructed(by) if !fields.has(by) => {
                return Err(format!("numbers of trials are reconstructed by {by}: name a column for it"));
            }
            TrialCounts::Reconstructed(by) => Some((by, Interner::default(), Vec::new())),
            TrialCounts::Column | TrialCounts::Fixed(_) => None,
        };
        Ok(Self {
            columns,
            options,
            shape: fields.shape,
            presentation_known: fields.has(ChoiceRole::First),
            rows: Vec::new(),
            groups: Grouping::ALL.map(|g| fields.has(g.role()).then(Interner::default)),
            designs,
            ranks: (usize::MAX, 0),
        })
    }

    /// Adds a row, or says what is wrong with it.
    fn push(&mut self, cells: &Cells<'_>) -> std::result::Result<(), String> {
        let cell = |role: ChoiceRole| cells[role as usize].unwrap_or_default();
        if let Some(role) = ChoiceRole::ALL.into_iter().find(|&role| cells[role as usize] == Some("")) {
            return Err(format!("the {role} is empty: expected a value in every row"));
        }
        let (items, swapped) = match self.shape {
            Shape::Distance => ((self.distance(cell(ChoiceRole::Distance))?, 0), false),
            Shape::Chosen => self.pair(cells, ChoiceRole::Winner, ChoiceRole::Loser)?,
            Shape::Ranked => self.pair(cells, ChoiceRole::Higher, ChoiceRole::Lower)?,
        };
        let proportion = match cells[ChoiceRole::Accuracy as usize] {
            Some(text) => proportion(text)?,
            None => 1.0,
        };
        let trials = match (self.columns.trials, cells[ChoiceRole::Count as usize]) {
            (TrialCounts::Fixed(n), _) => n,
            (TrialCounts::Reconstructed(_), _) => f64::NAN,
            (TrialCounts::Column, Some(text)) => count(text)?,
            (TrialCounts::Column, None) => 1.0,
        };
        let mut groups = [0; 3];
        for ((number, interner), grouping) in groups.iter_mut().zip(&mut self.groups).zip(Grouping::ALL) {
            if let Some(interner) = interner {
                *number = interner.intern(group_name(cell(grouping.role())).as_bytes())?;
            }
        }
        if let Some((by, designs, numbers)) = &mut self.designs {
            numbers.push(designs.intern(group_name(cell(*by)).as_bytes())?);
        }
        self.rows.push(RawRow {
            items,
            proportion: if swapped { 1.0 - proportion } else { proportion },
            trials,
            groups,
        });
        Ok(())
    }

    /// The items of a row as (first, second), and whether that is the reverse of (chosen or higher, other).
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
                "the higher item {higher:?} stands below the lower one {lower:?}: expected the smaller rank as higher (name the \
                 columns winner and loser for pairs in either order)"
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

    /// Rank of an item, as the file counts.
    fn item(&mut self, text: &str, role: ChoiceRole) -> std::result::Result<usize, String> {
        if let Some(names) = &self.options.names {
            return names.get(text).copied().ok_or_else(|| {
                let items = self.columns.items.iter().flatten().map(String::as_str);
                format!("the {role} {text:?} is none of the items {}", name_list(items))
            });
        }
        let rank = whole(text).filter(|r| *r <= MOST_ITEMS).ok_or_else(|| {
            format!("the {role} {text:?} is not a rank: expected a whole number, or the items by name, highest first (--order A,B,…)")
        })?;
        let first = self.options.first_rank.unwrap_or(0);
        // Where it is open whether ranks count from 0 or 1, the larger range is allowed here and checked at the end.
        let last = self.options.n_items.map_or(MOST_ITEMS, |n| n - 1 + self.options.first_rank.unwrap_or(1));
        if !(first..=last).contains(&rank) {
            return Err(format!("the {role} has rank {rank}: expected {first} to {last}"));
        }
        self.ranks = (self.ranks.0.min(rank), self.ranks.1.max(rank));
        Ok(rank)
    }

    fn distance(&self, text: &str) -> std::result::Result<usize, String> {
        let most = self.options.n_items.unwrap_or(MOST_ITEMS) - 1;
        whole(text)
            .filter(|d| (1..=most).contains(d))
            .ok_or_else(|| format!("distance {text:?}: expected a whole number from 1 to {most}"))
    }

    fn finish(mut self) -> std::result::Result<ChoiceTable, String> {
        let reconstruction = self.reconstruct()?;
        let by_distance = self.shape == Shape::Distance;
        let first_rank = match self.options.first_rank {
            Some(first) => first,
            None if by_distance => 0,
            None if self.ranks.0 > 1 => {
                return Err(format!(
                    "the ranks run from {} to {}: say whether the highest item has rank 0 or 1 (--first-rank)",
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
        let items = match &self.columns.items {
            Some(items) => items.clone(),
            None => (0..n_items).map(|k| (k + first_rank).to_string()).collect(),
        };
        // A reconstructed count makes a whole number of choices; a written one is the file's own.
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
        let groups = self.groups.map(|interner| interner.map_or_else(Vec::new, Interner::into_labels));
        let presentation_known = self.presentation_known;
        Ok(ChoiceTable { n_items, items, rows, distance_rows, presentation_known, groups, reconstruction })
    }

    /// Fills in the numbers of trials of all rows where they are to be reconstructed.
    fn reconstruct(&mut self) -> std::result::Result<Option<CountReconstruction>, String> {
        let Some((_, designs, numbers)) = self.designs.take() else { return Ok(None) };
        let names = designs.into_labels();
        let proportions: Vec<f64> = self.rows.iter().map(|r| r.proportion).collect();
        let Some((trials, report)) = reconstruct(&proportions, &numbers, names.len()) else {
            let problem =
                "the proportions do not tell their numbers of trials (all are 0, 1 or no fraction of up to 200 trials)";
            return Err(format!("{problem}: give one number for all rows (--trials N)"));
        };
        for (row, trials) in self.rows.iter_mut().zip(trials) {
            row.trials = trials;
        }
        Ok(Some(CountReconstruction {
            typical: names.into_iter().zip(report.typical).collect(),
            at_typical: report.at_typical,
            off_by: report.off_by,
            failed: report.failed,
        }))
    }
}

/// A whole number that is not negative, written as 3 or 3.0.
fn whole(text: &str) -> Option<usize> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    // Above 2⁵³ floats skip whole numbers.
    (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as usize)
}

fn proportion(text: &str) -> std::result::Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|p| (0.0..=1.0).contains(p)).ok_or_else(|| {
        let percent =
            if number.is_some_and(|p| (1.0..=100.0).contains(&p)) { " (a percentage divided by 100)" } else { "" };
        format!("accuracy {text:?}: expected a proportion from 0 to 1{percent}")
    })
}

fn count(text: &str) -> std::result::Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|n| *n > 0.0 && n.is_finite())
        .ok_or_else(|| format!("count {text:?}: expected a positive, finite number of trials"))
}

/// The name of a group: whole numbers that a table kept as floats are named without their decimal zero.
fn group_name(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits,
        _ => text,
    }
}

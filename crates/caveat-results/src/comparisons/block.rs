//! Reads rows of a comparison list, of whatever kind, as blocks of labels and weights.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::columns::{ComparisonRole, Fields, Shape};
use crate::delimited::Numbers;
use crate::error::{Result, ResultsError};
use crate::interner::Strings;
use crate::labels::{is_missing_label, label_key};
use crate::rows::Rows;
use crate::unread::Watched;

/// Comparisons whose labels are looked up together: enough that memory accesses overlap, few enough to stay in cache.
const BLOCK: usize = 4096;

/// Some comparisons of the file; the buffers are reused.
#[derive(Default)]
pub(super) struct Block {
    /// Winner and loser of each comparison, alternating.
    pub(super) labels: Strings,
    /// Empty if every row weighs 1.
    pub(super) weights: Vec<f64>,
    /// The place of the row of each comparison.
    pub(super) places: Vec<u64>,
}

/// Reads rows as comparisons.
pub(super) struct Reader {
    rows: Rows,
    record: csv::ByteRecord,
    fields: Fields,
    numbers: Numbers,
    skip_missing: bool,
    skipped: u64,
    filtered: u64,
    /// Columns that are not read, but whose values are noted.
    watched: Vec<Watched>,
    ties: u64,
    /// How choices are read that may be labels or sides.
    reading: Reading,
    /// What the rows tell about that.
    pub(super) evidence: Evidence,
    /// Items of rows without a win, as written.
    winless: BTreeSet<Vec<u8>>,
    /// The first label that could mean a missing value, and the number of all such labels.
    word: Option<(String, u64)>,
    /// Names of the columns of the two items, by which a choice may name them.
    sides: [String; 2],
}

/// How to read a choice that is both the label of one item and the word for the side of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Labels,
    Sides,
}

/// What the choices of a file tell about whether they are labels or sides.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// Choices that mean one item as a label and the other as a side, by the pair of words for sides, with the place of the first.
    open: BTreeMap<usize, (String, u64)>,
    /// Choices that can only be sides, by the pair of words.
    sides: BTreeMap<usize, String>,
    /// A choice that can only be a label.
    label: Option<String>,
}

impl Reader {
    pub(super) fn new(mut rows: Rows, fields: &Fields, skip_missing: bool, reading: Reading) -> Self {
        let watched = fields.watched(rows.names());
        rows.select(&fields.all().into_iter().chain(watched.iter().map(|w| w.field)).collect::<Vec<_>>());
        let name = |role| fields.get(role).map_or_else(String::new, |f| rows.names()[f].clone());
        let sides = [name(ComparisonRole::ItemA), name(ComparisonRole::ItemB)];
        let (numbers, fields) = (rows.numbers(), fields.clone());
        let record = csv::ByteRecord::new();
        Self {
            rows,
            record,
            fields,
            numbers,
            skip_missing,
            skipped: 0,
            filtered: 0,
            watched,
            ties: 0,
            reading,
            evidence: Evidence::default(),
            winless: BTreeSet::new(),
            word: None,
            sides,
        }
    }

    /// Reads the next comparisons; false at the end of the table. After an error, the block holds those before it.
    pub(super) fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.labels.clear();
        block.weights.clear();
        block.places.clear();
        while block.places.len() < BLOCK {
            let place = self.rows.place();
            if !self.rows.read(&mut self.record)? {
                return Ok(false);
            }
            let field = |field: usize| self.record.get(field).unwrap_or_default().trim_ascii();
            let passes = self.fields.filters.iter().try_fold(true, |passes, (filter, at)| {
                Ok(passes && filter.holds(String::from_utf8_lossy(field(*at)).trim(), self.numbers)?)
            });
            if !passes.map_err(|problem: String| self.rows.bad(place, problem))? {
                self.filtered += 1;
                continue;
            }
            self.watched.iter_mut().for_each(|column| column.see(field(column.field)));
            match self.push(block, place) {
                Ok(None) => {}
                Ok(Some(_)) if self.skip_missing => self.skipped += 1,
                Ok(Some(problem)) | Err(problem) => return Err(self.rows.bad(place, problem)),
            }
        }
        Ok(true)
    }

    /// Adds the comparisons of the current row; says which value is missing, if one is.
    fn push(&mut self, block: &mut Block, place: u64) -> std::result::Result<Option<String>, String> {
        use ComparisonRole::{Chosen, ItemA, ItemB, Loser, Weight, Winner, WinsA, WinsB};
        // The reader has checked that all rows have as many fields as the header.
        let field = |role| {
            self.fields.get(role).map(|f| self.record.get(f).unwrap_or_default().trim_ascii()).unwrap_or_default()
        };
        let roles = if self.fields.shape == Shape::Won { [Winner, Loser] } else { [ItemA, ItemB] };
        let items = roles.map(field);
        for (label, role) in items.iter().zip(roles) {
            if is_missing_label(label) {
                let label = label_key(&String::from_utf8_lossy(label)).into_owned();
                if label.is_empty() || self.skip_missing {
                    let problem =
                        format!("the {role} is empty: expected a label (⟨skip_missing⟩ leaves such rows out)");
                    return Ok(Some(problem));
                }
                // It may well be a name, like that of Namibia.
                self.word.get_or_insert((label, 0)).1 += 1;
            }
        }
        let number = |role: ComparisonRole, least: f64, expected: &str| {
            let bytes = field(role);
            if is_missing_label(bytes) && self.skip_missing {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(bytes);
            let value = self.numbers.parse(&text).filter(|w| *w >= least && w.is_finite());
            value.map(Some).ok_or_else(|| format!("{role} {text:?}: expected {expected}"))
        };
        let mut weight = None;
        if self.fields.get(Weight).is_some() {
            weight = number(Weight, f64::MIN_POSITIVE, "a positive, finite number")?;
            if weight.is_none() {
                return Ok(Some(String::new()));
            }
        }
        let labels = items.map(|label| point(label, self.numbers));
        let mut add = |first: usize, weight: Option<f64>| {
            block.labels.push(&labels[first]);
            block.labels.push(&labels[1 - first]);
            block.weights.extend(weight);
            block.places.push(place);
        };
        match self.fields.shape {
            Shape::Won => add(0, weight),
            Shape::Chose => {
                let chosen = field(Chosen);
                if is_missing_label(chosen) {
                    let text = String::from_utf8_lossy(chosen);
                    return Ok(Some(format!(
                        "the {Chosen} is {text:?}: expected one of the items, or a tie (⟨skip_missing⟩ leaves such rows out)"
                    )));
                }
                let weight = weight.unwrap_or(1.0);
                let (choice, evidence) = self.choice(chosen, &labels)?;
                if let Some(evidence) = evidence {
                    self.evidence.add(evidence, chosen, place);
                }
                match choice {
                    Some(first) => add(first, Some(weight)),
                    None => {
                        self.ties += 1;
                        add(0, Some(0.5 * weight));
                        add(1, Some(0.5 * weight));
                    }
                }
            }
            Shape::Counted => {
                let [a, b] = [WinsA, WinsB].map(|role| number(role, 0.0, "a number of wins, 0 or more"));
                let (Some(a), Some(b)) = (a?, b?) else { return Ok(Some(String::new())) };
                let weight = weight.unwrap_or(1.0);
                if a == 0.0 && b == 0.0 {
                    self.winless.extend(labels.iter().map(|label| label.to_vec()));
                }
                for (first, wins) in [(0, a), (1, b)] {
                    if wins > 0.0 {
                        add(first, Some(wins * weight));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Which of two items was chosen, `None` for a tie, and what that tells about whether choices are labels or sides.
    fn choice(
        &self,
        chosen: &[u8],
        labels: &[Cow<'_, [u8]>; 2],
    ) -> std::result::Result<(Option<usize>, Option<Shown>), String> {
        let chosen = point(chosen, self.numbers);
        let text = String::from_utf8_lossy(&chosen);
        let keys = [0, 1].map(|k| label_key(&String::from_utf8_lossy(&labels[k])).into_owned());
        let by_label = keys.iter().position(|key| *key == label_key(&text));
        let word = text.to_lowercase();
        let side_of = |pair: &[&str; 2]| pair.iter().position(|side| *side == word);
        let by_side = match self.sides.iter().position(|side| side.to_lowercase() == word) {
            Some(side) => {
                let named = |pair: &[&str; 2]| pair.iter().zip(&self.sides).all(|(a, b)| *a == b.to_lowercase());
                Some((SIDES.iter().position(named).unwrap_or(SIDES.len()), side))
            }
            None => SIDES.iter().enumerate().find_map(|(words, pair)| Some((words, side_of(pair)?))),
        };
        match (by_label, by_side) {
            (Some(label), Some((_, side))) if label == side => Ok((Some(label), None)),
            (Some(label), Some((words, side))) => {
                Ok((Some(if self.reading == Reading::Labels { label } else { side }), Some(Shown::Open(words))))
            }
            (Some(label), None) => Ok((Some(label), Some(Shown::Label))),
            (None, Some((words, side))) => Ok((Some(side), Some(Shown::Side(words)))),
            (None, None) if TIES.contains(&word.as_str()) => Ok((None, None)),
            (None, None) => {
                let [a, b] = labels.each_ref().map(|label| String::from_utf8_lossy(label));
                Err(format!(
                    "the chosen {text:?} is neither {a:?} nor {b:?}, nor a side ({}, {}), nor a tie",
                    self.sides[0], self.sides[1]
                ))
            }
        }
    }

    /// An error about the row at a place.
    pub(super) fn bad(&self, place: u64, problem: impl Into<String>) -> ResultsError {
        self.rows.bad(place, problem)
    }

    /// Number of rows left out for a missing value, and by conditions.
    pub(super) fn left_out(&self) -> (u64, u64) {
        (self.skipped, self.filtered)
    }

    /// Items of rows in which neither won.
    pub(super) fn winless(&self) -> Vec<String> {
        self.winless.iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect()
    }

    /// Notes on how rows were understood and which were left out, a line each.
    pub(super) fn notes(&self, names: &[String], fields: &Fields) -> Vec<String> {
        let mut notes = Vec::new();
        let rows = |n: u64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        if self.filtered > 0 {
            notes.push(format!("note: {} left out by ⟨where⟩", rows(self.filtered)));
        }
        if self.skipped > 0 {
            notes.push(format!("note: {} left out, with a missing value", rows(self.skipped)));
        }
        if let Some((word, n)) = &self.word {
            notes.push(format!(
                "warning: {word:?} is taken for the name of an item, in {}; where it means a missing value, ⟨skip_missing⟩ leaves \
                 those out",
                rows(*n)
            ));
        }
        notes.extend(fields.passed_over(names));
        notes.extend(self.watched.iter().filter_map(Watched::note).map(|note| format!("warning: {note}")));
        if fields.shape != Shape::Won {
            let name = |role| fields.get(role).map_or("", |f| names[f].as_str());
            let [a, b] = [ComparisonRole::ItemA, ComparisonRole::ItemB].map(name);
            let by = match fields.shape {
                Shape::Counted => {
                    let [a, b] = [ComparisonRole::WinsA, ComparisonRole::WinsB].map(name);
                    format!("with as many wins as {a:?} and {b:?} say")
                }
                _ => format!("the winner as {:?} says", name(ComparisonRole::Chosen)),
            };
            let ties = match self.ties {
                0 => String::new(),
                n => format!("; {} with a tie count half for each", rows(n)),
            };
            notes.push(format!("note: {a:?} is compared with {b:?}, {by}{ties}"));
        }
        notes
    }
}

/// What one choice tells about whether choices are labels or sides; sides by the number of their pair of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Label,
    Side(usize),
    /// Either is possible, with different meanings.
    Open(usize),
}

impl Evidence {
    fn add(&mut self, shown: Shown, chosen: &[u8], place: u64) {
        let text = || String::from_utf8_lossy(chosen).into_owned();
        match shown {
            Shown::Label => {
                self.label.get_or_insert_with(text);
            }
            Shown::Side(words) => {
                self.sides.entry(words).or_insert_with(text);
            }
            Shown::Open(words) => {
                self.open.entry(words).or_insert_with(|| (text(), place));
            }
        }
    }

    /// How to read choices that may be either: as sides if some row has the word where it can only be a side, as labels if other rows
    /// have labels or other words for sides. If both or neither is the case, the place of a choice and the problem.
    pub(super) fn reading(&self) -> std::result::Result<Reading, (u64, String)> {
        let mut found = None;
        for (words, (word, place)) in &self.open {
            let side = self.sides.get(words);
            let other =
                self.label.as_ref().or_else(|| self.sides.iter().find(|(w, _)| *w != words).map(|(_, side)| side));
            let reading = match (side, other) {
                (Some(_), None) => Ok(Reading::Sides),
                (None, Some(_)) => Ok(Reading::Labels),
                (Some(side), Some(other)) => Err(format!("{side:?} is a side elsewhere, and {other:?} is chosen too")),
                (None, None) => Err("no row of the file says which".to_owned()),
            };
            match reading {
                Ok(reading) if found.is_none_or(|known| known == reading) => found = Some(reading),
                other => {
                    let why = other.err().unwrap_or_default();
                    let problem = format!(
                        "the chosen {word:?} is the name of one item and the word for the side of the other ({why}): write left and \
                         right where a side is meant, or rename the items"
                    );
                    return Err((*place, problem));
                }
            }
        }
        Ok(found.unwrap_or(Reading::Labels))
    }
}

/// Words for the sides of a pair besides the names of its columns.
const SIDES: [[&str; 2]; 6] = [
    ["left", "right"],
    ["first", "second"],
    ["a", "b"],
    ["model_a", "model_b"],
    ["item_a", "item_b"],
    ["option_a", "option_b"],
];

/// Words for a tie.
const TIES: [&str; 10] =
    ["tie", "draw", "tie (bothbad)", "both_bad", "bothbad", "both", "equal", "neither", "same", "tie (both bad)"];

/// A label with a decimal point, if the table has decimal commas: 2,0 is the item 2.
fn point(label: &[u8], numbers: Numbers) -> Cow<'_, [u8]> {
    if matches!(numbers, Numbers::Comma | Numbers::CommaNotPoint)
        && let Some(comma) = label.iter().position(|b| *b == b',')
    {
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let whole = label[..comma].strip_prefix(b"-").unwrap_or(&label[..comma]);
        if digits(whole) && digits(&label[comma + 1..]) {
            let mut label = label.to_vec();
            label[comma] = b'.';
            return Cow::Owned(label);
        }
    }
    Cow::Borrowed(label)
}

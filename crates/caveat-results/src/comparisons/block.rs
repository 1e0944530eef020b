//! Rows of a comparison list as blocks of labels and weights, whatever the columns say.

use std::borrow::Cow;

use super::columns::{ComparisonRole, Fields, Shape};
use crate::delimited::Numbers;
use crate::error::{Result, ResultsError};
use crate::interner::Strings;
use crate::labels::{is_missing_label, label_key};
use crate::rows::Rows;

/// Comparisons whose labels are looked up together: enough for memory accesses to overlap, few enough to stay in cache.
const BLOCK: usize = 4096;

/// Some comparisons of the file, reused for the next ones.
#[derive(Default)]
pub(super) struct Block {
    /// Winner and loser of each comparison, alternating.
    pub(super) labels: Strings,
    /// Empty where every row weighs 1.
    pub(super) weights: Vec<f64>,
    /// Where the row of each comparison stands.
    pub(super) places: Vec<u64>,
}

/// Takes rows to comparisons.
pub(super) struct Reader {
    rows: Rows,
    record: csv::ByteRecord,
    fields: Fields,
    numbers: Numbers,
    skip_missing: bool,
    skipped: u64,
    ties: u64,
    /// The first label that is a word for a missing value, and how often such stand.
    word: Option<(String, u64)>,
    /// Names of the columns of the two items, which a choice may use for them.
    sides: [String; 2],
}

/// What a row says.
enum Said {
    Nothing,
    /// A value is missing: what, in words.
    Missing(String),
}

impl Reader {
    pub(super) fn new(mut rows: Rows, fields: &Fields, skip_missing: bool) -> Self {
        rows.select(&fields.all());
        let name = |role| fields.get(role).map_or_else(String::new, |f| rows.names()[f].clone());
        let sides = [name(ComparisonRole::ItemA), name(ComparisonRole::ItemB)];
        let (numbers, fields) = (rows.numbers(), fields.clone());
        let record = csv::ByteRecord::new();
        Self { rows, record, fields, numbers, skip_missing, skipped: 0, ties: 0, word: None, sides }
    }

    /// Reads the next comparisons; false once the table is read. After an error, the block holds those before it.
    pub(super) fn fill(&mut self, block: &mut Block) -> Result<bool> {
        block.labels.clear();
        block.weights.clear();
        block.places.clear();
        while block.places.len() < BLOCK {
            let place = self.rows.place();
            if !self.rows.read(&mut self.record)? {
                return Ok(false);
            }
            match self.push(block, place) {
                Ok(Said::Nothing) => {}
                Ok(Said::Missing(_)) if self.skip_missing => self.skipped += 1,
                Ok(Said::Missing(problem)) | Err(problem) => return Err(self.rows.bad(place, problem)),
            }
        }
        Ok(true)
    }

    /// Adds the comparisons of the row that was read.
    fn push(&mut self, block: &mut Block, place: u64) -> std::result::Result<Said, String> {
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
                        format!("the {role} is empty: expected a label (--skip-missing leaves such rows out)");
                    return Ok(Said::Missing(problem));
                }
                // It may well be a name, as of Namibia.
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
        let weight = match self.fields.get(Weight) {
            None => None,
            Some(_) => match number(Weight, f64::MIN_POSITIVE, "a positive, finite number")? {
                None => return Ok(Said::Missing(String::new())),
                weight => weight,
            },
        };
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
                    return Ok(Said::Missing(format!(
                        "the {Chosen} is {text:?}: expected one of the items, or a tie (--skip-missing leaves such rows out)"
                    )));
                }
                let weight = weight.unwrap_or(1.0);
                match self.choice(chosen, &labels)? {
                    Some(first) => add(first, Some(weight)),
                    None => {
                        self.ties += 1;
                        add(0, Some(0.5 * weight));
                        add(1, Some(0.5 * weight));
                    }
                }
            }
            Shape::Counted => {
                let wins = [WinsA, WinsB].map(|role| number(role, 0.0, "a number of wins, 0 or more"));
                let [a, b] = wins;
                let (Some(a), Some(b)) = (a?, b?) else { return Ok(Said::Missing(String::new())) };
                let weight = weight.unwrap_or(1.0);
                for (first, wins) in [(0, a), (1, b)] {
                    if wins > 0.0 {
                        add(first, Some(wins * weight));
                    }
                }
            }
        }
        Ok(Said::Nothing)
    }

    /// Which of two items was chosen, `None` for a tie.
    fn choice(&self, chosen: &[u8], labels: &[Cow<'_, [u8]>; 2]) -> std::result::Result<Option<usize>, String> {
        let chosen = point(chosen, self.numbers);
        let text = String::from_utf8_lossy(&chosen);
        let keys = [0, 1].map(|k| label_key(&String::from_utf8_lossy(&labels[k])).into_owned());
        let by_label = keys.iter().position(|key| *key == label_key(&text));
        if let Some(item) = by_label {
            return match self.sides.iter().position(|side| *side == text) {
                Some(side) if side != item => Err(format!(
                    "the chosen {text:?} is the label of one item and the column of the other: rename the columns"
                )),
                _ => Ok(Some(item)),
            };
        }
        let word = text.to_lowercase();
        let by_side = self
            .sides
            .iter()
            .position(|side| side.to_lowercase() == word)
            .or_else(|| SIDES.iter().find_map(|pair| pair.iter().position(|side| *side == word)));
        match by_side {
            Some(item) => Ok(Some(item)),
            None if TIES.contains(&word.as_str()) => Ok(None),
            None => {
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

    /// Rows left out as a value was missing.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What was understood and left out, a line each.
    pub(super) fn notes(&self, names: &[String], fields: &Fields) -> Vec<String> {
        let mut notes = Vec::new();
        let rows = |n: u64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
        if self.skipped > 0 {
            notes.push(format!("note: {} left out, with a missing value", rows(self.skipped)));
        }
        if let Some((word, n)) = &self.word {
            notes.push(format!(
                "warning: {word:?} is taken for the name of an item, in {}; where it means a missing value, --skip-missing leaves \
                 those out",
                rows(*n)
            ));
        }
        notes.extend(fields.passed_over(names));
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

/// Words for the sides of a pair besides the names of its columns.
const SIDES: [[&str; 2]; 6] = [
    ["left", "right"],
    ["first", "second"],
    ["a", "b"],
    ["model_a", "model_b"],
    ["item_a", "item_b"],
    ["option_a", "option_b"],
];

/// Words for a choice of neither or both.
const TIES: [&str; 10] =
    ["tie", "draw", "tie (bothbad)", "both_bad", "bothbad", "both", "equal", "neither", "same", "tie (both bad)"];

/// A label in a table whose numbers have a decimal comma, with a point: 2,0 is the item 2.
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

//! The columns of a comparison list: their roles, given or found by name, and the kinds of rows that these make.

use std::str::FromStr;

use caveat_theory::named_enum;

use crate::choices::RowFilter;
use crate::delimited::find_column;
use crate::error::{Result, ResultsError};
use crate::roles;
use crate::unread::{COUNTS, Watched};
use crate::words::{find_listed, has_word};

named_enum! {
    /// What a column of a comparison list holds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ComparisonRole, ALL {
        Winner = "winner": "The item that won",
        Loser = "loser": "The item that lost",
        ItemA = "item_a": "One item of a pair in any order" | "left",
        ItemB = "item_b": "The other one" | "right",
        Chosen = "chosen": "Which of the two won: its label, the word for its side, or a tie" | "choice",
        WinsA = "wins_a": "How often the one item won",
        WinsB = "wins_b": "How often the other one won",
        Weight = "weight": "How often the row counts, positive" | "count",
    }
    refuse |name| -> ResultsError { ResultsError::unknown_choice("role", name, Self::CHOICES) }
}

use ComparisonRole::{Chosen, ItemA, ItemB, Loser, Weight, Winner, WinsA, WinsB};

impl ComparisonRole {
    /// The names of all roles, as on a command line.
    pub const CHOICES: &'static str = "winner, loser; or item_a (left), item_b (right), chosen (choice); or item_a, item_b, wins_a, wins_b; and weight (count)";
}

/// How a comparison list is read: which column has which role, and what to do with rows without a label.
///
/// The roles make one of three kinds of rows: `winner`, `loser`; a pair `item_a`, `item_b` and which of them was `chosen`, by label
/// or side, with ties counting half for each; a pair and how often each won, `wins_a` and `wins_b`. Any may have a `weight`. The
/// default names no column: then columns are found that are named like roles or as in common files.
///
/// ```
/// use caveat_results::ComparisonColumns;
/// assert!("winner=better,loser=worse,weight=n".parse::<ComparisonColumns>().is_ok());
/// assert!("winner=better".parse::<ComparisonColumns>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ComparisonColumns {
    /// Columns by role; if empty, they are found by name.
    pub columns: Vec<(ComparisonRole, String)>,
    /// Whether rows without a label or a number are left out; otherwise they are errors.
    pub skip_missing: bool,
    /// Conditions that rows must pass.
    pub filters: Vec<RowFilter>,
}

/// The kind of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Who won and who lost.
    Won,
    /// A pair and which of it won.
    Chose,
    /// A pair and how often each of it won.
    Counted,
}

impl Shape {
    const ALL: [Self; 3] = [Self::Won, Self::Chose, Self::Counted];

    fn needed(self) -> &'static [ComparisonRole] {
        match self {
            Self::Won => &[Winner, Loser],
            Self::Chose => &[ItemA, ItemB, Chosen],
            Self::Counted => &[ItemA, ItemB, WinsA, WinsB],
        }
    }

    fn recognize(has: impl Fn(ComparisonRole) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.needed().iter().all(|&role| has(role)))
    }
}

/// The columns of one file: its kind of rows, and the field of every role.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) shape: Shape,
    fields: [Option<usize>; ComparisonRole::ALL.len()],
    /// Conditions on rows with their fields.
    pub(super) filters: Vec<(RowFilter, usize)>,
    /// Whether the columns were found by their names.
    found_by_name: bool,
}

impl Fields {
    pub(super) fn get(&self, role: ComparisonRole) -> Option<usize> {
        self.fields[role as usize]
    }

    /// Name of the first or second label of a comparison in messages.
    pub(super) fn side(&self, first: bool) -> &'static str {
        match (self.shape, first) {
            (Shape::Won, true) => Winner.name(),
            (Shape::Won, false) => Loser.name(),
            _ => "item",
        }
    }

    /// Columns that may tell training from tests and are neither read nor filtered by.
    pub(super) fn watched(&self, names: &[String]) -> Vec<Watched> {
        Watched::find(names, |k| !self.fields.contains(&Some(k)) && self.filters.iter().all(|(_, field)| *field != k))
    }

    /// Notes on columns that are not read but seem to matter.
    pub(super) fn passed_over(&self, names: &[String]) -> Vec<String> {
        const RIGHT: &str = "accuracy acc correct is_correct";
        const TIES: &str = "tie ties draw draws tied is_tie drawn outcome result";
        let find = |known: &str| {
            let is_like = |(k, name): &(usize, &String)| {
                has_word(known, &name.to_lowercase()) && !self.fields.contains(&Some(*k))
            };
            names.iter().enumerate().find(is_like).map(|(_, name)| name)
        };
        let count = find(COUNTS).filter(|_| self.get(Weight).is_none() && self.shape != Shape::Counted);
        let tie = find(TIES).filter(|_| self.shape == Shape::Won);
        let right = find(RIGHT).filter(|_| self.shape == Shape::Won && self.found_by_name);
        let mut notes = Vec::new();
        if let Some(count) = count {
            notes.push(format!(
                "warning: the column {count:?} is not read and every row counts once; if it says how often, name it with \
                 ⟨columns=…,weight={count}⟩"
            ));
        }
        if let Some(tie) = tie {
            notes.push(format!(
                "warning: the column {tie:?} is not read and every row is a win; if it marks ties, name the columns with \
                 ⟨columns=item_a=…,item_b=…,chosen=…⟩"
            ));
        }
        if let Some(right) = right {
            notes.push(format!(
                "warning: the column {right:?} is not read and every row is a win of its winner; if it says whether that was chosen, \
                 write who was chosen as the winner"
            ));
        }
        notes
    }

    pub(super) fn all(&self) -> Vec<usize> {
        self.fields.iter().flatten().copied().chain(self.filters.iter().map(|(_, field)| *field)).collect()
    }
}

/// Names of pairs of columns in common files, from annotation tools, arenas of language models, R packages and sports.
const PAIRS: &str = "item_a,item_b model_a,model_b left,right player1,player2 player_1,player_2 player_a,player_b item1,item2 \
    item_1,item_2 option_a,option_b option1,option2 first,second a,b team1,team2";
const WINS: &str =
    "wins_a,wins_b win_a,win_b win1,win2 wins1,wins2 win_1,win_2 wins_1,wins_2 win.1,win.2 wins.1,wins.2";
const CHOSEN: &str = "chosen choice winner label preferred preference";

/// The pairs of names in a list.
fn pairs(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(' ').filter_map(|pair| pair.split_once(','))
}

impl ComparisonColumns {
    /// Finds the columns among those of a file; the error is without the file's name.
    pub(super) fn resolve(&self, names: &[String], found: &str) -> std::result::Result<Fields, String> {
        let mut fields = [None; ComparisonRole::ALL.len()];
        let find = |name: &str| find_column(names, name);
        for (role, field) in roles::fields(&self.columns, names, found)? {
            fields[role as usize] = Some(field);
        }
        if self.columns.is_empty() {
            for role in [Winner, Loser] {
                fields[role as usize] = find(role.name())?;
            }
            if fields[Loser as usize].is_none() {
                fields[Winner as usize] = None;
                find_pair(&mut fields, &find)?;
            }
            fields[Weight as usize] = match (find("weight")?, find("count")?) {
                (Some(_), Some(_)) => {
                    return Err("there are a column \"weight\" and a column \"count\": say which counts, with \
                         ⟨columns=winner=…,loser=…,weight=…⟩"
                        .to_owned());
                }
                (weight, count) => weight.or(count),
            };
        }
        let has = |role: ComparisonRole| fields[role as usize].is_some();
        match Shape::recognize(has) {
            Some(shape) => {
                let filters = RowFilter::fields(&self.filters, names)?;
                let filters = filters.into_iter().map(|(filter, field)| (filter.clone(), field)).collect();
                Ok(Fields { shape, fields, filters, found_by_name: self.columns.is_empty() })
            }
            None => {
                let absent = if has(Winner) || find("winner").is_ok_and(|f| f.is_some()) { "loser" } else { "winner" };
                let hint = suggested(names).unwrap_or_else(|| "winner=COLUMN,loser=COLUMN".to_owned());
                Err(format!(
                    "column {absent:?} is missing: the table has {found}; say what its columns mean, as ⟨columns={hint}⟩"
                ))
            }
        }
    }
}

/// Finds a pair of columns, and those that say which item won, by common names.
fn find_pair(
    fields: &mut [Option<usize>; ComparisonRole::ALL.len()],
    find: &impl Fn(&str) -> std::result::Result<Option<usize>, String>,
) -> std::result::Result<(), String> {
    let both = |(a, b): (&str, &str)| Ok::<_, String>(find(a)?.zip(find(b)?));
    let first = |list| pairs(list).map(both).find_map(|found| found.transpose()).transpose();
    let Some((a, b)) = first(PAIRS)? else { return Ok(()) };
    (fields[ItemA as usize], fields[ItemB as usize]) = (Some(a), Some(b));
    if let Some((wins_a, wins_b)) = first(WINS)? {
        (fields[WinsA as usize], fields[WinsB as usize]) = (Some(wins_a), Some(wins_b));
        return Ok(());
    }
    let mut chosen = Vec::new();
    for name in CHOSEN.split(' ') {
        chosen.extend(find(name)?.map(|field| (name, field)));
    }
    match chosen.as_slice() {
        [] => Ok(()),
        [(_, field)] => {
            fields[Chosen as usize] = Some(*field);
            Ok(())
        }
        [(one, _), (other, _), ..] => Err(format!(
            "the columns {one:?} and {other:?} may both say which item won: say which, with \
             ⟨columns=item_a=…,item_b=…,chosen=…⟩"
        )),
    }
}

/// The roles that columns seem to have by their names, as a suggestion only.
fn suggested(names: &[String]) -> Option<String> {
    const WON: &str = "winner won win preferred better chosen w home_winner";
    const LOST: &str = "loser lost lose rejected worse unchosen l other";
    let find = |known: &str| find_listed(names, known);
    if let (Some(won), Some(lost)) = (find(WON), find(LOST)) {
        return Some(format!("winner={won},loser={lost}"));
    }
    let (a, b) = pairs(PAIRS).find_map(|(a, b)| Some((find(a)?, find(b)?)))?;
    Some(format!("item_a={a},item_b={b},chosen=COLUMN"))
}

impl FromStr for ComparisonColumns {
    type Err = ResultsError;

    /// Reads `role=column,role=column,…`; refuses unknown or repeated roles, and roles that make no kind of row or several.
    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: String| Err(ResultsError::BadTable(problem));
        let columns: Vec<(ComparisonRole, String)> = roles::assign(roles::split(text, ComparisonRole::CHOICES)?)?;
        let has = |role: ComparisonRole| columns.iter().any(|(r, _)| *r == role);
        let Some(shape) = Shape::recognize(has) else {
            return bad(format!("these roles do not say who won: expected {}", ComparisonRole::CHOICES));
        };
        match columns.iter().find(|(role, _)| *role != Weight && !shape.needed().contains(role)) {
            Some((extra, _)) => {
                bad(format!("the role {extra} does not go with the others: roles are {}", ComparisonRole::CHOICES))
            }
            None => Ok(Self { columns, ..Self::default() }),
        }
    }
}

//! The columns of a file of choices: their roles, given, preset or found by name, and the kinds of rows that these make.

use std::str::FromStr;

use caveat_theory::Named;

use super::filter::RowFilter;
use super::role::ChoiceRole;
use crate::delimited::find_column;
use crate::error::{Result, ResultsError, name_list};
use crate::roles;
use crate::unread::{COUNTS, Watched};
use crate::words::{find_listed, has_word};

/// Where the numbers of trials come from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum TrialCounts {
    /// From the column of role `count`. Without one, a row of winner and loser is one trial, and a proportion is an error.
    #[default]
    Column,
    /// This many trials in every row, whatever the file says; positive and finite.
    Fixed(f64),
    /// Reconstructed from proportions, in groups of rows with the same text in the column of this role, which had equal numbers of
    /// trials except for a few lost or repeated ones; see [`CountReconstruction`](super::CountReconstruction).
    Reconstructed(ChoiceRole),
}

/// How a file of choices is read: which column has which role, how items are named, and where counts come from.
///
/// The roles make one of three kinds of files:
/// * `winner`, `loser`: single choices, or with `accuracy` the proportion in which `winner` was chosen;
/// * `higher`, `lower`, `accuracy`: a pair and the proportion in which its higher item was chosen;
/// * `distance`, `accuracy`: a symbolic distance and that proportion over all its pairs.
///
/// The default names no column: then columns are found that are named like roles.
///
/// ```
/// use caveat_results::{ChoiceColumns, ChoiceRole};
/// let columns: ChoiceColumns = "winner=chosen,loser=other,subject=monkey".parse()?;
/// assert_eq!(columns.column(ChoiceRole::Subject), Some("monkey"));
/// assert!("winner=chosen".parse::<ChoiceColumns>().unwrap_err().to_string().contains("loser"));
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChoiceColumns {
    /// Columns by role; if empty, columns are named like their roles.
    pub columns: Vec<(ChoiceRole, String)>,
    /// Names of the items, the highest first. `None`: items are ranks, as whole numbers.
    pub items: Option<Vec<String>>,
    /// Rank of the highest item, 0 or 1, if items are ranks. `None`: the smallest rank in the file, which must be 0 or 1.
    pub first_rank: Option<usize>,
    /// Number of items if they are ranks. `None`: the largest rank in the file tells it.
    pub n_items: Option<usize>,
    /// Where the numbers of trials come from.
    pub trials: TrialCounts,
    /// Conditions that rows must pass.
    pub filters: Vec<RowFilter>,
    /// Whether rows that lack a value are left out; otherwise they are errors.
    pub skip_missing: bool,
}

/// The kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Two items, one of which was chosen (always or in a proportion).
    Chosen,
    /// Two items in their order of rank.
    Ranked,
    /// A symbolic distance.
    Distance,
}

impl Shape {
    /// Roles that rows of this kind need.
    fn needed(self) -> &'static [ChoiceRole] {
        match self {
            Self::Chosen => &[ChoiceRole::Winner, ChoiceRole::Loser],
            Self::Ranked => &[ChoiceRole::Higher, ChoiceRole::Lower, ChoiceRole::Accuracy],
            Self::Distance => &[ChoiceRole::Distance, ChoiceRole::Accuracy],
        }
    }

    /// Roles that only this kind has.
    fn marks(self) -> &'static [ChoiceRole] {
        match self {
            Self::Chosen => &[ChoiceRole::Winner, ChoiceRole::Loser],
            Self::Ranked => &[ChoiceRole::Higher, ChoiceRole::Lower],
            Self::Distance => &[ChoiceRole::Distance],
        }
    }
}

/// The kinds of rows, in order of preference if columns are found by name.
const SHAPES: [Shape; 3] = [Shape::Chosen, Shape::Ranked, Shape::Distance];
const SHAPES_IN_WORDS: &str = "winner and loser; or higher, lower and accuracy; or distance and accuracy";

/// The columns of one file: its kind of rows, and the field of every role.
pub(super) struct Fields {
    pub(super) shape: Shape,
    pub(super) fields: Vec<(ChoiceRole, usize)>,
    /// Notes on columns that are not read.
    pub(super) passed_over: Vec<String>,
    /// Columns that are not read, but whose values are noted.
    pub(super) watched: Vec<Watched>,
    /// The name of the column of accuracies.
    pub(super) accuracy: Option<String>,
}

impl Fields {
    /// The roles that have a column.
    pub(super) fn roles(&self) -> impl Iterator<Item = ChoiceRole> {
        self.fields.iter().map(|(role, _)| *role)
    }

    pub(super) fn has(&self, role: ChoiceRole) -> bool {
        self.fields.iter().any(|(r, _)| *r == role)
    }
}

impl ChoiceColumns {
    /// The names of all presets.
    pub const PRESETS: &'static str = "jensen2015-monkeys or jensen2015-humans";

    /// Columns by the names of their roles, as (role, column).
    ///
    /// # Errors
    /// An unknown or repeated role, an empty column, or roles that make no kind of row or several.
    pub fn of_roles<'a>(roles: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let columns = roles::assign(roles)?;
        shape(&columns)?;
        Ok(Self { columns, ..Self::default() })
    }

    /// The columns of a published file, by the name of the preset.
    ///
    /// Both files are of Jensen, Muñoz, Alkan, Ferrera and Terrace (2015, *PLoS Comput. Biol.* 11:e1004523): `jensen2015-monkeys` has
    /// the columns session, target, distractor, acc (the target is the higher item, ranks from 1); `jensen2015-humans` has
    /// symbolic_distance, subject, acc. Neither tells numbers of trials: the presets reconstruct them, within sessions and within
    /// distances.
    ///
    /// # Errors
    /// Another name.
    pub fn preset(name: &str) -> Result<Self> {
        use ChoiceRole::{Accuracy, Distance, Higher, Lower, Session, Subject};
        let (columns, by): (&[_], _) = match name {
            "jensen2015-monkeys" => {
                (&[(Session, "session"), (Higher, "target"), (Lower, "distractor"), (Accuracy, "acc")], Session)
            }
            "jensen2015-humans" => {
                (&[(Distance, "symbolic_distance"), (Subject, "subject"), (Accuracy, "acc")], Distance)
            }
            _ => return Err(ResultsError::unknown_choice("preset", name, Self::PRESETS)),
        };
        Ok(Self {
            columns: columns.iter().map(|&(role, column)| (role, column.to_owned())).collect(),
            items: None,
            first_rank: Some(1),
            n_items: Some(7),
            trials: TrialCounts::Reconstructed(by),
            ..Self::default()
        })
    }

    /// The column of a role, if one was named.
    pub fn column(&self, role: ChoiceRole) -> Option<&str> {
        self.columns.iter().find(|(r, _)| *r == role).map(|(_, c)| c.as_str())
    }

    /// Finds the columns among those of a file; the error is without the file's name.
    pub(super) fn resolve(&self, names: &[String]) -> std::result::Result<Fields, String> {
        let mut fields = roles::fields(&self.columns, names, &name_list(names))?;
        let shape = if self.columns.is_empty() {
            let find = |name: &str| find_column(names, name);
            for role in ChoiceRole::ALL {
                fields.extend(find(role.name())?.map(|field| (role, field)));
            }
            if !fields.iter().any(|(r, _)| *r == ChoiceRole::Count) {
                fields.extend(find("weight")?.map(|field| (ChoiceRole::Count, field)));
            }
            let has = |role: &ChoiceRole| fields.iter().any(|(r, _)| r == role);
            let Some(shape) = SHAPES.into_iter().find(|s| s.needed().iter().all(has)) else {
                return Err(unnamed(names, has(&ChoiceRole::Winner)));
            };
            // Columns that happen to be named like roles of another kind of row mean something else here.
            let foreign = |role| SHAPES.into_iter().any(|s| s != shape && s.marks().contains(&role));
            let stray = |role| shape == Shape::Distance && role == ChoiceRole::First;
            fields.retain(|(role, _)| shape.needed().contains(role) || !(foreign(*role) || stray(*role)));
            shape
        } else {
            shape(&self.columns).map_err(|e| e.to_string())?
        };
        let mut passed_over: Vec<String> = self.passed_over(names, &fields).into_iter().collect();
        passed_over.extend(self.unread_accuracy(names, shape, &fields));
        // The other columns of a published file are known.
        let is_preset = matches!(self.trials, TrialCounts::Reconstructed(_));
        let watched = Watched::find(names, |field| !is_preset && self.is_free(names, &fields, field));
        let accuracy = fields.iter().find(|(role, _)| *role == ChoiceRole::Accuracy).map(|(_, f)| names[*f].clone());
        Ok(Fields { shape, fields, passed_over, watched, accuracy })
    }

    /// Whether a column is neither read nor filtered by.
    fn is_free(&self, names: &[String], fields: &[(ChoiceRole, usize)], field: usize) -> bool {
        fields.iter().all(|(_, read)| *read != field)
            && self.filters.iter().all(|filter| !filter.column.eq_ignore_ascii_case(&names[field]))
    }

    /// A note on a column of accuracies that is not read, if winners were found by name.
    fn unread_accuracy(&self, names: &[String], shape: Shape, fields: &[(ChoiceRole, usize)]) -> Option<String> {
        if shape != Shape::Chosen || !self.columns.is_empty() || fields.iter().any(|f| f.0 == ChoiceRole::Accuracy) {
            return None;
        }
        let column = find_listed(names, RIGHT)?;
        Some(format!(
            "the column {column} is not read, and the winner is taken for the item that was chosen: if it is the right one, and \
             {column} says whether it was chosen, name the pair with ⟨columns=higher=winner,lower=loser,accuracy={column}⟩"
        ))
    }

    /// A note on columns that are neither read nor filtered by, but by their names change what rows mean.
    fn passed_over(&self, names: &[String], fields: &[(ChoiceRole, usize)]) -> Option<String> {
        let is_told = |role: ChoiceRole| match role {
            ChoiceRole::Count if self.trials != TrialCounts::Column => true,
            _ => fields.iter().any(|(r, _)| *r == role),
        };
        // The other columns of a published file are known. Many files number their rows in a column `id`.
        let roles = if matches!(self.trials, TrialCounts::Reconstructed(_)) { &[][..] } else { &LIKELY };
        let passed_over: Vec<(ChoiceRole, usize)> = roles
            .iter()
            .filter(|(role, _)| !is_told(*role))
            .filter_map(|(role, known)| {
                let known = if *role == ChoiceRole::Count { COUNTS } else { *known };
                let is_like = |name: &String| has_word(known, &name.to_lowercase()) && name != "id";
                Some((*role, names.iter().position(is_like).filter(|field| self.is_free(names, fields, *field))?))
            })
            .collect();
        let column = |(_, field): &(ChoiceRole, usize)| names[*field].as_str();
        let which = match passed_over.as_slice() {
            [] => return None,
            [one] => format!("the column {} is not read: if rows differ by it", column(one)),
            [first @ .., last] => {
                let first: Vec<&str> = first.iter().map(column).collect();
                format!("the columns {} and {} are not read: if rows differ by them", first.join(", "), column(last))
            }
        };
        let all = fields.iter().chain(&passed_over);
        let all: Vec<String> = all.map(|found| format!("{}={}", found.0, column(found))).collect();
        Some(format!("{which}, name all that counts, with ⟨columns={}⟩", all.join(",")))
    }
}

/// Common names of columns by which rows differ.
const LIKELY: [(ChoiceRole, &str); 4] = [
    (ChoiceRole::Count, "count n trials n_trials weight freq frequency"),
    (ChoiceRole::Subject, "subject participant monkey subject_id participant_id id"),
    (ChoiceRole::Session, "session session_id day"),
    (ChoiceRole::Condition, "condition group"),
];

/// Names of columns that say whether the first of a pair was chosen. In any order, being right is not having chosen the first.
const CHOSE_A: &str = "chose_s1 chose_first chose_left chose_a chose_1 p_first p_left";
/// Names of columns that say whether the choice was right.
const RIGHT: &str = "accuracy acc correct is_correct proportion_correct p_correct";

/// Whether a column of that name says that an item was chosen, and not that the choice was right.
pub(super) fn says_who_was_chosen(name: &str) -> bool {
    let name = name.to_lowercase();
    let begins = ["chose", "choice", "pick", "select", "prefer", "p_"].iter().any(|word| name.starts_with(word));
    begins && !name.contains("acc") && !name.contains("correct")
}

/// The message about a table without the columns of choices by their names.
fn unnamed(names: &[String], has_winner: bool) -> String {
    let found = name_list(names);
    let sides = find_listed(names, "model_a player_a team_a item_a left player1 a");
    let advice = if has_winner && sides.is_some() {
        "winner says which of two columns won, as it seems, and is no item: write the item that won in one column and the other in \
         another, and name them with ⟨columns=winner=COLUMN,loser=COLUMN⟩".to_owned()
    } else {
        let example = suggested_columns(names).unwrap_or_else(|| "ROLE=COLUMN,…".to_owned());
        format!("say which columns they are, with ⟨columns={example}⟩")
    };
    format!("no columns named {SHAPES_IN_WORDS}: {advice}; the table has {found}")
}

/// The kind of rows that roles make.
fn shape(columns: &[(ChoiceRole, String)]) -> Result<Shape> {
    let has = |role: &ChoiceRole| columns.iter().any(|(r, _)| r == role);
    let marked: Vec<Shape> = SHAPES.into_iter().filter(|s| s.marks().iter().any(has)).collect();
    let shape = match marked.as_slice() {
        [] => return Err(ResultsError::BadTable(format!("no columns for {SHAPES_IN_WORDS}: name one of these sets"))),
        [shape] => *shape,
        [..] => {
            let roles: Vec<&str> = columns.iter().map(|(r, _)| r.name()).collect();
            let problem = format!("columns for {}: expected only one of {SHAPES_IN_WORDS}", roles.join(", "));
            return Err(ResultsError::BadTable(problem));
        }
    };
    if let Some(absent) = shape.needed().iter().find(|r| !has(r)) {
        let given: Vec<&str> = shape.needed().iter().filter(|r| has(r)).map(|r| r.name()).collect();
        let problem = format!("no column for {absent}, which {} needs: add {absent}=COLUMN", given.join(" and "));
        return Err(ResultsError::BadTable(problem));
    }
    if shape == Shape::Distance && has(&ChoiceRole::First) {
        let problem = "a column for first with distance: without pairs, no item is shown first; leave it out";
        return Err(ResultsError::BadTable(problem.to_owned()));
    }
    Ok(shape)
}

impl FromStr for ChoiceColumns {
    type Err = ResultsError;

    /// Reads `role=column,role=column,…`, with the errors of [`of_roles`](Self::of_roles).
    fn from_str(text: &str) -> Result<Self> {
        Self::of_roles(roles::split(text, &ChoiceRole::list_names())?)
    }
}

/// Whether columns are those of choices, named like their roles, and not those of a trial table.
pub(super) fn has_choice_columns(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    !has("rank_a") && ["winner", "higher", "distance"].into_iter().any(has)
}

/// The roles that columns seem to have by their names, as `role=column,…`; `None` if that is not clear.
pub(crate) fn suggested_columns(names: &[String]) -> Option<String> {
    const PAIRS: [(ChoiceRole, &str, ChoiceRole, &str); 2] = [
        (
            ChoiceRole::Winner,
            "winner chosen s1 item1 item_1 stim1 left item_a a first player1",
            ChoiceRole::Loser,
            "loser unchosen other s2 item2 item_2 stim2 right item_b b second player2",
        ),
        (ChoiceRole::Higher, "higher target correct_item", ChoiceRole::Lower, "lower distractor foil"),
    ];
    let find = |known: &str| find_listed(names, known);
    let (role_a, a, role_b, b) =
        PAIRS.iter().find_map(|(role_a, a, role_b, b)| Some((role_a, find(a)?, role_b, find(b)?)))?;
    let mut roles = vec![format!("{role_a}={a}"), format!("{role_b}={b}")];
    // Other names than winner and chosen need a column that says which item was chosen.
    let is_said = matches!(a.to_lowercase().as_str(), "winner" | "chosen");
    if !is_said && *role_a == ChoiceRole::Winner && find(CHOSE_A).is_none() {
        return None;
    }
    let accuracy = if *role_a == ChoiceRole::Higher { RIGHT } else { CHOSE_A };
    roles.extend(find(accuracy).map(|name| format!("{}={name}", ChoiceRole::Accuracy)));
    let others = LIKELY.iter().filter_map(|(role, known)| Some((role, find(known)?)));
    roles.extend(others.filter(|(_, n)| *n != a && *n != b).map(|(role, name)| format!("{role}={name}")));
    Some(roles.join(","))
}

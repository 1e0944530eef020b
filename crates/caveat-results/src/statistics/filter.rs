//! Selects the rows of trial tables that count: those of a phase that pass tests of their columns.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use caveat_theory::{Named, PairClass};

use crate::arrays::flag;
use crate::conditions::{RowUse, rows_of_phase};
use crate::error::{Result, ResultsError};
use crate::expression::{Expression, Operator, compare_numbers, conjuncts, equal, unquoted};
use crate::input::AsInput;
use crate::trial_table::{ColumnKind, Phase, TextColumn, TrialBatch, TrialColumn};

/// A column to group or filter by: a column of the trial table, or the class of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupColumn {
    /// A column of the trial table.
    Trial(TrialColumn),
    /// Class of the pair under the trained pairs of its hierarchy.
    Class,
}

impl GroupColumn {
    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trial(column) => column.name(),
            Self::Class => "class",
        }
    }
}

impl fmt::Display for GroupColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for GroupColumn {
    type Err = ResultsError;

    fn from_str(name: &str) -> Result<Self> {
        let name = name.trim();
        if name == "class" {
            return Ok(Self::Class);
        }
        let column = TrialColumn::from_argument(name);
        column.map(Self::Trial).ok_or_else(|| {
            ResultsError::unknown_choice("column", name, format!("class, {}", TrialColumn::list_names()))
        })
    }
}

/// The values that a test compares with; `None` and NaN stand for a missing one.
#[derive(Debug, Clone, PartialEq)]
enum Values {
    Text(Vec<Option<String>>),
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Flag(Vec<bool>),
    Class(Vec<PairClass>),
}

/// A test of one column of a row, written as COLUMN OP VALUE.
///
/// OP is one of `=  ==  !=  <  <=  >  >=`. After `=` and `!=` there may be several values separated by commas: any of them, or none
/// of them. Numbers are equal within 1e-9 of the larger. An empty value, or `none` for numbers, stands for a missing one; a missing
/// number is neither below nor above any. Text, truth values (`true`, `false`) and classes take `=` and `!=` only.
///
/// ```
/// use caveat_results::Filter;
/// let filter: Filter = "l2_reg=none,1e-4".parse()?;
/// assert_eq!(filter.to_string(), "l2_reg=none,1e-4");
/// assert!("gap=far".parse::<Filter>().is_err());
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    column: GroupColumn,
    operator: Operator,
    values: Values,
    text: String,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Filter {
    type Err = ResultsError;

    fn from_str(text: &str) -> Result<Self> {
        let expression = Expression::parse(text).map_err(ResultsError::BadTable)?;
        let column: GroupColumn = expression.column.parse()?;
        let values = Values::parse(column, &expression).map_err(|expected| {
            let (kind, found) = match expected.starts_with("= or !=") {
                true => ("operator", expression.sign),
                false => ("value", expression.values),
            };
            ResultsError::BadTable(format!("{kind} {found:?} for column {column}: expected {expected}"))
        })?;
        Ok(Self { column, operator: expression.operator, values, text: text.trim().to_owned() })
    }
}

impl Values {
    /// Reads the values of a test; the error says what is expected.
    fn parse(column: GroupColumn, expression: &Expression<'_>) -> std::result::Result<Self, String> {
        let Expression { operator, sign, values: text, .. } = *expression;
        let kind = match column {
            GroupColumn::Class => None,
            GroupColumn::Trial(column) => Some(column.kind()),
        };
        let is_ordered = matches!(kind, Some(ColumnKind::Integer | ColumnKind::Real));
        if !is_ordered && !operator.is_equality() {
            return Err("= or !=, because it has no order".to_owned());
        }
        if is_ordered && !operator.is_equality() && text.contains(',') {
            return Err(format!("one number after {sign}"));
        }
        let values = || text.split(',').map(unquoted);
        match kind {
            None => {
                let found: Option<Vec<_>> = values().map(PairClass::from_argument).collect();
                found.map(Self::Class).ok_or_else(|| format!("any of {}", PairClass::list_arguments()))
            }
            Some(ColumnKind::Text) => Ok(Self::Text(values().map(|v| (!v.is_empty()).then(|| v.to_owned())).collect())),
            Some(ColumnKind::Integer) => {
                let found: std::result::Result<Vec<i64>, _> = values().map(str::parse).collect();
                found.map(Self::Integer).map_err(|_| "a whole number, as in 2".to_owned())
            }
            Some(ColumnKind::Real) => {
                let missing = |v: &str| v.is_empty() || v.eq_ignore_ascii_case("none");
                let value = |v: &str| match missing(v) {
                    true => operator.is_equality().then_some(f64::NAN),
                    false => v.parse().ok().filter(|x: &f64| !x.is_nan()),
                };
                let found: Option<Vec<f64>> = values().map(value).collect();
                let expected = match operator.is_equality() {
                    true => "a number, as in 32 or 1e-4, or none for a missing one",
                    false => "a number, as in 32 or 1e-4",
                };
                found.map(Self::Real).ok_or_else(|| expected.to_owned())
            }
            Some(ColumnKind::Flag) => {
                flag(text).map(|flag| Self::Flag(vec![flag])).ok_or_else(|| "true or false".to_owned())
            }
        }
    }
}

/// Compares two values of a real column, of which NaN is a missing one.
fn compare_reals(x: f64, y: f64) -> Option<Ordering> {
    equal(x.is_nan() && y.is_nan()).or_else(|| compare_numbers(x, y))
}

impl Filter {
    /// The tests of an expression, joined by `&` or `and`.
    ///
    /// # Errors
    /// A test that does not parse.
    pub fn all(expression: &str) -> Result<Vec<Self>> {
        conjuncts(expression).into_iter().map(str::parse).collect()
    }

    /// Whether the rows of a run (a condition, seed, order and phase) all pass or all fail.
    fn is_of_run(&self) -> bool {
        use TrialColumn::{Phase, Reverse, Seed};
        self.trial_column().is_some_and(|column| {
            TrialColumn::CONDITION_NAMES.contains(&column)
                || TrialColumn::CONDITION_NUMBERS.contains(&column)
                || matches!(column, Seed | Reverse | Phase)
        })
    }

    fn trial_column(&self) -> Option<TrialColumn> {
        match self.column {
            GroupColumn::Trial(column) => Some(column),
            GroupColumn::Class => None,
        }
    }

    /// Sets the rows that fail to `failed`, unless they already failed.
    fn apply(&self, batch: &TrialBatch, uses: &mut [RowUse], failed: RowUse) -> Result<()> {
        let Some(column) = self.trial_column() else { return Ok(()) };
        let operator = self.operator;
        let mut keep = |row: usize, holds: bool| {
            if !holds && (failed == RowUse::Skip || uses[row] == RowUse::Count) {
                uses[row] = failed;
            }
        };
        match &self.values {
            Values::Text(values) => {
                let text = batch.text(column)?;
                // CSV cannot tell empty text from a missing value, so no format does.
                let holds = |x: Option<&str>| {
                    let x = x.filter(|x| !x.is_empty());
                    operator.holds(values, |v| equal(v.as_deref() == x))
                };
                let of_value: Vec<bool> = text.values.iter().map(holds).collect();
                let of_missing = holds(None);
                for (row, &key) in text.keys.iter().enumerate() {
                    keep(row, if key == TextColumn::MISSING { of_missing } else { of_value[key as usize] });
                }
            }
            Values::Integer(values) => {
                for (row, x) in batch.integers(column)?.iter().enumerate() {
                    keep(row, operator.holds(values, |v| Some(x.cmp(v))));
                }
            }
            Values::Real(values) => {
                for (row, &x) in batch.reals(column)?.iter().enumerate() {
                    keep(row, operator.holds(values, |v| compare_reals(x, *v)));
                }
            }
            Values::Flag(values) => {
                for (row, x) in batch.flags(column)?.values().iter().enumerate() {
                    keep(row, operator.holds(values, |v| equal(x == *v)));
                }
            }
            Values::Class(_) => {}
        }
        Ok(())
    }
}

/// The rows that count: those of one phase or both that pass all filters.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The phase whose rows count, if it is only one.
    pub(crate) phase: Option<Phase>,
    pub(crate) filters: Vec<Filter>,
}

impl From<Phase> for Selection {
    /// All rows of a phase.
    fn from(phase: Phase) -> Self {
        Self { phase: Some(phase), filters: Vec::new() }
    }
}

impl Selection {
    /// The rows of a phase that pass all filters.
    ///
    /// # Errors
    /// A filter by phase, which is already chosen, or by class, which a single row does not tell.
    pub fn of_phase(phase: Phase, filters: Vec<Filter>) -> Result<Self> {
        let refused = |column: GroupColumn| match column {
            GroupColumn::Class => Some("all classes of pairs are fitted together: leave out the filter by class"),
            GroupColumn::Trial(TrialColumn::Phase) => Some("the phase is chosen with ⟨phase⟩: leave it out of ⟨where⟩"),
            GroupColumn::Trial(_) => None,
        };
        match filters.iter().find_map(|f| refused(f.column)) {
            Some(problem) => Err(ResultsError::BadTable(problem.to_owned())),
            None => Ok(Self { phase: Some(phase), filters }),
        }
    }

    /// The rows that pass all filters; only those after training unless a filter or `by` names the phase.
    pub fn new(filters: Vec<Filter>, by: &[GroupColumn]) -> Self {
        const PHASE: GroupColumn = GroupColumn::Trial(TrialColumn::Phase);
        let named = by.contains(&PHASE) || filters.iter().any(|f| f.column == PHASE);
        Self { phase: (!named).then_some(Phase::Post), filters }
    }

    /// Whether pairs of a class pass. This is separate because the table does not tell the class of a row.
    pub(super) fn admits(&self, class: PairClass) -> bool {
        self.filters.iter().all(|filter| match &filter.values {
            Values::Class(values) => filter.operator.holds(values, |v| equal(*v == class)),
            _ => true,
        })
    }

    /// The columns that [`uses`](Self::uses) reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = TrialColumn> {
        let phase = self.phase.map(|_| TrialColumn::Phase);
        phase.into_iter().chain(self.filters.iter().filter_map(Filter::trial_column))
    }

    /// The columns that [`run_uses`](Self::run_uses) reads.
    pub(super) fn run_columns(&self) -> impl Iterator<Item = TrialColumn> {
        let phase = self.phase.map(|_| TrialColumn::Phase);
        phase.into_iter().chain(self.filters.iter().filter(|f| f.is_of_run()).filter_map(Filter::trial_column))
    }

    /// What to do with each row: skip it if its run fails a filter; only learn from it what was trained if the row alone fails.
    /// Ignores filters by class, which [`admits`](Self::admits) applies.
    pub(crate) fn uses(&self, batch: &TrialBatch) -> Result<Vec<RowUse>> {
        let mut uses = self.run_uses(batch)?;
        for filter in self.filters.iter().filter(|f| !f.is_of_run()) {
            filter.apply(batch, &mut uses, RowUse::Mark)?;
        }
        Ok(uses)
    }

    /// [`uses`](Self::uses) by the filters on whole runs alone.
    pub(super) fn run_uses(&self, batch: &TrialBatch) -> Result<Vec<RowUse>> {
        let mut uses = match self.phase {
            Some(phase) => rows_of_phase(batch, phase)?,
            None => vec![RowUse::Count; batch.n_rows()],
        };
        for filter in self.filters.iter().filter(|f| f.is_of_run()) {
            filter.apply(batch, &mut uses, RowUse::Skip)?;
        }
        Ok(uses)
    }

    /// How many phases the selected rows are of.
    pub(super) fn n_phases(&self) -> u64 {
        if self.phase.is_some() { 1 } else { 2 }
    }

    /// The error that no row is left.
    pub(crate) fn no_rows<P: AsInput>(&self, paths: &[P]) -> ResultsError {
        let phase = self.phase.map(|p| format!("phase={p}"));
        let all: Vec<String> = phase.into_iter().chain(self.filters.iter().map(Filter::to_string)).collect();
        let path = paths.first().map(|p| p.as_input().path().to_owned()).unwrap_or_default();
        let filter = if all.is_empty() { String::new() } else { format!(" with {}", all.join(" and ")) };
        ResultsError::no_rows(&path, &filter, "rows that pass, or other filters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let message = text.parse::<Filter>().unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    fn parsed(text: &str) -> (Operator, Values) {
        let filter = text.parse::<Filter>().unwrap();
        (filter.operator, filter.values)
    }

    #[test]
    fn the_names_of_columns_in_messages_are_all_there_are() {
        let refused = "nothing".parse::<GroupColumn>().unwrap_err().to_string();
        let names =
            refused.split_once("expected ").unwrap().1.split([',', ' ']).filter(|n| !n.is_empty() && *n != "or");
        let known = std::iter::once("class").chain(TrialColumn::EVERY.into_iter().map(TrialColumn::name));
        assert_eq!(names.clone().collect::<Vec<_>>(), known.collect::<Vec<_>>());
        for name in names {
            assert_eq!(name.parse::<GroupColumn>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn expressions_are_parsed_with_or_without_spaces() {
        for text in ["gap>=2", "gap >= 2", " gap>= 2 "] {
            assert_eq!(parsed(text), (Operator::GreaterOrEqual, Values::Integer(vec![2])));
        }
        let text =
            |values: &[&str]| Values::Text(values.iter().map(|v| (!v.is_empty()).then(|| v.to_string())).collect());
        assert_eq!(parsed("model=a, b"), (Operator::Equal, text(&["a", "b"])));
        assert_eq!(parsed("model!=a"), (Operator::Unequal, text(&["a"])));
        assert_eq!(parsed("label="), (Operator::Equal, text(&[""])));
        assert_eq!(parsed("reverse!=true"), (Operator::Unequal, Values::Flag(vec![true])));
        assert_eq!(parsed("class=cross_section"), (Operator::Equal, Values::Class(vec![PairClass::CrossSection])));
    }

    #[test]
    fn wrong_expressions_are_refused_with_what_would_be_right() {
        assert!(refusal("setting").contains("no operator in \"setting\": expected COLUMN OP VALUE"));
        assert!(refusal("").contains("no operator"));
        assert!(refusal("color=red").contains("unknown column \"color\": expected class, setting"));
        assert!(refusal("=red").contains("unknown operator"));
        for text in ["gap===2", "gap=>2", "gap!2", "gap<>2"] {
            assert!(refusal(text).contains("unknown operator after gap"), "{text}");
        }
        assert!(refusal("setting<full").contains("operator \"<\" for column setting: expected = or !="));
        assert!(refusal("class>=premise").contains("expected = or !="));
        assert!(refusal("reverse<true").contains("expected = or !="));
        assert!(refusal("gap=far").contains("value \"far\" for column gap: expected a whole number"));
        assert!(refusal("gap>1.5").contains("expected a whole number"));
        assert!(refusal("gap=").contains("expected a whole number"));
        assert!(refusal("gap>1,2").contains("expected one number after >"));
        assert!(refusal("lora_r=big").contains("expected a number, as in 32 or 1e-4, or none"));
        assert!(refusal("lora_r=NaN").contains("expected a number"));
        assert!(refusal("lora_r<none").contains("expected a number, as in 32 or 1e-4"));
        assert!(refusal("reverse=maybe").contains("expected true or false"));
        assert!(refusal("class=premises").contains("any of premise, exception_cycle"));
    }

    #[test]
    fn numbers_are_equal_within_a_billionth_and_missing_ones_apart() {
        let holds = |text: &str, x: f64| match parsed(text) {
            (operator, Values::Real(values)) => operator.holds(&values, |v| compare_reals(x, *v)),
            other => panic!("{other:?}"),
        };
        let near = 1e-4 * (1.0 + 0.9e-9);
        let far = 1e-4 * (1.0 + 1.1e-9);
        assert!(holds("l2_reg=1e-4", near) && !holds("l2_reg=1e-4", far));
        assert!(holds("l2_reg<=1e-4", near) && !holds("l2_reg<=1e-4", far));
        assert!(!holds("l2_reg>1e-4", near) && holds("l2_reg>1e-4", far));
        assert!(!holds("l2_reg<1e-4", 1e-4 * (1.0 - 0.9e-9)));
        assert!(holds("l2_reg!=1e-4", far) && !holds("l2_reg!=1e-4", near));
        assert!(holds("l2_reg=0", 0.0) && holds("l2_reg=0", -0.0) && !holds("l2_reg=0", f64::MIN_POSITIVE));
        for text in ["l2_reg=", "l2_reg=none", "l2_reg=1,None", "l2_reg!=1"] {
            assert!(holds(text, f64::NAN), "{text}");
        }
        for text in ["l2_reg=1", "l2_reg<1", "l2_reg>=1", "l2_reg!=none", "l2_reg!=1,none"] {
            assert!(!holds(text, f64::NAN), "{text}");
        }
        assert!(holds("l2_reg!=none", 3.0) && !holds("l2_reg!=3,4", 4.0) && holds("l2_reg=3,4", 4.0));
        assert!(
            holds("margin=inf", f64::INFINITY) && !holds("margin=inf", 1.0) && !holds("margin=inf", -f64::INFINITY)
        );
        assert!(holds("margin<inf", f64::MAX) && holds("margin>-inf", f64::MIN));
    }

    #[test]
    fn the_phase_is_post_unless_it_is_named() {
        let phase = |filters: &[&str], by: &[GroupColumn]| {
            Selection::new(filters.iter().map(|f| f.parse().unwrap()).collect(), by).phase
        };
        assert_eq!(phase(&["gap>1"], &[GroupColumn::Class]), Some(Phase::Post));
        assert_eq!(phase(&["phase=pre"], &[]), None);
        assert_eq!(phase(&[], &[GroupColumn::Trial(TrialColumn::Phase)]), None);
    }
}

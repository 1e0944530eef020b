//! Values of options: a parser that refuses a value says what would be right.

use caveat_analysis::{MAX_ITEMS, choice};
use caveat_results::Filter;
use caveat_theory::Named;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Conditions on rows of trial tables, joined by `&` or `and` in one expression.
pub(crate) type Filters = Vec<Filter>;

/// Most cells of a phase grid in one direction; memory decides how many fit altogether.
const MAX_CELLS: usize = 1_000_000;

/// One of `choices`, by name.
pub(crate) fn named<T: Named>(choices: &'static [T]) -> impl TypedValueParser<Value = T> {
    let value = |choice: &T| match choice.help() {
        "" => PossibleValue::new(choice.argument()),
        help => PossibleValue::new(choice.argument()).help(help),
    };
    PossibleValuesParser::new(choices.iter().map(value)).try_map(|name| choice("", &name).map_err(|e| e.to_string()))
}

/// Flat WINNER LOSER values as pairs; the parser guarantees an even number.
pub(crate) fn pairs(flat: &[usize]) -> Vec<(usize, usize)> {
    flat.chunks_exact(2).map(|e| (e[0], e[1])).collect()
}

/// A number of items; the theory checks that a task has at least two.
pub(crate) fn n_items(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(n) if n <= MAX_ITEMS => Ok(n),
        _ => Err(format!("expected a whole number of items from 2 to {MAX_ITEMS}")),
    }
}

/// A rank, 0 the highest.
pub(crate) fn rank(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "expected a rank: a whole number from 0, the highest".into())
}

/// A count or a size.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "expected a whole number, not negative".into())
}

/// A seed of random numbers.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// Any number, inf included; the theory checks its range.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "expected a number, as in 0.2, or inf".into())
}

/// A time of training: an untrained model has nothing to predict.
pub(crate) fn time(text: &str) -> Result<f64, String> {
    number(text)
        .ok()
        .filter(|&time| time > 0.0)
        .ok_or_else(|| "expected a positive number, or inf for training to the end".into())
}

/// The six orbit values of an exchangeable kernel.
pub(crate) fn orbits(text: &str) -> Result<[f64; 6], String> {
    let parts: Vec<&str> = text.split(',').collect();
    let values = parts.iter().map(|part| number(part)).collect::<Result<Vec<f64>, String>>();
    values.ok().and_then(|values| values.try_into().ok()).ok_or_else(|| {
        let count = parts.len();
        format!(
            "expected six numbers with commas between them, as in 1,0,0.4,0.4,0,0; got {count} field{}",
            if count == 1 { "" } else { "s" }
        )
    })
}

/// Columns and rows of a grid.
pub(crate) fn grid(text: &str) -> Result<(usize, usize), String> {
    let parse = |s: &str| s.trim().parse::<usize>().ok().filter(|n| (1..=MAX_CELLS).contains(n));
    text.split_once(['x', 'X', '×'])
        .and_then(|(a, b)| Some((parse(a)?, parse(b)?)))
        .ok_or_else(|| format!("a grid is two whole numbers from 1 to {MAX_CELLS}, as in 400x400"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_two_sizes() {
        assert_eq!(grid("400x300"), Ok((400, 300)));
        for bad in ["400", "0x5", "ax5", "5x", "-1x5"] {
            assert!(grid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kernels_are_six_numbers() {
        assert_eq!(orbits("1,-0.5, 0.4,4e-1,0,0"), Ok([1.0, -0.5, 0.4, 0.4, 0.0, 0.0]));
        for bad in ["", "1,0,0.4,0.4,0", "1,0,0.4,0.4,0,0,0", "1,0,x,0.4,0,0", "1 0 0.4 0.4 0 0"] {
            assert!(orbits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_positive() {
        assert_eq!(time("inf"), Ok(f64::INFINITY));
        for bad in ["0", "-1", "NaN", "-inf", "soon"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}

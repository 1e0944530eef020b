//! One order of conditions for all figures: by model, setting, stimulus and hierarchy.

use std::cmp::Ordering;

use caveat_results::ConditionKey;

use super::Condition;

/// Conditions by model, setting, stimulus task and hierarchy; equal ones stay in their order.
pub(crate) fn sorted<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> Vec<&'a Condition> {
    let mut sorted: Vec<&Condition> = conditions.into_iter().collect();
    sorted.sort_by(|a, b| {
        natural(&a.model, &b.model)
            .then_with(|| natural(&a.setting, &b.setting))
            .then_with(|| natural(&a.task, &b.task))
            .then_with(|| by_hierarchy(a, b))
    });
    sorted
}

/// The same order for keys, and within a setting by rank or penalty. `has_exceptions` tells whether a condition's task has any.
pub(super) fn by_key(a: &ConditionKey, b: &ConditionKey, has_exceptions: impl Fn(&ConditionKey) -> bool) -> Ordering {
    let hyperparameter = |x: Option<f64>, y: Option<f64>| x.unwrap_or(0.0).total_cmp(&y.unwrap_or(0.0));
    natural(&a.model, &b.model)
        .then_with(|| natural(&a.setting, &b.setting))
        .then_with(|| hyperparameter(a.lora_r, b.lora_r))
        .then_with(|| hyperparameter(a.l2_reg, b.l2_reg))
        .then_with(|| natural(&a.task, &b.task))
        .then_with(|| has_exceptions(a).cmp(&has_exceptions(b)))
        .then_with(|| natural(&a.hier, &b.hier))
}

/// The hierarchies among the conditions: those without exceptions first, then by the number of items, then by name.
pub(crate) fn hierarchies<'a>(conditions: &[&'a Condition]) -> Vec<&'a str> {
    let mut sorted = conditions.to_vec();
    sorted.sort_by(|a, b| by_hierarchy(a, b));
    distinct(sorted.into_iter().map(|c| c.hierarchy.as_str()))
}

/// Distinct words in natural order.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words = distinct(words);
    words.sort_by(|a, b| natural(a, b));
    words
}

fn by_hierarchy(a: &Condition, b: &Condition) -> Ordering {
    let key = |c: &Condition| (!c.exceptions.is_empty(), c.n_items);
    key(a).cmp(&key(b)).then_with(|| natural(&a.hierarchy, &b.hierarchy))
}

/// Distinct words in the order of their first appearance.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// Order of names in which 70m precedes 160m and case does not count, except between names that are equal without it.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(pieces(b)).then_with(|| a.cmp(b))
}

/// A piece of a name. Numbers come before letters, as digits do.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// A number such as 70, 0.001 or 1e-6, as its bits, which order positive numbers by size.
    Number(u64),
    /// Any other character, in lower case.
    Letter(String),
}

fn pieces(name: &str) -> impl Iterator<Item = Piece> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let whole = digits(rest);
        let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
        let mut length = if whole > 0 && fraction > 0 { whole + 1 + fraction } else { whole.max(first.len_utf8()) };
        if whole > 0
            && let Some(exponent) = rest[length..].strip_prefix("e-").map(digits).filter(|&digits| digits > 0)
        {
            length += 2 + exponent;
        }
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(match piece.parse::<f64>() {
            Ok(number) if whole > 0 => Piece::Number(number.to_bits()),
            _ => Piece::Letter(piece.to_lowercase()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::super::trained;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hierarchies_without_exceptions_come_first() {
        let conditions = [(11, vec![(6, 4)]), (9, vec![(5, 3)]), (9, vec![]), (12, vec![])];
        let conditions: Vec<_> = conditions.iter().map(|(n, e)| condition("gpt2", "full", *n, e)).collect();
        let all: Vec<&Condition> = conditions.iter().collect();
        assert_eq!(hierarchies(&all), ["ti_n9", "ti_n12", "exc_mid_n9", "exc_mid_n11"]);
        let sorted = sorted(&conditions);
        assert_eq!(sorted.iter().map(|c| c.n_items).collect::<Vec<_>>(), [9, 12, 9, 11]);
    }

    #[test]
    fn numbers_in_names_count() {
        let penalties = [10.0, 1e-6, 0.01, 1e-5, 0.0].map(|l2| trained("probe", None, Some(l2)));
        let names =
            ["LoRA r = 32", "full", "LoRA r = 4", "full"].into_iter().chain(penalties.iter().map(String::as_str));
        let expected = ["full", "LoRA r = 4", "LoRA r = 32", "probe l2 = 0", "probe l2 = 1e-6", "probe l2 = 1e-5"];
        let expected: Vec<&str> = expected.into_iter().chain(["probe l2 = 0.01", "probe l2 = 10"]).collect();
        assert_eq!(words(names), expected);
        assert_eq!(
            words(["qwen-2b", "pythia-160m", "pythia-70m"].into_iter()),
            ["pythia-70m", "pythia-160m", "qwen-2b"]
        );
    }

    proptest! {
        #[test]
        fn names_are_totally_ordered(a in "[a-bA-Be0-1.-]{0,6}", b in "[a-bA-Be0-1.-]{0,6}", c in "[a-bA-Be0-1.-]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b) != Ordering::Greater && natural(&b, &c) != Ordering::Greater {
                prop_assert_ne!(natural(&a, &c), Ordering::Greater);
            }
        }
    }
}

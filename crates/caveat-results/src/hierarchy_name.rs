//! The names of hierarchies: what they say about items and exceptions, and whether rows contradict it.

use caveat_theory::ComparisonGraph;

/// What the name of a hierarchy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    n_items: usize,
    /// Winner and loser of each exception, sorted; `None` for exceptions that the name does not tell.
    exceptions: Option<Vec<(usize, usize)>>,
}

/// Hierarchies with names of their own in published tables: name, number of items, and ranks of the exception's winner and loser.
pub const PUBLISHED_HIERARCHIES: [(&str, usize, (usize, usize)); 3] =
    [("exc_mid_n9", 9, (5, 3)), ("exc_mid_n11", 11, (6, 4)), ("exc_far_n11", 11, (7, 3))];

/// The name of a hierarchy of `n_items` with exceptions (winner, loser) by rank: `ti_n9` without exceptions, the published name if
/// there is one, else `exc_5_2_n9`, or `exc_4_2_9_7_n12` with two exceptions.
pub fn hierarchy_name(n_items: usize, exceptions: &[(usize, usize)]) -> String {
    if let [only] = exceptions
        && let Some((name, ..)) = PUBLISHED_HIERARCHIES.iter().find(|(_, n, pair)| (*n, pair) == (n_items, only))
    {
        return (*name).to_owned();
    }
    if exceptions.is_empty() {
        return format!("ti_n{n_items}");
    }
    let ranks: String = exceptions.iter().map(|(winner, loser)| format!("{winner}_{loser}_")).collect();
    format!("exc_{ranks}n{n_items}")
}

/// Reads a name like ti_n9, exc_mid_n9 or exc_5_2_n9; `None` for other names.
pub(crate) fn hierarchy(name: &str) -> Option<Named> {
    let (rest, digits) = name.rsplit_once("_n")?;
    let n_items = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    if rest == "ti" {
        return Some(Named { n_items, exceptions: Some(Vec::new()) });
    }
    let position = rest.strip_prefix("exc")?;
    let parts: Vec<&str> = position.split('_').skip(1).collect();
    if position.starts_with(|c| c != '_') || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    let ranks = parts.iter().map(|part| part.parse().ok()).collect::<Option<Vec<usize>>>().unwrap_or_default();
    let mut pairs: Vec<(usize, usize)> = match PUBLISHED_HIERARCHIES.iter().find(|(known, ..)| *known == name) {
        Some((.., pair)) => vec![*pair],
        None => ranks.as_chunks::<2>().0.iter().map(|&[winner, loser]| (winner, loser)).collect(),
    };
    pairs.sort_unstable();
    Some(Named { n_items, exceptions: Some(pairs).filter(|pairs| !pairs.is_empty()) })
}

/// How rows contradict the name of their hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contradiction {
    /// The number of items.
    Items { named: usize, found: usize },
    /// The exceptions, as "no exception", "an exception" or "rank 5 beats 3".
    Exceptions { named: String, found: String },
}

/// Finds how rows contradict the name of their hierarchy; `exceptions` are (winner, loser), in any order.
pub(crate) fn contradiction(name: &str, n_items: usize, exceptions: &[(usize, usize)]) -> Option<Contradiction> {
    let told = hierarchy(name)?;
    if told.n_items != n_items {
        return Some(Contradiction::Items { named: told.n_items, found: n_items });
    }
    let mut sorted = exceptions.to_vec();
    sorted.sort_unstable();
    let shown = |pairs: &[(usize, usize)]| {
        let all: Vec<String> = pairs.iter().map(|(winner, loser)| format!("rank {winner} beats {loser}")).collect();
        if all.is_empty() { "no exception".to_owned() } else { all.join(", ") }
    };
    let (named, agrees) = match &told.exceptions {
        Some(pairs) => (shown(pairs), *pairs == sorted),
        None => ("an exception".to_owned(), !sorted.is_empty()),
    };
    (!agrees).then(|| Contradiction::Exceptions { named, found: shown(&sorted) })
}

/// A contradiction in words.
pub(crate) fn told(name: &str, contradiction: &Contradiction) -> String {
    match contradiction {
        Contradiction::Items { named, found } => {
            let last = found.saturating_sub(1);
            format!("the name {name} means {named} items, and its rows have {found}, ranks 0 to {last}")
        }
        Contradiction::Exceptions { named, found } => {
            format!("the name {name} means {named}, and its rows have {found}")
        }
    }
}

/// Reasons to doubt that this is the task of a hierarchy, a line each.
pub(crate) fn doubts(name: &str, exceptions: &[(usize, usize)], graph: &ComparisonGraph) -> Vec<String> {
    let against = contradiction(name, graph.n_items(), exceptions).map(|c| {
        let against = told(name, &c);
        format!("{against}: what the rows have is taken; ⟨where⟩ leaves out rows and keeps what was trained")
    });
    let is_trained = |a: usize, b: usize| graph.edge_index(a.min(b), a.max(b)).is_some();
    let untrained = exceptions.iter().find(|&&(a, b)| !is_trained(a, b)).map(|&(a, b)| {
        let (a, b) = (a.min(b), a.max(b));
        format!(
            "hierarchy {name}: pair ({a}, {b}) is marked as an exception and not as trained: it is taken for untrained"
        )
    });
    against.into_iter().chain(untrained).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_published_tables_where_there_are_any() {
        assert_eq!(hierarchy_name(9, &[]), "ti_n9");
        assert_eq!(hierarchy_name(9, &[(5, 3)]), "exc_mid_n9");
        assert_eq!(hierarchy_name(11, &[(6, 4)]), "exc_mid_n11");
        assert_eq!(hierarchy_name(11, &[(7, 3)]), "exc_far_n11");
        assert_eq!(hierarchy_name(11, &[(5, 3)]), "exc_5_3_n11");
        assert_eq!(hierarchy_name(12, &[(4, 2), (9, 7)]), "exc_4_2_9_7_n12");
    }

    proptest! {
        #[test]
        fn a_name_that_is_given_is_read(n_items in 2..300_usize, mut pairs in prop::collection::vec((0..300_usize, 0..300_usize), 0..4)) {
            let name = hierarchy_name(n_items, &pairs);
            pairs.sort_unstable();
            prop_assert_eq!(hierarchy(&name), Some(Named { n_items, exceptions: Some(pairs) }), "{}", name);
        }
    }

    #[test]
    fn names_of_hierarchies_tell_items_and_exceptions() {
        let these = |pairs: &[(usize, usize)]| Some(pairs.to_vec());
        for (name, n_items, exceptions) in [
            ("ti_n9", 9, these(&[])),
            ("exc_mid_n9", 9, these(&[(5, 3)])),
            ("exc_far_n11", 11, these(&[(7, 3)])),
            ("exc_9_7_4_2_n12", 12, these(&[(4, 2), (9, 7)])),
            ("exc_mid_n4", 4, None),
            ("exc_n4", 4, None),
        ] {
            assert_eq!(hierarchy(name), Some(Named { n_items, exceptions }), "{name}");
        }
        for name in
            ["", "ti", "ti_n", "ti_nx", "ti_4", "ti_poker_n4", "exc_mid", "exc__n4", "exception_n4", "towns_n4", "smol"]
        {
            assert_eq!(hierarchy(name), None, "{name}");
        }
    }

    #[test]
    fn rows_that_contradict_a_name_are_told() {
        let items = |named, found| Some(Contradiction::Items { named, found });
        let other =
            |named: &str, found: &str| Some(Contradiction::Exceptions { named: named.into(), found: found.into() });
        for (name, n, exceptions, expected) in [
            ("ti_n9", 9, vec![], None),
            ("exc_mid_n9", 9, vec![(5, 3)], None),
            ("exc_9_7_4_2_n12", 12, vec![(9, 7), (4, 2)], None),
            ("mine", 5, vec![(4, 2)], None),
            ("ti_n9", 8, vec![], items(9, 8)),
            ("exc_mid_n9", 9, vec![], other("rank 5 beats 3", "no exception")),
            ("ti_n9", 9, vec![(5, 3)], other("no exception", "rank 5 beats 3")),
            ("exc_x_n9", 9, vec![], other("an exception", "no exception")),
        ] {
            assert_eq!(contradiction(name, n, &exceptions), expected, "{name}");
        }
    }
}

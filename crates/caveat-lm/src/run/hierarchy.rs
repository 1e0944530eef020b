//! Reads and checks names of hierarchies, as in the column `hier` of trial tables and in the paths of runs.

use caveat_results::PUBLISHED_HIERARCHIES;

use crate::error::{LmError, Result, quoted};
use crate::stimuli::MAX_ITEMS;
use crate::stimuli::items::is_folder_name;

/// Number of items and exceptions of a hierarchy by its name: the inverse of [`hierarchy_name`](caveat_results::hierarchy_name).
/// Whether the exceptions are valid is not checked.
pub(crate) fn hierarchy_of_name(name: &str) -> Result<(usize, Vec<(usize, usize)>)> {
    parse(name).filter(|(n_items, _)| *n_items <= MAX_ITEMS).ok_or_else(|| {
        LmError::invalid(format!(
            "hierarchy {}: expected ti_nN, exc_WINNER_LOSER_nN with ranks from 0, exc_mid_n9, exc_mid_n11 or exc_far_n11, N at most \
             {MAX_ITEMS}",
            quoted(name)
        ))
    })
}

fn parse(name: &str) -> Option<(usize, Vec<(usize, usize)>)> {
    if let Some((_, n_items, exception)) = PUBLISHED_HIERARCHIES.iter().find(|(known, ..)| *known == name) {
        return Some((*n_items, vec![*exception]));
    }
    if let Some(n_items) = name.strip_prefix("ti_n") {
        return Some((number(n_items)?, Vec::new()));
    }
    let (ranks, n_items) = name.strip_prefix("exc_")?.rsplit_once("_n")?;
    let ranks = ranks.split('_').map(number).collect::<Option<Vec<usize>>>()?;
    let (pairs, rest) = ranks.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty()).then_some(())?;
    Some((number(n_items)?, pairs.iter().map(|&[winner, loser]| (winner, loser)).collect()))
}

/// A number as in names: digits only.
fn number(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Refuses a name that cannot be that of a folder, or that means something else in a folder of runs.
pub(crate) fn check_hierarchy_name(name: &str) -> Result<()> {
    check_folder_name("hierarchy", name)?;
    if name == "none" || name.starts_with("lora_") || name.starts_with("l2_") {
        return Err(LmError::invalid(format!(
            "hierarchy name {name:?}: in a folder of runs that is the name of a method: expected another"
        )));
    }
    Ok(())
}

/// Refuses a name that cannot be that of a folder on every system; `what` is what it names.
pub(crate) fn check_folder_name(what: &str, name: &str) -> Result<()> {
    const MOST: usize = 100;
    if !is_folder_name(name, MOST) {
        return Err(LmError::invalid(format!(
            "{what} name {}: it becomes that of a folder: expected at most {MOST} letters, digits, '-', '_' and '.', the last not \
             first",
            quoted(name)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use caveat_results::hierarchy_name;

    use super::*;

    #[test]
    fn a_name_says_which_hierarchy_it_is() {
        for (n, exceptions) in
            [(2, vec![]), (9, vec![]), (9, vec![(5, 3)]), (11, vec![(7, 3)]), (200, vec![(199, 0), (6, 5)])]
        {
            assert_eq!(hierarchy_of_name(&hierarchy_name(n, &exceptions)).unwrap(), (n, exceptions));
        }
        for bad in [
            "",
            "ti",
            "ti_n",
            "ti_n+9",
            "ti_n9x",
            "ti_n201",
            "exc_n9",
            "exc_5_n9",
            "exc_5_3_2_n9",
            "exc_5_3",
            "exc_5__3_n9",
            "exc_a_b_n9",
            "mid_n9",
            "ti_n99999999999999999999999",
        ] {
            let problem = hierarchy_of_name(bad).unwrap_err().to_string();
            assert!(problem.contains("expected ti_nN"), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_name_that_a_folder_of_runs_would_misread_is_refused() {
        for bad in ["", ".x", "a/b", "a b", "lora_r8_alpha16", "l2_x", "none", "..", &"x".repeat(101)] {
            assert!(check_hierarchy_name(bad).is_err(), "{bad}");
        }
        for good in ["ti_n9", "my-own.2", "für_n9", "nonexistent"] {
            assert!(check_hierarchy_name(good).is_ok(), "{good}");
        }
    }
}

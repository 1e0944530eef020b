//! Checks before a fit: do the data tell who was shown first, and is the list of items the right way up?
//!
//! A gain is positive: data from a list that is upside down fit best with no gain at all. The same fit to the data with all
//! signs reversed says whether that is so.
//!
//! Evidence is a difference of log-likelihoods in nats: ℓ(reversed data) − ℓ(data), and ½(N − 3)·ln(SSE/SSE_reversed) for N margins whose
//! fits leave SSE (§9).

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::choice::{ChoiceCount, ChoiceFit, ChoiceFitter};

/// Difference in log-likelihood at which the user should be told that the data favor the opposite order: 150 to 1.
pub const NOTABLE: f64 = 5.0;

/// Difference at which there is no doubt: 22,000 to 1.
pub const CLEAR: f64 = 10.0;

/// Refuses choices that cannot distinguish a bias for the first position from a preference.
///
/// # Errors
/// The higher item (the smaller number) is first in every trial, or in none; or the first item is chosen in every trial, or in
/// none.
pub fn check_positions(clusters: &[Vec<ChoiceCount>]) -> Result<()> {
    let bad = |problem: String| Err(TheoryError::BadInput { what: "position bias", problem });
    let (mut higher_first, mut lower_first, mut chosen, mut trials) = (0.0, 0.0, 0.0, 0.0);
    for c in clusters.iter().flatten() {
        *(if c.first < c.second { &mut higher_first } else { &mut lower_first }) += c.trials;
        chosen += c.first_chosen;
        trials += c.trials;
    }
    if trials == 0.0 {
        return Ok(());
    }
    if lower_first == 0.0 || higher_first == 0.0 {
        let side = if lower_first == 0.0 { "higher" } else { "lower" };
        return bad(format!(
            "the {side} item is shown first in every trial, so that a bias for the first cannot be told from a preference; fit without \
             it, or say who was first in each trial"
        ));
    }
    if chosen == trials || chosen == 0.0 {
        let which = if chosen == 0.0 { "never" } else { "always" };
        return bad(format!(
            "the item shown first is {which} the one chosen, so that nothing tells items apart; say who was shown first, not who was \
             chosen"
        ));
    }
    Ok(())
}

/// Whether the lower item (the larger number) is preferred on the whole, or more so at larger distances: only then can the
/// opposite order explain choices or margins much better. Takes (first, second, preference of the first).
pub fn leans_opposite(preferences: impl IntoIterator<Item = (usize, usize, f64)>) -> bool {
    let (mut plain, mut by_distance) = (0.0, 0.0);
    for (first, second, preference) in preferences {
        let for_higher = if first < second { preference } else { -preference };
        plain += for_higher;
        by_distance += for_higher * first.abs_diff(second) as f64;
    }
    plain < 0.0 || by_distance < 0.0
}

/// Whether trained pairs are answered against their labels on the whole. Labels that are reversed themselves do not show in
/// [`leans_opposite`]; takes the same preferences.
pub fn leans_against(graph: &ComparisonGraph, preferences: impl IntoIterator<Item = (usize, usize, f64)>) -> bool {
    let along = |(first, second, preference)| graph.trained_label(first, second).map(|label| label * preference);
    preferences.into_iter().filter_map(along).sum::<f64>() < 0.0
}

/// Log-likelihood of the best fit to the opposite order, less that of `fit`.
///
/// # Errors
/// As [`ChoiceFitter::fit`].
pub fn opposite_choices(fitter: &ChoiceFitter, fit: &ChoiceFit, clusters: &[Vec<ChoiceCount>]) -> Result<f64> {
    let reversed = |c: &ChoiceCount| ChoiceCount { first_chosen: c.trials - c.first_chosen, ..*c };
    let reversed: Vec<Vec<ChoiceCount>> = clusters.iter().map(|all| all.iter().map(reversed).collect()).collect();
    Ok(fitter.fit(&reversed)?.log_likelihood - fit.log_likelihood)
}

/// The same for `n` margins, by the squares that the fit leaves and those that a fit to the margins with all signs reversed leaves, with
/// independent errors and three parameters fitted. A fit that explains nothing is notable whenever the opposite order explains half.
pub fn opposite_margins(residual: f64, opposite_residual: f64, total_squares: f64, n: usize) -> f64 {
    if total_squares.is_nan() || total_squares <= 0.0 {
        return 0.0;
    }
    let rounding = 1e-12 * total_squares;
    let ratio = (residual.max(rounding) / opposite_residual.max(rounding)).ln();
    let evidence = 0.5 * n.saturating_sub(3) as f64 * ratio;
    let is_half = residual >= (1.0 - 1e-9) * total_squares && opposite_residual < 0.5 * total_squares;
    if is_half { evidence.max(NOTABLE) } else { evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransitiveTask;
    use crate::inference::{ModelSpec, ordered_pairs};
    use crate::learner::LearnerKind;

    fn counts(rows: &[(usize, usize, f64)]) -> Vec<Vec<ChoiceCount>> {
        let count = |&(first, second, first_chosen): &_| ChoiceCount { first, second, first_chosen, trials: 20.0 };
        vec![rows.iter().map(count).collect()]
    }

    #[test]
    fn a_bias_needs_both_positions_and_both_answers() {
        let problem = |rows: &[_]| check_positions(&counts(rows)).unwrap_err().to_string();
        assert!(problem(&[(0, 1, 9.0), (1, 2, 12.0)]).contains("higher item is shown first in every trial"));
        assert!(problem(&[(2, 1, 9.0), (1, 0, 12.0)]).contains("lower item is shown first in every trial"));
        assert!(problem(&[(0, 1, 20.0), (1, 0, 20.0)]).contains("always the one chosen"));
        assert!(problem(&[(0, 1, 0.0), (1, 0, 0.0)]).contains("never the one chosen"));
        assert!(check_positions(&counts(&[(0, 1, 18.0), (2, 1, 5.0)])).is_ok());
        assert!(check_positions(&[]).is_ok());
    }

    #[test]
    fn reversed_choices_fit_the_opposite_order_as_well_as_the_choices_fit_theirs() {
        let task = TransitiveTask::new(5, &[(3, 1)]).unwrap();
        let right =
            counts(&[(0, 1, 18.0), (1, 2, 15.0), (2, 3, 16.0), (3, 4, 19.0), (0, 4, 20.0), (4, 1, 4.0), (1, 3, 7.0)]);
        let reversed = |c: &ChoiceCount| ChoiceCount { first_chosen: c.trials - c.first_chosen, ..*c };
        let wrong = vec![right[0].iter().map(reversed).collect::<Vec<_>>()];
        let fitter =
            ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &ordered_pairs(&right)).unwrap();
        let (fit, against) = (fitter.fit(&right).unwrap(), fitter.fit(&wrong).unwrap());
        let evidence = opposite_choices(&fitter, &against, &wrong).unwrap();
        assert!((evidence - (fit.log_likelihood - against.log_likelihood)).abs() < 1e-9 * evidence && evidence > CLEAR);
        assert!(opposite_choices(&fitter, &fit, &right).unwrap() < -CLEAR);
        let preferences = |all: &[Vec<ChoiceCount>]| -> Vec<_> {
            all[0].iter().map(|c| (c.first, c.second, c.first_chosen - c.trials / 2.0)).collect()
        };
        assert!(leans_opposite(preferences(&wrong)) && !leans_opposite(preferences(&right)));
    }

    #[test]
    fn margins_speak_for_the_opposite_order_by_their_squares() {
        assert_eq!(opposite_margins(0.0, 0.0, 0.0, 9), 0.0);
        assert!(opposite_margins(1.0, 0.01, 1.0, 36) > CLEAR);
        assert!(opposite_margins(0.01, 1.0, 1.0, 36) < -CLEAR);
        // Two pairs prove little, but a fit of nothing where all is turned is worth a word.
        assert_eq!(opposite_margins(1.0, 0.0, 1.0, 2), NOTABLE);
        assert!(opposite_margins(1.0, 0.9, 1.0, 36) < NOTABLE);
    }
}

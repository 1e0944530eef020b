//! Tests of fits to choices at limits and without errors.

use super::*;

#[test]
fn limits_are_reported_as_limits_with_finite_numbers() {
    let task = task();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &ordered(7)).unwrap();
    let fit = |margins: &[f64], gain: f64| {
        fitter.fit(&[expected(&ordered(7), margins, gain, 0.0, 0.0, 1000.0)]).unwrap().estimates
    };
    let surface = &fitter.model.surface;
    let shape = surface.shape(0.3, 0.0).unwrap();
    let hebbian: Vec<f64> = shape.values.iter().map(|v| v * shape.log_scale.exp()).collect();
    let e = fit(&hebbian, 1.7);
    assert_eq!((e.limit, e.strength, e.memorization), (Some(FitLimit::Hebbian), 0.0, 0.0));
    assert!((e.gain - 1.7).abs() < 1e-3 && (e.conjunctivity - 0.3).abs() < 1e-3, "{e:?}");
    let conjunctive: Vec<f64> = surface.margins(1.0, f64::INFINITY).unwrap();
    let e = fit(&conjunctive, 2.0);
    assert_eq!((e.limit, e.conjunctivity, e.strength), (Some(FitLimit::Conjunctive), 1.0, f64::INFINITY));
    assert!((e.gain - 2.0).abs() < 1e-4, "{e:?}");
    // The corner at m = 0.4.
    let corner = surface.margins(4e-12 / 6.0, 1e12).unwrap();
    let e = fit(&corner, 2.0);
    assert_eq!((e.limit, e.conjunctivity, e.screening), (Some(FitLimit::Additive), 0.0, 0.0));
    assert!((e.memorization - 0.4 / 0.6 / (1.0 + 0.4 / 0.6)).abs() < 1e-3 && (e.gain - 2.0).abs() < 1e-3, "{e:?}");
    // Ends that are models of their own: α = 0, and C = ∞.
    let e = fit(&surface.margins(0.0, 2.0).unwrap(), 2.0);
    assert!(e.conjunctivity == 0.0 && (e.strength / 2.0).ln().abs() < 1e-3 && e.limit.is_none(), "{e:?}");
    let e = fit(&surface.margins(0.4, f64::INFINITY).unwrap(), 2.0);
    assert!(e.strength == f64::INFINITY && (e.conjunctivity - 0.4).abs() < 1e-3, "{e:?}");
    // The rule reversed everywhere: no positive gain helps.
    let reversed: Vec<f64> = surface.margins(0.3, 2.0).unwrap().iter().map(|m| -m).collect();
    let e = fit(&reversed, 0.5);
    assert_eq!((e.limit, e.gain), (Some(FitLimit::NoSignal), 0.0));
    assert!(e.conjunctivity.is_nan() && e.strength.is_nan());
}

#[test]
fn separable_choices_saturate_the_gain_and_nothing_else_breaks() {
    let task = TransitiveTask::new(7, &[]).unwrap();
    let perfect: Vec<ChoiceCount> = ordered(7)
        .into_iter()
        .map(|(first, second)| ChoiceCount {
            first,
            second,
            first_chosen: if first < second { 5.0 } else { 0.0 },
            trials: 5.0,
        })
        .collect();
    for spec in [
        ModelSpec::new(LearnerKind::Ridge),
        ModelSpec::new(LearnerKind::GradientFlow).with_lapse().with_position_bias(),
    ] {
        let fitter = ChoiceFitter::new(task.graph(), &spec, &ordered(7)).unwrap();
        let data = [perfect.clone()];
        let fit = fitter.fit(&data).unwrap();
        assert!(fit.log_likelihood > -1e-3 && fit.log_likelihood <= 0.0, "{fit:?}");
        assert!(fit.estimates.gain.is_finite() && fit.margins.iter().all(|m| m.is_finite()));
        let intervals = fitter.intervals(&fit, &data).unwrap();
        let gain = intervals.gain.unwrap();
        assert!(gain.interval.high == f64::INFINITY && gain.interval.low > 0.0 && !gain.bounded, "{intervals:?}");
        assert!(intervals.lapse.is_none_or(|l| l.interval.low == 0.0 && l.interval.high < 0.2), "{intervals:?}");
    }
}

#[test]
fn choices_that_are_all_explained_leave_the_gain_open_whatever_the_limit() {
    let one = |first: usize, second: usize| ChoiceCount { first, second, first_chosen: 1.0, trials: 1.0 };
    for n in 3..7 {
        let task = TransitiveTask::new(n, &[]).unwrap();
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
        let near: Vec<_> = pairs.iter().copied().filter(|&(i, j)| j <= i + 1).collect();
        for shown in [pairs, near] {
            let choices = [shown.iter().map(|&(i, j)| one(i, j)).collect()];
            for held in [None, Some(0.0), Some(0.4), Some(1.0)] {
                let mut spec = ModelSpec::new(LearnerKind::Ridge);
                spec.conjunctivity = held;
                let fit = ChoiceFitter::new(task.graph(), &spec, &shown).unwrap().fit(&choices).unwrap();
                // α = 1 knows trained pairs alone, and those it explains. The cap is on the mean square: single margins are smaller.
                assert!(fit.log_likelihood > -1e-2 || held == Some(1.0), "{n} {held:?} {fit:?}");
                assert!(fit.estimates.saturated, "{n} {held:?} {fit:?}");
            }
        }
    }
}

#[test]
fn a_logistic_c_at_the_end_of_its_range_is_infinite() {
    let task = TransitiveTask::new(5, &[(3, 1)]).unwrap();
    let pairs: Vec<(usize, usize)> = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j))).collect();
    let fitter = MarginModelFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Logistic), &pairs).unwrap();
    // Beyond the end: as far again as the shape has come since C = 10⁴. And inside.
    let shape = |c: f64| fitter.model.surface.shape(0.3, c).unwrap().values;
    let beyond: Vec<f64> = shape(1e8).iter().zip(shape(1e4)).map(|(a, b)| 2.0 * a - b).collect();
    for (margins, is_end) in [(beyond, true), (shape(20.0), false)] {
        let one = |(&(first, second), margin): (&(usize, usize), f64)| MarginObservation {
            first,
            second,
            margin,
            weight: 1.0,
        };
        let data = [pairs.iter().zip(margins).map(one).collect()];
        let fit = fitter.fit(&data).unwrap();
        let e = fit.estimates;
        assert_eq!(e.strength.is_infinite(), is_end, "{e:?}");
        assert!(e.gain.is_finite() && e.gain > 0.0, "{e:?}");
        let interval = fitter.intervals(&fit, &data).unwrap().strength.unwrap().interval;
        assert!(interval.low < 1e8 && interval.high.is_infinite() == is_end, "{e:?} {interval:?}");
    }
}

/// With lapses and a bias a limit has several maxima of its own; the one beside the best of the inside counts.
#[test]
fn an_optimum_beside_a_limit_is_the_limit() {
    let task = TransitiveTask::new(6, &[]).unwrap();
    let pairs: Vec<(usize, usize)> = (0..36).map(|k| (k / 6, k % 6)).filter(|(i, j)| i != j).collect();
    let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse().with_position_bias();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &pairs).unwrap();
    // How often of six the first item was chosen.
    let chosen = [6, 3, 4, 3, 2, 0, 5, 4, 3, 2, 5, 2, 4, 3, 2, 4, 0, 1, 5, 5, 1, 5, 3, 0, 4, 3, 1, 4, 4, 1];
    let one = |(&(first, second), k): (&(usize, usize), i32)| ChoiceCount {
        first,
        second,
        first_chosen: f64::from(k),
        trials: 6.0,
    };
    let fit = fitter.fit(&[pairs.iter().zip(chosen).map(one).collect()]).unwrap();
    assert_eq!(fit.estimates.limit, Some(FitLimit::Conjunctive), "{:?}", fit.estimates);
}

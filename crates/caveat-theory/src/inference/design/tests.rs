//! Laws of expected information, and agreement of simulation with enumeration and with the Gaussian limit.

mod exact;
mod fisher;

use proptest::prelude::*;

use super::*;
use crate::inference::design::likelihood::margins_at;
use crate::inference::design::question::NuisanceGrid;
use crate::kernel::RidgeModel;
use exact::exact_information;
use fisher::asymptotic_sd;

const C: (f64, f64) = (1.0, 100.0);
const GAIN: (f64, f64) = (2.0, 10.0);

fn value(low: f64, high: f64, precision: f64) -> DesignQuestion {
    DesignQuestion::new(DesignTarget::Value { low, high, precision }, C, GAIN, 0.02).unwrap()
}

fn hypotheses(first: (f64, f64), second: (f64, f64)) -> DesignQuestion {
    DesignQuestion::new(DesignTarget::Hypotheses([first, second]), C, GAIN, 0.02).unwrap()
}

fn task(n: usize, exceptions: &[(usize, usize)]) -> (TransitiveTask, Vec<(usize, usize)>) {
    let task = TransitiveTask::new(n, exceptions).unwrap();
    let pairs = JudgedPairs::All.list(&task).unwrap();
    (task, pairs)
}

fn quick(trials: usize) -> DesignSettings {
    DesignSettings { trials, max_trials: 1, samples: 128, ..DesignSettings::default() }
}

fn evaluate(
    (task, pairs): &(TransitiveTask, Vec<(usize, usize)>),
    q: &DesignQuestion,
    s: &DesignSettings,
) -> DesignEvaluation {
    evaluate_design(task, pairs, q, s, &|_| ()).unwrap()
}

#[test]
fn simulation_agrees_with_enumeration_of_all_outcomes() {
    for question in [value(0.0, 1.0, 0.1), hypotheses((0.0, 0.1), (0.4, 1.0))] {
        for (n, exceptions, repetitions) in [(3, vec![], 1), (3, vec![(2, 0)], 6), (4, vec![(3, 1)], 1)] {
            let (task, pairs) = task(n, &exceptions);
            let exact = exact_information(&task, &pairs, &question, repetitions).unwrap();
            let settings = DesignSettings { samples: 4_000, ..quick(repetitions * pairs.len()) };
            let e = evaluate_design(&task, &pairs, &question, &settings, &|_| ()).unwrap();
            // Four standard errors, and the error of the grid of 8 cells over C and gain against the continuous prior.
            let tolerance = 4.0 * e.information_se + 0.01 * exact;
            assert!(
                (e.information_bits - exact).abs() < tolerance,
                "{exact} {e:?} for {n} {exceptions:?} {repetitions}"
            );
            assert!(exact > 0.0 && e.information_se < 0.15 * exact, "the comparison has teeth: {exact} {e:?}");
        }
    }
}

#[test]
fn one_judgment_is_worth_the_information_of_its_pair() {
    let (task, pairs) = task(5, &[(3, 1)]);
    for question in [value(0.0, 1.0, 0.1), hypotheses((0.1, 0.1), (0.5, 0.5))] {
        let each = pair_information(&task, &pairs, &question).unwrap();
        for (pair, information) in pairs.iter().zip(each) {
            let exact = exact_information(&task, &[*pair], &question, 1).unwrap();
            // Grids for 1000 trials and for one differ by their midpoint error.
            assert!((information - exact).abs() < 0.02 * exact + 1e-9, "{pair:?}: {information} {exact}");
        }
    }
}

#[test]
fn a_finer_grid_over_c_and_gain_changes_nothing() {
    let (task, pairs) = task(7, &[(4, 2)]);
    let question = value(0.0, 1.0, 0.1);
    let evidence = Evidence { task: &task, pairs: &pairs, question: &question };
    for trials in [210, 1_050, 4_200] {
        let settings = DesignSettings { samples: 32, ..quick(trials) };
        let counts = Experiments::new(&task, &pairs, &question, &settings).unwrap().after(trials).unwrap();
        let mean = |grid: &NuisanceGrid| {
            let posteriors = evidence.posteriors_on(grid, &counts).unwrap();
            posteriors.iter().map(|p| question.divergence_bits(p)).sum::<f64>() / 32.0
        };
        let [used, finer] = [trials, 6 * trials].map(|n| mean(&NuisanceGrid::new(&question, n)));
        assert!((used - finer).abs() < 0.01, "{trials}: {used} {finer}");
    }
}

#[test]
fn the_posterior_of_many_trials_has_the_width_of_the_fisher_information() {
    // Expected counts instead of drawn ones: the posterior is then centered on the truth, without sampling error.
    let (alpha, c, gain, lapse) = (0.3, 6.0, 4.0, 0.02);
    for (n, exceptions) in [(7, vec![(4, 2)]), (9, vec![(5, 3)]), (7, vec![])] {
        let (task, pairs) = task(n, &exceptions);
        let model = RidgeModel::new(alpha, c).unwrap();
        let per_trial = asymptotic_sd(&task, &pairs, &model, gain, lapse, 1.0).unwrap();
        let trials = (per_trial[0] / 0.01).powi(2);
        let range = (alpha - 0.06, alpha + 0.06);
        let target = DesignTarget::Value { low: range.0, high: range.1, precision: 0.005 };
        let question = DesignQuestion::new(target, (3.0, 12.0), (3.0, 5.3), lapse).unwrap();
        let repetitions = trials / pairs.len() as f64;
        let wins: Vec<f64> = margins_at(&task, &pairs, alpha, c)
            .unwrap()
            .iter()
            .map(|f| repetitions * likelihood::probabilities(gain * f, lapse).0)
            .collect();
        let evidence = Evidence { task: &task, pairs: &pairs, question: &question };
        let posterior = &evidence.posteriors(trials as usize, &Counts::single(&wins, repetitions)).unwrap()[0];
        let moments = question.levels.iter().zip(posterior).fold([0.0; 2], |[m, v], (l, p)| {
            let d = l.value - alpha;
            [m + p * d, v + p * d * d]
        });
        let sd = (moments[1] - moments[0].powi(2)).sqrt();
        // The likelihood is Gaussian up to terms of the order of its width over the scale of the parameters, 0.01/0.3.
        assert!((sd / 0.01 - 1.0).abs() < 0.05, "n = {n} {exceptions:?}: sd {sd} at {trials} trials");
        // The central 95 % interval of a Gaussian, up to the same terms.
        let width = question.interval_width(posterior);
        assert!((width / (2.0 * 1.959_964 * sd) - 1.0).abs() < 0.05, "width {width}");
    }
}

#[test]
fn a_single_pair_tells_nothing_about_alpha() {
    // f = 1/(1 + 1/C) whatever α is.
    let question = value(0.0, 1.0, 0.1);
    let e = evaluate(&task(2, &[]), &question, &quick(500));
    assert!(e.information_bits < 1e-12 && e.pair_information[0] < 1e-12, "{e:?}");
    assert!(exact_information(&task(2, &[]).0, &[(0, 1)], &question, 3).unwrap() < 1e-12);
    let e = evaluate(&task(2, &[]), &hypotheses((0.0, 0.2), (0.4, 1.0)), &quick(500));
    assert!((e.decision_accuracy.unwrap() - 0.5).abs() < 1e-9);
    let model = RidgeModel::new(0.3, 5.0).unwrap();
    let sd = asymptotic_sd(&task(2, &[]).0, &[(0, 1)], &model, 3.0, 0.0, 1e4).unwrap();
    assert!(sd[0].is_infinite(), "{sd:?}");
}

#[test]
fn the_mirror_image_of_a_task_is_worth_the_same() {
    let mirrored = |n: usize, exceptions: &[(usize, usize)]| -> Vec<(usize, usize)> {
        exceptions.iter().map(|&(w, l)| (n - 1 - l, n - 1 - w)).collect()
    };
    let question = value(0.0, 1.0, 0.1);
    for (n, exceptions) in [(5, vec![(2, 0)]), (6, vec![(4, 2), (1, 0)])] {
        let (here, there) = (task(n, &exceptions), task(n, &mirrored(n, &exceptions)));
        let information = |t: &(TransitiveTask, Vec<(usize, usize)>)| pair_information(&t.0, &t.1, &question).unwrap();
        let there_information = information(&there);
        for (&(i, j), a) in here.1.iter().zip(information(&here)) {
            let at = there.1.iter().position(|&p| p == (n - 1 - j, n - 1 - i)).unwrap();
            assert!((a - there_information[at]).abs() < 1e-12, "pair {i} {j}");
        }
        let settings = DesignSettings { samples: 600, ..quick(300) };
        let (a, b) = (evaluate(&here, &question, &settings), evaluate(&there, &question, &settings));
        // The parameters are the same, the judgments drawn anew: well within four standard errors.
        assert!((a.information_bits - b.information_bits).abs() < 4.0 * a.information_se, "{a:?} {b:?}");
    }
    let (small, turned) = (task(4, &[(2, 0)]), task(4, &[(3, 1)]));
    let [a, b] = [small, turned].map(|(t, p)| exact_information(&t, &p, &question, 1).unwrap());
    assert!((a - b).abs() < 1e-12);
}

#[test]
fn candidate_tasks_have_no_two_mirror_images() {
    // n(n−1)/2 exceptions, ⌊n/2⌋ of them their own image.
    for n in 2..12usize {
        assert_eq!(single_exception_tasks(n).unwrap().len(), (n * (n - 1) / 2 + n / 2) / 2, "{n}");
    }
    assert!(single_exception_tasks(1).is_err());
}

#[test]
fn pairs_to_judge_are_of_their_kind() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let count = |kind: JudgedPairs| kind.list(&task).unwrap().len();
    // 36 pairs; 8 premises and the exception are trained, and every other has a right answer: no cycle item pair is untrained.
    assert_eq!(
        [JudgedPairs::All, JudgedPairs::Trained, JudgedPairs::Untrained, JudgedPairs::Scored].map(count),
        [36, 9, 27, 36]
    );
    assert!(JudgedPairs::Untrained.list(&TransitiveTask::new(2, &[]).unwrap()).is_err());
}

#[test]
fn trials_for_power_reach_it_and_the_rung_below_does_not() {
    let design = task(7, &[(4, 2)]);
    let n_pairs = design.1.len();
    let settings = DesignSettings { max_trials: 20_000, samples: 64, ..DesignSettings::default() };
    for (question, power) in [(hypotheses((0.0, 0.1), (0.4, 1.0)), 0.9), (value(0.1, 0.5, 0.2), 0.5)] {
        let settings = DesignSettings { power, ..settings };
        let found = evaluate(&design, &question, &settings).trials_for_power.unwrap();
        let steps = ladder(settings.max_trials / n_pairs);
        let rung = steps.iter().position(|r| r * n_pairs == found).unwrap();
        let evidence = Evidence { task: &design.0, pairs: &design.1, question: &question };
        let experiments = Experiments::new(&design.0, &design.1, &question, &settings).unwrap();
        let at = |rung: usize| {
            let wins = experiments.grown(&vec![0; n_pairs * settings.samples], &steps, -1, rung).unwrap();
            let counts = Counts::even(&wins, n_pairs, steps[rung]);
            success(&question, &evidence.posteriors(steps[rung] * n_pairs, &counts).unwrap())
        };
        assert!(at(rung) >= power && (rung == 0 || at(rung - 1) < power), "{found}");
        let short = DesignSettings { max_trials: found - 1, ..settings };
        let below = evaluate(&design, &question, &short).trials_for_power;
        assert!(below.is_none_or(|n| n < found), "{below:?} {found}");
    }
    assert_eq!(evaluate(&design, &value(0.0, 1.0, 0.1), &quick(100)).trials_for_power, None);
}

#[test]
fn ladders_rise_by_a_ninth_and_end_at_the_largest() {
    assert_eq!(ladder(0), [0; 0]);
    assert_eq!(ladder(1), [1]);
    assert_eq!(ladder(6), [1, 2, 3, 4, 5, 6]);
    for largest in [10, 100, 2_777] {
        let steps = ladder(largest);
        assert_eq!(*steps.last().unwrap(), largest);
        assert!(steps.windows(2).all(|w| w[0] < w[1] && (w[1] - w[0] == 1 || (w[1] as f64) < 1.2 * w[0] as f64)));
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (design, question) = (task(6, &[(3, 1)]), value(0.0, 1.0, 0.2));
    let settings = DesignSettings { max_trials: 300, samples: 64, ..quick(100) };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(&design, &question, &settings))
    };
    assert_eq!(run(1), run(3));
    let other = evaluate(&design, &question, &DesignSettings { seed: 1, ..settings });
    assert_ne!(run(1).information_bits, other.information_bits);
}

#[test]
fn progress_adds_up() {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let (task, pairs) = task(5, &[(3, 1)]);
    let settings = DesignSettings { max_trials: 3_000, ..quick(100) };
    let add = |n| {
        done.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
    };
    evaluate_design(&task, &pairs, &value(0.0, 1.0, 0.3), &settings, &add).unwrap();
    assert_eq!(done.into_inner(), progress_steps(&settings, pairs.len()));
}

#[test]
fn limits_of_the_prior_are_finite() {
    let points = DesignTarget::Hypotheses([(0.0, 0.0), (1.0, 1.0)]);
    for c in [(f64::INFINITY, f64::INFINITY), (1e-300, 1e300), (5.0, 5.0)] {
        for (gain, lapse) in [((1e-3, 1e3), 0.0), ((4.0, 4.0), 0.5)] {
            let question = DesignQuestion::new(points, c, gain, lapse).unwrap();
            let e = evaluate(&task(5, &[(3, 1)]), &question, &DesignSettings { samples: 32, ..quick(50) });
            assert!((0.0..=1.0 + 1e-12).contains(&e.information_bits), "{c:?} {gain:?} {e:?}");
            assert!(e.pair_information.iter().all(|i| (0.0..=1.0 + 1e-12).contains(i)));
        }
    }
}

#[test]
fn bad_questions_settings_and_pairs_are_refused() {
    let target = DesignTarget::Value { low: 0.0, high: 1.0, precision: 0.1 };
    let refused = |target, c, gain, lapse| DesignQuestion::new(target, c, gain, lapse).unwrap_err().to_string();
    for (c, gain, lapse, words) in [
        ((0.0, 1.0), GAIN, 0.0, "lower C = 0"),
        ((2.0, 1.0), GAIN, 0.0, "upper C = 1"),
        ((1.0, f64::INFINITY), GAIN, 0.0, "upper C = inf"),
        (C, (-1.0, 1.0), 0.0, "lower gain = -1"),
        (C, (f64::INFINITY, f64::INFINITY), 0.0, "lower gain = inf"),
        (C, GAIN, 1.0, "lapse = 1"),
        (C, GAIN, f64::NAN, "lapse = NaN"),
    ] {
        let message = refused(target, c, gain, lapse);
        assert!(message.contains(words), "{message}");
    }
    for (target, words) in [
        (DesignTarget::Value { low: 0.2, high: 0.2, precision: 0.1 }, "nothing to find out"),
        (DesignTarget::Value { low: 0.2, high: 0.1, precision: 0.1 }, "upper conjunctivity"),
        (DesignTarget::Value { low: 0.0, high: 1.0, precision: 0.001 }, "hundredth"),
        (DesignTarget::Value { low: 0.0, high: 1.0, precision: 0.0 }, "precision = 0"),
        (DesignTarget::Hypotheses([(0.0, 0.3), (0.2, 1.0)]), "overlap"),
        (DesignTarget::Hypotheses([(0.2, 0.2), (0.2, 0.2)]), "overlap"),
        (DesignTarget::Hypotheses([(0.1, 0.3), (0.4, 1.2)]), "upper conjunctivity = 1.2"),
    ] {
        let message = refused(target, C, GAIN, 0.02);
        assert!(message.contains(words), "{message}");
    }
    // Ranges that touch, or a point at the end of a range, are different hypotheses.
    hypotheses((0.0, 0.1), (0.1, 1.0));
    hypotheses((0.0, 0.0), (0.0, 1.0));
    let ((task, pairs), question) = (task(4, &[]), value(0.0, 1.0, 0.1));
    for settings in [
        DesignSettings { trials: 0, ..quick(1) },
        DesignSettings { max_trials: MAX_TRIALS + 1, ..quick(1) },
        DesignSettings { samples: 1, ..quick(1) },
        DesignSettings { power: 1.0, ..quick(1) },
        DesignSettings { power: f64::NAN, ..quick(1) },
    ] {
        assert!(evaluate_design(&task, &pairs, &question, &settings, &|_| ()).is_err(), "{settings:?}");
    }
    for pairs in [&[][..], &[(1, 1)], &[(0, 4)]] {
        assert!(evaluate_design(&task, pairs, &question, &quick(10), &|_| ()).is_err());
    }
    let large = TransitiveTask::new(MAX_ITEMS + 1, &[]).unwrap();
    assert!(evaluate_design(&large, &[(0, 1)], &question, &quick(10), &|_| ()).is_err());
    let many = JudgedPairs::All.list(&TransitiveTask::new(9, &[]).unwrap()).unwrap();
    assert!(exact_information(&TransitiveTask::new(9, &[]).unwrap(), &many, &question, 1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn information_is_bounded_and_grows_with_trials(
        n in 3usize..7, winner in 1usize..6, loser in 0usize..5, about_value: bool, trials in 1usize..60, seed: u64,
    ) {
        let exceptions = if winner > loser && winner < n { vec![(winner, loser)] } else { vec![] };
        let question = if about_value { value(0.0, 1.0, 0.2) } else { hypotheses((0.0, 0.2), (0.3, 1.0)) };
        let design = task(n, &exceptions);
        let most = (question.n_groups as f64).log2();
        let [few, many] = [trials, 8 * trials].map(|trials| {
            evaluate(&design, &question, &DesignSettings { seed, ..quick(trials) })
        });
        for e in [&few, &many] {
            prop_assert!((0.0..=most + 1e-12).contains(&e.information_bits), "{:?}", e);
            prop_assert!(e.pair_information.iter().all(|i| (0.0..=1.0).contains(i)));
        }
        // Eight times the trials are worth more, up to the sampling error of independent experiments.
        let error = few.information_se.hypot(many.information_se);
        prop_assert!(many.information_bits > few.information_bits - 4.0 * error, "{:?} {:?}", few, many);
        if let Some(accuracy) = many.decision_accuracy {
            prop_assert!((0.5..=1.0).contains(&accuracy));
        }
    }
}

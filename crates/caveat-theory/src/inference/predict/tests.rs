//! Tests of prediction: exact parameters predict exactly, failures are those of the theory, intervals hold what they should.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::*;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain};
use crate::task::TransitiveTask;

fn exact(task: &TransitiveTask, model: &RidgeModel) -> (Vec<(usize, usize)>, Vec<f64>) {
    let s = chain::solve(task, model).unwrap();
    let pairs: Vec<_> = (0..task.n_items()).flat_map(|i| (i + 1..task.n_items()).map(move |j| (i, j))).collect();
    let values = pairs.iter().map(|&(i, j)| 4.0 * s.margin(i, j)).collect();
    (pairs, values)
}

#[test]
fn a_fit_without_the_exception_predicts_the_exception() {
    let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(11, &[(6, 4)]).unwrap());
    let model = RidgeModel::new(0.2, 7.0).unwrap();
    let (pairs, values) = exact(&plain, &model);
    let fit = MarginFitter::new(plain.graph(), &pairs).unwrap().fit(&values).unwrap();
    let (pairs, values) = exact(&task, &model);
    let prediction = predict(&fit, task.graph(), &pairs, &values).unwrap();
    assert!(prediction.r_squared > 1.0 - 1e-8 && prediction.correlation > 1.0 - 1e-8);
    assert_eq!(prediction.sign_agreement, 1.0);
    assert!((prediction.calibration.slope - 1.0).abs() < 1e-4 && prediction.calibration.intercept.abs() < 1e-4);
    assert!(predict(&fit, task.graph(), &pairs, &values[1..]).is_err());
    assert!(predict(&fit, task.graph(), &[], &[]).is_err());
}

#[test]
fn failures_are_the_pairs_whose_margin_contradicts_the_answer() {
    // At α = 0.6 the screening is far above μ* = 1 of this task: cross-section pairs fail, and the exception is stored.
    let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(9, &[(5, 3)]).unwrap());
    let model = RidgeModel::new(0.6, 20.0).unwrap();
    let (pairs, values) = exact(&plain, &model);
    let fit = MarginFitter::new(plain.graph(), &pairs).unwrap().fit(&values).unwrap();
    let (pairs, mut values) = exact(&task, &model);
    let classes = task.classes().unwrap();
    let solution = chain::solve(&task, &model).unwrap();
    let wrong = |i: usize, j: usize| classes.label(i, j).is_some_and(|y| solution.sign(i, j) * y < 0);
    let expected = pairs.iter().filter(|&&(i, j)| wrong(i, j)).count();
    assert!(expected > 0);
    // One predicted failure is judged right, and one right pair wrong.
    let (saved, lost) = (
        pairs.iter().position(|&(i, j)| wrong(i, j)).unwrap(),
        pairs.iter().position(|&(i, j)| classes.label(i, j).is_some() && !wrong(i, j)).unwrap(),
    );
    values[saved] *= -1.0;
    values[lost] *= -1.0;
    let prediction = predict(&fit, task.graph(), &pairs, &values).unwrap();
    let scored = pairs.iter().filter(|&&(i, j)| classes.label(i, j).is_some()).count();
    assert_eq!(
        prediction.failures,
        FailureCounts { both: expected - 1, predicted_only: 1, observed_only: 1, neither: scored - expected - 1 }
    );
    for (k, &(i, j)) in pairs.iter().enumerate() {
        assert_eq!(prediction.fails_predicted[k], classes.label(i, j).map(|_| wrong(i, j)), "{i} {j}");
    }
    assert_eq!(prediction.fails_observed[saved], Some(false));
    assert_eq!(prediction.fails_observed[lost], Some(true));
}

#[test]
fn calibration_is_the_least_squares_line() {
    // By hand: means 2 and 5/2, Σ dp² = 2, Σ dp·do = 3.
    let c = calibration(&[1.0, 2.5, 4.0], &[1.0, 2.0, 3.0]).unwrap();
    assert!((c.slope - 1.5).abs() < 1e-15 && (c.intercept + 0.5).abs() < 1e-15, "{c:?}");
    assert!((c.correlation - 1.0).abs() < 1e-15 && c.count == 3);
    assert!((c.root_mean_square_error - (1.25f64 / 3.0).sqrt()).abs() < 1e-15);
    assert!((c.r_squared - (1.0 - 1.25 / 23.25)).abs() < 1e-15);
    let constant = calibration(&[1.0, 2.0], &[3.0, 3.0]).unwrap();
    assert!(constant.slope.is_nan() && constant.intercept.is_nan());
    assert!(calibration(&[], &[]).is_err());
    assert!(calibration(&[1.0], &[f64::NAN]).is_err());
    assert!(calibration(&[1.0], &[1.0, 2.0]).is_err());
}

#[test]
fn prediction_intervals_hold_new_observations_and_repeat() {
    let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(9, &[(5, 3)]).unwrap());
    let model = RidgeModel::new(0.25, 6.0).unwrap();
    let (pairs, truth) = exact(&plain, &model);
    let (new_pairs, new_truth) = exact(&task, &model);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let seeds = 25;
    let (mut inside, mut all, mut theory_inside) = (0.0, 0.0, 0.0);
    for simulation in 0..20 {
        let clusters: Vec<Vec<f64>> = (0..seeds)
            .map(|_| truth.iter().map(|t| t + 1.5 * rng.sample::<f64, _>(StandardNormal)).collect())
            .collect();
        let observed: Vec<f64> = new_truth
            .iter()
            .map(|t| t + 1.5 / f64::from(seeds).sqrt() * rng.sample::<f64, _>(StandardNormal))
            .collect();
        let training = MarginFitter::new(plain.graph(), &pairs).unwrap();
        let target = ObservedTask { graph: task.graph(), pairs: &new_pairs };
        let of = |replicates| prediction_intervals(&training, &[&clusters], &target, &observed, replicates, 1).unwrap();
        let p = of(400);
        inside += p.coverage * 36.0;
        all += 36.0;
        theory_inside += p.theory.iter().zip(&new_truth).filter(|(i, t)| (i.low..=i.high).contains(t)).count() as f64;
        // The residuals estimate the sampling error of a mean over seeds, to a tenth of it in the median.
        assert!((p.residual_deviation - 0.3).abs() < 0.16, "{}", p.residual_deviation);
        if simulation == 0 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            assert_eq!(p, pool.install(|| of(400)));
        }
    }
    // 720 margins, correlated within a simulation through the parameters; the noise dominates.
    assert!((0.92..=0.98).contains(&(inside / all)), "{}", inside / all);
    // Margins of one fit err together, so these 720 count as some tens of independent ones.
    assert!((0.84..=1.0).contains(&(theory_inside / all)), "{}", theory_inside / all);
}

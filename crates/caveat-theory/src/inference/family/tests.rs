//! Tests of the surfaces of margins.

use super::*;
use crate::kernel::RidgeModel;
use crate::margins::Margins;
use crate::task::TransitiveTask;

#[test]
fn surfaces_are_the_margins_of_their_solvers() {
    use crate::window::{Training, margins_of};
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs = (0..49).map(|k| (k / 7, k % 7)).filter(|(i, j)| i != j).collect::<Vec<_>>();
    for (alpha, strength) in [(0.1, 3.0), (0.6, 0.4), (0.02, 50.0)] {
        for (family, training) in [
            (Family::Ridge, Training::Ridge { c: strength }),
            (Family::GradientFlow, Training::GradientFlow { time: strength }),
        ] {
            let surface = Surface::new(task.graph(), family, &pairs).unwrap();
            let direct = margins_of(&task, alpha, training).unwrap();
            for (&(i, j), f) in pairs.iter().zip(surface.margins(alpha, strength).unwrap()) {
                assert!((f - direct.margin(i, j)).abs() < 1e-9, "{family:?} {alpha} {strength} ({i}, {j})");
            }
        }
        let model = RidgeModel::new(alpha, strength).unwrap();
        let direct = crate::logistic::solve(task.graph(), &model).unwrap();
        let surface = Surface::new(task.graph(), Family::Logistic, &pairs).unwrap();
        for (&(i, j), f) in pairs.iter().zip(surface.margins(alpha, strength).unwrap()) {
            assert!(
                (f - direct.margin(i, j)).abs() < 1e-7 * strength.max(1.0),
                "logistic {alpha} {strength} ({i}, {j})"
            );
        }
    }
}

//! `caveat predict`: ranks, margins and accuracy of a model on a task, by any route.

use caveat_analysis::{KernelChoice, PredictOutcome, PredictRequest, predict, short};
use caveat_theory::{Learner, LearnerKind, PairClass};

use super::build_task;
use crate::cli::PredictArgs;
use crate::failure::Failure;
use crate::output::print_text;

pub(crate) fn run(args: &PredictArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let found = predict(&PredictRequest {
        task: build_task(&args.task)?,
        kernel: kernel(args)?,
        learner: learner(args)?,
        route: args.route,
        ranks_only: args.ranks_only,
    })?;
    if args.output.is_for_reading() {
        return print_text(&readable(&found));
    }
    args.output.give_value(&found.table()?, || &found)
}

/// What learns, of the kind asked for.
fn learner(args: &PredictArgs) -> Result<Learner, Failure> {
    let former = args.loss.as_deref().filter(|loss| *loss == "logistic").map(|_| LearnerKind::Logistic);
    match (args.learner.or(former), args.strength.learner()) {
        (Some(LearnerKind::Logistic), Learner::Ridge { c }) => Ok(Learner::Logistic { c }),
        (Some(LearnerKind::GradientFlow), Learner::Ridge { .. }) => {
            Err(Failure::input("--learner gradient-flow needs a time: add --time T"))
        }
        (Some(LearnerKind::Ridge | LearnerKind::Logistic), Learner::GradientFlow { .. }) => {
            Err(Failure::input("--time is of gradient flow: leave it out, or take --learner gradient-flow"))
        }
        (_, learner) => Ok(learner),
    }
}

/// Where the kernel comes from.
fn kernel(args: &PredictArgs) -> Result<KernelChoice, Failure> {
    match (&args.kernel_matrix, args.kernel, args.conjunctivity) {
        // The parser cannot require an option that conflicts with another given one.
        (None, ..) if args.project => {
            Err(Failure::input("--project is for --kernel-matrix: name the matrix, or leave it out"))
        }
        (Some(path), ..) if args.project => Ok(KernelChoice::Projection(path.clone())),
        (Some(path), ..) => Ok(KernelChoice::Matrix(path.clone())),
        (None, Some(orbits), _) => Ok(KernelChoice::Orbits(orbits)),
        (None, None, Some(alpha)) => Ok(KernelChoice::Conjunctivity(alpha)),
        (None, None, None) => {
            Err(Failure::input("the representation is missing: give --conjunctivity, --kernel or --kernel-matrix"))
        }
    }
}

/// For a person: parameters, accuracy by class, ranks, and the margins of a small task.
fn readable(found: &PredictOutcome) -> String {
    let n = found.n_items;
    let mut text = format!(
        "conjunctivity {}   screening {}   memorization {}\n",
        short(found.conjunctivity),
        short(found.screening),
        short(found.memorization)
    );
    if let Some(accuracy) = &found.accuracy {
        text += "\naccuracy\n";
        for class in PairClass::SCORED {
            text += &format!("  {:17} {}\n", class.name(), accuracy.in_class(class).map_or("-".into(), short));
        }
    }
    if let Some(ranks) = &found.ranks {
        text += "\nranks\n";
        for (item, rank) in ranks.iter().enumerate() {
            text += &format!("  {item:>6} {rank:>12.6}\n");
        }
    }
    if let Some(margins) = found.margins.as_ref().filter(|_| n <= 24) {
        text += "\nmargins f(row, column)\n       ";
        text += &(0..n).map(|b| format!("{b:>8}")).collect::<String>();
        text.push('\n');
        for (a, row) in margins.chunks(n).enumerate() {
            text += &format!("  {a:>4} ");
            text += &row.iter().map(|f| format!("{f:>8.3}")).collect::<String>();
            text.push('\n');
        }
    }
    text
}

//! `caveat predict`: ranks, margins and accuracy of a model on a task, by any route.

use caveat_analysis::{AnalysisError, short};
use caveat_results::{Format, Table, Values, read_matrix};
use caveat_theory::{
    Accuracy, ExchangeableKernel, Learner, Margins, MeasuredKernel, PairClass, PresentationOrder, Solution,
    TheoryError, TransitiveTask, solve as solve_kernel,
};
use serde_json::json;

use super::{build_task, check_pairs};
use crate::cli::{Loss, PredictArgs, Route};
use crate::failure::Failure;
use crate::output::{check_table_path, json as to_json, print_table, print_text, write_result};

/// Beyond this many items n × n margins fill memory and screen for nothing.
const MAX_MARGINS: usize = 4_096;

/// What the command found.
struct Found {
    conjunctivity: f64,
    screening: f64,
    memorization: f64,
    ranks: Option<Vec<f64>>,
    /// Row-major; empty if only ranks were asked for.
    margins: Vec<f64>,
    accuracy: Option<Accuracy>,
}

pub(crate) fn run(args: &PredictArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    let task = build_task(&args.task)?;
    if task.n_items() > MAX_MARGINS && !args.ranks_only {
        return Err(Failure::input(format!(
            "{} items have too many pairs to print: beyond {MAX_MARGINS} items, add --ranks-only",
            task.n_items()
        )));
    }
    if !args.ranks_only {
        check_pairs(task.n_items(), "the margins")?;
    }
    let kernel = Kernel::from_arguments(args)?;
    let found = solve(args, &task, &kernel)?;
    let n = task.n_items();
    let exceptions: Vec<[usize; 2]> = task.exceptions().iter().map(|e| [e.winner, e.loser]).collect();
    let margins: Option<Vec<&[f64]>> = (!args.ranks_only).then(|| found.margins.chunks(n).collect());
    let mut value = json!({
        "n_items": n,
        "exceptions": exceptions,
        "conjunctivity": found.conjunctivity,
        "c": if args.model.time.is_some() { f64::NAN } else { c_of(args) },
        "screening": found.screening,
        "memorization": found.memorization,
        "ranks": found.ranks,
        "margins": margins,
        "accuracy": found.accuracy,
    });
    if let Some(time) = args.model.time {
        value["time"] = json!(time);
    }
    if args.loss == Loss::Logistic {
        value["loss"] = json!("logistic");
    }
    if let Kernel::Orbits(k) = &kernel {
        value["kernel"] = json!(k.orbits());
    }
    match (&args.output.output, args.output.format) {
        (Some(path), _) => write_result(path, &long_table(&task, &found)?, &value),
        (None, Format::Json) => print_text(&to_json(&value)?),
        (None, Format::Csv) => print_table(&long_table(&task, &found)?, Format::Csv),
        (None, Format::Table) => print_text(&readable(&task, &found)?),
    }
}

fn c_of(args: &PredictArgs) -> f64 {
    args.model.c.unwrap_or(f64::INFINITY)
}

/// Where the kernel comes from.
enum Kernel {
    Conjunctivity(f64),
    Orbits(ExchangeableKernel),
    Matrix { path: String, n_items: usize, entries: Vec<f64> },
}

impl Kernel {
    fn from_arguments(args: &PredictArgs) -> Result<Self, Failure> {
        // The parser does not require an option that conflicts with another one given.
        if args.project && args.kernel_matrix.is_none() {
            return Err(Failure::input("--project is for --kernel-matrix: name the matrix, or leave it out"));
        }
        if let Some(path) = &args.kernel_matrix {
            let (entries, side) = read_matrix(path)?;
            let at = |e: TheoryError| AnalysisError::from(e).in_place(path.display());
            let measured = MeasuredKernel::project_square(&entries).map_err(at)?;
            if args.project {
                return Ok(Self::Orbits(measured.kernel));
            }
            debug_assert_eq!(side, measured.n_items * (measured.n_items - 1));
            return Ok(Self::Matrix { path: path.display().to_string(), n_items: measured.n_items, entries });
        }
        match (args.kernel, args.model.conjunctivity) {
            (Some(orbits), _) => Ok(Self::Orbits(ExchangeableKernel::from_orbits(orbits)?)),
            (None, Some(alpha)) => Ok(Self::Conjunctivity(alpha)),
            (None, None) => {
                Err(Failure::input("the representation is missing: give --conjunctivity, --kernel or --kernel-matrix"))
            }
        }
    }
}

fn solve(args: &PredictArgs, task: &TransitiveTask, kernel: &Kernel) -> Result<Found, Failure> {
    let (alpha, c, orbits) = match kernel {
        Kernel::Matrix { path, n_items, entries } => return solve_matrix(args, task, path, *n_items, entries),
        Kernel::Conjunctivity(alpha) => (*alpha, c_of(args), ExchangeableKernel::from_conjunctivity(*alpha)?),
        Kernel::Orbits(k) => {
            k.check_definite(task.n_items())?;
            // On a given kernel C is 1/ridge; its antisymmetric part is normalized by κ_id − κ_flip.
            // A definite kernel has α ≥ 0 but for rounding.
            let alpha = k.conjunctivity();
            (if (-1e-9..0.0).contains(&alpha) { 0.0 } else { alpha }, c_of(args) * k.scale(), *k)
        }
    };
    if let Some(time) = args.model.time {
        return solve_flow(args, task, kernel, alpha, time);
    }
    if args.loss == Loss::Logistic {
        let reduces = orbits.is_position_symmetric() && task.order() == PresentationOrder::Both && alpha <= 1.0;
        if !reduces || args.route.is_some() {
            return Err(Failure::input(
                "--loss logistic needs both presentation orders and a position-symmetric kernel, and has one route: leave out --route",
            ));
        }
        return found(args, task, &solve_kernel(task, &orbits, Learner::Logistic { c }, None)?, alpha);
    }
    let s = solve_kernel(task, &orbits, Learner::Ridge { c }, args.route.map(Into::into))?;
    found(args, task, &s, alpha)
}

fn solve_flow(
    args: &PredictArgs,
    task: &TransitiveTask,
    kernel: &Kernel,
    alpha: f64,
    time: f64,
) -> Result<Found, Failure> {
    if args.route.is_some() || args.loss == Loss::Logistic {
        return Err(Failure::input("--time has its own route and the squared loss: leave out --route and --loss"));
    }
    let symmetric = match kernel {
        Kernel::Orbits(k) => k.is_position_symmetric(),
        _ => true,
    };
    if !symmetric {
        return Err(Failure::input("--time needs a position-symmetric kernel (same first = same second)"));
    }
    let orbits = match kernel {
        Kernel::Orbits(k) => *k,
        _ => ExchangeableKernel::from_conjunctivity(alpha)?,
    };
    found(args, task, &solve_kernel(task, &orbits, Learner::GradientFlow { time }, None)?, alpha)
}

fn solve_matrix(
    args: &PredictArgs,
    task: &TransitiveTask,
    path: &str,
    n: usize,
    entries: &[f64],
) -> Result<Found, Failure> {
    if n != task.n_items() {
        return Err(Failure::input(format!("{path}: the kernel is of {n} items, the task of {}", task.n_items())));
    }
    if args.model.time.is_some() || args.loss == Loss::Logistic || matches!(args.route, Some(r) if r != Route::Dense) {
        return Err(Failure::input(
            "a kernel matrix is solved by ridge regression on the dense route only; --project lifts that",
        ));
    }
    if args.ranks_only {
        return Err(Failure::input(
            "--ranks-only: a kernel matrix that is not exchangeable gives no ranks; add --project, or leave it out",
        ));
    }
    let s = solve_kernel(task, caveat_theory::Kernel::Matrix(entries), Learner::Ridge { c: c_of(args) }, None)?;
    let alpha = MeasuredKernel::project(n, entries)?.conjunctivity;
    found(args, task, &s, alpha)
}

fn found(args: &PredictArgs, task: &TransitiveTask, solution: &Solution, conjunctivity: f64) -> Result<Found, Failure> {
    let full = !args.ranks_only;
    Ok(Found {
        conjunctivity,
        screening: solution.screening(),
        memorization: solution.memorization(),
        ranks: solution.ranks(),
        // Adding zero makes −0 plain 0.
        margins: if full { solution.matrix().into_iter().map(|f| f + 0.0).collect() } else { Vec::new() },
        accuracy: if full { Some(solution.accuracy(&task.classes()?)) } else { None },
    })
}

/// One row per ordered pair, or per item where only ranks were asked for.
fn long_table(task: &TransitiveTask, found: &Found) -> Result<Table, Failure> {
    let n = task.n_items();
    let index = |k: usize| i64::try_from(k).ok();
    if found.margins.is_empty() {
        let ranks = found.ranks.clone().unwrap_or_default();
        return Ok(Table::new()
            .with("item", Values::Integer((0..ranks.len()).map(index).collect()))?
            .float("rank", ranks)?);
    }
    let classes = task.classes()?;
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|a| (0..n).filter(move |&b| b != a).map(move |b| (a, b))).collect();
    Ok(Table::new()
        .with("rank_a", Values::Integer(pairs.iter().map(|p| index(p.0)).collect()))?
        .with("rank_b", Values::Integer(pairs.iter().map(|p| index(p.1)).collect()))?
        .text("class", pairs.iter().map(|&(a, b)| classes.class(a, b).name()))?
        .with("label", Values::Integer(pairs.iter().map(|&(a, b)| classes.label(a, b).map(i64::from)).collect()))?
        .float("margin", pairs.iter().map(|&(a, b)| found.margins[a * n + b]))?)
}

/// For a person: parameters, accuracy by class, ranks, and the margins of a small task.
fn readable(task: &TransitiveTask, found: &Found) -> Result<String, Failure> {
    let n = task.n_items();
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
    if !found.margins.is_empty() && n <= 24 {
        text += "\nmargins f(row, column)\n       ";
        text += &(0..n).map(|b| format!("{b:>8}")).collect::<String>();
        text.push('\n');
        for (a, row) in found.margins.chunks(n).enumerate() {
            text += &format!("  {a:>4} ");
            text += &row.iter().map(|f| format!("{f:>8.3}")).collect::<String>();
            text.push('\n');
        }
    }
    Ok(text)
}

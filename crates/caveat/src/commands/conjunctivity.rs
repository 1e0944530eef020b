//! `caveat conjunctivity`: α of infinite networks, random features and measured kernels.

use caveat_analysis::AnalysisError;
use caveat_results::{Table, read_matrix};
use caveat_theory::{MeasuredKernel, NetworkKernel, RandomFeatures};
use serde_json::{Value, json};

use crate::cli::ConjunctivityArgs;
use crate::failure::Failure;
use crate::progress;

/// Most layers: more would take minutes, and α is 1 to eight digits long before that.
const MAX_DEPTH: usize = 100_000_000;

pub(crate) fn run(args: &ConjunctivityArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let value = if let Some(activation) = args.network {
        if args.depth > MAX_DEPTH {
            return Err(Failure::input(format!("--depth {} is too deep: at most {MAX_DEPTH}", args.depth)));
        }
        let network = NetworkKernel { activation, depth: args.depth, kind: args.kind };
        json!({
            "network": activation.to_string(),
            "depth": args.depth,
            "kind": args.kind.to_string(),
            "conjunctivity": network.conjunctivity(),
            "kernel": network.kernel()?.orbits(),
        })
    } else if let Some(activation) = args.random_features {
        let settings = RandomFeatures::new(activation, args.depth, args.seed);
        let settings = RandomFeatures { width: args.width, replicates: args.replicates, ..settings };
        let bar = progress::bar(args.replicates as u64, "random networks");
        let estimate = settings.estimate(Some(&|done| bar.set_position(done as u64)));
        bar.finish_and_clear();
        let e = estimate?;
        json!({
            "random_features": activation.to_string(),
            "depth": args.depth,
            "width": args.width,
            "n_items": settings.n_items,
            "replicates": args.replicates,
            "seed": args.seed,
            "conjunctivity": e.conjunctivity,
            "standard_error": e.standard_error,
            "kernel": e.kernel.orbits(),
        })
    } else if let Some(path) = &args.matrix {
        let (entries, _) = read_matrix(path)?;
        let m =
            MeasuredKernel::project_square(&entries).map_err(|e| AnalysisError::from(e).in_place(path.display()))?;
        json!({
            "matrix": path.display().to_string(),
            "n_items": m.n_items,
            "conjunctivity": m.conjunctivity,
            "variance_explained": m.variance_explained,
            "entry_variance_explained": m.entry_variance_explained,
            "is_definite": m.is_definite,
            "smallest_eigenvalue": m.smallest_eigenvalue,
            "precision": m.precision,
            "kernel": m.kernel.orbits(),
        })
    } else {
        // The parser requires one of the three.
        return Err(Failure::input("name --network, --random-features or --matrix"));
    };
    let table = one_row(&value)?;
    args.output.give_value(&table, || &value)
}

/// An object of plain values as a table of one row; the six orbit values become columns.
fn one_row(value: &Value) -> Result<Table, Failure> {
    const ORBITS: [&str; 6] = ["identical", "flipped", "same_first", "same_second", "crossed", "disjoint"];
    let mut table = Table::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        table = match value {
            Value::String(s) => table.text(key.as_str(), [s.as_str()])?,
            Value::Bool(b) => table.flag(key.as_str(), [*b])?,
            Value::Array(orbits) => {
                let mut table = table;
                for (name, orbit) in ORBITS.iter().zip(orbits) {
                    table = table.float(*name, [orbit.as_f64().unwrap_or(f64::NAN)])?;
                }
                table
            }
            Value::Number(n) if n.is_i64() || n.is_u64() => table.integer(key.as_str(), [n.as_i64()])?,
            other => table.float(key.as_str(), [other.as_f64().unwrap_or(f64::NAN)])?,
        };
    }
    Ok(table)
}

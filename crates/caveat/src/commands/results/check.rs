//! `caveat results check`: every problem of trial tables, by file and row.

use caveat_analysis::check;
use caveat_results::{CheckReport, Input};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::output::print_text;
use crate::progress::Bars;
use crate::tell::{counted, tell, tell_passed_over};

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    args.output.check(args.files.iter().map(Input::path), &[], &[])?;
    tell_passed_over(&args.files);
    let report = check(&args.files, args.most, &Bars)?;
    let looked_at = summary(&report);
    if report.is_clean() && args.output.is_for_reading() {
        return print_text(&format!("{looked_at}: no problems\n"));
    }
    args.output.give(&report.table()?)?;
    if report.is_clean() {
        tell(&format!("{looked_at}: no problems"));
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} in {} of {looked_at}",
        counted(report.n_problems(), "problem"),
        report.n_bad_tables()
    )))
}

/// `2 files, 288 rows, 1 condition, 2 seeds`.
fn summary(report: &CheckReport) -> String {
    [
        counted(report.n_tables as u64, "file"),
        counted(report.n_rows, "row"),
        counted(report.n_conditions as u64, "condition"),
        counted(report.n_seeds as u64, "seed"),
    ]
    .join(", ")
}

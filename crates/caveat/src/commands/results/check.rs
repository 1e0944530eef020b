//! `caveat results check`: every problem of trial tables, by file and row.

use caveat_analysis::check;
use caveat_results::{CheckReport, Format, Input};

use super::reading::tell_passed_over;
use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::output::{check_separate, check_table_path, print_table, print_text};
use crate::progress::Bars;
use crate::tell::tell;

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    check_separate(args.files.iter().map(Input::path), args.output.output.as_deref())?;
    tell_passed_over(&args.files);
    let report = check(&args.files, args.most, &Bars)?;
    let looked_at = summary(&report);
    match (&args.output.output, args.output.format) {
        (None, Format::Table) if report.is_clean() => return print_text(&format!("{looked_at}: no problems\n")),
        (None, format) => print_table(&report.table()?, format)?,
        (Some(path), _) => report.table()?.write(path)?,
    }
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

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

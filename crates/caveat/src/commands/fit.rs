//! `caveat fit`: (α, C, gain) of every condition, from margins or from choices, and predictions of conditions not fitted.

use std::path::PathBuf;

use caveat_analysis::fit;
use caveat_results::{Format, Input};

use super::results::tell_passed_over;
use crate::cli::FitArgs;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, print_table, write_figure};
use crate::progress::Bars;
use crate::tell::{tell, warn};

pub(crate) fn run(args: &FitArgs) -> Result<(), Failure> {
    for path in args.output.output.iter().chain(&args.pairs_table) {
        check_table_path(path)?;
    }
    let paths = (&args.choices.figure, &args.choices.distance_figure);
    for path in paths.0.iter().chain(paths.1) {
        check_picture_path(path)?;
    }
    let written = args.output.output.iter().chain(&args.pairs_table).chain(paths.0).chain(paths.1);
    check_separate(args.files.iter().map(Input::path), written.map(PathBuf::as_path))?;
    tell_passed_over(&args.files);
    let found = fit(&args.request(), &Bars)?;
    found.warnings.iter().for_each(|warning| warn(warning));
    found.notes.iter().for_each(|note| tell(note));
    for (path, figure) in [(paths.0, &found.by_pair), (paths.1, &found.by_distance)] {
        if let (Some(path), Some(figure)) = (path, figure) {
            write_figure(path, figure)?;
            tell(&path.display().to_string());
        }
    }
    if let (Some(path), Some(pairs)) = (&args.pairs_table, &found.pairs) {
        pairs.write(path)?;
    }
    match (&args.output.output, &found.brief) {
        (Some(path), _) => Ok(found.table.write(path)?),
        (None, Some(brief)) if args.output.format == Format::Table => print_table(brief, Format::Table),
        (None, _) => print_table(&found.table, args.output.format),
    }
}

//! `caveat fit`: (α, C, gain) of every condition, from margins or from choices, and predictions of conditions not fitted.

use caveat_analysis::fit;
use caveat_results::Input;

use crate::cli::FitArgs;
use crate::failure::Failure;
use crate::output::{print_table, write_figure};
use crate::progress::Bars;
use crate::tell::{tell, tell_passed_over, warn};

pub(crate) fn run(args: &FitArgs) -> Result<(), Failure> {
    let paths = (&args.choices.figure, &args.choices.distance_figure);
    args.output.check(args.files.iter().map(Input::path), &[&args.pairs_table], &[paths.0, paths.1])?;
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
    if let Some(draws) = found.draws.as_ref().filter(|_| !args.output.is_for_printing()) {
        args.output.give(draws)?;
        return print_table(&found.table, args.output.format);
    }
    match &found.brief {
        Some(brief) if args.output.is_for_reading() => args.output.give(brief),
        _ => args.output.give(&found.table),
    }
}

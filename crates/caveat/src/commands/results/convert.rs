//! `caveat results convert`: trial tables between formats, and folders of runs to a trial table.

use caveat_analysis::Watch;
use caveat_results::convert_trials;

use crate::cli::ConvertArgs;
use crate::failure::Failure;
use crate::output::check_writable;
use crate::progress::Bars;
use crate::tell::{tell, tell_passed_over, warn};

/// Contradictions of a layout that are told one by one.
const TOLD: usize = 5;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    check_writable(&args.output)?;
    tell_passed_over(&args.inputs);
    let work = Bars.begin(1, "converting");
    let converted =
        convert_trials(&args.inputs, &args.output, args.layout.as_ref(), &|done, total| work.reach(done, total));
    drop(work);
    let converted = converted?;
    let contradictions = &converted.contradictions;
    for problem in contradictions.iter().take(TOLD) {
        warn(&format!("{problem}; the layout stands"));
    }
    if contradictions.len() > TOLD {
        warn(&format!("{} more contradictions of the layout", contradictions.len() - TOLD));
    }
    tell(&format!(
        "{} row{} from {} file{} in {}",
        converted.n_rows,
        if converted.n_rows == 1 { "" } else { "s" },
        converted.n_files,
        if converted.n_files == 1 { "" } else { "s" },
        args.output.display()
    ));
    Ok(())
}

//! `caveat results convert`: trial tables between formats, and folders of runs to a trial table.

use caveat_analysis::Watch;
use caveat_results::convert_trials;

use crate::cli::ConvertArgs;
use crate::failure::Failure;
use crate::output::check_writable;
use crate::progress::Bars;
use crate::tell::{counted, tell, tell_passed_over, warn};

/// Most contradictions of a layout that are listed one by one.
const LISTED: usize = 5;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    check_writable(&args.output)?;
    tell_passed_over(&args.inputs);
    let work = Bars.begin(1, "converting");
    let reach = |done, total| work.reach(done, total);
    let converted = convert_trials(&args.inputs, &args.output, args.layout.as_ref(), &reach)?;
    drop(work);
    let contradictions = &converted.contradictions;
    for problem in contradictions.iter().take(LISTED) {
        warn(&format!("{problem}; the layout stands"));
    }
    if contradictions.len() > LISTED {
        warn(&format!("{} more contradictions of the layout", contradictions.len() - LISTED));
    }
    let (rows, files) = (counted(converted.n_rows as u64, "row"), counted(converted.n_files as u64, "file"));
    tell(&format!("{rows} from {files} in {}", args.output.display()));
    Ok(())
}

//! `caveat results convert`: trial tables between formats, and folders of runs to a trial table.

use caveat_results::convert_trials;

use super::reading::tell_passed_over;
use crate::cli::ConvertArgs;
use crate::failure::Failure;
use crate::output::check_writable;
use crate::progress;
use crate::tell::tell;

/// Contradictions of a layout that are told one by one.
const TOLD: usize = 5;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    check_writable(&args.output)?;
    tell_passed_over(&args.inputs);
    let bar = progress::bar(1, "converting");
    let converted = convert_trials(&args.inputs, &args.output, args.layout.as_ref(), &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let converted = converted?;
    let contradictions = &converted.contradictions;
    for problem in contradictions.iter().take(TOLD) {
        tell(&format!("warning: {problem}; the layout stands"));
    }
    if contradictions.len() > TOLD {
        tell(&format!("warning: {} more contradictions of the layout", contradictions.len() - TOLD));
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

//! `caveat reproduce`: every figure and table of the theory and of language models, ours or those given, with a report of them.

mod own;

use std::time::Instant;

use caveat_analysis::{LanguageModels, Report};

use crate::cli::ReproduceArgs;
use crate::failure::Failure;
use crate::output::{check_directory, print_text};
use crate::progress::Bars;
use crate::tell::tell;

pub(crate) fn run(args: &ReproduceArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let published = args.published.as_deref().map(LanguageModels::published).transpose()?;
    for directory in ["figures", "tables"] {
        check_directory(&args.output.join(directory))?;
    }
    // Nothing is written before all input has been checked.
    let report = match published {
        Some(models) => Report::new(&models, &Bars)?,
        None => {
            let directory = own::directory()?;
            Report::new(&own::language_models(directory.path())?, &Bars)?
        }
    };
    report.write(&args.output, &Bars)?;
    print_text(&report.summary())?;
    tell(&format!("{} in {:.1} s", args.output.join("index.html").display(), start.elapsed().as_secs_f64()));
    Ok(())
}

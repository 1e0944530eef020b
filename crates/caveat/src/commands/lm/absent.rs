//! `caveat lm` in a program built without language models: only geometry works; everything else says how to build the program.

use super::geometry;
use crate::cli::LmCommand;
use crate::failure::Failure;

/// Runs `caveat lm`; `build` is the command that builds the program with language models.
pub(crate) fn run(command: &LmCommand, build: &str) -> Result<(), Failure> {
    let name = match command {
        LmCommand::Geometry(args) => return geometry::run(args),
        LmCommand::Models(_) => "models",
        LmCommand::Fetch(_) => "fetch",
        LmCommand::Run(_) => "run",
        LmCommand::Sweep(_) => "sweep",
        LmCommand::Score(_) => "score",
    };
    Err(Failure::input(format!(
        "caveat lm {name} computes language models, which this program was built without; in a clone of the project, this builds it \
         with them: {build}"
    )))
}

//! `caveat lm` in a program that was built without language models: geometry is tabulated, and everything else says how to build it.

use super::geometry;
use crate::cli::LmCommand;
use crate::failure::Failure;

/// `build` is the line that builds the program with language models.
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

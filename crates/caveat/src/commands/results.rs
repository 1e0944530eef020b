//! `caveat results`: one file a subcommand.

mod check;
mod convert;
mod matrix;
mod summary;

use crate::cli::ResultsCommand;
use crate::failure::Failure;

pub(crate) fn run(command: &ResultsCommand) -> Result<(), Failure> {
    match command {
        ResultsCommand::Check(args) => check::run(args),
        ResultsCommand::Summary(args) => summary::run(args),
        ResultsCommand::Convert(args) => convert::run(args),
        ResultsCommand::Matrix(args) => matrix::run(args),
    }
}

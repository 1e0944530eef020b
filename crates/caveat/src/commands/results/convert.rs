//! `caveat results convert`.

use crate::cli::ConvertArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    Err(Failure::input(format!("not yet: {}", args.files.len())))
}

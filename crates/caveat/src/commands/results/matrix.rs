//! `caveat results matrix`.

use crate::cli::MatrixArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &MatrixArgs) -> Result<(), Failure> {
    Err(Failure::input(format!("not yet: {}", args.files.len())))
}

//! The command's work on files with its tables and figures as results, for other front ends: nothing is printed or written.
//!
//! Arguments are those of the subcommand of the same name, without its name, and so are the words of its complaints. Progress is
//! shown on standard error where that is a terminal.

use std::ffi::OsString;
use std::path::PathBuf;

use caveat_figures::Figure;
use caveat_figures::language_models::hidden_states;
use caveat_results::{Geometries, Table};
use clap::{Args, Command};

use crate::cli::{CheckArgs, FigureArgs, FitArgs, MatrixArgs, SummaryArgs};
use crate::commands::{figure as figures, fit as fits, results};
use crate::failure::{Failure, usage};

pub use crate::commands::design::table as design_table;
pub use crate::commands::fit::{ChoicePictures, FitOutcome};

/// A table, and the warnings that go with it.
pub type Told = (Table, Vec<String>);

/// `caveat fit`.
///
/// # Errors
/// Those of the command.
pub fn fit(arguments: impl IntoIterator<Item = OsString>, pictures: ChoicePictures) -> Result<FitOutcome, Failure> {
    fits::perform(&parse::<FitArgs>("fit", arguments)?, pictures)
}

/// `caveat figure`.
///
/// # Errors
/// Those of the command.
pub fn figure(arguments: impl IntoIterator<Item = OsString>) -> Result<Figure, Failure> {
    figures::perform(&parse::<FigureArgs>("figure", arguments)?)
}

/// `caveat results summary`, and its warnings.
///
/// # Errors
/// Those of the command.
pub fn summary(arguments: impl IntoIterator<Item = OsString>) -> Result<Told, Failure> {
    results::summary::table(&parse::<SummaryArgs>("summary", arguments)?)
}

/// `caveat results matrix`, and its warnings.
///
/// # Errors
/// Those of the command.
pub fn matrix(arguments: impl IntoIterator<Item = OsString>) -> Result<Told, Failure> {
    let pairs = results::matrix::read(&parse::<MatrixArgs>("matrix", arguments)?)?;
    Ok((results::matrix::table(&pairs)?, results::matrix::doubts(&pairs)))
}

/// `caveat results check`: a row per problem, none for clean tables. It has no warnings.
///
/// # Errors
/// Those of the command, but not that there are problems.
pub fn check(arguments: impl IntoIterator<Item = OsString>) -> Result<Told, Failure> {
    Ok((results::check::report(&parse::<CheckArgs>("check", arguments)?)?.table()?, Vec::new()))
}

/// `caveat lm geometry`: a row for every run, and the picture of them.
///
/// # Errors
/// Those of the command.
pub fn geometry(runs: &[PathBuf]) -> Result<(Table, Figure), Failure> {
    let geometries = Geometries::read(runs)?;
    Ok((geometries.table()?, hidden_states::draw(geometries.rows())?))
}

fn parse<A: Args>(name: &'static str, arguments: impl IntoIterator<Item = OsString>) -> Result<A, Failure> {
    let all = std::iter::once(OsString::from(name)).chain(arguments);
    let matches = A::augment_args(Command::new(name).disable_help_flag(true)).try_get_matches_from(all);
    matches.and_then(|m| A::from_arg_matches(&m)).map_err(|e| Failure::Input(usage(&e)))
}

//! The command `caveat` as a function: parses the command line, calls the library crates, prints; it holds no science.

mod cli;
mod commands;
mod failure;
mod memory;
mod output;
mod progress;
mod report;
mod tell;
mod values;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use failure::Failure;
pub use memory::watch_memory;

/// Runs the command with these arguments, the program's name first, and returns its exit code: 0 done, 1 a failed run, 2 bad usage
/// or input, 130 interrupted. Results go to standard output, messages and progress to standard error.
///
/// `build` is the line that builds the calling program with language models, shown by a program without them.
///
/// Call it once in a process: it listens to signals and changes what a panic prints.
pub fn run(arguments: impl IntoIterator<Item = OsString>, build: &str) -> u8 {
    silence_caught_panics();
    watch_memory();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return failure::explain_usage(&error),
    };
    match perform(cli.command, build) {
        Ok(()) => 0,
        Err(failure) => failure.report(),
    }
}

/// The command line for clap, for manual pages.
pub fn command_line() -> clap::Command {
    Cli::command()
}

fn perform(command: Command, build: &str) -> Result<(), Failure> {
    match command {
        Command::Task(args) => commands::task::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Window(args) => commands::window::run(&args),
        Command::Phase(args) => commands::phase::run(&args),
        Command::Conjunctivity(args) => commands::conjunctivity::run(&args),
        Command::Rank(args) => commands::rank::run(&args),
        Command::Fit(args) => commands::fit::run(&args),
        Command::Design(args) => commands::design::run(&args),
        Command::Results(command) => commands::results::run(&command),
        Command::Lm(command) => commands::lm::run(&command, build),
        Command::Figure(args) => commands::figure::run(&args),
        Command::Reproduce(args) => report::run(&args),
        Command::Completions { shell } => output::print_bytes(&cli::completions(shell)),
    }
}

/// Hides panics that a reader catches and reports as a damaged file; others are printed as usual.
fn silence_caught_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !caveat_results::panic_is_caught() {
            print(panic);
        }
    }));
}

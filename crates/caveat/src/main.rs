//! The command `caveat`: parses the command line, calls the library crates, prints; it holds no science.

mod cli;
mod commands;
mod failure;
mod output;
mod progress;
mod report;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::explain_usage(&error),
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Task(args) => commands::task::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Window(args) => commands::window::run(&args),
        Command::Phase(args) => commands::phase::run(&args),
        Command::Conjunctivity(args) => commands::conjunctivity::run(&args),
        Command::Rank(args) => commands::rank::run(&args),
        Command::Fit(args) => commands::fit::run(&args),
        Command::Figure(args) => commands::figure::run(&args),
        Command::Reproduce(args) => report::run(&args),
        Command::Completions { shell } => {
            cli::print_completions(shell);
            Ok(())
        }
    }
}

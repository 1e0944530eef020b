//! How the command fails: one line on standard error, exit code 2 for bad usage or input, 1 for a run that failed, 130 for one
//! that was interrupted.

use std::fmt::Display;

use caveat_figures::FigureError;
#[cfg(feature = "lm")]
use caveat_lm::LmError;
use caveat_results::ResultsError;
use caveat_theory::{ErrorKind as Whose, TheoryError};
use clap::error::ErrorKind;

use crate::tell::tell;

/// The exit code of a program that was interrupted, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why the command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Usage or input to mend; exit code 2.
    Input(String),
    /// A file that cannot be read or written; exit code 2.
    File(String),
    /// A computation that did not succeed on valid input; exit code 1.
    Run(String),
    /// A computation for which there is too little memory, so that it was not begun; exit code 2, as a smaller one may be asked for.
    Memory(String),
    /// The person asked for an end; exit code 130.
    Interrupted(String),
    /// Standard output was closed, as by `head`; not an error.
    ClosedPipe,
}

impl Failure {
    /// Bad input, in words.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// The same failure, with what it is about in front.
    pub(crate) fn in_place(self, what: impl Display) -> Self {
        match self {
            Self::Input(words) => Self::Input(format!("{what}: {words}")),
            Self::File(words) => Self::File(format!("{what}: {words}")),
            Self::Run(words) => Self::Run(format!("{what}: {words}")),
            Self::Memory(words) => Self::Memory(format!("{what}: {words}")),
            Self::Interrupted(_) | Self::ClosedPipe => self,
        }
    }

    /// Prints the reason and gives the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Input(message) | Self::File(message) | Self::Memory(message) => {
                tell(&format!("error: {message}"));
                2
            }
            Self::Run(message) => {
                tell(&format!("error: {message}"));
                1
            }
            Self::Interrupted(message) => {
                tell(message);
                INTERRUPTED
            }
            Self::ClosedPipe => 0,
        }
    }
}

impl From<TheoryError> for Failure {
    fn from(error: TheoryError) -> Self {
        match error.kind() {
            Whose::Input => Self::Input(error.to_string()),
            Whose::Numerics => Self::Run(error.to_string()),
            Whose::Memory => Self::Memory(error.to_string()),
        }
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        match error {
            ResultsError::Read { .. } | ResultsError::Write { .. } => Self::File(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

impl From<FigureError> for Failure {
    fn from(error: FigureError) -> Self {
        match error {
            FigureError::Theory(error) => error.into(),
            FigureError::Table(error) => error.into(),
            FigureError::Render { .. } => Self::Run(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

#[cfg(feature = "lm")]
impl From<LmError> for Failure {
    fn from(error: LmError) -> Self {
        match error {
            LmError::Interrupted => Self::Interrupted("interrupted: nothing is left behind".into()),
            LmError::Download { .. } | LmError::Failed(_) => Self::Run(error.to_string()),
            _ => Self::Input(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Run(format!("standard output cannot be written: {error}"))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Run(format!("the result cannot be written as JSON: {error}"))
    }
}

/// Help and version as they are; any other complaint of the parser in one line.
pub(crate) fn explain_usage(error: &clap::Error) -> u8 {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        // A closed pipe while printing help is nobody's error.
        let _ = error.print();
        return u8::from(error.use_stderr()) * 2;
    }
    tell(&format!("error: {}", usage(error)));
    2
}

/// A complaint of the parser in one line.
pub(crate) fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let (complaint, rest) = text.split_once("\n\nUsage:").unwrap_or((&text, ""));
    let complaint = complaint.split("\n\nFor more information").next().unwrap_or(complaint);
    let complaint = complaint.replace("\n\n  tip:", "; tip:");
    let line = complaint.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    match rest.lines().next().map(str::trim).filter(|u| !u.is_empty()) {
        Some(usage) => format!("{line}; usage: {usage} (--help explains)"),
        None => format!("{line} (--help explains)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_keep_their_kind_and_gain_the_place() {
        let failed = || TheoryError::NotConverged { what: "a solver", reached: 1.0, needed: 1e-9, iterations: 3 };
        let placed = |error: TheoryError| Failure::from(error).in_place("condition a");
        assert!(matches!(placed(failed()), Failure::Run(words) if words.starts_with("condition a: a solver did not")));
        assert!(matches!(placed(failed().in_place("conjunctivity 0")), Failure::Run(_)));
        assert!(
            matches!(placed(TheoryError::NoComparisons), Failure::Input(words) if words.starts_with("condition a: "))
        );
        let large = TheoryError::TooLarge { what: "a grid".into(), bytes: 2e9, free: 1e9, fits: String::new() };
        assert!(matches!(placed(large), Failure::Memory(_)));
        let figure = Failure::from(FigureError::Theory(failed()));
        assert!(matches!(figure, Failure::Run(_)));
        assert_eq!([Failure::Run(String::new()).report(), Failure::Memory(String::new()).report()], [1, 2]);
    }
}

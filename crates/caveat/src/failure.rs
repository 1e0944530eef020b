//! How the command fails: one line on standard error, and exit code 2 for bad usage or input, 1 for a run that failed, 130 for
//! an interrupted one.

use caveat_analysis::AnalysisError;
use caveat_figures::FigureError;
#[cfg(feature = "lm")]
use caveat_lm::LmError;
use caveat_results::ResultsError;
use caveat_theory::TheoryError;
use clap::error::ErrorKind;

use crate::tell::tell;

#[cfg(feature = "lm")]
/// The usual exit code of an interrupted program.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why the command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Usage, input or a file that must be corrected, or a computation too large for memory; exit code 2.
    Input(String),
    /// A computation that failed on valid input; exit code 1.
    Run(String),
    /// The person interrupted the command; exit code 130.
    #[cfg(feature = "lm")]
    Interrupted(String),
    /// Standard output was closed, as by `head`; not an error.
    ClosedPipe,
}

impl Failure {
    /// Bad input.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// Prints the reason and returns the exit code.
    pub(crate) fn report(&self) -> u8 {
        match self {
            Self::Input(message) => {
                tell(&format!("error: {message}"));
                2
            }
            Self::Run(message) => {
                tell(&format!("error: {message}"));
                1
            }
            #[cfg(feature = "lm")]
            Self::Interrupted(message) => {
                tell(message);
                INTERRUPTED
            }
            Self::ClosedPipe => 0,
        }
    }
}

impl From<AnalysisError> for Failure {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Input(words) | AnalysisError::File(words) | AnalysisError::Memory(words) => {
                Self::Input(words)
            }
            other => Self::Run(other.to_string()),
        }
    }
}

impl From<TheoryError> for Failure {
    fn from(error: TheoryError) -> Self {
        AnalysisError::from(error).into()
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        AnalysisError::from(error).into()
    }
}

impl From<FigureError> for Failure {
    fn from(error: FigureError) -> Self {
        AnalysisError::from(error).into()
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

/// Prints help and version as they are, and any other message of the parser in one line.
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

/// A message of the parser in one line.
pub(crate) fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let (message, rest) = text.split_once("\n\nUsage:").unwrap_or((&text, ""));
    let message = message.split("\n\nFor more information").next().unwrap_or(message);
    let message = message.replace("\n\n  tip:", "; tip:");
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
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
    fn failures_exit_with_what_scripts_expect() {
        let failed = TheoryError::NotConverged { what: "a solver", reached: 1.0, needed: 1e-9, iterations: 3 };
        let large = TheoryError::TooLarge { what: "a grid".into(), bytes: 2e9, free: 1e9, fits: String::new() };
        let codes =
            [failed, large, TheoryError::NoComparisons].map(|error| Failure::from(FigureError::Theory(error)).report());
        assert_eq!(codes, [1, 2, 2]);
    }
}

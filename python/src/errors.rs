//! The command's failures as Python exceptions, with the same words.

use caveat::Failure;
use pyo3::PyErr;
use pyo3::PyResult;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};

/// Bad input is a `ValueError`, a file that cannot be read or written an `OSError`, a computation that failed on valid input a
/// `RuntimeError`, and one for which there is too little memory a `MemoryError`.
pub(crate) fn raise<T>(result: Result<T, impl Into<Failure>>) -> PyResult<T> {
    result.map_err(|e| exception(e.into()))
}

fn exception(failure: Failure) -> PyErr {
    match failure {
        Failure::Input(message) => PyValueError::new_err(message),
        Failure::File(message) => PyOSError::new_err(message),
        Failure::Run(message) => PyRuntimeError::new_err(message),
        Failure::Memory(message) => PyMemoryError::new_err(message),
        Failure::Interrupted(message) => PyKeyboardInterrupt::new_err(message),
        Failure::ClosedPipe => PyOSError::new_err("standard output was closed"),
    }
}

/// Bad input: which one, and what is wrong with it.
pub(crate) fn bad(what: impl std::fmt::Display, problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{what}: {problem}"))
}

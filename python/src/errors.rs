//! The command's failures as Python exceptions, with the same words.

use std::ffi::CString;

use caveat::Failure;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyUserWarning, PyValueError};
use pyo3::{PyErr, PyResult, PyTypeInfo, Python};

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

/// Warns of a result that is doubtful, at the caller `level` frames up.
pub(crate) fn warn(py: Python<'_>, message: &str, level: i32) -> PyResult<()> {
    // A message holds names of a file, in which a zero byte would end it.
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &PyUserWarning::type_object(py), &message, level)
}

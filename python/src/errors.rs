//! Errors as Python exceptions, with arguments spelled as Python's keywords.

use std::ffi::CString;

use caveat_analysis::AnalysisError;
use caveat_results::spell_arguments;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyUserWarning, PyValueError};
use pyo3::{PyErr, PyResult, PyTypeInfo, Python};

/// Raises `ValueError` for bad input, `OSError` for a file that cannot be read or written, `MemoryError` for a computation that needs
/// too much memory, and `RuntimeError` for one that failed on valid input.
pub(crate) fn raise<T>(result: Result<T, impl Into<AnalysisError>>) -> PyResult<T> {
    result.map_err(|error| match error.into() {
        AnalysisError::Input(words) => PyValueError::new_err(spell(&words)),
        AnalysisError::File(words) => PyOSError::new_err(spell(&words)),
        AnalysisError::Memory(words) => PyMemoryError::new_err(spell(&words)),
        other => PyRuntimeError::new_err(spell(&other.to_string())),
    })
}

/// A message with its arguments spelled as Python's keywords.
pub(crate) fn spell(words: &str) -> String {
    spell_arguments(words, |name, value| match value {
        None => format!("{name}="),
        Some(value) => match value.split_once('=') {
            // The values of tasks and columns are dicts.
            Some((condition, task)) if name == "tasks" => format!("tasks={{{condition:?}: {task:?}}}"),
            Some(_) if name == "columns" => {
                let entries = value.split(',').filter_map(|entry| entry.split_once('='));
                let entries: Vec<String> = entries.map(|(role, column)| format!("{role:?}: {column:?}")).collect();
                format!("columns={{{}}}", entries.join(", "))
            }
            _ if value.parse::<f64>().is_ok() || value == "N" => format!("{name}={value}"),
            _ => format!("{name}={value:?}"),
        },
    })
}

/// A `ValueError` that says which input is bad, and why.
pub(crate) fn bad(what: impl std::fmt::Display, problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{what}: {problem}"))
}

/// Warns of a doubtful result, at the caller `level` frames up.
pub(crate) fn warn(py: Python<'_>, message: &str, level: i32) -> PyResult<()> {
    // Names from a file may contain a zero byte, which would end the message.
    let message = CString::new(spell(message).replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &PyUserWarning::type_object(py), &message, level)
}

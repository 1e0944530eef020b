//! What went wrong as Python exceptions, with arguments in the words as Python has them.

use std::ffi::CString;

use caveat_analysis::AnalysisError;
use caveat_results::spell_arguments;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyUserWarning, PyValueError};
use pyo3::{PyErr, PyResult, PyTypeInfo, Python};

/// Bad input is a `ValueError`, a file that cannot be read or written an `OSError`, a computation that failed on valid input a
/// `RuntimeError`, and one for which there is too little memory a `MemoryError`.
pub(crate) fn raise<T>(result: Result<T, impl Into<AnalysisError>>) -> PyResult<T> {
    result.map_err(|error| match error.into() {
        AnalysisError::Input(words) => PyValueError::new_err(spell(&words)),
        AnalysisError::File(words) => PyOSError::new_err(spell(&words)),
        AnalysisError::Memory(words) => PyMemoryError::new_err(spell(&words)),
        other => PyRuntimeError::new_err(spell(&other.to_string())),
    })
}

/// Words with the arguments in them as keywords of Python.
pub(crate) fn spell(words: &str) -> String {
    spell_arguments(words, |name, value| match value {
        None => format!("{name}="),
        Some(value) => match value.split_once('=') {
            // Of tasks and columns, which are dicts.
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

/// Bad input: which one, and what is wrong with it.
pub(crate) fn bad(what: impl std::fmt::Display, problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{what}: {problem}"))
}

/// Warns of a result that is doubtful, at the caller `level` frames up.
pub(crate) fn warn(py: Python<'_>, message: &str, level: i32) -> PyResult<()> {
    // A message holds names of a file, in which a zero byte would end it.
    let message = CString::new(spell(message).replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &PyUserWarning::type_object(py), &message, level)
}

//! The command's rules for labels and column names: which spellings name one item, and what a column seems to hold.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

use crate::errors::bad;

/// The items that spellings name, sorted: how each is shown, the item of every spelling, and notes for the user.
#[pyfunction]
pub(crate) fn merge_labels(py: Python<'_>, spellings: Vec<String>) -> PyResult<(Vec<String>, Vec<usize>, Vec<String>)> {
    py.detach(|| caveat_results::merge_labels(&spellings)).map_err(|problem| bad("labels", problem))
}

/// Whether a text stands for a missing label.
#[pyfunction]
pub(crate) fn is_missing_label(text: &str) -> bool {
    caveat_results::is_missing_label(text.as_bytes())
}

/// Whether a column of this name may say how often a row counts.
#[pyfunction]
pub(crate) fn may_count(name: &str) -> bool {
    caveat_results::may_count(name)
}

/// Whether a column of this name may tell rows of training or practice from others.
#[pyfunction]
pub(crate) fn may_be_stage(name: &str) -> bool {
    caveat_results::may_be_stage(name)
}

/// The number or text in a NumPy scalar; any other label as it is.
fn scalar<'py>(label: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match label.getattr_opt("item")? {
        Some(item) if label.hasattr("dtype")? => item.call0(),
        _ => Ok(label.clone()),
    }
}

/// A label as a person writes it.
pub(crate) fn plain(label: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(scalar(label)?.repr()?.to_string())
}

/// The key of an item whose label is text or a number, the same for all spellings; `None` for other labels.
pub(crate) fn key(label: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let scalar = scalar(label)?;
    let text = if let Ok(text) = scalar.cast::<PyString>() {
        text.clone()
    } else if (scalar.is_instance_of::<PyInt>() && !scalar.is_instance_of::<PyBool>())
        || scalar.is_instance_of::<PyFloat>()
    {
        scalar.repr()?
    } else {
        return Ok(None);
    };
    Ok(Some(caveat_results::label_key(&text.to_cow()?).into_owned()))
}

/// The key of an item whose label is text or a number; other labels are their own keys.
#[pyfunction]
pub(crate) fn label_key<'py>(label: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(key(label)?.map_or_else(|| label.clone(), |key| PyString::new(label.py(), &key).into_any()))
}

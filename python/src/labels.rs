//! The rules for labels and names of columns: which spellings name one item, and what a column seems to be, as the command has it.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

use crate::errors::bad;

/// Items of spellings, sorted: how each is shown, the item of every spelling, and what a person should know.
#[pyfunction]
pub(crate) fn merge_labels(py: Python<'_>, spellings: Vec<String>) -> PyResult<(Vec<String>, Vec<usize>, Vec<String>)> {
    py.detach(|| caveat_results::merge_labels(&spellings)).map_err(|problem| bad("labels", problem))
}

/// Whether text stands for a missing label.
#[pyfunction]
pub(crate) fn is_missing_label(text: &str) -> bool {
    caveat_results::is_missing_label(text.as_bytes())
}

/// Whether a column of that name seems to say how often a row counts.
#[pyfunction]
pub(crate) fn may_count(name: &str) -> bool {
    caveat_results::may_count(name)
}

/// Whether a column of that name may tell rows of training or practice from others.
#[pyfunction]
pub(crate) fn may_be_stage(name: &str) -> bool {
    caveat_results::may_be_stage(name)
}

/// What names an item whose label is text or a number; `None` for other labels, which name themselves.
pub(crate) fn key(label: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let scalar = match label.getattr_opt("item")? {
        Some(item) if label.hasattr("dtype")? => item.call0()?,
        _ => label.clone(),
    };
    if let Ok(text) = scalar.cast::<PyString>() {
        return Ok(Some(caveat_results::label_key(&text.to_cow()?).into_owned()));
    }
    let is_number = scalar.is_instance_of::<PyInt>() || scalar.is_instance_of::<PyFloat>();
    if !is_number || scalar.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    Ok(Some(caveat_results::label_key(&scalar.repr()?.to_cow()?).into_owned()))
}

/// What names an item whose label is text or a number, and other labels themselves.
#[pyfunction]
pub(crate) fn label_key<'py>(label: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match key(label)? {
        Some(key) => PyString::new(label.py(), &key).into_any(),
        None => label.clone(),
    })
}

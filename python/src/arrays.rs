//! NumPy arrays in and out: reads anything array-like, with errors that name the argument, and gives results without a copy.

use numpy::{
    PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyList, PyString};

use crate::arguments::several;
use crate::errors::bad;

/// `value` without a mask: masked numbers become NaN and masked labels None.
fn unmasked<'py>(what: &str, value: &Bound<'py, PyAny>, numbers: bool) -> PyResult<Bound<'py, PyAny>> {
    // A plain array, as most are, has no mask.
    if value.is_exact_instance_of::<PyUntypedArray>() {
        return Ok(value.clone());
    }
    value.py().import("caveat._comparisons")?.call_method1("unmasked", (what, value, numbers))
}

/// `value` as an array of any type.
pub(crate) fn array<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let value = &unmasked(what, value, false)?;
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let numpy = value.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (value,)).map_err(|e| bad(what, e.value(value.py())))?;
    Ok(array.cast_into::<PyUntypedArray>()?)
}

/// Labels as an array; a list of numbers and text keeps both as they are.
pub(crate) fn labels<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let value = &unmasked(what, value, false)?;
    let list = several(value)?.unwrap_or_default();
    let (text, others): (Vec<_>, Vec<_>) = list.iter().partition(|label| label.is_instance_of::<PyString>());
    if !text.is_empty() && others.iter().any(|label| !label.is_instance_of::<PyList>()) {
        let py = value.py();
        let options = [("dtype", "object")].into_py_dict(py)?;
        let array = py.import("numpy")?.call_method("asarray", (value,), Some(&options))?;
        return Ok(array.cast_into::<PyUntypedArray>()?);
    }
    array(what, value)
}

/// Kind of an array's elements, as NumPy's dtype.kind: `i`, `u`, `f`, `b`, `U`, `O`, …
pub(crate) fn kind(array: &Bound<'_, PyUntypedArray>) -> u8 {
    array.dtype().kind()
}

fn cast<'py>(what: &str, array: &Bound<'py, PyUntypedArray>, to: &str, expected: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    array
        .call_method("astype", (to,), Some(&[("copy", false)].into_py_dict(py)?))
        .map_err(|e| bad(what, format_args!("expected {expected}: {}", e.value(py))))
}

/// Floats of any shape, without a copy where `value` is an array of them.
pub(crate) fn floats<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArrayDyn<'py, f64>> {
    let value = &unmasked(what, value, true)?;
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        return Ok(array.readonly());
    }
    let array = array(what, value)?;
    if !matches!(kind(&array), b'f' | b'i' | b'u' | b'b' | b'O') {
        return Err(bad(what, format_args!("expected numbers, got an array of {}", array.dtype())));
    }
    let array = cast(what, &array, "float64", "numbers")?;
    Ok(array.cast_into::<PyArrayDyn<f64>>()?.readonly())
}

/// A list of floats.
pub(crate) fn list_of_floats(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let array = floats(what, value)?;
    if array.ndim() != 1 {
        return Err(bad(what, format_args!("expected one dimension, got the shape {:?}", array.shape())));
    }
    Ok(array.as_array().iter().copied().collect())
}

/// Integers of any shape.
pub(crate) fn integers<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArrayDyn<'py, i64>> {
    if let Ok(array) = value.cast::<PyArrayDyn<i64>>() {
        return Ok(array.readonly());
    }
    let array = array(what, value)?;
    // NumPy makes an empty list an array of floats.
    if !matches!(kind(&array), b'i' | b'u') && !array.is_empty() {
        return Err(bad(what, format_args!("expected integers, got an array of {}", array.dtype())));
    }
    let array = cast(what, &array, "int64", "integers")?;
    Ok(array.cast_into::<PyArrayDyn<i64>>()?.readonly())
}

/// Makes an array read-only.
pub(crate) fn read_only<'py, T: numpy::Element, D: numpy::ndarray::Dimension>(
    array: Bound<'py, PyArray<T, D>>,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    array.getattr("flags")?.setattr("writeable", false)?;
    Ok(array)
}

/// A row-major matrix as an array of shape (rows, `columns`), without a copy.
pub(crate) fn matrix<T: numpy::Element>(
    py: Python<'_>,
    values: Vec<T>,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    PyArray1::from_vec(py, values).reshape([rows, columns])
}

/// Pairs of items as an array of shape (pairs, 2).
pub(crate) fn pair_array<'a, 'py>(
    py: Python<'py>,
    pairs: impl IntoIterator<Item = &'a (usize, usize)>,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    matrix(py, pairs.into_iter().flat_map(|&(i, j)| [i as i64, j as i64]).collect(), 2)
}

/// All pairs (i, j) of `n` items with i < j, in lexicographic order.
pub(crate) fn upper_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

/// All ordered pairs of `n` items, in lexicographic order.
pub(crate) fn ordered_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    (0..n).flat_map(move |i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)))
}

//! NumPy arrays in and out: anything array-like comes in with errors that name the argument, results leave without a copy.

use numpy::{
    PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::errors::bad;

/// `value` without a mask: masked numbers are NaN and masked labels None, which are missing.
fn unmasked<'py>(what: &str, value: &Bound<'py, PyAny>, numbers: bool) -> PyResult<Bound<'py, PyAny>> {
    // An array of no class of its own, as most are, has none.
    if value.is_exact_instance_of::<PyUntypedArray>() {
        return Ok(value.clone());
    }
    value.py().import("caveat._comparisons")?.call_method1("unmasked", (what, value, numbers))
}

/// `value` as NumPy sees it, of any type.
pub(crate) fn array<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let value = &unmasked(what, value, false)?;
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let numpy = value.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (value,)).map_err(|e| bad(what, e.value(value.py())))?;
    Ok(array.cast_into::<PyUntypedArray>()?)
}

/// Labels as NumPy sees them, but that a list of numbers and text keeps both.
pub(crate) fn labels<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let value = &unmasked(what, value, false)?;
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let (mut text, mut other) = (false, false);
        for label in value.try_iter()? {
            let label = label?;
            match label.is_instance_of::<PyString>() {
                true => text = true,
                false => other |= !label.is_instance_of::<PyList>(),
            }
        }
        if text && other {
            let options = PyDict::new(value.py());
            options.set_item("dtype", "object")?;
            let array = value.py().import("numpy")?.call_method("asarray", (value,), Some(&options))?;
            return Ok(array.cast_into::<PyUntypedArray>()?);
        }
    }
    array(what, value)
}

/// A label as a person writes it: of a NumPy scalar, the number or text that it holds.
pub(crate) fn plain(label: &Bound<'_, PyAny>) -> PyResult<String> {
    let scalar = match label.getattr_opt("item")? {
        Some(item) if label.hasattr("dtype")? => item.call0()?,
        _ => label.clone(),
    };
    Ok(scalar.repr()?.to_string())
}

/// Kind of an array's elements, as NumPy's dtype.kind: `i`, `u`, `f`, `b`, `U`, `O`, …
pub(crate) fn kind(array: &Bound<'_, PyUntypedArray>) -> u8 {
    array.dtype().kind()
}

fn cast<'py>(what: &str, array: &Bound<'py, PyUntypedArray>, to: &str, expected: &str) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(array.py());
    options.set_item("copy", false)?;
    array
        .call_method("astype", (to,), Some(&options))
        .map_err(|e| bad(what, format_args!("expected {expected}: {}", e.value(array.py()))))
}

/// Floats of any shape, without a copy where `value` holds them.
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
    // An empty list has no type of its own.
    if !matches!(kind(&array), b'i' | b'u') && !array.is_empty() {
        return Err(bad(what, format_args!("expected integers, got an array of {}", array.dtype())));
    }
    let array = cast(what, &array, "int64", "integers")?;
    Ok(array.cast_into::<PyArrayDyn<i64>>()?.readonly())
}

/// A result of any shape as an array that cannot be written to, without a copy.
pub(crate) fn read_only<'py, T: numpy::Element, D: numpy::ndarray::Dimension>(
    array: Bound<'py, PyArray<T, D>>,
) -> PyResult<Bound<'py, PyArray<T, D>>> {
    array.getattr("flags")?.setattr("writeable", false)?;
    Ok(array)
}

/// A list as an array, without a copy.
pub(crate) fn vector(py: Python<'_>, values: Vec<f64>) -> Bound<'_, PyArray1<f64>> {
    PyArray1::from_vec(py, values)
}

/// A row-major matrix of `columns` columns as an array, without a copy.
pub(crate) fn matrix<T: numpy::Element>(
    py: Python<'_>,
    values: Vec<T>,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    PyArray1::from_vec(py, values).reshape([rows, columns])
}

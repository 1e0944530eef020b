//! Reads arguments that are numbers, text, lists or paths; errors name the argument.

use std::path::PathBuf;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use pyo3::{PyTypeCheck, PyTypeInfo};

use crate::errors::bad;

/// A type that arguments can have.
pub(crate) trait Argument<'a, 'py>: Sized {
    /// Reads `value` as the argument `what`.
    fn parse(what: &str, value: &'a Bound<'py, PyAny>) -> PyResult<Self>;
}

/// Makes a function for each argument, of its name, for `from_py_with`. PyO3 itself names arguments only in notes, which Python has
/// from 3.11 on.
macro_rules! named {
    ($($name:ident)*) => {$(
        pub(crate) fn $name<'a, 'py, T: Argument<'a, 'py>>(value: &'a Bound<'py, PyAny>) -> PyResult<T> {
            T::parse(stringify!($name), value)
        }
    )*};
}

named! {
    activation activations c cells columns conjunctivity crossed cycle_lengths depth disjoint exceptions files
    first_rank fit flipped format gain hypotheses identical items kind lapse learner max_depth max_trials most n_items
    n_items_moved name order pairs path paths phase position_bias power precision preset random_features replicates
    route runs same_first same_second samples seed strength task tasks time trials weights width
}

/// The error for a value of the wrong type.
pub(crate) fn wrong(what: &str, expected: impl std::fmt::Display, value: &Bound<'_, PyAny>) -> PyErr {
    match value.get_type().name() {
        Ok(got) => PyTypeError::new_err(format!("{what}: expected {expected}, got {got}")),
        Err(error) => error,
    }
}

/// The error for a value that could not be read, in our words unless the value's own code failed.
fn refused(what: &str, expected: &str, value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(value.py()) {
        return wrong(what, expected, value);
    }
    if error.is_instance_of::<PyOverflowError>(value.py()) {
        let problem = if value.lt(0).unwrap_or(false) { "is negative" } else { "is too large" };
        // Python refuses to write integers of thousands of digits.
        return bad(what, value.str().map_or_else(|_| format!("it {problem}"), |shown| format!("{shown} {problem}")));
    }
    error
}

macro_rules! extracted {
    ($($type:ty: $expected:literal),*) => {$(
        impl Argument<'_, '_> for $type {
            fn parse(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
                value.extract().map_err(|error| refused(what, $expected, value, error))
            }
        }
    )*};
}

extracted! {
    f64: "a number",
    u64: "a whole number",
    usize: "a whole number",
    bool: "True or False",
    String: "text",
    PathBuf: "a path"
}

impl<'a> Argument<'a, '_> for &'a str {
    fn parse(what: &str, value: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        value.cast::<PyString>().map_err(|_| wrong(what, "text", value))?.to_str()
    }
}

impl<'py> Argument<'_, 'py> for Bound<'py, PyAny> {
    fn parse(_what: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        Ok(value.clone())
    }
}

impl<'a, 'py, T: PyTypeCheck + PyTypeInfo> Argument<'a, 'py> for &'a Bound<'py, T> {
    fn parse(what: &str, value: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        match value.cast::<T>() {
            Ok(value) => Ok(value),
            Err(_) => Err(wrong(what, format_args!("a {}", T::type_object(value.py()).name()?), value)),
        }
    }
}

impl<'a, 'py, T: Argument<'a, 'py>> Argument<'a, 'py> for Option<T> {
    fn parse(what: &str, value: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        if value.is_none() { Ok(None) } else { T::parse(what, value).map(Some) }
    }
}

impl<'py, T: for<'x> Argument<'x, 'py>> Argument<'_, 'py> for Vec<T> {
    fn parse(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let values = elements(value).map_err(|error| refused(what, "a list", value, error))?;
        values.iter().enumerate().map(|(at, value)| T::parse(&format!("{what}[{at}]"), value)).collect()
    }
}

impl<'py, T: for<'x> Argument<'x, 'py>> Argument<'_, 'py> for [T; 2] {
    fn parse(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let values = elements(value).map_err(|error| refused(what, "a pair", value, error))?;
        match &values[..] {
            [first, second] => Ok([T::parse(what, first)?, T::parse(what, second)?]),
            values => Err(bad(what, format_args!("expected a pair, got {} values", values.len()))),
        }
    }
}

impl<'py, T: for<'x> Argument<'x, 'py>> Argument<'_, 'py> for (T, T) {
    fn parse(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        <[T; 2]>::parse(what, value).map(Into::into)
    }
}

/// One path, or a list of them.
pub(crate) struct Paths(pub(crate) Vec<PathBuf>);

impl Argument<'_, '_> for Paths {
    fn parse(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match value.extract() {
            Ok(path) => Ok(Self(vec![path])),
            Err(_) if value.hasattr("__iter__")? => Vec::parse(what, value).map(Self),
            Err(error) => Err(refused(what, "a path or a list of paths", value, error)),
        }
    }
}

/// The elements of an argument that is a list or a tuple; `None` for any other.
pub(crate) fn several<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    let is_list = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>();
    is_list.then(|| value.try_iter()?.collect()).transpose()
}

/// The elements of a list, an array or anything else that can be iterated, except text and tables (some libraries iterate over the
/// columns of these).
fn elements<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_plain = value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyTuple>();
    if !is_plain && (value.is_instance_of::<PyString>() || value.hasattr("columns")?) {
        return Err(PyTypeError::new_err("text or a table"));
    }
    value.try_iter()?.collect()
}

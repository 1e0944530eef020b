//! What `pickle` and `copy` keep of results: all that they hold, for the version of the package that wrote it.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::errors::bad;

/// What `__reduce__` gives: the function that restores an object, and its arguments.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (&'static str, &'static str, Bound<'py, PyBytes>));

/// The version of the package, which reads what it wrote itself.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An object of the class `class` as bytes, with what makes it again of them.
pub(crate) fn reduce<'py, T: Serialize + Sync>(
    py: Python<'py>,
    class: &'static str,
    object: &T,
) -> PyResult<Reduced<'py>> {
    let mut state = Vec::new();
    py.detach(|| ciborium::into_writer(object, &mut state))
        .map_err(|e| bad(class, format_args!("cannot be kept: {e}")))?;
    Ok((py.import("caveat._lib")?.getattr("restore")?, (class, VERSION, PyBytes::new(py, &state))))
}

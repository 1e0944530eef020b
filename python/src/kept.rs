//! Pickling and copying of results: a class is kept as all that it holds, for the version of the package that wrote it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{PyClass, PyClassInitializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::choices::ChoiceFit;
use crate::design::Design;
use crate::errors::bad;
use crate::figure::Figure;
use crate::files::PyCondition;
use crate::inference::Intervals;
use crate::kernel::ExchangeableKernel;
use crate::prediction::{Prediction, PredictionIntervals};
use crate::table::Table;
use crate::window::BalanceWindow;

/// What `__reduce__` gives: the function that restores an object, and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (&'static str, &'static str, Bound<'py, PyBytes>));

/// The version of the package, which reads only what it wrote itself.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn reduce<'py, T: Serialize + Sync + PyClass>(py: Python<'py>, object: &T) -> PyResult<Reduced<'py>> {
    let mut state = Vec::new();
    py.detach(|| ciborium::into_writer(object, &mut state))
        .map_err(|e| bad(T::NAME, format_args!("cannot be kept: {e}")))?;
    Ok((py.import("caveat._lib")?.getattr("restore")?, (T::NAME, VERSION, PyBytes::new(py, &state))))
}

fn restored<T>(py: Python<'_>, state: &[u8]) -> PyResult<Py<PyAny>>
where
    T: DeserializeOwned + Send + PyClass + Into<PyClassInitializer<T>>,
{
    let object: T = py
        .detach(|| ciborium::from_reader(state))
        .map_err(|e| bad(T::NAME, format_args!("what was kept of it is damaged: {e}")))?;
    Ok(Py::new(py, object)?.into_any())
}

/// Gives classes `__reduce__`, and makes the function that restores their objects.
macro_rules! kept {
    ($($class:ident)+) => {
        $(
            #[pymethods]
            impl $class {
                fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
                    reduce(py, self)
                }
            }
        )+

        /// An object from what `pickle` keeps of it.
        #[pyfunction]
        pub(crate) fn restore(py: Python<'_>, name: &str, version: &str, state: &[u8]) -> PyResult<Py<PyAny>> {
            if version != VERSION {
                return Err(PyValueError::new_err(format!(
                    "a {name} kept by caveat {version} cannot be read by caveat {VERSION}: make it again, or install that version"
                )));
            }
            match name {
                $(<$class as PyClass>::NAME => restored::<$class>(py, state),)+
                _ => Err(bad("name", format_args!("'{name}' is not kept"))),
            }
        }
    };
}

kept! {
    BalanceWindow ChoiceFit Design ExchangeableKernel Figure Intervals Prediction PredictionIntervals PyCondition Table
}

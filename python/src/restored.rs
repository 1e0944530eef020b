//! Objects again from what `pickle` and `copy` keep of them.

use pyo3::PyClass;
use pyo3::PyClassInitializer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::de::DeserializeOwned;

use crate::choices::ChoiceFit;
use crate::design::Design;
use crate::errors::bad;
use crate::figure::Figure;
use crate::files::PyCondition;
use crate::inference::Intervals;
use crate::kept::VERSION;
use crate::kernel::ExchangeableKernel;
use crate::prediction::{Prediction, PredictionIntervals};
use crate::table::Table;
use crate::window::BalanceWindow;

fn made<T>(py: Python<'_>, class: &str, state: &[u8]) -> PyResult<Py<PyAny>>
where
    T: DeserializeOwned + Send + PyClass + Into<PyClassInitializer<T>>,
{
    let object: T = py
        .detach(|| ciborium::from_reader(state))
        .map_err(|e| bad(class, format_args!("what was kept of it is damaged: {e}")))?;
    Ok(Py::new(py, object)?.into_any())
}

/// An object from what `pickle` keeps of it.
#[pyfunction]
pub(crate) fn restore(py: Python<'_>, name: &str, version: &str, state: &[u8]) -> PyResult<Py<PyAny>> {
    if version != VERSION {
        return Err(PyValueError::new_err(format!(
            "a {name} kept by caveat {version} cannot be read by caveat {VERSION}: make it again, or install that version"
        )));
    }
    match name {
        "BalanceWindow" => made::<BalanceWindow>(py, name, state),
        "ChoiceFit" => made::<ChoiceFit>(py, name, state),
        "Condition" => made::<PyCondition>(py, name, state),
        "Design" => made::<Design>(py, name, state),
        "ExchangeableKernel" => made::<ExchangeableKernel>(py, name, state),
        "Figure" => made::<Figure>(py, name, state),
        "Intervals" => made::<Intervals>(py, name, state),
        "Prediction" => made::<Prediction>(py, name, state),
        "PredictionIntervals" => made::<PredictionIntervals>(py, name, state),
        "Table" => made::<Table>(py, name, state),
        _ => Err(bad("name", format_args!("'{name}' is not kept"))),
    }
}

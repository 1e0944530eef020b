//! `Table`: named columns, which pandas, polars and pyarrow take through the Arrow PyCapsule interface.

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator};
use caveat_results::{Format, Table as Columns, Values};
use numpy::PyArray1;
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyCapsule, PyDict};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::arguments as arg;
use crate::errors::raise;

/// A table of named columns.
///
/// ``pandas.DataFrame.from_arrow`` (pandas 3), ``polars.DataFrame``, ``pyarrow.table`` and anything else with the Arrow PyCapsule
/// interface take it directly. ``table["column"]`` is a NumPy array; a missing number is NaN.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> table = caveat.TransitiveTask(3).trials()
/// >>> table.column_names
/// ['first', 'second', 'label', 'weight']
/// >>> table["label"]
/// array([ 1., -1.,  1., -1.])
/// >>> len(table)
/// 4
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) columns: Columns,
}

impl Table {
    pub(crate) fn new(columns: Columns) -> Self {
        Self { columns }
    }
}

/// A table with the items of pairs, by index, in its first two columns.
pub(crate) fn with_pairs(pairs: impl Iterator<Item = (usize, usize)> + Clone) -> caveat_results::Result<Columns> {
    let first = pairs.clone().map(|(first, _)| first as i64);
    Columns::new().integer("first", first)?.integer("second", pairs.map(|(_, second)| second as i64))
}

fields! { Table:
    /// Names of the columns, in order.
    column_names(self) -> Vec<&str> = self.columns.columns().map(|(name, _)| name).collect();
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.columns.n_rows()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arg::name)] name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.columns.column(name) {
            Some(values) => column(py, values),
            None => Err(PyKeyError::new_err(format!(
                "no column '{name}': the table has {}",
                self.column_names().join(", ")
            ))),
        }
    }

    /// The columns as a dict of NumPy arrays.
    pub(crate) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (name, values) in self.columns.columns() {
            all.set_item(name, column(py, values)?)?;
        }
        Ok(all)
    }

    /// The table as a ``pandas.DataFrame``.
    ///
    /// Raises
    /// ------
    /// ImportError
    ///     pandas is not installed.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pandas")?.call_method1("DataFrame", (self.to_dict(py)?,))
    }

    /// Writes the table to a file ending in .parquet, .csv or .json, whole or not at all.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     Another extension.
    /// OSError
    ///     A place that cannot be written.
    fn write(&self, py: Python<'_>, #[pyo3(from_py_with = arg::path)] path: PathBuf) -> PyResult<()> {
        raise(py.detach(|| self.columns.write(&path)))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batch = raise(self.columns.head(0).record_batch())?;
        let schema = FFI_ArrowSchema::try_from(batch.schema().as_ref()).map_err(arrow)?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface says that a consumer which asks for other types must be ready to get these.
        let _ = requested_schema;
        let batch: RecordBatch = raise(py.detach(|| self.columns.record_batch()))?;
        let schema = batch.schema();
        let batches = RecordBatchIterator::new([Ok(batch)], schema);
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __repr__(&self) -> PyResult<String> {
        const SHOWN: usize = 60;
        let text = raise(self.columns.head(SHOWN).render(Format::Table))?;
        let mut shown = text.trim_end().to_owned();
        if self.columns.n_rows() > SHOWN {
            shown += &format!("\n… {} rows", self.columns.n_rows());
        }
        Ok(shown)
    }

    fn _repr_html_(&self) -> PyResult<String> {
        const SHOWN: usize = 20;
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let names: String = self.column_names().iter().map(|n| format!("<th>{}</th>", escape(n))).collect();
        let mut html = format!("<table><thead><tr>{names}</tr></thead><tbody>");
        for row in 0..self.columns.n_rows().min(SHOWN) {
            html += "<tr>";
            for (_, values) in self.columns.columns() {
                let cell = match values {
                    Values::Float(v) if v[row].is_nan() => String::new(),
                    Values::Float(v) => format!("{:.6}", v[row]),
                    Values::Integer(v) => v[row].map_or(String::new(), |x| x.to_string()),
                    Values::Text(v) => escape(&v[row]),
                    Values::Flag(v) => v[row].to_string(),
                };
                html += &format!("<td>{cell}</td>");
            }
            html += "</tr>";
        }
        html += "</tbody></table>";
        if self.columns.n_rows() > SHOWN {
            html += &format!("<p>{SHOWN} of {} rows</p>", self.columns.n_rows());
        }
        Ok(html)
    }
}

fn arrow(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("the table cannot be given to Arrow: {error}"))
}

/// A column as an array; integers become floats where some are missing.
fn column<'py>(py: Python<'py>, values: &Values) -> PyResult<Bound<'py, PyAny>> {
    Ok(match values {
        Values::Float(v) => PyArray1::from_vec(py, py.detach(|| v.clone())).into_any(),
        Values::Integer(v) => match py.detach(|| v.iter().copied().collect::<Option<Vec<i64>>>()) {
            Some(whole) => PyArray1::from_vec(py, whole).into_any(),
            None => {
                let floats = py.detach(|| v.iter().map(|x| x.map_or(f64::NAN, |x| x as f64)).collect::<Vec<f64>>());
                PyArray1::from_vec(py, floats).into_any()
            }
        },
        Values::Text(v) => {
            let options = [("dtype", "object")].into_py_dict(py)?;
            py.import("numpy")?.call_method("array", (v,), Some(&options))?
        }
        Values::Flag(v) => PyArray1::from_vec(py, py.detach(|| v.clone())).into_any(),
    })
}

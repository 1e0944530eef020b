//! `Figure`: a picture that notebooks display, with its numbers as a table.

use std::io::Write;
use std::path::PathBuf;

use caveat_figures::{Figure as Picture, Format};
use caveat_results::{WriteFailure, write_atomically};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::errors::{bad, raise};
use crate::table::Table;

/// A picture with its title, caption and numbers.
///
/// Notebooks display it. ``figure.save("name.pdf")`` writes SVG, PDF or PNG by the extension. ``figure.table`` holds what is drawn,
/// for plots of your own.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> figure = caveat.figures.margins(caveat.TransitiveTask(7, [(4, 2)]))
/// >>> figure.title
/// 'Margins without and with an exception'
/// >>> figure.table.column_names[:3]
/// ['task', 'conjunctivity', 'c']
#[pyclass(frozen, module = "caveat")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Figure {
    figure: Picture,
}

impl Figure {
    pub(crate) fn new(figure: Picture) -> Self {
        Self { figure }
    }

    pub(crate) fn svg(&self, py: Python<'_>) -> PyResult<String> {
        Ok(py.detach(|| self.figure.canvas.svg()))
    }

    fn bytes(&self, py: Python<'_>, format: Format) -> PyResult<Vec<u8>> {
        raise(py.detach(|| self.figure.canvas.render(format)))
    }
}

fields! { Figure:
    /// Name in file names, in kebab case.
    name(self) -> &str = &self.figure.name;
    /// One line: what it shows.
    title(self) -> &str = &self.figure.title;
    /// What is drawn and how to read it.
    caption(self) -> &str = &self.figure.caption;
    /// The numbers in the picture, one row per mark.
    table(self) -> Table = Table::new(self.figure.table.clone());
}

#[pymethods]
impl Figure {
    /// Writes the picture, as SVG, PDF or PNG by the extension, whole or not at all.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     Another extension.
    /// OSError
    ///     A place that cannot be written.
    fn save(&self, py: Python<'_>, #[pyo3(from_py_with = arg::path)] path: PathBuf) -> PyResult<()> {
        let bytes = self.bytes(py, raise(Format::from_path(&path))?)?;
        raise(py.detach(|| write_atomically(&path, |out| out.write_all(&bytes).map_err(WriteFailure::from))))
    }

    /// The picture as bytes of a format: ``"svg"``, ``"pdf"`` or ``"png"``.
    fn render<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arg::format)] format: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let unknown = |_| bad("format", format_args!("'{format}' is unknown: it must be svg, pdf or png"));
        let format = Format::from_path(&PathBuf::from(format!("picture.{format}"))).map_err(unknown)?;
        Ok(PyBytes::new(py, &self.bytes(py, format)?))
    }

    fn _repr_svg_(&self, py: Python<'_>) -> PyResult<String> {
        self.svg(py)
    }

    fn __repr__(&self) -> String {
        format!("<Figure {}: {}>", self.figure.name, self.figure.title)
    }
}

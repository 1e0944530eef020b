//! `Figure` and what draws them: pictures that show themselves in notebooks, with the numbers in them as a table.

use std::path::PathBuf;

use caveat_figures::conjunctivity_figure::ConjunctivityInputs;
use caveat_figures::margins_figure::MarginsInputs;
use caveat_figures::mechanism_figure::MechanismInputs;
use caveat_figures::window_figure::WindowInputs;
use caveat_figures::{Figure as Picture, Format};
use caveat_results::{WriteFailure, write_atomically};
use caveat_theory::Activation;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::list_of_floats;
use crate::errors::{bad, raise};
use crate::kept::{self, Reduced};
use crate::kernel::ExchangeableKernel;
use crate::long;
use crate::table::Table;
use crate::window::transitive;

/// A picture with its title, caption and numbers.
///
/// It shows itself in a notebook. ``figure.save("name.pdf")`` writes SVG, PDF or PNG by the extension, ``figure.table`` holds what is
/// drawn, for plots of your own.
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
        let svg = raise(py.detach(|| self.figure.render(Format::Svg)))?;
        String::from_utf8(svg).map_err(|e| bad("figure", e))
    }
}

#[pymethods]
impl Figure {
    /// Name in file names, in kebab case.
    #[getter]
    fn name(&self) -> &str {
        &self.figure.name
    }

    /// One line: what it shows.
    #[getter]
    fn title(&self) -> &str {
        &self.figure.title
    }

    /// What is drawn and how to read it.
    #[getter]
    fn caption(&self) -> &str {
        &self.figure.caption
    }

    /// The numbers in the picture, one row per mark.
    #[getter]
    fn table(&self) -> Table {
        Table::new(self.figure.table.clone().unwrap_or_default())
    }

    /// Writes the picture, as SVG, PDF or PNG by the extension, whole or not at all.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     Another extension.
    /// OSError
    ///     A place that cannot be written.
    fn save(&self, py: Python<'_>, #[pyo3(from_py_with = arg::path)] path: PathBuf) -> PyResult<()> {
        use std::io::Write;
        let format = raise(Format::of(&path))?;
        let bytes = raise(py.detach(|| self.figure.render(format)))?;
        raise(py.detach(|| write_atomically(&path, |out| out.write_all(&bytes).map_err(WriteFailure::from))))
    }

    /// The picture as bytes of a format: ``"svg"``, ``"pdf"`` or ``"png"``.
    fn render<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arg::format)] format: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let unknown = |_| bad("format", format_args!("'{format}' is unknown: it must be svg, pdf or png"));
        let format = Format::of(&PathBuf::from(format!("picture.{format}"))).map_err(unknown)?;
        let bytes = raise(py.detach(|| self.figure.render(format)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn _repr_svg_(&self, py: Python<'_>) -> PyResult<String> {
        self.svg(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        kept::reduce(py, "Figure", self)
    }

    fn __repr__(&self) -> String {
        format!("<Figure {}: {}>", self.figure.name, self.figure.title)
    }
}

/// The pair classes of a task.
#[pyfunction]
pub(crate) fn task_figure(py: Python<'_>, task: &Bound<'_, PyAny>) -> PyResult<Figure> {
    let task = transitive("task", task)?;
    Ok(Figure::new(raise(py.detach(|| caveat_figures::task_figure::draw(&task)))?))
}

/// Margins over conjunctivity.
#[pyfunction]
pub(crate) fn margins_figure(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = arg::c)] c: f64,
    conjunctivities: Option<&Bound<'_, PyAny>>,
) -> PyResult<Figure> {
    let task = transitive("task", task)?;
    let mut inputs = MarginsInputs {
        n_items: task.n_items(),
        exceptions: task.exceptions().iter().map(|e| (e.winner, e.loser)).collect(),
        c,
        ..MarginsInputs::default()
    };
    if let Some(conjunctivities) = conjunctivities {
        inputs.conjunctivities = list_of_floats("conjunctivities", conjunctivities)?;
    }
    let drawn = long::run(py, "figure", None, move |_| caveat_figures::margins_figure::draw(&inputs))?;
    Ok(Figure::new(raise(drawn)?))
}

/// Chain field, exception field and their sum.
#[pyfunction]
pub(crate) fn mechanism_figure(
    py: Python<'_>,
    task: &Bound<'_, PyAny>,
    screenings: &Bound<'_, PyAny>,
) -> PyResult<Figure> {
    let inputs =
        MechanismInputs { task: transitive("task", task)?, screenings: list_of_floats("screenings", screenings)? };
    let drawn = long::run(py, "figure", None, move |_| caveat_figures::mechanism_figure::draw(&inputs))?;
    Ok(Figure::new(raise(drawn)?))
}

/// The balance window over items, position and cycle length.
#[pyfunction]
pub(crate) fn window_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::n_items)] n_items: Vec<usize>,
    #[pyo3(from_py_with = arg::cycle_lengths)] cycle_lengths: Vec<usize>,
    #[pyo3(from_py_with = arg::n_items_moved)] n_items_moved: usize,
) -> PyResult<Figure> {
    let inputs = WindowInputs { n_items, cycle_lengths, n_items_moved };
    Ok(Figure::new(raise(long::run(py, "figure", None, move |_| caveat_figures::window_figure::draw(&inputs))?)?))
}

/// Conjunctivity by depth of networks, with random ones where kernels of random features are given.
#[pyfunction]
pub(crate) fn conjunctivity_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::activations)] activations: Vec<String>,
    #[pyo3(from_py_with = arg::max_depth)] max_depth: usize,
    #[pyo3(from_py_with = arg::random_features)] random_features: Vec<Bound<'_, PyAny>>,
) -> PyResult<Figure> {
    let activations = activations.iter().map(|a| raise(a.parse())).collect::<PyResult<Vec<Activation>>>()?;
    let estimates = random_features.iter().enumerate().map(|(at, kernel)| {
        let kernel = kernel.cast::<ExchangeableKernel>().ok().and_then(|kernel| kernel.get().estimate().cloned());
        kernel.ok_or_else(|| {
            bad(format_args!("random_features[{at}]"), "expected a kernel of ExchangeableKernel.random_features")
        })
    });
    let inputs = ConjunctivityInputs { activations, max_depth, random_features: estimates.collect::<PyResult<_>>()? };
    let drawn = long::run(py, "figure", None, move |_| caveat_figures::conjunctivity_figure::draw(&inputs))?;
    Ok(Figure::new(raise(drawn)?))
}

//! `design`: ranks candidate tasks by what judgments tell about the conjunctivity.

use caveat_analysis::{choice, design as design_of, design_table};
use caveat_figures::design_figure::{self, DesignInputs, DesignRow};
use caveat_theory::TransitiveTask as Task;
use caveat_theory::inference::design::{DesignQuestion, DesignSettings, DesignTarget, JudgedPairs};
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

use crate::arguments::{self as arg, Argument, several};
use crate::errors::raise;
use crate::figure::Figure;
use crate::long;
use crate::table::Table;
use crate::task::TransitiveTask;

/// Candidate tasks and what judgments of their pairs tell, the most informative first; from `design`.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> design = caveat.design(caveat.TransitiveTask(5), hypotheses=((0, 0), (1, 1)), trials=20, samples=32, max_trials=100)
/// >>> design.tasks, design.figure()
/// ([TransitiveTask(5)], <Figure design: ...>)
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Design {
    rows: Vec<DesignRow>,
    question: DesignQuestion,
    settings: DesignSettings,
}

fields! { Design:
    /// The tasks, the most informative first.
    tasks(self) -> Vec<TransitiveTask> = self.rows.iter().map(|row| TransitiveTask { task: row.task.clone() }).collect();
    /// One row per task: expected information in bits with its Monte Carlo error, trials for the wanted power, and the interval's
    /// width or the accuracy of the decision at the number of trials.
    table(self) -> PyResult<Table> = Ok(Table::new(raise(design_table(&self.rows, &self.settings))?));
    /// One row per task and pair: what a single judgment of it tells.
    pairs(self) -> PyResult<Table> = Ok(Table::new(raise(design_figure::pair_table(&self.rows))?));
}

#[pymethods]
impl Design {
    /// The comparison as a picture.
    fn figure(&self, py: Python<'_>) -> PyResult<Figure> {
        let inputs = DesignInputs { rows: &self.rows, question: &self.question, settings: self.settings };
        Ok(Figure::new(raise(py.detach(|| design_figure::draw(&inputs)))?))
    }

    fn _repr_svg_(&self, py: Python<'_>) -> PyResult<String> {
        self.figure(py)?.svg(py)
    }

    fn __repr__(&self) -> String {
        let best = self.rows.first().map_or(String::new(), DesignRow::name);
        format!("<Design of {} tasks, the best {best}>", self.rows.len())
    }
}

/// Ranks candidate tasks by how much judgments of their pairs should tell about the conjunctivity α, before anyone is trained.
///
/// A judgment of (a, b) is simulated: a wins with probability lapse/2 + (1 − lapse)·logistic(gain·f(a, b)), with α uniform and C and
/// gain log-uniform in their ranges.
///
/// Parameters
/// ----------
/// tasks : TransitiveTask or list of TransitiveTask
///     The candidates; equal ones count once.
/// conjunctivity : (low, high)
///     Prior range of α.
/// hypotheses : ((low, high), (low, high)), optional
///     Two ranges of α, to ask which one holds instead of the value of α. A range may be one value twice.
/// c, gain : (low, high)
///     Prior ranges of the inverse regularization and of the gain; one value twice for a known one.
/// lapse : float
///     Share of judgments by chance.
/// pairs : {"all", "untrained", "trained", "scored"}
///     Which pairs are judged.
/// precision : float
///     The wanted width of the 95 % interval of α.
/// trials : int
///     Number of judgments at which to compare the tasks.
/// power : float
///     The probability of success for which the table gives the number of trials.
/// max_trials : int
///     The largest number of trials considered for it.
/// samples : int
///     Simulated experiments per task.
/// seed : int
///     The same seed gives the same result on any number of threads.
/// progress : bool or callable
///     A bar after a second where someone can see it, or a function of (done, total).
///
/// Returns
/// -------
/// Design
///
/// Examples
/// --------
/// >>> import caveat
/// >>> candidates = [caveat.TransitiveTask(7), caveat.TransitiveTask(7, [(4, 2)])]
/// >>> design = caveat.design(candidates, hypotheses=((0.0, 0.1), (0.3, 1.0)), trials=50, samples=64, max_trials=200)
/// >>> bits = design.table["information_bits"].tolist()
/// >>> len(bits), bits[0] >= bits[1]
/// (2, True)
#[pyfunction]
#[pyo3(signature = (tasks, *, conjunctivity = (0.0, 1.0), hypotheses = None, c = (1.0, 100.0), gain = (2.0, 10.0), lapse = 0.02,
    pairs = "all", precision = 0.1, trials = 1_000, power = 0.9, max_trials = 100_000, samples = 512, seed = 0, progress = None),
    text_signature = "(tasks, *, conjunctivity=(0.0, 1.0), hypotheses=None, c=(1.0, 100.0), gain=(2.0, 10.0), lapse=0.02, \
    pairs='all', precision=0.1, trials=1000, power=0.9, max_trials=100000, samples=512, seed=0, progress=None)")]
#[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn design(
    py: Python<'_>,
    tasks: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = arg::conjunctivity)] conjunctivity: (f64, f64),
    #[pyo3(from_py_with = arg::hypotheses)] hypotheses: Option<[(f64, f64); 2]>,
    #[pyo3(from_py_with = arg::c)] c: (f64, f64),
    #[pyo3(from_py_with = arg::gain)] gain: (f64, f64),
    #[pyo3(from_py_with = arg::lapse)] lapse: f64,
    #[pyo3(from_py_with = arg::pairs)] pairs: &str,
    #[pyo3(from_py_with = arg::precision)] precision: f64,
    #[pyo3(from_py_with = arg::trials)] trials: usize,
    #[pyo3(from_py_with = arg::power)] power: f64,
    #[pyo3(from_py_with = arg::max_trials)] max_trials: usize,
    #[pyo3(from_py_with = arg::samples)] samples: usize,
    #[pyo3(from_py_with = arg::seed)] seed: u64,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Design> {
    let target = match hypotheses {
        Some(hypotheses) => DesignTarget::Hypotheses(hypotheses),
        None => DesignTarget::Value { low: conjunctivity.0, high: conjunctivity.1, precision },
    };
    let question = raise(DesignQuestion::new(target, c, gain, lapse))?;
    let judged: JudgedPairs = raise(choice("pairs", pairs))?;
    let given = several(tasks)?.unwrap_or_else(|| vec![tasks.clone()]);
    let candidates = given.iter().enumerate().map(|(at, task)| Task::parse(&format!("tasks[{at}]"), task));
    let candidates = candidates.collect::<PyResult<Vec<_>>>()?;
    let settings = DesignSettings { trials, power, max_trials, samples, seed };
    let asked = question.clone();
    let work = move |steps: &long::Steps| design_of(candidates, judged, &asked, &settings, steps);
    Ok(Design { rows: long::run(py, "design", progress, work)?, question, settings })
}

//! Reads observed margins: a matrix or a list by pair, of one learner or of many clusters, for one task or several.

use caveat_theory::inference::{MarginFitter, ObservedTask};
use caveat_theory::{ComparisonGraph, Result};
use numpy::ndarray::{ArrayViewD, Axis};
use numpy::{PyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

use crate::arguments::several;
use crate::arrays::{array, floats, upper_pairs};
use crate::errors::bad;
use crate::graph::Items;
use crate::trained::Trained;

/// A task with the pairs whose margins are observed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) graph: ComparisonGraph,
    pub(crate) pairs: Vec<(usize, usize)>,
}

impl Observed {
    /// As the theory takes it.
    pub(crate) fn as_task(&self) -> ObservedTask<'_, '_> {
        ObservedTask { graph: &self.graph, pairs: &self.pairs }
    }
}

/// The margins of every pair, for each cluster.
pub(crate) type Clusters = Vec<Vec<f64>>;

/// Prepares fits of one set of parameters to the margins of several tasks.
pub(crate) fn joint_fitter(tasks: &[Observed]) -> Result<MarginFitter<'_>> {
    MarginFitter::joint(&tasks.iter().map(Observed::as_task).collect::<Vec<_>>())
}

/// Pairs of labels as indices, from an array of two columns or from a table whose column names may say which item is first.
pub(crate) fn labeled_pairs(what: &str, value: &Bound<'_, PyAny>, items: &Items) -> PyResult<Vec<(usize, usize)>> {
    let columns = value.py().import("caveat._named")?.call_method1("two_columns", (what, value))?;
    let array = array(what, &columns)?;
    if array.ndim() != 2 || array.shape()[1] != 2 {
        return Err(bad(what, format_args!("expected the shape (pairs, 2), got {:?}", array.shape())));
    }
    let column = |k: usize| -> PyResult<Vec<usize>> {
        items.indices(&format!("{what}[:, {k}]"), array.call_method1("take", (k, 1))?.cast::<PyUntypedArray>()?)
    };
    Ok(column(0)?.into_iter().zip(column(1)?).collect())
}

/// Refuses values whose pandas index has the rows of the pairs in another order.
pub(crate) fn same_rows(pairs: &Bound<'_, PyAny>, what: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
    pairs.py().import("caveat._named")?.call_method1("same_rows", ("pairs", pairs, what, values)).map(drop)
}

/// One task with its margins by cluster. If `clusters`, the first axis is that of clusters; otherwise there is one.
pub(crate) fn parse_margins(
    task: &Bound<'_, PyAny>,
    what: &str,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    clusters: bool,
) -> PyResult<(Observed, Clusters)> {
    let (trained, items) = Trained::parse("task", task)?;
    let graph = trained.graph().clone();
    let n = graph.n_items();
    // Rows and columns of a table may name items, or pairs of them; a plain array of numbers names nothing.
    let py = task.py();
    let is_unnamed = margins.is_exact_instance_of::<PyUntypedArray>() && margins.cast::<PyArrayDyn<f64>>().is_ok();
    let (margins, pairs): (Bound<'_, PyAny>, Option<Bound<'_, PyAny>>) = if is_unnamed && pairs.is_none() {
        (margins.clone(), None)
    } else {
        let ordered = (what, margins, pairs, items.array(py)?, clusters);
        py.import("caveat._named")?.call_method1("margins", ordered)?.extract()?
    };
    let given = floats(what, &margins)?;
    let all = given.as_array();
    let lead = usize::from(clusters);
    let refuse = || {
        let expected = match (clusters, pairs.is_some()) {
            (true, true) => "(clusters, pairs)".to_owned(),
            (true, false) => format!("(clusters, {n}, {n}) or (clusters, {})", n * (n - 1) / 2),
            (false, true) => "(pairs,)".to_owned(),
            (false, false) => format!("({n}, {n}) or ({},)", n * (n - 1) / 2),
        };
        bad(what, format_args!("expected the shape {expected}, got {:?}", given.shape()))
    };
    let lists: Vec<ArrayViewD<'_, f64>> = match (clusters, all.ndim()) {
        (true, 2 | 3) => all.axis_iter(Axis(0)).collect(),
        (false, 1 | 2) => vec![all.view()],
        _ => return Err(refuse()),
    };
    let pairs: Vec<(usize, usize)> = match (&pairs, &all.shape()[lead..]) {
        (Some(pairs), [count]) => {
            let pairs = labeled_pairs("pairs", pairs, &items)?;
            if pairs.len() != *count {
                return Err(bad(what, format_args!("{count} margins for {} pairs; give one each", pairs.len())));
            }
            pairs
        }
        (None, [count]) if *count == n * (n - 1) / 2 => upper_pairs(n).collect(),
        // Pairs without data in either order are left out.
        (None, [rows, columns]) if (*rows, *columns) == (n, n) => {
            if let Some(half) = lists.iter().find_map(half) {
                return Err(bad(what, half));
            }
            let is_missing = |i: usize, j: usize| lists.iter().all(|m| m[[i, j]].is_nan() || m[[j, i]].is_nan());
            upper_pairs(n).filter(|&(i, j)| !is_missing(i, j)).collect()
        }
        _ => return Err(refuse()),
    };
    // A matrix has both orders of every pair; half their difference is free of any position bias.
    let of = |m: &ArrayViewD<'_, f64>| match m.ndim() {
        1 => m.iter().copied().collect(),
        _ => pairs.iter().map(|&(i, j)| (m[[i, j]] - m[[j, i]]) / 2.0).collect(),
    };
    let values: Clusters = lists.iter().map(of).collect();
    Ok((Observed { graph, pairs }, values))
}

/// What is wrong with a matrix whose margins are only above, or only below, the diagonal.
fn half(matrix: &ArrayViewD<'_, f64>) -> Option<String> {
    let n = matrix.shape()[0];
    let all = |is_silent: fn(f64) -> bool, place: fn(usize, usize) -> [usize; 2]| {
        (0..n).all(|i| (0..i).all(|j| is_silent(matrix[place(i, j)])))
    };
    let is_half = |silent| n > 2 && all(silent, |i, j| [i, j]) != all(silent, |i, j| [j, i]);
    let (value, advice) = if is_half(|m| m == 0.0) {
        ("0", "m - m.T, or ")
    } else if is_half(f64::is_nan) {
        ("NaN", "")
    } else {
        return None;
    };
    Some(format!(
        "all entries on one side of the diagonal are {value}: a matrix has the margins of both orders, m[i, j] and m[j, i]; give \
         {advice}the list of those with i < j"
    ))
}

/// One task or several, and the margins of each by cluster; a list of tasks needs a list of margins.
pub(crate) fn parse_all_margins(
    task: &Bound<'_, PyAny>,
    what: &str,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    clusters: bool,
) -> PyResult<(Vec<Observed>, Vec<Clusters>)> {
    let Some(tasks) = several(task)? else {
        return Ok([parse_margins(task, what, margins, pairs, clusters)?].into_iter().unzip());
    };
    let margins = one_each(what, margins, tasks.len())?;
    let pairs = pairs.map(|pairs| one_each("pairs", pairs, tasks.len())).transpose()?;
    if tasks.is_empty() {
        return Err(bad("task", "the list is empty; give at least one task"));
    }
    let one = |k: usize| {
        let pairs = pairs.as_ref().map(|p| &p[k]).filter(|p| !p.is_none());
        parse_margins(&tasks[k], &format!("{what}[{k}]"), &margins[k], pairs, clusters)
    };
    (0..tasks.len()).map(one).collect()
}

/// A list with one element for each task.
fn one_each<'py>(what: &str, value: &Bound<'py, PyAny>, tasks: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
    match several(value)? {
        Some(list) if list.len() == tasks => Ok(list),
        _ => Err(bad(what, format_args!("expected a list of {tasks}, one for each task"))),
    }
}

//! Margins as they are handed in: a matrix or a list by pair, of one learner or of many clusters, for one task or several.

use caveat_theory::ComparisonGraph;
use numpy::ndarray::{ArrayViewD, Axis};
use numpy::{PyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use serde::{Deserialize, Serialize};

use crate::arrays::{array, floats};
use crate::errors::bad;
use crate::graph::Items;
use crate::trained::Trained;

/// A task with the pairs whose margins are observed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) graph: ComparisonGraph,
    pub(crate) pairs: Vec<(usize, usize)>,
}

impl Observed {
    /// The pairs as rows of item indices.
    pub(crate) fn rows(&self) -> Vec<i64> {
        self.pairs.iter().flat_map(|&(i, j)| [i as i64, j as i64]).collect()
    }
}

/// The elements of an argument that is a list or a tuple; the argument alone otherwise.
pub(crate) fn several<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return value.try_iter()?.collect::<PyResult<_>>().map(Some);
    }
    Ok(None)
}

/// Pairs of labels as indices, from an array of two columns; those of a table may be in the order that their names tell.
pub(crate) fn labeled_pairs(what: &str, value: &Bound<'_, PyAny>, items: &Items) -> PyResult<Vec<(usize, usize)>> {
    let columns = value.py().import("caveat._named")?.call_method1("two_columns", (what, value))?;
    let array = array(what, &columns)?;
    if array.ndim() != 2 || array.shape()[1] != 2 {
        return Err(bad(what, format_args!("expected the shape (pairs, 2), got {:?}", array.shape())));
    }
    let column = |k: usize| -> PyResult<Vec<usize>> {
        let take = array.call_method1("take", (k, 1))?;
        items.indices(&format!("{what}[:, {k}]"), &crate::arrays::array(what, &take)?)
    };
    Ok(column(0)?.into_iter().zip(column(1)?).collect())
}

/// Refuses values of pandas whose rows are those of the pairs in another order.
pub(crate) fn same_rows(pairs: &Bound<'_, PyAny>, what: &str, values: &Bound<'_, PyAny>) -> PyResult<()> {
    pairs.py().import("caveat._named")?.call_method1("same_rows", ("pairs", pairs, what, values)).map(drop)
}

/// One task with its margins, a list for every cluster; a single one unless `clusters` says that the first axis is theirs.
pub(crate) fn observed(
    task: &Bound<'_, PyAny>,
    what: &str,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    clusters: bool,
) -> PyResult<(Observed, Vec<Vec<f64>>)> {
    let (trained, items) = Trained::parse("task", task)?;
    let graph = trained.graph().clone();
    let n = graph.n_items();
    // Rows and columns of a table may name items, or pairs of them; NumPy's numbers alone do not.
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
    let upper = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let pairs: Vec<(usize, usize)> = match (&pairs, &all.shape()[lead..]) {
        (Some(pairs), [count]) => {
            let pairs = labeled_pairs("pairs", pairs, &items)?;
            if pairs.len() != *count {
                return Err(bad(what, format_args!("{count} margins for {} pairs; give one each", pairs.len())));
            }
            pairs
        }
        (None, [count]) if *count == n * (n - 1) / 2 => upper().collect(),
        // Pairs without data in either order are left out.
        (None, [rows, columns]) if (*rows, *columns) == (n, n) => {
            if let Some(half) = lists.iter().find_map(half) {
                return Err(bad(what, half));
            }
            let is_missing = |i: usize, j: usize| lists.iter().all(|m| m[[i, j]].is_nan() || m[[j, i]].is_nan());
            upper().filter(|&(i, j)| !is_missing(i, j)).collect()
        }
        _ => return Err(refuse()),
    };
    // A matrix tells both orders of every pair; their difference is free of any bias toward a position.
    let of = |m: &ArrayViewD<'_, f64>| match m.ndim() {
        1 => m.iter().copied().collect(),
        _ => pairs.iter().map(|&(i, j)| (m[[i, j]] - m[[j, i]]) / 2.0).collect(),
    };
    let values: Vec<Vec<f64>> = lists.iter().map(of).collect();
    Ok((Observed { graph, pairs }, values))
}

/// What is wrong with a matrix of which only one half, above or below the diagonal, says anything.
fn half(matrix: &ArrayViewD<'_, f64>) -> Option<&'static str> {
    let n = matrix.shape()[0];
    let above = |says: &dyn Fn(f64) -> bool, i: usize, j: usize| says(matrix[[i.min(j), i.max(j)]]);
    let below = |says: &dyn Fn(f64) -> bool, i: usize, j: usize| says(matrix[[i.max(j), i.min(j)]]);
    let all = |half: &dyn Fn(usize, usize) -> bool| (0..n).all(|i| (0..i).all(|j| half(i, j)));
    let one = |silent: &dyn Fn(f64) -> bool| {
        let [up, down] = [all(&|i, j| above(silent, i, j)), all(&|i, j| below(silent, i, j))];
        n > 2 && up != down
    };
    if one(&|m| m == 0.0) {
        return Some(
            "all entries on one side of the diagonal are 0: a matrix has the margins of both orders, m[i, j] and m[j, i]; \
             give m - m.T, or the list of those with i < j",
        );
    }
    one(&|m: f64| m.is_nan()).then_some(
        "all entries on one side of the diagonal are NaN: a matrix has the margins of both orders, m[i, j] and m[j, i]; \
         give the list of those with i < j",
    )
}

/// One task or several, each with its margins by cluster; lists of tasks go with lists of margins.
pub(crate) fn all_observed(
    task: &Bound<'_, PyAny>,
    what: &str,
    margins: &Bound<'_, PyAny>,
    pairs: Option<&Bound<'_, PyAny>>,
    clusters: bool,
) -> PyResult<Vec<(Observed, Vec<Vec<f64>>)>> {
    let Some(tasks) = several(task)? else { return Ok(vec![observed(task, what, margins, pairs, clusters)?]) };
    let margins = one_each(what, margins, tasks.len())?;
    let pairs = pairs.map(|pairs| one_each("pairs", pairs, tasks.len())).transpose()?;
    if tasks.is_empty() {
        return Err(bad("task", "the list is empty; give at least one task"));
    }
    let one = |k: usize| {
        let pairs = pairs.as_ref().map(|p| &p[k]).filter(|p| !p.is_none());
        observed(&tasks[k], &format!("{what}[{k}]"), &margins[k], pairs, clusters)
    };
    (0..tasks.len()).map(one).collect()
}

fn one_each<'py>(what: &str, value: &Bound<'py, PyAny>, tasks: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
    match several(value)? {
        Some(list) if list.len() == tasks => Ok(list),
        _ => Err(bad(what, format_args!("expected a list of {tasks}, one for each task"))),
    }
}

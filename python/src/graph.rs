//! `ComparisonGraph`: any set of weighted wins, between items with any labels.

use std::sync::Arc;

use caveat_analysis::{AnalysisError, check_pairs, choice};
use caveat_results::Table as Columns;
use caveat_theory::{Comparison, ComparisonGraph as Graph, Edge};
use numpy::{PyArray1, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};

use crate::arguments as arg;
use crate::arrays::{floats, integers, kind, labels as labels_of};
use crate::errors::{bad, raise};
use crate::labels::{key, label_key, plain};
use crate::table::{Table, with_pairs};

/// A set of comparisons between items; those of one pair add up.
///
/// Parameters
/// ----------
/// comparisons : list of (winner, loser), array of two columns, or data frame
///     A frame (pandas, polars, pyarrow, or a dict of columns) has the columns ``winner`` and ``loser``; or ``left``, ``right`` and
///     ``label``, which names the preferred one of the two, as in crowd-kit. A column ``weight`` or ``count`` says how often a row
///     counts. Lists of integer pairs are those of choix.
/// labels : sequence, optional
///     All items in the order wanted, also those without comparisons. By default, the labels that occur, sorted.
/// n_items : int, optional
///     The items are the integers from 0 to ``n_items`` − 1. Not together with ``labels``.
/// order : {"both", "higher-first", "lower-first", "winner-first"}
///     In which order the two items of a pair are shown; "higher" is the earlier item.
/// skip_missing : bool
///     Whether to leave out rows without a label instead of refusing them.
///
/// Notes
/// -----
/// Spellings name the same item as in ``caveat rank``: numbers of one value (2, 2.0 and "2.0"), and text that is equal without white
/// space around it and in Unicode's composed form. Labels that differ only by case stay two items, with a warning. Without ``labels``,
/// items are sorted: numbers by value, then text.
///
/// Raises
/// ------
/// ValueError
///     No comparison, an item against itself, a missing or unknown label, or a weight that is not positive and finite; with the
///     row where it is.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> graph = caveat.ComparisonGraph([("ant", "bee"), ("bee", "cow"), ("ant", "bee")])
/// >>> graph.items
/// array(['ant', 'bee', 'cow'], dtype='<U3')
/// >>> graph.n_pairs, graph.edges()["first_wins"]
/// (2, array([2., 1.]))
/// >>> caveat.ComparisonGraph({"left": [1, 1], "right": [2, 3], "label": [1, 3]}).edges()["second_wins"]
/// array([0., 1.])
#[pyclass(frozen, module = "caveat")]
#[derive(Debug)]
pub(crate) struct ComparisonGraph {
    pub(crate) graph: Graph,
    pub(crate) items: Items,
}

/// The labels of a graph's items.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    /// Integers from 0.
    Ranks(usize),
    /// Any labels.
    Named(Arc<Labels>),
}

/// An array of labels.
#[derive(Debug)]
pub(crate) struct Labels {
    array: Py<PyUntypedArray>,
    /// The index of every label.
    index: Py<PyDict>,
    /// The index of every label's key, which all spellings of an item share.
    keys: Py<PyDict>,
}

fields! { ComparisonGraph:
    /// Number of items.
    n_items(self) -> usize = self.graph.n_items();
    /// Number of pairs that were compared.
    n_pairs(self) -> usize = self.graph.edges().len();
    /// In which order the items of a pair are shown.
    order(self) -> &'static str = self.graph.order().name();
    /// The items' labels, in order.
    items(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> = self.items.array(py);
}

#[pymethods]
impl ComparisonGraph {
    #[new]
    #[pyo3(signature = (comparisons, *, labels = None, n_items = None, order = "both", skip_missing = false))]
    fn new(
        comparisons: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arg::n_items)] n_items: Option<usize>,
        #[pyo3(from_py_with = arg::order)] order: &str,
        skip_missing: bool,
    ) -> PyResult<Self> {
        let columns =
            comparisons.py().import("caveat._comparisons")?.call_method1("columns", (comparisons, skip_missing))?;
        let (winners, losers, weights): (Bound<'_, PyAny>, Bound<'_, PyAny>, Option<Bound<'_, PyAny>>) =
            columns.extract()?;
        Self::build(&winners, &losers, weights.as_ref(), labels, n_items, order)
    }

    /// A graph from one array each of winners, losers and, perhaps, weights.
    ///
    /// The other parameters are those of the class.
    ///
    /// Examples
    /// --------
    /// >>> graph = caveat.ComparisonGraph.from_pairs([0, 1, 2], [1, 2, 0], weights=[5, 5, 1])
    /// >>> graph.edges()["weight"]
    /// array([5., 1., 5.])
    #[classmethod]
    #[pyo3(signature = (winners, losers, weights = None, *, labels = None, n_items = None, order = "both"))]
    fn from_pairs(
        _class: &Bound<'_, PyType>,
        winners: &Bound<'_, PyAny>,
        losers: &Bound<'_, PyAny>,
        weights: Option<&Bound<'_, PyAny>>,
        labels: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = arg::n_items)] n_items: Option<usize>,
        #[pyo3(from_py_with = arg::order)] order: &str,
    ) -> PyResult<Self> {
        Self::build(winners, losers, weights, labels, n_items, order)
    }

    /// The compared pairs by item index, one row each: first < second, the weight, and how much of it each of the two won.
    fn edges(&self, py: Python<'_>) -> PyResult<Table> {
        let edges = self.graph.edges();
        let columns = || {
            with_pairs(edges.iter().map(Edge::items))?
                .float("weight", edges.iter().map(|e| e.weight()))?
                .float("first_wins", edges.iter().map(|e| e.first_wins))?
                .float("second_wins", edges.iter().map(|e| e.second_wins))
        };
        Ok(Table::new(raise(py.detach(columns))?))
    }

    /// The connected component of every item, by decreasing size; of components of one size, that with the earlier item comes first.
    /// Comparisons say nothing about the order of items in different components.
    fn components<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, py.detach(|| self.graph.components()).into_iter().map(i64::from))
    }

    /// The training trials by item index, one row each: first, second, label (mean outcome, +1 where the first wins) and weight.
    fn trials(&self, py: Python<'_>) -> PyResult<Table> {
        trials(py, &self.graph)
    }

    /// All pairs of item indices with first < second: class, label (+1 where the first wins; missing where the comparisons give no
    /// answer), and whether they are trained.
    fn pairs(&self, py: Python<'_>) -> PyResult<Table> {
        pairs(py, &self.graph)
    }

    fn __repr__(&self) -> String {
        format!("ComparisonGraph({} items, {} pairs)", self.graph.n_items(), self.graph.edges().len())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let restore = py.import("caveat._comparisons")?.getattr("restore")?;
        Ok((restore, (self.edges(py)?.to_dict(py)?, self.items(py)?, self.order()).into_pyobject(py)?))
    }
}

impl ComparisonGraph {
    /// A graph whose items are ranks.
    pub(crate) fn of_ranks(graph: Graph) -> Self {
        let items = Items::Ranks(graph.n_items());
        Self { graph, items }
    }

    fn build(
        winners: &Bound<'_, PyAny>,
        losers: &Bound<'_, PyAny>,
        weights: Option<&Bound<'_, PyAny>>,
        labels: Option<&Bound<'_, PyAny>>,
        n_items: Option<usize>,
        order: &str,
    ) -> PyResult<Self> {
        let order = raise(choice("order", order))?;
        let (first, second) = (one_column("winners", winners)?, one_column("losers", losers)?);
        let count = first.len();
        if second.len() != count {
            return Err(bad("losers", format_args!("{} losers for {count} winners; give one each", second.len())));
        }
        let weights = weights.map(|w| floats("weights", w)).transpose()?;
        if let Some(w) = weights.as_ref().filter(|w| w.shape() != [count]) {
            return Err(bad(
                "weights",
                format_args!("expected {count}, one a comparison, got the shape {:?}", w.shape()),
            ));
        }
        let given = match (labels, n_items) {
            (Some(_), Some(_)) => return Err(bad("n_items", "leave it out where labels name the items")),
            (Some(labels), None) => Some(Items::named(&one_column("labels", labels)?)?),
            (None, n_items) => n_items.map(Items::Ranks),
        };
        let (items, winner, loser) = match given {
            Some(items) => {
                let (winner, loser) = (items.indices("winners", &first)?, items.indices("losers", &second)?);
                (items, winner, loser)
            }
            None => match small_integers(&first, &second)? {
                Some(indexed) => indexed,
                None => sorted_labels(&first, &second)?,
            },
        };
        let py = winners.py();
        let weights: Option<Vec<f64>> = weights.map(|w| w.as_array().iter().copied().collect());
        let weight = |row: usize| weights.as_ref().map_or(1.0, |w| w[row]);
        let is_weight = |weight: f64| weight > 0.0 && weight.is_finite();
        let is_bad = |&row: &usize| !is_weight(weight(row)) || winner[row] == loser[row];
        if let Some(row) = py.detach(|| (0..count).find(is_bad)) {
            if !is_weight(weight(row)) {
                let problem = format!("{} is not a positive, finite number", weight(row));
                return Err(bad(format_args!("weights[{row}]"), problem));
            }
            let label = plain(&first.get_item(row)?)?;
            return Err(bad(
                format_args!("comparison {row}"),
                format_args!("item {label} is compared with itself: a comparison needs two different items"),
            ));
        }
        let comparison = |row| Comparison { winner: winner[row], loser: loser[row], weight: weight(row) };
        let n = items.len(py);
        let graph = raise(py.detach(|| Graph::new(n, (0..count).map(comparison))))?;
        Ok(Self { graph: graph.with_order(order), items })
    }
}

fn one_column<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let array = labels_of(what, value)?;
    if array.ndim() != 1 {
        return Err(bad(what, format_args!("expected one dimension, got the shape {:?}", array.shape())));
    }
    Ok(array)
}

type Indexed = (Items, Vec<usize>, Vec<usize>);

/// Indexes labels that are integers from 0 on and not much larger than their number, without sorting; `None` for other labels.
fn small_integers(first: &Bound<'_, PyUntypedArray>, second: &Bound<'_, PyUntypedArray>) -> PyResult<Option<Indexed>> {
    if !matches!((kind(first), kind(second)), (b'i' | b'u', b'i' | b'u')) || first.is_empty() {
        return Ok(None);
    }
    let copy = |what, labels| Ok::<Vec<i64>, PyErr>(integers(what, labels)?.as_array().iter().copied().collect());
    let (winners, losers) = (copy("winners", first)?, copy("losers", second)?);
    let numbered = || {
        let all = || winners.iter().chain(&losers);
        let (smallest, largest) = all().fold((i64::MAX, i64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        let most = 4 * (winners.len() as i64) + 1_024;
        if smallest < 0 || largest > most {
            return None;
        }
        let mut index = vec![usize::MAX; largest as usize + 1];
        all().for_each(|&v| index[v as usize] = 0);
        let mut labels = Vec::new();
        for (label, at) in index.iter_mut().enumerate().filter(|(_, at)| **at == 0) {
            *at = labels.len();
            labels.push(label as i64);
        }
        let of = |values: &[i64]| values.iter().map(|&v| index[v as usize]).collect::<Vec<usize>>();
        Some((labels.len() == index.len(), labels, of(&winners), of(&losers)))
    };
    let Some((are_ranks, labels, winner, loser)) = first.py().detach(numbered) else { return Ok(None) };
    let items = match are_ranks {
        true => Items::Ranks(labels.len()),
        false => Items::named(PyArray1::from_vec(first.py(), labels).as_untyped())?,
    };
    Ok(Some((items, winner, loser)))
}

/// Indexes any labels by sorting them.
fn sorted_labels(first: &Bound<'_, PyUntypedArray>, second: &Bound<'_, PyUntypedArray>) -> PyResult<Indexed> {
    let unique = first.py().import("caveat._comparisons")?.call_method1("unique", (first, second))?;
    let (labels, winner, loser): (Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>) = unique.extract()?;
    let items = Items::named(&one_column("labels", &labels)?)?;
    let of = |values: &Bound<'_, PyAny>| -> PyResult<Vec<usize>> {
        Ok(integers("labels", values)?.as_array().iter().map(|&v| v as usize).collect())
    };
    Ok((items, of(&winner)?, of(&loser)?))
}

impl Items {
    /// Items with these labels, each once.
    fn named(labels: &Bound<'_, PyUntypedArray>) -> PyResult<Self> {
        let py = labels.py();
        let (index, keys) = (PyDict::new(py), PyDict::new(py));
        for (at, label) in labels.call_method0("tolist")?.cast_into::<PyList>()?.iter().enumerate() {
            if label.ne(&label)? || label.is_none() {
                return Err(bad(format_args!("labels[{at}]"), "it is missing; every item needs a label"));
            }
            let key = label_key(&label)?;
            if index.contains(&label)? || keys.contains(&key)? {
                return Err(bad(
                    format_args!("labels[{at}]"),
                    format_args!("{} is named twice; name it once", label.repr()?),
                ));
            }
            index.set_item(label, at)?;
            keys.set_item(key, at)?;
        }
        let array = labels.call_method0("copy")?.cast_into::<PyUntypedArray>()?;
        array.getattr("flags")?.setattr("writeable", false)?;
        Ok(Self::Named(Arc::new(Labels { array: array.unbind(), index: index.unbind(), keys: keys.unbind() })))
    }

    fn len(&self, py: Python<'_>) -> usize {
        match self {
            Self::Ranks(n) => *n,
            Self::Named(labels) => labels.array.bind(py).len(),
        }
    }

    /// The labels as an array.
    pub(crate) fn array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Ranks(n) => py.import("numpy")?.call_method1("arange", (*n,)),
            Self::Named(labels) => Ok(labels.array.bind(py).clone().into_any()),
        }
    }

    /// The index of one label.
    pub(crate) fn index(&self, what: &dyn std::fmt::Display, label: &Bound<'_, PyAny>) -> PyResult<usize> {
        match self {
            Self::Ranks(n) => {
                let by_key = || key(label).ok().flatten().and_then(|key| key.parse().ok());
                let found = label.extract::<usize>().ok().or_else(by_key).filter(|at| at < n);
                found.map_or_else(|| unknown(what, label, &format!("items are 0 to {}", n - 1)), Ok)
            }
            Self::Named(labels) => {
                let py = label.py();
                let exact = labels.index.bind(py).get_item(label).map_err(|e| bad(what, e.value(py)))?;
                let found = match exact {
                    Some(at) => Some(at),
                    None => labels.keys.bind(py).get_item(label_key(label)?)?,
                };
                if let Some(at) = found {
                    return at.extract();
                }
                let array = labels.array.bind(py);
                let (first, last) = (plain(&array.get_item(0)?)?, plain(&array.get_item(array.len() - 1)?)?);
                unknown(what, label, &format!("{} items are known, {first} to {last}", array.len()))
            }
        }
    }

    /// The indices of an array of labels.
    pub(crate) fn indices(&self, what: &str, labels: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<usize>> {
        if let Self::Ranks(n) = self
            && (matches!(kind(labels), b'i' | b'u') || labels.is_empty())
        {
            let values = integers(what, labels)?;
            let index = |(row, &value): (usize, &i64)| {
                usize::try_from(value).ok().filter(|at| at < n).ok_or_else(|| {
                    bad(
                        format_args!("{what}[{row}]"),
                        format_args!("item {value} is unknown: items are 0 to {}", n - 1),
                    )
                })
            };
            return values.as_array().iter().enumerate().map(index).collect();
        }
        let list = labels.call_method0("ravel")?.call_method0("tolist")?.cast_into::<PyList>()?;
        list.iter().enumerate().map(|(row, label)| self.index(&format_args!("{what}[{row}]"), &label)).collect()
    }
}

fn unknown(what: &dyn std::fmt::Display, label: &Bound<'_, PyAny>, known: &str) -> PyResult<usize> {
    Err(bad(what, format_args!("item {} is unknown: {known}", plain(label)?)))
}

pub(crate) fn trials(py: Python<'_>, graph: &Graph) -> PyResult<Table> {
    let columns = || {
        let trials = graph.trials();
        with_pairs(trials.iter().map(|t| (t.first, t.second)))?
            .float("label", trials.iter().map(|t| t.label))?
            .float("weight", trials.iter().map(|t| t.weight))
    };
    Ok(Table::new(raise(py.detach(columns))?))
}

pub(crate) fn pairs(py: Python<'_>, graph: &Graph) -> PyResult<Table> {
    raise(check_pairs(graph.n_items(), "a table"))?;
    let columns = || -> Result<Columns, AnalysisError> {
        let classes = graph.classes()?;
        let rows: Vec<_> = classes.pairs().collect();
        Ok(with_pairs(rows.iter().map(|&(i, j, ..)| (i, j)))?
            .text("class", rows.iter().map(|(_, _, class, _)| class.name()))?
            .integer("label", rows.iter().map(|(.., label)| label.map(i64::from)))?
            .flag("trained", rows.iter().map(|&(i, j, ..)| classes.is_trained(i, j)))?)
    };
    Ok(Table::new(raise(py.detach(columns))?))
}

//! `ExchangeableKernel`: how pairs are represented, from a conjunctivity, orbit values, a measurement, or a network.

use caveat_analysis::AnalysisError;
use caveat_results::Table as Columns;
use caveat_theory::{
    Activation, ExchangeableKernel as Orbits, MeasuredKernel, NetworkKernel, NetworkKernelKind, RandomFeatures,
    RandomFeaturesEstimate, conjunctivity_by_depth as by_depth, memory,
};
use numpy::{PyArray1, PyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyType};
use serde::{Deserialize, Serialize};

use crate::arguments as arg;
use crate::arrays::{floats, matrix, ordered_pairs};
use crate::errors::{bad, raise};
use crate::graph::Items;
use crate::long;
use crate::table::Table;

/// Names of the six orbits, in the order of `from_orbits`.
const ORBITS: [&str; 6] = ["identical", "flipped", "same_first", "same_second", "crossed", "disjoint"];

/// More layers would take minutes, and α is 1 to eight digits long before.
const MAX_DEPTH: usize = 100_000_000;

/// An exchangeable kernel K((i, j), (k, l)) on ordered pairs: one value on each of six orbits of pairs of pairs.
///
/// With both presentation orders, only its conjunctivity α matters: 0 if pairs are represented item by item (additive), 1 if every
/// pair is represented on its own (conjunctive). The class methods make kernels from other sources.
///
/// Parameters
/// ----------
/// conjunctivity : float
///     α from 0 to 1. The kernel is the plainest with this α: one-hot items in separate positions and a feature per pair.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> kernel = caveat.ExchangeableKernel(conjunctivity=0.2)
/// >>> kernel.orbits["same_first"]
/// 0.4
/// >>> caveat.ExchangeableKernel.network("ntk", depth=3).conjunctivity
/// 0.539...
#[pyclass(frozen, module = "caveat")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExchangeableKernel {
    pub(crate) kernel: Orbits,
    origin: Origin,
}

/// Where a kernel comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Origin {
    Conjunctivity,
    Orbits,
    Matrix(MeasuredKernel),
    Network(NetworkKernel),
    RandomFeatures(RandomFeaturesEstimate),
}

fields! { ExchangeableKernel:
    /// The conjunctivity factor α.
    conjunctivity(self) -> f64 = self.kernel.conjunctivity();
    /// κ_id − κ_flip, which sets the scale of the ridge.
    scale(self) -> f64 = self.kernel.scale();
    /// Whether first and second position act alike.
    is_position_symmetric(self) -> bool = self.kernel.is_position_symmetric();
    /// The six orbit values by name.
    orbits(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> =
        ORBITS.into_iter().zip(self.kernel.orbits()).into_py_dict(py);
}

#[pymethods]
impl ExchangeableKernel {
    #[new]
    fn new(#[pyo3(from_py_with = arg::conjunctivity)] conjunctivity: f64) -> PyResult<Self> {
        let kernel = raise(Orbits::from_conjunctivity(conjunctivity))?;
        Ok(Self { kernel, origin: Origin::Conjunctivity })
    }

    /// A kernel from its six values: for the same pair; a pair and its reversal; a shared item in first position; in second
    /// position; in different positions; and for no shared item.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     A value that is not finite, or ``identical`` not above ``flipped``.
    ///
    /// Examples
    /// --------
    /// >>> caveat.ExchangeableKernel.from_orbits(1.0, 0.0, 0.4, 0.4, 0.0, 0.0).conjunctivity
    /// 0.19999999999999996
    #[classmethod]
    #[pyo3(signature = (identical, flipped, same_first, same_second, crossed, disjoint))]
    fn from_orbits(
        _class: &Bound<'_, PyType>,
        #[pyo3(from_py_with = arg::identical)] identical: f64,
        #[pyo3(from_py_with = arg::flipped)] flipped: f64,
        #[pyo3(from_py_with = arg::same_first)] same_first: f64,
        #[pyo3(from_py_with = arg::same_second)] same_second: f64,
        #[pyo3(from_py_with = arg::crossed)] crossed: f64,
        #[pyo3(from_py_with = arg::disjoint)] disjoint: f64,
    ) -> PyResult<Self> {
        let kernel = raise(Orbits::from_orbits([identical, flipped, same_first, same_second, crossed, disjoint]))?;
        Ok(Self { kernel, origin: Origin::Orbits })
    }

    /// The exchangeable kernel nearest to a measured one: hidden states, neural recordings, similarity judgments.
    ///
    /// Parameters
    /// ----------
    /// matrix : array of shape (P, P), or data frame
    ///     Similarities of the P = n(n−1) ordered pairs in lexicographic order: (0, 1), (0, 2), …, (1, 0), (1, 2), …. A frame may have
    ///     another order if its rows or columns name the pairs, as ``0_1`` or by levels ``first`` and ``second``.
    ///
    /// Returns
    /// -------
    /// ExchangeableKernel
    ///     Its ``info`` says how much of the matrix it explains.
    ///
    /// Examples
    /// --------
    /// >>> measured = caveat.ExchangeableKernel(0.3).matrix(5)
    /// >>> kernel = caveat.ExchangeableKernel.from_matrix(measured)
    /// >>> round(kernel.conjunctivity, 12), kernel.info["variance_explained"]
    /// (0.3, 1.0)
    #[classmethod]
    fn from_matrix(_class: &Bound<'_, PyType>, matrix: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (entries, side) = square("matrix", &in_order("matrix", matrix, None)?)?;
        let work = move || MeasuredKernel::project_square(&entries);
        let measured = long::run_unless(matrix.py(), side <= 1_000, "projection of a kernel", work)?;
        Ok(Self { kernel: measured.kernel, origin: Origin::Matrix(measured) })
    }

    /// The kernel of an infinitely wide network on one-hot pairs.
    ///
    /// Parameters
    /// ----------
    /// kind : {"nngp", "ntk"}
    ///     ``"nngp"`` if only the readout is trained, ``"ntk"`` if every weight is.
    /// depth : int
    ///     Number of hidden layers.
    /// activation : str
    ///     ``"relu"``, ``"linear"``, ``"abs"`` or ``"leaky:SLOPE"``.
    ///
    /// Examples
    /// --------
    /// >>> round(caveat.ExchangeableKernel.network("nngp", depth=1).conjunctivity, 6)
    /// 0.147155
    #[classmethod]
    #[pyo3(signature = (kind, depth, activation = "relu"))]
    fn network(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        #[pyo3(from_py_with = arg::kind)] kind: &str,
        #[pyo3(from_py_with = arg::depth)] depth: usize,
        #[pyo3(from_py_with = arg::activation)] activation: &str,
    ) -> PyResult<Self> {
        let network = NetworkKernel {
            activation: raise(activation.parse())?,
            depth: check_depth(depth)?,
            kind: raise(kind.parse())?,
        };
        let kernel = long::run_unless(py, depth <= 10_000, "kernel of a network", move || network.kernel())?;
        Ok(Self { kernel, origin: Origin::Network(network) })
    }

    /// The kernel of finite random networks on one-hot pairs, estimated by simulation.
    ///
    /// Parameters
    /// ----------
    /// depth : int
    ///     Number of hidden layers, at least 1.
    /// activation : str
    ///     As for `network`.
    /// width : int
    ///     Units of every hidden layer.
    /// n_items : int
    ///     Number of items whose ordered pairs are the inputs, at least 4.
    /// replicates : int
    ///     Number of independent networks.
    /// seed : int
    ///     The same seed gives the same result on any number of threads.
    /// progress : bool or callable
    ///     A bar after a second where someone can see it, or a function of (done, total).
    ///
    /// Examples
    /// --------
    /// >>> kernel = caveat.ExchangeableKernel.random_features(1, width=500, replicates=16, seed=7)
    /// >>> abs(kernel.conjunctivity - 0.147155) < 4 * kernel.info["standard_error"]
    /// True
    #[classmethod]
    #[pyo3(signature = (depth, activation = "relu", *, width = 10_000, n_items = 6, replicates = 32, seed = 0, progress = None))]
    #[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
    fn random_features(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        #[pyo3(from_py_with = arg::depth)] depth: usize,
        #[pyo3(from_py_with = arg::activation)] activation: &str,
        #[pyo3(from_py_with = arg::width)] width: usize,
        #[pyo3(from_py_with = arg::n_items)] n_items: usize,
        #[pyo3(from_py_with = arg::replicates)] replicates: usize,
        #[pyo3(from_py_with = arg::seed)] seed: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let settings =
            RandomFeatures { activation: raise(activation.parse())?, depth, width, n_items, replicates, seed };
        let estimate = long::run(py, "random networks", progress, move |steps| {
            steps.expect(replicates);
            settings.estimate(Some(&|_| steps.add(1)))
        })?;
        Ok(Self { kernel: estimate.kernel, origin: Origin::RandomFeatures(estimate) })
    }

    /// The kernel with the mean of first and second position for a shared item, so that both positions act alike; α stays the same.
    ///
    /// A measured kernel never treats both positions quite alike, which gradient flow and logistic regression need.
    ///
    /// Examples
    /// --------
    /// >>> kernel = caveat.ExchangeableKernel.from_orbits(1.0, 0.0, 0.5, 0.3, 0.0, 0.0)
    /// >>> kernel.symmetrized().orbits["same_first"], kernel.symmetrized().conjunctivity == kernel.conjunctivity
    /// (0.4, True)
    fn symmetrized(&self) -> Self {
        Self { kernel: self.kernel.symmetrized(), origin: Origin::Orbits }
    }

    /// Where the kernel comes from, and how good it is.
    ///
    /// For a measured matrix: ``n_items``, ``variance_explained`` and ``entry_variance_explained`` (shares from 0 to 1 of its
    /// centered norm and of its entries' variance), ``asymmetry``, ``smallest_eigenvalue``, ``precision`` (of its numbers, such as
    /// ``"float32"``) and ``is_definite`` up to rounding in that precision. For a network its settings. For random features the
    /// settings, the ``standard_error`` of α, and α of every replicate.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let info = PyDict::new(py);
        match &self.origin {
            Origin::Conjunctivity => info.set_item("origin", "conjunctivity")?,
            Origin::Orbits => info.set_item("origin", "orbits")?,
            Origin::Matrix(m) => {
                info.set_item("origin", "matrix")?;
                info.set_item("n_items", m.n_items)?;
                info.set_item("variance_explained", m.variance_explained)?;
                info.set_item("entry_variance_explained", m.entry_variance_explained)?;
                info.set_item("asymmetry", m.asymmetry)?;
                info.set_item("smallest_eigenvalue", m.smallest_eigenvalue)?;
                info.set_item("precision", m.precision.name())?;
                info.set_item("is_definite", m.is_definite)?;
            }
            Origin::Network(network) => {
                info.set_item("origin", "network")?;
                info.set_item("kind", network.kind.to_string())?;
                info.set_item("depth", network.depth)?;
                info.set_item("activation", network.activation.to_string())?;
            }
            Origin::RandomFeatures(e) => {
                info.set_item("origin", "random_features")?;
                info.set_item("depth", e.settings.depth)?;
                info.set_item("activation", e.settings.activation.to_string())?;
                info.set_item("width", e.settings.width)?;
                info.set_item("n_items", e.settings.n_items)?;
                info.set_item("replicates", e.settings.replicates)?;
                info.set_item("seed", e.settings.seed)?;
                info.set_item("standard_error", e.standard_error)?;
                info.set_item("replicate_conjunctivities", PyArray1::from_slice(py, &e.replicate_conjunctivities))?;
            }
        }
        Ok(info)
    }

    /// The eigenvalues on the ordered pairs of ``n_items`` items, with their multiplicities.
    fn eigenvalues(&self, #[pyo3(from_py_with = arg::n_items)] n_items: usize) -> PyResult<Table> {
        check_items(n_items)?;
        let all = self.kernel.eigenvalues(n_items);
        let columns = || {
            Columns::new()
                .text("subspace", all.iter().map(|e| e.subspace.name()))?
                .float("eigenvalue", all.iter().map(|e| e.value))?
                .integer("multiplicity", all.iter().map(|e| e.multiplicity as i64))
        };
        Ok(Table::new(raise(columns())?))
    }

    /// Whether the kernel is positive semidefinite on the ordered pairs of ``n_items`` items, up to rounding.
    fn is_definite(&self, #[pyo3(from_py_with = arg::n_items)] n_items: usize) -> PyResult<bool> {
        check_items(n_items)?;
        Ok(self.kernel.check_definite(n_items).is_ok())
    }

    /// The full matrix over the n(n−1) ordered pairs in lexicographic order, an array of shape (P, P).
    fn matrix<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = arg::n_items)] n_items: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        /// The matrix of so many items has 8 GB.
        const MOST: usize = 180;
        check_items(n_items)?;
        if n_items > MOST {
            return Err(bad(
                "n_items",
                format_args!("{n_items} items make a matrix too large for memory: at most {MOST}"),
            ));
        }
        let side = |n: f64| n * (n - 1.0);
        let fits = |free: f64| format!("that of {:.0} items would fit", (free / 8.0).powf(0.25));
        let bytes = 8.0 * side(n_items as f64).powi(2);
        raise(memory::check(bytes, || format!("the matrix over all ordered pairs of {n_items} items"), fits))?;
        let kernel = self.kernel;
        let entries = py.detach(move || {
            let all: Vec<(usize, usize)> = ordered_pairs(n_items).collect();
            all.iter().flat_map(|&p| all.iter().map(move |&q| kernel.value(p, q))).collect::<Vec<f64>>()
        });
        matrix(py, entries, n_items * (n_items - 1))
    }

    fn __repr__(&self) -> String {
        let alpha = self.kernel.conjunctivity();
        match &self.origin {
            Origin::Conjunctivity => format!("ExchangeableKernel(conjunctivity={alpha:?})"),
            Origin::Orbits => {
                let values: Vec<String> = self.kernel.orbits().iter().map(|v| format!("{v:?}")).collect();
                format!("ExchangeableKernel.from_orbits({})", values.join(", "))
            }
            Origin::Matrix(m) => {
                format!("<ExchangeableKernel of a matrix over {} items, conjunctivity {alpha:.6}>", m.n_items)
            }
            Origin::Network(n) => format!("ExchangeableKernel.network('{}', {}, '{}')", n.kind, n.depth, n.activation),
            Origin::RandomFeatures(e) => format!(
                "<ExchangeableKernel of random features, depth {}, conjunctivity {alpha:.6} ± {:.6}>",
                e.settings.depth, e.standard_error
            ),
        }
    }
}

impl ExchangeableKernel {
    /// The simulation behind a kernel of random features.
    pub(crate) fn estimate(&self) -> Option<&RandomFeaturesEstimate> {
        match &self.origin {
            Origin::RandomFeatures(estimate) => Some(estimate),
            _ => None,
        }
    }
}

/// α of infinitely wide networks with 0, 1, …, ``max_depth`` hidden layers.
///
/// Parameters
/// ----------
/// kind, activation
///     As for `ExchangeableKernel.network`.
/// max_depth : int
///     The largest depth.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> caveat.conjunctivity_by_depth("nngp", 2).round(6)
/// array([0.      , 0.147155, 0.248721])
#[pyfunction]
#[pyo3(signature = (kind, max_depth, activation = "relu"))]
pub(crate) fn conjunctivity_by_depth<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = arg::kind)] kind: &str,
    #[pyo3(from_py_with = arg::max_depth)] max_depth: usize,
    #[pyo3(from_py_with = arg::activation)] activation: &str,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (activation, kind): (Activation, NetworkKernelKind) = (raise(activation.parse())?, raise(kind.parse())?);
    let max_depth = check_depth(max_depth)?;
    let work = move || Ok::<_, AnalysisError>(by_depth(activation, kind, max_depth));
    Ok(PyArray1::from_vec(py, long::run_unless(py, max_depth <= 10_000, "conjunctivity by depth", work)?))
}

/// The kernel that a computation takes.
pub(crate) enum Kernel {
    Exchangeable(ExchangeableKernel),
    /// Entries over ordered pairs, row-major.
    Matrix(Vec<f64>),
}

impl Kernel {
    /// Reads the argument `what`, an `ExchangeableKernel` or a matrix over ordered pairs.
    pub(crate) fn parse(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(kernel) = value.cast::<ExchangeableKernel>() {
            return Ok(Self::Exchangeable(kernel.get().clone()));
        }
        if value.extract::<f64>().is_ok() || value.is_instance_of::<pyo3::types::PyString>() || value.is_none() {
            let got = value.repr()?;
            return Err(PyTypeError::new_err(format!(
                "{what}: expected an ExchangeableKernel or a matrix over ordered pairs, got {got}; a conjunctivity alone is \
                 ExchangeableKernel(conjunctivity=…)"
            )));
        }
        Ok(Self::Matrix(square(what, value)?.0))
    }
}

/// A matrix over ordered pairs, brought into the lexicographic order of `items` if its rows or columns are named.
pub(crate) fn in_order<'py>(
    what: &str,
    value: &Bound<'py, PyAny>,
    items: Option<&Items>,
) -> PyResult<Bound<'py, PyAny>> {
    // Only a matrix may have labels.
    if value.is_exact_instance_of::<ExchangeableKernel>() {
        return Ok(value.clone());
    }
    let py = value.py();
    let items = items.map(|items| items.array(py)).transpose()?;
    py.import("caveat._named")?.call_method1("over_pairs", (what, value, items))
}

/// The entries of a square matrix, row-major, and its side.
fn square(what: &str, value: &Bound<'_, PyAny>) -> PyResult<(Vec<f64>, usize)> {
    let array = floats(what, value)?;
    match *array.shape() {
        [rows, columns] if rows == columns => Ok((array.as_array().iter().copied().collect(), rows)),
        _ => Err(bad(
            what,
            format_args!("expected a square matrix over ordered pairs, got the shape {:?}", array.shape()),
        )),
    }
}

fn check_depth(depth: usize) -> PyResult<usize> {
    if depth > MAX_DEPTH {
        return Err(bad("depth", format_args!("{depth} is too deep: at most {MAX_DEPTH}")));
    }
    Ok(depth)
}

fn check_items(n_items: usize) -> PyResult<()> {
    if n_items < 2 {
        return raise(Err(caveat_theory::TheoryError::TooFewItems(n_items)));
    }
    Ok(())
}

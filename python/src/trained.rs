//! What a learner is trained on, a task or a graph, as an argument.

use caveat_theory::{ComparisonGraph as Graph, TransitiveTask as Task};
use pyo3::prelude::*;

use crate::arguments::wrong;
use crate::graph::{ComparisonGraph, Items};
use crate::task::TransitiveTask;

/// What may be trained: a task or a graph. Clones share the comparisons.
#[derive(Debug, Clone)]
pub(crate) enum Trained {
    Task(Task),
    Graph(Graph),
}

impl Trained {
    /// Reads the argument `what`, a `TransitiveTask` or a `ComparisonGraph`, with its labels.
    pub(crate) fn parse(what: &str, value: &Bound<'_, PyAny>) -> PyResult<(Self, Items)> {
        if let Ok(task) = value.cast::<TransitiveTask>() {
            let task = &task.get().task;
            return Ok((Self::Task(task.clone()), Items::Ranks(task.n_items())));
        }
        if let Ok(graph) = value.cast::<ComparisonGraph>() {
            let graph = graph.get();
            return Ok((Self::Graph(graph.graph.clone()), graph.items.clone()));
        }
        Err(wrong(what, "a TransitiveTask or a ComparisonGraph", value))
    }

    pub(crate) fn graph(&self) -> &Graph {
        match self {
            Self::Task(task) => task.graph(),
            Self::Graph(graph) => graph,
        }
    }

    /// As the theory takes it.
    pub(crate) fn borrow(&self) -> caveat_theory::Trained<'_> {
        match self {
            Self::Task(task) => caveat_theory::Trained::Task(task),
            Self::Graph(graph) => caveat_theory::Trained::Graph(graph),
        }
    }
}

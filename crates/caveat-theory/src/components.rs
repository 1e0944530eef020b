//! Centering of item values on the connected components of a comparison graph.

use crate::comparison_graph::ComparisonGraph;

/// The connected components of a comparison graph.
pub(crate) struct Components {
    /// Number of every item's component.
    of: Vec<u32>,
    /// Items in every component.
    sizes: Vec<f64>,
}

impl Components {
    pub(crate) fn new(graph: &ComparisonGraph) -> Self {
        let of = graph.components();
        let mut sizes = vec![0.0; of.iter().max().map_or(0, |&c| c as usize + 1)];
        for &c in &of {
            sizes[c as usize] += 1.0;
        }
        Self { of, sizes }
    }

    /// How many there are: the dimension of the Laplacian's null space, which is constant on each.
    pub(crate) fn count(&self) -> usize {
        self.sizes.len()
    }

    /// Number of an item's component.
    pub(crate) fn component_of(&self, item: usize) -> usize {
        self.of[item] as usize
    }

    /// Subtracts every component's mean.
    pub(crate) fn center(&self, x: &mut [f64]) {
        let mut sums = vec![0.0; self.sizes.len()];
        for (x, &c) in x.iter().zip(&self.of) {
            sums[c as usize] += x;
        }
        for (x, &c) in x.iter_mut().zip(&self.of) {
            *x -= sums[c as usize] / self.sizes[c as usize];
        }
    }
}

//! Centering of item values on the connected components of a comparison graph.

use crate::comparison_graph::ComparisonGraph;

/// The connected components of a comparison graph.
pub(crate) struct Components {
    /// The component of every item, by number.
    pub(crate) component: Vec<u32>,
    /// Items in every component.
    sizes: Vec<f64>,
}

impl Components {
    pub(crate) fn new(graph: &ComparisonGraph) -> Self {
        let component = graph.components();
        let mut sizes = vec![0.0; component.iter().max().map_or(0, |&c| c as usize + 1)];
        component.iter().for_each(|&c| sizes[c as usize] += 1.0);
        Self { component, sizes }
    }

    /// Their number: the dimension of the null space of the Laplacian, whose vectors are constant on each.
    pub(crate) fn count(&self) -> usize {
        self.sizes.len()
    }

    /// Subtracts every component's mean.
    pub(crate) fn center(&self, x: &mut [f64]) {
        let mut sums = vec![0.0; self.sizes.len()];
        x.iter().zip(&self.component).for_each(|(x, &c)| sums[c as usize] += x);
        for (x, &c) in x.iter_mut().zip(&self.component) {
            *x -= sums[c as usize] / self.sizes[c as usize];
        }
    }
}

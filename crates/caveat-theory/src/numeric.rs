//! What several routes and fits compute with: vectors, roots, minima, sums, and the sigmoid.

pub(crate) mod compensated;
pub(crate) mod minimum;
pub(crate) mod roots;
pub(crate) mod sigmoid;
pub(crate) mod vectors;

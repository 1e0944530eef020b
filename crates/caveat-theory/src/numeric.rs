//! What several routes and fits compute with: vectors, linear systems, roots, minima, sums, and the sigmoid.

pub(crate) mod cholesky;
pub(crate) mod compensated;
pub(crate) mod eigen;
pub(crate) mod minimum;
pub(crate) mod roots;
pub(crate) mod sigmoid;
pub(crate) mod vectors;

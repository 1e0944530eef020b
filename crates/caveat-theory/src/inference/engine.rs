//! The two ways to a fit: a closed profile over the screening for ridge regression's margins, and surfaces for everything else.
//!
//! The first is exact and fast; the second takes any learner, likelihood and fixed parameter. Each tests the other.

pub(crate) mod profile;
pub(crate) mod surface;

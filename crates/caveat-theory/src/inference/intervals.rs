//! Intervals of a fit's parameters: by the profile of each engine, over clusters, and by resampling them.

pub(crate) mod bootstrap;
pub(crate) mod clusters;
pub(crate) mod likelihood;
pub(crate) mod profile;
pub(crate) mod resample;

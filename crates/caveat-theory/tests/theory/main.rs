//! The theory from outside, in one test program: routes against each other, and the coverage of intervals, which is slow.

mod calibration_posterior;
mod coverage_choices;
mod coverage_clusters;
mod coverage_margins;
mod coverage_populations;
mod routes;

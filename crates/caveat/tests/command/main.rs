//! The command as it is used, in one test program: linking one for each file would take minutes.

#[path = "../common/helpers.rs"]
mod common;

mod bad_files;
mod bad_input;
mod choices;
mod contract;
mod damaged;
mod design;
mod files;
mod fit;
mod hierarchical;
mod intervals;
mod measured;
mod own_results;
mod posterior;
mod published;
mod rank;
mod reproduce;
mod results_check;
mod results_convert;
mod results_summary;
mod robustness;
mod spellings;
mod tasks;
mod trial_tables;
#[cfg(not(feature = "lm"))]
mod without_language_models;

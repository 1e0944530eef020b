//! `caveat lm` as it is used, in one test program.

#[path = "../common/helpers.rs"]
mod common;

mod elsewhere;
mod geometry;
mod gguf;
mod interrupted;
mod lm;
mod models;
mod run;
mod saved;
mod score;
mod stimuli;
mod sweep;
mod weights;

//! `caveat lm`: geometry always works; the other subcommands need a program built with the feature `lm`.

#[cfg(not(feature = "lm"))]
mod absent;
pub(crate) mod geometry;
#[cfg(feature = "lm")]
mod laboratory;

#[cfg(not(feature = "lm"))]
pub(crate) use absent::run;
#[cfg(feature = "lm")]
pub(crate) use laboratory::run;

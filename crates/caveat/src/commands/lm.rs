//! `caveat lm`: what runs have kept, always; models themselves where the program was built with them, with feature `lm`.

#[cfg(not(feature = "lm"))]
mod absent;
pub(crate) mod geometry;
#[cfg(feature = "lm")]
mod laboratory;

#[cfg(not(feature = "lm"))]
pub(crate) use absent::run;
#[cfg(feature = "lm")]
pub(crate) use laboratory::run;

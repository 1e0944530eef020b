//! Decoder-only transformers (Llama, Qwen2, Qwen3) over packed prompts, on any device of the framework.

mod decoder;
mod fused;
mod layer;
mod linear;
mod operations;
mod rotary;

pub use decoder::LanguageModel;
pub(crate) use layer::{Layer, Part};
pub(crate) use linear::{Adapter, Linear};
pub(crate) use operations::{Sequence, cross_entropy, rms_norm};
pub(crate) use rotary::RotaryTables;

//! Decoder-only transformers (Llama, Qwen2, Qwen3) over packed prompts, on any device of the framework.

mod decoder;
mod fused;
mod layer;
mod linear;
mod operations;
mod rotary;

pub use decoder::LanguageModel;
pub(crate) use layer::Layer;
pub(crate) use linear::{Adapter, Linear, Part};
pub(crate) use operations::{Sequence, product, rms_norm, transposed_product};
pub(crate) use rotary::{RotaryTables, llama3_factor};

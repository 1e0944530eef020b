//! The weights of a model, read tensor by tensor from safetensors or GGUF files.
//!
//! Nothing is memory-mapped: headers are read and checked when a file is opened, tensors when they are requested. Sizes in headers
//! are checked against the size of the file before anything is allocated.

mod blocks;
mod element;
pub(crate) mod gguf;
mod safetensors;
mod tensor_file;
mod tensors;

pub(crate) use self::gguf::{GgufFile, gguf_weights};
pub(crate) use self::safetensors::{INDEX, SINGLE, open_safetensors, open_weights_folder};
pub use self::tensors::Weights;

//! Reads GGUF files, which hold metadata and tensors of a model: versions 2 and 3, little-endian.
//!
//! Layout: magic, version, numbers of tensors and of metadata; the metadata, each a key, a type and a value; the tensors' names,
//! dimensions (fastest first), types and offsets; padding; the tensors, each at a multiple of the alignment.
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod header;
mod metadata;
mod reader;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(test)]
pub(crate) mod writer;

pub(crate) use self::header::GgufFile;
pub(crate) use self::metadata::Metadata;
pub(crate) use self::weights::{ROPE_FREQUENCIES, gguf_weights};

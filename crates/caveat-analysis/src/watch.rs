//! How a face learns how far the work is.

use caveat_results::Progress;

use crate::error::AnalysisError;

/// Who watches the work.
pub trait Watch: Sync {
    /// Begins a piece of work of `total` steps, in a few words; 0 where their number is not known yet.
    fn begin(&self, total: u64, what: &'static str) -> Box<dyn Work + '_>;
}

/// A piece of work that is watched; it ends when dropped. Threads may tell of it at once.
pub trait Work: Send + Sync {
    /// Counts steps done.
    fn advance(&self, steps: u64);

    /// Says how many steps of how many are done.
    fn reach(&self, done: u64, total: u64);
}

/// Reads trial tables while `watch` is told of the rows.
pub(crate) fn reading<T>(
    watch: &dyn Watch,
    read: impl FnOnce(Progress<'_>) -> caveat_results::Result<T>,
) -> Result<T, AnalysisError> {
    let work = watch.begin(1, "reading trial tables");
    Ok(read(&|done, total| work.reach(done, total))?)
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: u64, _: &'static str) -> Box<dyn Work + '_> {
        Box::new(Self)
    }
}

impl Work for Unwatched {
    fn advance(&self, _: u64) {}

    fn reach(&self, _: u64, _: u64) {}
}

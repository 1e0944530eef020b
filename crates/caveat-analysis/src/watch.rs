//! How a face learns about the progress of the work.

use caveat_results::Progress;
use rayon::prelude::*;

use crate::error::Result;

/// Someone who watches the work.
pub trait Watch: Sync {
    /// Begins a piece of work of `total` steps, described in a few words; 0 steps where their number is not known yet.
    fn begin(&self, total: u64, what: &'static str) -> Box<dyn Work + '_>;
}

/// A piece of work that is watched, until it is dropped. Several threads may report its progress at once.
pub trait Work: Send + Sync {
    /// Counts further steps as done.
    fn advance(&self, steps: u64);

    /// Sets the number of steps done, and of all steps.
    fn reach(&self, done: u64, total: u64);

    /// Says in a few words what a person should see while the work goes on.
    fn remark(&self, _words: &str) {}
}

/// Reads trial tables and reports the rows to `watch`.
pub(crate) fn reading<T>(watch: &dyn Watch, read: impl FnOnce(Progress<'_>) -> caveat_results::Result<T>) -> Result<T> {
    let work = watch.begin(1, "reading trial tables");
    Ok(read(&|done, total| work.reach(done, total))?)
}

/// Does the same with every item, in parallel, and reports each to `watch`.
pub(crate) fn in_parallel<T, U: Send>(
    items: impl IntoParallelIterator<Item = T, Iter: IndexedParallelIterator>,
    watch: &dyn Watch,
    what: &'static str,
    answer: impl Fn(T) -> Result<U> + Sync + Send,
) -> Result<Vec<U>> {
    let items = items.into_par_iter();
    let work = watch.begin(items.len() as u64, what);
    let answer = |item| {
        let answer = answer(item);
        work.advance(1);
        answer
    };
    items.map(answer).collect()
}

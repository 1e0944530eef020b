//! Reports the progress of a fetch to its caller, who can also cancel it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::{LmError, Result};
use crate::lease::wait;

/// What is being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FetchStep {
    /// Waiting for another process that is fetching the same model.
    Waiting,
    /// Receiving bytes over the network.
    Downloading,
    /// Computing the checksum of bytes that are already there.
    Checking,
    /// Extracting the model from its archive.
    Unpacking,
}

/// How far a fetch has got with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchProgress {
    /// What is being done.
    pub step: FetchStep,
    /// The file, without folders; the model's name while waiting.
    pub file: String,
    /// Bytes of the file done so far, including those of earlier attempts.
    pub bytes: u64,
    /// Size of the file in bytes, if known.
    pub bytes_total: Option<u64>,
}

/// Time between two reports on one file.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The caller's two callbacks, the first limited to about ten reports a second.
pub(super) struct Watch<'a> {
    progress: &'a (dyn Fn(&FetchProgress) + Sync),
    cancelled: &'a (dyn Fn() -> bool + Sync),
    reported: Cell<Option<Instant>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(progress: &'a (dyn Fn(&FetchProgress) + Sync), cancelled: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { progress, cancelled, reported: Cell::new(None) }
    }

    /// The first report of a step on a file, passed on at once.
    pub(super) fn begin(&self, step: FetchStep, file: &str, bytes: u64, bytes_total: Option<u64>) {
        self.reported.set(None);
        self.report(step, file, bytes, bytes_total);
    }

    /// A further report, passed on if the last one is old enough or the file is complete.
    pub(super) fn report(&self, step: FetchStep, file: &str, bytes: u64, bytes_total: Option<u64>) {
        let now = Instant::now();
        let due = self.reported.get().is_none_or(|last| now.duration_since(last) >= REPORT_INTERVAL);
        if due || bytes_total == Some(bytes) {
            self.reported.set(Some(now));
            (self.progress)(&FetchProgress { step, file: file.to_owned(), bytes, bytes_total });
        }
    }

    /// An error if the caller has cancelled the fetch.
    pub(super) fn check(&self) -> Result<()> {
        if (self.cancelled)() { Err(LmError::Interrupted) } else { Ok(()) }
    }

    /// Sleeps; returns an error within 50 ms of a cancellation.
    pub(super) fn pause(&self, duration: Duration) -> Result<()> {
        wait(duration, self.cancelled)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn reports_in_quick_succession_are_reduced_to_the_first_and_the_last() {
        let seen = Mutex::new(Vec::new());
        let progress = |p: &FetchProgress| seen.lock().expect("no panic while it is held").push(p.bytes);
        let watch = Watch::new(&progress, &|| false);
        let start = Instant::now();
        watch.begin(FetchStep::Downloading, "f", 0, Some(1000));
        (1..=1000).for_each(|bytes| watch.report(FetchStep::Downloading, "f", bytes, Some(1000)));
        let intervals = start.elapsed().as_millis() / REPORT_INTERVAL.as_millis();
        let seen = seen.into_inner().expect("no panic while it was held");
        assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&1000)));
        assert!(seen.len() as u128 <= 2 + intervals, "{} reports", seen.len());
    }

    #[test]
    fn a_pause_ends_when_the_caller_wants_an_end() {
        let start = Instant::now();
        let cancelled = || start.elapsed() > Duration::from_millis(20);
        let watch = Watch::new(&|_| {}, &cancelled);
        assert!(matches!(watch.pause(Duration::from_secs(60)), Err(LmError::Interrupted)));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

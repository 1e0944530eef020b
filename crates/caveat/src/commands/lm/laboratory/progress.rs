//! Progress bars of fetching, runs and sweeps.

use indicatif::{MultiProgress, ProgressBar};

use crate::progress::styled;

/// A bar over so many bytes.
pub(super) fn bytes(total: u64, what: &str) -> ProgressBar {
    let template = "{msg:40} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}/{duration}";
    styled(ProgressBar::new(total), template, what)
}

/// Two bars, one below the other, over all and over the part that is being worked on.
pub(super) fn of_all_and_part(total: u64, what: &str) -> (MultiProgress, ProgressBar, ProgressBar) {
    let both = MultiProgress::new();
    let all = both.add(ProgressBar::new(total));
    let part = both.add(ProgressBar::new(1));
    (both, styled(all, LONG, what), styled(part, LONG, ""))
}

/// Of bars whose message is long.
const LONG: &str = "{msg:44} {bar:24} {human_pos}/{human_len} {elapsed}/{duration}";

/// A bar over the stages of one run, the messages of which are long.
pub(super) fn of_stages() -> ProgressBar {
    styled(ProgressBar::new(1), LONG, "")
}

//! Progress bars on standard error, shown only to a person: nothing is drawn when it is not a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A bar over `total` steps, or a spinner for 0.
pub(crate) fn bar(total: u64, what: &str) -> ProgressBar {
    let template = if total == 0 {
        "{spinner} {msg} {elapsed}"
    } else {
        "{msg:28} {bar:32} {human_pos}/{human_len} {elapsed}/{duration}"
    };
    let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
    styled(bar, template, what)
}

/// A bar over so many bytes.
pub(crate) fn bytes(total: u64, what: &str) -> ProgressBar {
    let template = "{msg:40} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}/{duration}";
    styled(ProgressBar::new(total), template, what)
}

/// Two bars, one below the other, over all and over the part that is being worked on.
pub(crate) fn of_all_and_part(total: u64, what: &str) -> (MultiProgress, ProgressBar, ProgressBar) {
    let both = MultiProgress::new();
    let all = both.add(ProgressBar::new(total));
    let part = both.add(ProgressBar::new(1));
    (both, styled(all, LONG, what), styled(part, LONG, ""))
}

/// Of bars whose message is long.
const LONG: &str = "{msg:44} {bar:24} {human_pos}/{human_len} {elapsed}/{duration}";

/// A bar over the stages of one run, the messages of which are long.
pub(crate) fn of_stages() -> ProgressBar {
    styled(ProgressBar::new(1), LONG, "")
}

fn styled(bar: ProgressBar, template: &str, what: &str) -> ProgressBar {
    // The templates here are well formed; a bar in the default style would do as well.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

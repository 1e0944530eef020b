//! Progress bars on standard error, shown only to a person: nothing is drawn when it is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

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

/// A bar that is drawn as `template` says.
pub(crate) fn styled(bar: ProgressBar, template: &str, what: &str) -> ProgressBar {
    // The templates here are well formed; a bar in the default style would do as well.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

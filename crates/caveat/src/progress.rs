//! Progress bars on standard error, drawn only if it is a terminal.

use std::time::Duration;

use caveat_analysis::{Watch, Work};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar for every piece of work.
pub(crate) struct Bars;

impl Watch for Bars {
    fn begin(&self, total: u64, what: &'static str) -> Box<dyn Work + '_> {
        Box::new(Shown(bar(total, what), what))
    }
}

/// A bar that is shown until it is dropped.
struct Shown(ProgressBar, &'static str);

impl Work for Shown {
    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    fn reach(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    fn remark(&self, words: &str) {
        self.0.set_message(format!("{}, {words}", self.1));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

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
    // All templates are valid; otherwise the default style would do.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

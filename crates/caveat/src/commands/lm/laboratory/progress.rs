//! Progress bars of fetching, runs and sweeps.

use caveat_lm::RunProgress;
use caveat_results::Phase;
use indicatif::{MultiProgress, ProgressBar};

use crate::progress::styled;
use crate::tell::tell;

/// A bar that shows the stages of a run: loading, answering, training with its loss, answering again.
pub(super) struct Stages {
    bar: ProgressBar,
    stage: Option<Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Loading,
    Answering(Phase),
    Training,
}

impl Stages {
    pub(super) fn new() -> Self {
        Self::on(styled(ProgressBar::new(1), LONG, ""))
    }

    /// Stages on an existing bar.
    pub(super) fn on(bar: ProgressBar) -> Self {
        Self { bar, stage: None }
    }

    /// Shows how many of the weights of a model have been read.
    pub(super) fn loading(&mut self, model: &str, done: u64, total: u64) {
        if self.show(Stage::Loading, done, total) {
            self.bar.set_message(format!("loading {model}"));
        }
    }

    /// Shows the progress of a run.
    pub(super) fn run(&mut self, progress: &RunProgress) {
        match *progress {
            RunProgress::Answering { phase, done, total } => {
                if self.show(Stage::Answering(phase), done as u64, total as u64) {
                    let when = if phase == Phase::Pre { "before" } else { "after" };
                    self.bar.set_message(format!("answering {when} training"));
                }
            }
            RunProgress::Training(step) => {
                self.show(Stage::Training, step.step as u64, step.steps as u64);
                self.bar.set_message(format!("training, loss {:.4}", step.loss));
            }
        }
    }

    /// Starts another run.
    pub(super) fn begin(&mut self) {
        self.stage = None;
    }

    /// Prints a line above the bar.
    pub(super) fn tell(&self, text: &str) {
        self.bar.suspend(|| tell(text));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Moves the bar; returns whether a new stage starts.
    fn show(&mut self, stage: Stage, done: u64, total: u64) -> bool {
        let begins = self.stage.replace(stage) != Some(stage);
        if begins {
            self.bar.set_length(total);
            self.bar.reset();
        }
        self.bar.set_position(done);
        begins
    }
}

/// A bar over `total` bytes.
pub(super) fn bytes(total: u64, what: &str) -> ProgressBar {
    let template = "{msg:40} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}/{duration}";
    styled(ProgressBar::new(total), template, what)
}

/// Two bars, one below the other: over all parts, and over the current one.
pub(super) fn of_all_and_part(total: u64, what: &str) -> (MultiProgress, ProgressBar, ProgressBar) {
    let both = MultiProgress::new();
    let all = both.add(ProgressBar::new(total));
    let part = both.add(ProgressBar::new(1));
    (both, styled(all, LONG, what), styled(part, LONG, ""))
}

/// Template of bars with long messages.
const LONG: &str = "{msg:44} {bar:24} {human_pos}/{human_len} {elapsed}/{duration}";

//! The progress of a run: loading, answering, training with its loss, answering again, on one bar.

use caveat_lm::RunProgress;
use caveat_results::Phase;
use indicatif::ProgressBar;

use super::progress;
use crate::tell::tell;

/// A bar that begins anew with every stage.
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
        Self::on(progress::of_stages())
    }

    /// On a bar that is there.
    pub(super) fn on(bar: ProgressBar) -> Self {
        Self { bar, stage: None }
    }

    /// The numbers of a model that have been read.
    pub(super) fn loading(&mut self, model: &str, done: u64, total: u64) {
        if self.show(Stage::Loading, done, total) {
            self.bar.set_message(format!("loading {model}"));
        }
    }

    /// A run goes on.
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

    /// Another run begins.
    pub(super) fn begin(&mut self) {
        self.stage = None;
    }

    /// A line above the bar.
    pub(super) fn tell(&self, text: &str) {
        self.bar.suspend(|| tell(text));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Moves the bar; whether a stage begins.
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

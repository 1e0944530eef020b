//! Fine-tuning: the methods full, LoRA and probe, with optimizers and schedules.

mod fine_tune;
mod lora;
mod optimizer;
mod probe;
mod readout;
mod schedule;
mod settings;
mod step;

pub use fine_tune::{Example, StepReport, fine_tune};
pub use optimizer::OptimizerKind;
pub use schedule::{Decay, Schedule};
pub use settings::{LoraModule, LoraSettings, Method, MethodKind, TrainingSettings};

#[cfg(test)]
pub(crate) use {fine_tune::train, step::backpropagate};

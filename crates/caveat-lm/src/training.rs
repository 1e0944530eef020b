//! Fine-tuning: the methods full, LoRA and probe, with optimizers and schedules.

mod fine_tune;
mod lora;
mod optimizer;
mod readout;
mod settings;
mod step;

pub use fine_tune::{Example, StepReport, fine_tune};
pub use optimizer::OptimizerKind;
pub use settings::{Decay, LoraModule, LoraSettings, Method, MethodKind, Schedule, TrainingSettings};

#[cfg(test)]
pub(crate) use {fine_tune::train, step::backpropagate};

//! Fine-tuning: methods full, LoRA and probe, optimizers and schedules.

mod fine_tune;
mod lora;
mod optimizer;
mod probe;
mod readout;
mod schedule;
mod settings;
mod step;

#[cfg(test)]
pub(crate) use fine_tune::train;
pub use fine_tune::{Example, StepReport, fine_tune};
pub(crate) use optimizer::Optimizer;
pub use optimizer::OptimizerKind;
pub use schedule::{Decay, Schedule};
pub use settings::{LoraModule, LoraSettings, Method, TrainingSettings};
pub(crate) use step::{Trainable, backpropagate, update};

//! A laboratory for language models on ordered relations with exceptions: stimuli, models, fine-tuning, hidden states.

mod checkpoint;
mod checksum;
mod config;
mod device;
mod error;
mod evaluation;
mod fetch;
mod file_kind;
mod geometry;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_smollm2;
mod lease;
mod model;
mod model_files;
mod registry;
mod run;
mod score;
pub mod stimuli;
mod sweep;
mod tokenizer;
mod training;
mod trie;
mod vector;
mod weights;

pub use checkpoint::{AdapterSummary, BaseModel, TrainedOn, load_adapter, save_adapter, save_model};
pub use config::{Architecture, ModelConfig, RopeScaling};
pub use device::{Device, device};
pub use error::{LmError, Result};
pub use evaluation::{AnswerTokens, Answered, answers};
pub use fetch::{FetchProgress, FetchStep, FetchedModel, Trust, cache_directory, cached, fetch};
pub use geometry::{
    BehaviorFit, Geometry, GeometryPair, KernelGeometry, KernelPredictions, MAX_ITEMS as MAX_GEOMETRY_ITEMS,
    MarginPrediction, Metric, geometry,
};
pub use lease::Holder;
pub use model::LanguageModel;
pub use model_files::{ModelFiles, open_model};
pub use registry::{FetchedFrom, HubSource, REGISTRY, RegistryEntry, WheelSource, find, names};
pub use run::{
    Claim, ClaimedFolder, ClassSummary, Finish, Judgment, LoadedModel, OptimizerName, PerformedRun, RunProgress,
    RunRecord, RunResults, RunSeconds, RunSettings, RunSummary, Spelling, TrainingOptions, claim, differences_from,
    is_finished, perform, weights_sha256,
};
pub use score::{ScoreLine, answer_tokens, check_labels, read_prompts, score};
pub use sweep::{
    FAILURES, ModelSource, Outcome, Sweep, SweepEvent, SweepModel, SweepOptions, SweepReport, SweepRun, item_set,
    run_sweep,
};
pub use tokenizer::Tokenizer;
pub use training::{
    Decay, Example, LoraModule, LoraSettings, Method, MethodKind, OptimizerKind, Schedule, StepReport,
    TrainingSettings, fine_tune,
};
pub use weights::Weights;

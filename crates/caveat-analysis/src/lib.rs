//! What a person asks of `caveat`, as typed requests and outcomes. A face builds a request and shows the outcome.
//!
//! | asked | here |
//! |---|---|
//! | ranks, margins and accuracy of a learner on a task | [`predict`] |
//! | fits, predictions, comparisons, populations of trial tables or of choices | [`fit`] |
//! | tasks ranked by what they tell about the conjunctivity | [`design`] |
//! | trial tables described and checked | [`summarize`], [`placements`], [`check`] |
//! | figures of the theory and of language models | [`figure`], [`phase`] |
//! | all of it on one page | [`Report`] |
//!
//! Nothing is printed here, and only a [`Report`] is written. A [`Watch`] learns about progress. Errors, notes and warnings name
//! arguments in ⟨brackets⟩, which each face spells its own way ([`caveat_results::spell_arguments`]).

mod design;
mod error;
mod figure;
mod fit;
mod phase;
mod predict;
mod report;
mod short;
mod task;
mod trials;
mod watch;

pub use design::{design, design_table};
pub use error::{AnalysisError, Result, choice};
pub use figure::{FigureName, FigureRequest, figure};
pub use fit::{ByColumn, ChoiceRequest, ClusterColumn, FitLoss, FitOutcome, FitRequest, fit};
pub use phase::{phase, phase_table};
pub use predict::{KernelChoice, PredictOutcome, PredictRequest, check_pairs, predict};
pub use report::{LanguageModels, Report};
pub use short::short;
pub use task::{MAX_ITEMS, PlainTask, task_table};
pub use trials::{Told, check, placement_table, placements, summarize};
pub use watch::{Watch, Work};

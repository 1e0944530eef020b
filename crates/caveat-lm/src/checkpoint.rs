//! Fine-tuned models and adapters on disk, in the formats of Transformers and PEFT.
//!
//! Either side can read what the other writes. A folder appears under its name when it is complete, or not at all.

mod adapter;
mod adapter_config;
mod folder;
mod model;
mod model_config;
mod tensors;

use crate::model::LanguageModel;
use crate::training::LoraModule;

pub use adapter::{AdapterSummary, BaseModel, TrainedOn, load_adapter, save_adapter};
pub use model::save_model;

impl LoraModule {
    /// The name within a layer: "self_attn.q_proj" and so on.
    fn path(self) -> String {
        let block = match self {
            Self::QProj | Self::KProj | Self::VProj | Self::OProj => "self_attn",
            Self::GateProj | Self::UpProj | Self::DownProj => "mlp",
        };
        format!("{block}.{}", self.name())
    }
}

/// Every matrix that can have an adapter: the number of its layer, its module, and its name in Hugging Face's models.
fn matrices(model: &LanguageModel) -> impl Iterator<Item = (usize, LoraModule, String)> {
    (0..model.layers.len()).flat_map(|layer| {
        LoraModule::ALL
            .into_iter()
            .map(move |module| (layer, module, format!("model.layers.{layer}.{}", module.path())))
    })
}

#[cfg(test)]
mod tests;

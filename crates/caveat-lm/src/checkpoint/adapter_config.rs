//! adapter_config.json as PEFT writes and reads it: plain LoRA is read, everything else is refused by name.
//!
//! Source: <https://github.com/huggingface/peft>, `src/peft/tuners/lora/config.py` and `tuners_utils.py` of version 0.21.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{LmError, Result, quoted};
use crate::file_kind::json_object;

/// Fields that do not change what an adapter computes: origins, versions, and how it was initialized and trained.
const WITHOUT_EFFECT: [&str; 15] = [
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "inference_mode",
    "init_lora_weights",
    "loftq_config",
    "lora_dropout",
    "lora_ga_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// Fields that are read.
const READ: [&str; 6] = ["bias", "lora_alpha", "peft_type", "r", "target_modules", "task_type"];

/// Initializations that leave the model's own weights as they are. PiSSA, OLoRA, CorDA and others change those weights, and an
/// adapter trained that way belongs to the changed ones.
const INITIAL_VALUES: [&str; 4] = ["gaussian", "orthogonal", "eva", "mica"];

/// What adapter_config.json says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AdapterConfig {
    pub(super) rank: usize,
    /// lora_alpha; the update is scaled by alpha / rank.
    pub(super) alpha: f64,
    pub(super) targets: Targets,
    /// The model it was trained on: a name on the hub, or a path.
    pub(super) base_model: Option<String>,
    /// The commit of that model on the hub.
    pub(super) revision: Option<String>,
}

/// Which matrices are adapted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Targets {
    /// All matrices of every layer ("all-linear").
    All,
    /// Matrices whose name is one of these, or ends in "." and one of these.
    Named(Vec<String>),
}

impl Targets {
    /// Whether `name` covers the matrix called `full`, as in "model.layers.0.self_attn.q_proj".
    fn covers(name: &str, full: &str) -> bool {
        full.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// Whether the matrix called `full` is adapted.
    pub(super) fn include(&self, full: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| Self::covers(name, full)),
        }
    }

    /// The first name that covers none of `all`.
    pub(super) fn unknown<'a>(&'a self, all: &[String]) -> Option<&'a str> {
        match self {
            Self::All => None,
            Self::Named(names) => {
                names.iter().map(String::as_str).find(|name| !all.iter().any(|full| Self::covers(name, full)))
            }
        }
    }
}

impl AdapterConfig {
    /// Reads the text of a file; `path` is for messages. A field, known or not, that asks for more than plain LoRA is an error.
    pub(super) fn from_json(text: &[u8], path: &Path) -> Result<Self> {
        parse(&json_object(text, path)?).map_err(|problem| LmError::bad_file(path, problem))
    }

    /// The text of the file.
    pub(super) fn to_json(&self) -> String {
        let whole = self.alpha.fract() == 0.0 && self.alpha.abs() < 1e15;
        let fields = json!({
            "alpha_pattern": {},
            "auto_mapping": null,
            "base_model_name_or_path": self.base_model,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "layers_pattern": null,
            "layers_to_transform": null,
            // PEFT declares a whole number but takes any.
            "lora_alpha": if whole { json!(self.alpha as i64) } else { json!(self.alpha) },
            "lora_dropout": 0.0,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": self.rank,
            "rank_pattern": {},
            "revision": self.revision,
            "target_modules": match &self.targets {
                Targets::All => json!("all-linear"),
                Targets::Named(names) => json!(names),
            },
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": false,
        });
        format!("{fields:#}\n")
    }
}

fn parse(fields: &Map<String, Value>) -> std::result::Result<AdapterConfig, String> {
    let get = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let wrong = |name: &str, expected: &str| match get(name) {
        Some(value) => format!("{name} is {}: expected {expected}", shown(value)),
        None => format!("{name} is absent: expected {expected}"),
    };
    if get("peft_type").and_then(Value::as_str) != Some("LORA") {
        return Err(wrong("peft_type", "LORA, the only kind of adapter that is read"));
    }
    if get("task_type").is_some_and(|task| task.as_str() != Some("CAUSAL_LM")) {
        return Err(wrong("task_type", "CAUSAL_LM"));
    }
    if get("bias").is_some_and(|bias| bias.as_str() != Some("none")) {
        return Err(wrong("bias", "none"));
    }
    match get("init_lora_weights") {
        None | Some(Value::Bool(_)) => {}
        Some(Value::String(way)) if INITIAL_VALUES.contains(&way.as_str()) => {}
        Some(_) => return Err(wrong("init_lora_weights", "a way that leaves the model's own weights as they are")),
    }
    // An unknown field may change what is computed, so it must be switched off.
    for (name, value) in fields {
        let is_off = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Bool(true) | Value::Number(_) => false,
        };
        if !is_off && !READ.contains(&name.as_str()) && !WITHOUT_EFFECT.contains(&name.as_str()) {
            return Err(format!("{name} is {}: expected none of it, as in plain LoRA", shown(value)));
        }
    }
    let rank = get("r").and_then(Value::as_u64).and_then(|r| usize::try_from(r).ok()).filter(|&r| r > 0);
    let rank = rank.ok_or_else(|| wrong("r", "a whole number of at least 1"))?;
    let alpha = get("lora_alpha").and_then(Value::as_f64).filter(|alpha| alpha.is_finite());
    let alpha = alpha.ok_or_else(|| wrong("lora_alpha", "a number"))?;
    let expected = "a list of matrices' names, as q_proj, or all-linear (a pattern is not read)";
    let targets = match get("target_modules") {
        Some(Value::String(all)) if all == "all-linear" => Targets::All,
        Some(Value::Array(list)) if !list.is_empty() => {
            let name = |value: &Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
            let names: Option<Vec<String>> = list.iter().map(name).collect();
            Targets::Named(names.ok_or_else(|| wrong("target_modules", expected))?)
        }
        _ => return Err(wrong("target_modules", expected)),
    };
    let base_model = get("base_model_name_or_path").and_then(Value::as_str).map(str::to_owned);
    let revision = get("revision").and_then(Value::as_str).map(str::to_owned);
    Ok(AdapterConfig { rank, alpha, targets, base_model, revision })
}

/// A value as it appears in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PEFT 0.21 writes, with changes.
    fn read(changes: Value) -> Result<AdapterConfig> {
        let mut fields = json!({
            "alora_invocation_tokens": null, "alpha_pattern": {}, "base_model_name_or_path": "org/name", "bias": "none",
            "exclude_modules": null, "inference_mode": true, "init_lora_weights": true, "loftq_config": {}, "lora_alpha": 8,
            "lora_bias": false, "lora_dropout": 0.1, "megatron_core": "megatron.core", "peft_type": "LORA",
            "peft_version": "0.21.2", "qalora_group_size": 16, "r": 4, "rank_pattern": {}, "target_modules": ["q_proj"],
            "task_type": "CAUSAL_LM", "use_dora": false, "use_rslora": false
        });
        for (name, value) in changes.as_object().unwrap() {
            fields[name] = value.clone();
        }
        AdapterConfig::from_json(fields.to_string().as_bytes(), Path::new("adapter_config.json"))
    }

    #[test]
    fn what_peft_writes_is_read() {
        let expected = AdapterConfig {
            rank: 4,
            alpha: 8.0,
            targets: Targets::Named(vec!["q_proj".to_owned()]),
            base_model: Some("org/name".to_owned()),
            revision: None,
        };
        assert_eq!(read(json!({})).unwrap(), expected);
        // Training's own matters, and fields of other versions that are switched off.
        let harmless =
            json!({"lora_dropout": 0.5, "init_lora_weights": "gaussian", "a_later_field": null, "another": {}});
        assert_eq!(read(harmless).unwrap(), expected);
        let all = read(json!({"target_modules": "all-linear", "lora_alpha": 2.5, "task_type": null})).unwrap();
        assert_eq!((all.targets, all.alpha), (Targets::All, 2.5));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (alpha, targets) in [
            (16.0, Targets::Named(vec!["q_proj".to_owned(), "model.layers.0.mlp.up_proj".to_owned()])),
            (0.75, Targets::All),
        ] {
            let config = AdapterConfig { rank: 3, alpha, targets, base_model: None, revision: Some("0f".to_owned()) };
            let text = config.to_json();
            assert_eq!(AdapterConfig::from_json(text.as_bytes(), Path::new("c")).unwrap(), config);
            assert_eq!(text.contains("\"lora_alpha\": 16,"), alpha == 16.0);
        }
    }

    #[test]
    fn what_is_not_plain_lora_is_refused_by_the_name_of_its_field() {
        for (changes, says) in [
            (json!({"peft_type": "IA3"}), "peft_type is \"IA3\": expected LORA"),
            (json!({"peft_type": null}), "peft_type is absent"),
            (json!({"task_type": "SEQ_CLS"}), "task_type is \"SEQ_CLS\": expected CAUSAL_LM"),
            (json!({"use_rslora": true}), "use_rslora is true"),
            (json!({"use_dora": true}), "use_dora is true"),
            (json!({"bias": "lora_only"}), "bias is \"lora_only\": expected none"),
            (json!({"lora_bias": true}), "lora_bias is true"),
            (json!({"fan_in_fan_out": true}), "fan_in_fan_out is true"),
            (json!({"modules_to_save": ["lm_head"]}), "modules_to_save is a list of 1"),
            (json!({"rank_pattern": {"q_proj": 8}}), "rank_pattern is an object"),
            (json!({"alpha_pattern": {"q_proj": 8}}), "alpha_pattern is an object"),
            (json!({"layers_to_transform": [0]}), "layers_to_transform is a list of 1"),
            (json!({"layers_to_transform": 0}), "layers_to_transform is 0"),
            (json!({"layer_replication": [[0, 1]]}), "layer_replication"),
            (json!({"exclude_modules": "k_proj"}), "exclude_modules is \"k_proj\""),
            (json!({"trainable_token_indices": [1]}), "trainable_token_indices"),
            (json!({"alora_invocation_tokens": [1]}), "alora_invocation_tokens"),
            (json!({"init_lora_weights": "pissa"}), "init_lora_weights is \"pissa\""),
            (json!({"of_the_future": {"x": 1}}), "of_the_future is an object"),
            (json!({"r": 0}), "r is 0: expected a whole number"),
            (json!({"r": 2.5}), "r is 2.5"),
            (json!({"r": null}), "r is absent"),
            (json!({"lora_alpha": "8"}), "lora_alpha is \"8\""),
            (json!({"target_modules": ".*_proj"}), "target_modules is \".*_proj\": expected a list"),
            (json!({"target_modules": []}), "target_modules is a list of 0"),
            (json!({"target_modules": ["q_proj", 3]}), "target_modules is a list of 2"),
            (json!({"target_modules": null}), "target_modules is absent"),
        ] {
            let message = read(changes).unwrap_err().to_string();
            assert!(message.contains(says) && message.starts_with("adapter_config.json: "), "{message:?} not {says:?}");
        }
        for text in ["", "[]", "{", "null", "{\"r\": 1e999}"] {
            assert!(AdapterConfig::from_json(text.as_bytes(), Path::new("c")).is_err(), "{text}");
        }
    }

    #[test]
    fn names_cover_matrices_by_whole_parts() {
        let full = "model.layers.0.self_attn.q_proj";
        for (name, covers) in [
            ("q_proj", true),
            ("self_attn.q_proj", true),
            (full, true),
            ("proj", false),
            ("k_proj", false),
            ("0", false),
        ] {
            let targets = Targets::Named(vec![name.to_owned()]);
            assert_eq!(targets.include(full), covers, "{name}");
            assert_eq!(targets.unknown(&[full.to_owned()]), (!covers).then_some(name));
        }
    }
}

//! Finds what a file of results says about its run, at any depth, by keys that mean the model, the task, the seed or the training.

use std::fmt;

use serde_json::{Map, Value};

use crate::words::has_word;

/// What a key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Model,
    Task,
    Hier,
    Seed,
    Reverse,
    /// Training, as a word.
    Method,
    /// Something that may tell about training, among other things.
    Hint,
    /// Whether all weights were trained.
    Full,
    /// Whether there was an adapter.
    Adapter,
    /// Whether training was in a way for which there is no setting.
    Other,
    LoraR,
    LoraAlpha,
    L2Reg,
}

/// One thing that a file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) about: About,
    /// The path of keys, as in `config.peft.r`.
    pub(super) key: String,
    pub(super) value: Value,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 80;
        let value = self.value.to_string();
        match value.char_indices().nth(MOST) {
            Some((end, _)) => write!(f, "{} {}…", self.key, &value[..end]),
            None => write!(f, "{} {value}", self.key),
        }
    }
}

/// Everything that an object says, at any depth.
pub(super) fn said(record: &Map<String, Value>) -> Vec<Said> {
    let mut all = Vec::new();
    walk(record, "", None, &mut all);
    all
}

fn walk(object: &Map<String, Value>, place: &str, parent: Option<About>, all: &mut Vec<Said>) {
    let is_adapter = parent == Some(About::Adapter) || object.keys().any(|key| plain(key) == "pefttype");
    for (key, value) in object {
        let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        // Flattened records have keys like training.method and peft/r.
        let (mut parent, mut last) = (parent, key.as_str());
        if let Some((above, below)) = key.rsplit_once(['.', '/']) {
            parent = about(&plain(above.rsplit(['.', '/']).next().unwrap_or(above)), parent, is_adapter);
            last = below;
        }
        let about = about(&plain(last), parent, is_adapter || parent == Some(About::Adapter));
        // With null, a key does not apply.
        if let Some(about) = about.filter(|_| !value.is_null()) {
            all.push(Said { about, key: place.clone(), value: value.clone() });
        }
        // Objects within that of an adapter are about the adapter.
        below(value, &place, about.or(is_adapter.then_some(About::Adapter)), all);
    }
}

fn below(value: &Value, place: &str, parent: Option<About>, all: &mut Vec<Said>) {
    match value {
        Value::Object(object) => walk(object, place, parent, all),
        Value::Array(values) => {
            for (k, value) in values.iter().enumerate().filter(|(_, value)| value.is_object() || value.is_array()) {
                below(value, &format!("{place}[{k}]"), parent, all);
            }
        }
        _ => {}
    }
}

/// The letters and digits of a name, in lower case: `peft_type`, `--peft-type` and `peftType` are the same.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Plain keys by what they are about.
const KEYS: [(About, &str); 13] = [
    (
        About::Model,
        "model modelname modelid modelnameorpath basemodel basemodelname basemodelnameorpath pretrainedmodel pretrainedmodelname \
         pretrainedmodelnameorpath hfmodel llm",
    ),
    (About::Task, "task taskname"),
    (About::Hier, "hier hiername hierarchy hierarchyname"),
    (About::Seed, "seed randomseed runseed"),
    (About::Reverse, "reverse"),
    (
        About::Method,
        "method methodname setting finetuningtype finetunetype finetunemethod finetuningmethod tuning tuningmethod tuningtype \
         traintype trainingtype trainmethod trainingmethod trainmode trainingmode ftmethod fttype pefttype peftmethod adaptertype \
         quantmethod quantizationmethod",
    ),
    (
        About::Hint,
        "training train trainer finetuning finetune adaptation approach regime precision dtype weightdtype modeldtype",
    ),
    (About::Full, "full fullfinetune fullfinetuning fullft usefull"),
    (
        About::Adapter,
        "lora uselora islora enablelora loraenabled peft usepeft adapter useadapter adapters loraconfig loraargs loraparams \
         peftconfig adapterconfig loramodules loratargetmodules loratarget adaptername adapterpath lorapath loraweights peftmodelid",
    ),
    (
        About::Other,
        "qlora useqlora dora usedora rslora userslora ia3 loadin4bit loadin8bit loadinkbit use4bit use8bit 4bit 8bit quant \
         quanttype quantization quantizationtype quantize quantized quantizationbit quantbits quantizationconfig bnbconfig \
         bitsandbytes bnb4bitquanttype bits wbits nbits",
    ),
    (About::LoraR, "lorar lorarank loradim"),
    (About::LoraAlpha, "loraalpha"),
    (About::L2Reg, "l2reg l2penalty l2lambda"),
];

/// What a plain key is about, given what the key above it is about and whether it is in the object of an adapter.
fn about(key: &str, parent: Option<About>, is_adapter: bool) -> Option<About> {
    if let Some((about, _)) = KEYS.into_iter().find(|(_, keys)| has_word(keys, key)) {
        return Some(about);
    }
    match key {
        "r" | "rank" if is_adapter => Some(About::LoraR),
        "alpha" if is_adapter => Some(About::LoraAlpha),
        "type" | "kind" if is_adapter => Some(About::Method),
        "type" | "kind" => parent.filter(|about| matches!(about, About::Method | About::Hint)),
        "name" => parent.filter(|about| *about != About::Adapter),
        "id" | "value" => parent,
        _ => None,
    }
}

/// Whether a value says that something was used.
pub(super) fn is_on(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => {
            !matches!(text.trim().to_lowercase().as_str(), "" | "none" | "null" | "false" | "no" | "off" | "0")
        }
        Value::Array(values) => !values.is_empty(),
        Value::Object(object) => object.values().any(is_on),
    }
}

/// The number that a value is or holds as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_found_at_any_depth_and_in_any_spelling() {
        let find = |value: Value| -> Vec<(About, String)> {
            said(value.as_object().unwrap()).into_iter().map(|said| (said.about, said.to_string())).collect()
        };
        for (value, about, shown) in [
            (json!({"method": "qlora"}), About::Method, "method \"qlora\""),
            (json!({"a": {"b": [{"peftType": "LORA"}]}}), About::Method, "a.b[0].peftType \"LORA\""),
            (json!({"peft": {"r": 16}}), About::LoraR, "peft.r 16"),
            (json!({"x": {"peft_type": null, "r": 16}}), About::LoraR, "x.r 16"),
            (json!({"hparams": {"--lora-r": "8"}}), About::LoraR, "hparams.--lora-r \"8\""),
            (json!({"peft/r": 4}), About::LoraR, "peft/r 4"),
            (json!({"train.method": "dora"}), About::Method, "train.method \"dora\""),
            (json!({"model": {"name": "qwen"}}), About::Model, "model.name \"qwen\""),
            (json!({"method": {"value": "qlora", "desc": null}}), About::Method, "method.value \"qlora\""),
            (
                json!({"cfg": {"quantization_config": {"load_in_4bit": true}}}),
                About::Other,
                "cfg.quantization_config.load_in_4bit true",
            ),
            (json!({"metadata": {"seed": 7}}), About::Seed, "metadata.seed 7"),
            (json!({"training": {"type": "qlora"}}), About::Hint, "training.type \"qlora\""),
        ] {
            assert!(find(value.clone()).contains(&(about, shown.to_owned())), "{value}: {:?}", find(value.clone()));
        }
        for value in [
            json!({"lr": 1e-4, "rank": 3, "r": 2, "name": "run7", "type": "x", "alpha": 0.3, "model_path": "/a/b"}),
            json!({"method": null, "optimizer": {"name": "adamw", "type": "y"}, "losses": [1, 2, 3], "task_type": "CAUSAL_LM"}),
        ] {
            assert_eq!(find(value), []);
        }
    }

    #[test]
    fn values_say_whether_something_was_used() {
        for (value, on) in [
            (json!({"load_in_4bit": false, "llm_int8_threshold": null}), false),
            (json!({"r": 8}), true),
            (json!("None"), false),
            (json!("nf4"), true),
            (json!([]), false),
            (json!(0), false),
        ] {
            assert_eq!(is_on(&value), on, "{value}");
        }
    }
}

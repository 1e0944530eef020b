//! Reads a model's configuration from `config.json`, as Transformers 4 and 5 write it.
//!
//! Fields that change what a model computes are either understood or refused by name; the rest is ignored. Absent fields have the
//! defaults of Transformers' classes. Source: <https://github.com/huggingface/transformers>, `configuration_llama.py`,
//! `configuration_qwen2.py`, `configuration_qwen3.py` and `modeling_rope_utils.py` of version 5.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Architecture, ModelConfig, RopeScaling};
use crate::error::{LmError, Result, quoted};
use crate::file_kind::json_object;

const SUPPORTED: &str = "llama (LlamaForCausalLM), qwen2 (Qwen2ForCausalLM) or qwen3 (Qwen3ForCausalLM)";
const DEFAULT_ROPE_THETA: f64 = 10_000.0;

/// Fields of models that derive from these families but compute something different. Transformers' classes of the families ignore
/// them, so a file that has one is not what its model_type says.
const OF_OTHERS: [&str; 25] = [
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logits_soft_cap",
    "query_pre_attn_scalar",
    "attention_multiplier",
    "clip_qkv",
    "num_experts",
    "num_local_experts",
    "n_routed_experts",
    "num_experts_per_tok",
    "use_qk_norm",
    "qk_norm",
    "qk_layernorm",
    "no_rope_layers",
    "no_rope_layer_interval",
    "rope_interleaved",
    "rope_interleave",
    "alibi",
    "use_alibi",
    "use_parallel_residual",
    "parallel_attn",
    "cross_attention_layers",
    "attn_temperature_tuning",
    "use_bidirectional_attention",
    "num_nextn_predict_layers",
];

/// Factors of Granite, MiniCPM, Cohere and others.
const FACTORS: [&str; 9] = [
    "embedding_multiplier",
    "residual_multiplier",
    "logits_scaling",
    "logit_scale",
    "scale_emb",
    "embed_scale",
    "output_multiplier_scale",
    "rotary_pct",
    "rope_ratio",
];

impl ModelConfig {
    /// Reads `config.json`; `path` is for messages.
    pub(crate) fn from_json(text: &[u8], path: &Path) -> Result<Self> {
        let bad = |problem: String| LmError::bad_file(path, problem);
        let fields = json_object(text, path)?;
        let config = parse(&Fields { prefix: "", map: &fields }).map_err(bad)?;
        config.problem().map_or(Ok(config), |problem| Err(bad(problem)))
    }
}

fn parse(fields: &Fields) -> std::result::Result<ModelConfig, String> {
    let architecture = architecture(fields)?;
    let llama = architecture == Architecture::Llama;
    refuse_unsupported(fields, architecture)?;

    let hidden_size = fields.size("hidden_size")?;
    let num_attention_heads = fields.size("num_attention_heads")?;
    // Qwen's classes have the number of one particular model as default here, so an absent field is more likely damage.
    let num_key_value_heads = match fields.optional_size("num_key_value_heads")? {
        Some(heads) => heads,
        None if llama || fields.is_null("num_key_value_heads") => num_attention_heads,
        None => return Err("num_key_value_heads is absent: expected the number of key and value heads".to_owned()),
    };
    let head_dim = match fields.optional_size("head_dim")? {
        Some(head_dim) => head_dim,
        None if architecture == Architecture::Qwen3 => 128,
        None if num_attention_heads > 0 && hidden_size.is_multiple_of(num_attention_heads) => {
            hidden_size / num_attention_heads
        }
        None => {
            return Err(format!(
                "head_dim is absent and num_attention_heads ({num_attention_heads}) does not divide hidden_size ({hidden_size})"
            ));
        }
    };
    let longest = if llama { 2048 } else { 32_768 };
    let max_position_embeddings = fields.optional_size("max_position_embeddings")?.unwrap_or(longest);
    let (rope_theta, rope_scaling) = rotary(fields, max_position_embeddings)?;
    // Qwen2 always has these biases, and no such field.
    let attention_bias = architecture == Architecture::Qwen2 || fields.flag("attention_bias")?;
    Ok(ModelConfig {
        architecture,
        vocab_size: fields.size("vocab_size")?,
        hidden_size,
        intermediate_size: fields.size("intermediate_size")?,
        num_hidden_layers: fields.size("num_hidden_layers")?,
        num_attention_heads,
        num_key_value_heads,
        head_dim,
        rms_norm_eps: fields.number("rms_norm_eps")?.unwrap_or(1e-6),
        rope_theta,
        rope_scaling,
        max_position_embeddings,
        tie_word_embeddings: fields.flag("tie_word_embeddings")?,
        attention_bias,
        attention_output_bias: attention_bias && architecture != Architecture::Qwen2,
        mlp_bias: llama && fields.flag("mlp_bias")?,
    })
}

fn architecture(fields: &Fields) -> std::result::Result<Architecture, String> {
    let class = match fields.get("architectures") {
        None => None,
        Some(Value::Array(classes)) if classes.iter().all(Value::is_string) => classes.first().and_then(Value::as_str),
        Some(other) => return Err(format!("architectures is {}: expected a list of names", shown(other))),
    };
    let model_type = fields.text("model_type")?;
    let known = Architecture::ALL.into_iter().find(|family| match model_type {
        Some(model_type) => model_type == family.name(),
        None => class == Some(family.class()),
    });
    match (known, model_type, class) {
        (Some(known), _, Some(class)) if class != known.class() => {
            Err(format!("architectures is {}: expected {}, as model_type says", quoted(class), known.class()))
        }
        (Some(known), ..) => Ok(known),
        (None, Some(model_type), _) => Err(format!("model_type is {}: expected {SUPPORTED}", quoted(model_type))),
        (None, None, Some(class)) => Err(format!("architectures is {}: expected {SUPPORTED}", quoted(class))),
        (None, None, None) => Err(format!("neither model_type nor architectures is given: expected {SUPPORTED}")),
    }
}

/// Refuses what would make the model compute something different.
fn refuse_unsupported(fields: &Fields, architecture: Architecture) -> std::result::Result<(), String> {
    for name in ["hidden_act", "hidden_activation", "activation_function"] {
        match fields.text(name)? {
            None | Some("silu" | "swish") => {}
            Some(other) => return Err(format!("{name} is {}: expected silu", quoted(other))),
        }
    }
    if fields.get("quantization_config").is_some() {
        return Err("quantization_config is given: expected weights that are not quantized".to_owned());
    }
    // Qwen's files state the width of a window even if it is switched off.
    if architecture == Architecture::Llama {
        if let Some(window) = fields.get("sliding_window") {
            return Err(format!("sliding_window is {}: expected none", shown(window)));
        }
    } else if fields.flag("use_sliding_window")? {
        return Err("use_sliding_window is true: expected false".to_owned());
    }
    match fields.get("layer_types") {
        None => {}
        Some(Value::Array(types)) if types.iter().all(|kind| kind == "full_attention") => {}
        Some(_) => return Err("layer_types has a layer that is not full_attention: expected no other".to_owned()),
    }
    for name in OF_OTHERS {
        if let Some(value) = fields.get(name).filter(|value| !is_off(value)) {
            return Err(format!("{name} is {}: expected none", shown(value)));
        }
    }
    // A factor of one does nothing.
    for name in FACTORS {
        if let Some(value) = fields.get(name).filter(|value| value.as_f64() != Some(1.0)) {
            return Err(format!("{name} is {}: expected 1", shown(value)));
        }
    }
    if fields.get("is_causal").is_some_and(|value| value == false) {
        return Err("is_causal is false: expected attention to what came before".to_owned());
    }
    Ok(())
}

/// Whether a value switches a feature off.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(_) | Value::Bool(true) => false,
    }
}

/// The base and the scaling of the rotary frequencies. Transformers 4 has `rope_theta` and `rope_scaling`; Transformers 5 has both
/// in `rope_parameters`.
fn rotary(fields: &Fields, longest: usize) -> std::result::Result<(f64, Option<RopeScaling>), String> {
    let none = Map::new();
    let mut rope = Fields { prefix: "", map: &none };
    for (name, prefix) in [("rope_parameters", "rope_parameters."), ("rope_scaling", "rope_scaling.")] {
        match fields.get(name) {
            None => {}
            Some(Value::Object(map)) if map.is_empty() => {}
            Some(Value::Object(map)) => rope = Fields { prefix, map },
            Some(other) => return Err(format!("{name} is {}: expected an object", shown(other))),
        }
    }
    if let Some((name, _)) = rope.map.iter().find(|(_, value)| value.is_object()) {
        return Err(format!("{}{name} is an object: expected the same rotary embedding for all layers", rope.prefix));
    }
    for place in [fields, &rope] {
        if let Some(part) = place.number("partial_rotary_factor")?.filter(|part| *part != 1.0) {
            return Err(format!("{}partial_rotary_factor is {part}: expected 1", place.prefix));
        }
    }
    let theta = match rope.number("rope_theta")? {
        Some(theta) => theta,
        None => fields.number("rope_theta")?.unwrap_or(DEFAULT_ROPE_THETA),
    };
    let kind = match rope.text("rope_type")? {
        Some(kind) => kind,
        None => rope.text("type")?.unwrap_or("default"),
    };
    let scaling = match kind {
        "default" => None,
        "llama3" => {
            let required = |name: &str| {
                rope.number(name)?.ok_or_else(|| format!("{}{name} is absent: llama3 needs it", rope.prefix))
            };
            let original = match fields.number("original_max_position_embeddings")? {
                Some(original) => original,
                None => rope.number("original_max_position_embeddings")?.unwrap_or(longest as f64),
            };
            Some(RopeScaling::Llama3 {
                factor: required("factor")?,
                low_freq_factor: required("low_freq_factor")?,
                high_freq_factor: required("high_freq_factor")?,
                original_max_position_embeddings: original,
            })
        }
        other => return Err(format!("{}rope_type is {}: expected default or llama3", rope.prefix, quoted(other))),
    };
    Ok((theta, scaling))
}

/// The fields of an object; null counts as absent.
struct Fields<'a> {
    /// Precedes a name in messages.
    prefix: &'static str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    fn size(&self, name: &str) -> std::result::Result<usize, String> {
        self.optional_size(name)?.ok_or_else(|| format!("{}{name} is absent: expected a whole number", self.prefix))
    }

    fn optional_size(&self, name: &str) -> std::result::Result<Option<usize>, String> {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        self.typed(name, "a whole number, not negative", size)
    }

    fn number(&self, name: &str) -> std::result::Result<Option<f64>, String> {
        self.typed(name, "a number", Value::as_f64)
    }

    /// A flag, false if it is absent.
    fn flag(&self, name: &str) -> std::result::Result<bool, String> {
        self.typed(name, "true or false", Value::as_bool).map(Option::unwrap_or_default)
    }

    fn text(&self, name: &str) -> std::result::Result<Option<&'a str>, String> {
        self.typed(name, "text", Value::as_str)
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> std::result::Result<Option<T>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || format!("{}{name} is {}: expected {expected}", self.prefix, shown(value));
        convert(value).map(Some).ok_or_else(wrong)
    }
}

/// A value as it appears in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;

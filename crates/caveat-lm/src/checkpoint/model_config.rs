//! config.json of a saved model, as Transformers 4 and 5 and this program read it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::{Architecture, ModelConfig, RopeScaling};
use crate::error::{LmError, Result};
use crate::file_kind::json_object;
use crate::model::llama3_factor;

/// The constants of Llama 3's interpolation in all its models: low and high frequency factor, context length of pre-training.
const LLAMA3: [f64; 3] = [1.0, 4.0, 8192.0];

/// The text of config.json for a model in f32. The fields of `source`, the config.json that the model was read from, if there is one,
/// are kept, except those on how weights are stored and tied.
pub(super) fn config_json(config: &ModelConfig, source: Option<&Path>) -> Result<String> {
    let mut fields = match source {
        Some(path) => {
            let text = fs::read(path).map_err(|e| LmError::read(path, e))?;
            json_object(&text, path)?
        }
        None => {
            described(config).map_err(|problem| LmError::invalid(format!("the model cannot be saved: {problem}")))?
        }
    };
    for (name, value) in [
        ("architectures", json!([config.architecture.class()])),
        ("model_type", json!(config.architecture)),
        ("tie_word_embeddings", json!(config.tie_word_embeddings)),
        // The names in Transformers 5 and in earlier versions.
        ("dtype", json!("float32")),
        ("torch_dtype", json!("float32")),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Ok(format!("{:#}\n", Value::Object(fields)))
}

/// The fields of a model that comes without a config.json.
fn described(config: &ModelConfig) -> std::result::Result<Map<String, Value>, String> {
    let (llama, qwen2) = (config.architecture == Architecture::Llama, config.architecture == Architecture::Qwen2);
    // One field stands for all four attention matrices, except in Qwen2, which has no such field and biases on three of them.
    let biases = (config.attention_bias, config.attention_output_bias);
    if biases != if qwen2 { (true, false) } else { (config.attention_bias, config.attention_bias) } {
        return Err("it has biases on some matrices of attention only: config.json cannot say that".to_owned());
    }
    if config.mlp_bias && !llama {
        return Err(
            "it has biases in its feed-forward layers: config.json cannot say that of this architecture".to_owned()
        );
    }
    let mut rope = Map::from_iter([
        ("rope_theta".to_owned(), json!(config.rope_theta)),
        ("rope_type".to_owned(), json!("default")),
    ]);
    if let Some(scaling) = &config.rope_scaling {
        let [factor, low, high, original] = llama3(scaling, config)?;
        // Transformers requires a whole number of tokens.
        let original = if original.fract() == 0.0 { json!(original as u64) } else { json!(original) };
        for (name, value) in [
            ("rope_type", json!("llama3")),
            ("factor", json!(factor)),
            ("low_freq_factor", json!(low)),
            ("high_freq_factor", json!(high)),
            ("original_max_position_embeddings", original),
        ] {
            rope.insert(name.to_owned(), value);
        }
    }
    let mut fields = json!({
        "attention_dropout": 0.0,
        "bos_token_id": null,
        "eos_token_id": null,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": config.num_key_value_heads,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_parameters": rope,
        // Before Transformers 5, this field and rope_scaling stood in place of rope_parameters.
        "rope_theta": config.rope_theta,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    });
    if config.rope_scaling.is_some() {
        fields["rope_scaling"] = fields["rope_parameters"].clone();
    }
    if !qwen2 {
        fields["attention_bias"] = json!(config.attention_bias);
    }
    if llama {
        fields["mlp_bias"] = json!(config.mlp_bias);
    } else {
        fields["use_sliding_window"] = json!(false);
    }
    let Value::Object(fields) = fields else { return Ok(Map::new()) };
    Ok(fields)
}

/// Llama 3's interpolation: factor, low and high frequency factor, and context length of pre-training. The divisors that result from
/// it, as in GGUF files, are recognized if the constants are those of Llama 3.
fn llama3(scaling: &RopeScaling, config: &ModelConfig) -> std::result::Result<[f64; 4], String> {
    let divisors = match scaling {
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
            return Ok([*factor, *low_freq_factor, *high_freq_factor, *original_max_position_embeddings]);
        }
        RopeScaling::Divisors(divisors) => divisors,
    };
    let [low, high, original] = LLAMA3;
    let factor = f64::from(divisors.iter().copied().fold(1.0, f32::max));
    let divisor = |i: usize| {
        let frequency = config.rope_theta.powf(-2.0 * i as f64 / config.head_dim as f64);
        1.0 / llama3_factor(frequency, [factor, low, high, original])
    };
    // The file's divisors were computed in f32 or f64 and then rounded to f32.
    let tolerance = 16.0 * f64::from(f32::EPSILON);
    let is_llama3 = divisors.iter().enumerate().all(|(i, &d)| (f64::from(d) / divisor(i) - 1.0).abs() < tolerance);
    match is_llama3 {
        true => Ok([factor, low, high, original]),
        false => {
            Err("its rotary frequencies are scaled otherwise than Llama 3's: config.json cannot say that".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(architecture: Architecture, rope_scaling: Option<RopeScaling>) -> ModelConfig {
        ModelConfig {
            architecture,
            vocab_size: 50,
            hidden_size: 32,
            intermediate_size: 44,
            num_hidden_layers: 3,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 10,
            rms_norm_eps: 9.999999747378752e-6,
            rope_theta: 500_000.0,
            rope_scaling,
            max_position_embeddings: 4096,
            tie_word_embeddings: false,
            attention_bias: architecture == Architecture::Qwen2,
            attention_output_bias: false,
            mlp_bias: false,
        }
    }

    fn written(config: &ModelConfig) -> ModelConfig {
        let text = config_json(config, None).unwrap();
        ModelConfig::from_json(text.as_bytes(), Path::new("config.json")).unwrap()
    }

    #[test]
    fn a_description_is_read_back_as_the_same_model() {
        let llama3 = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 2.5,
            original_max_position_embeddings: 512.0,
        };
        for architecture in [Architecture::Llama, Architecture::Qwen2, Architecture::Qwen3] {
            for scaling in [None, Some(llama3.clone())] {
                for tie_word_embeddings in [false, true] {
                    let config = ModelConfig { tie_word_embeddings, ..config(architecture, scaling.clone()) };
                    assert_eq!(written(&config), config);
                }
            }
        }
        let biased = ModelConfig {
            attention_bias: true,
            attention_output_bias: true,
            mlp_bias: true,
            ..config(Architecture::Llama, None)
        };
        assert_eq!(written(&biased), biased);
    }

    #[test]
    fn divisors_of_llama_3_are_recognized_and_others_refused() {
        let mut config = config(Architecture::Llama, None);
        config.head_dim = 64;
        // Wavelengths up to 2,048 tokens are kept, from 8,192 on they are stretched by 32.
        let divisors = |middle: f64| -> Vec<f32> {
            let divisor = |i: i32| {
                let wavelength = std::f64::consts::TAU * 500_000f64.powf(f64::from(i) / 32.0);
                let part = (8192.0 / wavelength - 1.0) / 3.0;
                match wavelength {
                    w if w < 2048.0 => 1.0,
                    w if w > 8192.0 => 32.0,
                    _ => middle / (part + (1.0 - part) / 32.0),
                }
            };
            (0..32).map(|i| divisor(i) as f32).collect()
        };
        config.rope_scaling = Some(RopeScaling::Divisors(divisors(1.0)));
        let expected = RopeScaling::Llama3 {
            factor: 32.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192.0,
        };
        assert_eq!(written(&config).rope_scaling, Some(expected));
        config.rope_scaling = Some(RopeScaling::Divisors(divisors(1.001)));
        assert!(config_json(&config, None).unwrap_err().to_string().contains("scaled otherwise than Llama 3's"));
    }

    #[test]
    fn models_without_words_for_them_are_refused() {
        let q_only = ModelConfig { attention_bias: true, ..config(Architecture::Llama, None) };
        let all = ModelConfig { attention_output_bias: true, ..config(Architecture::Qwen2, None) };
        let mlp = ModelConfig { mlp_bias: true, ..config(Architecture::Qwen3, None) };
        for config in [q_only, all, mlp] {
            let message = config_json(&config, None).unwrap_err().to_string();
            assert!(message.contains("config.json cannot say that"), "{message}");
        }
    }

    #[test]
    fn a_source_keeps_what_it_says_besides_storage_and_tying() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let source = json!({"model_type": "llama", "torch_dtype": "bfloat16", "tie_word_embeddings": true, "eos_token_id": [1, 2],
            "rope_theta": 10000.0});
        fs::write(&path, source.to_string()).unwrap();
        let text = config_json(&config(Architecture::Llama, None), Some(&path)).unwrap();
        let fields: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&fields["eos_token_id"], &fields["tie_word_embeddings"]), (&json!([1, 2]), &json!(false)));
        assert_eq!((&fields["dtype"], &fields["torch_dtype"]), (&json!("float32"), &json!("float32")));
        assert_eq!(fields["architectures"], json!(["LlamaForCausalLM"]));
        fs::write(&path, "no JSON").unwrap();
        assert!(config_json(&config(Architecture::Llama, None), Some(&path)).is_err());
    }
}

//! Tests of configurations from config.json.

use std::path::Path;

use serde_json::{Value, json};

use crate::config::{Architecture, ModelConfig, RopeScaling};
use crate::error::Result;

fn parse(config: &Value) -> Result<ModelConfig> {
    ModelConfig::from_json(config.to_string().as_bytes(), Path::new("config.json"))
}

fn refusal(config: &Value) -> String {
    let message = parse(config).unwrap_err().to_string();
    assert!(message.starts_with("config.json: ") && !message.contains('\n'), "{message:?}");
    message
}

/// SmolLM2-135M as its authors published it, written by Transformers 4.
fn smollm2() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0,
        "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041666666666666664,
        "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192, "mlp_bias": false,
        "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
        "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 49152
    })
}

/// A Qwen2 that Transformers 5 wrote.
fn qwen2() -> Value {
    json!({
        "architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896, "intermediate_size": 4864,
        "layer_types": ["full_attention", "full_attention"], "max_position_embeddings": 32768, "max_window_layers": 2,
        "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 2, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06, "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
        "sliding_window": 32768, "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936
    })
}

fn with(mut config: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

fn without(mut config: Value, name: &str) -> Value {
    config.as_object_mut().unwrap().remove(name).unwrap();
    config
}

#[test]
fn published_configurations_are_understood() {
    let expected = ModelConfig {
        architecture: Architecture::Llama,
        vocab_size: 49_152,
        hidden_size: 576,
        intermediate_size: 1536,
        num_hidden_layers: 30,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        head_dim: 64,
        rms_norm_eps: 1e-5,
        rope_theta: 100_000.0,
        rope_scaling: None,
        max_position_embeddings: 8192,
        tie_word_embeddings: true,
        attention_bias: false,
        attention_output_bias: false,
        mlp_bias: false,
    };
    assert_eq!(parse(&smollm2()).unwrap(), expected);

    let qwen = parse(&qwen2()).unwrap();
    assert_eq!((qwen.architecture, qwen.head_dim, qwen.rope_theta), (Architecture::Qwen2, 64, 1e6));
    assert!(qwen.attention_bias && !qwen.attention_output_bias && !qwen.mlp_bias);

    let qwen3 = json!({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": true});
    let qwen3 = parse(&with(qwen2(), qwen3)).unwrap();
    assert_eq!((qwen3.architecture, qwen3.head_dim), (Architecture::Qwen3, 128));
    assert!(qwen3.attention_bias && qwen3.attention_output_bias);
}

#[test]
fn llama_3_scaling_is_understood_in_either_spelling() {
    let scaling = json!({"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3"});
    let expected = Some(RopeScaling::Llama3 {
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192.0,
    });
    let version_4 = parse(&with(smollm2(), json!({"rope_scaling": scaling, "rope_theta": 500000.0}))).unwrap();
    assert_eq!((version_4.rope_theta, &version_4.rope_scaling), (500_000.0, &expected));

    let mut parameters = with(scaling, json!({"rope_theta": 500000.0}));
    let version_5 = with(without(smollm2(), "rope_theta"), json!({"rope_parameters": parameters}));
    assert_eq!(parse(&version_5).unwrap(), version_4);

    // An older name of the type, and the length of the pre-training context in its two other places.
    parameters =
        without(with(without(parameters, "rope_type"), json!({"type": "llama3"})), "original_max_position_embeddings");
    let elsewhere = with(smollm2(), json!({"rope_scaling": parameters}));
    assert_eq!(parse(&elsewhere).unwrap(), version_4);
    let first = with(elsewhere, json!({"original_max_position_embeddings": 4096}));
    assert!(matches!(
        parse(&first).unwrap().rope_scaling,
        Some(RopeScaling::Llama3 { original_max_position_embeddings: 4096.0, .. })
    ));
}

#[test]
fn absent_fields_have_the_defaults_of_transformers() {
    let bare = json!({"model_type": "llama", "vocab_size": 8, "hidden_size": 12, "intermediate_size": 4,
        "num_hidden_layers": 1, "num_attention_heads": 3});
    let config = parse(&bare).unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim), (3, 4));
    assert_eq!((config.rms_norm_eps, config.rope_theta, config.max_position_embeddings), (1e-6, 10_000.0, 2048));
    assert!(!config.tie_word_embeddings && !config.attention_bias && !config.mlp_bias);
    // The class alone names the family too.
    let class = with(without(bare, "model_type"), json!({"architectures": ["LlamaForCausalLM"]}));
    assert_eq!(parse(&class).unwrap(), config);
}

#[test]
fn biases_of_llama_are_on_all_four_projections_or_none() {
    let config = parse(&with(smollm2(), json!({"attention_bias": true, "mlp_bias": true}))).unwrap();
    assert!(config.attention_bias && config.attention_output_bias && config.mlp_bias);
    let qwen = parse(&with(qwen2(), json!({"attention_bias": false, "mlp_bias": true}))).unwrap();
    assert!(qwen.attention_bias && !qwen.attention_output_bias && !qwen.mlp_bias);
}

#[test]
fn what_is_not_computed_is_refused_by_its_field() {
    for (changes, says) in [
        (json!({"model_type": "mistral"}), "model_type is \"mistral\": expected llama"),
        (json!({"model_type": "llama\n4"}), r#"model_type is "llama\n4""#),
        (json!({"model_type": null, "architectures": ["GPT2LMHeadModel"]}), "architectures is \"GPT2LMHeadModel\""),
        (json!({"model_type": null, "architectures": null}), "neither model_type nor architectures"),
        (json!({"architectures": ["LlamaForSequenceClassification"]}), "expected LlamaForCausalLM, as model_type says"),
        (json!({"architectures": "LlamaForCausalLM"}), "architectures is \"LlamaForCausalLM\": expected a list"),
        (json!({"hidden_act": "gelu"}), "hidden_act is \"gelu\": expected silu"),
        (json!({"quantization_config": {"bits": 4}}), "quantization_config is given"),
        (json!({"sliding_window": 4096}), "sliding_window is 4096"),
        (json!({"layer_types": ["sliding_attention"]}), "layer_types has a layer that is not full_attention"),
        (json!({"num_local_experts": 8}), "num_local_experts is 8"),
        (json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor is 0.5: expected 1"),
        (
            json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}),
            "rope_scaling.rope_type is \"yarn\": expected default",
        ),
        (json!({"rope_scaling": {"type": "linear", "factor": 2.0}}), "rope_type is \"linear\""),
        (json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}}), "rope_type is \"dynamic\""),
        (json!({"rope_scaling": [1]}), "rope_scaling is a list: expected an object"),
        (
            json!({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}),
            "rope_parameters.full_attention is an object",
        ),
        (json!({"rope_parameters": {"partial_rotary_factor": 0.25}}), "rope_parameters.partial_rotary_factor is 0.25"),
        (json!({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}), "rope_scaling.low_freq_factor is absent"),
    ] {
        let message = refusal(&with(smollm2(), changes));
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
    let sliding = refusal(&with(qwen2(), json!({"use_sliding_window": true})));
    assert!(sliding.contains("use_sliding_window is true: expected false"), "{sliding}");
    let groups = refusal(&without(qwen2(), "num_key_value_heads"));
    assert!(groups.contains("num_key_value_heads is absent"), "{groups}");
}

#[test]
fn values_out_of_range_are_refused_by_their_field() {
    let llama3 = |low: f64, high: f64, factor: f64, length: f64| {
        json!({"rope_scaling": {"rope_type": "llama3", "factor": factor, "low_freq_factor": low,
            "high_freq_factor": high, "original_max_position_embeddings": length}})
    };
    for (changes, says) in [
        (json!({"vocab_size": 0}), "vocab_size is 0: expected 1 to"),
        (json!({"vocab_size": 1_u64 << 31}), "vocab_size is 2147483648: expected 1 to 1073741824"),
        (json!({"hidden_size": -1}), "hidden_size is -1: expected a whole number"),
        (json!({"hidden_size": 576.5}), "hidden_size is 576.5"),
        (json!({"hidden_size": null}), "hidden_size is absent"),
        (json!({"num_hidden_layers": "30"}), "num_hidden_layers is \"30\""),
        (json!({"num_attention_heads": 0}), "head_dim is absent and num_attention_heads (0)"),
        (json!({"num_attention_heads": 7}), "does not divide hidden_size"),
        (json!({"num_key_value_heads": 2}), "num_key_value_heads is 2: expected a divisor of num_attention_heads, 9"),
        (json!({"head_dim": 63}), "head_dim is 63: expected an even number"),
        (json!({"head_dim": 1 << 30, "num_attention_heads": 1 << 30, "num_key_value_heads": 1}), "too wide"),
        (json!({"rms_norm_eps": 0}), "rms_norm_eps is 0"),
        (json!({"rms_norm_eps": "1e-5"}), "rms_norm_eps is \"1e-5\": expected a number"),
        (json!({"rope_theta": -1}), "rope_theta is -1"),
        (
            json!({"hidden_activation": "gelu_pytorch_tanh"}),
            "hidden_activation is \"gelu_pytorch_tanh\": expected silu",
        ),
        (json!({"embedding_multiplier": 12.0}), "embedding_multiplier is 12.0: expected 1"),
        (json!({"residual_multiplier": 0.22}), "residual_multiplier is 0.22: expected 1"),
        (json!({"logits_scaling": 8.0}), "logits_scaling is 8.0: expected 1"),
        (json!({"attention_multiplier": 0.015}), "attention_multiplier is 0.015: expected none"),
        (json!({"query_pre_attn_scalar": 256}), "query_pre_attn_scalar is 256: expected none"),
        (json!({"clip_qkv": 8.0}), "clip_qkv is 8.0: expected none"),
        (json!({"use_qk_norm": true}), "use_qk_norm is true: expected none"),
        (json!({"no_rope_layers": [1, 0]}), "no_rope_layers is a list: expected none"),
        (json!({"rope_interleaved": true}), "rope_interleaved is true: expected none"),
        (json!({"n_routed_experts": 64}), "n_routed_experts is 64: expected none"),
        (json!({"rotary_pct": 0.25}), "rotary_pct is 0.25: expected 1"),
        (json!({"is_causal": false}), "is_causal is false"),
        (json!({"tie_word_embeddings": 1}), "tie_word_embeddings is 1: expected true or false"),
        (llama3(1.0, 4.0, 0.5, 8192.0), "factor of llama3 is 0.5"),
        (llama3(4.0, 4.0, 8.0, 8192.0), "low_freq_factor is 4 and high_freq_factor 4"),
        (llama3(1.0, 4.0, 8.0, 0.0), "original_max_position_embeddings is 0"),
    ] {
        let message = refusal(&with(smollm2(), changes));
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn traits_that_are_switched_off_are_no_obstacle() {
    let off = json!({"embedding_multiplier": 1.0, "logits_scaling": 1, "use_qk_norm": false, "num_experts": 0, "clip_qkv": null,
        "no_rope_layers": [], "rope_interleaved": false, "is_causal": true, "hidden_activation": "silu", "rotary_pct": 1.0});
    assert_eq!(parse(&with(smollm2(), off)).unwrap(), parse(&smollm2()).unwrap());
}

#[test]
fn text_that_is_no_object_is_refused() {
    let deep = "[".repeat(10_000);
    for text in ["", "{", "[1, 2]", "null", "\"llama\"", deep.as_str(), "{\"a\": 1e999}"] {
        let message = ModelConfig::from_json(text.as_bytes(), Path::new("config.json")).unwrap_err().to_string();
        let says = if text.is_empty() { "is empty" } else { "is no JSON object" };
        assert!(message.contains(says) && !message.contains('\n'), "{message:?}");
    }
}

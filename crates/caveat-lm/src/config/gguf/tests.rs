//! Tests of configurations from GGUF metadata.

use std::fs;

use crate::config::{Architecture, ModelConfig, RopeScaling};
use crate::error::Result;
use crate::weights::GgufFile;
use crate::weights::gguf::writer::{Gguf, Meta};

fn config(file: &Gguf) -> Result<ModelConfig> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.gguf");
    fs::write(&path, file.bytes()).unwrap();
    ModelConfig::from_gguf(&GgufFile::open(&path).unwrap())
}

#[test]
fn sizes_come_from_metadata_and_the_rest_from_the_tensors_there_are() {
    let llama = config(&Gguf::tiny("llama")).unwrap();
    let expected = ModelConfig {
        architecture: Architecture::Llama,
        vocab_size: 266,
        hidden_size: 8,
        intermediate_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 4,
        rms_norm_eps: f64::from(1e-5_f32),
        rope_theta: 10_000.0,
        rope_scaling: None,
        max_position_embeddings: 64,
        tie_word_embeddings: true,
        attention_bias: false,
        attention_output_bias: false,
        mlp_bias: false,
    };
    assert_eq!(llama, expected);
    let qwen2 = config(&Gguf::tiny("qwen2")).unwrap();
    assert_eq!(qwen2, ModelConfig { architecture: Architecture::Qwen2, attention_bias: true, ..expected.clone() });
    let qwen3 = config(&Gguf::tiny("qwen3")).unwrap();
    assert_eq!(qwen3, ModelConfig { architecture: Architecture::Qwen3, ..expected.clone() });

    let mut file = Gguf::tiny("llama");
    file.add("output.weight", &[8, 266]);
    file.add("blk.0.attn_output.bias", &[8]);
    file.add("blk.0.ffn_gate.bias", &[12]);
    file.unset("llama.attention.head_count_kv").unset("llama.rope.freq_base");
    file.set("llama.rope.scaling.type", "none").set("llama.rope.scaling.factor", Meta::F32(1.0));
    file.set("llama.attention.key_length", Meta::U32(6)).set("llama.rope.dimension_count", Meta::U32(6));
    let found = config(&file).unwrap();
    let heads = ModelConfig { num_key_value_heads: 2, head_dim: 6, tie_word_embeddings: false, ..expected };
    assert_eq!(found, ModelConfig { attention_output_bias: true, mlp_bias: true, ..heads });
}

#[test]
fn divisors_of_the_frequencies_are_a_tensor() {
    let mut file = Gguf::tiny("llama");
    file.add("rope_freqs.weight", &[2]);
    file.tensor("rope_freqs.weight").data = [1.0_f32, 8.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(config(&file).unwrap().rope_scaling, Some(RopeScaling::Divisors(vec![1.0, 8.0])));

    file.tensor("rope_freqs.weight").data = [0.0_f32, 8.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(config(&file).unwrap_err().to_string().contains("a divisor of a rotary frequency is 0"));
    let mut file = Gguf::tiny("llama");
    file.add("rope_freqs.weight", &[3]);
    assert!(config(&file).unwrap_err().to_string().contains("3 divisors of rotary frequencies: expected 2"));
}

#[test]
fn what_is_not_computed_is_refused_by_its_key() {
    type Change = fn(&mut Gguf);
    let cases: [(Change, &str); 20] = [
        (
            |file| _ = file.set("general.architecture", "gemma3"),
            "general.architecture is \"gemma3\": expected llama, qwen2",
        ),
        (|file| _ = file.unset("general.architecture"), "lacks general.architecture"),
        (|file| _ = file.unset("llama.block_count"), "lacks llama.block_count"),
        (
            |file| _ = file.unset("llama.attention.layer_norm_rms_epsilon"),
            "lacks llama.attention.layer_norm_rms_epsilon",
        ),
        (|file| _ = file.set("llama.block_count", "two"), "llama.block_count is \"two\": expected a whole number"),
        (|file| _ = file.set("llama.block_count", Meta::U32(0)), "num_hidden_layers is 0"),
        (|file| _ = file.set("llama.attention.head_count", Meta::U32(0)), "num_attention_heads is 0"),
        (|file| _ = file.set("llama.attention.head_count_kv", Meta::I32s(vec![1, 1])), "is an array of int32"),
        (
            |file| _ = file.set("llama.attention.head_count_kv", Meta::U32(3)),
            "num_key_value_heads is 3: expected a divisor",
        ),
        (|file| _ = file.set("llama.embedding_length", Meta::U32(6)), "head_dim is 3: expected an even number"),
        (
            |file| _ = file.set("llama.rope.dimension_count", Meta::U32(2)),
            "dimension_count is 2: expected the width of a head, 4",
        ),
        (|file| _ = file.set("llama.attention.value_length", Meta::U32(8)), "value_length is 8"),
        (|file| _ = file.set("llama.rope.scaling.type", "yarn"), "llama.rope.scaling.type is \"yarn\": expected none"),
        (|file| _ = file.set("llama.rope.scaling.factor", Meta::F32(4.0)), "llama.rope.scaling.factor is 4"),
        (|file| _ = file.set("llama.expert_count", Meta::U32(8)), "llama.expert_count is 8: expected none"),
        (|file| _ = file.set("llama.attention.sliding_window", Meta::U32(4096)), "sliding_window is 4096"),
        (|file| _ = file.set("llama.attention.causal", Meta::Bool(false)), "llama.attention.causal is false"),
        (|file| _ = file.set("split.count", Meta::U32(3)), "split.count is 3"),
        (|file| _ = file.set("llama.rope.freq_base", Meta::F32(f32::NAN)), "rope_theta is NaN"),
        (|file| file.tensors.retain(|tensor| tensor.name != "token_embd.weight"), "no tensor \"token_embd.weight\""),
    ];
    for (change, says) in cases {
        let mut file = Gguf::tiny("llama");
        change(&mut file);
        let message = config(&file).unwrap_err().to_string();
        assert!(message.contains(says) && !message.contains('\n'), "{message:?} should say {says:?}");
    }
}

//! Tests of whole models on disk, correct and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Value, json};

use super::{ModelFiles, open_model};
use crate::config::{Architecture, ModelConfig};
use crate::weights::gguf::writer::{Gguf, Meta, vocabulary};

/// The tiny GGUF file's model as config.json.
fn config_json() -> Value {
    json!({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 266, "hidden_size": 8,
        "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
        "max_position_embeddings": 64, "tie_word_embeddings": true, "rms_norm_eps": 1e-6})
}

fn tokenizer_json() -> Value {
    let (tokens, types, merges) = vocabulary();
    let used = || (0_u32..).zip(&tokens).zip(&types).filter(|(_, kind)| **kind != 5);
    let vocab: serde_json::Map<String, Value> = used().map(|((id, token), _)| (token.clone(), id.into())).collect();
    let added: Vec<Value> = used()
        .filter(|(_, kind)| **kind != 1)
        .map(|((id, content), kind)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": *kind == 3})
        })
        .collect();
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges}})
}

/// The tensors of a configuration, numbers counting upwards from 0 in each, in a safetensors file.
fn safetensors(config: &ModelConfig, change: impl FnOnce(&mut BTreeMap<String, Vec<usize>>)) -> Vec<u8> {
    let mut shapes: BTreeMap<String, Vec<usize>> = config.tensors().collect();
    change(&mut shapes);
    let data: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let count = shape.iter().product::<usize>();
            (name, shape, (0..count).flat_map(|k| (k as f32).to_le_bytes()).collect())
        })
        .collect();
    let view = |(name, shape, data)| (name, TensorView::new(Dtype::F32, shape, data).unwrap());
    serialize(data.iter().map(|(name, shape, data)| view((name, shape.clone(), data))), None).unwrap()
}

fn config() -> ModelConfig {
    ModelConfig::from_json(config_json().to_string().as_bytes(), Path::new("config.json")).unwrap()
}

fn write_folder(folder: &Path) {
    fs::write(folder.join("config.json"), config_json().to_string()).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer_json().to_string()).unwrap();
    fs::write(folder.join("model.safetensors"), safetensors(&config(), |_| {})).unwrap();
}

fn refusal(path: &Path) -> String {
    let message = open_model(path).err().expect("should be refused").to_string();
    assert!(!message.contains('\n') && message.contains(&*path.to_string_lossy()), "{message:?}");
    message
}

/// Reads all that there is to read.
fn read_all(files: &ModelFiles) -> crate::error::Result<()> {
    for name in files.weights.names() {
        let shape = files.weights.shape(&name).unwrap();
        assert_eq!(files.weights.read(&name, shape)?.len(), shape.iter().product::<usize>());
    }
    let ids = files.tokenizer.encode("Q: Yes 12? <think>\n")?;
    files.tokenizer.decode(&ids)?;
    Ok(())
}

#[test]
fn a_gguf_file_is_opened_by_its_name_or_that_of_its_folder() {
    for architecture in ["llama", "qwen2", "qwen3"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Tiny.GGUF");
        fs::write(&path, Gguf::tiny(architecture).bytes()).unwrap();
        for name in [path.as_path(), directory.path()] {
            let files = open_model(name).unwrap();
            assert_eq!((files.path.as_path(), files.weights.path()), (path.as_path(), path.as_path()));
            let expected: BTreeMap<String, Vec<usize>> = files.config.tensors().collect();
            assert_eq!(files.weights.names(), expected.into_keys().collect::<Vec<_>>());
            read_all(&files).unwrap();
        }
    }
}

#[test]
fn queries_and_keys_of_llama_files_come_out_in_halves_and_those_of_qwen_as_they_are() {
    let read = |architecture: &str, name: &str| {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a.gguf"), Gguf::tiny(architecture).bytes()).unwrap();
        let files = open_model(directory.path()).unwrap();
        let shape = files.weights.shape(name).unwrap();
        let numbers = files.weights.read(name, shape).unwrap();
        // The number that each row begins with tells where it stood.
        numbers.chunks(8).map(|row| row[0] as usize / 8).collect::<Vec<_>>()
    };
    assert_eq!(read("llama", "model.layers.0.self_attn.q_proj.weight"), [0, 2, 1, 3, 4, 6, 5, 7]);
    assert_eq!(read("llama", "model.layers.1.self_attn.k_proj.weight"), [0, 2, 1, 3]);
    assert_eq!(read("llama", "model.layers.0.self_attn.v_proj.weight"), [0, 1, 2, 3]);
    assert_eq!(read("qwen2", "model.layers.0.self_attn.q_proj.weight"), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read("qwen3", "model.layers.0.self_attn.k_proj.weight"), [0, 1, 2, 3]);
}

#[test]
fn a_folder_of_hugging_face_is_opened_and_preferred_to_a_gguf_file_in_it() {
    let directory = tempfile::tempdir().unwrap();
    write_folder(directory.path());
    fs::write(directory.path().join("other.gguf"), Gguf::tiny("llama").bytes()).unwrap();
    let files = open_model(directory.path()).unwrap();
    assert_eq!(files.config.architecture, Architecture::Qwen3);
    assert_eq!(files.path, directory.path());
    assert!(files.tokenizer.decode(&[262]).is_ok() && files.tokenizer.decode(&[263]).is_err());
    read_all(&files).unwrap();
}

#[test]
fn paths_that_hold_no_model_say_what_would_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    assert!(refusal(&folder.join("absent")).contains("cannot be read"));
    assert!(refusal(folder).contains("holds no model: expected a folder with config.json"));
    fs::write(folder.join("config.json"), config_json().to_string()).unwrap();
    assert!(refusal(&folder.join("config.json")).contains("is no GGUF file"));
    assert!(refusal(folder).contains("has no model.safetensors and no model.safetensors.index.json:"));
    fs::write(folder.join("pytorch_model.bin"), "").unwrap();
    assert!(refusal(folder).contains("(pytorch_model.bin is not read)"));
    fs::write(folder.join("model.safetensors"), safetensors(&config(), |_| {})).unwrap();
    assert!(refusal(folder).contains("has no tokenizer.json"));
    fs::remove_file(folder.join("config.json")).unwrap();
    assert!(refusal(folder).contains("has no config.json"));
    for name in ["b.gguf", "a.gguf", "c.GGUF"] {
        fs::write(folder.join(name), "").unwrap();
    }
    assert!(refusal(folder).contains("holds 3 GGUF files, \"a.gguf\" and \"b.gguf\" among them"));
    assert!(refusal(&folder.join("a.gguf")).contains("is empty: fetch it again"));
}

#[test]
fn tensors_that_do_not_fit_the_configuration_are_refused_when_a_model_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    write_folder(directory.path());
    let refused = |change: fn(&mut BTreeMap<String, Vec<usize>>)| {
        fs::write(directory.path().join("model.safetensors"), safetensors(&config(), change)).unwrap();
        open_model(directory.path()).err().map(|e| e.to_string())
    };
    let says = |message: Option<String>, says: &str| {
        assert!(message.as_ref().is_some_and(|m| m.contains(says)), "{message:?}")
    };
    says(refused(|t| drop(t.remove("model.norm.weight"))), "there is no tensor \"model.norm.weight\"");
    says(
        refused(|t| drop(t.insert("model.embed_tokens.weight".to_owned(), vec![8, 266]))),
        "\"model.embed_tokens.weight\" has shape [8, 266]: the model's configuration makes it [266, 8]",
    );
    says(
        refused(|t| drop(t.insert("model.layers.1.self_attn.q_proj.bias".to_owned(), vec![8]))),
        "\"model.layers.1.self_attn.q_proj.bias\" is no part of the model",
    );
    // More layers than there can be cost nothing.
    write_folder(directory.path());
    let mut config = config_json();
    config["num_hidden_layers"] = json!(1 << 30);
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    says(open_model(directory.path()).err().map(|e| e.to_string()), "there is no tensor \"model.layers.2.");
}

#[test]
fn tensors_that_no_part_of_a_model_reads_are_named() {
    let directory = tempfile::tempdir().unwrap();
    write_folder(directory.path());
    let open = |name: &str| {
        let bytes = safetensors(&config(), |t| drop(t.insert(name.to_owned(), vec![2])));
        fs::write(directory.path().join("model.safetensors"), bytes).unwrap();
        open_model(directory.path())
    };
    // Nothing is lost with these constants, and nothing is said.
    for name in ["model.layers.0.x.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"] {
        assert!(open(name).unwrap().notes.is_empty(), "{name}");
    }
    for name in ["score.weight", "v_head.summary.weight", "value_head.weight", "classifier.bias"] {
        let notes = open(name).unwrap().notes;
        assert!(matches!(&notes[..], [note] if note.contains(&format!("not used: {name:?}"))), "{notes:?}");
    }
    for (name, says) in [
        (
            "model.layers.2.mlp.up_proj.weight",
            "is of a layer beyond those of the configuration, whose num_hidden_layers is 2",
        ),
        ("lm_head.bias", "is no part of the model"),
        ("model.norm.bias", "is no part of the model"),
        ("transformer.h.0.attn.weight", "is no part of the model"),
        ("model.layers.0.self_attn.q_proj.bias", "is no part of the model"),
        ("lm_head.weight", "\"lm_head.weight\" has shape [2]"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "is of an adapter that is not merged"),
        ("model.layers.0.self_attn.q_proj.lora_B.weight", "is of an adapter that is not merged"),
        ("model.layers.0.self_attn.q_proj.base_layer.weight", "is of an adapter that is not merged"),
        ("model.layers.0.self_attn.q_proj.weight_scale", "is of quantized weights"),
        ("model.layers.0.self_attn.q_proj.weight.absmax", "is of quantized weights"),
        ("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4", "is of quantized weights"),
        ("model.layers.1.mlp.up_proj.qweight", "is of quantized weights"),
    ] {
        let message = open(name).err().expect("should be refused").to_string();
        assert!(
            message.contains(says) && message.contains(&name[..20.min(name.len())]),
            "{message:?} should say {says:?}"
        );
    }
    // What stands beside the weights is told too.
    write_folder(directory.path());
    let mut config = config_json();
    config["auto_map"] = json!({"AutoModelForCausalLM": "modeling_own.Own"});
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    fs::write(directory.path().join("adapter_config.json"), "{}").unwrap();
    let notes = open_model(directory.path()).unwrap().notes;
    assert!(notes.len() == 2 && notes[0].contains("auto_map") && notes[1].contains("adapter"), "{notes:?}");
}

/// Numbers of a readout, and the bytes of a file that holds them beside an embedding of zeros, under these types.
fn with_head(head: &[f32], dtypes: [Dtype; 2]) -> Vec<u8> {
    let config = config();
    let bytes = |dtype: Dtype, numbers: &[f32]| -> Vec<u8> {
        match dtype {
            Dtype::BF16 => numbers.iter().flat_map(|x| half::bf16::from_f32(*x).to_le_bytes()).collect(),
            _ => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    };
    let shape = vec![config.vocab_size, config.hidden_size];
    let counting: Vec<f32> = (0..shape[0] * shape[1]).map(|k| (k % 200) as f32).collect();
    let mut data: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = config
        .tensors()
        .filter(|(name, _)| name != "model.embed_tokens.weight")
        .map(|(name, shape)| {
            let zeros = vec![0.0; shape.iter().product::<usize>()];
            (name, Dtype::F32, shape, bytes(Dtype::F32, &zeros))
        })
        .collect();
    data.push(("model.embed_tokens.weight".to_owned(), dtypes[0], shape.clone(), bytes(dtypes[0], &counting)));
    let head = if head.is_empty() { &counting } else { head };
    data.push(("lm_head.weight".to_owned(), dtypes[1], shape, bytes(dtypes[1], head)));
    let views =
        data.iter().map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    serialize(views, None).unwrap()
}

#[test]
fn a_readout_of_a_files_own_is_used_and_one_that_is_the_embedding_is_tied() {
    let directory = tempfile::tempdir().unwrap();
    write_folder(directory.path());
    let open = |head: &[f32], dtypes: [Dtype; 2]| {
        fs::write(directory.path().join("model.safetensors"), with_head(head, dtypes)).unwrap();
        open_model(directory.path()).unwrap()
    };
    for dtypes in [[Dtype::F32; 2], [Dtype::BF16; 2], [Dtype::F32, Dtype::BF16], [Dtype::BF16, Dtype::F32]] {
        let files = open(&[], dtypes);
        assert!(files.config.tie_word_embeddings && files.notes.is_empty(), "{dtypes:?}");
        // One number of many, the last.
        let shape = [files.config.vocab_size, files.config.hidden_size];
        let mut head: Vec<f32> = (0..shape[0] * shape[1]).map(|k| (k % 200) as f32).collect();
        *head.last_mut().unwrap() += 1.0;
        let files = open(&head, dtypes);
        assert!(!files.config.tie_word_embeddings, "{dtypes:?}");
        assert!(matches!(&files.notes[..], [note] if note.contains("lm_head.weight differs from the embedding")));
        assert_eq!(files.weights.read("lm_head.weight", &shape).unwrap(), head);
    }
}

#[test]
fn a_readout_that_a_gguf_file_holds_twice_is_tied_and_another_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gguf");
    let mut file = Gguf::tiny("llama");
    let dimensions = file.tensor("token_embd.weight").dimensions.clone();
    file.add("output.weight", &dimensions);
    fs::write(&path, file.bytes()).unwrap();
    assert!(open_model(&path).unwrap().config.tie_word_embeddings);
    file.tensor("output.weight").data[3] ^= 1;
    fs::write(&path, file.bytes()).unwrap();
    assert!(!open_model(&path).unwrap().config.tie_word_embeddings);
}

#[test]
fn files_of_another_kind_are_called_what_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 79464\n";
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        write_folder(folder);
        fs::write(folder.join(name), pointer).unwrap();
        let message = refusal(folder);
        assert!(message.contains(name) && message.contains("git lfs pull"), "{message}");
    }
    for (content, says) in [
        (&b"<!doctype html><html>"[..], "a page in HTML"),
        (b"{\"error\":\"Invalid username or password.\"}", "is JSON"),
        (b"Entry not found", "is text (\"Entry not found\")"),
        (b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0", "is a GGUF file"),
        (b"\x80\x02}q\0", "a pickle"),
        (b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0model/data.pkl", "a checkpoint of PyTorch"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0", "gzip"),
    ] {
        write_folder(folder);
        fs::write(folder.join("model.safetensors"), content).unwrap();
        let message = refusal(folder);
        assert!(message.contains("model.safetensors: ") && message.contains(says), "{message}");
        // The same under the name of a GGUF file, which one of them is.
        fs::write(folder.join("a.gguf"), content).unwrap();
        let message = refusal(&folder.join("a.gguf"));
        assert!(message.contains(says) || content.starts_with(b"GGUF"), "{message}");
    }
    fs::remove_file(folder.join("a.gguf")).unwrap();
    // A download that was cut, within the header and behind it.
    write_folder(folder);
    let whole = fs::read(folder.join("model.safetensors")).unwrap();
    for length in [9, 100, whole.len() - 5] {
        fs::write(folder.join("model.safetensors"), &whole[..length]).unwrap();
        assert!(refusal(folder).contains("it was cut short"), "{length}");
    }
    write_folder(folder);
    assert!(refusal(&folder.join("model.safetensors")).contains("is a safetensors file: give the folder it lies in"));
    fs::rename(folder.join("model.safetensors"), folder.join("model.onnx")).unwrap();
    assert!(refusal(folder).contains("(\"model.onnx\" is not read)"));
    fs::rename(folder.join("model.onnx"), folder.join("model-00001-of-00002.safetensors")).unwrap();
    assert!(refusal(folder).contains("(\"model-00001-of-00002.safetensors\" needs the index of all parts)"));
    fs::write(folder.join("adapter_config.json"), "{}").unwrap();
    assert!(refusal(folder).contains("is an adapter, no model"));
}

#[test]
fn tensors_that_an_index_passes_over_are_seen_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write_folder(folder);
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    let mut head: Vec<f32> = (0..266 * 8).map(|k| (k % 200) as f32).collect();
    head[0] = 7.0;
    fs::write(folder.join("1.safetensors"), with_head(&head, [Dtype::F32; 2])).unwrap();
    let map: serde_json::Map<String, Value> =
        config().tensors().map(|(name, _)| (name, json!("1.safetensors"))).collect();
    fs::write(folder.join("model.safetensors.index.json"), json!({"weight_map": map}).to_string()).unwrap();
    let files = open_model(folder).unwrap();
    assert!(!files.config.tie_word_embeddings && files.notes.len() == 1);
}

#[test]
fn tensors_of_a_gguf_file_that_have_no_place_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gguf");
    for (name, dimensions, says) in [
        ("blk.0.ffn_gate_exps.weight", &[8, 12][..], "no part of a model that this program computes"),
        ("blk.0.attn_q.bias", &[8], "there is no tensor \"model.layers.0.self_attn.k_proj.bias\""),
        ("blk.1.attn_q.bias", &[8], "\"model.layers.1.self_attn.q_proj.bias\" is no part of the model"),
        ("blk.2.attn_norm.weight", &[8], "\"model.layers.2.input_layernorm.weight\" is no part of the model"),
        ("output.weight", &[8, 2], "\"lm_head.weight\" has shape [2, 8]"),
    ] {
        let mut file = Gguf::tiny("llama");
        file.add(name, dimensions);
        fs::write(&path, file.bytes()).unwrap();
        let message = refusal(&path);
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn a_tokenizer_larger_than_the_embedding_matrix_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gguf");
    let mut file = Gguf::tiny("llama");
    let tensor = file.tensor("token_embd.weight");
    tensor.dimensions[1] = 200;
    tensor.data.truncate(200 * 8 * 4);
    fs::write(&path, file.bytes()).unwrap();
    assert!(refusal(&path).contains("has a token of id 262, the model knows 200 tokens"));
}

#[test]
fn infinite_divisors_of_frequencies_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.gguf");
    let mut file = Gguf::tiny("llama");
    file.add("rope_freqs.weight", &[2]);
    file.tensor("rope_freqs.weight").data[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    fs::write(&path, file.bytes()).unwrap();
    assert!(refusal(&path).contains("\"rope_freqs.weight\" is inf at number 0 of 2"));
}

/// Keeps the reports of panics that are taken as errors out of the output; they are slow to make.
fn hush_caught_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !caveat_results::panic_is_caught() {
                print(panic);
            }
        }));
    });
}

/// Changes a few bytes, or cuts the end off.
fn mutate(bytes: &mut Vec<u8>, header: usize, rng: &mut ChaCha8Rng) {
    if rng.random_bool(0.15) {
        bytes.truncate(rng.random_range(0..bytes.len()));
    }
    for _ in 0..rng.random_range(1..4) {
        // Most changes go to the header, which is where they matter.
        let end = if rng.random_bool(0.8) { header.min(bytes.len()) } else { bytes.len() };
        if end == 0 {
            return;
        }
        let at = rng.random_range(0..end);
        match rng.random_range(0..4) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'9', b'-'][rng.random_range(0..8)],
            _ => {
                let number: u64 = [0, 1, u64::MAX, 1 << 63, 1 << 32, 1 << 20][rng.random_range(0..6)];
                let end = bytes.len().min(at + 8);
                bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
        }
    }
}

/// Opens and reads damaged copies of a file of a model; how many were refused and how many were read.
fn survives(seed: u64, cases: usize, file: &Path, header: usize, model: &Path) -> (usize, usize) {
    hush_caught_panics();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let good = fs::read(file).unwrap();
    let (mut refused, mut read) = (0, 0);
    for _ in 0..cases {
        let mut bytes = good.clone();
        mutate(&mut bytes, header, &mut rng);
        fs::write(file, &bytes).unwrap();
        match open_model(model).and_then(|files| read_all(&files)) {
            Ok(()) => read += 1,
            Err(e) => {
                assert!(!e.to_string().contains('\n'), "{e}");
                refused += 1;
            }
        }
    }
    fs::write(file, good).unwrap();
    (refused, read)
}

#[test]
fn damaged_gguf_files_are_read_or_refused_and_never_panic() {
    // The expressions of Qwen's words take longest to compile.
    for (seed, architecture, cases) in [(1, "llama", 2000), (2, "qwen2", 200), (3, "qwen3", 200)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.gguf");
        let mut file = Gguf::tiny(architecture);
        file.set("tokenizer.ggml.add_bos_token", Meta::Bool(true));
        fs::write(&path, file.bytes()).unwrap();
        let header = file.bytes().len() - file.tensors.iter().map(|t| t.data.len().next_multiple_of(32)).sum::<usize>();
        let (refused, read) = survives(seed, cases, &path, header, &path);
        assert!(refused > 100 && read > 5, "{refused} refused, {read} read: the damage should do both");
    }
}

#[test]
fn damaged_folders_are_read_or_refused_and_never_panic() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write_folder(folder);
    for (seed, name, header) in
        [(4, "model.safetensors", 2300), (5, "config.json", usize::MAX), (6, "tokenizer.json", usize::MAX)]
    {
        let (refused, read) = survives(seed, 600, &folder.join(name), header, folder);
        assert!(refused > 100 && read > 5, "{name}: {refused} refused, {read} read: the damage should do both");
    }
    let names = open_model(folder).unwrap().weights.names();
    fs::rename(folder.join("model.safetensors"), folder.join("1.safetensors")).unwrap();
    let map: serde_json::Map<String, Value> = names.into_iter().map(|name| (name, json!("1.safetensors"))).collect();
    fs::write(folder.join("model.safetensors.index.json"), json!({"weight_map": map}).to_string()).unwrap();
    assert!(open_model(folder).is_ok());
    // Every name in an index is needed, so hardly a change goes unnoticed.
    let (refused, _) = survives(7, 200, &folder.join("model.safetensors.index.json"), usize::MAX, folder);
    assert!(refused > 180, "{refused} refused");
}

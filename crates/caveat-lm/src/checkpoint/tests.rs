//! Tests of adapters and models on disk: against PEFT's own folders and golden values (tests/fixtures), and read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Value, json};

use super::*;
use crate::error::Result;
use crate::model_files::{ModelFiles, open_model};
use crate::training::{Decay, Example, LoraSettings, Method, OptimizerKind, Schedule, TrainingSettings, fine_tune};
use crate::weights::gguf::writer::{Gguf, Meta};

const MODELS: [&str; 3] = ["llama", "qwen2", "qwen3"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn open(path: &Path) -> (ModelFiles, LanguageModel) {
    let files = open_model(path).unwrap();
    let model = LanguageModel::load(&files, &Device::flex(), &mut |_, _| ()).unwrap();
    (files, model)
}

fn prompts(name: &str) -> Vec<Vec<u32>> {
    let golden: Value = serde_json::from_slice(&fs::read(fixture("golden.json")).unwrap()).unwrap();
    serde_json::from_value(golden["models"][name]["token_ids"].clone()).unwrap()
}

fn logits(model: &LanguageModel, name: &str) -> Vec<f32> {
    model.logits(model.hidden_states(&prompts(name), &mut |_| ()).unwrap()).try_into_vec_as().unwrap()
}

/// Shape and numbers of every tensor of a file in f32.
fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |view: &TensorView| {
        assert_eq!(view.dtype(), Dtype::F32);
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), numbers(&view)))).collect()
}

fn golden(name: &str) -> Vec<f32> {
    tensors(&fixture("golden.safetensors")).remove(name).unwrap().1
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let deviation = found.iter().zip(expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(deviation <= tolerance, "deviates by {deviation}");
}

fn base(name_or_path: &str) -> BaseModel {
    let text = |text: &str| text.to_owned();
    let trained_on = TrainedOn { weights: text("w"), weights_sha256: text("0f") };
    BaseModel { name_or_path: text(name_or_path), revision: None, trained_on }
}

/// Names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn adapters_of_peft_give_its_logits() {
    for name in MODELS {
        let (_, mut model) = open(&fixture(name));
        let before = logits(&model, name);
        let summary = load_adapter(&mut model, &fixture(&format!("{name}-lora-initial"))).unwrap();
        assert_eq!((summary.rank, summary.alpha, summary.base_model.as_deref()), (4, 8.0, Some(name)));
        // All seven matrices, q and v, and q, k and o, of both layers.
        assert_eq!(
            summary.n_matrices,
            match name {
                "llama" => 14,
                "qwen2" => 4,
                _ => 6,
            }
        );
        assert_close(&logits(&model, name), &before, 0.0);
        let (_, mut model) = open(&fixture(name));
        load_adapter(&mut model, &fixture(&format!("{name}-lora-trained"))).unwrap();
        // The golden values are computed in f64, from which Transformers in f32 differs by 1.2e-5 itself.
        assert_close(&logits(&model, name), &golden(&format!("{name}/lora/logits")), 5e-5);
    }
}

#[test]
fn a_saved_adapter_has_the_tensors_of_peft_bit_by_bit_and_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    for name in MODELS {
        let theirs = fixture(&format!("{name}-lora-trained"));
        let (_, mut model) = open(&fixture(name));
        load_adapter(&mut model, &theirs).unwrap();
        let ours = directory.path().join(name);
        save_adapter(&ours, &model, &base("somewhere/base")).unwrap();
        assert_eq!(names(&ours), ["adapter_config.json", "adapter_model.safetensors", "trained_on.json"]);
        let file = |folder: &Path| tensors(&folder.join("adapter_model.safetensors"));
        assert_eq!(file(&ours), file(&theirs));
        let config = |folder: &Path| -> Value {
            serde_json::from_slice(&fs::read(folder.join("adapter_config.json")).unwrap()).unwrap()
        };
        let (our_config, their_config) = (config(&ours), config(&theirs));
        for (field, value) in our_config.as_object().unwrap() {
            let expected =
                if field == "base_model_name_or_path" { json!("somewhere/base") } else { their_config[field].clone() };
            let sorted = |value: &Value| match value.as_array() {
                Some(list) => list.iter().map(Value::to_string).collect::<std::collections::BTreeSet<_>>(),
                None => [value.to_string()].into(),
            };
            assert_eq!(sorted(value), sorted(&expected), "{field}");
        }
        let (_, mut again) = open(&fixture(name));
        let summary = load_adapter(&mut again, &ours).unwrap();
        assert_eq!((summary.rank, summary.alpha), (4, 8.0));
        assert_eq!(summary.trained_on, Some(base("somewhere/base").trained_on));
        assert_close(&logits(&again, name), &logits(&model, name), 0.0);
    }
    let mut left = names(directory.path());
    left.retain(|name| name.starts_with('.'));
    assert!(left.is_empty(), "{left:?}");
}

fn trained(name: &str, method: Method) -> (ModelFiles, LanguageModel) {
    let (files, mut model) = open(&fixture(name));
    let examples: Vec<Example> =
        prompts(name).into_iter().enumerate().map(|(k, prompt)| Example { prompt, target: 3 + k as u32 }).collect();
    let settings = TrainingSettings {
        method,
        optimizer: OptimizerKind::Sgd,
        learning_rate: 0.5,
        schedule: Schedule { decay: Decay::Constant, warmup_steps: 0 },
        epochs: 3,
        batch_size: 3,
        shuffle: true,
        clip_norm: None,
        seed: 1,
    };
    fine_tune(&mut model, &examples, &settings, None, &mut |_| true).unwrap();
    (files, model)
}

#[test]
fn an_adapter_of_some_layers_is_named_matrix_by_matrix_and_keeps_an_odd_alpha() {
    let directory = tempfile::tempdir().unwrap();
    let lora = LoraSettings { rank: 3, alpha: 0.7, modules: vec![LoraModule::QProj, LoraModule::DownProj] };
    let (_, mut model) = trained("llama", Method::Lora(lora));
    model.layers[0].module_mut(LoraModule::DownProj).adapter = None;
    let folder = directory.path().join("adapter");
    save_adapter(&folder, &model, &base("llama")).unwrap();
    let config: Value = serde_json::from_slice(&fs::read(folder.join("adapter_config.json")).unwrap()).unwrap();
    let expected =
        ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj", "model.layers.1.mlp.down_proj"];
    assert_eq!((&config["target_modules"], &config["r"]), (&json!(expected), &json!(3)));
    assert!((config["lora_alpha"].as_f64().unwrap() - 0.7).abs() < 1e-15);
    let (_, mut again) = open(&fixture("llama"));
    assert_eq!(load_adapter(&mut again, &folder).unwrap().n_matrices, 3);
    assert_close(&logits(&again, "llama"), &logits(&model, "llama"), 1e-6);
}

#[test]
fn a_saved_model_has_the_tensors_it_was_read_from_bit_by_bit() {
    let directory = tempfile::tempdir().unwrap();
    for name in MODELS {
        let source = fixture(name);
        let (files, model) = open(&source);
        let saved = directory.path().join(name);
        let mut calls = Vec::new();
        save_model(&saved, &model, &files, &mut |done, total| calls.push((done, total))).unwrap();
        assert_eq!(names(&saved), ["config.json", "model.safetensors", "tokenizer.json"]);
        let file = |folder: &Path| tensors(&folder.join("model.safetensors"));
        assert_eq!(file(&saved), file(&source));
        assert_eq!(fs::read(saved.join("tokenizer.json")).unwrap(), fs::read(source.join("tokenizer.json")).unwrap());
        let (again, reloaded) = open(&saved);
        assert_eq!(again.config, files.config);
        assert_close(&logits(&reloaded, name), &logits(&model, name), 0.0);
        let total: u64 = file(&source).values().map(|(_, numbers)| numbers.len() as u64).sum();
        assert!(calls.is_sorted() && calls.last() == Some(&(total, total)) && calls.len() == file(&source).len());
    }
}

#[test]
fn a_model_of_rounded_weights_in_shards_is_saved_in_full_precision_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    for (name, prompts_of) in [("llama-bfloat16", "llama"), ("qwen2-float16", "qwen2")] {
        let (files, model) = open(&fixture(name));
        let saved = directory.path().join(name);
        save_model(&saved, &model, &files, &mut |_, _| ()).unwrap();
        let (again, reloaded) = open(&saved);
        assert_eq!((again.config, again.weights.names()), (files.config, files.weights.names()));
        assert_close(&logits(&reloaded, prompts_of), &logits(&model, prompts_of), 0.0);
        let config: Value = serde_json::from_slice(&fs::read(saved.join("config.json")).unwrap()).unwrap();
        assert_eq!((&config["dtype"], &config["torch_dtype"]), (&json!("float32"), &json!("float32")));
    }
}

#[test]
fn a_trained_readout_is_saved_apart_from_the_embedding() {
    let directory = tempfile::tempdir().unwrap();
    let (files, model) = trained("llama", Method::Probe { l2: 0.0 });
    let saved = directory.path().join("probe");
    save_model(&saved, &model, &files, &mut |_, _| ()).unwrap();
    let (again, reloaded) = open(&saved);
    assert!(files.config.tie_word_embeddings && !again.config.tie_word_embeddings);
    assert!(tensors(&saved.join("model.safetensors")).contains_key("lm_head.weight"));
    assert_close(&logits(&reloaded, "llama"), &logits(&model, "llama"), 0.0);
    let (_, untrained) = open(&fixture("llama"));
    let moved = logits(&reloaded, "llama").iter().zip(logits(&untrained, "llama")).any(|(a, b)| (a - b).abs() > 0.1);
    assert!(moved, "the readout was trained");
}

/// The tiny Llama, whose configuration ties the readout to the embedding, with a readout of its own in the file: the embedding's
/// negative, as a merged fine-tune might have it.
fn with_own_head(folder: &Path) {
    let source = fixture("llama");
    for name in ["config.json", "tokenizer.json"] {
        fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    let mut all = tensors(&source.join("model.safetensors"));
    let (shape, numbers) = all["model.embed_tokens.weight"].clone();
    all.insert("lm_head.weight".to_owned(), (shape, numbers.into_iter().map(|x| -x).collect()));
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = all
        .into_iter()
        .map(|(name, (shape, numbers))| (name, shape, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let views =
        bytes.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    fs::write(folder.join("model.safetensors"), serialize(views, None).unwrap()).unwrap();
}

#[test]
fn a_readout_of_a_files_own_is_answered_with_trained_and_saved_though_the_configuration_ties_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("own");
    fs::create_dir(&place).unwrap();
    with_own_head(&place);
    let (_, tied) = open(&fixture("llama"));
    let (_, own) = open(&place);
    let negative: Vec<f32> = logits(&tied, "llama").iter().map(|x| -x).collect();
    assert_close(&logits(&own, "llama"), &negative, 0.0);
    let part = |model: &LanguageModel, name: &str| -> Vec<f32> {
        let tensor = if name == "head" { model.readout().clone() } else { model.embedding.clone() };
        tensor.try_into_vec_as().unwrap()
    };
    let moved = |model: &LanguageModel, name: &str| part(model, name) != part(&own, name);
    let lora = LoraSettings { rank: 2, alpha: 4.0, modules: vec![LoraModule::QProj] };
    for (k, (method, parts)) in
        [(Method::Full, [true, true]), (Method::Lora(lora), [false, false]), (Method::Probe { l2: 0.0 }, [false, true])]
            .into_iter()
            .enumerate()
    {
        let (files, mut model) = open(&place);
        let examples: Vec<Example> = prompts("llama").into_iter().map(|prompt| Example { prompt, target: 3 }).collect();
        let settings = TrainingSettings {
            method: method.clone(),
            optimizer: OptimizerKind::Sgd,
            learning_rate: 0.05,
            schedule: Schedule { decay: Decay::Constant, warmup_steps: 0 },
            epochs: 2,
            batch_size: 100,
            shuffle: false,
            clip_norm: None,
            seed: 1,
        };
        let losses = fine_tune(&mut model, &examples, &settings, None, &mut |_| true).unwrap();
        assert!(losses.last() < losses.first(), "{method:?}: {losses:?}");
        // The embedding is trained apart from the readout, and neither is where only an adapter is.
        assert_eq!(["embedding", "head"].map(|name| moved(&model, name)), parts, "{method:?}");
        let saved = directory.path().join(k.to_string());
        save_model(&saved, &model, &files, &mut |_, _| ()).unwrap();
        let (again, reloaded) = open(&saved);
        assert!(!again.config.tie_word_embeddings && again.notes.is_empty());
        assert_close(&logits(&reloaded, "llama"), &logits(&model, "llama"), 1e-5);
        if let Method::Lora(_) = method {
            let adapter = directory.path().join("adapter");
            save_adapter(&adapter, &model, &base("own")).unwrap();
            let (_, mut onto) = open(&place);
            load_adapter(&mut onto, &adapter).unwrap();
            assert_close(&logits(&onto, "llama"), &logits(&model, "llama"), 1e-6);
        }
    }
}

#[test]
fn adapters_are_merged_into_a_saved_model() {
    let directory = tempfile::tempdir().unwrap();
    for name in MODELS {
        let (files, mut model) = open(&fixture(name));
        load_adapter(&mut model, &fixture(&format!("{name}-lora-trained"))).unwrap();
        let saved = directory.path().join(name);
        save_model(&saved, &model, &files, &mut |_, _| ()).unwrap();
        let (_, merged) = open(&saved);
        assert!(matrices(&merged).all(|(layer, module, _)| merged.layers[layer].module(module).adapter.is_none()));
        assert_close(&logits(&merged, name), &golden(&format!("{name}/lora/logits")), 5e-5);
    }
}

#[test]
fn a_model_from_a_gguf_file_becomes_a_folder_of_the_same_model() {
    let directory = tempfile::tempdir().unwrap();
    for architecture in ["llama", "qwen2", "qwen3"] {
        for bos in [false, true] {
            let mut gguf = Gguf::tiny(architecture);
            gguf.metadata.push(("tokenizer.ggml.add_bos_token".to_owned(), Meta::Bool(bos)));
            let path = directory.path().join(format!("{architecture}-{bos}.gguf"));
            fs::write(&path, gguf.bytes()).unwrap();
            let (files, model) = open(&path);
            let saved = directory.path().join(format!("{architecture}-{bos}"));
            save_model(&saved, &model, &files, &mut |_, _| ()).unwrap();
            assert_eq!(names(&saved), ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
            let (again, _) = open(&saved);
            assert_eq!(again.config, files.config);
            assert_eq!(again.weights.names(), files.weights.names());
            for name in files.weights.names() {
                let shape = files.weights.shape(&name).unwrap();
                assert_eq!(
                    again.weights.read(&name, shape).unwrap(),
                    files.weights.read(&name, shape).unwrap(),
                    "{name}"
                );
            }
            for text in ["Q: Yes 12? A:", " No", "<think>é\n", ""] {
                let ids = files.tokenizer.encode(text).unwrap();
                assert_eq!(again.tokenizer.encode(text).unwrap(), ids, "{architecture} {bos} {text:?}");
                assert_eq!(again.tokenizer.encode_plain(text).unwrap(), files.tokenizer.encode_plain(text).unwrap());
                assert_eq!(ids.len() > files.tokenizer.encode_plain(text).unwrap().len(), bos, "{text:?}");
            }
        }
    }
}

#[test]
fn weights_that_are_not_finite_leave_no_folder() {
    let directory = tempfile::tempdir().unwrap();
    let (files, mut model) = open(&fixture("llama"));
    model.layers[1].mlp_norm = model.layers[1].mlp_norm.clone() * f32::INFINITY;
    let error = save_model(&directory.path().join("model"), &model, &files, &mut |_, _| ()).unwrap_err().to_string();
    assert!(error.contains("model.layers.1.post_attention_layernorm.weight") && error.contains("finite"), "{error}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_model_without_an_adapter_has_none_to_save_and_one_with_an_adapter_takes_no_second() {
    let directory = tempfile::tempdir().unwrap();
    let (_, mut model) = open(&fixture("llama"));
    let error = save_adapter(&directory.path().join("a"), &model, &base("llama")).unwrap_err().to_string();
    assert!(error.contains("no adapter to save"), "{error}");
    let adapter = fixture("llama-lora-trained");
    load_adapter(&mut model, &adapter).unwrap();
    assert!(load_adapter(&mut model, &adapter).unwrap_err().to_string().contains("has an adapter already"));
    if let Some(adapter) = &mut model.layers[0].q.adapter {
        adapter.scale *= 2.0;
    }
    let error = save_adapter(&directory.path().join("a"), &model, &base("llama")).unwrap_err().to_string();
    assert!(error.contains("differ in rank or scale"), "{error}");
    assert!(names(directory.path()).is_empty());
}

/// The adapter of PEFT for `llama`, with its tensors and configuration changed.
fn changed(
    folder: &Path,
    config: impl FnOnce(&mut Value),
    tensors_of: impl FnOnce(&mut BTreeMap<String, (Vec<usize>, Vec<f32>)>),
) -> Result<AdapterSummary> {
    let source = fixture("llama-lora-trained");
    let mut fields: Value = serde_json::from_slice(&fs::read(source.join("adapter_config.json")).unwrap()).unwrap();
    config(&mut fields);
    let mut all = tensors(&source.join("adapter_model.safetensors"));
    tensors_of(&mut all);
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = all
        .into_iter()
        .map(|(name, (shape, numbers))| (name, shape, numbers.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let views =
        bytes.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    fs::write(folder.join("adapter_config.json"), fields.to_string()).unwrap();
    fs::write(folder.join("adapter_model.safetensors"), serialize(views, None).unwrap()).unwrap();
    let (_, mut model) = open(&fixture("llama"));
    let before = logits(&model, "llama");
    let found = load_adapter(&mut model, folder);
    if let Err(e) = &found {
        assert!(!e.to_string().contains('\n') && e.to_string().contains("adapter_"), "{e}");
        assert_close(&logits(&model, "llama"), &before, 0.0);
    }
    found
}

#[test]
fn adapters_that_do_not_fit_are_refused_and_leave_the_model_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let q =
        |layer: usize, half: char| format!("base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{half}.weight");
    let none = |_: &mut Value| ();
    assert!(changed(folder, none, |_| ()).is_ok());
    let refusal = |found: Result<AdapterSummary>| found.unwrap_err().to_string();

    let message = refusal(changed(folder, none, |all| drop(all.remove(&q(1, 'B')))));
    assert!(
        message.contains("there is no tensor") && message.contains("layers.1.self_attn.q_proj.lora_B"),
        "{message}"
    );

    let message = refusal(changed(folder, none, |all| {
        let half = all[&q(1, 'A')].clone();
        all.insert(q(2, 'A'), half);
    }));
    assert!(message.contains("layers.2.") && message.contains("beyond the model's 2"), "{message}");

    let message = refusal(changed(folder, none, |all| {
        all.insert("base_model.model.model.layers.0.self_attn.q_proj.lora_m".to_owned(), (vec![1], vec![1.0]));
    }));
    assert!(message.contains("q_proj.lora_m\"") && message.contains("neither half"), "{message}");

    let message = refusal(changed(folder, none, |all| all.get_mut(&q(0, 'A')).unwrap().0 = vec![32, 4]));
    assert!(message.contains("has shape [32, 4]") && message.contains("[4, 32]"), "{message}");

    let message = refusal(changed(folder, none, |all| all.get_mut(&q(0, 'A')).unwrap().1[5] = f32::NAN));
    assert!(message.contains("NaN at number 5"), "{message}");

    // Half the rank that the tensors have, a name too few, names that are none of the model's, and another method.
    let message = refusal(changed(folder, |config| config["r"] = json!(2), |_| ()));
    assert!(message.contains("has shape [4, ") && message.contains("makes it [2, "), "{message}");
    let message = refusal(changed(folder, |config| config["target_modules"] = json!(["q_proj"]), |_| ()));
    assert!(message.contains("neither half of an update that adapter_config.json names"), "{message}");
    for name in ["lm_head", "embed_tokens", "c_attn", "model.layers.2.self_attn.q_proj", "proj"] {
        let message = refusal(changed(folder, |config| config["target_modules"] = json!(["q_proj", name]), |_| ()));
        assert!(message.contains(&format!("target_modules names {name:?}")), "{message}");
    }
    let message = refusal(changed(folder, |config| config["use_dora"] = json!(true), |_| ()));
    assert!(message.contains("use_dora is true"), "{message}");
    assert_eq!(
        changed(folder, |config| config["target_modules"] = json!("all-linear"), |_| ()).unwrap().n_matrices,
        14
    );
}

#[test]
fn damaged_adapter_files_are_errors_and_never_panics() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let source = fixture("qwen2-lora-trained");
    let (_, model) = open(&fixture("qwen2"));
    let load = || load_adapter(&mut model.clone(), folder);
    assert!(load().unwrap_err().to_string().contains("adapter_config.json"));
    let config = fs::read(source.join("adapter_config.json")).unwrap();
    fs::write(folder.join("adapter_config.json"), &config).unwrap();
    assert!(load().unwrap_err().to_string().contains("adapter_model.safetensors"));
    fs::write(folder.join("adapter_model.bin"), "pickle").unwrap();
    assert!(load().unwrap_err().to_string().contains("adapter_model.bin, which is not read"));
    let good = fs::read(source.join("adapter_model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let path = folder.join("adapter_model.safetensors");
    for length in (0..header).step_by(37).chain([header, header + 5, good.len() - 1]) {
        fs::write(&path, &good[..length]).unwrap();
        assert!(load().is_err(), "cut to {length} bytes");
    }
    for k in 0..header {
        let mut bytes = good.clone();
        bytes[k] = bytes[k].wrapping_add(1);
        fs::write(&path, &bytes).unwrap();
        if let Err(e) = load() {
            assert!(!e.to_string().contains('\n'), "{e}");
        }
    }
    fs::write(&path, &good).unwrap();
    assert!(load().is_ok());
    for k in (0..config.len()).step_by(3) {
        let mut bytes = config.clone();
        bytes[k] = bytes[k].wrapping_add(1);
        fs::write(folder.join("adapter_config.json"), &bytes).unwrap();
        let _ = load();
    }
}

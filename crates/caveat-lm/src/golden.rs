//! Tests of models and training against Hugging Face Transformers, PEFT and torch.optim: see tests/fixtures/README.md.

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::device::{device, name_of_tests};
use crate::model::{Adapter, LanguageModel, Part};
use crate::model_files::open_model;
use crate::training::{
    Decay, Example, LoraModule, LoraSettings, Method, OptimizerKind, Schedule, TrainingSettings, backpropagate, train,
};
use crate::trie::PromptTrie;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

struct Golden {
    json: Value,
    arrays: Vec<u8>,
}

impl Golden {
    fn read() -> Self {
        let json = serde_json::from_slice(&std::fs::read(fixtures().join("golden.json")).unwrap()).unwrap();
        Self { json, arrays: std::fs::read(fixtures().join("golden.safetensors")).unwrap() }
    }

    fn array(&self, name: &str) -> Vec<f64> {
        floats(&self.arrays, name).1
    }

    fn model(&self, name: &str) -> &Value {
        &self.json["models"][name]
    }

    fn prompts(&self, name: &str) -> Vec<Vec<u32>> {
        serde_json::from_value(self.model(name)["token_ids"].clone()).unwrap()
    }

    fn examples(&self, name: &str) -> Vec<Example> {
        let targets: Vec<u32> = serde_json::from_value(self.model(name)["targets"].clone()).unwrap();
        self.prompts(name).into_iter().zip(targets).map(|(prompt, target)| Example { prompt, target }).collect()
    }

    fn batches(&self) -> Vec<Vec<usize>> {
        serde_json::from_value(self.json["batches"].clone()).unwrap()
    }
}

fn floats(file: &[u8], name: &str) -> (Vec<usize>, Vec<f64>) {
    let tensors = SafeTensors::deserialize(file).unwrap();
    let view = tensors.tensor(name).unwrap();
    let values = view.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect();
    (view.shape().to_vec(), values)
}

fn load(name: &str, dtype: DType) -> LanguageModel {
    let files = open_model(&fixtures().join(name)).unwrap();
    LanguageModel::load_as(&files, &device(&name_of_tests()).unwrap(), dtype, &mut |_, _| ()).unwrap()
}

fn numbers(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data_as::<f64>().try_into_vec::<f64>().unwrap()
}

fn logits(model: &LanguageModel, prompts: &[Vec<u32>]) -> Vec<f64> {
    numbers(model.logits(model.hidden_states(prompts, &mut |_| ()).unwrap()))
}

/// The largest deviation, over the largest expected magnitude.
#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let deviation = found.iter().zip(expected).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
    assert!(deviation <= tolerance * scale, "{what}: deviates by {deviation:e} of {scale:e}");
}

/// What is expected of each precision. Transformers computes normalizations and rotations in f32 even where all else is f64, and
/// golden values are stored as f32.
const PRECISIONS: [(DType, f64); 2] = [(DType::F64, 1e-5), (DType::F32, 1e-4)];

/// Those that the device has: a graphics processor computes in f32 only.
fn possible(precisions: [(DType, f64); 2]) -> impl Iterator<Item = (DType, f64)> {
    let all = name_of_tests() == "cpu";
    precisions.into_iter().filter(move |(dtype, _)| all || *dtype == DType::F32)
}

const MODELS: [&str; 3] = ["llama", "qwen2", "qwen3"];

#[test]
fn logits_and_hidden_states_are_those_of_transformers() {
    let golden = Golden::read();
    for (dtype, tolerance) in possible(PRECISIONS) {
        for name in MODELS {
            let model = load(name, dtype);
            let states = model.hidden_states(&golden.prompts(name), &mut |_| ()).unwrap();
            assert_close(name, &numbers(states.clone()), &golden.array(&format!("{name}/hidden")), tolerance);
            assert_close(name, &numbers(model.logits(states)), &golden.array(&format!("{name}/logits")), tolerance);
        }
        for (name, like) in [("llama-bfloat16", "llama"), ("qwen2-float16", "qwen2")] {
            let found = logits(&load(name, dtype), &golden.prompts(like));
            assert_close(name, &found, &golden.array(&format!("{name}/logits")), tolerance);
        }
    }
}

#[test]
fn token_ids_are_those_of_transformers() {
    let golden = Golden::read();
    let texts: Vec<String> = serde_json::from_value(golden.json["prompts"].clone()).unwrap();
    for name in MODELS {
        let files = open_model(&fixtures().join(name)).unwrap();
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| files.tokenizer.encode(text).unwrap()).collect();
        assert_eq!(ids, golden.prompts(name), "{name}");
    }
}

/// All gradients of the mean loss of all prompts, by Hugging Face's names and in its layout.
fn gradients(model: &mut LanguageModel, examples: &[Example]) -> (f64, Vec<(String, Vec<f64>)>) {
    let prompts: Vec<&[u32]> = examples.iter().map(|example| example.prompt.as_slice()).collect();
    let targets: Vec<u32> = examples.iter().map(|example| example.target).collect();
    let mut all = Vec::new();
    let loss = backpropagate(model, &PromptTrie::new(&prompts), &targets, Part::Base, &mut |model, gradients| {
        for (name, gradient) in gradients {
            let gradient = match name.as_str() {
                "model.embed_tokens.weight" => gradient.whole(&model.embedding),
                "lm_head.weight" => gradient.whole(model.readout()),
                _ => gradient.whole(&model.norm),
            };
            let transposed = name.contains("_proj.weight");
            all.push((name, numbers(if transposed { gradient.transpose() } else { gradient })));
        }
    });
    (loss, all)
}

#[test]
fn gradients_are_those_of_pytorch() {
    let golden = Golden::read();
    for (dtype, tolerance) in possible(PRECISIONS) {
        for name in MODELS {
            let mut model = load(name, dtype);
            let (loss, found) = gradients(&mut model, &golden.examples(name));
            let expected = golden.model(name);
            assert_close(name, &[loss], &[expected["loss"].as_f64().unwrap()], tolerance);
            let expected = expected["gradients"].as_object().unwrap();
            assert_eq!(found.len(), expected.len(), "{name}: every parameter has its gradient, once");
            for (parameter, gradient) in found {
                let of = &expected[&parameter];
                let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let scale = of["norm"].as_f64().unwrap();
                assert!((norm - scale).abs() <= tolerance * scale, "{name} {parameter}: norm {norm} of {scale}");
                let indices: Vec<usize> = serde_json::from_value(of["indices"].clone()).unwrap();
                let values: Vec<f64> = serde_json::from_value(of["values"].clone()).unwrap();
                for (index, value) in indices.into_iter().zip(values) {
                    assert!((gradient[index] - value).abs() <= tolerance * scale, "{name} {parameter} [{index}]");
                }
                if name == "llama" {
                    assert_close(
                        &parameter,
                        &gradient,
                        &golden.array(&format!("llama/gradient/{parameter}")),
                        tolerance,
                    );
                }
            }
        }
    }
}

/// Puts PEFT's adapters of a fixture into a model.
fn put_adapters(model: &mut LanguageModel, folder: &str, scale: f64) -> LoraSettings {
    let file = std::fs::read(fixtures().join(folder).join("adapter_model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let mut settings = LoraSettings { rank: 4, alpha: 4.0 * scale, modules: Vec::new() };
    let (device, dtype) = (model.device.clone(), model.dtype);
    for (index, layer) in model.layers.iter_mut().enumerate() {
        for module in LoraModule::ALL {
            let part = if matches!(module.name(), "gate_proj" | "up_proj" | "down_proj") { "mlp" } else { "self_attn" };
            let stem = format!("base_model.model.model.layers.{index}.{part}.{module}");
            if !tensors.names().iter().any(|name| name.starts_with(&stem)) {
                continue;
            }
            let read = |half: &str| {
                let (shape, values) = floats(&file, &format!("{stem}.{half}.weight"));
                Tensor::<2>::from_data(TensorData::new(values, [shape[0], shape[1]]), (&device, dtype)).transpose()
            };
            layer.module_mut(module).adapter = Some(Adapter { a: read("lora_A"), b: read("lora_B"), scale });
            if index == 0 {
                settings.modules.push(module);
            }
        }
    }
    settings
}

#[test]
fn five_steps_of_every_method_lose_what_pytorch_and_peft_lose() {
    let golden = Golden::read();
    // Rounding of f32 is amplified where AdamW divides a gradient that is nothing but rounding by its own size.
    for (dtype, tolerance) in possible(PRECISIONS) {
        for name in MODELS {
            let runs = golden.model(name)["runs"].as_object().unwrap();
            for (run, expected) in runs {
                let mut model = load(name, dtype);
                let method = match run.as_str() {
                    "lora" => {
                        let scale = expected["lora_alpha"].as_f64().unwrap() / expected["r"].as_f64().unwrap();
                        Method::Lora(put_adapters(&mut model, expected["initial"].as_str().unwrap(), scale))
                    }
                    "probe_l2_0.1" => Method::Probe { l2: 0.1 },
                    "probe_l2_0" => Method::Probe { l2: 0.0 },
                    _ => Method::Full,
                };
                let sgd = run.contains("sgd");
                let rates: Vec<f64> = serde_json::from_value(expected["learning_rates"].clone()).unwrap();
                let schedule = match run.contains("cosine") {
                    true => Schedule { decay: Decay::Cosine, warmup_steps: 2 },
                    false => Schedule { decay: Decay::Constant, warmup_steps: 0 },
                };
                let settings = TrainingSettings {
                    method,
                    optimizer: if sgd { OptimizerKind::Sgd } else { OptimizerKind::adamw(None) },
                    learning_rate: rates.iter().copied().fold(0.0, f64::max),
                    schedule,
                    epochs: 1,
                    batch_size: 1,
                    shuffle: false,
                    clip_norm: run.contains("clipped").then_some(0.5),
                    seed: 0,
                };
                for (step, &rate) in rates.iter().enumerate() {
                    let found = settings.learning_rate * schedule.factor(step, rates.len());
                    assert!((found - rate).abs() <= 1e-12 * settings.learning_rate, "{run}: rate of step {step}");
                }
                let examples = golden.examples(name);
                let losses = train(&mut model, &examples, &golden.batches(), &settings, None, &mut |_| true).unwrap();
                let of_pytorch: Vec<f64> = serde_json::from_value(expected["losses"].clone()).unwrap();
                assert_close(&format!("{name} {run} {dtype:?}"), &losses, &of_pytorch, tolerance);
                let expected = golden.array(&format!("{name}/{run}/logits"));
                let found = logits(&model, &golden.prompts(name));
                assert_close(&format!("{name} {run} {dtype:?}: logits"), &found, &expected, 3.0 * tolerance);
            }
        }
    }
}

#[test]
fn a_trie_is_the_same_function_as_separate_prompts() {
    let golden = Golden::read();
    for (dtype, tolerance) in possible([(DType::F64, 1e-13), (DType::F32, 1e-5)]) {
        for name in MODELS {
            let mut model = load(name, dtype);
            let examples = golden.examples(name);
            let together = logits(&model, &golden.prompts(name));
            let apart: Vec<f64> =
                golden.prompts(name).iter().flat_map(|p| logits(&model, std::slice::from_ref(p))).collect();
            assert_close(name, &together, &apart, tolerance);

            let (loss, packed) = gradients(&mut model, &examples);
            let mut mean: Vec<(String, Vec<f64>)> =
                packed.iter().map(|(parameter, g)| (parameter.clone(), vec![0.0; g.len()])).collect();
            let mut mean_loss = 0.0;
            for example in &examples {
                let (loss, of_one) = gradients(&mut model, std::slice::from_ref(example));
                mean_loss += loss / examples.len() as f64;
                for ((_, mean), (_, gradient)) in mean.iter_mut().zip(of_one) {
                    mean.iter_mut().zip(gradient).for_each(|(m, g)| *m += g / examples.len() as f64);
                }
            }
            assert_close(name, &[loss], &[mean_loss], tolerance);
            for ((parameter, packed), (_, mean)) in packed.iter().zip(&mean) {
                assert_close(&format!("{name} {parameter}"), packed, mean, tolerance);
            }
        }
    }
}

/// Mean cross-entropy, computed without differentiation.
fn loss_of(model: &LanguageModel, examples: &[Example]) -> f64 {
    let prompts: Vec<Vec<u32>> = examples.iter().map(|example| example.prompt.clone()).collect();
    let logits = logits(model, &prompts);
    let width = logits.len() / examples.len();
    let losses = logits.chunks(width).zip(examples).map(|(row, example)| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter().map(|l| (l - largest).exp()).sum::<f64>().ln() + largest - row[example.target as usize]
    });
    losses.sum::<f64>() / examples.len() as f64
}

/// Applies `change` to the tensor of a name.
fn with_parameter(model: &mut LanguageModel, parameter: &str, change: impl FnOnce(&mut Tensor<2>)) {
    let mut change = Some(change);
    if let Some(rest) = parameter.strip_prefix("model.layers.") {
        let (index, below) = rest.split_once('.').unwrap();
        model.layers[index.parse::<usize>().unwrap()].visit_mut(&mut |name, _, tensor| {
            if name == below
                && let Some(change) = change.take()
            {
                change(tensor);
            }
        });
    } else {
        let tensor = match parameter {
            "model.norm.weight" => &mut model.norm,
            "lm_head.weight" => model.readout.as_mut().unwrap(),
            _ => &mut model.embedding,
        };
        if let Some(change) = change.take() {
            change(tensor);
        }
    }
    assert!(change.is_none(), "{parameter} exists");
}

#[test]
fn finite_differences_confirm_the_gradient_of_every_parameter() {
    if name_of_tests() != "cpu" {
        println!("skipped: finite differences need f64, which {} does not compute in", name_of_tests());
        return;
    }
    let golden = Golden::read();
    for name in MODELS {
        for trainable in [Part::Base, Part::Adapter] {
            let mut model = load(name, DType::F64);
            if trainable == Part::Adapter {
                put_adapters(&mut model, &format!("{name}-lora-trained"), 2.0);
            }
            let examples = golden.examples(name);
            let prompts: Vec<&[u32]> = examples.iter().map(|example| example.prompt.as_slice()).collect();
            let targets: Vec<u32> = examples.iter().map(|example| example.target).collect();
            let mut all = Vec::new();
            backpropagate(&mut model, &PromptTrie::new(&prompts), &targets, trainable, &mut |model, gradients| {
                all.extend(gradients.into_iter().map(|(name, gradient)| {
                    let parameter = if name == "lm_head.weight" { model.readout() } else { &model.embedding };
                    (name, gradient.whole(parameter))
                }));
            });
            assert!(all.len() >= 8, "{name}: {} parameters", all.len());
            for (parameter, gradient) in all {
                // The direction of steepest ascent has the largest derivative, the gradient's norm, and so the least rounding.
                let norm = gradient.clone().square().sum().into_scalar::<f64>().sqrt();
                let direction = gradient / norm;
                let central = |h: f64| {
                    let at = |t: f64| {
                        let mut moved = model.clone();
                        with_parameter(&mut moved, &parameter, |p| *p = p.clone() + direction.clone() * t);
                        loss_of(&moved, &examples)
                    };
                    (at(h) - at(-h)) / (2.0 * h)
                };
                // Richardson's extrapolation removes the error of order h².
                let h = 1e-3 / (1.0 + norm);
                let derivative = (4.0 * central(h) - central(2.0 * h)) / 3.0;
                // Rounding of the loss over the step; what is left of order h⁴ is below it.
                let tolerance = 1e-9 * norm + 8.0 * f64::EPSILON * 10.0 / h;
                assert!((derivative - norm).abs() <= tolerance, "{name} {parameter}: {derivative} of {norm}");
            }
        }
    }
}

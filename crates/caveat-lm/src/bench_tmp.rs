//! temporary
use std::time::Instant;
use burn::tensor::{DType, Device};
use rand::{RngExt, SeedableRng};
use crate::config::*;
use crate::model::*;
use crate::training::*;
use crate::trie::PromptTrie;
fn rss() -> f64 { let s = std::fs::read_to_string("/proc/self/status").unwrap(); let l = s.lines().find(|l| l.starts_with("VmHWM")).unwrap(); l.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()/1048576.0 }
/// temporary
pub fn bench() {
    let config = ModelConfig { architecture: Architecture::Llama, vocab_size: 49152, hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 30, num_attention_heads: 9, num_key_value_heads: 3, head_dim: 64, rms_norm_eps: 1e-5, rope_theta: 1e4, rope_scaling: None, max_position_embeddings: 2048, tie_word_embeddings: true, attention_bias: false, attention_output_bias: false, mlp_bias: false };
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let device = Device::flex();
    let t = Instant::now();
    let mut model = LanguageModel::build(&config, &device, DType::F32, |_, shape| { let n: usize = shape.iter().product(); Ok((0..n).map(|_| (rng.random::<f32>() - 0.5) * 0.08).collect()) }).unwrap();
    println!("build {:?} rss {:.2}", t.elapsed(), rss());
    let preamble: Vec<u32> = (0..36).collect();
    let prompt = |a: u32, b: u32| { let mut p = preamble.clone(); for i in 0..5 { p.push(100 + a * 10 + i); } for i in 0..6 { p.push(300 + b * 10 + i); } p.push(7); p };
    let all: Vec<Vec<u32>> = (0..9).flat_map(|a| (0..9).filter(move |&b| b != a).map(move |b| prompt(a, b))).collect();
    for _ in 0..std::env::args().nth(3).and_then(|n| n.parse().ok()).unwrap_or(3) { let t = Instant::now(); let h = model.hidden_states(&all, &mut |_| ()).unwrap(); let l = model.logits(h); let s: f32 = l.sum().into_scalar(); println!("eval {:?} {s} rss {:.2}", t.elapsed(), rss()); }
    let train: Vec<Vec<u32>> = (0..8).flat_map(|a| [prompt(a, a + 1), prompt(a + 1, a)]).collect();
    let targets: Vec<u32> = (0..16).map(|i| i % 2).collect();
    let trie = PromptTrie::new(&train);
    println!("nodes {} of {}", trie.len(), train.iter().map(Vec::len).sum::<usize>());
    let rank = 32;
    let full = std::env::args().nth(1).as_deref() == Some("full");
    if !full {
        for layer in &mut model.layers {
            for linear in [&mut layer.q, &mut layer.k, &mut layer.v, &mut layer.o, &mut layer.up, &mut layer.down] {
                let [i, o] = linear.weight.dims();
                let a = burn::tensor::Tensor::<2>::ones([i, rank], (&device, DType::F32)) * 0.01;
                let b = burn::tensor::Tensor::<2>::zeros([rank, o], (&device, DType::F32));
                linear.adapter = Some(Adapter { a, b, scale: 2.0 });
            }
        }
    }
    let mut optimizer = Optimizer::new(OptimizerKind::ADAMW);
    let trainable = if full { Trainable::Full } else { Trainable::Adapters };
    for _ in 0..std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(5) {
        let t = Instant::now();
        optimizer.begin_step(1e-4);
        let mut upd = std::time::Duration::ZERO;
        let loss = crate::vector::in_pool(|| backpropagate(&mut model, &trie, &targets, trainable, &mut |m, g| { let t = Instant::now(); update(m, &mut optimizer, g); upd += t.elapsed(); }));
        println!("step {:?} update {upd:?} loss {loss} rss {:.2}", t.elapsed(), rss());
    }
}

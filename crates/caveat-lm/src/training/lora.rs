//! Adds low-rank adapters, with initial values drawn as in PEFT, to the matrices of a model.

use burn::tensor::{Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::settings::{LoraModule, LoraSettings};
use crate::model::{Adapter, LanguageModel, Layer, Linear};

impl Layer {
    /// The matrix of a module.
    pub(crate) fn module(&self, module: LoraModule) -> &Linear {
        let Self { q, k, v, o, gate, up, down, .. } = self;
        [q, k, v, o, gate, up, down][module as usize]
    }

    /// The matrix of a module, mutable.
    pub(crate) fn module_mut(&mut self, module: LoraModule) -> &mut Linear {
        let Self { q, k, v, o, gate, up, down, .. } = self;
        let all = [q, k, v, o, gate, up, down];
        &mut *all[module as usize]
    }
}

/// Adds adapters that have no effect yet: A uniform within ±1/√inputs (PEFT's Kaiming-uniform with a = √5), B zero.
pub(crate) fn add_adapters(model: &mut LanguageModel, settings: &LoraSettings, seed: u64) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    // A separate stream, since the order of prompts is drawn from the same seed.
    rng.set_stream(1);
    let (device, dtype) = (model.device.clone(), model.dtype);
    let scale = settings.alpha / settings.rank as f64;
    for layer in &mut model.layers {
        for &module in &settings.modules {
            let linear = layer.module_mut(module);
            let [inputs, outputs] = linear.weight.dims();
            let bound = (inputs as f64).sqrt().recip();
            let values: Vec<f64> = (0..inputs * settings.rank).map(|_| rng.random_range(-bound..bound)).collect();
            let a = Tensor::from_data(TensorData::new(values, [inputs, settings.rank]), (&device, dtype));
            let b = Tensor::zeros([settings.rank, outputs], (&device, dtype));
            linear.adapter = Some(Adapter { a, b, scale });
        }
    }
}

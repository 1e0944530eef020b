//! Rotary position embedding: the angle of every frequency at every position.

use std::f64::consts::TAU;

use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::config::{ModelConfig, RopeScaling};

/// The rotary frequencies of a model, in radians per position, highest first.
#[derive(Debug, Clone)]
pub(crate) struct RotaryTables {
    frequencies: Vec<f64>,
    dtype: DType,
}

impl RotaryTables {
    /// The frequencies θ^(−2i/d), scaled as the model says. Tables have the type `dtype`.
    pub(crate) fn new(config: &ModelConfig, dtype: DType) -> Self {
        let half = config.head_dim / 2;
        let plain = (0..half).map(|i| config.rope_theta.powf(-(i as f64) / half as f64));
        let frequencies = match &config.rope_scaling {
            None => plain.collect(),
            Some(RopeScaling::Divisors(divisors)) => {
                plain.zip(divisors).map(|(frequency, &divisor)| frequency / f64::from(divisor)).collect()
            }
            Some(RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: context,
            }) => {
                let (factor, low, high, context) = (*factor, *low_freq_factor, *high_freq_factor, *context);
                plain.map(|frequency| frequency * llama3_factor(frequency, [factor, low, high, context])).collect()
            }
        };
        Self { frequencies, dtype }
    }

    /// Cosines and sines of all frequencies at `positions`, [positions, head_dim / 2] each.
    pub(crate) fn cosines_and_sines(&self, positions: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let angles = positions
            .iter()
            .flat_map(|&position| self.frequencies.iter().map(move |frequency| position as f64 * frequency));
        angles.map(|angle| (angle.cos(), angle.sin())).unzip()
    }

    /// The same as tensors, [positions, 1, head_dim / 2] each.
    pub(crate) fn tensors(&self, positions: &[usize], device: &Device) -> (Tensor<3>, Tensor<3>) {
        let shape = [positions.len(), 1, self.frequencies.len()];
        let (cos, sin) = self.cosines_and_sines(positions);
        let table = |values: Vec<f64>| Tensor::from_data(TensorData::new(values, shape), (device, self.dtype));
        (table(cos), table(sin))
    }
}

/// What Llama 3's interpolation multiplies a frequency by, given its factor, low and high frequency factor and the context length of
/// pre-training. A frequency of which few wavelengths fit into that context is slowed; one of which many fit is kept.
pub(crate) fn llama3_factor(frequency: f64, [factor, low, high, context]: [f64; 4]) -> f64 {
    let waves = context * frequency / TAU;
    let kept = ((waves - low) / (high - low)).clamp(0.0, 1.0);
    kept + (1.0 - kept) / factor
}

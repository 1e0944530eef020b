//! Training of the readout: the loss of logits, and gradients of vocabulary matrices, computed row by row as they are applied.
//!
//! The gradient of a readout is a combination of the step's few hidden states, and that of an embedding is zero except for the tokens
//! of the step. Stored in full, they would be as large as the matrix, the largest of a small model, and cost writing and reading it.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Device, IndexingUpdateOp, Int, Tensor, TensorData};
use rayon::prelude::*;

use crate::vector::vectorized;

/// The derivative of the mean cross-entropy by the logits: (softmax − one-hot) / prompts, [prompts, vocabulary].
#[derive(Debug)]
pub(crate) struct LogitErrors {
    values: Vec<f64>,
    vocabulary: usize,
}

/// The mean cross-entropy of logits [prompts, vocabulary] at the target tokens, and its derivative.
pub(crate) fn cross_entropy(logits: Tensor<2>, targets: &[u32]) -> (f64, LogitErrors) {
    let [rows, vocabulary] = logits.dims();
    let mut values = logits.into_data_as::<f64>().try_into_vec::<f64>().unwrap_or_default();
    let losses: Vec<f64> = values
        .par_chunks_mut(vocabulary)
        .zip(targets)
        .map(|(row, &target)| {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let chosen = row[target as usize] - largest;
            row.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
            let total: f64 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= total * rows as f64);
            row[target as usize] -= 1.0 / rows as f64;
            total.ln() - chosen
        })
        .collect();
    (losses.iter().sum::<f64>() / rows as f64, LogitErrors { values, vocabulary })
}

impl LogitErrors {
    /// The errors as a tensor [prompts, vocabulary].
    pub(crate) fn tensor(&self, device: &Device, dtype: DType) -> Tensor<2> {
        let shape = [self.values.len() / self.vocabulary, self.vocabulary];
        Tensor::from_data(TensorData::new(self.values.clone(), shape), (device, dtype))
    }
}

/// The gradient of a matrix [vocabulary, hidden] as the sum of its parts, times `factor`.
#[derive(Debug)]
pub(crate) struct RowGradient {
    /// Errors of logits and the hidden states [prompts, hidden] they come from, if the matrix is a readout.
    pub(crate) read: Option<(LogitErrors, Tensor<2>)>,
    /// Tokens and the gradients of their embeddings, [tokens, hidden], if the matrix is an embedding.
    pub(crate) embedded: Option<(Vec<u32>, Tensor<2>)>,
    /// A penalty l2 · Σ(W − W₀)², as (l2, W₀).
    pub(crate) penalty: Option<(f64, Tensor<2>)>,
    pub(crate) factor: f64,
}

impl RowGradient {
    /// The whole gradient of the matrix `parameter`.
    pub(crate) fn whole(&self, parameter: &Tensor<2>) -> Tensor<2> {
        let (device, dtype) = (parameter.device(), parameter.dtype());
        let mut gradient = match &self.read {
            Some((errors, states)) => errors.tensor(&device, dtype).transpose().matmul(states.clone()),
            None => parameter.zeros_like(),
        };
        if let Some((tokens, embedded)) = &self.embedded {
            let tokens: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
            let n = tokens.len();
            let tokens = Tensor::<1, Int>::from_data(TensorData::new(tokens, [n]), &device);
            gradient = gradient.select_assign(0, tokens, embedded.clone(), IndexingUpdateOp::Add);
        }
        if let Some((l2, initial)) = &self.penalty {
            gradient = gradient + (parameter.clone() - initial.clone()) * (2.0 * l2);
        }
        if self.factor == 1.0 { gradient } else { gradient * self.factor }
    }

    /// The gradient prepared for computing it row by row, if it is f32 on the processor.
    pub(crate) fn rows(&self) -> Option<Rows<'_>> {
        let (mut read, mut places, mut embedded, mut penalty) = (None, Vec::new(), None, None);
        if let Some((errors, states)) = &self.read {
            read = Some((errors, on_processor(states)?));
        }
        if let Some((tokens, gradients)) = &self.embedded {
            places.extend(tokens.iter().enumerate().map(|(node, &token)| (token as usize, node)));
            places.sort_unstable();
            embedded = Some(on_processor(gradients)?);
        }
        if let Some((l2, initial)) = &self.penalty {
            penalty = Some(((2.0 * l2) as f32, on_processor(initial)?));
        }
        Some(Rows { read, places, embedded, penalty, factor: self.factor as f32 })
    }

    /// The sum of squares of the gradient of the matrix `parameter`.
    pub(crate) fn square(&self, parameter: &Tensor<2>) -> f64 {
        let on_processor = on_processor(parameter);
        let values = on_processor.as_ref().and_then(|tensor| tensor.as_slice::<f32>());
        let (Some(rows), Some(values)) = (self.rows(), values) else {
            return self.whole(parameter).square().sum().into_scalar::<f64>();
        };
        let piece = PIECE_ROWS * parameter.dims()[1];
        let of_pieces: Vec<f64> = values
            .par_chunks(piece)
            .enumerate()
            .map_init(
                || vec![0.0; piece],
                |scratch, (index, values)| {
                    let out = &mut scratch[..values.len()];
                    rows.form(index * piece, values, out);
                    out.iter().map(|&g| f64::from(g) * f64::from(g)).sum()
                },
            )
            .collect();
        of_pieces.iter().sum()
    }
}

/// Σ (a − b)² of matrices of one shape. For f32 on the processor, no difference matrix is stored.
pub(crate) fn squared_distance(a: &Tensor<2>, b: &Tensor<2>) -> f64 {
    let both = [a, b].map(on_processor);
    let values = both.each_ref().map(|tensor| tensor.as_ref().and_then(|tensor| tensor.as_slice::<f32>()));
    let [Some(a_values), Some(b_values)] = values else {
        return (a.clone() - b.clone()).square().sum().into_scalar::<f64>();
    };
    let piece = PIECE_ROWS * a.dims()[1];
    let of_pieces: Vec<f64> = a_values
        .par_chunks(piece)
        .zip(b_values.par_chunks(piece))
        .map(|(a, b)| {
            // One sum for each number of a vector register.
            let mut sums = [0.0_f64; 8];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
            vectorized(
                #[inline(always)]
                || {
                    for (a, b) in a.iter().zip(b) {
                        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                            let moved = f64::from(a - b);
                            *sum += moved * moved;
                        }
                    }
                },
            );
            let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(a - b).powi(2));
            sums.into_iter().chain(rest).sum()
        })
        .collect();
    of_pieces.iter().sum()
}

/// Rows of a matrix whose squares are summed together. The sums of pieces are added in a fixed order, so that the result does not
/// depend on the number of threads.
const PIECE_ROWS: usize = 16;

/// A tensor of f32 on the processor; none for other tensors.
fn on_processor(tensor: &Tensor<2>) -> Option<FlexTensor> {
    if tensor.dtype() != DType::F32 {
        return None;
    }
    tensor.clone().try_into_primitive::<Flex>().ok().map(|tensor| tensor.to_contiguous())
}

/// A [`RowGradient`] of f32, prepared for computing its rows.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    read: Option<(&'a LogitErrors, FlexTensor)>,
    /// Tokens with the rows of `embedded` that belong to them, sorted.
    places: Vec<(usize, usize)>,
    embedded: Option<FlexTensor>,
    penalty: Option<(f32, FlexTensor)>,
    factor: f32,
}

impl Rows<'_> {
    /// Writes the gradient of `values`, the numbers from `start` onwards, into `out`. `start` must be the start of a row.
    pub(crate) fn form(&self, start: usize, values: &[f32], out: &mut [f32]) {
        let numbers = |tensor: &'_ FlexTensor| tensor.layout().shape()[1];
        let width = [self.read.as_ref().map(|(_, states)| numbers(states)), self.embedded.as_ref().map(numbers)];
        let Some(width) = width.into_iter().flatten().next() else { return out.fill(0.0) };
        let first = start / width;
        let penalty =
            self.penalty.as_ref().and_then(|(pull, initial)| Some((*pull, &initial.as_slice::<f32>()?[start..])));
        let read = self.read.as_ref().and_then(|(errors, states)| Some((*errors, states.as_slice::<f32>()?)));
        let embedded = self.embedded.as_ref().and_then(|gradients| gradients.as_slice::<f32>());
        vectorized(
            #[inline(always)]
            || {
                match penalty {
                    Some((pull, initial)) => {
                        for ((out, &value), &initial) in out.iter_mut().zip(values).zip(initial) {
                            *out = pull * (value - initial);
                        }
                    }
                    None => out.fill(0.0),
                }
                if let Some((errors, states)) = read {
                    for (index, out) in out.chunks_exact_mut(width).enumerate() {
                        for (prompt, state) in states.chunks_exact(width).enumerate() {
                            let error = errors.values[prompt * errors.vocabulary + first + index] as f32;
                            for (out, &state) in out.iter_mut().zip(state) {
                                *out = error.mul_add(state, *out);
                            }
                        }
                    }
                }
                if let Some(gradients) = embedded {
                    let last = first + out.len() / width;
                    let from = self.places.partition_point(|&(token, _)| token < first);
                    for &(token, node) in self.places[from..].iter().take_while(|(token, _)| *token < last) {
                        let out = &mut out[(token - first) * width..][..width];
                        for (out, &g) in out.iter_mut().zip(&gradients[node * width..][..width]) {
                            *out += g;
                        }
                    }
                }
                if self.factor != 1.0 {
                    for out in out.iter_mut() {
                        *out *= self.factor;
                    }
                }
            },
        );
    }
}

/// A gradient of a parameter.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "only those of one layer exist at a time")]
pub(crate) enum Gradient {
    /// All of its numbers.
    Whole(Tensor<2>),
    /// The parts of the gradient of a vocabulary matrix.
    Rows(Box<RowGradient>),
}

impl Gradient {
    /// The gradient of `parameter` as one tensor.
    pub(crate) fn whole(self, parameter: &Tensor<2>) -> Tensor<2> {
        match self {
            Self::Whole(gradient) => gradient,
            Self::Rows(rows) => rows.whole(parameter),
        }
    }

    /// The sum of squares of the gradient of `parameter`.
    pub(crate) fn square(&self, parameter: &Tensor<2>) -> f64 {
        match self {
            Self::Whole(gradient) => gradient.clone().square().sum().into_scalar::<f64>(),
            Self::Rows(rows) => rows.square(parameter),
        }
    }

    /// The gradient times `factor`.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Whole(gradient) => Self::Whole(gradient * factor),
            Self::Rows(mut rows) => {
                rows.factor *= factor;
                Self::Rows(rows)
            }
        }
    }
}

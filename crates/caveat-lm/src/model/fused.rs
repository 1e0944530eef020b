//! Operations of a layer written out for the processor in f32, with their derivatives: one pass over memory each.
//!
//! The framework composes each of these from a dozen elementary operations, each of which reads and writes all numbers. Both give
//! the same results, as tests of one against the other show. Other devices and precisions use the composed operations.

mod attention;
mod elementwise;
mod product;

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Shape, Tensor};

pub(crate) use attention::Attention;
pub(crate) use elementwise::{Gated, RmsNorm, Rotate};
pub(crate) use product::Product;

/// The numbers of a matrix, row-major.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// An operation on N matrices with its derivative.
pub(crate) trait Operation<const N: usize>: Debug + Clone + Send + Sync + 'static {
    /// Rows and columns of the result, by default those of the first input.
    fn shape(&self, inputs: [Matrix<'_>; N]) -> [usize; 2] {
        [inputs[0].rows, inputs[0].columns]
    }

    /// Writes the result.
    fn forward(&self, inputs: [Matrix<'_>; N], out: &mut [f32]);

    /// The gradient of each wanted input, given the gradient of the result.
    fn backward(&self, inputs: [Matrix<'_>; N], gradient: Matrix<'_>, wanted: [bool; N]) -> [Option<Vec<f32>>; N];
}

/// Applies an operation. Unless all inputs are f32 on the processor, they are returned as the error.
pub(crate) fn apply<const N: usize>(
    operation: impl Operation<N>,
    inputs: [Tensor<2>; N],
) -> Result<Tensor<2>, [Tensor<2>; N]> {
    if inputs.iter().any(|input| input.dtype() != DType::F32) {
        return Err(inputs);
    }
    if !inputs.iter().any(Tensor::is_autodiff) {
        let Some(primitives) = all(inputs.clone().map(|input| input.try_into_primitive::<Flex>().ok())) else {
            return Err(inputs);
        };
        let primitives = primitives.map(|primitive| primitive.to_contiguous());
        return Ok(Tensor::from_primitive::<Flex>(evaluate(&operation, &primitives)));
    }
    let primitives = inputs.clone().map(|input| input.autodiff().try_into_primitive::<Autodiff<Flex>>().ok());
    let Some(primitives) = all(primitives) else { return Err(inputs) };
    drop(inputs);
    let parts = primitives.map(|primitive| primitive.into_parts());
    let mut primitives = Vec::with_capacity(N);
    let guards = parts.map(|(primitive, guard)| {
        primitives.push(primitive.to_contiguous());
        guard
    });
    let Ok(primitives) = <[FlexTensor; N]>::try_from(primitives) else { unreachable!("there are N inputs") };
    let output = evaluate(&operation, &primitives);
    let recorded = match Recorded(operation).prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(primitives, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    Ok(Tensor::from_primitive::<Autodiff<Flex>>(recorded))
}

/// An operation recorded with its inputs, which its derivative needs.
#[derive(Debug)]
struct Recorded<O>(O);

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Recorded<O> {
    type State = [FlexTensor; N];

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let inputs = &ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = self.0.backward(matrices(inputs), matrix(&gradient), wanted);
        for ((parent, values), input) in ops.parents.into_iter().zip(found).zip(inputs) {
            if let (Some(parent), Some(values)) = (parent, values) {
                let shape = matrix(input);
                grads.register::<Flex>(parent.id, tensor(values, [shape.rows, shape.columns]));
            }
        }
    }
}

fn evaluate<const N: usize>(operation: &impl Operation<N>, inputs: &[FlexTensor; N]) -> FlexTensor {
    let inputs = matrices(inputs);
    let shape = operation.shape(inputs);
    let mut out = vec![0.0; shape[0] * shape[1]];
    operation.forward(inputs, &mut out);
    tensor(out, shape)
}

fn tensor(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(burn::tensor::TensorData::new(values, Shape::from(shape.to_vec())))
}

/// The values, if none is missing.
fn all<T, const N: usize>(values: [Option<T>; N]) -> Option<[T; N]> {
    values.into_iter().collect::<Option<Vec<T>>>()?.try_into().ok()
}

fn matrices<const N: usize>(tensors: &[FlexTensor; N]) -> [Matrix<'_>; N] {
    tensors.each_ref().map(matrix)
}

/// A contiguous tensor of f32 numbers as a matrix.
fn matrix(tensor: &FlexTensor) -> Matrix<'_> {
    let shape = tensor.layout().shape();
    let values = tensor.as_slice::<f32>().unwrap_or_default();
    Matrix { values, rows: shape[0], columns: shape[1] }
}

//! The matrix products x W and x Wᵀ, and their derivatives.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::{Matrix, Operation};

/// x [rows, inputs] times W [inputs, outputs], or, if transposed, times Wᵀ, with W [outputs, inputs].
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) transposed: bool,
}

impl Operation<2> for Product {
    fn shape(&self, [x, w]: [Matrix<'_>; 2]) -> [usize; 2] {
        [x.rows, if self.transposed { w.rows } else { w.columns }]
    }

    fn forward(&self, [x, w]: [Matrix<'_>; 2], out: &mut [f32]) {
        let w = if self.transposed { w.as_faer().transpose() } else { w.as_faer() };
        product(x.as_faer(), w, out);
    }

    fn backward(&self, [x, w]: [Matrix<'_>; 2], gradient: Matrix<'_>, wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        let (x, w, gradient) = (x.as_faer(), w.as_faer(), gradient.as_faer());
        let of_x = || new_product(gradient, if self.transposed { w } else { w.transpose() });
        let of_w = || match self.transposed {
            true => new_product(gradient.transpose(), x),
            false => new_product(x.transpose(), gradient),
        };
        [wanted[0].then(of_x), wanted[1].then(of_w)]
    }
}

impl<'a> Matrix<'a> {
    fn as_faer(self) -> MatRef<'a, f32> {
        MatRef::from_row_major_slice(self.values, self.rows, self.columns)
    }
}

fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, out: &mut [f32]) {
    let out = MatMut::from_row_major_slice_mut(out, a.nrows(), b.ncols());
    divided(a, b, out, rayon::current_num_threads());
}

fn new_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let mut out = vec![0.0; a.nrows() * b.ncols()];
    product(a, b, &mut out);
    out
}

/// The product on this many threads, each computing a part of the result.
fn divided(a: MatRef<'_, f32>, b: MatRef<'_, f32>, out: MatMut<'_, f32>, threads: usize) {
    let (rows, columns) = (a.nrows(), b.ncols());
    // Below this many multiplications threads cost more than they save.
    if threads <= 1 || rows * columns * a.ncols() < 1 << 20 {
        return matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    }
    let half = threads / 2;
    if rows >= columns {
        let at = rows * half / threads;
        let ((top, bottom), (first, second)) = (out.split_at_row_mut(at), a.split_at_row(at));
        rayon::join(|| divided(first, b, top, half), || divided(second, b, bottom, threads - half));
    } else {
        let at = columns * half / threads;
        let ((left, right), (first, second)) = (out.split_at_col_mut(at), b.split_at_col(at));
        rayon::join(|| divided(a, first, left, half), || divided(a, second, right, threads - half));
    }
}

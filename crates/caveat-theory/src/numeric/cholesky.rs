//! Small symmetric systems over some of their unknowns, which may be nearly singular.

/// The solution over the unknowns of `part`, by Cholesky factorization; 0 for the others, and for those whose pivot is not above `least`.
/// Only entries with j ≤ i are used.
pub(crate) fn solve_part<const N: usize>(
    part: &[bool; N],
    entry: impl Fn(usize, usize) -> f64,
    right: impl Fn(usize) -> f64,
    least: impl Fn(usize) -> f64,
) -> [f64; N] {
    let mut factor = [[0.0_f64; N]; N];
    let mut kept = [false; N];
    for i in (0..N).filter(|&i| part[i]) {
        for j in 0..=i {
            if i != j && !kept[j] {
                continue;
            }
            let known: f64 = factor[i][..j].iter().zip(&factor[j][..j]).map(|(a, b)| a * b).sum();
            let sum = entry(i, j) - known;
            if i != j {
                factor[i][j] = sum / factor[j][j];
                continue;
            }
            kept[i] = sum > least(i);
            if kept[i] {
                factor[i][i] = sum.sqrt();
            } else {
                factor[i] = [0.0; N];
            }
        }
    }
    let mut x = [0.0; N];
    for i in (0..N).filter(|&i| kept[i]) {
        let below: f64 = (0..i).map(|k| factor[i][k] * x[k]).sum();
        x[i] = (right(i) - below) / factor[i][i];
    }
    for i in (0..N).rev().filter(|&i| kept[i]) {
        let above: f64 = (i + 1..N).map(|k| factor[k][i] * x[k]).sum();
        x[i] = (x[i] - above) / factor[i][i];
    }
    x
}

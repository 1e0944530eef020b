//! The expected information at a point: the directions of its coordinates, and which of them the data say nothing about.
//!
//! I_ab = Σ over pairs of w·(∂η/∂θ_a)(∂η/∂θ_b), η the predictor and w its weight; scaled to unit diagonal, so that units play no part.

use faer::Mat;

use crate::error::Result;
use crate::inference::engine::surface::scoring::Coordinates;
use crate::numeric::eigen::Eigen;

/// Relative eigenvalue of the information, scaled to unit diagonal, below which a direction carries none. Derivatives
/// are good to 10⁻⁹, so that an exact degeneracy has eigenvalues of about 10⁻¹⁵ (their rounding).
const DEGENERATE: f64 = 1e-12;

/// Share of a parameter's direction among those without information above which it is not determined.
pub(crate) const SHARE: f64 = 1e-3;

/// An eigenvector of the scaled information.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    /// In scaled coordinates, each times its [`Directions::size`]; 0 in coordinates without information of their own.
    pub(crate) vector: Coordinates,
    /// Its eigenvalue.
    pub(crate) value: f64,
    /// Whether it carries no information.
    pub(crate) is_null: bool,
}

/// The information over some coordinates, by direction.
#[derive(Debug, Clone)]
pub(crate) struct Directions {
    /// Roots of the diagonal.
    pub(crate) size: Coordinates,
    /// As many as coordinates have a size above 0, by eigenvalue.
    pub(crate) all: Vec<Direction>,
}

impl Directions {
    /// The directions of `information` over the coordinates `part`.
    pub(crate) fn new(information: &[[f64; 5]; 5], part: impl Iterator<Item = usize>) -> Result<Self> {
        // Choices that are predicted without error know the lapse rate without end: that coordinate stands for itself.
        let known = |a: usize, b: usize| match information[a][b] {
            value if value.is_finite() => value,
            _ if a == b => f64::MAX,
            _ => 0.0,
        };
        let size: Coordinates = std::array::from_fn(|k| known(k, k).sqrt());
        let kept: Vec<usize> = part.filter(|&k| size[k] > 0.0).collect();
        let n = kept.len();
        if n == 0 {
            return Ok(Self { size, all: Vec::new() });
        }
        let scaled = Mat::from_fn(n, n, |a, b| known(kept[a], kept[b]) / size[kept[a]] / size[kept[b]]);
        let Eigen { values, vectors } = Eigen::new(&scaled, "the eigendecomposition of the information")?;
        let direction = |e: usize| {
            let mut vector = [0.0; 5];
            kept.iter().enumerate().for_each(|(a, &k)| vector[k] = vectors[(a, e)]);
            Direction { vector, value: values[e], is_null: values[e] <= DEGENERATE * values[n - 1] }
        };
        Ok(Self { size, all: (0..n).map(direction).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_without_information_are_told_whatever_the_scales() {
        // Coordinates 0 and 1 count as their sum alone, coordinate 2 on its own, and coordinate 3 not at all.
        let mut information = [[0.0; 5]; 5];
        for (i, j, value) in [(0, 0, 4.0), (0, 1, 2e6), (1, 0, 2e6), (1, 1, 1e12), (2, 2, 1e-8)] {
            information[i][j] = value;
        }
        let found = Directions::new(&information, 0..4).unwrap();
        assert_eq!(found.all.iter().map(|d| d.is_null).collect::<Vec<_>>(), [true, false, false]);
        let null = found.all[0].vector;
        assert!((null[0] + null[1]).abs() < 1e-12 && (null[0].abs() - 0.5_f64.sqrt()).abs() < 1e-12, "{null:?}");
        assert_eq!((found.size[3], Directions::new(&information, 3..5).unwrap().all.len()), (0.0, 0));
    }

    #[test]
    fn a_coordinate_known_without_end_stands_for_itself() {
        let mut information = [[0.0; 5]; 5];
        for (i, j, value) in
            [(0, 0, 4.0), (0, 3, 50.0), (3, 0, 50.0), (3, 3, f64::INFINITY), (2, 2, 1.0), (2, 3, f64::NAN)]
        {
            information[i][j] = value;
        }
        let found = Directions::new(&information, [0, 2, 3].into_iter()).unwrap();
        assert!(found.all.iter().all(|d| !d.is_null && (d.value - 1.0).abs() < 1e-12), "{found:?}");
    }
}

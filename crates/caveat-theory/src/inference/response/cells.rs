//! Observations on pairs, in one order or in both together.

use std::collections::HashMap;

/// Observations on a pair in one order: counts for and against the first, or weighted sum and weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(super) pair: usize,
    pub(super) sign: f64,
    pub(super) parts: [f64; 2],
}

/// log x of a positive, normal number to 10⁻¹² absolute, in operations that vectorize.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    // The exponent in the last bits of 2^52 + exponent, from which 2^52 is subtracted.
    let exponent = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let mantissa = f64::from_bits((bits & FRACTION) | 0x3FF0_0000_0000_0000);
    let is_large = mantissa > std::f64::consts::SQRT_2;
    let (mantissa, exponent) = if is_large { (0.5 * mantissa, exponent + 1.0) } else { (mantissa, exponent) };
    // log m = 2·artanh((m − 1)/(m + 1)), the argument at most 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let q = s * s;
    let series = 1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0))));
    exponent * std::f64::consts::LN_2 + 2.0 * s * (1.0 + q * series)
}

/// Cells from the parts of every ordered pair; `turn` gives those of the opposite order.
pub(super) fn cells_of(
    index: &[(usize, f64)],
    parts: impl Iterator<Item = [f64; 2]>,
    missing: impl Fn(usize) -> bool,
    merge: Option<fn([f64; 2]) -> [f64; 2]>,
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut of_pair = HashMap::new();
    for (k, (&(pair, sign), parts)) in index.iter().zip(parts).enumerate() {
        if missing(k) {
            continue;
        }
        let Some(turn) = merge else {
            cells.push(Cell { pair, sign, parts });
            continue;
        };
        let parts = if sign < 0.0 { turn(parts) } else { parts };
        let at = *of_pair.entry(pair).or_insert_with(|| {
            cells.push(Cell { pair, sign: 1.0, parts: [0.0; 2] });
            cells.len() - 1
        });
        cells[at].parts[0] += parts[0];
        cells[at].parts[1] += parts[1];
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn logarithms_of_probabilities_are_those_of_the_library() {
        for k in 0..4000 {
            let x = (-0.0171 * f64::from(k)).exp();
            assert!((ln(x) - x.ln()).abs() < 1e-11, "{x}");
        }
    }
}

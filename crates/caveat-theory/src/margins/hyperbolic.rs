//! Products and quotients of hyperbolic functions that neither overflow nor cancel, for arguments from 0 to 10⁹.
//!
//! A number is kept as mantissa·e^{power·λ}: sinh(aλ) = ½(1 − e^{−2aλ})·e^{aλ} and cosh(aλ) = ½(1 + e^{−2aλ})·e^{aλ}, λ ≥ 0 with
//! 2 cosh λ = 2 + μ (§4.3).

use std::ops::{Add, Div, Mul, Neg};

/// sinh and cosh of multiples of one λ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hyperbolic {
    lambda: f64,
}

/// mantissa · e^{power·λ}. The powers are half-integers, exact in f64, so that huge exponentials cancel exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scaled {
    /// The number over e^{power·λ}; numbers of one power compare by it.
    pub(crate) mantissa: f64,
    power: f64,
    lambda: f64,
}

impl Hyperbolic {
    /// Smallest λ in use: the limit λ → 0 is taken there, where every expression has reached it to O(λ²).
    const MIN_LAMBDA: f64 = 1e-100;

    /// The λ of screening μ ≥ 0 (finite): 2 cosh λ = 2 + μ, that is 2 sinh(λ/2) = √μ.
    pub(crate) fn from_screening(screening: f64) -> Self {
        Self { lambda: (2.0 * (screening.sqrt() / 2.0).asinh()).max(Self::MIN_LAMBDA) }
    }

    /// The number 0.
    pub(crate) fn zero(self) -> Scaled {
        Scaled { mantissa: 0.0, power: f64::NEG_INFINITY, lambda: self.lambda }
    }

    /// sinh(aλ).
    pub(crate) fn sinh(self, a: f64) -> Scaled {
        let mantissa = -0.5 * (-2.0 * a.abs() * self.lambda).exp_m1();
        Scaled { mantissa: mantissa.copysign(a), power: a.abs(), lambda: self.lambda }
    }

    /// cosh(aλ).
    pub(crate) fn cosh(self, a: f64) -> Scaled {
        let mantissa = 0.5 * (1.0 + (-2.0 * a.abs() * self.lambda).exp());
        Scaled { mantissa, power: a.abs(), lambda: self.lambda }
    }
}

impl Scaled {
    /// The plain number; underflows to 0 where it must.
    pub(crate) fn value(self) -> f64 {
        self.mantissa * (self.power * self.lambda).exp()
    }

    /// Whether it is the smaller of two numbers of at least 0.
    pub(crate) fn is_below(self, other: Self) -> bool {
        (other + -self).mantissa > 0.0
    }

    /// Its absolute value.
    pub(crate) fn abs(self) -> Self {
        Self { mantissa: self.mantissa.abs(), ..self }
    }
}

impl Mul for Scaled {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { mantissa: self.mantissa * other.mantissa, power: self.power + other.power, ..self }
    }
}

impl Mul<f64> for Scaled {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { mantissa: self.mantissa * factor, ..self }
    }
}

impl Div for Scaled {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self { mantissa: self.mantissa / other.mantissa, power: self.power - other.power, ..self }
    }
}

impl Add for Scaled {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (large, small) = if self.power >= other.power { (self, other) } else { (other, self) };
        if small.power == f64::NEG_INFINITY {
            return large;
        }
        let shift = ((small.power - large.power) * self.lambda).exp();
        Self { mantissa: large.mantissa + small.mantissa * shift, ..large }
    }
}

impl Neg for Scaled {
    type Output = Self;
    fn neg(self) -> Self {
        Self { mantissa: -self.mantissa, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_standard_library_where_it_reaches() {
        let h = Hyperbolic::from_screening(1.0);
        let lambda = (1.5_f64).acosh();
        assert!((h.lambda - lambda).abs() < 1e-15);
        for a in [0.5, 1.0, 7.5, 40.0] {
            assert!((h.sinh(a).value() / (a * lambda).sinh() - 1.0).abs() < 1e-13);
            assert!((h.cosh(-a).value() / (a * lambda).cosh() - 1.0).abs() < 1e-13);
            assert!(((h.sinh(a) + -h.cosh(3.0)).value() - ((a * lambda).sinh() - (3.0 * lambda).cosh())).abs() < 1e-8);
        }
    }

    #[test]
    fn huge_and_vanishing_arguments_keep_their_ratios() {
        let wide = Hyperbolic::from_screening(1e300);
        let ratio = (wide.sinh(1e6) / wide.sinh(1e6 - 0.5)).value();
        assert!((ratio / 1e150 - 1.0).abs() < 1e-12);
        let flat = Hyperbolic::from_screening(0.0);
        assert!(((flat.sinh(3.0) * flat.sinh(5.0) / (flat.sinh(1.0) * flat.sinh(2.0))).value() - 7.5).abs() < 1e-13);
    }
}

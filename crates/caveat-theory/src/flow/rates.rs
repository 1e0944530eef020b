//! How far a direction of a rate has gone at a time.

/// 1 − e^{−rate·time} without cancellation; 0 for rate 0 at any time, ∞ included.
pub(super) fn filled(rate: f64, time: f64) -> f64 {
    if rate == 0.0 { 0.0 } else { -(-rate * time).exp_m1() }
}

/// e^{−rate·time}; 1 for rate 0 at any time.
pub(super) fn remaining(rate: f64, time: f64) -> f64 {
    if rate == 0.0 { 1.0 } else { (-rate * time).exp() }
}

/// (1 − e^{−rate·time})/rate, the integral of [`remaining`].
pub(super) fn integrated(rate: f64, time: f64) -> f64 {
    // To first order below eps, where the quotient could underflow.
    if rate * time < f64::EPSILON { time } else { filled(rate, time) / rate }
}

/// Relative error that rounding of the operator, eps·largest, makes in a flow whose slowest mode has rate `lowest`.
pub(super) fn rounding(largest: f64, lowest: f64, time: f64) -> f64 {
    8.0 * f64::EPSILON * (1.0 + largest * integrated(lowest.max(f64::EPSILON * largest), time))
}

//! Minimum of a function of one variable between two bounds: parabolas where they help, golden sections where they do not.

/// Golden section of an interval, (3 − √5)/2.
const GOLDEN: f64 = 0.381_966_011_250_105_15;

/// Minimizes `value` over `low..=high`, starting at `start` in it, until the bracket is `tolerance` wide on either side.
///
/// Brent's method (R. P. Brent, *Algorithms for Minimization without Derivatives*, 1973, chapter 5): about 8 evaluations
/// for smooth functions, never more than a small multiple of those of golden sections. Returns the best point, never a bound itself, and
/// its value; a function with several minima gives one of them. A value of ∞ marks points outside its domain.
pub(crate) fn try_minimize<E>(
    (mut low, mut high): (f64, f64),
    start: f64,
    tolerance: f64,
    mut value: impl FnMut(f64) -> Result<f64, E>,
) -> Result<(f64, f64), E> {
    let mut x = if start > low && start < high { start } else { low + GOLDEN * (high - low) };
    let mut fx = value(x)?;
    // The second and third best points, and the last two steps.
    let ((mut w, mut fw), (mut v, mut fv)) = ((x, fx), (x, fx));
    let (mut step, mut before) = (0.0f64, 0.0f64);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if (x - middle).abs() <= 2.0 * tolerance - 0.5 * (high - low) {
            break;
        }
        let mut parabolic = false;
        if before.abs() > tolerance {
            let r = (x - w) * (fx - fv);
            let q = (x - v) * (fx - fw);
            let (p, q) = ((x - v) * q - (x - w) * r, 2.0 * (q - r));
            let (p, q) = if q > 0.0 { (-p, q) } else { (p, -q) };
            if p.abs() < (0.5 * q * before).abs() && p > q * (low - x) && p < q * (high - x) {
                before = step;
                step = p / q;
                parabolic = true;
                let next = x + step;
                if next - low < 2.0 * tolerance || high - next < 2.0 * tolerance {
                    step = if x < middle { tolerance } else { -tolerance };
                }
            }
        }
        if !parabolic {
            before = if x < middle { high - x } else { low - x };
            step = GOLDEN * before;
        }
        let u = if step.abs() >= tolerance { x + step } else { x + tolerance.copysign(step) };
        let fu = value(u)?;
        if fu <= fx {
            if u < x {
                high = x;
            } else {
                low = x;
            }
            ((v, fv), (w, fw), (x, fx)) = ((w, fw), (x, fx), (u, fu));
        } else {
            if u < x {
                low = u;
            } else {
                high = u;
            }
            if fu <= fw || w == x {
                ((v, fv), (w, fw)) = ((w, fw), (u, fu));
            } else if fu <= fv || v == x || v == w {
                (v, fv) = (u, fu);
            }
        }
    }
    Ok((x, fx))
}

/// As [`try_minimize`], of a function that has a value everywhere.
pub(crate) fn minimize(
    bounds: (f64, f64),
    start: f64,
    tolerance: f64,
    mut value: impl FnMut(f64) -> f64,
) -> (f64, f64) {
    let found = try_minimize(bounds, start, tolerance, |x| Ok::<_, std::convert::Infallible>(value(x)));
    found.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_inside_and_at_bounds_are_found() {
        for (f, at) in [
            (Box::new(|x: f64| (x - 0.3).powi(2)) as Box<dyn Fn(f64) -> f64>, 0.3),
            (Box::new(|x: f64| (x - 0.3).abs()), 0.3),
            (Box::new(|x: f64| -(-(x - 0.7f64).powi(2)).exp()), 0.7),
            (Box::new(|x: f64| x), -1.0),
            (Box::new(|x: f64| -x), 2.0),
        ] {
            let mut count = 0;
            let (x, _) = minimize((-1.0, 2.0), 0.5, 1e-7, |x| {
                count += 1;
                f(x)
            });
            assert!((x - at).abs() < 5e-7, "{x} for {at}");
            assert!(count < 80, "{count} evaluations");
        }
    }

    #[test]
    fn a_smooth_minimum_takes_few_evaluations() {
        let mut count = 0;
        minimize((-0.3, 0.3), 0.0, 1e-5, |x| {
            count += 1;
            (x - 0.1).cosh() + 0.1 * x.powi(3)
        });
        assert!(count <= 12, "{count} evaluations");
    }

    #[test]
    fn a_domain_that_ends_inside_is_respected() {
        let (x, f) = minimize((0.0, 1.0), 0.2, 1e-9, |x| if x > 0.6 { f64::INFINITY } else { -x });
        assert!((x - 0.6).abs() < 1e-8 && f <= -0.599_999, "{x} {f}");
    }
}

//! Where a function of one variable changes sign: by bisection, and by false position for costly functions.

/// Halves the stretch between `low`, where `is_low` holds, and `high`, where it does not, until `is_narrow` or `steps` halvings; both
/// ends, of which `low` may be the larger number.
pub(crate) fn bisect<E>(
    (mut low, mut high): (f64, f64),
    steps: usize,
    is_narrow: impl Fn(f64, f64) -> bool,
    mut is_low: impl FnMut(f64) -> Result<bool, E>,
) -> Result<(f64, f64), E> {
    for _ in 0..steps {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high || is_narrow(low, high) {
            break;
        }
        if is_low(middle)? { low = middle } else { high = middle }
    }
    Ok((low, high))
}

/// The x in low..=high below which a condition holds, after `steps` halvings.
pub(crate) fn turning_point(low: f64, high: f64, steps: usize, holds: impl Fn(f64) -> bool) -> f64 {
    let found = bisect((low, high), steps, |_, _| false, |x| Ok::<_, std::convert::Infallible>(holds(x)));
    let (low, high) = found.unwrap_or_else(|never| match never {});
    0.5 * (low + high)
}

/// A stretch in which a nearly linear function changes sign, narrowed by false position.
///
/// The Illinois method (Dowell & Jarratt 1971, doi 10.1007/BF01934364): the value at an end that stays is halved, so that
/// both ends move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bracket {
    /// The end where the function is not positive.
    pub(crate) low: f64,
    /// The end where it is positive.
    pub(crate) high: f64,
    /// Its value there, or less; ∞ is allowed.
    pub(crate) at_high: f64,
    at_low: f64,
}

impl Bracket {
    /// Between (x, f(x) ≤ 0) and (x, f(x) > 0).
    fn new((low, at_low): (f64, f64), (high, at_high): (f64, f64)) -> Self {
        Self { low, high, at_high, at_low }
    }

    /// Where the line through both ends is 0, but at least the share `margin` of the stretch off its ends.
    fn guess(&self, margin: f64) -> f64 {
        let share = if self.at_high.is_finite() { self.at_low / (self.at_low - self.at_high) } else { 0.5 };
        self.low + share.clamp(margin, 1.0 - margin) * (self.high - self.low)
    }

    /// Moves one end to `x`, where the function is `value`.
    fn narrow(&mut self, x: f64, value: f64) {
        if value > 0.0 {
            (self.high, self.at_high) = (x, value);
            self.at_low *= 0.5;
        } else {
            (self.low, self.at_low) = (x, value);
            self.at_high *= 0.5;
        }
    }
}

/// Where a nearly linear function of the distance, not positive at 0, becomes positive: in growing steps outward, then by false position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outward {
    /// Distance of the first step.
    pub(crate) first: f64,
    /// Factor from one step to the next.
    pub(crate) growth: f64,
    /// Largest distance.
    pub(crate) limit: f64,
    /// The function at 0.
    pub(crate) at_zero: f64,
    /// Smallest share of a bracket that false position cuts off.
    pub(crate) margin: f64,
    /// Most steps of false position.
    pub(crate) steps: usize,
}

impl Outward {
    /// The last bracket, or the same distance twice where the function `is_root`; `None` if it is not positive up to the limit.
    ///
    /// `value(distance, near, is_outward)` gives the function with what was found there; `near` is what was found at the last distance
    /// where it was not positive, `start` at first.
    pub(crate) fn crossing<S, E>(
        &self,
        start: S,
        mut value: impl FnMut(f64, &S, bool) -> Result<(f64, S), E>,
        is_narrow: impl Fn(&Bracket) -> bool,
        is_root: impl Fn(f64) -> bool,
    ) -> Result<Option<(f64, f64)>, E> {
        if self.limit == 0.0 {
            return Ok(None);
        }
        let (mut low, mut near) = ((0.0, self.at_zero), start);
        let mut distance = self.first.min(self.limit);
        let high = loop {
            let (f, found) = value(distance, &near, true)?;
            if f > 0.0 {
                break (distance, f);
            }
            if distance >= self.limit {
                return Ok(None);
            }
            (low, near) = ((distance, f), found);
            distance = (distance * self.growth).min(self.limit);
        };
        let mut bracket = Bracket::new(low, high);
        for _ in 0..self.steps {
            if is_narrow(&bracket) {
                break;
            }
            let x = bracket.guess(self.margin);
            let (f, found) = value(x, &near, false)?;
            if is_root(f) {
                return Ok(Some((x, x)));
            }
            bracket.narrow(x, f);
            if f <= 0.0 {
                near = found;
            }
        }
        Ok(Some((bracket.low, bracket.high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_ends_at_neighboring_numbers_whichever_end_is_larger() {
        for (low, high) in [(1.0, 2.0), (2.0, 1.0)] {
            let below = |x: f64| Ok::<_, ()>((x * x < 2.0) == (low < high));
            let (low, high) = bisect((low, high), 200, |_, _| false, below).unwrap();
            assert!((low - high).abs() <= 2.0 * f64::EPSILON && (low - 2f64.sqrt()).abs() <= 2.0 * f64::EPSILON);
        }
        assert_eq!(bisect((0.0, 1.0), 200, |_, _| false, |_| Err("refused")), Err("refused"));
        assert!((turning_point(0.0, 1.0, 60, |x| x < 0.3) - 0.3).abs() < 1e-15);
    }

    #[test]
    fn false_position_closes_in_from_both_sides() {
        let f = |x: f64| x.exp() - 2.0;
        let mut bracket = Bracket::new((0.0, f(0.0)), (5.0, f(5.0)));
        let mut steps = 0;
        while bracket.high - bracket.low > 1e-9 {
            let x = bracket.guess(0.02);
            bracket.narrow(x, f(x));
            steps += 1;
        }
        assert!(steps < 40, "{steps}");
        assert!(bracket.low <= 2f64.ln() && bracket.high >= 2f64.ln());
        // Without a value, by halves.
        assert_eq!(Bracket::new((0.0, -1.0), (4.0, f64::INFINITY)).guess(0.02), 2.0);
    }

    #[test]
    fn a_search_outward_brackets_the_crossing_or_finds_none_within_its_limit() {
        let search = Outward { first: 0.1, growth: 2.0, limit: 10.0, at_zero: -9.0, margin: 0.02, steps: 40 };
        let value = |x: f64, _: &(), _: bool| Ok::<_, std::convert::Infallible>((x * x - 9.0, ()));
        let (low, high) = search.crossing((), value, |b| b.high - b.low < 1e-6, |_| false).unwrap().unwrap();
        assert!(low <= 3.0 && 3.0 <= high && high - low < 1e-6, "{low} {high}");
        assert_eq!(search.crossing((), value, |_| false, |f| f.abs() < 1e-3).unwrap().map(|(a, b)| a == b), Some(true));
        let near = Outward { limit: 2.0, ..search };
        assert_eq!(near.crossing((), value, |_| false, |_| false), Ok(None));
    }
}

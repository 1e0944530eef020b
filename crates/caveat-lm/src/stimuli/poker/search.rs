//! Searches at random, by seed, for hierarchies of poker hands that follow from equity.

use super::super::draw::SeededDraw;
use super::equity::PreflopEquity;
use super::hand::StartingHand;
use crate::error::{LmError, Result};

/// Most hands tried in all before the search gives up, after about a second.
const MAX_STEPS: u64 = 1_000_000;
/// Most hands tried before the search restarts, since an unlucky start can keep it busy forever.
const STEPS_PER_ATTEMPT: u64 = 5_000;

/// How much better a poker hand must be than a lower one: bounds, inclusive, of its equity against the lower one.
///
/// Without exceptions, the equity of every hand against every lower one is within the bounds, so that equity alone orders the
/// hierarchy. With the default bounds such a hierarchy has at most 11 hands, with 0.51 to 0.65 at most 16. With exceptions, only the
/// equity of every hand against the next lower one is within the bounds, and that of each exception's winner against its loser; an
/// exception between neighbors replaces their order. All other pairs are free, and many contradict equity.
///
/// **Draw.** Unless anchors are given, they are drawn first, from all pairs (winner, loser) with an equity within the bounds. The
/// hierarchy is found by depth-first search: at every rank, the hands that the higher ranks allow are tried in random order. After
/// 5,000 hands the search restarts; after 1,000,000 it gives up. So every hierarchy within the bounds can be drawn, but not all with
/// the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EquityBounds {
    /// The lowest equity, above 0.5; 0.51 by default.
    pub low: f64,
    /// The highest equity, at most 1; 0.60 by default.
    pub high: f64,
}

impl Default for EquityBounds {
    fn default() -> Self {
        Self { low: 0.51, high: 0.60 }
    }
}

/// A set of hands, one bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Hands([u64; 3]);

impl Hands {
    fn insert(&mut self, hand: StartingHand) {
        self.0[hand.index() / 64] |= 1 << (hand.index() % 64);
    }

    fn remove(&mut self, hand: StartingHand) {
        self.0[hand.index() / 64] &= !(1 << (hand.index() % 64));
    }

    fn contains(&self, hand: StartingHand) -> bool {
        self.0[hand.index() / 64] >> (hand.index() % 64) & 1 == 1
    }

    fn intersect(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(x, y)| *x &= y);
    }

    fn to_vec(self) -> Vec<StartingHand> {
        StartingHand::all().filter(|&hand| self.contains(hand)).collect()
    }
}

/// The pairs of hands with an equity within the bounds.
struct Favorites {
    /// For each hand, by number, the hands that it beats with such an equity.
    below: Vec<Hands>,
    /// For each hand, by number, the hands that beat it with such an equity.
    above: Vec<Hands>,
}

impl Favorites {
    fn new(table: &PreflopEquity, bounds: EquityBounds) -> Self {
        let mut favorites = Self { below: vec![Hands::default(); 169], above: vec![Hands::default(); 169] };
        for a in StartingHand::all() {
            for b in StartingHand::all().filter(|b| (bounds.low..=bounds.high).contains(&table.equity(a, *b))) {
                favorites.below[a.index()].insert(b);
                favorites.above[b.index()].insert(a);
            }
        }
        favorites
    }
}

/// Draws the anchors, winner and loser, and then a hierarchy of other hands, the highest first, as [`EquityBounds`] describes. Returns
/// the hierarchy and the anchors.
pub(crate) fn draw(
    random: &mut SeededDraw,
    n_items: usize,
    exceptions: &[(usize, usize)],
    anchor: Option<(&str, &str)>,
    bounds: EquityBounds,
) -> Result<(Vec<StartingHand>, [StartingHand; 2])> {
    let EquityBounds { low, high } = bounds;
    if !(low > 0.5 && low <= high && high <= 1.0) {
        return Err(LmError::invalid(format!("equities from {low} to {high}: expected 0.5 < low <= high <= 1")));
    }
    let table = PreflopEquity::embedded()?;
    let favorites = Favorites::new(table, bounds);
    let anchor = match anchor {
        Some((winner, loser)) => {
            let (winner, loser): (StartingHand, StartingHand) = (winner.parse()?, loser.parse()?);
            let equity = table.equity(winner, loser);
            if equity <= 0.5 {
                return Err(LmError::invalid(format!(
                    "anchors {winner} {loser}: {winner} has an equity of {equity:.4} against {loser}: expected the favorite first"
                )));
            }
            [winner, loser]
        }
        None => {
            let below = |winner: StartingHand| favorites.below[winner.index()].to_vec().into_iter();
            let mut pairs: Vec<_> = StartingHand::all().flat_map(|w| below(w).map(move |l| [w, l])).collect();
            random.take(&mut pairs).ok_or_else(|| {
                LmError::invalid(format!(
                    "no two poker hands have an equity from {low} to {high}: expected wider bounds"
                ))
            })?
        }
    };
    let rules = Rules::new(n_items, exceptions, anchor);
    for _ in 0..MAX_STEPS / STEPS_PER_ATTEMPT {
        match rules.attempt(&favorites, random) {
            Attempt::Found(hierarchy) => return Ok((hierarchy, anchor)),
            Attempt::GaveUp => (),
            Attempt::None => break,
        }
    }
    let which = if exceptions.is_empty() { "any two of them" } else { "neighbors, and of exceptions," };
    Err(LmError::invalid(format!(
        "no hierarchy of {n_items} poker hands was found in which the equities of {which} are from {low} to {high}: expected \
         fewer items, wider bounds or other exceptions"
    )))
}

enum Attempt {
    Found(Vec<StartingHand>),
    GaveUp,
    /// All possibilities have been tried.
    None,
}

/// The hands allowed at each rank.
struct Rules {
    /// For each rank, the higher ranks whose hands must beat its hand.
    beaten_by: Vec<Vec<usize>>,
    /// For each rank, the higher ranks whose hands its hand must beat.
    beats: Vec<Vec<usize>>,
    allowed: Hands,
}

impl Rules {
    fn new(n_items: usize, exceptions: &[(usize, usize)], anchor: [StartingHand; 2]) -> Self {
        let mut allowed = Hands::default();
        StartingHand::all().for_each(|hand| allowed.insert(hand));
        anchor.into_iter().for_each(|hand| allowed.remove(hand));
        let beats: Vec<Vec<usize>> =
            (0..n_items).map(|rank| exceptions.iter().filter(|e| e.0 == rank).map(|e| e.1).collect()).collect();
        let beaten_by = |rank: usize| match exceptions.is_empty() {
            true => (0..rank).collect(),
            false => rank.checked_sub(1).into_iter().filter(|above| !beats[rank].contains(above)).collect(),
        };
        Self { beaten_by: (0..n_items).map(beaten_by).collect(), beats, allowed }
    }

    /// The hands that the higher ranks allow at the next rank, in random order.
    fn candidates(&self, placed: &[StartingHand], favorites: &Favorites, random: &mut SeededDraw) -> Vec<StartingHand> {
        let rank = placed.len();
        let mut left = self.allowed;
        placed.iter().for_each(|&hand| left.remove(hand));
        self.beaten_by[rank].iter().for_each(|&above| left.intersect(&favorites.below[placed[above].index()]));
        self.beats[rank].iter().for_each(|&above| left.intersect(&favorites.above[placed[above].index()]));
        random.shuffled(left.to_vec())
    }

    fn attempt(&self, favorites: &Favorites, random: &mut SeededDraw) -> Attempt {
        let mut placed = Vec::with_capacity(self.beats.len());
        // The hands still to be tried at every rank, the next one last; one rank more than have been placed.
        let mut untried = vec![self.candidates(&placed, favorites, random)];
        for _ in 0..STEPS_PER_ATTEMPT {
            while let Some(candidates) = untried.last_mut() {
                if let Some(hand) = candidates.pop() {
                    placed.push(hand);
                    break;
                }
                untried.pop();
                if placed.pop().is_none() {
                    return Attempt::None;
                }
            }
            if placed.len() == self.beats.len() {
                return Attempt::Found(placed);
            }
            untried.push(self.candidates(&placed, favorites, random));
        }
        Attempt::GaveUp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, n: usize, exceptions: &[(usize, usize)]) -> (Vec<StartingHand>, [StartingHand; 2]) {
        draw(&mut SeededDraw::new(seed), n, exceptions, None, EquityBounds::default()).unwrap()
    }

    #[test]
    fn a_seed_names_the_same_hands_forever() {
        let names = |(hierarchy, anchor): (Vec<StartingHand>, [StartingHand; 2])| {
            [anchor.to_vec(), hierarchy].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            names(drawn(0, 9, &[])),
            ["86s", "84s", "J6o", "J5s", "J5o", "J4s", "J2o", "T7s", "T7o", "98s", "98o"]
        );
        assert_eq!(
            names(drawn(0, 9, &[(5, 3)])),
            ["86s", "84s", "33", "AQo", "87s", "22", "Q5o", "76o", "75s", "74s", "53s"]
        );
    }

    #[test]
    fn every_two_hands_are_within_the_bounds_without_an_exception() {
        let table = PreflopEquity::embedded().unwrap();
        for (seed, n) in (0..20).flat_map(|seed| [2, 9, 11].map(|n| (seed, n))) {
            let (hierarchy, anchor) = drawn(seed, n, &[]);
            assert_eq!(hierarchy.len(), n);
            for (j, &lower) in hierarchy.iter().enumerate() {
                assert!(!anchor.contains(&lower));
                for &higher in &hierarchy[..j] {
                    assert!((0.51..=0.60).contains(&table.equity(higher, lower)), "{higher} {lower}");
                }
            }
            assert!((0.51..=0.60).contains(&table.equity(anchor[0], anchor[1])));
        }
    }

    #[test]
    fn wider_bounds_allow_longer_hierarchies() {
        let bounds = EquityBounds { low: 0.51, high: 0.70 };
        assert_eq!(draw(&mut SeededDraw::new(0), 15, &[], None, bounds).unwrap().0.len(), 15);
    }

    #[test]
    fn neighbors_and_exceptions_are_within_the_bounds_with_exceptions() {
        let table = PreflopEquity::embedded().unwrap();
        let cases: [(usize, &[(usize, usize)]); 5] =
            [(9, &[(5, 3)]), (11, &[(6, 4)]), (11, &[(7, 3)]), (9, &[(8, 0)]), (12, &[(3, 2), (9, 6), (9, 7)])];
        for (seed, (n, exceptions)) in (0..20).flat_map(|seed| cases.map(|case| (seed, case))) {
            let (hierarchy, anchor) = drawn(seed, n, exceptions);
            let within = |a: usize, b: usize| (0.51..=0.60).contains(&table.equity(hierarchy[a], hierarchy[b]));
            assert!((1..n).all(|j| within(j - 1, j) || exceptions.contains(&(j, j - 1))));
            assert!(exceptions.iter().all(|&(winner, loser)| within(winner, loser)));
            let mut distinct = [hierarchy.clone(), anchor.to_vec()].concat();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), n + 2);
        }
    }

    #[test]
    fn what_cannot_be_found_is_said_in_time() {
        let refusal = |n, exceptions: &[(usize, usize)], anchor, low, high| {
            let found = draw(&mut SeededDraw::new(1), n, exceptions, anchor, EquityBounds { low, high });
            found.unwrap_err().to_string()
        };
        assert!(refusal(12, &[], None, 0.51, 0.60).contains("no hierarchy of 12 poker hands was found"));
        assert!(
            refusal(168, &[(5, 3)], None, 0.51, 0.60).contains("neighbors, and of exceptions, are from 0.51 to 0.6")
        );
        assert!(refusal(9, &[], None, 0.99, 1.0).contains("no two poker hands have an equity from 0.99"));
        for (low, high) in [(0.5, 0.6), (0.6, 0.55), (0.51, 1.01), (f64::NAN, 0.6), (0.51, f64::NAN)] {
            assert!(refusal(9, &[], None, low, high).contains("expected 0.5 < low <= high <= 1"));
        }
        assert!(refusal(9, &[], Some(("KK", "AA")), 0.51, 0.6).contains("expected the favorite first"));
        assert!(refusal(9, &[], Some(("AA", "AA")), 0.51, 0.6).contains("expected the favorite first"));
        assert!(refusal(9, &[], Some(("AA", "Athletics")), 0.51, 0.6).contains("poker hand \"Athletics\""));
    }

    #[test]
    fn given_anchors_are_kept_and_never_drawn() {
        for seed in 0..20 {
            let found = draw(&mut SeededDraw::new(seed), 9, &[], Some(("AA", "KK")), EquityBounds::default()).unwrap();
            assert_eq!(found.1.map(|h| h.to_string()), ["AA", "KK"]);
            assert!(found.0.iter().all(|h| !found.1.contains(h)));
        }
    }
}

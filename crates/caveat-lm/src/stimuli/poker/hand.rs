//! The 169 starting hands of Texas hold'em: pairs of cards up to renaming suits.

use std::fmt;
use std::str::FromStr;

use crate::error::{LmError, Result};

/// Ranks of cards, the lowest first.
const RANKS: [char; 13] = ['2', '3', '4', '5', '6', '7', '8', '9', 'T', 'J', 'Q', 'K', 'A'];

/// Two cards up to renaming suits: a pair (`QQ`), two ranks of one suit (`AKs`) or of two suits (`AKo`).
///
/// Hands are numbered 0 to 168 in the order AA, AKs, AKo, AQs, AQo, …, A2o, KK, KQs, …, 32o, 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StartingHand(u8);

impl StartingHand {
    /// The number of starting hands.
    pub const COUNT: usize = 169;

    /// All hands, by number.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        (0..Self::COUNT as u8).map(Self)
    }

    /// The hand of two different cards. A card is 4·rank + suit, with rank 0 for deuces to 12 for aces and suit 0 to 3.
    ///
    /// `None` for a card of 52 or more, and for the same card twice.
    pub fn of_cards(first: u8, second: u8) -> Option<Self> {
        if first >= 52 || second >= 52 || first == second {
            return None;
        }
        let (high, low) = (first.max(second) / 4, first.min(second) / 4);
        Some(Self::of_ranks(high, low, first % 4 == second % 4))
    }

    /// The hand of ranks `low` ≤ `high` ≤ 12; `suited` is ignored for a pair.
    fn of_ranks(high: u8, low: u8, suited: bool) -> Self {
        // High rank h has one pair and two hands for each lower rank, 2h + 1; all ranks above h have 13² − (h + 1)².
        let before = 169 - u16::from(high + 1) * u16::from(high + 1);
        let within = match (high - low, suited) {
            (0, _) => 0,
            (gap, true) => 2 * gap - 1,
            (gap, false) => 2 * gap,
        };
        Self((before + u16::from(within)) as u8)
    }

    /// The number of the hand, 0 to 168.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// High rank, low rank (0 for deuces to 12 for aces), and whether the cards are of one suit.
    fn ranks(self) -> (u8, u8, bool) {
        let from_end = 168 - u16::from(self.0);
        // The numbers from the end of high rank h are h² to h² + 2h.
        let high = (0..12).rev().find(|h| from_end >= (h + 1) * (h + 1)).map_or(0, |h| h + 1);
        let within = high * high + 2 * high - from_end;
        (high as u8, (high - within.div_ceil(2)) as u8, within % 2 == 1)
    }

    /// All pairs of cards of this kind, the higher card first: 6 for a pair, 4 for a suited hand, 12 for an offsuit one.
    pub fn combinations(self) -> Vec<[u8; 2]> {
        let (high, low, suited) = self.ranks();
        let suits = (0..4).flat_map(|s| (0..4).map(move |t| (s, t)));
        let holds = |&(s, t): &(u8, u8)| if high == low { s > t } else { (s == t) == suited };
        suits.filter(holds).map(|(s, t)| [4 * high + s, 4 * low + t]).collect()
    }
}

impl fmt::Display for StartingHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low, suited) = self.ranks();
        let kind = match (high == low, suited) {
            (true, _) => "",
            (_, true) => "s",
            (_, false) => "o",
        };
        f.pad(&format!("{}{}{kind}", RANKS[usize::from(high)], RANKS[usize::from(low)]))
    }
}

impl FromStr for StartingHand {
    type Err = LmError;

    /// Parses a hand: the higher rank first, then `s` or `o` unless it is a pair.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|hand| hand.to_string() == name).ok_or_else(|| {
            LmError::invalid(format!(
                "poker hand {name:?}: expected a pair as QQ, or two ranks of AKQJT98765432, the higher first, with s for \
                 one suit or o for two, as AKs or T9o"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_are_numbered_from_aces_to_deuces() {
        let names: Vec<String> = StartingHand::all().map(|h| h.to_string()).collect();
        assert_eq!(names[..5], ["AA", "AKs", "AKo", "AQs", "AQo"]);
        assert_eq!(names[24..28], ["A2o", "KK", "KQs", "KQo"]);
        assert_eq!(names[164..], ["42o", "33", "32s", "32o", "22"]);
        assert!(StartingHand::all().enumerate().all(|(k, h)| h.index() == k));
    }

    #[test]
    fn every_pair_of_cards_is_of_exactly_one_hand() {
        let mut counts = [0; StartingHand::COUNT];
        for first in 0..52 {
            for second in (0..52).filter(|&s| s != first) {
                let hand = StartingHand::of_cards(first, second).unwrap();
                counts[hand.index()] += 1;
                assert!(
                    hand.combinations().contains(&[first.max(second), first.min(second)])
                        || hand.ranks().0 != hand.ranks().1
                );
            }
        }
        for hand in StartingHand::all() {
            let combinations = hand.combinations();
            assert_eq!(counts[hand.index()], 2 * combinations.len());
            assert!(combinations.iter().all(|&[a, b]| a > b && StartingHand::of_cards(a, b) == Some(hand)));
        }
        assert_eq!(counts.iter().sum::<usize>(), 52 * 51);
        assert_eq!([StartingHand::of_cards(52, 0), StartingHand::of_cards(7, 7)], [None, None]);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for hand in StartingHand::all() {
            assert_eq!(hand.to_string().parse::<StartingHand>().unwrap(), hand);
        }
        for name in ["", "AK", "KAs", "AAs", "aks", "10Ts", "AKs "] {
            assert!(name.parse::<StartingHand>().unwrap_err().to_string().contains("expected a pair as QQ"), "{name}");
        }
    }
}

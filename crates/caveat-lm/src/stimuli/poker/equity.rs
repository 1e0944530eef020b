//! The exact table of preflop equities: the number of deals in which each starting hand beats each other.

use std::fmt::Write;
use std::sync::OnceLock;

use super::hand::StartingHand;
use crate::error::{LmError, Result};

const TABLE: &str = include_str!("../../../data/preflop_equity.csv");
const HEADER: &str = "hand_a,hand_b,wins_a,ties";
const N: usize = StartingHand::COUNT;

/// Number of boards of five cards from those that two hands leave: 48 choose 5.
pub const BOARDS: u64 = 1_712_304;

/// The number of ways in which two players can hold the hands `a` and `b`: pairs of combinations without a card in common.
pub fn pairings(a: StartingHand, b: StartingHand) -> u64 {
    let (of_a, of_b) = (a.combinations(), b.combinations());
    let disjoint = |x: &[u8; 2], y: &[u8; 2]| !x.iter().any(|card| y.contains(card));
    of_a.iter().map(|x| of_b.iter().filter(|y| disjoint(x, y)).count() as u64).sum()
}

/// Wins, ties and losses of every starting hand against every other, over all deals: all pairs of combinations and all boards.
///
/// All counts are exact, so equities are correctly rounded: e(a, b) + e(b, a) = 1 except for rounding in the last bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflopEquity {
    /// Deals in which a wins against b, at 169·a + b.
    wins: Vec<u64>,
    /// Deals that are ties, likewise.
    ties: Vec<u64>,
}

impl PreflopEquity {
    /// A table from the numbers of deals in which a wins against b, and of ties, each at 169·a + b.
    ///
    /// # Errors
    /// Tables of another size; counts that do not add up to the number of deals of two hands.
    pub fn from_counts(wins: Vec<u64>, ties: Vec<u64>) -> Result<Self> {
        let (won, tied, expected) = (wins.len(), ties.len(), N * N);
        if [won, tied] != [expected; 2] {
            return Err(LmError::invalid(format!("tables of {won} wins and {tied} ties: expected {expected} of each")));
        }
        for (a, b) in StartingHand::all().flat_map(|a| StartingHand::all().map(move |b| (a, b))) {
            let (at, mirrored) = (a.index() * N + b.index(), b.index() * N + a.index());
            let deals = pairings(a, b) * BOARDS;
            let sum = wins[at].checked_add(wins[mirrored]).and_then(|sum| sum.checked_add(ties[at]));
            if sum != Some(deals) || ties[at] != ties[mirrored] {
                return Err(LmError::invalid(format!(
                    "{a} against {b}: {} wins, {} losses and {} ties: expected {deals} in all, and as many ties of {b} \
                     against {a}",
                    wins[at], wins[mirrored], ties[at]
                )));
            }
        }
        Ok(Self { wins, ties })
    }

    /// The table that comes with the program, computed by enumerating all deals (`examples/preflop_equity`). It is parsed only once.
    ///
    /// # Errors
    /// Only if the program was built with a damaged table.
    pub fn embedded() -> Result<&'static Self> {
        static READ: OnceLock<PreflopEquity> = OnceLock::new();
        if let Some(table) = READ.get() {
            return Ok(table);
        }
        let table = Self::from_csv(TABLE)?;
        Ok(READ.get_or_init(|| table))
    }

    /// Reads what [`to_csv`](Self::to_csv) writes.
    ///
    /// # Errors
    /// Anything else, with its line.
    pub fn from_csv(text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate();
        let wrong = |line: usize, problem: String| {
            LmError::invalid(format!("table of preflop equities, line {}: {problem}", line + 1))
        };
        match lines.next() {
            Some((_, HEADER)) => (),
            other => return Err(wrong(0, format!("{:?}: expected {HEADER:?}", other.unwrap_or_default().1))),
        }
        let (mut wins, mut ties) = (vec![0; N * N], vec![0; N * N]);
        for (a, b) in StartingHand::all().flat_map(|a| StartingHand::all().skip(a.index()).map(move |b| (a, b))) {
            let (line, row) = lines.next().ok_or_else(|| wrong(0, format!("the file ends before {a},{b}")))?;
            let deals = pairings(a, b) * BOARDS;
            let counts = row.strip_prefix(&format!("{a},{b},")).and_then(|counts| counts.split_once(','));
            let counts = counts.and_then(|(won, tied)| Some((won.parse::<u64>().ok()?, tied.parse::<u64>().ok()?)));
            let lost = counts.and_then(|(won, tied)| deals.checked_sub(won)?.checked_sub(tied));
            let (Some((won, tied)), Some(lost)) = (counts, lost) else {
                let expected = format!("expected {a},{b} and numbers of wins and ties, {deals} or less together");
                return Err(wrong(line, format!("{row:?}: {expected}")));
            };
            let (at, mirrored) = (a.index() * N + b.index(), b.index() * N + a.index());
            (wins[at], wins[mirrored]) = (won, lost);
            (ties[at], ties[mirrored]) = (tied, tied);
        }
        if let Some((line, row)) = lines.next() {
            return Err(wrong(line, format!("{row:?}: expected the end of the file")));
        }
        Self::from_counts(wins, ties)
    }

    /// The table as CSV with the columns `hand_a`, `hand_b`, `wins_a` (deals that a wins) and `ties`, one row for every two hands in
    /// the order of their numbers, a ≤ b. All other deals are won by b.
    pub fn to_csv(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for a in StartingHand::all() {
            for b in StartingHand::all().skip(a.index()) {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{a},{b},{},{}", self.wins(a, b), self.ties(a, b));
            }
        }
        text
    }

    /// Deals in which `a` wins against `b`.
    pub fn wins(&self, a: StartingHand, b: StartingHand) -> u64 {
        self.wins[a.index() * N + b.index()]
    }

    /// Deals that are ties.
    pub fn ties(&self, a: StartingHand, b: StartingHand) -> u64 {
        self.ties[a.index() * N + b.index()]
    }

    /// Probability that `a` wins plus half the probability of a tie: (wins + ties / 2) / deals. Against itself, 1/2.
    pub fn equity(&self, a: StartingHand, b: StartingHand) -> f64 {
        // Counts are below 2⁵³, so that only the division rounds.
        let (won, lost, tied) = (self.wins(a, b), self.wins(b, a), self.ties(a, b));
        (2 * won + tied) as f64 / (2 * (won + lost + tied)) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(name: &str) -> StartingHand {
        name.parse().unwrap()
    }

    #[test]
    fn hands_are_paired_without_sharing_cards() {
        // 6·6; 6·1 (a pair leaves one pair of its rank); 12·12; 4·3; suited against offsuit of the same ranks: 4·(12 − 6); 6·6:
        // AKs leaves three aces and three kings, 9 combinations of which 3 are suited.
        let counts = [("AA", "KK"), ("AA", "AA"), ("AKo", "QJo"), ("AKs", "AKs"), ("AKs", "AKo"), ("AA", "AKs")];
        assert_eq!(counts.map(|(a, b)| pairings(hand(a), hand(b))), [36, 6, 144, 12, 24, 12]);
        let all: u64 = StartingHand::all().flat_map(|a| StartingHand::all().map(move |b| pairings(a, b))).sum();
        assert_eq!(all, 1326 * 1225);
    }

    #[test]
    fn boards_are_the_choices_of_five_from_forty_eight_cards() {
        assert_eq!(BOARDS, 48 * 47 * 46 * 45 * 44 / 120);
    }

    #[test]
    fn the_embedded_table_is_written_as_it_is_read() {
        let table = PreflopEquity::embedded().unwrap();
        assert_eq!(table.to_csv(), TABLE.replace("\r\n", "\n"));
        assert!(TABLE.len() < 400_000);
    }

    #[test]
    fn equities_of_both_sides_add_up_to_one() {
        let table = PreflopEquity::embedded().unwrap();
        let hands = || StartingHand::all();
        for (a, b) in hands().flat_map(|a| hands().map(move |b| (a, b))) {
            let (won, lost, tied) = (table.wins(a, b), table.wins(b, a), table.ties(a, b));
            assert_eq!(won + lost + tied, pairings(a, b) * BOARDS);
            assert!((table.equity(a, b) + table.equity(b, a) - 1.0).abs() <= f64::EPSILON);
            if a == b {
                assert_eq!(table.equity(a, b), 0.5);
            }
        }
    }

    #[test]
    fn damaged_tables_are_refused_by_line() {
        let refusal = |text: &str| PreflopEquity::from_csv(text).unwrap_err().to_string();
        assert!(refusal("").contains("line 1: \"\": expected \"hand_a,hand_b,wins_a,ties\""));
        assert!(refusal("hand_a,hand_b,wins_a,ties\n").contains("ends before AA,AA"));
        assert!(refusal("hand_a,hand_b,wins_a,ties\nAA,KK,1,2\n").contains("line 2: \"AA,KK,1,2\": expected AA,AA"));
        assert!(refusal("hand_a,hand_b,wins_a,ties\nAA,AA,99999999999,0\n").contains("10273824 or less together"));
        let good = PreflopEquity::embedded().unwrap().to_csv();
        assert!(refusal(&format!("{good}32o,22,1,1\n")).contains("line 14367: \"32o,22,1,1\": expected the end"));
        assert!(refusal(&good[..good.len() / 2]).contains("line"));
        let uneven = good.replacen("AA,AA,", "AA,AA,1", 1);
        assert!(refusal(&uneven).contains("AA"));
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        assert!(PreflopEquity::from_counts(vec![], vec![]).unwrap_err().to_string().contains("expected 28561 of each"));
        let zeros = vec![0; N * N];
        assert!(
            PreflopEquity::from_counts(zeros.clone(), zeros)
                .unwrap_err()
                .to_string()
                .contains("expected 10273824 in all")
        );
        let too_large = vec![u64::MAX; N * N];
        assert!(PreflopEquity::from_counts(too_large.clone(), too_large).is_err());
    }
}

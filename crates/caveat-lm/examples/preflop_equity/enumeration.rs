//! Computes preflop equities exactly, by counting all deals of two starting hands and five cards on the board.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use caveat_lm::Result;
use caveat_lm::stimuli::poker::{PreflopEquity, StartingHand};
use rayon::prelude::*;
use rs_poker::core::{Card, SevenCardAccum, Suit, Value};

const N: usize = StartingHand::COUNT;
/// Length of a row of counts by hand: 169, rounded up to whole vectors of any width.
const ROW: usize = 192;
type Row = [u8; ROW];
/// Boards per unit of parallel work, after each of which progress is reported.
const UNIT_BOARDS: usize = 512;

/// Counts the deals that every starting hand wins against every other, and the ties.
///
/// Hands are equal up to renaming suits, so of the C(52, 5) boards only 134,459 are visited, one for each class of boards that renaming
/// turns into each other, weighted by the size of the class. On a board, the 1,081 pairs of the other cards are sorted by strength. A
/// pair of cards beats all weaker pairs that share no card with it; these are counted by hand, in total and by card, while the sorted
/// pairs are traversed. Time: 2,162 sums of three rows of 192 counts per board, about 20 seconds of one core in all. The result does
/// not depend on the number of threads.
///
/// `progress` is called from any thread with the number of boards done and of all boards.
///
/// # Errors
/// Counts that do not add up to all deals, which cannot happen but is checked.
pub(crate) fn enumerate_deals(progress: &(dyn Fn(u64, u64) + Sync)) -> Result<PreflopEquity> {
    let boards: Vec<([u8; 5], u64)> = boards_up_to_suits();
    let (done, total) = (AtomicU64::new(0), boards.len() as u64);
    let counts = boards
        .par_chunks(UNIT_BOARDS)
        .fold(Counts::new, |mut counts, some| {
            for (board, multiplicity) in some {
                counts.add_board(board, *multiplicity);
            }
            let n = some.len() as u64;
            progress(done.fetch_add(n, Ordering::Relaxed) + n, total);
            counts
        })
        .reduce(Counts::new, Counts::plus);
    let ties: Vec<u64> = counts.at_least.iter().zip(&counts.wins).map(|(both, wins)| both - wins).collect();
    PreflopEquity::from_counts(counts.wins, ties)
}

/// The `known` cards and `more`, each 4·rank + suit.
fn with(known: SevenCardAccum, more: &[u8]) -> SevenCardAccum {
    more.iter().fold(known, |cards, &card| cards + Card::new(Value::from(card / 4), Suit::from(card % 4)))
}

/// From each class of boards that renaming suits turns into each other, the largest board and the size of the class.
fn boards_up_to_suits() -> Vec<([u8; 5], u64)> {
    let renamings = renamings();
    let mut images = HashMap::<[u8; 5], u64>::new();
    for a in 4..52 {
        for b in 3..a {
            for c in 2..b {
                for d in 1..c {
                    for e in 0..d {
                        let renamed = |names: &[u8; 4]| {
                            let mut board = [a, b, c, d, e].map(|card| card - card % 4 + names[usize::from(card % 4)]);
                            board.sort_unstable();
                            board
                        };
                        let image = renamings.iter().map(renamed).max().unwrap_or_default();
                        *images.entry(image).or_default() += 1;
                    }
                }
            }
        }
    }
    let mut boards: Vec<_> = images.into_iter().collect();
    boards.sort_unstable();
    boards
}

/// The 24 permutations of four suits.
fn renamings() -> Vec<[u8; 4]> {
    let all = (0..256u32).map(|k| [k & 3, k >> 2 & 3, k >> 4 & 3, k >> 6].map(|suit| suit as u8));
    all.filter(|names| (0..4).all(|suit| names.contains(&suit))).collect()
}

/// Numbers of deals, at 169·a + b.
struct Counts {
    wins: Vec<u64>,
    /// Wins and ties.
    at_least: Vec<u64>,
}

impl Counts {
    fn new() -> Self {
        Self { wins: vec![0; N * N], at_least: vec![0; N * N] }
    }

    fn plus(mut self, other: Self) -> Self {
        self.wins.iter_mut().zip(other.wins).for_each(|(x, y)| *x += y);
        self.at_least.iter_mut().zip(other.at_least).for_each(|(x, y)| *x += y);
        self
    }

    /// Adds the deals on `board`, weighted by `multiplicity`.
    fn add_board(&mut self, board: &[u8; 5], multiplicity: u64) {
        let on_board = with(SevenCardAccum::new(), board);
        let mut pairs = Vec::with_capacity(1081);
        for first in (0..52).filter(|card| !board.contains(card)) {
            for second in (0..first).filter(|card| !board.contains(card)) {
                if let Some(hand) = StartingHand::of_cards(first, second) {
                    let strength = with(on_board, &[first, second]).rank();
                    pairs.push((strength, hand.index(), [first, second]));
                }
            }
        }
        pairs.sort_unstable();

        let mut weaker = Weaker::new();
        // A count of pairs of combinations is at most 12 · 12, which fits. Intermediate values may wrap around and back.
        let (mut wins, mut at_least) = (vec![[0; ROW]; N], vec![[0; ROW]; N]);
        for tied in pairs.chunk_by(|x, y| x.0 == y.0) {
            tied.iter().for_each(|&(_, hand, cards)| weaker.add_to(&mut wins[hand], cards));
            tied.iter().for_each(|&(_, hand, cards)| weaker.insert(hand, cards));
            for &(_, hand, cards) in tied {
                weaker.add_to(&mut at_least[hand], cards);
                // The pair itself was subtracted twice and added once.
                at_least[hand][hand] = at_least[hand][hand].wrapping_add(1);
            }
        }
        for (total, rows) in [(&mut self.wins, &wins), (&mut self.at_least, &at_least)] {
            for (sums, row) in total.chunks_exact_mut(N).zip(rows) {
                sums.iter_mut().zip(row).for_each(|(sum, &count)| *sum += multiplicity * u64::from(count));
            }
        }
    }
}

/// Counts by hand of the pairs of cards so far: of all pairs, and of those with a given card.
struct Weaker {
    all: Row,
    with_card: Vec<Row>,
}

impl Weaker {
    fn new() -> Self {
        Self { all: [0; ROW], with_card: vec![[0; ROW]; 52] }
    }

    fn insert(&mut self, hand: usize, [first, second]: [u8; 2]) {
        self.all[hand] += 1;
        self.with_card[usize::from(first)][hand] += 1;
        self.with_card[usize::from(second)][hand] += 1;
    }

    /// Adds the numbers of pairs that share no card with `cards` to `row`; the pair `cards` itself counts as −1.
    fn add_to(&self, row: &mut Row, [first, second]: [u8; 2]) {
        let (of_first, of_second) = (&self.with_card[usize::from(first)], &self.with_card[usize::from(second)]);
        for (((sum, all), a), b) in row.iter_mut().zip(&self.all).zip(of_first).zip(of_second) {
            *sum = sum.wrapping_add(all.wrapping_sub(*a).wrapping_sub(*b));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use caveat_lm::stimuli::poker::{BOARDS, pairings};

    use super::*;

    /// Wins of `a`, ties and wins of `b` over all boards, one by one.
    fn deals(a: [u8; 2], b: [u8; 2]) -> [u64; 3] {
        let deck: Vec<u8> = (0..52).filter(|card| !a.contains(card) && !b.contains(card)).collect();
        let (a, b) = (with(SevenCardAccum::new(), &a), with(SevenCardAccum::new(), &b));
        let count = |first: usize| {
            let mut counts = [0; 3];
            for v in 0..first {
                for x in 0..v {
                    for y in 0..x {
                        for z in 0..y {
                            let board = [deck[first], deck[v], deck[x], deck[y], deck[z]];
                            let order = with(b, &board).rank().cmp(&with(a, &board).rank());
                            counts[(order as i8 + 1) as usize] += 1;
                        }
                    }
                }
            }
            counts
        };
        let plus = |x: [u64; 3], y: [u64; 3]| [x[0] + y[0], x[1] + y[1], x[2] + y[2]];
        (0..deck.len()).into_par_iter().map(count).reduce(|| [0; 3], plus)
    }

    /// Wins of `a`, ties and wins of `b` over all pairs of combinations, each enumerated once up to a renaming of suits.
    fn cell(a: StartingHand, b: StartingHand) -> [u64; 3] {
        let mut kinds = BTreeMap::<[u8; 4], u64>::new();
        for [p, q] in a.combinations() {
            for [r, s] in b.combinations().into_iter().filter(|c| !c.contains(&p) && !c.contains(&q)) {
                let renamed = |names: &[u8; 4]| {
                    let mut cards = [p, q, r, s].map(|card| card - card % 4 + names[usize::from(card % 4)]);
                    cards[..2].sort_unstable();
                    cards[2..].sort_unstable();
                    cards
                };
                *kinds.entry(renamings().iter().map(renamed).min().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(kinds.values().sum::<u64>(), pairings(a, b));
        kinds.into_iter().fold([0; 3], |sum, ([p, q, r, s], times)| {
            let counts = deals([p, q], [r, s]);
            [0, 1, 2].map(|k| sum[k] + times * counts[k])
        })
    }

    fn hands(names: [&str; 2]) -> [StartingHand; 2] {
        names.map(|name| name.parse().unwrap())
    }

    #[test]
    fn boards_stand_for_all_boards() {
        let boards = boards_up_to_suits();
        assert_eq!(boards.len(), 134_459);
        assert_eq!(boards.iter().map(|b| b.1).sum::<u64>(), 2_598_960);
        assert!(boards.iter().all(|b| 24 % b.1 == 0));
        assert_eq!(renamings().len(), 24);
    }

    #[test]
    fn some_boards_count_as_they_do_pair_by_pair() {
        let all = boards_up_to_suits();
        for (board, _) in all.iter().step_by(13_441) {
            let mut counts = Counts::new();
            counts.add_board(board, 1);
            let on_board = with(SevenCardAccum::new(), board);
            let (mut wins, mut at_least) = (vec![0; N * N], vec![0; N * N]);
            let free = |cards: &[u8; 2]| !cards.iter().any(|card| board.contains(card));
            let combinations: Vec<_> = StartingHand::all()
                .flat_map(|hand| hand.combinations().into_iter().filter(free).map(move |cards| (hand.index(), cards)))
                .map(|(hand, [p, q])| (hand, [p, q], with(on_board, &[p, q]).rank()))
                .collect();
            assert_eq!(combinations.len(), 1081);
            for (a, cards, strength) in &combinations {
                for (b, others, other) in combinations.iter().filter(|c| !c.1.iter().any(|card| cards.contains(card))) {
                    assert!(cards != others);
                    wins[a * N + b] += u64::from(strength > other);
                    at_least[a * N + b] += u64::from(strength >= other);
                }
            }
            assert!(counts.wins == wins && counts.at_least == at_least, "{board:?}");
        }
    }

    #[test]
    fn one_deal_after_another_counts_as_the_table_says() {
        let table = PreflopEquity::embedded().unwrap();
        for names in [["AA", "KK"], ["AKs", "QQ"], ["22", "32o"], ["JTs", "22"]] {
            let [a, b] = hands(names);
            assert_eq!(cell(a, b), [table.wins(a, b), table.ties(a, b), table.wins(b, a)], "{names:?}");
        }
    }

    #[test]
    fn one_pair_of_combinations_has_all_boards() {
        // Ace and king of spades against the deuces of clubs and diamonds.
        assert_eq!(deals([51, 47], [0, 1]).iter().sum::<u64>(), BOARDS);
    }

    #[test]
    #[ignore = "slow: 10⁹ evaluations"]
    fn more_deals_count_as_the_table_says() {
        let table = PreflopEquity::embedded().unwrap();
        let more = [
            ["22", "AKo"],
            ["32o", "AA"],
            ["AA", "AA"],
            ["AKs", "AKs"],
            ["AKs", "AKo"],
            ["AKo", "AKo"],
            ["AKo", "KQo"],
            ["T9s", "98o"],
            ["72o", "72s"],
            ["76s", "A5o"],
            ["K2o", "Q3s"],
            ["55", "54s"],
        ];
        for names in more {
            let [a, b] = hands(names);
            assert_eq!(cell(a, b), [table.wins(a, b), table.ties(a, b), table.wins(b, a)], "{names:?}");
        }
    }

    #[test]
    #[ignore = "slow: all deals"]
    fn the_embedded_table_is_what_enumeration_finds() {
        assert!(&enumerate_deals(&|_, _| {}).unwrap() == PreflopEquity::embedded().unwrap());
    }
}

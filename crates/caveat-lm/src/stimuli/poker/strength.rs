//! Strength of poker hands: which of two wins, from five, six or seven cards.

/// A set of cards: bit 16·suit + rank, suit 0 to 3, rank 0 for deuces to 12 for aces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cards(u64);

impl Cards {
    /// The set of one card, 4·rank + suit.
    pub(super) fn one(card: u8) -> Self {
        Self(1 << (16 * (card % 4) + card / 4))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_suit(self, suit: u32) -> u32 {
        (self.0 >> (16 * suit)) as u32 & 0x1fff
    }
}

/// The categories of hands, each beating those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Category {
    HighCard,
    Pair,
    TwoPair,
    ThreeOfAKind,
    Straight,
    Flush,
    FullHouse,
    FourOfAKind,
    StraightFlush,
}

/// Value of the best five cards; the larger wins, equal ones tie.
///
/// The category, then 13 bits with the ranks that make it, then 13 bits with those of the other cards that count. Sets of as
/// many ranks compare as numbers like their highest different ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Strength(u32);

impl Strength {
    /// Strength of the best five of 5 to 7 cards.
    pub(super) fn of(cards: Cards) -> Self {
        let [a, b, c, d] = [0, 1, 2, 3].map(|suit| cards.of_suit(suit));
        let ranks = a | b | c | d;
        // Five of a suit leave at most two other cards, too few for four of a kind or a full house.
        if let Some(suited) = [a, b, c, d].into_iter().find(|suit| suit.count_ones() >= 5) {
            return match straight(suited) {
                0 => Self::new(Category::Flush, 0, highest(suited, 5)),
                high => Self::new(Category::StraightFlush, high, 0),
            };
        }
        let (ab, cd) = (a & b, c & d);
        let four = ab & cd;
        if four != 0 {
            return Self::new(Category::FourOfAKind, four, highest(ranks & !four, 1));
        }
        let three = (ab & (c | d)) | (cd & (a | b));
        let two = ab | cd | ((a | b) & (c | d));
        if three != 0 {
            let triple = highest(three, 1);
            let pairs = two & !triple;
            if pairs != 0 {
                return Self::new(Category::FullHouse, triple, highest(pairs, 1));
            }
        }
        let high = straight(ranks);
        if high != 0 {
            Self::new(Category::Straight, high, 0)
        } else if three != 0 {
            Self::new(Category::ThreeOfAKind, three, highest(ranks & !three, 2))
        } else if two.count_ones() >= 2 {
            let pairs = highest(two, 2);
            Self::new(Category::TwoPair, pairs, highest(ranks & !pairs, 1))
        } else if two != 0 {
            Self::new(Category::Pair, two, highest(ranks & !two, 3))
        } else {
            Self::new(Category::HighCard, 0, highest(ranks, 5))
        }
    }

    fn new(category: Category, made_of: u32, others: u32) -> Self {
        Self((category as u32) << 26 | made_of << 13 | others)
    }
}

/// The `count` highest of at least as many ranks.
fn highest(mut ranks: u32, count: u32) -> u32 {
    for _ in count..ranks.count_ones() {
        ranks &= ranks - 1;
    }
    ranks
}

/// The highest rank of the best straight as a set, empty without one. An ace may be the lowest card.
fn straight(ranks: u32) -> u32 {
    let with_low_ace = ranks << 1 | ranks >> 12;
    let lowest = with_low_ace & with_low_ace >> 1 & with_low_ace >> 2 & with_low_ace >> 3 & with_low_ace >> 4;
    // Bit r is the straight of r − 1 to r + 3, in ranks that count the low ace as −1.
    highest(lowest, 1) << 3
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::stimuli::draw::SeededDraw;

    fn cards(names: &str) -> Vec<u8> {
        let card = |name: &str| {
            let at = |chars: &str, k: usize| chars.find(name.chars().nth(k).unwrap()).unwrap() as u8;
            4 * at("23456789TJQKA", 0) + at("cdhs", 1)
        };
        names.split(' ').map(card).collect()
    }

    fn set(cards: &[u8]) -> Cards {
        cards.iter().fold(Cards::default(), |set, &card| set.with(Cards::one(card)))
    }

    fn category(strength: Strength) -> u32 {
        strength.0 >> 26
    }

    /// Category and ranks in the order in which they are compared, from five cards one by one.
    fn plain_five(cards: &[u8]) -> (Category, Vec<u8>) {
        let mut count = BTreeMap::new();
        cards.iter().for_each(|card| *count.entry(card / 4).or_insert(0) += 1);
        let mut groups: Vec<(i32, u8)> = count.into_iter().map(|(rank, n)| (n, rank)).collect();
        groups.sort_by_key(|&group| Reverse(group));
        let mut ranks: Vec<u8> = groups.iter().map(|g| g.1).collect();
        let sizes: Vec<i32> = groups.iter().map(|g| g.0).collect();
        let flush = cards.iter().all(|card| card % 4 == cards[0] % 4);
        let low_ace = ranks == [12, 3, 2, 1, 0];
        if low_ace {
            ranks = vec![3, 2, 1, 0];
        }
        let straight = low_ace || (ranks.len() == 5 && ranks[0] == ranks[4] + 4);
        let category = match (sizes.as_slice(), straight, flush) {
            (_, true, true) => Category::StraightFlush,
            ([4, 1], ..) => Category::FourOfAKind,
            ([3, 2], ..) => Category::FullHouse,
            (_, _, true) => Category::Flush,
            (_, true, _) => Category::Straight,
            ([3, ..], ..) => Category::ThreeOfAKind,
            ([2, 2, 1], ..) => Category::TwoPair,
            ([2, ..], ..) => Category::Pair,
            _ => Category::HighCard,
        };
        (category, ranks)
    }

    /// The best five of seven, by leaving out every two.
    fn plain_seven(cards: &[u8]) -> (Category, Vec<u8>) {
        let without = |i: usize, j: usize| {
            let left = (0..7).filter(|&k| k != i && k != j).map(|k| cards[k]).collect::<Vec<_>>();
            plain_five(&left)
        };
        (0..7).flat_map(|i| (0..i).map(move |j| without(i, j))).max().unwrap()
    }

    fn for_all_fives(mut visit: impl FnMut([u8; 5])) {
        for a in 0..52 {
            for b in 0..a {
                for c in 0..b {
                    for d in 0..c {
                        (0..d).for_each(|e| visit([a, b, c, d, e]));
                    }
                }
            }
        }
    }

    #[test]
    fn hands_of_five_cards_have_the_known_frequencies() {
        let (mut hands, mut kinds) = ([0u32; 9], BTreeSet::new());
        for_all_fives(|five| {
            let strength = Strength::of(set(&five));
            hands[category(strength) as usize] += 1;
            kinds.insert(strength);
        });
        assert_eq!(hands, [1_302_540, 1_098_240, 123_552, 54_912, 10_200, 5_108, 3_744, 624, 40]);
        // Strengths that differ: C(13,5) − 10, 13·C(12,3), C(13,2)·11, 13·C(12,2), 10, C(13,5) − 10, 13·12, 13·12, 10.
        let of_category = |k: u32| kinds.iter().filter(|&&s| category(s) == k).count();
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8].map(of_category), [1277, 2860, 858, 858, 10, 1277, 156, 156, 10]);
    }

    #[test]
    fn five_cards_compare_as_they_do_one_by_one() {
        let mut both: Vec<(Strength, (Category, Vec<u8>))> = Vec::new();
        let mut k = 0;
        // Every 97th hand: 26,793 of all kinds.
        for_all_fives(|five| {
            if k % 97 == 0 {
                both.push((Strength::of(set(&five)), plain_five(&five)));
            }
            k += 1;
        });
        both.sort();
        assert!(both.windows(2).all(|w| w[0].0.cmp(&w[1].0) == w[0].1.cmp(&w[1].1)));
    }

    #[test]
    fn seven_cards_compare_as_the_best_five_of_them() {
        let mut draw = SeededDraw::new(5);
        let mut both: Vec<(Strength, (Category, Vec<u8>))> = (0..40_000)
            .map(|_| {
                let mut deck: Vec<u8> = (0..52).collect();
                let seven: Vec<u8> = (0..7).filter_map(|_| draw.take(&mut deck)).collect();
                (Strength::of(set(&seven)), plain_seven(&seven))
            })
            .collect();
        both.sort();
        assert!(both.windows(2).all(|w| w[0].0.cmp(&w[1].0) == w[0].1.cmp(&w[1].1)));
        assert!(both.iter().all(|(fast, plain)| category(*fast) == plain.0 as u32));
    }

    #[test]
    fn rare_hands_of_seven_cards_are_told_apart() {
        let of = |names: &str| Strength::of(set(&cards(names)));
        // A straight flush below a flush with an ace; a wheel below a six-high straight; two triples; three pairs.
        assert_eq!(of("2h 3h 4h 5h 6h Ah Kh"), of("2s 3s 4s 5s 6s 9c 9d"));
        assert!(of("Ac 2d 3h 4s 5c 9d 9h") < of("2c 3d 4h 5s 6c 9d 9h"));
        assert!(of("Ac 2d 3h 4s 5c Kd Qh") > of("Ac Ad Ah 5s 7c Kd Qh"));
        assert_eq!(of("Kc Kd Kh 9s 9c 9d 2h"), of("Kc Kd Kh 9s 9c Qd 2h"));
        assert_eq!(of("Kc Kd 9h 9s 4c 4d 2h"), of("Kc Kd 9h 9s 4c 3d 2h"));
        assert!(of("Kc Kd 9h 9s 4c 4d Ah") > of("Kc Kd 9h 9s Qc 3d 2h"));
        assert!(of("7c 7d 7h 7s Ac 2d 2h") > of("7c 7d 7h 7s Kc Kd Kh"));
        // The board plays.
        assert_eq!(of("Tc Jc Qc Kc Ac 2d 2h"), of("Tc Jc Qc Kc Ac 9c 8c"));
    }

    #[test]
    #[ignore = "slow: 133,784,560 hands"]
    fn hands_of_seven_cards_have_the_known_frequencies() {
        let mut hands = [0u32; 9];
        for a in 0..52 {
            for b in 0..a {
                let two = Cards::one(a).with(Cards::one(b));
                // Five more below both, so that every seven cards come once.
                for_all_fives(|five| {
                    if five[0] < b {
                        hands[category(Strength::of(set(&five).with(two))) as usize] += 1;
                    }
                });
            }
        }
        let known = [23_294_460, 58_627_800, 31_433_400, 6_461_620, 6_180_020, 4_047_644, 3_473_184, 224_848, 41_584];
        assert_eq!(hands, known);
    }
}

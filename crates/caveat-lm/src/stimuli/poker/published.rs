//! A test of the table of equities against a published one, where `CAVEAT_PUBLISHED_LM` names the directory that holds it.

use std::path::PathBuf;

use super::{PreflopEquity, StartingHand};

const N: usize = StartingHand::COUNT;

/// Equities at 169·a + b and the hands by place, from `preflop_equity.npy`: a pickled dictionary of the array `matrix`, of
/// float64, and the array `labels`, of names.
///
/// Instead of a reader of pickles, this looks for what such a file must hold: the one byte string as long as the matrix (opcode
/// B, its length in four bytes), and behind the key `labels` the short texts (opcode 0x8c, their length in one byte).
fn read(bytes: &[u8]) -> Option<(Vec<f64>, Vec<StartingHand>)> {
    let find = |needle: &[u8], from: usize| {
        bytes.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| from + at + needle.len())
    };
    let mut opcode = vec![b'B'];
    opcode.extend(((8 * N * N) as u32).to_le_bytes());
    let matrix = find(&opcode, find(b"matrix", 0)?)?;
    // The opcode before says that rows are contiguous.
    assert_eq!(bytes[matrix - 6], 0x89);
    let values =
        bytes.get(matrix..matrix + 8 * N * N)?.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));

    let mut at = find(b"labels", matrix + 8 * N * N)?;
    let mut hands = Vec::new();
    while let Some(&opcode) = bytes.get(at) {
        let text = bytes.get(at + 1).and_then(|&len| bytes.get(at + 2..at + 2 + usize::from(len)));
        let hand = text.filter(|_| opcode == 0x8c).and_then(|text| hand(std::str::from_utf8(text).ok()?));
        at += hand.map_or(1, |hand| {
            hands.push(hand);
            2 + bytes[at + 1] as usize
        });
    }
    Some((values.collect(), hands))
}

/// Hands there may have the lower rank first.
fn hand(name: &str) -> Option<StartingHand> {
    let mut chars: Vec<char> = name.chars().collect();
    let as_written = name.parse().ok();
    as_written.or_else(|| {
        (chars.len() >= 2).then(|| chars.swap(0, 1))?;
        chars.into_iter().collect::<String>().parse().ok()
    })
}

#[test]
fn equities_are_those_published_up_to_their_approximations() {
    let Some(directory) =
        std::env::var_os("CAVEAT_PUBLISHED_LM").map(PathBuf::from).filter(|d| !d.as_os_str().is_empty())
    else {
        println!("skipped: CAVEAT_PUBLISHED_LM is not set");
        return;
    };
    let path = directory.join("preflop_equity.npy");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let (matrix, hands) = read(&std::fs::read(&path).unwrap()).unwrap();
    let mut distinct = hands.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((hands.len(), distinct.len()), (N, N));
    let table = PreflopEquity::embedded().unwrap();
    // The published values are multiples of 1/100,000, as of as many simulated deals, and agree with deals in which each hand has
    // suits that do not depend on the other's: two suited hands are of one suit, and some hands share a card. So they differ
    // systematically where suits and common ranks matter, and least for two offsuit hands of four ranks.
    let (mut all, mut plain) = (Deviations::default(), Deviations::default());
    for (i, &a) in hands.iter().enumerate() {
        for (j, &b) in hands.iter().enumerate() {
            let deviation = (matrix[i * N + j] - table.equity(a, b)).abs();
            all.add(deviation, a, b);
            let (a_name, b_name) = (a.to_string(), b.to_string());
            let four_ranks = !a_name[..2].chars().any(|rank| b_name[..2].contains(rank));
            if four_ranks && a_name.ends_with('o') && b_name.ends_with('o') {
                plain.add(deviation, a, b);
            }
        }
    }
    println!("all pairs of hands: {all}\noffsuit hands of four ranks: {plain}");
    assert!(all.largest < 0.06 && all.root_mean_square() < 0.01);
    assert!(plain.largest < 0.015 && plain.root_mean_square() < 0.004);
}

#[derive(Default)]
struct Deviations {
    largest: f64,
    at: String,
    squares: f64,
    n: u32,
}

impl Deviations {
    fn add(&mut self, deviation: f64, a: StartingHand, b: StartingHand) {
        self.squares += deviation * deviation;
        self.n += 1;
        if deviation > self.largest {
            self.largest = deviation;
            self.at = format!("{a} against {b}");
        }
    }

    fn root_mean_square(&self) -> f64 {
        (self.squares / f64::from(self.n)).sqrt()
    }
}

impl std::fmt::Display for Deviations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rms = self.root_mean_square();
        write!(f, "largest deviation {:.6} ({}), root mean square {rms:.6}, {} pairs", self.largest, self.at, self.n)
    }
}

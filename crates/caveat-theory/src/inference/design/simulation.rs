//! Simulated experiments: parameters drawn from the prior and the judgments they lead to, growing with the number of trials.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use crate::error::{Result, TheoryError};
use crate::inference::design::likelihood::{Counts, margins_at, probabilities};
use crate::inference::design::question::DesignQuestion;
use crate::inference::design::settings::DesignSettings;
use crate::task::TransitiveTask;

/// 1/φ, 1/φ², 1/φ³ with φ⁴ = φ + 1: their multiples modulo 1 fill the unit cube evenly (Kronecker sequence; Roberts 2018, "The
/// unreasonable effectiveness of quasirandom sequences").
const KRONECKER: [f64; 3] = [0.819_172_513_396_164_4, 0.671_043_606_703_789_2, 0.549_700_477_901_970_2];

/// The experiments of one design; experiment s has the same parameters in every design of a question and seed.
pub(super) struct Experiments<'a> {
    settings: &'a DesignSettings,
    n_pairs: usize,
    /// p of every pair, all of the first experiment, then of the second, and so on.
    win_probability: Vec<f64>,
}

impl<'a> Experiments<'a> {
    pub(super) fn new(
        task: &TransitiveTask,
        pairs: &[(usize, usize)],
        question: &DesignQuestion,
        settings: &'a DesignSettings,
    ) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream(u64::MAX);
        let shift: [f64; 3] = std::array::from_fn(|_| rng.random());
        let rows: Result<Vec<Vec<f64>>> = (0..settings.samples)
            .into_par_iter()
            .map(|s| {
                let at = std::array::from_fn(|d| (shift[d] + (s + 1) as f64 * KRONECKER[d]).fract());
                let (alpha, c, gain) = question.parameters(at);
                let margins = margins_at(task, pairs, alpha, c)?;
                Ok(margins.iter().map(|f| probabilities(gain * f, question.lapse()).0).collect())
            })
            .collect();
        Ok(Self { settings, n_pairs: pairs.len(), win_probability: rows?.concat() })
    }

    /// Experiments of exactly that many trials, as even over the pairs as they go.
    pub(super) fn after(&self, trials: usize) -> Result<Counts> {
        let n_pairs = self.n_pairs;
        let (even, rest) = (trials / n_pairs, trials % n_pairs);
        let outcomes: Result<Vec<(Vec<u32>, Vec<bool>)>> = self
            .win_probability
            .par_chunks(n_pairs)
            .enumerate()
            .map(|(s, p)| {
                let mut rng = self.rng(0, s);
                let mut order: Vec<usize> = (0..n_pairs).collect();
                let mut extra = vec![false; n_pairs];
                for k in 0..rest {
                    order.swap(k, rng.random_range(k..n_pairs));
                    extra[order[k]] = true;
                }
                let wins = p.iter().zip(&extra).map(|(&p, &x)| draw(even + usize::from(x), p, &mut rng));
                Ok((wins.collect::<Result<_>>()?, extra))
            })
            .collect();
        let (wins, extra): (Vec<_>, Vec<_>) = outcomes?.into_iter().unzip();
        Ok(match rest {
            0 => Counts::even(&wins.concat(), n_pairs, even),
            _ => Counts::uneven(&wins.concat(), &extra.concat(), n_pairs, even),
        })
    }

    /// Wins up to a rung of the ladder of repetitions, from those up to a lower one (−1 for none). Each rung adds the same
    /// judgments whatever rung it is reached from.
    pub(super) fn grown(&self, wins: &[u32], ladder: &[usize], from: isize, to: usize) -> Result<Vec<u32>> {
        let n_pairs = self.n_pairs;
        let first = (from + 1) as usize;
        let mut wins = wins.to_vec();
        wins.par_chunks_mut(n_pairs).zip(self.win_probability.par_chunks(n_pairs)).enumerate().try_for_each(
            |(s, (wins, p))| {
                for rung in first..=to {
                    let added = ladder[rung] - if rung == 0 { 0 } else { ladder[rung - 1] };
                    let mut rng = self.rng(rung as u64 + 1, s);
                    for (wins, &p) in wins.iter_mut().zip(p) {
                        *wins += draw(added, p, &mut rng)?;
                    }
                }
                Ok(())
            },
        )?;
        Ok(wins)
    }

    /// Random numbers of one part of one experiment.
    fn rng(&self, part: u64, experiment: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
        rng.set_stream((part << 32) | experiment as u64);
        rng
    }
}

/// Wins among `n` judgments with probability `p` each.
fn draw(n: usize, p: f64, rng: &mut ChaCha8Rng) -> Result<u32> {
    let binomial = Binomial::new(n as u64, p).map_err(|_| TheoryError::OutOfRange {
        name: "probability of a judgment",
        value: p,
        range: "between 0 and 1",
    })?;
    // At most MAX_TRIALS.
    Ok(binomial.sample(rng) as u32)
}

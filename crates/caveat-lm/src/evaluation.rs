//! The answers of a model: the logits of Yes and No after a prompt, and their share of all probability.

use burn::tensor::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{LmError, Result};
use crate::model::LanguageModel;
use crate::tokenizer::Tokenizer;
use crate::trie::pack;

/// The tokens of the two answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTokens {
    /// The token of Yes.
    pub yes: u32,
    /// The token of No.
    pub no: u32,
    /// How Yes is spelled, as in " Yes".
    pub yes_text: String,
    /// How No is spelled.
    pub no_text: String,
}

impl AnswerTokens {
    /// The first of " Yes"/" No", "Yes"/"No", " yes"/" no", "yes"/"no" that consists of two single tokens. A prompt that ends in "A:" is
    /// continued by a word with a leading space, so that form comes first.
    ///
    /// # Errors
    /// [`LmError::Invalid`] for a tokenizer that splits all of them.
    pub fn find(tokenizer: &Tokenizer) -> Result<Self> {
        for (yes_text, no_text) in [(" Yes", " No"), ("Yes", "No"), (" yes", " no"), ("yes", "no")] {
            let (yes, no) = (tokenizer.encode_plain(yes_text)?, tokenizer.encode_plain(no_text)?);
            if let ([yes], [no]) = (yes.as_slice(), no.as_slice())
                && yes != no
            {
                let (yes_text, no_text) = (yes_text.to_owned(), no_text.to_owned());
                return Ok(Self { yes: *yes, no: *no, yes_text, no_text });
            }
        }
        Err(LmError::invalid("the model's tokenizer has no single tokens for Yes and No"))
    }
}

/// A model's answer to one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered {
    /// Logit of Yes.
    pub logit_yes: f64,
    /// Logit of No.
    pub logit_no: f64,
    /// Probability, over the whole vocabulary, of Yes and No together.
    pub mass: f64,
}

impl Answered {
    /// Whether all numbers are finite, which they are not after training that diverged.
    pub(crate) fn is_finite(&self) -> bool {
        [self.logit_yes, self.logit_no, self.mass].iter().all(|x| x.is_finite())
    }

    /// Logit of Yes minus logit of No.
    pub fn logit_diff(&self) -> f64 {
        self.logit_yes - self.logit_no
    }

    /// Probability of Yes among the two.
    pub fn prob_yes(&self) -> f64 {
        1.0 / (1.0 + (-self.logit_diff()).exp())
    }

    /// Probability of No among the two.
    pub fn prob_no(&self) -> f64 {
        1.0 / (1.0 + self.logit_diff().exp())
    }
}

/// Rows of logits over the vocabulary that are computed at once.
const ROWS: usize = 64;

/// The answers for hidden states [prompts, hidden].
pub fn answers(model: &LanguageModel, states: &Tensor<2>, tokens: &AnswerTokens) -> Vec<Answered> {
    let rows = states.dims()[0];
    let mut answers = Vec::with_capacity(rows);
    for start in (0..rows).step_by(ROWS) {
        let some = states.clone().narrow(0, start, ROWS.min(rows - start));
        let logits = model.logits(some);
        let vocabulary = logits.dims()[1];
        let logits = logits.into_data_as::<f64>().try_into_vec::<f64>().unwrap_or_default();
        answers.par_extend(logits.par_chunks(vocabulary).map(|row| {
            let (yes, no) = (row[tokens.yes as usize], row[tokens.no as usize]);
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
            let mass = ((yes - largest).exp() + (no - largest).exp()) / total;
            Answered { logit_yes: yes, logit_no: no, mass }
        }));
    }
    answers
}

/// Most prompts that are packed together; packing costs as much as sorting them.
const CHUNK: usize = 512;
/// Most nodes of a group.
const NODES: usize = 2048;

/// The result of an evaluation.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// The answers, in the order of the prompts.
    pub(crate) answers: Vec<Answered>,
    /// The hidden states of the answers, [prompts, hidden], if they were to be kept.
    pub(crate) states: Option<Tensor<2>>,
    /// Tokens that were computed; prompts share those of a common prefix.
    pub(crate) computed: usize,
}

/// Evaluates a model on prompts, each a non-empty sequence of token ids. `progress` gets the number of prompts done.
pub(crate) fn evaluate(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    tokens: &AnswerTokens,
    keep_states: bool,
    progress: &mut dyn FnMut(usize),
    cancelled: &dyn Fn() -> bool,
) -> Result<Evaluation> {
    model.check_prompts(prompts)?;
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by(|&a, &b| prompts[a].cmp(&prompts[b]));
    let mut sorted = Vec::with_capacity(prompts.len());
    let (mut kept, mut computed) = (Vec::new(), 0);
    for chunk in order.chunks(CHUNK) {
        let of_chunk: Vec<&[u32]> = chunk.iter().map(|&index| prompts[index].as_slice()).collect();
        for (range, trie) in pack(&of_chunk, NODES) {
            if cancelled() {
                return Err(LmError::Interrupted);
            }
            let states = model.hidden_states(&of_chunk[range], &mut |_| ())?;
            computed += trie.len();
            sorted.extend(answers(model, &states, tokens));
            if keep_states {
                kept.push(states);
            }
            progress(sorted.len());
        }
    }
    // The position of each prompt in the sorted order.
    let mut place = vec![0; prompts.len()];
    order.iter().enumerate().for_each(|(at, &index)| place[index] = at);
    let states = (!kept.is_empty()).then(|| Tensor::cat(kept, 0).select(0, model.nodes(&place)));
    let answers = place.iter().map(|&at| sorted[at]).collect();
    Ok(Evaluation { answers, states, computed })
}

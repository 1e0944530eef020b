//! Evaluates any number of prompts: sorted so that common prefixes are shared, and computed in groups.

use burn::tensor::Tensor;

use crate::error::{LmError, Result};
use crate::evaluation::{AnswerTokens, Answered, answers};
use crate::model::LanguageModel;
use crate::trie::pack;

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

//! Makes the prompts: the ordered pairs of a hierarchy in the order of result files, with labels and texts.

use std::collections::HashMap;

use caveat_theory::{TransitiveTask, named_enum};
use serde::Serialize;

use super::template::PromptTemplate;
use crate::error::{LmError, Result};

named_enum! {
    /// The answer of a model: whether the item named first beats the other.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    pub enum Answer, ALL {
        /// It does.
        Yes = "Yes",
        /// It does not.
        No = "No",
    }
}

named_enum! {
    /// Which of the two orders of a pair a prompt shows, as in the result files of a run.
    ///
    /// Forward is the order labeled Yes, also for an exception, and the order of ranks if there is no label. The column `direction`
    /// of trial tables differs: it depends on the ranks alone, so an exception's Yes is backward there.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Direction, ALL {
        /// The order labeled Yes; without a label, the higher item first.
        Forward = "forward",
        /// The other order.
        Backward = "backward",
    }
}

/// The question whether the item of rank `rank_a` beats that of rank `rank_b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The text that the model reads; its answer is the next token.
    pub text: String,
    /// Rank of the item named first, 0 the highest.
    pub rank_a: usize,
    /// Rank of the item named second.
    pub rank_b: usize,
    /// The right answer, if the trained pairs imply one.
    pub label: Option<Answer>,
    /// Whether the pair is trained, as neighbors and exceptions are.
    pub is_train: bool,
    /// Whether the pair is an exception.
    pub is_exception: bool,
    /// Whether the trained pairs imply no answer, as between untrained items of an exception's cycle.
    pub no_gt: bool,
    /// Which of the two orders of the pair this is.
    pub direction: Direction,
}

impl Prompt {
    /// Difference of the two ranks.
    pub fn gap(&self) -> usize {
        self.rank_a.abs_diff(self.rank_b)
    }
}

/// The prompts of all ordered pairs: for every i < j the order labeled Yes, or (i, j) without a label, then the other. Labels come
/// from the theory's task, as do the pairs without one.
pub(super) fn make_prompts(
    task: &TransitiveTask,
    hierarchy: &[String],
    [anchor_winner, anchor_loser]: [&str; 2],
    template: &PromptTemplate,
) -> Result<Vec<Prompt>> {
    let classes = task.classes().map_err(|e| LmError::invalid(e.to_string()))?;
    let n = hierarchy.len();
    let mut prompts = Vec::with_capacity(n * n.saturating_sub(1));
    for (i, j, _, label) in classes.pairs() {
        let (higher, lower) = if label == Some(-1) { (j, i) } else { (i, j) };
        let is_exception = task.exceptions().iter().any(|e| (e.loser, e.winner) == (i, j));
        let orders =
            [(higher, lower, Answer::Yes, Direction::Forward), (lower, higher, Answer::No, Direction::Backward)];
        for (rank_a, rank_b, answer, direction) in orders {
            prompts.push(Prompt {
                text: template.render(anchor_winner, anchor_loser, &hierarchy[rank_a], &hierarchy[rank_b])?,
                rank_a,
                rank_b,
                label: label.map(|_| answer),
                is_train: classes.is_trained(i, j),
                is_exception,
                no_gt: label.is_none(),
                direction,
            });
        }
    }
    refuse_equal_texts(&prompts, hierarchy)?;
    Ok(prompts)
}

/// Refuses prompts that read the same, since a model could not answer both.
fn refuse_equal_texts(prompts: &[Prompt], hierarchy: &[String]) -> Result<()> {
    let mut met = HashMap::with_capacity(prompts.len());
    for p in prompts {
        if let Some(other) = met.insert(p.text.as_str(), p) {
            let pair = |p: &Prompt| format!("({:?}, {:?})", hierarchy[p.rank_a], hierarchy[p.rank_b]);
            return Err(LmError::invalid(format!(
                "the template words {} and {} alike: expected a wording that tells every item and both orders apart",
                pair(other),
                pair(p)
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(n: usize, exceptions: &[(usize, usize)]) -> Vec<Prompt> {
        let task = TransitiveTask::new(n, exceptions).unwrap();
        let hierarchy: Vec<String> = (0..n).map(|i| format!("i{i}")).collect();
        let template = PromptTemplate::new("t", "{{ anchor_winner }}>{{ anchor_loser }} {{ item_a }}>{{ item_b }}? A:");
        make_prompts(&task, &hierarchy, ["w", "l"], &template.unwrap()).unwrap()
    }

    /// Ranks, label, flags t(rain) e(xception) n(o ground truth), direction.
    fn rows(prompts: &[Prompt]) -> Vec<String> {
        let row = |p: &Prompt| {
            let flags =
                [(p.is_train, 't'), (p.is_exception, 'e'), (p.no_gt, 'n')].map(|(is, c)| if is { c } else { '-' });
            let label = p.label.map_or("?", Answer::name);
            format!("{}{} {label} {} {}", p.rank_a, p.rank_b, flags.iter().collect::<String>(), p.direction)
        };
        prompts.iter().map(row).collect()
    }

    #[test]
    fn prompts_come_in_the_order_of_result_files() {
        let expected = [
            "01 Yes t-- forward",
            "10 No t-- backward",
            "02 Yes --- forward",
            "20 No --- backward",
            "03 Yes --- forward",
            "30 No --- backward",
            "04 Yes --- forward",
            "40 No --- backward",
            "12 Yes t-- forward",
            "21 No t-- backward",
            "13 ? --n forward",
            "31 ? --n backward",
            "41 Yes te- forward",
            "14 No te- backward",
            "23 Yes t-- forward",
            "32 No t-- backward",
            "24 ? --n forward",
            "42 ? --n backward",
            "34 Yes t-- forward",
            "43 No t-- backward",
        ];
        assert_eq!(rows(&prompts(5, &[(4, 1)])), expected);
    }

    #[test]
    fn an_adjacent_exception_reverses_its_pair_and_leaves_pairs_across_it_open() {
        let rows = rows(&prompts(4, &[(2, 1)]));
        assert_eq!(rows[6..8], ["21 Yes te- forward", "12 No te- backward"]);
        assert_eq!(rows[2..6], ["02 ? --n forward", "20 ? --n backward", "03 ? --n forward", "30 ? --n backward"]);
        assert_eq!(rows[8..10], ["13 ? --n forward", "31 ? --n backward"]);
    }

    #[test]
    fn a_pair_that_only_an_exception_decides_is_labeled_against_the_ranks() {
        // 2 > 1 reversed, and 3 > 0: so 2 > 3 > 0.
        let rows = rows(&prompts(4, &[(2, 1), (3, 0)]));
        assert_eq!(rows[2..4], ["20 Yes --- forward", "02 No --- backward"]);
    }

    #[test]
    fn prompts_agree_with_the_definition_of_the_published_hierarchies() {
        for (n, winner, loser) in [(9, 5, 3), (11, 6, 4), (11, 7, 3)] {
            let prompts = prompts(n, &[(winner, loser)]);
            assert_eq!(prompts.len(), n * (n - 1));
            for p in &prompts {
                let (i, j) = (p.rank_a.min(p.rank_b), p.rank_a.max(p.rank_b));
                let is_exception = (i, j) == (loser, winner);
                let open = j - i > 1 && i >= loser && j <= winner && !is_exception;
                let yes = (p.rank_a < p.rank_b) != is_exception;
                assert_eq!((p.is_train, p.is_exception, p.no_gt), (j - i == 1 || is_exception, is_exception, open));
                assert_eq!(p.label, (!open).then_some(if yes { Answer::Yes } else { Answer::No }));
                assert_eq!(p.direction, if yes { Direction::Forward } else { Direction::Backward });
                assert_eq!(
                    (p.gap(), p.text.as_str()),
                    (j - i, format!("w>l i{}>i{}? A:", p.rank_a, p.rank_b).as_str())
                );
            }
        }
    }

    #[test]
    fn a_wording_that_does_not_tell_the_orders_apart_is_refused() {
        let task = TransitiveTask::new(3, &[]).unwrap();
        let hierarchy = ["a", "b", "c"].map(str::to_owned);
        let refusal = |source: &str| {
            let template = PromptTemplate::new("t", source).unwrap();
            make_prompts(&task, &hierarchy, ["w", "l"], &template).unwrap_err().to_string()
        };
        let sorted = "{% if item_a < item_b %}{{ item_a }}{{ item_b }}{% else %}{{ item_b }}{{ item_a }}{% endif %} A:";
        assert!(refusal(sorted).contains("words (\"a\", \"b\") and (\"b\", \"a\") alike"), "{}", refusal(sorted));
    }
}

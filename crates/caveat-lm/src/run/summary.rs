//! A summary of a run: accuracy by pair class before and after training, losses, times.

use caveat_theory::{PairClass, TransitiveTask};
use serde::Serialize;

use super::record::{RunRecord, RunSeconds};
use super::results::{Judgment, RunResults};
use crate::error::{LmError, Result};

/// The judgments of one pair class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassSummary {
    /// Its name.
    pub class: &'static str,
    /// Prompts, both orders of every pair.
    pub n: usize,
    /// Share of right answers before training; none if the class has no right answers.
    pub accuracy_before: Option<f64>,
    /// The same after training.
    pub accuracy_after: Option<f64>,
    /// Mean logit difference in favor of the right answer, before training.
    pub margin_before: Option<f64>,
    /// The same after training.
    pub margin_after: Option<f64>,
}

/// A summary of a run. Keys in JSON are the names of the fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Every pair class of the hierarchy, in the order of tables.
    pub classes: Vec<ClassSummary>,
    /// Steps of training.
    pub steps: usize,
    /// Loss of the prompts of the first step, before the step.
    pub loss_first: Option<f64>,
    /// Loss of the prompts of the last step, before the step.
    pub loss_last: Option<f64>,
    /// Mean probability of Yes and No together, before training.
    pub answer_mass_before: Option<f64>,
    /// The same after training.
    pub answer_mass_after: Option<f64>,
    /// The time taken by loading, both evaluations and training, if recorded.
    pub seconds: Option<RunSeconds>,
    /// Peak memory use, if known.
    pub peak_memory_bytes: Option<u64>,
}

impl RunSummary {
    /// Summarizes results, which may come from a file.
    ///
    /// # Errors
    /// [`LmError::Invalid`] for judgments that do not form a hierarchy.
    pub fn from_results(results: &RunResults) -> Result<Self> {
        let judgments = &results.pre_finetune;
        let exceptions = judgments.iter().filter(|j| j.is_exception && j.label.as_deref() == Some("Yes"));
        let exceptions: Vec<(usize, usize)> = exceptions.map(|j| (j.rank_a, j.rank_b)).collect();
        let wrong = |problem: String| LmError::invalid(format!("the results make no hierarchy: {problem}"));
        let n_items = results.hierarchy.len();
        let classes = TransitiveTask::new(n_items, &exceptions)
            .and_then(|task| task.classes())
            .map_err(|e| wrong(e.to_string()))?;
        let all = results.post_finetune.iter().flatten().chain(judgments);
        if let Some(bad) = all.into_iter().find(|j| j.rank_a.max(j.rank_b) >= n_items || j.rank_a == j.rank_b) {
            return Err(wrong(format!("ranks {} and {} of {n_items} items", bad.rank_a, bad.rank_b)));
        }
        let of_class = |class: PairClass| {
            let is_member = |j: &&Judgment| classes.class(j.rank_a, j.rank_b) == class;
            let before: Vec<&Judgment> = judgments.iter().filter(is_member).collect();
            let after: Vec<&Judgment> = results.post_finetune.iter().flatten().filter(is_member).collect();
            let n = before.len();
            (n > 0).then(|| ClassSummary {
                class: class.name(),
                n,
                accuracy_before: mean(&before, accuracy),
                accuracy_after: mean(&after, accuracy),
                margin_before: mean(&before, Judgment::margin),
                margin_after: mean(&after, Judgment::margin),
            })
        };
        let RunRecord { losses, answer_mass, seconds, peak_memory_bytes, .. } = &results.args;
        Ok(Self {
            classes: PairClass::ALL.into_iter().filter_map(of_class).collect(),
            steps: losses.len(),
            loss_first: losses.first().copied(),
            loss_last: losses.last().copied(),
            answer_mass_before: answer_mass.before,
            answer_mass_after: answer_mass.after,
            seconds: *seconds,
            peak_memory_bytes: *peak_memory_bytes,
        })
    }
}

fn accuracy(judgment: &Judgment) -> Option<f64> {
    judgment.is_correct().map(|is_correct| f64::from(u8::from(is_correct)))
}

/// The mean over the judgments that have a value.
fn mean(judgments: &[&Judgment], value: impl Fn(&Judgment) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = judgments.iter().filter_map(|judgment| value(judgment)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evaluation::Answered;
    use crate::run::results::judgments;
    use crate::stimuli::StimulusSettings;

    /// Results of a model that answers by `yes`, the logit of Yes given the ranks.
    fn results(yes: impl Fn(usize, usize) -> f64) -> RunResults {
        let stimuli = StimulusSettings { exceptions: vec![(5, 3)], ..Default::default() }.build().unwrap();
        let answer = |logit_yes| Answered { logit_yes, logit_no: 0.0, mass: 0.5 };
        let before: Vec<Answered> = stimuli.prompts.iter().map(|_| answer(1.0)).collect();
        let after: Vec<Answered> = stimuli.prompts.iter().map(|p| answer(yes(p.rank_a, p.rank_b))).collect();
        RunResults {
            args: RunRecord::default(),
            pre_finetune: judgments(&stimuli, &before, "before").unwrap(),
            post_finetune: Some(judgments(&stimuli, &after, "after").unwrap()),
            hierarchy: stimuli.hierarchy,
            anchor_winner: stimuli.anchor_winner,
            anchor_loser: stimuli.anchor_loser,
        }
    }

    #[test]
    fn accuracy_is_by_pair_class_over_both_orders() {
        // Answers by the order alone: wrong on the exception, right on everything else that has an answer.
        let summary = RunSummary::from_results(&results(|a, b| b as f64 - a as f64)).unwrap();
        let found: Vec<_> =
            summary.classes.iter().map(|c| (c.class, c.n, c.accuracy_before, c.accuracy_after)).collect();
        let half = Some(0.5);
        // 9 items, 5 beats 3: premises outside the cycle 3-4-5 are 6 pairs; the cycle is three pairs, one of them wrong.
        assert_eq!(found[0], ("premise", 12, half, Some(1.0)));
        assert_eq!(found[1], ("exception_cycle", 6, half, Some(4.0 / 6.0)));
        assert!(found[2..5].iter().all(|(.., before, after)| (*before, *after) == (half, Some(1.0))));
        assert_eq!(found.iter().map(|(_, n, ..)| n).sum::<usize>(), 72);
        assert_eq!(summary.classes[0].margin_after, Some(1.0));
        assert_eq!(summary.classes[1].margin_after, Some((1.0 + 1.0 - 2.0) / 3.0));
        assert_eq!((summary.steps, summary.loss_first), (0, None));
    }

    #[test]
    fn a_tie_is_no() {
        let summary = RunSummary::from_results(&results(|_, _| 0.0)).unwrap();
        assert_eq!(summary.classes[0].accuracy_after, Some(0.5));
        let right: Vec<String> = results(|_, _| 0.0)
            .post_finetune
            .unwrap()
            .into_iter()
            .filter(|j| j.is_correct() == Some(true))
            .filter_map(|j| j.label)
            .collect();
        assert!(!right.is_empty() && right.iter().all(|label| label == "No"));
    }

    #[test]
    fn costs_come_from_what_is_recorded() {
        let mut results = results(|_, _| 1.0);
        results.args = serde_json::from_value(json!({
            "losses": [0.75, 0.5], "answer_mass": { "before": 0.25, "after": 1 }, "peak_memory_bytes": 4096,
        }))
        .unwrap();
        let summary = RunSummary::from_results(&results).unwrap();
        assert_eq!((summary.steps, summary.loss_first, summary.loss_last), (2, Some(0.75), Some(0.5)));
        assert_eq!((summary.answer_mass_before, summary.answer_mass_after), (Some(0.25), Some(1.0)));
        assert_eq!(summary.peak_memory_bytes, Some(4096));
    }

    #[test]
    fn results_that_make_no_hierarchy_are_refused() {
        let mut short = results(|_, _| 1.0);
        short.hierarchy.truncate(7);
        assert!(RunSummary::from_results(&short).unwrap_err().to_string().contains("ranks 0 and 7 of 7 items"));
        short.hierarchy.truncate(1);
        assert!(RunSummary::from_results(&short).is_err());
    }

    #[test]
    fn results_are_written_and_read_back_to_the_last_digit() {
        let place = tempfile::tempdir().unwrap();
        let mut results = results(|a, b| 0.1 * a as f64 - 0.7 / (1.0 + b as f64));
        results.args.losses = vec![0.1 + 0.2, 1e-8];
        for post in [results.post_finetune.clone(), None] {
            results.post_finetune = post;
            results.write(place.path()).unwrap();
            assert_eq!(RunResults::read(place.path()).unwrap(), results);
        }
        let text = std::fs::read_to_string(place.path().join("results.json")).unwrap();
        let value: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        let keys: Vec<&str> = value.keys().map(String::as_str).collect();
        assert_eq!(keys, ["args", "hierarchy", "anchor_winner", "anchor_loser", "pre_finetune", "post_finetune"]);
        std::fs::write(place.path().join("results.json"), "{\"args\":").unwrap();
        let problem = RunResults::read(place.path()).unwrap_err().to_string();
        assert!(problem.contains("results.json: not the results of a run (EOF") && !problem.contains('\n'));
    }

    /// Of a version that recorded less, and of a program that records other things.
    #[test]
    fn older_and_other_results_are_read_as_far_as_they_go() {
        let place = tempfile::tempdir().unwrap();
        results(|a, b| b as f64 - a as f64).write(place.path()).unwrap();
        let path = place.path().join("results.json");
        let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (args, loss_last, mass) in [
            (json!({}), None, None),
            (json!({ "model": "m", "seed": 3, "losses": [0.5, 0.25] }), Some(0.25), None),
            (json!({ "seed": "3", "losses": "low", "answer_mass": { "before": 0.5 }, "tokens": 7 }), None, Some(0.5)),
        ] {
            value["args"] = args.clone();
            std::fs::write(&path, value.to_string()).unwrap();
            let summary = RunSummary::from_results(&RunResults::read(place.path()).unwrap()).unwrap();
            assert_eq!((summary.loss_last, summary.answer_mass_before), (loss_last, mass), "{args}");
            assert_eq!((summary.seconds, summary.classes[0].accuracy_after), (None, Some(1.0)));
        }
    }
}

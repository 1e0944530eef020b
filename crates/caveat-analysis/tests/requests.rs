//! What a request of a fit refuses, whoever builds it.

use std::path::Path;

use caveat_analysis::{FitRequest, PlainTask, Watch, Work, fit};
use caveat_results::Input;

/// Nobody watches.
struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: u64, _: &'static str) -> Box<dyn Work + '_> {
        Box::new(Self)
    }
}

impl Work for Unwatched {
    fn advance(&self, _: u64) {}

    fn reach(&self, _: u64, _: u64) {}
}

/// A change to a request.
type Change = fn(&mut FitRequest);

#[test]
fn what_does_not_go_together_is_refused_and_not_passed_over() {
    let task = || vec![(None, PlainTask { n_items: 3, exceptions: Vec::new() })];
    let cases: [(&str, Change); 9] = [
        ("⟨train⟩ and ⟨test⟩ go together", |r| r.train = vec!["ti_n9".into()]),
        ("⟨folds⟩ are those of ⟨compare⟩", |r| r.folds = Some(5)),
        ("⟨compare⟩ and ⟨hierarchical⟩ exclude", |r| (r.compare, r.hierarchical) = (true, true)),
        ("⟨compare⟩ and ⟨figure⟩ exclude", |r| (r.compare, r.choices.draw_pairs) = (true, true)),
        ("⟨hierarchical⟩ draws no bootstrap", |r| (r.hierarchical, r.bootstrap) = (true, Some(9))),
        ("⟨columns⟩ and ⟨preset⟩ exclude", |r| {
            r.choices.columns = Some("winner=a,loser=b".parse().unwrap());
            r.choices.preset = Some("jensen2015-monkeys".into());
        }),
        ("⟨items⟩ and ⟨n_items⟩ exclude", |r| {
            (r.choices.items, r.choices.n_items) = (Some(vec!["A".into(), "B".into()]), Some(5));
        }),
        ("⟨tasks⟩ and ⟨n_items⟩ exclude", |r| r.choices.n_items = Some(5)),
        ("⟨tasks⟩ and ⟨exceptions⟩ exclude", |r| r.choices.exceptions = vec![(2, 0)]),
    ];
    for (says, change) in cases {
        let mut request = FitRequest::new(vec![Input::new(Path::new("nowhere.csv"))]);
        if says.starts_with("⟨tasks⟩") {
            request.choices.tasks = task();
        }
        change(&mut request);
        let problem = fit(&request, &Unwatched).unwrap_err().to_string();
        assert!(problem.starts_with(says), "{says}: {problem}");
    }
    let problem = fit(&FitRequest::new(Vec::new()), &Unwatched).unwrap_err().to_string();
    assert!(problem.contains("no file"), "{problem}");
}

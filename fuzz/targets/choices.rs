//! Reads arbitrary bytes as choices, with columns found by role, named, or of a preset; the first byte says which.

#![no_main]

use caveat_fuzz::{let_caught_panics_pass, with_file};
use caveat_results::{ChoiceColumns, Grouping, TrialCounts, read_choices};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: let_caught_panics_pass(), |data: &[u8]| {
    let Some((&how, text)) = data.split_first() else { return };
    let named = |text: &str| text.parse::<ChoiceColumns>().expect("roles and columns");
    let mut columns = match how % 6 {
        0 => ChoiceColumns::default(),
        1 => named("winner=a,loser=b,first=c,subject=s"),
        2 => named("higher=a,lower=b,accuracy=p,count=n,condition=s"),
        3 => named("distance=d,accuracy=p,subject=s"),
        4 => ChoiceColumns::preset("jensen2015-monkeys").expect("a preset"),
        _ => ChoiceColumns { items: Some(vec!["x".into(), "y".into(), "z".into()]), ..ChoiceColumns::default() },
    };
    if how & 0x40 != 0 {
        columns.trials = TrialCounts::Fixed(2.0);
    }
    with_file("choices.csv", text, |path| {
        let Ok(table) = read_choices(path, &columns) else { return };
        let _ = table.pairs();
        let _ = table.distances();
        for row in &table.rows {
            assert!(row.first != row.second && row.first_chosen >= 0.0 && row.first_chosen <= row.trials);
        }
        if let Ok(parts) = table.split_by(&[Grouping::Subject]) {
            assert_eq!(parts.iter().map(|(_, part)| part.rows.len()).sum::<usize>(), table.rows.len());
        }
    });
});

//! What is refused of trial tables: hierarchies that contradict themselves and values that are none.

use super::*;

/// What the three readers say of spoiled rows; they must refuse them alike.
fn refusal(spoil: impl Fn(&mut Vec<Row>)) -> String {
    let mut all = rows();
    all.retain(is_post);
    spoil(&mut all);
    let (_directory, paths) = written("t.parquet", &all);
    let messages = [
        summary(&paths, &["hier"], &[]).unwrap_err().to_string(),
        read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap_err().to_string(),
        read_choices_by_pair(&paths, Phase::Post, &|_, _| {}).unwrap_err().to_string(),
    ];
    assert!(messages.iter().all(|m| *m == messages[0] && !m.contains('\n')), "{messages:?}");
    messages[0].clone()
}

fn set(rows: &mut [Row], keep: impl Fn(&Row) -> bool, column: TrialColumn, value: &GroupValue) -> usize {
    let found: Vec<usize> = (0..rows.len()).filter(|k| keep(&rows[*k])).collect();
    assert!(!found.is_empty());
    found.iter().for_each(|k| rows[*k][at(column)] = value.clone());
    found[0]
}

fn pair(row: &Row) -> (i64, i64) {
    (integer(row, TrialColumn::RankA), integer(row, TrialColumn::RankB))
}

#[test]
fn different_hierarchies_under_one_name_are_refused_with_file_and_row() {
    // In one condition: its rows contradict each other.
    let message = refusal(|rows| {
        let is_it = |r: &Row| text(r, TrialColumn::Hier) == "chain" && pair(r) == (2, 3);
        let last = rows.iter().rposition(is_it).unwrap();
        rows[last][at(TrialColumn::IsTrain)] = GroupValue::Flag(false);
    });
    assert!(message.contains("t.parquet: row ") && message.contains("column \"is_train\": false for"), "{message}");
    assert!(message.contains("(2, 3)") && message.contains("throughout condition full small fake chain"), "{message}");

    // Between conditions: full large and lora small under "short".
    let of_large = |r: &Row| text(r, TrialColumn::Model) == "large" && text(r, TrialColumn::Hier) == "short";
    let message = refusal(|rows| {
        set(rows, |r| of_large(r) && pair(r) == (6, 7), TrialColumn::Label, &GroupValue::Text("No".into()));
        set(rows, |r| of_large(r) && pair(r) == (7, 6), TrialColumn::Label, &GroupValue::Text("Yes".into()));
    });
    assert!(message.contains("column \"label\": ") && message.contains("ordered pair (6, 7), but"), "{message}");
    assert!(message.contains("throughout the conditions of hierarchy \"short\""), "{message}");

    // An 11-item chain beside a 9-item one contradicts it nowhere, but trains more.
    let message = refusal(|rows| {
        let mut longer: Vec<Row> = rows.iter().filter(|r| of_large(r) && pair(r) == (7, 8)).cloned().collect();
        let first = longer[0].clone();
        longer.iter_mut().for_each(|r| {
            r[at(TrialColumn::RankA)] = GroupValue::Integer(8);
            r[at(TrialColumn::RankB)] = GroupValue::Integer(9);
        });
        assert_eq!(pair(&first), (7, 8));
        rows.extend(longer);
    });
    assert!(message.contains("true, rank 8 beats rank 9, which condition"), "{message}");

    let message = refusal(|rows| {
        set(rows, |r| text(r, TrialColumn::Hier) == "chain", TrialColumn::IsTrain, &GroupValue::Flag(false));
    });
    assert!(message.contains("hierarchy \"chain\", rows with is_train true: there are no comparisons"), "{message}");
    let message = refusal(|rows| {
        set(rows, |r| pair(r) == (0, 1), TrialColumn::Label, &GroupValue::Text(String::new()));
    });
    assert!(message.contains("row 0 (counted from 0), column \"label\""), "{message}");
}

#[test]
fn a_hierarchy_that_is_filtered_out_may_contradict_itself() {
    let mut all = rows();
    let bad = |r: &Row| text(r, TrialColumn::Model) == "large" && pair(r) == (0, 1);
    set(&mut all, bad, TrialColumn::IsTrain, &GroupValue::Flag(false));
    let (_directory, paths) = written("t.parquet", &all);
    assert!(summary(&paths, &["hier"], &[]).is_err());
    let found = summary(&paths, &["hier"], &["model=small"]).unwrap();
    let small = |r: &Row| is_post(r) && text(r, TrialColumn::Model) == "small";
    assert_same(&found.groups, &naive(&all, &["hier"], small));
}

#[test]
fn values_that_are_none_are_refused_with_file_and_row() {
    let with = |column: TrialColumn, value: f64| {
        let mut all = rows();
        all.retain(is_post);
        all[17][at(column)] = GroupValue::Real(value);
        written("t.parquet", &all)
    };
    for (column, value, says) in [
        (
            TrialColumn::Correct,
            0.5,
            "row 17 (counted from 0), column \"correct\": 0.5: expected 1, 0 or a missing value",
        ),
        (
            TrialColumn::Margin,
            f64::INFINITY,
            "row 17 (counted from 0), column \"margin\": inf: expected a finite margin",
        ),
    ] {
        let (_directory, paths) = with(column, value);
        for message in [
            summary(&paths, &["hier"], &[]).unwrap_err().to_string(),
            read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap_err().to_string(),
        ] {
            assert!(message.contains(says), "{message}");
        }
        // Rows left out by a filter are not summed.
        assert!(summary(&paths, &["hier"], &["setting=probe"]).is_ok());
    }
    for value in [f64::NAN, -0.1, 1.5] {
        let (_directory, paths) = with(TrialColumn::ProbYes, value);
        let pairs = read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap_err().to_string();
        let choices = read_choices_by_pair(&paths, Phase::Post, &|_, _| {}).unwrap_err().to_string();
        assert!(pairs.contains("row 17") && pairs.contains("expected a probability from 0 to 1"), "{pairs}");
        assert_eq!(pairs, choices);
    }
}

//! Tests of the tasks behind choices.

use std::fs;

use super::*;
use crate::choices::{ChoiceColumns, read_choices};

/// Reads rows of condition, subject, winner, loser, count.
fn read(rows: &[(&str, &str, usize, usize, usize)]) -> ChoiceTable {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.csv");
    let mut text = "condition,subject,winner,loser,count\n".to_owned();
    rows.iter().for_each(|(c, s, w, l, n)| text += &format!("{c},{s},{w},{l},{n}\n"));
    fs::write(&path, text).unwrap();
    read_choices(&path, &ChoiceColumns::default()).unwrap()
}

/// All pairs of `n` items, `trials` each, the highest of rank `first`.
fn list<'a>(
    condition: &'a str,
    subject: &'a str,
    n: usize,
    first: usize,
    trials: usize,
) -> Vec<(&'a str, &'a str, usize, usize, usize)> {
    let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    pairs.map(|(a, b)| (condition, subject, a + first, b + first, trials)).collect()
}

fn task(text: &str) -> TransitiveTask {
    let (n, exceptions) = text.split_once(':').unwrap_or((text, ""));
    let pairs: Vec<(usize, usize)> = exceptions
        .split(',')
        .filter_map(|e| e.split_once('-'))
        .map(|(w, l)| (w.parse().unwrap(), l.parse().unwrap()))
        .collect();
    TransitiveTask::new(n.parse().unwrap(), &pairs).unwrap()
}

fn named(names: &[(&str, &str)]) -> DeclaredTasks {
    let named = names.iter().map(|(name, text)| ((*name).to_owned(), task(text))).collect();
    DeclaredTasks { named, ..DeclaredTasks::default() }
}

fn tasks(units: &TaskUnits) -> Vec<(String, String)> {
    units.units.iter().map(|u| (u.values.join(","), u.task.to_string())).collect()
}

fn complaint(table: &ChoiceTable, by: &[Grouping], declared: &DeclaredTasks) -> String {
    table.units(by, declared).unwrap_err().to_string()
}

const BY: [Grouping; 1] = [Grouping::Condition];

#[test]
fn a_task_is_written_as_the_command_takes_it() {
    for text in ["9", "9:5-3", "12:4-2,9-7"] {
        assert_eq!(task(text).to_string(), text);
    }
}

#[test]
fn units_hold_their_rows_by_the_ranks_of_their_task() {
    let table = read(&[list("a", "x", 4, 0, 10), list("b", "x", 3, 2, 7)].concat());
    let units = table.units(&BY, &named(&[("b", "3:2-0")])).unwrap();
    assert_eq!(tasks(&units), [("a".into(), "4".into()), ("b".into(), "3:2-0".into())]);
    let b = &units.units[1].table;
    assert_eq!((b.n_items, &b.items[..]), (3, &["2".to_owned(), "3".into(), "4".into()][..]));
    let pairs: Vec<_> = b.rows.iter().map(|r| (r.first, r.second, r.trials)).collect();
    assert_eq!(pairs, [(0, 1, 7.0), (0, 2, 7.0), (1, 2, 7.0)]);
    assert_eq!(units.units.iter().map(|u| u.table.rows.len()).sum::<usize>(), table.rows.len());
    // Declared to be longer, the ranks stay.
    let longer = table.units(&BY, &named(&[("b", "5")])).unwrap();
    assert_eq!(longer.units[1].table.rows[0].first, 2);
    assert!(longer.notes.iter().any(|n| n.contains("condition b never shows the items 0, 1 of its 5 items")));
}

#[test]
fn names_of_tasks_are_of_one_kind() {
    let table = read(&[list("a", "x", 4, 0, 10), list("b", "y", 5, 0, 10)].concat());
    let by_subject = table.units(&[Grouping::Subject], &named(&[("y", "5:3-1")])).unwrap();
    assert_eq!(tasks(&by_subject), [("x".into(), "4".into()), ("y".into(), "5:3-1".into())]);
    let both = [Grouping::Subject, Grouping::Condition];
    let by_unit = table.units(&both, &named(&[("y,b", "6")])).unwrap();
    assert_eq!(tasks(&by_unit)[1], ("y,b".into(), "6".into()));
    assert!(
        complaint(&table, &both, &named(&[("a", "4"), ("y", "5")])).contains("\"y\", and there is no such condition")
    );
    assert!(complaint(&table, &BY, &named(&[("a", "4"), ("a", "5")])).contains("two tasks"));
    // Whole numbers are names without a decimal zero, in files and here.
    let table = read(&[list("1.0", "x", 4, 0, 10), list("2.0", "y", 5, 0, 10)].concat());
    assert_eq!(tasks(&table.units(&BY, &named(&[("2", "6")])).unwrap())[1], ("2".into(), "6".into()));
    assert_eq!(tasks(&table.units(&BY, &named(&[("2.0", "6")])).unwrap())[1], ("2".into(), "6".into()));
    let table = read(&[list("a", "x", 4, 0, 10), list("b", "y", 5, 0, 10)].concat());
    // An unnamed task is of the rest.
    let mut declared = named(&[("b", "5:3-1")]);
    declared.others = Some(task("6"));
    assert_eq!(tasks(&table.units(&BY, &declared).unwrap())[0].1, "6");
}

#[test]
fn a_subject_misses_items_by_chance_or_has_another_list() {
    // Half of all pairs of four items miss the last one.
    let rest = [list("a", "x", 4, 0, 30), list("a", "y", 4, 0, 30)].concat();
    for (trials, by_chance) in [(1, true), (3, true), (10, false)] {
        let table = read(&[rest.clone(), list("a", "z", 3, 0, trials)].concat());
        for by in [&BY[..], &[Grouping::Subject]] {
            match table.units(by, &DeclaredTasks::default()) {
                Ok(units) => {
                    assert!(by_chance && units.units.iter().all(|u| u.task.n_items() == 4));
                    assert!(units.notes.iter().any(|n| n.contains("1 of 3 subjects") && n.contains("(z)")));
                }
                Err(e) => assert!(!by_chance && e.to_string().contains("⟨tasks=z=3⟩"), "{e}"),
            }
        }
        let all = DeclaredTasks { others: Some(task("4")), ..DeclaredTasks::default() };
        assert_eq!(table.units(&BY, &all).unwrap().units[0].task, task("4"));
    }
}

#[test]
fn who_never_shows_the_exception_that_others_show_is_asked_for() {
    let without: Vec<_> = list("a", "z", 4, 0, 30).into_iter().filter(|r| (r.2, r.3) != (0, 2)).collect();
    let table = read(&[list("a", "x", 4, 0, 30), without].concat());
    let declared = DeclaredTasks { exceptions: vec![(2, 0)], ..DeclaredTasks::default() };
    let words = complaint(&table, &[Grouping::Subject], &declared);
    assert!(
        words.contains("1 of 2 subjects never show the pair of the exception") && words.contains("⟨tasks=4:2-0⟩"),
        "{words}"
    );
    let all = DeclaredTasks { others: Some(task("4:2-0")), ..DeclaredTasks::default() };
    assert!(table.units(&[Grouping::Subject], &all).is_ok());
}

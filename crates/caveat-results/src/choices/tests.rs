//! Tests of reading and counting choices.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::Result;
use crate::table::Table;
use caveat_theory::inference::ChoiceCount;

fn read_as(text: impl AsRef<[u8]>, columns: &ChoiceColumns) -> Result<ChoiceTable> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.csv");
    fs::write(&path, text).unwrap();
    read_choices(&path, columns)
}

fn read(text: impl AsRef<[u8]>, columns: &str) -> Result<ChoiceTable> {
    read_as(text, &if columns.is_empty() { ChoiceColumns::default() } else { columns.parse().unwrap() })
}

fn pairs(table: &ChoiceTable) -> Vec<(usize, usize, f64, f64)> {
    table.pairs().unwrap().iter().map(|p| (p.higher, p.lower, p.higher_chosen, p.trials)).collect()
}

/// Numbers that look random and are the same in every run.
fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

#[test]
fn single_choices_are_counted_by_pair_whoever_was_shown_first() {
    let text = "date,chosen,other,left,who\n1,1,2,1,ada\n1,2,1,1,ada\n2,1,2,2,bo\n2,3.0,1,3,bo\n";
    let table = read(text, "winner=chosen, loser=other,first=left,subject=who").unwrap();
    assert_eq!((table.n_items, table.presentation_known), (3, true));
    assert_eq!(table.items, ["1", "2", "3"]);
    assert_eq!(pairs(&table), [(0, 1, 2.0, 3.0), (0, 2, 0.0, 1.0)]);
    let clusters = table.clusters_by(&[Grouping::Subject]).unwrap();
    let count = |first, second, first_chosen, trials| ChoiceCount { first, second, first_chosen, trials };
    let ada = Cluster { name: "ada".into(), choices: vec![count(0, 1, 1.0, 2.0)] };
    let bo = Cluster { name: "bo".into(), choices: vec![count(1, 0, 0.0, 1.0), count(2, 0, 1.0, 1.0)] };
    assert_eq!(clusters, [ada, bo]);
    // Without the column, the higher item counts as first.
    let unknown = read(text, "winner=chosen,loser=other").unwrap();
    let all = unknown.clusters_by(&[]).unwrap();
    assert_eq!(all, [Cluster { name: "all".into(), choices: vec![count(0, 1, 2.0, 3.0), count(0, 2, 0.0, 1.0)] }]);
    assert!(!unknown.presentation_known);
}

#[test]
fn named_items_take_their_order_from_the_list() {
    let columns = ChoiceColumns { items: Some(["zoë", "a", "1"].map(String::from).to_vec()), ..Default::default() };
    let table = read_as("winner,loser\n1,zoë\na,1\n", &columns).unwrap();
    assert_eq!(pairs(&table), [(0, 2, 0.0, 1.0), (1, 2, 1.0, 1.0)]);
    assert_eq!(table.items, ["zoë", "a", "1"]);
}

#[test]
fn proportions_are_of_the_higher_item_or_of_the_winner() {
    let table = read("h,l,p,n\n0,1,0.75,8\n0,1,0.5,2\n1,2,0.33,10\n", "higher=h,lower=l,accuracy=p,count=n").unwrap();
    // A rounded proportion leaves a fractional number of choices.
    assert_eq!(pairs(&table), [(0, 1, 7.0, 10.0), (1, 2, 0.33 * 10.0, 10.0)]);
    let table = read("w,l,p,n\n2,0,0.75,8\n", "winner=w,loser=l,accuracy=p,weight=n").unwrap();
    assert_eq!(pairs(&table), [(0, 2, 2.0, 8.0)]);
    let fixed = ChoiceColumns { trials: TrialCounts::Fixed(12.0), ..Default::default() };
    let table = read_as("higher,lower,accuracy,count\n1,2,0.25,3\n", &fixed).unwrap();
    assert_eq!(pairs(&table), [(0, 1, 3.0, 12.0)]);
}

#[test]
fn proportions_by_distance_have_no_pairs() {
    let text = "d,p,n,s\n1.0,0.5,8,a\n2.0,0.75,8,a\n1.0,1.0,2,b\n";
    let table = read(text, "distance=d,accuracy=p,count=n,subject=s").unwrap();
    assert_eq!((table.n_items, table.rows.len()), (3, 0));
    let found: Vec<_> = table.distances().iter().map(|d| (d.distance, d.higher_chosen, d.trials)).collect();
    assert_eq!(found, [(1, 6.0, 10.0), (2, 6.0, 8.0)]);
    assert_eq!(table.trials(), 18.0);
    assert!(table.pairs().unwrap_err().to_string().contains("by symbolic distance only"));
    assert!(table.clusters_by(&[Grouping::Subject]).is_err());
    let parts = table.split_by(&[Grouping::Subject]).unwrap();
    assert_eq!((parts[1].0.as_str(), parts[1].1.distance_rows.len()), ("b", 1));
    assert_eq!(table.distances().len(), 2);
}

#[test]
fn columns_named_as_their_roles_need_no_naming() {
    let table = read("session,winner,loser,distance,weight\n3.0,0,1,1,2.5\n", "").unwrap();
    assert_eq!(pairs(&table), [(0, 1, 2.5, 2.5)]);
    assert_eq!(table.names(Grouping::Session), ["3"]);
    let table = read("distance,accuracy,count,first\n1,0.5,2,x\n", "").unwrap();
    assert_eq!(table.distances()[0].trials, 2.0);
    let message = read("a,b\n1,2\n", "").unwrap_err().to_string();
    assert!(message.contains("winner and loser; or higher") && message.contains("\"a\", \"b\""), "{message}");
}

#[test]
fn counting_agrees_with_counting_one_by_one() {
    let mut random = noise(7);
    let (mut text, mut naive) = (String::from("w,l,f,s,c\n"), HashMap::<(usize, usize, u64, u64), (f64, f64)>::new());
    for _ in 0..3000 {
        let (a, shift) = (random(6) as usize, 1 + random(5) as usize);
        let b = (a + shift) % 6;
        let (first, subject, condition) = (if random(2) == 0 { a } else { b }, random(4), random(3));
        text.push_str(&format!("{a},{b},{first},s{subject},{condition}\n"));
        let count = naive.entry((first, a + b - first, subject, condition)).or_default();
        count.0 += f64::from(u8::from(first == a));
        count.1 += 1.0;
    }
    let table = read(&text, "winner=w,loser=l,first=f,subject=s,condition=c").unwrap();
    assert_eq!(table.trials(), 3000.0);
    let mut seen = 0;
    for cluster in table.clusters_by(&[Grouping::Subject, Grouping::Condition]).unwrap() {
        let (subject, condition) = cluster.name.strip_prefix('s').unwrap().split_once(" · ").unwrap();
        let (subject, condition) = (subject.parse().unwrap(), condition.parse().unwrap());
        for c in &cluster.choices {
            assert_eq!(naive[&(c.first, c.second, subject, condition)], (c.first_chosen, c.trials));
            seen += 1;
        }
    }
    assert_eq!(seen, naive.len());
    for p in table.pairs().unwrap() {
        let forward = naive.iter().filter(|(k, _)| (k.0, k.1) == (p.higher, p.lower)).map(|(_, v)| (v.0, v.1));
        let backward = naive.iter().filter(|(k, _)| (k.0, k.1) == (p.lower, p.higher)).map(|(_, v)| (v.1 - v.0, v.1));
        let total = forward.chain(backward).fold((0.0, 0.0), |t, v| (t.0 + v.0, t.1 + v.1));
        assert_eq!(total, (p.higher_chosen, p.trials));
    }
    let by_pair =
        |d: usize| pairs(&table).iter().filter(|p| p.1 - p.0 == d).fold((0.0, 0.0), |t, p| (t.0 + p.2, t.1 + p.3));
    for d in table.distances() {
        assert_eq!(by_pair(d.distance), (d.higher_chosen, d.trials));
    }
    let rows: usize = table.split_by(&[Grouping::Condition]).unwrap().iter().map(|(_, t)| t.rows.len()).sum();
    assert_eq!(rows, 3000);
}

#[test]
fn bad_rows_are_refused_by_line() {
    let (choice, ranked, distance) =
        ("winner=w,loser=l,first=f,count=n", "higher=h,lower=l,accuracy=a,count=n", "distance=d,accuracy=a,count=n");
    for (columns, text, says) in [
        (
            choice,
            "w,l,f,n\n0,1,0,1\n0,1,2,1\n",
            "line 3: the first item \"2\" is neither the winner \"0\" nor the loser \"1\"",
        ),
        (choice, "w,l,f,n\n\n1,1.0,1,1\n", "line 3: \"1\" is paired with itself"),
        (choice, "w,l,f,n\nA,1,1,1\n", "line 2: the winner \"A\" is not a rank"),
        (choice, "w,l,f,n\n0,-1,1,1\n", "line 2: the loser \"-1\" is not a rank"),
        (choice, "w,l,f,n\n0,1.5,1,1\n", "line 2: the loser \"1.5\" is not a rank"),
        (choice, "w,l,f,n\n0,1e300,1,1\n", "line 2: the loser \"1e300\" is not a rank"),
        (choice, "w,l,f,n\n0,1,0,0\n", "line 2: count \"0\": expected a positive, finite"),
        (choice, "w,l,f,n\n0,1,0,NaN\n", "line 2: the count is \"NaN\", a missing value"),
        (choice, "w,l,f,n\n0,1,0,inf\n", "line 2: count \"inf\""),
        (choice, "w,l,f,n\n0,1,,1\n", "line 2: the first is empty"),
        (choice, "w,l,f,n\n0,1,0\n", "line 2: 3 fields: expected 4"),
        (choice, "w,l,f,n\n3,4,3,1\n", "the ranks run from 3 to 4: say whether"),
        (choice, "w,l,f,n\n", "has no rows"),
        (choice, "", "empty (0 bytes)"),
        (choice, "w,l,n\n0,1,1\n", "column \"f\" (the first) is missing: the table has \"w\", \"l\", \"n\""),
        (ranked, "h,l,a,n\n0,1,1.01,4\n", "line 2: accuracy \"1.01\": expected a proportion from 0 to 1 (a percentage"),
        (ranked, "h,l,a,n\n0,1,-0.1,4\n", "line 2: accuracy \"-0.1\": expected a proportion from 0 to 1"),
        (ranked, "h,l,a,n\n0,1,nan,4\n", "line 2: the accuracy is \"nan\", a missing value"),
        (ranked, "h,l,a,n\n0,1,high,4\n", "line 2: accuracy \"high\""),
        (ranked, "h,l,a,n\n0,1,0.5,4\n4,2,0.5,4\n", "line 3: the higher item \"4\" stands below the lower one \"2\""),
        (distance, "d,a,n\n0,0.5,4\n", "line 2: distance \"0\": expected a whole number from 1"),
        (distance, "d,a,n\n1.5,0.5,4\n", "line 2: distance \"1.5\""),
        ("higher=h,lower=l,accuracy=a", "h,l,a\n0,1,0.5\n", "without numbers of trials"),
    ] {
        let message = read(text, columns).unwrap_err().to_string();
        assert!(message.contains(says) && message.contains("c.csv"), "{message:?} should say {says:?}");
        assert!(!message.contains('\n'), "{message}");
    }
    let message = read(b"w,l\n0,\xff\n", "winner=w,loser=l").unwrap_err().to_string();
    assert!(message.contains("line 2: the loser \"\u{fffd}\" is not UTF-8 (Latin-1"), "{message}");
    assert!(read(b"w\0", "winner=w,loser=l").unwrap_err().to_string().contains("binary data of no kind"));
}

#[test]
fn options_are_checked_against_the_ranks() {
    let text = "winner,loser\n1,7\n3,2\n";
    let with = |first_rank, n_items| ChoiceColumns { first_rank, n_items, ..Default::default() };
    assert_eq!(read_as(text, &with(None, None)).unwrap().n_items, 7);
    assert_eq!(read_as(text, &with(Some(0), None)).unwrap().n_items, 8);
    assert_eq!(read_as(text, &with(None, Some(9))).unwrap().items.last().unwrap(), "9");
    for (first_rank, n_items, says) in [
        (Some(1), Some(6), "line 2: the loser has rank 7: expected 1 to 6"),
        (Some(0), Some(7), "line 2: the loser has rank 7: expected 0 to 6"),
        (None, Some(5), "line 2: the loser has rank 7: expected 0 to 4, or 1 to 5"),
        (Some(2), None, "the first rank is 2: expected 0 or 1"),
        (None, Some(1), "1 items: expected 2 to"),
    ] {
        let message = read_as(text, &with(first_rank, n_items)).unwrap_err().to_string();
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
    let message = read_as("winner,loser\n0,7\n", &with(None, Some(7))).unwrap_err().to_string();
    assert!(message.contains("the ranks run from 0 to 7: expected 7 items, from 0 on"), "{message}");
    let message = read_as("winner,loser\n0,7\n", &with(Some(1), None)).unwrap_err().to_string();
    assert!(message.contains("line 2: the winner has rank 0: expected 1 to"), "{message}");
    for items in [vec!["a"], vec!["a", "a"], vec!["a", ""]] {
        let items = Some(items.into_iter().map(String::from).collect());
        assert!(read_as(text, &ChoiceColumns { items, ..Default::default() }).is_err());
    }
    let items = Some(vec!["1".to_owned(), "7".to_owned()]);
    let message = read_as(text, &ChoiceColumns { items, ..Default::default() }).unwrap_err().to_string();
    assert!(message.contains("line 3: the winner \"3\" is none of the items \"1\", \"7\""), "{message}");
    for n in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(read_as(text, &ChoiceColumns { trials: TrialCounts::Fixed(n), ..Default::default() }).is_err());
    }
}

#[test]
fn mappings_that_make_no_row_are_refused() {
    for (text, says) in [
        ("", "\"\" is not role=column: roles are winner, loser"),
        ("winner", "\"winner\" is not role=column"),
        ("winner=,loser=b", "is not role=column"),
        ("winer=a,loser=b", "unknown role \"winer\": expected winner, loser"),
        ("winner=a,winner=b", "the role winner is given twice"),
        ("winner=a", "no column for loser, which winner needs: add loser=COLUMN"),
        ("higher=a,lower=b", "no column for accuracy, which higher and lower needs"),
        ("subject=a", "no columns for winner and loser; or"),
        ("winner=a,loser=b,distance=c", "expected only one of"),
        ("distance=a,accuracy=b,first=c", "leave it out"),
    ] {
        let message = text.parse::<ChoiceColumns>().unwrap_err().to_string();
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
    let table = read("winner,loser\n0,1\n", "").unwrap();
    let message = table.split_by(&[Grouping::Session]).unwrap_err().to_string();
    assert_eq!(message, "the choices have no session: name its column as session=COLUMN");
    assert!(ChoiceColumns::preset("jensen").unwrap_err().to_string().contains(ChoiceColumns::PRESETS));
    let reconstructed = |by| ChoiceColumns { trials: TrialCounts::Reconstructed(by), ..Default::default() };
    for (text, by, says) in [
        ("winner,loser\n0,1\n", ChoiceRole::Session, "from proportions only"),
        ("higher,lower,accuracy\n0,1,0.5\n", ChoiceRole::Session, "by session: name a column for it"),
        ("distance,accuracy\n1,1\n1,0\n", ChoiceRole::Distance, "do not tell their numbers of trials"),
    ] {
        let message = read_as(text, &reconstructed(by)).unwrap_err().to_string();
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn a_parquet_file_reads_as_its_csv() {
    let directory = tempfile::tempdir().unwrap();
    let table = Table::new()
        .integer("chosen", [0_i64, 2, 1])
        .and_then(|t| t.float("other", [1.0, 0.0, 2.0]))
        .and_then(|t| t.text("who", ["a", "b", "a"]))
        .and_then(|t| t.float("n", [1.0, 0.25, 1e3]))
        .unwrap();
    let columns: ChoiceColumns = "subject=who,winner=chosen,loser=other,count=n".parse().unwrap();
    let read: Vec<ChoiceTable> = ["c.csv", "c.parquet"]
        .map(|name| {
            let path = directory.path().join(name);
            table.write(&path).unwrap();
            read_choices(&path, &columns).unwrap()
        })
        .to_vec();
    assert_eq!(read[0], read[1]);
    assert_eq!(pairs(&read[0]), [(0, 1, 1.0, 1.0), (0, 2, 0.0, 0.25), (1, 2, 1e3, 1e3)]);
    let path = directory.path().join("bad.parquet");
    let bad = Table::new().integer("winner", [0_i64, 1]).and_then(|t| t.integer("loser", [Some(1_i64), None]));
    bad.unwrap().write(&path).unwrap();
    let message = read_choices(&path, &ChoiceColumns::default()).unwrap_err().to_string();
    assert!(
        message.ends_with(
            "bad.parquet: row 1 (counted from 0): the loser is empty: expected a value in every row \
             (⟨skip_missing⟩ leaves out the rows without one)"
        ),
        "{message}"
    );
    fs::write(&path, "PAR1 no parquet").unwrap();
    assert!(read_choices(&path, &columns).unwrap_err().to_string().contains("not a readable Parquet file"));
}

#[test]
fn the_presets_find_the_counts_of_files_of_their_shape() {
    let mut random = noise(3);
    let mut text = String::from("session,target,distractor,acc\n");
    let mut expected = Vec::new();
    for (session, typical) in [(1, 20), (2, 40), (3, 33)] {
        for (higher, lower) in (1..=6).flat_map(|h| (h + 1..=7).map(move |l| (h, l))) {
            let trials = match random(20) {
                0 => typical - 1,
                1 => typical + 1,
                _ => typical,
            };
            // Prime to the number of trials, so that every cell shows its own.
            let chosen = (0..).map(|_| 1 + random(trials - 1)).find(|&k| greatest_divisor(k, trials) == 1).unwrap();
            text.push_str(&format!("{session}.0,{higher}.0,{lower}.0,{}\n", chosen as f64 / trials as f64));
            expected.push((higher - 1, lower - 1, chosen as f64, trials as f64));
        }
    }
    let table = read_as(&text, &ChoiceColumns::preset("jensen2015-monkeys").unwrap()).unwrap();
    let found: Vec<_> = table.rows.iter().map(|r| (r.first, r.second, r.first_chosen, r.trials)).collect();
    assert_eq!(found, expected);
    let report = table.reconstruction.unwrap();
    assert_eq!(report.typical, [("1".to_owned(), 20), ("2".to_owned(), 40), ("3".to_owned(), 33)]);
    assert_eq!(report.failed, 0);

    let humans = "symbolic_distance,subject,acc\n1.0,1.0,0.9166666666666666\n2.0,1.0,0.975\n1.0,3.0,0.5833333333333334\n2.0,3.0,1.0\n";
    let columns = ChoiceColumns::preset("jensen2015-humans").unwrap();
    let table = read_as(humans, &columns).unwrap();
    let found: Vec<_> = table.distances().iter().map(|d| (d.distance, d.higher_chosen, d.trials)).collect();
    assert_eq!(found, [(1, 18.0, 24.0), (2, 79.0, 80.0)]);
    assert_eq!((table.n_items, table.names(Grouping::Subject)), (7, &["1".to_owned(), "3".to_owned()][..]));
    // A number given by hand is used instead.
    let table = read_as(humans, &ChoiceColumns { trials: TrialCounts::Fixed(48.0), ..columns }).unwrap();
    assert_eq!((table.distances()[0].trials, table.reconstruction), (96.0, None));
}

fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Where the published files lie, if this machine has them.
fn published() -> Option<PathBuf> {
    let directory = std::env::var_os("CAVEAT_BEHAVIOR").map(PathBuf::from);
    if directory.is_none() {
        eprintln!("skipped: set CAVEAT_BEHAVIOR to the directory of jensen2015_monkeys.csv and jensen2015_humans.csv");
    }
    directory
}

#[test]
fn the_published_monkeys_have_one_count_a_session() {
    let Some(directory) = published() else { return };
    let path: &Path = &directory.join("jensen2015_monkeys.csv");
    let table = read_choices(path, &ChoiceColumns::preset("jensen2015-monkeys").unwrap()).unwrap();
    assert_eq!((table.n_items, table.rows.len(), table.names(Grouping::Session).len()), (7, 1197, 57));
    let report = table.reconstruction.as_ref().unwrap();
    assert_eq!((report.failed, report.at_typical), (0, 1097));
    assert!(report.off_by.keys().all(|off| off.abs() <= 2));
    // Every session tests the 21 pairs, and no reconstructed count contradicts its proportion.
    let text = fs::read_to_string(path).unwrap();
    for (row, line) in table.rows.iter().zip(text.lines().skip(1)) {
        let written: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
        assert!((row.first_chosen / row.trials - written).abs() < 1e-12, "{line}");
    }
    assert!(table.clusters_by(&[Grouping::Session]).unwrap().iter().all(|c| c.choices.len() == 21));
    // The distance effect that the study reports.
    let accuracy: Vec<f64> = table.distances().iter().map(|d| d.higher_chosen / d.trials).collect();
    assert!(accuracy.windows(2).all(|w| w[0] < w[1]), "{accuracy:?}");
}

#[test]
fn the_published_humans_have_one_count_a_distance() {
    let Some(directory) = published() else { return };
    let columns = ChoiceColumns::preset("jensen2015-humans").unwrap();
    let table = read_choices(&directory.join("jensen2015_humans.csv"), &columns).unwrap();
    let mut report = table.reconstruction.clone().unwrap();
    report.typical.sort();
    let counts: Vec<u32> = report.typical.iter().map(|(_, n)| *n).collect();
    assert_eq!((counts, report.failed, report.at_typical), (vec![12, 40, 32, 24, 16, 8], 0, table.distance_rows.len()));
    assert_eq!((table.names(Grouping::Subject).len(), table.distances().len()), (19, 6));
}

#[test]
fn items_and_groups_are_found_however_their_labels_are_spelled() {
    let named =
        ChoiceColumns { items: Some(["zo\u{eb}", "New York", "2"].map(String::from).to_vec()), ..Default::default() };
    let text = "winner,loser,subject\nzoe\u{308},\u{a0}New\u{a0}York,1\nNew  York,2.0,1.0\n zoë\u{200b},+2,\u{feff}1\n";
    let plain = "winner,loser,subject\nzoë,New York,1\nNew York,2,1\nzoë,2,1\n";
    let [found, expected] = [text, plain].map(|text| read_as(text, &named).unwrap());
    assert_eq!((&found.rows, found.names(Grouping::Subject)), (&expected.rows, &["1".to_owned()][..]));
    let twice = ChoiceColumns { items: Some(["2", "2.0", "x"].map(String::from).to_vec()), ..Default::default() };
    assert!(read_as(plain, &twice).unwrap_err().to_string().contains("named twice"));
}

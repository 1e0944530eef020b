//! `rank`: labels, columns and pipes as people have them, and no order where the comparisons give none.

use std::fs;
use std::process::Stdio;

use crate::common::{Place, records};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

/// Item, position and component of every row of a CSV.
fn placed(csv: &str) -> Vec<(String, usize, usize)> {
    let rows = records(csv);
    assert_eq!(rows[0], ["position", "item", "rank", "component"]);
    rows[1..].iter().map(|r| (r[1].to_owned(), r[0].parse().unwrap(), r[3].parse().unwrap())).collect()
}

#[test]
fn ids_stored_as_floats_are_the_same_items_and_a_note_says_so() {
    let place = Place::new();
    place.write("mixed.csv", "winner,loser\n10,2.0\n2,3.0\n10,3.0\n");
    place.write("plain.csv", "winner,loser\n10,2\n2,3\n10,3\n");
    let run = place.run("rank mixed.csv --format csv");
    assert!(run.status.success());
    assert_eq!(String::from_utf8_lossy(&run.stdout), place.ok("rank plain.csv --format csv"));
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.starts_with("note: \"2.0\" and \"2\" are one item by value, shown as 2"), "{told}");
}

#[test]
fn labels_that_print_alike_are_one_item_and_case_alone_is_warned_of() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\ncafe\u{301},Zoë\n\u{a0}café,Zoe\u{308}\u{200b}\nzoë,café\n");
    let run = place.run("rank c.csv --format csv");
    let items: Vec<String> = placed(&String::from_utf8_lossy(&run.stdout)).into_iter().map(|p| p.0).collect();
    assert_eq!(items, ["zoë", "café", "Zoë"]);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.starts_with("warning: the labels \"Zoë\" and \"zoë\" differ by case alone"), "{told}");
}

#[test]
fn missing_labels_are_refused_by_line_and_words_for_them_are_names_with_a_warning() {
    let place = Place::new();
    place.write("empty.csv", "winner,loser\n1,2\n2,3\n1,\n");
    place.refused_saying("rank empty.csv", &["line 4: the loser is empty"]);
    assert_eq!(placed(&place.ok("rank empty.csv --skip-missing --format csv")).len(), 3);
    // Nothing else is there to say that Namibia's code is none.
    place.write("c.csv", "winner,loser\n1,2\n2,3\n1,NA\n");
    let run = place.run("rank c.csv --format csv");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("warning: \"NA\" is taken for the name of an item, in 1 row"), "{told}");
    let places = placed(&String::from_utf8_lossy(&run.stdout));
    let expected = [("1", 0), ("2", 1), ("NA", 1), ("3", 3)];
    assert_eq!(places, expected.map(|(item, position)| (item.to_owned(), position, 0)));
    assert_eq!(placed(&place.ok("rank c.csv --skip-missing --format csv")).len(), 3);
}

#[test]
fn columns_that_seem_to_count_or_to_mark_ties_are_told_where_they_are_not_read() {
    let place = Place::new();
    place.write("n.csv", "winner,loser,n\nA,B,2\nB,A,1\nB,C,100\n");
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    assert!(told("rank n.csv").contains("\"n\" is not read and every row counts once"));
    let named = "rank n.csv --columns winner=winner,loser=loser,weight=n";
    assert!(!told(named).contains("not read"));
    assert_ne!(place.ok("rank n.csv --format csv"), place.ok(&format!("{named} --format csv")));
    place.write("tie.csv", "winner,loser,draw\nA,B,0\nB,C,1\n");
    assert!(told("rank tie.csv").contains("\"draw\" is not read and every row is a win"));
    place.write("plain.csv", "winner,loser,date\nA,B,0\nB,C,1\n");
    assert!(!told("rank plain.csv").contains("warning"));
}

#[test]
fn training_and_test_rows_that_are_ranked_together_are_told_and_chosen_with_where() {
    let place = Place::new();
    place.write("p.csv", "winner,loser,phase\nA,B,train\nB,C,train\nC,A,test\nC,B,test\nB,A,test\n");
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    let note = told("rank p.csv");
    assert!(note.contains("\"phase\" is not read") && note.contains("\"train\", \"test\""), "{note}");
    assert!(note.contains("--where phase=test"), "{note}");
    let chosen = "rank p.csv --where phase=test --format csv";
    assert!(!told(chosen).contains("not read") && told(chosen).contains("2 rows left out by --where"));
    let items: Vec<String> = placed(&place.ok(chosen)).into_iter().map(|p| p.0).collect();
    assert_eq!(items, ["C", "B", "A"]);
    place.refused_saying("rank p.csv --where stage=test", &["column \"stage\", which stage=test is about, is missing"]);
    place.refused_saying("rank p.csv --where phase=none", &["no rows", "--where"]);
    place.write("one.csv", "winner,loser,phase\nA,B,test\nB,C,test\n");
    assert!(!told("rank one.csv").contains("not read"));
    for name in ["weights", "counts", "games", "n_games", "wt", "repeats", "total", "observations", "N", "wins"] {
        place.write("n.csv", format!("winner,loser,{name}\nA,B,2\nB,C,1\n"));
        assert!(told("rank n.csv").contains(&format!("{name:?} is not read and every row counts once")), "{name}");
    }
    place.write("correct.csv", "winner,loser,correct\nA,B,1\nB,C,0\n");
    assert!(told("rank correct.csv").contains("\"correct\" is not read and every row is a win of its winner"));
}

#[test]
fn choices_are_sides_or_labels_throughout_a_file_and_refused_where_no_row_says_which() {
    let place = Place::new();
    place.write("sides.csv", "item_a,item_b,chosen\nB,C,A\nC,A,A\nD,C,B\n");
    place.write("plain.csv", "winner,loser\nB,C\nC,A\nC,D\n");
    assert_eq!(place.ok("rank sides.csv --format csv"), place.ok("rank plain.csv --format csv"));
    place.write("labels.csv", "item_a,item_b,chosen\nC,A,A\nB,C,C\nD,C,D\n");
    place.write("plain.csv", "winner,loser\nA,C\nC,B\nD,C\n");
    assert_eq!(place.ok("rank labels.csv --format csv"), place.ok("rank plain.csv --format csv"));
    place.write("open.csv", "item_a,item_b,chosen\nA,B,A\nB,A,A\nB,A,B\n");
    place.refused_saying(
        "rank open.csv",
        &["open.csv: line 3", "\"A\" is the name of one item and the word for the side of the other", "left and right"],
    );
}

#[test]
fn items_that_never_won_nor_lost_are_named() {
    let place = Place::new();
    place.write("c.csv", "item_a,item_b,wins_a,wins_b\nA,B,2,1\nB,C,0,0\nA,D,0,0\nB,A,0,0\n");
    let run = place.run("rank c.csv --format csv");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(told.contains("the items \"C\", \"D\" stand in rows without a win only"), "{told}");
    assert_eq!(placed(&String::from_utf8_lossy(&run.stdout)).len(), 2);
}

#[test]
fn groups_without_a_comparison_between_them_are_an_error_or_components() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\nX,Y\nA,B\nB,C\nV,W\n");
    for format in ["table", "csv", "json"] {
        let says = "3 groups that nothing connects (3 items with \"A\", 2 items with \"V\" and one of 2)";
        place.refused_saying(&format!("rank c.csv --format {format}"), &[says]);
    }
    place.refused_saying("rank c.csv -o ranks.csv", &["--components"]);
    let places = placed(&place.ok("rank c.csv --components --format csv"));
    let expected = [("A", 0, 0), ("B", 1, 0), ("C", 2, 0), ("V", 0, 1), ("W", 1, 1), ("X", 0, 2), ("Y", 1, 2)];
    assert_eq!(places, expected.map(|(item, position, component)| (item.to_owned(), position, component)));
    let value = place.json("rank c.csv --components");
    assert_eq!(value["ranks"][3], json!({"position": 0, "item": "V", "rank": 0.5, "component": 1}));
}

#[test]
fn items_that_tie_share_a_position_and_stand_in_the_order_of_their_labels() {
    let place = Place::new();
    // Ten items that beat each other in a circle, each of them beating "last" by one game.
    let circle: String = (1..=10).map(|i| format!("{i},{}\n{i},last\n", i % 10 + 1)).collect();
    place.write("c.csv", format!("winner,loser\n{circle}"));
    for options in ["", "--c 3", "--alpha 0.3 --c 10", "--alpha 1"] {
        let places = placed(&place.ok(&format!("rank c.csv {options} --format csv")));
        let last = if options == "--alpha 1" { 0 } else { 10 };
        let mut expected: Vec<_> = (1..=10).map(|i: usize| (i.to_string(), 0, 0)).collect();
        expected.push(("last".to_owned(), last, 0));
        assert_eq!(places, expected, "{options}");
    }
}

#[test]
fn columns_of_other_names_are_read_as_named_or_as_common_files_have_them() {
    let place = Place::new();
    place.write("plain.csv", "winner,loser\nA,B\nC,B\nA,C\n");
    let expected = place.ok("rank plain.csv --format csv");
    for (name, text, options) in [
        ("caps.csv", "Winner,LOSER\nA,B\nC,B\nA,C\n", ""),
        ("semicolons.csv", "winner;loser\nA;B\nC;B\nA;C\n", ""),
        ("tabs.tsv", "winner\tloser\nA\tB\nC\tB\nA\tC\n", ""),
        ("named.csv", "better,winner,worse\nA,x,B\nC,y,B\nA,z,C\n", "--columns winner=better,loser=worse"),
        ("arena.csv", "model_a,model_b,winner\nA,B,model_a\nB,C,model_b\nA,C,A\n", ""),
        ("sides.csv", "l,r,c\nA,B,left\nB,C,right\nC,A,A\n", "--columns left=l,right=r,choice=c"),
        ("counts.csv", "player1,player2,win1,win2\nA,B,1,0\nB,C,0,1\nA,C,1,0\n", ""),
    ] {
        place.write(name, text);
        assert_eq!(place.ok(&format!("rank {name} {options} --format csv")), expected, "{name}");
    }
    place.write("sides.csv", "model_a,winner,loser\nA,model_a,model_b\n");
    place.refused_saying("rank sides.csv", &["--columns item_a=model_a"]);
    place.write("other.csv", "better,worse\nA,B\n");
    place.refused_saying("rank other.csv", &["--columns winner=better,loser=worse"]);
}

#[test]
fn standard_input_and_pipes_are_read_as_files_are() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\nA,B\nB,C\n");
    let expected = place.ok("rank c.csv --format csv");
    for name in ["-", "/dev/stdin"] {
        let run = place
            .command(&format!("rank {name} --format csv"))
            .write_stdin(fs::read(place.path("c.csv")).unwrap())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&run.stdout), expected, "{name}: {}", String::from_utf8_lossy(&run.stderr));
    }
    let script = format!(
        "{} rank <(cat {}) --format csv",
        assert_cmd::cargo::cargo_bin!("caveat").display(),
        place.path("c.csv").display()
    );
    let Ok(run) = std::process::Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output() else {
        return;
    };
    assert_eq!(String::from_utf8_lossy(&run.stdout), expected, "{}", String::from_utf8_lossy(&run.stderr));
}

/// The rows of a list in another order, perhaps with the labels spelled otherwise, and the options to rank it with.
fn lists() -> impl Strategy<Value = (Vec<String>, Vec<String>, &'static str)> {
    let rows = prop::collection::vec((0_usize..9, 0_usize..9), 1..20)
        .prop_map(|pairs| pairs.into_iter().filter(|(a, b)| a != b).collect::<Vec<_>>())
        .prop_filter("no rows", |pairs| !pairs.is_empty());
    let options = prop::sample::select(vec!["", "--c 2", "--alpha 0.2 --c 5"]);
    rows.prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle(), any::<u64>())).prop_flat_map(
        move |(rows, shuffled, spelling)| {
            let name = |i: usize, bits: u64| match (i % 3, bits % 3) {
                (0, 1) => format!("{i}.0"),
                (0, 2) => format!("+{i}e0"),
                (0, _) => i.to_string(),
                (_, 1) => format!("\u{a0}é{i} "),
                (_, 2) => format!("e\u{301}{i}"),
                _ => format!("é{i}"),
            };
            let line = |(a, b): &(usize, usize), bits: u64| format!("{},{}", name(*a, bits), name(*b, bits / 3));
            let plain = rows.iter().map(|row| line(row, 0)).collect::<Vec<_>>();
            let other = shuffled.iter().enumerate().map(|(k, row)| line(row, (spelling >> k) % 9)).collect::<Vec<_>>();
            (Just(plain), Just(other), options.clone())
        },
    )
}

#[test]
fn neither_the_order_of_rows_nor_the_spelling_of_labels_moves_an_item() {
    let place = Place::new();
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    runner
        .run(&lists(), |(plain, other, options)| {
            place.write("plain.csv", format!("winner,loser\n{}\n", plain.join("\n")));
            place.write("other.csv", format!("winner,loser\n{}\n", other.join("\n")));
            let [a, b] = ["plain", "other"]
                .map(|name| place.ok(&format!("rank {name}.csv --components {options} --format csv")));
            prop_assert_eq!(placed(&a), placed(&b));
            let ranks = |csv: &str| records(csv)[1..].iter().map(|r| r[2].parse().unwrap()).collect::<Vec<f64>>();
            // Ranks of nine items are at most nine, and so are condition numbers about a hundred.
            for (x, y) in ranks(&a).iter().zip(ranks(&b)) {
                prop_assert!((x - y).abs() <= 900.0 * 9.0 * f64::EPSILON, "{} {}", x, y);
            }
            Ok(())
        })
        .unwrap();
}

//! Files that hold something else or are damaged: exit code 2, one line that names the file, and nothing left behind.

use crate::common::trials::{self, EXCEPTION, PLAIN};
use crate::common::{Place, TASK};
use caveat_results::write_matrix;

#[test]
fn comparison_lists_are_refused_by_line() {
    let place = Place::new();
    place.make_directory("directory.csv");
    let cases: [(&str, &[u8], &str); 10] = [
        ("empty.csv", b"", "empty (0 bytes): expected a table of comparisons with the columns winner,loser[,weight]"),
        ("header.csv", b"winner,loser\n", "no rows"),
        ("columns.csv", b"first,second\na,b\n", "column \"winner\" is missing"),
        ("quotes.csv", b"winner,loser\n\"a,b\n", "line 2: 1 fields: expected 2"),
        ("ragged.csv", b"winner,loser\na,b\nc\n", "line 3: 1 fields: expected 2"),
        ("binary.csv", b"PAR1\0\x01\x02\xff", "not a readable Parquet file"),
        ("latin.csv", b"winner,loser\nzo\xeb,b\n", "line 2: the winner"),
        ("self.csv", b"winner,loser\na,b\nb,b\n", "line 3: \"b\" is compared with itself"),
        ("weight.csv", b"winner,loser,weight\na,b,-1\n", "line 2: weight \"-1\": expected a positive"),
        ("blank.csv", b"winner,loser\na,\n", "line 2: the loser is empty"),
    ];
    for (name, content, says) in cases {
        place.write(name, content);
        place.refused_saying(&format!("rank {name}"), &[name, says]);
        place.refused_saying(&format!("rank {name} -o out.csv"), &[name, says]);
    }
    place.refused_saying("rank absent.csv", &["absent.csv: cannot be read"]);
    place.refused_saying("rank directory.csv", &["directory.csv: is a directory: expected a table"]);
    place.write("good.csv", "winner,loser\na,b\n");
    place.refused_saying("rank good.csv --alpha 2", &["between 0 (additive) and 1"]);
    place.refused_saying("rank good.csv --c 0", &["must be positive"]);
}

#[test]
fn trial_tables_that_are_none_are_refused() {
    let place = Place::new();
    place.make_directory("empty").make_directory("hidden").write("hidden/.t.parquet", "").write("hidden/notes.txt", "");
    trials::write(&place, "good.parquet", &[PLAIN]);
    trials::write(&place, "good.csv", &[PLAIN]);
    let good = place.bytes("good.parquet");
    place
        .write("zero.parquet", "")
        .write("zero.csv", "")
        .write("text.parquet", "winner,loser\na,b\n")
        .write("csv.parquet", place.bytes("good.csv"))
        .write("parquet.csv", &good)
        .write("short.parquet", &good[..good.len() / 2])
        .write("magic.parquet", "PAR1")
        .write("table.csv", "winner,loser\na,b\n")
        .write("header.csv", place.text("good.csv").lines().next().unwrap().to_owned() + "\n");
    for (name, says) in [
        ("zero.parquet", "empty (0 bytes): expected a"),
        ("zero.csv", "empty (0 bytes): expected a"),
        ("short.parquet", "not a readable Parquet file"),
        ("magic.parquet", "not a readable Parquet file"),
        ("header.csv", "no rows"),
        ("absent.parquet", "cannot be read"),
        ("empty", "name a table in Parquet or CSV, or a directory that holds .parquet, .csv or .tsv files"),
        ("hidden", "no trial tables found but hidden/.t.parquet, and names that begin with . or _ are passed over"),
    ] {
        place.refused_saying(&format!("fit {name}"), &[name, says]);
        place.refused_saying(&format!("fit good.parquet {name} -o out.parquet"), &[name, says]);
    }
    // What a file holds counts, not what it is called.
    assert_eq!(place.json("fit csv.parquet"), place.json("fit parquet.csv"));
    // A list of winners and losers is a file of choices, and these are not ranks; among trial tables it is none of them.
    place.refused_saying(
        "fit table.csv",
        &["table.csv: line 2: the winner \"a\" is not a rank: expected a whole number"],
    );
    place.refused_saying(
        "fit good.parquet table.csv -o out.parquet",
        &["table.csv: not a trial table", "its columns are \"winner\", \"loser\""],
    );
}

#[test]
fn trial_tables_with_columns_missing_or_of_another_type_are_refused() {
    let place = Place::new();
    let table = trials::table(&place, &[PLAIN]);
    for column in ["model", "rank_a", "is_train", "logit_diff", "label", "lora_r"] {
        for extension in ["parquet", "csv"] {
            let name = format!("without-{column}.{extension}");
            trials::without(&table, column).write(&place.path(&name)).unwrap();
            place.refused_saying(
                &format!("fit {name}"),
                &[&name, &format!("column {column:?} is missing: the table has")],
            );
        }
    }
    let n_rows = table.n_rows();
    let text = trials::without(&table, "logit_diff").text("logit_diff", vec!["high"; n_rows]).unwrap();
    text.write(&place.path("text.parquet")).unwrap();
    place.refused_saying("fit text.parquet", &["row 0", "\"logit_diff\": \"high\": expected a number"]);
    text.write(&place.path("text.csv")).unwrap();
    place.refused_saying("fit text.csv", &["row 0", "\"high\": expected a number"]);
    let missing = trials::without(&table, "logit_diff").float("logit_diff", vec![f64::NAN; n_rows]).unwrap();
    missing.write(&place.path("missing.parquet")).unwrap();
    place.refused_saying("fit missing.parquet", &["column \"logit_diff\""]);
}

#[test]
fn hierarchies_to_train_and_test_on_must_be_there() {
    let place = Place::new();
    trials::write(&place, "t.parquet", &[PLAIN, EXCEPTION]);
    let both = ["\"nothing\" is not in the tables", "exc_mid_n9, ti_n9"];
    place.refused_saying("fit t.parquet --train nothing --test exc_mid_n9", &both);
    place.refused_saying("fit t.parquet --train ti_n9 --test nothing -o out.csv", &both);
    place.refused_saying("fit t.parquet --train ti_n9", &["--test <HIER>"]);
    place.refused_saying("fit t.parquet --test ti_n9", &["--train <HIER>"]);
    place.refused_saying("fit t.parquet --by model --train ti_n9 --test exc_mid_n9", &["keep hier in --by"]);
    place.refused_saying("fit t.parquet --by model", &["cannot be averaged: add hier"]);
    place.refused_saying("fit t.parquet --by seed", &["setting, model, task, hier"]);
    place.refused_saying("fit t.parquet --phase during", &["pre or post"]);
    place.refused_saying("fit t.parquet --bootstrap -1", &["expected a whole number"]);
}

#[test]
fn kernel_matrices_are_square_numbers_of_ordered_pairs() {
    let place = Place::new();
    let identity = |side: usize| (0..side * side).map(|k| f64::from(u8::from(k % (side + 1) == 0))).collect::<Vec<_>>();
    write_matrix(&place.path("good.npy"), &identity(72), 72).unwrap();
    write_matrix(&place.path("five.npy"), &identity(5), 5).unwrap();
    // NumPy's format by hand: 2 × 3, and one with an entry that is no number.
    let npy = |shape: &str, values: &[f64]| {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        let header = format!("{header:<117}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    };
    let mut with_nan = identity(12);
    with_nan[17] = f64::NAN;
    place
        .write("oblong.npy", npy("(2, 3)", &[0.0; 6]))
        .write("nan.npy", npy("(12, 12)", &with_nan))
        .write("short.npy", npy("(12, 12)", &[0.0; 100]))
        .write("text.npy", "1 0\n0 1\n")
        .write("zero.npy", "");
    for (name, says) in [
        ("oblong.npy", "square"),
        ("nan.npy", "entry [1, 5] is NaN: all entries must be finite"),
        ("short.npy", "expected a square matrix"),
        ("text.npy", "not a readable .npy file"),
        ("zero.npy", "empty (0 bytes)"),
        ("absent.npy", "cannot be read"),
        ("five.npy", "ordered pairs"),
        (".", "directory"),
    ] {
        place.refused_saying(&format!("conjunctivity --matrix {name}"), &[name, says]);
        place.refused_saying(&format!("predict {TASK} --kernel-matrix {name} --c 4 -o out.csv"), &[name, says]);
    }
    let line = format!("predict {TASK} --kernel-matrix good.npy");
    place.ok(&format!("{line} --c 4"));
    for (options, says) in [
        ("--c 0", "must be positive"),
        ("--c NaN", "must be positive"),
        ("--c 4 --ranks-only", "add --project"),
        ("--route chain", "--project lifts that"),
        ("--time 3", "--project lifts that"),
        ("--alpha 0.2", "cannot be used with"),
    ] {
        place.refused_saying(&format!("{line} {options}"), &[says]);
    }
    place.refused_saying(
        "predict -n 8 --kernel-matrix good.npy",
        &["good.npy: the kernel is of 9 items, the task of 8"],
    );
}

#[test]
fn what_is_read_is_not_written_over() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\n0,1\n1,2\n0,2\n");
    trials::write(&place, "t.csv", &[trials::PLAIN]);
    for line in [
        "fit c.csv -o c.csv",
        "fit c.csv -o ./c.csv",
        "rank c.csv -o c.csv",
        "fit t.csv -o t.csv",
        "fit t.csv --train ti_n9 --test ti_n9 --pairs-table t.csv",
        "results summary t.csv -o t.csv",
        "results check t.csv -o t.csv",
        "results matrix t.csv -o t.csv",
        "figure study --published t.csv -o s.svg --table t.csv",
    ] {
        place.refused_saying(line, &["is read here, and would be overwritten"]);
    }
    place.refused_saying(
        "fit c.csv --figure p.svg --distance-figure p.svg",
        &["p.svg: two results would be written there"],
    );
}

//! Tests of finding and scanning trial tables.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, LargeStringArray, NullArray,
    RecordBatch, StringArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::Table;

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(10)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

type Rows = Vec<(u64, Option<String>, i64, f64, bool)>;

const FOUR: [TrialColumn; 4] = [TrialColumn::Model, TrialColumn::Seed, TrialColumn::LogitDiff, TrialColumn::IsTrain];

/// All rows of four columns of different kinds, with their numbers.
fn scan(path: &Path) -> Result<Rows> {
    let parts = scan_trials(&[path.to_owned()], &FOUR, &|_, _| {}, |rows: &mut Rows, batch| {
        let (model, seed) = (batch.text(TrialColumn::Model)?, batch.integers(TrialColumn::Seed)?);
        let (logit, train) = (batch.reals(TrialColumn::LogitDiff)?, batch.flags(TrialColumn::IsTrain)?);
        for k in 0..batch.n_rows() {
            let row = batch.first_row() + k as u64;
            rows.push((row, model.get(k).map(str::to_owned), seed[k], logit[k], train.value(k)));
        }
        Ok(())
    })?;
    Ok(parts.concat())
}

fn refusal(name: &str, content: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    let message = scan(&path).unwrap_err().to_string();
    assert!(message.contains(name) && !message.contains('\n'), "{message}");
    message
}

#[test]
fn narrow_and_wide_column_types_are_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    let texts: [ArrayRef; 3] = [
        Arc::new(StringArray::from(vec![Some("x"), Some("y"), None])),
        Arc::new(LargeStringArray::from(vec![Some("x"), Some("y"), None])),
        Arc::new([Some("x"), Some("y"), None].into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    for (k, text) in texts.into_iter().enumerate() {
        let path = directory.path().join(format!("{k}.parquet"));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("is_train", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("extra", Arc::new(Int32Array::from(vec![1, 2, 3]))),
            ("logit_diff", Arc::new(Float32Array::from(vec![Some(0.5), None, Some(-1.0)]))),
            ("model", text),
            ("seed", Arc::new(Int32Array::from(vec![7, 8, -9]))),
        ];
        write_parquet(&path, columns, 100);
        let rows = scan(&path).unwrap();
        let names: Vec<_> = rows.iter().map(|r| r.1.as_deref()).collect();
        assert_eq!(names, [Some("x"), Some("y"), None]);
        assert_eq!(rows.iter().map(|r| r.2).collect::<Vec<_>>(), [7, 8, -9]);
        assert!(rows[0].3 == 0.5 && rows[1].3.is_nan() && rows[2].3 == -1.0 && rows[0].4 && !rows[1].4);
    }
}

#[test]
fn a_hyperparameter_that_no_row_has_may_be_a_column_of_nulls() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    write_parquet(&path, vec![("lora_r", Arc::new(NullArray::new(3)))], 100);
    let missing = scan_trials(&[path], &[TrialColumn::LoraR], &|_, _| {}, |n: &mut usize, batch| {
        *n += batch.reals(TrialColumn::LoraR)?.iter().filter(|x| x.is_nan()).count();
        Ok(())
    });
    assert_eq!(missing.unwrap(), [3]);
}

#[test]
fn rows_come_in_order_from_any_number_of_groups_pages_and_units() {
    let directory = tempfile::tempdir().unwrap();
    let n = 600_000_usize;
    for group_rows in [n, 250_001] {
        let path = directory.path().join(format!("{group_rows}.parquet"));
        let model: DictionaryArray<Int32Type> = (0..n).map(|k| Some(["x", "y", "z"][k / 1000 % 3])).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("model", Arc::new(model)),
            ("seed", Arc::new(Int32Array::from_iter_values((0..n).map(|k| (k / 72) as i32)))),
            ("logit_diff", Arc::new(Float64Array::from_iter_values((0..n).map(|k| k as f64 / 16.0)))),
            ("is_train", Arc::new(BooleanArray::from((0..n).map(|k| k % 3 == 0).collect::<Vec<_>>()))),
        ];
        write_parquet(&path, columns, group_rows);
        let rows = scan(&path).unwrap();
        assert_eq!(rows.len(), n);
        for (k, (row, model, seed, logit, train)) in rows.into_iter().enumerate() {
            assert_eq!(row, k as u64);
            assert_eq!(model.as_deref(), Some(["x", "y", "z"][k / 1000 % 3]));
            assert_eq!((seed, logit, train), ((k / 72) as i64, k as f64 / 16.0, k % 3 == 0));
        }
    }
}

#[test]
fn csv_is_read_like_parquet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    fs::write(&path, "seed,is_train,model,logit_diff,other\n3,True,\"a, b\",,1\n-4, false ,,1e-3,2\n").unwrap();
    let rows = scan(&path).unwrap();
    assert_eq!((rows[0].1.as_deref(), rows[0].2, rows[0].4), (Some("a, b"), 3, true));
    assert!(rows[0].3.is_nan());
    assert_eq!(rows[1], (1, None, -4, 1e-3, false));
}

#[test]
fn wrong_files_are_refused_with_what_would_be_right() {
    assert!(refusal("t.parquet", b"").contains("empty (0 bytes): expected a trial table in Parquet or CSV"));
    assert!(refusal("t.csv", b"").contains("empty (0 bytes): expected a trial table in Parquet or CSV"));
    // The content tells what a file is, not its name.
    assert!(refusal("t.parquet", b"seed,rank_a\n1,2\n").contains("column \"model\" is missing"));
    assert!(refusal("t.parquet", b"PAR1 cut off").contains("not a readable Parquet file"));
    assert!(
        refusal("t.csv", b"model,seed,logit_diff\nx,1,0\n")
            .contains("\"is_train\" is missing: the table has \"model\", \"seed\", \"logit_diff\"")
    );
    assert!(
        refusal("t.csv", b"seed,logit_diff\n1,0\n")
            .contains("column \"model\" is missing, and so is \"is_train\": the table has \"seed\", \"logit_diff\"")
    );
    let header = "model,seed,logit_diff,is_train\n".to_owned();
    assert!(refusal("t.csv", header.as_bytes()).contains("the table has no rows"));
    assert!(
        refusal("t.csv", (header.clone() + "x,1.5,0,true\n").as_bytes())
            .contains("row 0 (counted from 0), column \"seed\"")
    );
    assert!(refusal("t.csv", (header.clone() + "x,1,0,true\nx,1,0,\n").as_bytes()).contains("row 1"));
    assert!(refusal("t.csv", (header.clone() + "x,1,0,true\nx,,0,true\n").as_bytes()).contains("the value is missing"));
    assert!(refusal("t.csv", (header + "x,1,0\n").as_bytes()).contains("line 2: 3 fields: expected 4"));
    let missing = scan(Path::new("/no/such/table.parquet")).unwrap_err().to_string();
    assert!(missing.contains("/no/such/table.parquet: cannot be read"), "{missing}");
}

#[test]
fn wrong_tables_are_refused_with_what_would_be_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    let good = || {
        Table::new()
            .text("model", ["x", "x"])
            .unwrap()
            .float("logit_diff", [0.0, 1.0])
            .unwrap()
            .flag("is_train", [true; 2])
            .unwrap()
    };
    let message = |table: Table| {
        table.write(&path).unwrap();
        scan(&path).unwrap_err().to_string()
    };
    let says = message(good());
    assert!(
        says.contains("column \"seed\" is missing: the table has \"model\", \"logit_diff\", \"is_train\""),
        "{says}"
    );
    let says = message(good().float("seed", [1.0, 2.5]).unwrap());
    assert!(says.contains("row 1 (counted from 0), column \"seed\": \"2.5\": expected an integer"), "{says}");
    let says = message(good().integer("seed", [Some(1), None]).unwrap());
    assert!(says.contains("row 1 (counted from 0), column \"seed\": the value is missing"), "{says}");
    let none =
        Table::new().text("model", [""; 0]).unwrap().float("logit_diff", []).unwrap().flag("is_train", []).unwrap();
    let says = message(none.integer("seed", [0_i64; 0]).unwrap());
    assert!(says.contains("the table has no rows"), "{says}");
}

#[test]
fn damaged_parquet_is_an_error_or_harmless_and_never_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(StringArray::from_iter_values((0..400).map(|k| ["x", "y"][k / 50 % 2])))),
        ("seed", Arc::new(Int32Array::from_iter_values(0..400))),
        ("logit_diff", Arc::new(Float64Array::from_iter_values((0..400).map(f64::from)))),
        ("is_train", Arc::new(BooleanArray::from(vec![true; 400]))),
    ];
    write_parquet(&path, columns, 300);
    let good = fs::read(&path).unwrap();
    // A prime step, so that all parts of the file are hit; every single byte was tried once, with the same outcome.
    for k in (0..good.len()).step_by(13) {
        let mut bytes = good.clone();
        bytes[k] ^= [0x01, 0x80, 0xff][k % 3];
        fs::write(&path, bytes).unwrap();
        let _ = scan(&path);
    }
    for k in (0..good.len()).step_by(37) {
        fs::write(&path, &good[..k]).unwrap();
        assert!(scan(&path).is_err());
    }
}

#[test]
fn tables_are_found_at_any_depth_and_listed_once() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("ti/deep")).unwrap();
    for name in [
        "b.parquet",
        "ti/a.parquet",
        "ti/deep/c.PARQUET",
        "equity.npy",
        "_hidden.parquet",
        ".hidden.parquet",
        "notes.csv",
    ] {
        fs::write(root.join(name), "x").unwrap();
    }
    let names = |paths: &[PathBuf]| -> Vec<String> {
        let found = locate(paths).unwrap();
        found.iter().map(|t| t.input.path().strip_prefix(root).unwrap().display().to_string()).collect()
    };
    assert_eq!(names(&[root.to_owned()]), ["b.parquet", "ti/a.parquet", "ti/deep/c.PARQUET"]);
    assert_eq!(
        names(&[root.join("ti/a.parquet"), root.join("notes.csv"), root.join("ti")]),
        ["ti/a.parquet", "notes.csv", "ti/deep/c.PARQUET"]
    );
    let empty = root.join("ti/none");
    fs::create_dir(&empty).unwrap();
    for (paths, says) in [
        (vec![empty], "none: no trial tables found"),
        (vec![], "no path was given"),
        (vec![root.join("x")], "cannot be read"),
    ] {
        let message = locate(&paths).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn the_first_error_in_row_order_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..20).map(|k| directory.path().join(format!("{k:02}.parquet"))).collect();
    for (k, path) in (0_i64..).zip(&paths) {
        Table::new().integer("seed", [k, 2]).unwrap().write(path).unwrap();
    }
    for _ in 0..20 {
        let outcome = scan_trials(&paths, &[TrialColumn::Seed], &|_, _| {}, |(): &mut (), batch| {
            let bad = batch.path().file_stem().unwrap().to_str().unwrap().ends_with(['7', '9']);
            if bad { Err(batch.bad_value(1, TrialColumn::Seed, "no")) } else { Ok(()) }
        });
        assert!(outcome.unwrap_err().to_string().contains("07.parquet: row 1"));
    }
}

#[test]
fn names_of_columns_are_unique_and_25() {
    let names: HashSet<&str> = TrialColumn::ALL.iter().map(|c| c.name()).collect();
    assert_eq!(names.len(), 25);
    assert_eq!("post".parse::<Phase>().unwrap(), Phase::Post);
    assert!("after".parse::<Phase>().unwrap_err().to_string().contains("pre or post"));
}

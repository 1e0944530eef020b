//! One table however it is written: separator, packing, encoding, codec, capitals, missing values, pipe and folders.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::common::trials::{self, EXCEPTION, PLAIN, Simulated};
use crate::common::{Place, records};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int8Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema};
use caveat_results::{Table, Values};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Two conditions, one with a hyperparameter that the other lacks.
fn table(place: &Place) -> Table {
    trials::table(place, &[Simulated { setting: "lora", lora_r: Some(16.0), ..PLAIN }, EXCEPTION])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// What the summary of a table is, from a file or from standard input.
fn summary(place: &Place, line: &str, input: Option<&Path>) -> String {
    let mut command = place.command(&format!("results summary {line} --by setting,hier,lora_r --format csv"));
    if let Some(path) = input {
        command.write_stdin(fs::read(path).unwrap());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn compressed(table: &Table, path: &Path, compression: Compression) {
    let batch = table.record_batch().unwrap();
    write(&batch, path, compression);
}

fn write(batch: &RecordBatch, path: &Path, compression: Compression) {
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_trial_table_is_the_same_in_every_codec() {
    let place = Place::new();
    let table = table(&place);
    table.write(&place.path("t.csv")).unwrap();
    let expected = summary(&place, "t.csv", None);
    for (name, compression) in [
        ("none", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
        ("lz4", Compression::LZ4),
        ("lz4_raw", Compression::LZ4_RAW),
    ] {
        let path = place.path(&format!("{name}.parquet"));
        compressed(&table, &path, compression);
        assert_eq!(summary(&place, &format!("{name}.parquet"), None), expected, "{name}");
    }
    // A name says nothing, and a whole file may be packed once more.
    fs::copy(place.path("lz4.parquet"), place.path("parquet.csv")).unwrap();
    fs::copy(place.path("t.csv"), place.path("csv.parquet")).unwrap();
    place.write("t.parquet.gz", gzip(&place.bytes("brotli.parquet")));
    for name in ["parquet.csv", "csv.parquet", "t.parquet.gz"] {
        assert_eq!(summary(&place, name, None), expected, "{name}");
    }
}

#[test]
fn a_trial_table_is_the_same_in_every_spelling_of_text() {
    let place = Place::new();
    let table = table(&place);
    table.write(&place.path("t.csv")).unwrap();
    let expected = summary(&place, "t.csv", None);
    let text = place.text("t.csv");
    let rows: Vec<Vec<String>> = records(&text).iter().map(|r| r.iter().map(|f| (*f).to_owned()).collect()).collect();
    let joined = |separator: &str, edit: &dyn Fn(usize, usize, &str) -> String| -> String {
        let line = |(k, row): (usize, &Vec<String>)| {
            let fields: Vec<String> = row.iter().enumerate().map(|(c, f)| edit(k, c, f)).collect();
            format!("{}\n", fields.join(separator))
        };
        rows.iter().enumerate().map(line).collect()
    };
    let same = |_: usize, _: usize, field: &str| field.to_owned();
    // What R writes: row names, quotation marks, TRUE and NA.
    let of_r = |k: usize, c: usize, field: &str| {
        let written = match field {
            "true" => "TRUE".to_owned(),
            "false" => "FALSE".to_owned(),
            "" => "NA".to_owned(),
            number if number.parse::<f64>().is_ok() => number.to_owned(),
            text => format!("\"{text}\""),
        };
        if c == 0 { format!("{},{written}", if k == 0 { "\"\"".to_owned() } else { k.to_string() }) } else { written }
    };
    // What pandas writes of columns that once held a missing value, and truth values as numbers.
    let of_pandas = |k: usize, _: usize, field: &str| match field {
        "true" => "1".to_owned(),
        "false" => "0.0".to_owned(),
        "" => "nan".to_owned(),
        whole if k > 0 && whole.parse::<i64>().is_ok() => format!("{whole}.0"),
        other => other.to_owned(),
    };
    let decimal_comma = |k: usize, _: usize, field: &str| match field.parse::<f64>() {
        Ok(_) if k > 0 => field.replace('.', ","),
        _ => field.to_owned(),
    };
    let capitals = |k: usize, _: usize, field: &str| if k == 0 { field.to_uppercase() } else { field.to_owned() };
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let spellings: Vec<(&str, Vec<u8>)> = vec![
        ("mark", format!("\u{feff}{text}").into_bytes()),
        ("crlf", text.replace('\n', "\r\n").into_bytes()),
        ("cr", text.replace('\n', "\r").into_bytes()),
        ("utf16", utf16),
        ("gzip", gzip(text.as_bytes())),
        ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("tabs", joined("\t", &same).into_bytes()),
        ("semicolons", joined(";", &same).into_bytes()),
        ("bars", joined("|", &same).into_bytes()),
        ("decimal commas", joined(";", &decimal_comma).into_bytes()),
        ("tabs and decimal commas", joined("\t", &decimal_comma).into_bytes()),
        ("sep", format!("sep=;\r\n{}", joined(";", &decimal_comma)).into_bytes()),
        ("r", joined(",", &of_r).into_bytes()),
        ("pandas", joined(",", &of_pandas).into_bytes()),
        ("capitals", joined(",", &capitals).into_bytes()),
        ("null", joined(",", &|_, _, f| if f.is_empty() { "null".into() } else { f.into() }).into_bytes()),
        ("none", joined(",", &|_, _, f| if f.is_empty() { "None".into() } else { f.into() }).into_bytes()),
        ("spaces", joined(" , ", &same).into_bytes()),
    ];
    for (name, bytes) in spellings {
        place.write("spelling", &bytes);
        assert_eq!(summary(&place, "spelling", None), expected, "{name}");
        let path = place.path("spelling");
        assert_eq!(summary(&place, "-", Some(&path)), expected, "{name} from standard input");
        let check = place.ok("results check spelling");
        assert!(check.contains("no problems"), "{name}: {check}");
    }
    assert_eq!(summary(&place, "/dev/stdin", Some(&place.path("t.csv"))), expected);
    // Standard input is read once, and asked for twice it is one table.
    assert_eq!(summary(&place, "- -", Some(&place.path("t.csv"))), expected);
    place.ok("results convert spelling -o converted.csv");
    assert_eq!(place.text("converted.csv").lines().count(), rows.len());
}

/// The same columns in other types: flags as int8, integers as floats with none missing, text as large text.
#[test]
fn a_trial_table_is_the_same_in_every_type_of_column() {
    let place = Place::new();
    let table = table(&place);
    table.write(&place.path("t.csv")).unwrap();
    let expected = summary(&place, "t.csv", None);
    let columns: Vec<(String, ArrayRef)> = table
        .columns()
        .map(|(name, values)| {
            let array: ArrayRef = match (name, values) {
                ("correct", Values::Float(v)) => {
                    Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x == 1.0)).collect::<BooleanArray>())
                }
                (_, Values::Float(v)) => Arc::new(Float64Array::from(v.clone())),
                ("seed", Values::Integer(v)) => Arc::new(Int64Array::from(v.clone())),
                (_, Values::Integer(v)) => Arc::new(v.iter().map(|x| x.map(|x| x as f64)).collect::<Float64Array>()),
                ("no_gt", Values::Flag(v)) => {
                    Arc::new(StringArray::from_iter_values(v.iter().map(|x| if *x { "True" } else { "False" })))
                }
                (_, Values::Flag(v)) => Arc::new(v.iter().map(|x| Some(i8::from(*x))).collect::<Int8Array>()),
                (_, Values::Text(v)) => Arc::new(LargeStringArray::from_iter_values(v)),
            };
            (name.to_owned(), array)
        })
        .collect();
    write(&RecordBatch::try_from_iter(columns).unwrap(), &place.path("t.parquet"), Compression::SNAPPY);
    assert_eq!(summary(&place, "t.parquet", None), expected);
    assert!(place.ok("results check t.parquet").contains("no problems"));
}

#[test]
fn folders_named_for_values_give_columns() {
    let place = Place::new();
    let table = table(&place);
    table.write(&place.path("t.csv")).unwrap();
    let expected = summary(&place, "t.csv", None);
    let columns: Vec<(&str, &Values)> = table.columns().collect();
    let of = |name: &str| columns.iter().find(|(n, _)| *n == name).unwrap().1;
    let (Values::Text(setting), Values::Text(hier)) = (of("setting"), of("hier")) else { panic!() };
    let parts: Vec<(String, String)> = {
        let mut parts: Vec<_> = setting.iter().cloned().zip(hier.iter().cloned()).collect();
        parts.sort();
        parts.dedup();
        parts
    };
    assert_eq!(parts.len(), 2);
    for (s, h) in &parts {
        let rows: Vec<usize> = (0..table.n_rows()).filter(|&k| setting[k] == *s && hier[k] == *h).collect();
        let part = columns.iter().filter(|(n, _)| !["setting", "hier"].contains(n)).fold(Table::new(), |t, (n, v)| {
            let v = match v {
                Values::Float(v) => Values::Float(rows.iter().map(|&k| v[k]).collect()),
                Values::Integer(v) => Values::Integer(rows.iter().map(|&k| v[k]).collect()),
                Values::Text(v) => Values::Text(rows.iter().map(|&k| v[k].clone()).collect()),
                Values::Flag(v) => Values::Flag(rows.iter().map(|&k| v[k]).collect()),
            };
            t.with(*n, v).unwrap()
        });
        for (root, name) in [("parquet", "part-0.parquet"), ("csv", "part-0.csv")] {
            let folder = place.path(&format!("{root}/setting={s}/hier={}", h.replace('_', "%5F")));
            fs::create_dir_all(&folder).unwrap();
            part.write(&folder.join(name)).unwrap();
        }
    }
    for root in ["parquet", "csv"] {
        assert_eq!(summary(&place, root, None), expected, "{root}");
    }
    // One file, or one folder, has its values from the path that leads to it.
    let (s, h) = (&parts[0].0, parts[0].1.replace('_', "%5F"));
    let one = summary(&place, &format!("parquet/setting={s}"), None);
    assert_eq!(summary(&place, &format!("parquet/setting={s}/hier={h}/part-0.parquet"), None), one);
    assert!(expected.contains(one.lines().nth(1).unwrap()));
    // A column that says otherwise than the folder is refused by path.
    fs::create_dir_all(place.path("wrong/setting=probe")).unwrap();
    table.write(&place.path("wrong/setting=probe/t.parquet")).unwrap();
    place.refused_saying(
        "results summary wrong",
        &[
            "wrong/setting=probe/t.parquet: row 0",
            "column \"setting\": the value is another than that of the folder, setting=probe",
        ],
    );
    // Of tables in both forms, those in Parquet count, and that is said.
    fs::copy(place.path("t.csv"), place.path("parquet/copy.csv")).unwrap();
    let output = place.run("results summary parquet --by setting,hier,lora_r --format csv");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert!(String::from_utf8(output.stderr).unwrap().contains("only .parquet files are read; passed over: "));
}

#[test]
fn choices_are_the_same_in_every_spelling() {
    let place = Place::new();
    let mut text = String::from("winner,loser,accuracy,count,subject\n");
    for (k, (a, b)) in [(0, 1), (1, 2), (0, 2), (3, 1), (2, 3), (3, 0)].into_iter().enumerate() {
        text.push_str(&format!("{a},{b},{},{},s{}\n", 0.5 + 0.0625 * k as f64, 16 * (k + 1), k % 2));
    }
    place.write("c.csv", &text);
    let fit = |line: &str, input: Option<&Path>| {
        let mut command = place.command(&format!("fit {line} --bootstrap 0 --format csv"));
        if let Some(path) = input {
            command.write_stdin(fs::read(path).unwrap());
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let expected = fit("c.csv", None);
    let swapped = |from: &str, to: &str| text.replace(from, to);
    let spellings: Vec<Vec<u8>> = vec![
        format!("\u{feff}{text}").into_bytes(),
        swapped("\n", "\r").into_bytes(),
        swapped(",", "\t").into_bytes(),
        swapped(",", ";").replace('.', ",").into_bytes(),
        swapped("winner,loser,accuracy", "Winner,LOSER,Accuracy").into_bytes(),
        swapped(",s0", ", s0 ").into_bytes(),
        text.lines()
            .map(|l| if l.starts_with('w') { format!("{l}\n") } else { l.replacen(',', ".0,", 2) + "\n" })
            .collect::<String>()
            .into_bytes(),
        gzip(text.as_bytes()),
    ];
    for bytes in spellings {
        place.write("spelling.txt", &bytes);
        assert_eq!(fit("spelling.txt", None), expected, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(fit("-", Some(&place.path("spelling.txt"))), expected);
    }
}

#[test]
fn rows_without_a_response_are_refused_or_left_out_on_request() {
    let place = Place::new();
    place.write("t.csv", "S1,S2,chose_S1,rt\n1,2,1,300\n2,3,1,400\n3,1,,NA\n1,3,TRUE,500\n2,1,0,9000\n3,2,0,\n");
    place.write("complete.csv", "S1,S2,chose_S1,rt\n1,2,1,300\n2,3,1,400\n1,3,1,500\n2,1,0,9000\n3,2,0,100\n");
    let fit = "--columns winner=S1,loser=S2,accuracy=chose_S1 --trials 1 --bootstrap 0 --format csv";
    place.refused_saying(&format!("fit t.csv {fit}"), &["line 4: the accuracy is empty", "--skip-missing"]);
    let output = place.run(&format!("fit t.csv {fit} --skip-missing"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 of 6 rows left out by --skip-missing: no accuracy in 1"), "{said}");
    let expected = place.ok(&format!("fit complete.csv {fit}"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    // A condition may name any column.
    let output = place
        .command_of(&[vec!["fit", "t.csv", "--where", "chose_s1!="], fit.split(' ').collect()].concat())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let fast = place
        .command_of(&[vec!["fit", "t.csv", "--where", "rt<1000 & S2!=1"], fit.split(' ').collect()].concat())
        .output()
        .unwrap();
    assert!(String::from_utf8(fast.stderr).unwrap().contains("3 of 6 rows left out by --where"));
    place.refused_saying(
        &format!("fit t.csv {fit} --where color=red"),
        &["column \"color\", which color=red is about, is missing"],
    );
    place.refused_saying(&format!("fit t.csv {fit} --where rt<fast"), &["expected a number after <"]);
    // Of a behavioral file nobody asks for the columns of trial tables.
    place.refused_saying("fit t.csv", &["not a trial table", "--columns winner=S1,loser=S2,accuracy=chose_S1"]);
    place.write("arena.csv", "model_a,model_b,winner\nGPT,LLaMA,model_a\nQwen,GPT,tie\n");
    place.refused_saying("fit arena.csv", &["winner says which of two columns won", "--columns"]);
    place.write("counts.csv", "player1,player2,win1,win2\nA,B,7,3\n");
    place.refused_saying("fit counts.csv", &["not a trial table", "--columns"]);
}

#[test]
fn trial_tables_are_fitted_where_a_condition_holds() {
    let place = Place::new();
    trials::write(&place, "both.parquet", &[PLAIN, EXCEPTION]);
    trials::write(&place, "one.parquet", &[EXCEPTION]);
    let hier = EXCEPTION.hier;
    assert_eq!(
        place.json(&format!("fit both.parquet --bootstrap 0 --where hier={hier}")),
        place.json("fit one.parquet --bootstrap 0")
    );
    place.refused_saying("fit both.parquet --where phase=pre", &["--phase"]);
    place.refused_saying("fit both.parquet --where hier=nothing", &["no rows with phase=post and hier=nothing"]);
}

#[test]
fn files_of_other_kinds_are_named() {
    let place = Place::new();
    place.write("lfs.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n");
    place.write("x.csv", b"PK\x03\x04\x14\x00\x00\x00\x00\x00xl/workbook.xml");
    place.write("x.feather", b"ARROW1\0\0");
    for (file, what) in [("lfs.parquet", "git lfs pull"), ("x.csv", "an Excel workbook"), ("x.feather", "Feather")] {
        for command in ["fit", "results summary", "results matrix", "results convert -o out.csv"] {
            place.refused_saying(&format!("{command} {file}"), &[file, what]);
        }
    }
    assert!(!place.path("out.csv").exists());
}

#[test]
fn folders_named_for_values_give_columns_of_choices() {
    let place = Place::new();
    let mut all = "winner,loser,condition,subject\n".to_owned();
    let mut line = "fit".to_owned();
    for (condition, n) in [("long", 7), ("short", 5)] {
        for subject in ["a", "b"] {
            let mut own = "winner,loser\n".to_owned();
            for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
                // The rule, but for the lowest pairs of one subject.
                let (w, l) = if a > 2 && subject == "b" { (b, a) } else { (a, b) };
                own += &format!("{w},{l}\n{a},{b}\n");
                all += &format!("{w},{l},{condition},{subject}\n{a},{b},{condition},{subject}\n");
            }
            let folder = place.path("files").join(format!("condition={condition}")).join(format!("subject={subject}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("part-0.csv"), own).unwrap();
            line += &format!(" files/condition={condition}/subject={subject}/part-0.csv");
        }
    }
    place.write("all.csv", all);
    for options in ["--by condition", "--by condition,subject", "--by condition --where subject=a"] {
        let expected = place.json(&format!("fit all.csv --bootstrap 0 {options}"));
        assert_eq!(place.json(&format!("fit files --bootstrap 0 {options}")), expected, "{options}");
        assert_eq!(place.json(&format!("{line} --bootstrap 0 {options}")), expected, "{options}");
    }
    place.refused_saying("fit files", &["condition long", "condition short", "--by"]);
    place.refused_saying("fit files files/condition=long/subject=a/part-0.csv", &["named twice"]);
}

#[test]
fn names_in_trial_tables_that_print_alike_are_one() {
    let place = Place::new();
    let plain = Simulated { model: "caf\u{e9}", ..EXCEPTION };
    trials::write(&place, "t.csv", &[plain]);
    let expected = place.json("fit t.csv --bootstrap 0");
    // One seed in other spellings: decomposed, with a no-break space and blanks around it.
    let mut lines: Vec<String> = place.text("t.csv").lines().map(str::to_owned).collect();
    let count = lines.len();
    for line in &mut lines[1 + count / 2..] {
        *line = line.replace("caf\u{e9}", "cafe\u{301} ").replace("exc_mid_n9", "\u{a0}exc_mid_n9\u{200b}");
    }
    place.write("t.csv", lines.join("\n") + "\n");
    assert_eq!(place.json("fit t.csv --bootstrap 0"), expected);
    assert_eq!(
        place.json("results summary t.csv --by model,hier").as_array().unwrap().len(),
        place.json("results summary t.csv --by hier").as_array().unwrap().len()
    );
    assert!(place.ok("results check t.csv").contains("no problems"));
}

#[test]
fn a_point_that_may_separate_thousands_is_no_decimal_point() {
    let place = Place::new();
    place.write("c.csv", "higher;lower;accuracy;count\n0;1;0,9;1.200\n1;2;0,8;1.200\n0;2;0,95;1.200\n");
    place.refused_saying("fit c.csv", &["line 2", "count \"1.200\""]);
}

/// Writes a file whose truth values are said to come from dictionaries, as pyarrow writes them.
fn write_dictionaries_of_truth(batch: &RecordBatch, path: &Path) {
    let kind = |field: &Field| match field.data_type() {
        DataType::Boolean => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Boolean)),
        other => other.clone(),
    };
    let fields = batch.schema().fields().iter().map(|f| f.as_ref().clone().with_data_type(kind(f))).collect::<Vec<_>>();
    let mut properties = WriterProperties::builder().build();
    add_encoded_arrow_schema_to_metadata(&Schema::new(fields), &mut properties);
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(File::create(path).unwrap(), batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn truth_values_from_dictionaries_are_read() {
    let place = Place::new();
    let table = table(&place);
    table.write(&place.path("t.parquet")).unwrap();
    write_dictionaries_of_truth(&table.record_batch().unwrap(), &place.path("d.parquet"));
    assert_eq!(summary(&place, "d.parquet", None), summary(&place, "t.parquet", None));
    place.ok("results check d.parquet");
    let choices = RecordBatch::try_from_iter([
        ("higher", Arc::new(Int64Array::from(vec![1, 2, 1, 2])) as ArrayRef),
        ("lower", Arc::new(Int64Array::from(vec![2, 3, 3, 3]))),
        ("accuracy", Arc::new(BooleanArray::from(vec![true, true, true, false]))),
    ]);
    let choices = choices.unwrap();
    write(&choices, &place.path("c.parquet"), Compression::UNCOMPRESSED);
    write_dictionaries_of_truth(&choices, &place.path("e.parquet"));
    let fit = |name: &str| place.ok(&format!("fit {name} --trials 1 --bootstrap 0 --format csv"));
    assert_eq!(fit("e.parquet"), fit("c.parquet"));
}

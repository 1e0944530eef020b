//! The geometries of many runs in one table: a row for every run, phase and kernel.

use std::fs;
use std::path::{Path, PathBuf};

use caveat_results::Table;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::GEOMETRY;
use crate::error::{LmError, Result, one_line};
use crate::run::recorded_args;

/// Largest file that is read, in bytes; that of 100 items has a fortieth of it.
const MAX_BYTES: u64 = 1 << 27;
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;

/// The part of geometry.json that becomes rows; numbers that are not defined are null there.
#[derive(Deserialize)]
struct Read {
    behavior: Option<Fit>,
    kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
struct Fit {
    conjunctivity: Option<f64>,
    c: Option<f64>,
    r_squared: Option<f64>,
    correlation: Option<f64>,
}

#[derive(Deserialize)]
struct Kernel {
    phase: String,
    metric: String,
    projection: Option<Projection>,
    antisymmetric_variance_explained: Option<f64>,
    predictions: Option<Predictions>,
}

#[derive(Deserialize)]
struct Projection {
    conjunctivity: Option<f64>,
    variance_explained: Option<f64>,
}

#[derive(Deserialize)]
struct Predictions {
    exchangeable: Fitted,
    measured: Fitted,
}

#[derive(Deserialize)]
struct Fitted {
    c: Option<f64>,
    r_squared: Option<f64>,
    correlation: Option<f64>,
}

/// A row of the table; NaN where something is not defined.
struct Row {
    run: usize,
    phase: String,
    kernel: String,
    /// In the order of [`NUMBERS`].
    numbers: [f64; NUMBERS.len()],
}

/// Columns, as in [`Geometry::table`](super::Geometry::table).
const NUMBERS: [&str; 8] = [
    "conjunctivity",
    "variance",
    "antisymmetric",
    "c",
    "r_squared",
    "correlation",
    "r_squared_measured",
    "correlation_measured",
];

/// The geometries of many runs.
pub struct Geometries {
    /// What `results.json` records of every run.
    runs: Vec<Map<String, Value>>,
    rows: Vec<Row>,
}

impl Geometries {
    /// Reads what runs at any depth under `directories` have kept, in the order of their paths.
    ///
    /// # Errors
    /// A directory that cannot be read, or with no geometry under it; a file that is damaged, or lies beside no results.
    pub fn read(directories: &[PathBuf]) -> Result<Self> {
        let mut folders = Vec::new();
        for directory in directories {
            let before = folders.len();
            find(directory, 0, &mut folders)?;
            if folders.len() == before {
                let problem = format!("has no {GEOMETRY} under it: expected runs that kept their similarities");
                return Err(LmError::bad_file(directory, problem));
            }
        }
        folders.sort();
        folders.dedup();
        let runs = folders.iter().map(|folder| recorded_args(folder)).collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        for (run, folder) in folders.iter().enumerate() {
            rows.extend(rows_of(run, read(&folder.join(GEOMETRY))?));
        }
        Ok(Self { runs, rows })
    }

    /// Number of runs.
    pub fn n_runs(&self) -> usize {
        self.runs.len()
    }

    /// A row for every run, phase and kernel: setting, model, task, hier, lora_r and l2_reg (missing where they do not apply), seed,
    /// reverse, and the columns of [`Geometry::table`](super::Geometry::table). The kernel "fitted" is the theory fitted to the
    /// margins alone.
    ///
    /// # Errors
    /// None in practice; the table's own.
    pub fn table(&self) -> Result<Table> {
        let all: Vec<(&Row, [f64; NUMBERS.len()])> = self.rows.iter().map(|row| (row, row.numbers)).collect();
        let table = self.keys(&all).and_then(|table| {
            table
                .integer("seed", all.iter().map(|(row, _)| self.recorded(row, "seed").as_i64()))?
                .flag("reverse", all.iter().map(|(row, _)| self.recorded(row, "reverse").as_bool().unwrap_or(false)))
        });
        table.and_then(|table| with_numbers(table, &all)).map_err(|e| LmError::Failed(e.to_string()))
    }

    /// The means over seeds and orders, and the number of runs n; what is not defined in a run does not count in its mean.
    ///
    /// # Errors
    /// None in practice; the table's own.
    pub fn means(&self) -> Result<Table> {
        let key = |row: &Row| {
            let of_run = KEYS.map(|key| self.recorded(row, key).to_string());
            (of_run, row.phase.clone(), row.kernel.clone())
        };
        let mut groups: Vec<(_, Vec<&Row>)> = Vec::new();
        for row in &self.rows {
            let key = key(row);
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        let mean = |rows: &[&Row], column: usize| {
            let values: Vec<f64> = rows.iter().map(|row| row.numbers[column]).filter(|x| !x.is_nan()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let all: Vec<(&Row, [f64; NUMBERS.len()])> =
            groups.iter().map(|(_, rows)| (rows[0], std::array::from_fn(|column| mean(rows, column)))).collect();
        let n = groups.iter().map(|(_, rows)| i64::try_from(rows.len()).ok());
        let table = self.keys(&all).and_then(|table| table.integer("n", n));
        table.and_then(|table| with_numbers(table, &all)).map_err(|e| LmError::Failed(e.to_string()))
    }

    fn recorded(&self, row: &Row, key: &str) -> &Value {
        self.runs.get(row.run).and_then(|run| run.get(key)).unwrap_or(&Value::Null)
    }

    /// The columns that say what was run, and phase and kernel.
    fn keys(&self, all: &[(&Row, [f64; NUMBERS.len()])]) -> caveat_results::Result<Table> {
        let text = |key| all.iter().map(move |(row, _)| self.recorded(row, key).as_str().unwrap_or_default());
        let float = |key| all.iter().map(move |(row, _)| self.recorded(row, key).as_f64().unwrap_or(f64::NAN));
        Table::new()
            .text("setting", text("method"))?
            .text("model", text("model"))?
            .text("task", text("task"))?
            .text("hier", text("hier"))?
            .float("lora_r", float("lora_r"))?
            .float("l2_reg", float("l2_reg"))?
            .text("phase", all.iter().map(|(row, _)| row.phase.as_str()))?
            .text("kernel", all.iter().map(|(row, _)| row.kernel.as_str()))
    }
}

/// What is the same in all runs of a condition, as results record it.
const KEYS: [&str; 6] = ["method", "model", "task", "hier", "lora_r", "l2_reg"];

fn with_numbers(mut table: Table, all: &[(&Row, [f64; NUMBERS.len()])]) -> caveat_results::Result<Table> {
    for (column, name) in NUMBERS.into_iter().enumerate() {
        table = table.float(name, all.iter().map(|(_, numbers)| numbers[column]))?;
    }
    Ok(table)
}

/// Folders with a geometry, hidden ones and links passed over.
fn find(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let fail = |e| LmError::read(directory, e);
    for entry in fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if entry.file_type().map_err(fail)?.is_dir() {
            if depth < MAX_DEPTH && !name.to_string_lossy().starts_with('.') {
                find(&entry.path(), depth + 1, found)?;
            }
        } else if name == GEOMETRY {
            found.push(directory.to_owned());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Read> {
    let fail = |e| LmError::read(path, e);
    if fs::metadata(path).map_err(fail)?.len() > MAX_BYTES {
        return Err(LmError::bad_file(path, format!("has more than {MAX_BYTES} bytes: not a geometry")));
    }
    let text = fs::read(path).map_err(fail)?;
    serde_json::from_slice(&text).map_err(|e| LmError::bad_file(path, format!("not a geometry ({})", one_line(e))))
}

fn rows_of(run: usize, read: Read) -> Vec<Row> {
    let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let mut rows: Vec<Row> = read
        .kernels
        .into_iter()
        .map(|kernel| {
            let projection = kernel.projection.as_ref();
            let exchangeable = kernel.predictions.as_ref().map(|p| &p.exchangeable);
            let measured = kernel.predictions.as_ref().map(|p| &p.measured);
            let numbers = [
                projection.and_then(|p| p.conjunctivity),
                projection.and_then(|p| p.variance_explained),
                kernel.antisymmetric_variance_explained,
                exchangeable.and_then(|fit| fit.c),
                exchangeable.and_then(|fit| fit.r_squared),
                exchangeable.and_then(|fit| fit.correlation),
                measured.and_then(|fit| fit.r_squared),
                measured.and_then(|fit| fit.correlation),
            ];
            Row { run, phase: kernel.phase, kernel: kernel.metric, numbers: numbers.map(number) }
        })
        .collect();
    if let Some(fit) = read.behavior {
        let numbers = [fit.conjunctivity, None, None, fit.c, fit.r_squared, fit.correlation, None, None];
        rows.push(Row { run, phase: "post".into(), kernel: "fitted".into(), numbers: numbers.map(number) });
    }
    rows
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write_run(folder: &Path, seed: u64, alpha: f64) {
        fs::create_dir_all(folder).unwrap();
        let args = json!({ "method": "lora", "model": "m", "task": "fake", "hier": "ti_n9", "lora_r": 8, "seed": seed, "reverse": true });
        fs::write(folder.join("results.json"), json!({ "args": args }).to_string()).unwrap();
        let fit = json!({ "conjunctivity": null, "c": 2.5, "r_squared": 0.5, "correlation": 0.25 });
        let prediction = json!({ "c": 3.0, "r_squared": 0.75, "correlation": 0.875 });
        let kernel = json!({
            "phase": "pre", "metric": "dot", "undefined": null, "projection": { "conjunctivity": alpha, "variance_explained": 0.9 },
            "antisymmetric_variance_explained": 0.8, "predictions": { "exchangeable": prediction, "measured": prediction },
        });
        fs::write(folder.join(GEOMETRY), json!({ "behavior": fit, "kernels": [kernel] }).to_string()).unwrap();
    }

    #[test]
    fn every_run_and_kernel_is_a_row() {
        let place = tempfile::tempdir().unwrap();
        write_run(&place.path().join("a/b/seed1_rev"), 1, 0.3);
        write_run(&place.path().join("a/b/seed0_rev"), 0, 0.1);
        write_run(&place.path().join(".hidden/seed2_rev"), 2, 0.3);
        let all = Geometries::read(&[place.path().to_owned(), place.path().join("a")]).unwrap();
        assert_eq!(all.n_runs(), 2);
        let csv = all.table().unwrap().render(caveat_results::Format::Csv).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 5, "{csv}");
        assert!(
            lines[0]
                .starts_with("setting,model,task,hier,lora_r,l2_reg,phase,kernel,seed,reverse,conjunctivity,variance")
        );
        assert!(
            lines[1].starts_with("lora,m,fake,ti_n9,8.0,,pre,dot,0,true,0.1,0.9,0.8,3.0,0.75,0.875,0.75,0.875"),
            "{csv}"
        );
        assert!(lines[2].starts_with("lora,m,fake,ti_n9,8.0,,post,fitted,0,true,,,,2.5,0.5,0.25,,"), "{csv}");
        assert!(lines[3].contains(",1,true,0.3,"));
        let means = all.means().unwrap().render(caveat_results::Format::Csv).unwrap();
        let lines: Vec<&str> = means.lines().collect();
        assert_eq!(lines.len(), 3, "{means}");
        assert!(lines[1].starts_with("lora,m,fake,ti_n9,8.0,,pre,dot,2,0.2,0.9,"), "{means}");
        assert!(lines[2].starts_with("lora,m,fake,ti_n9,8.0,,post,fitted,2,,,,2.5,"), "{means}");
    }

    #[test]
    fn what_is_not_there_or_damaged_is_named() {
        let place = tempfile::tempdir().unwrap();
        let refusal = || Geometries::read(&[place.path().to_owned()]).map(drop).unwrap_err().to_string();
        assert!(refusal().contains("has no geometry.json under it"));
        let folder = place.path().join("seed0_fwd");
        write_run(&folder, 0, 0.1);
        fs::write(folder.join(GEOMETRY), "{\"kernels\": 3}").unwrap();
        assert!(refusal().contains("geometry.json: not a geometry ("));
        write_run(&folder, 0, 0.1);
        fs::remove_file(folder.join("results.json")).unwrap();
        assert!(refusal().contains("results.json"));
        assert!(Geometries::read(&[place.path().join("none")]).is_err());
    }
}

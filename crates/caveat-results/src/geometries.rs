//! The geometries of hidden states that runs have kept, in one table: a row for every run, phase and kernel.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Result, ResultsError, one_line};
use crate::table::Table;

/// The file in a run's folder that holds the geometry of its hidden states.
pub const GEOMETRY: &str = "geometry.json";
/// The file in a run's folder that says how it was done.
const RESULTS: &str = "results.json";
/// Largest file that is read, in bytes; that of 100 items has a fortieth of it.
const MAX_BYTES: u64 = 1 << 27;
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;

/// The part of results.json that says what was run.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    args: Map<String, Value>,
}

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

/// A row of the table; numbers that are not defined are none.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    setting: String,
    model: String,
    task: String,
    hier: String,
    lora_r: Option<f64>,
    l2_reg: Option<f64>,
    phase: String,
    kernel: String,
    seed: Option<i64>,
    reverse: bool,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Numbers {
    conjunctivity: Option<f64>,
    variance: Option<f64>,
    antisymmetric: Option<f64>,
    c: Option<f64>,
    r_squared: Option<f64>,
    correlation: Option<f64>,
    r_squared_measured: Option<f64>,
    correlation_measured: Option<f64>,
}

impl Numbers {
    /// With the names of columns, as in `caveat_lm::Geometry::table`.
    fn named(self) -> [(&'static str, Option<f64>); 8] {
        [
            ("conjunctivity", self.conjunctivity),
            ("variance", self.variance),
            ("antisymmetric", self.antisymmetric),
            ("c", self.c),
            ("r_squared", self.r_squared),
            ("correlation", self.correlation),
            ("r_squared_measured", self.r_squared_measured),
            ("correlation_measured", self.correlation_measured),
        ]
    }
}

/// Several rows as one of the table.
struct Shown<'a> {
    row: &'a Row,
    /// The means of its numbers, NaN where none is defined.
    numbers: [f64; 8],
    n: usize,
}

impl<'a> Shown<'a> {
    fn mean_of(rows: &[&'a Row]) -> Option<Self> {
        let mean = |column: usize| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row.numbers.named()[column].1).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        Some(Self { row: rows.first()?, numbers: std::array::from_fn(mean), n: rows.len() })
    }
}

/// The geometries of many runs.
#[derive(Debug)]
pub struct Geometries {
    rows: Vec<Row>,
}

impl Geometries {
    /// Reads what runs at any depth under `places` have kept, in the order of their paths; a file is a table of geometries in JSON, as
    /// [`table`](Self::table) makes one, and its rows come first.
    ///
    /// # Errors
    /// A directory that cannot be read, or with no geometry under it; a file that is damaged, or lies beside no results.
    pub fn read(places: &[PathBuf]) -> Result<Self> {
        let (mut folders, mut rows) = (Vec::new(), Vec::new());
        for directory in places {
            if directory.is_file() {
                let text = std::fs::read_to_string(directory).map_err(|e| ResultsError::read(directory, e))?;
                let table = Self::from_json(&text).map_err(|e| ResultsError::bad_file(directory, e.to_string()))?;
                rows.extend(table.rows);
                continue;
            }
            let before = folders.len();
            find(directory, 0, &mut folders)?;
            if folders.len() == before {
                let problem = format!("has no {GEOMETRY} under it: expected runs that kept their similarities");
                return Err(ResultsError::bad_file(directory, problem));
            }
        }
        folders.sort();
        folders.dedup();
        for folder in &folders {
            let args = read::<Recorded>(&folder.join(RESULTS), "the results of a run")?.args;
            rows.extend(rows_of(&args, read(&folder.join(GEOMETRY), "a geometry")?));
        }
        Ok(Self { rows })
    }

    /// Reads the rows of [`table`](Self::table) as JSON: an array of objects.
    ///
    /// # Errors
    /// [`ResultsError::BadTable`] for anything else.
    pub fn from_json(text: &str) -> Result<Self> {
        let rows = serde_json::from_str(text);
        Ok(Self {
            rows: rows.map_err(|e| ResultsError::BadTable(format!("not a table of geometries ({})", one_line(e))))?,
        })
    }

    /// A row for every run, phase and kernel: setting, model, task, hier, lora_r and l2_reg (missing where they do not apply), phase,
    /// kernel, seed, reverse, and the columns of `caveat_lm::Geometry::table`. The kernel "fitted" is the theory
    /// fitted to the margins alone.
    ///
    /// # Errors
    /// None in practice; the table's own.
    pub fn table(&self) -> Result<Table> {
        let all: Vec<Shown<'_>> = self.rows.iter().filter_map(|row| Shown::mean_of(&[row])).collect();
        let table = keys(&all)?
            .integer("seed", all.iter().map(|shown| shown.row.seed))?
            .flag("reverse", all.iter().map(|shown| shown.row.reverse))?;
        with_numbers(table, &all)
    }

    /// The means over seeds and orders, and the number of runs n; what is not defined in a run does not count in its mean.
    ///
    /// # Errors
    /// None in practice; the table's own.
    pub fn means(&self) -> Result<Table> {
        let mut groups: Vec<Vec<&Row>> = Vec::new();
        for row in &self.rows {
            match groups.iter_mut().find(|group| group.first().is_some_and(|other| other.is_of_the_kind_of(row))) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        let all: Vec<Shown<'_>> = groups.iter().filter_map(|rows| Shown::mean_of(rows)).collect();
        let table = keys(&all)?.integer("n", all.iter().map(|shown| i64::try_from(shown.n).ok()))?;
        with_numbers(table, &all)
    }
}

impl Row {
    /// Whether only seed and order differ.
    fn is_of_the_kind_of(&self, other: &Self) -> bool {
        let texts = |row: &Self| {
            [&row.setting, &row.model, &row.task, &row.hier, &row.phase, &row.kernel].map(|text| text.to_owned())
        };
        texts(self) == texts(other) && self.lora_r == other.lora_r && self.l2_reg == other.l2_reg
    }
}

/// The columns that say what was run, phase and kernel.
fn keys(all: &[Shown<'_>]) -> Result<Table> {
    let text = |of: fn(&Row) -> &str| all.iter().map(move |shown| of(shown.row));
    let float = |of: fn(&Row) -> Option<f64>| all.iter().map(move |shown| of(shown.row).unwrap_or(f64::NAN));
    Table::new()
        .text("setting", text(|row| &row.setting))?
        .text("model", text(|row| &row.model))?
        .text("task", text(|row| &row.task))?
        .text("hier", text(|row| &row.hier))?
        .float("lora_r", float(|row| row.lora_r))?
        .float("l2_reg", float(|row| row.l2_reg))?
        .text("phase", text(|row| &row.phase))?
        .text("kernel", text(|row| &row.kernel))
}

fn with_numbers(mut table: Table, all: &[Shown<'_>]) -> Result<Table> {
    for (column, (name, _)) in Numbers::default().named().into_iter().enumerate() {
        table = table.float(name, all.iter().map(|shown| shown.numbers[column]))?;
    }
    Ok(table)
}

/// Folders with a geometry, hidden ones and links passed over.
fn find(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let fail = |e| ResultsError::read(directory, e);
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

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let fail = |e| ResultsError::read(path, e);
    if fs::metadata(path).map_err(fail)?.len() > MAX_BYTES {
        return Err(ResultsError::bad_file(path, format!("has more than {MAX_BYTES} bytes: not {what}")));
    }
    let text = fs::read(path).map_err(fail)?;
    serde_json::from_slice(&text).map_err(|e| ResultsError::bad_file(path, format!("not {what} ({})", one_line(e))))
}

fn rows_of(args: &Map<String, Value>, read: Read) -> Vec<Row> {
    let text = |key: &str| args.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let float = |key: &str| args.get(key).and_then(Value::as_f64);
    let row = |phase: String, kernel: String, numbers: Numbers| Row {
        setting: text("method"),
        model: text("model"),
        task: text("task"),
        hier: text("hier"),
        lora_r: float("lora_r"),
        l2_reg: float("l2_reg"),
        phase,
        kernel,
        seed: args.get("seed").and_then(Value::as_i64),
        reverse: args.get("reverse").and_then(Value::as_bool).unwrap_or(false),
        numbers,
    };
    let mut rows: Vec<Row> = Vec::with_capacity(read.kernels.len() + 1);
    for kernel in read.kernels {
        let projection = kernel.projection.as_ref();
        let exchangeable = kernel.predictions.as_ref().map(|p| &p.exchangeable);
        let measured = kernel.predictions.as_ref().map(|p| &p.measured);
        let numbers = Numbers {
            conjunctivity: projection.and_then(|p| p.conjunctivity),
            variance: projection.and_then(|p| p.variance_explained),
            antisymmetric: kernel.antisymmetric_variance_explained,
            c: exchangeable.and_then(|fit| fit.c),
            r_squared: exchangeable.and_then(|fit| fit.r_squared),
            correlation: exchangeable.and_then(|fit| fit.correlation),
            r_squared_measured: measured.and_then(|fit| fit.r_squared),
            correlation_measured: measured.and_then(|fit| fit.correlation),
        };
        rows.push(row(kernel.phase, kernel.metric, numbers));
    }
    if let Some(Fit { conjunctivity, c, r_squared, correlation }) = read.behavior {
        let numbers = Numbers { conjunctivity, c, r_squared, correlation, ..Default::default() };
        rows.push(row("post".to_owned(), "fitted".to_owned(), numbers));
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
        let csv = all.table().unwrap().render(crate::Format::Csv).unwrap();
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
        let json = all.table().unwrap().render(crate::Format::Json).unwrap();
        let again = Geometries::from_json(&json).unwrap();
        assert_eq!(again.table().unwrap().render(crate::Format::Csv).unwrap(), csv);
        assert!(
            Geometries::from_json("[{}]").unwrap_err().to_string().contains("not a table of geometries (missing field")
        );
        let means = again.means().unwrap().render(crate::Format::Csv).unwrap();
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

//! The geometries of hidden states that runs saved, in one table with a row for every run, phase and kernel.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::conditions::ConditionKey;
use crate::error::{Result, ResultsError, one_line};
use crate::run_layout::{RESULTS, find_files};
use crate::table::Table;

/// The file in a run's folder that holds the geometry of its hidden states.
pub const GEOMETRY: &str = "geometry.json";
/// Largest file that is read, in bytes; the file of 100 items has a fortieth of that.
const MAX_BYTES: u64 = 1 << 27;
/// How many levels of folders are searched.
const MAX_DEPTH: usize = 32;

/// The part of results.json that says what was run.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    args: Map<String, Value>,
}

/// The part of geometry.json that becomes rows.
#[derive(Deserialize)]
struct Kept {
    behavior: Option<GeometryNumbers>,
    kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
struct Kernel {
    phase: String,
    metric: String,
    projection: Option<GeometryNumbers>,
    antisymmetric_variance_explained: Option<f64>,
    predictions: Option<Predictions>,
}

#[derive(Default, Deserialize)]
struct Predictions {
    exchangeable: GeometryNumbers,
    measured: GeometryNumbers,
}

/// The geometry of one run by one kernel, a row of the table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GeometryRow {
    /// The condition of the run.
    #[serde(flatten)]
    pub condition: ConditionKey,
    /// The run within the condition, and the kernel.
    #[serde(flatten)]
    pub source: GeometrySource,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: GeometryNumbers,
}

/// The run of a condition, and the kernel, that a geometry belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GeometrySource {
    /// "pre" or "post" training.
    pub phase: String,
    /// "cosine" or "dot", the similarity of hidden states, or "fitted": the theory fitted to the margins after training.
    pub kernel: String,
    /// Seed of the run, if it is recorded.
    pub seed: Option<i64>,
    /// Whether the hierarchy was reversed.
    pub reverse: bool,
}

/// The numbers of a geometry. Those that are not defined are `None` or NaN, and are left out of means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct GeometryNumbers {
    /// α of the exchangeable projection, or of the fit.
    pub conjunctivity: Option<f64>,
    /// Share of the double-centered kernel that the projection explains.
    #[serde(alias = "variance_explained")]
    pub variance: Option<f64>,
    /// Share of the kernel's antisymmetric part that the projection explains.
    pub antisymmetric: Option<f64>,
    /// C of the margins that the projection predicts, or of the fit.
    pub c: Option<f64>,
    /// R² of these margins, about zero.
    pub r_squared: Option<f64>,
    /// Their correlation with those observed.
    pub correlation: Option<f64>,
    /// R² of the margins that the measured kernel predicts.
    pub r_squared_measured: Option<f64>,
    /// Their correlation with those observed.
    pub correlation_measured: Option<f64>,
}

impl GeometryNumbers {
    /// All numbers with the names of their columns.
    fn columns(&mut self) -> [(&'static str, &mut Option<f64>); 8] {
        [
            ("conjunctivity", &mut self.conjunctivity),
            ("variance", &mut self.variance),
            ("antisymmetric", &mut self.antisymmetric),
            ("c", &mut self.c),
            ("r_squared", &mut self.r_squared),
            ("correlation", &mut self.correlation),
            ("r_squared_measured", &mut self.r_squared_measured),
            ("correlation_measured", &mut self.correlation_measured),
        ]
    }

    /// Adds a column for each number to a table whose rows are those of `all`.
    ///
    /// # Errors
    /// Those of [`Table::float`].
    pub fn add_columns(mut all: Vec<Self>, mut table: Table) -> Result<Table> {
        for (k, (name, _)) in Self::default().columns().into_iter().enumerate() {
            table = table.float(name, all.iter_mut().map(|row| row.columns()[k].1.unwrap_or(f64::NAN)))?;
        }
        Ok(table)
    }

    /// The mean of each number over the rows where it is defined.
    fn mean(rows: &[&GeometryRow]) -> Self {
        let mut means = Self::default();
        for (k, (_, mean)) in means.columns().into_iter().enumerate() {
            let values: Vec<f64> = rows.iter().filter_map(|row| *row.numbers.clone().columns()[k].1).collect();
            *mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        }
        means
    }
}

/// The geometries of many runs.
#[derive(Debug)]
pub struct Geometries {
    rows: Vec<GeometryRow>,
}

impl Geometries {
    /// Reads the geometries of runs at any depth under `places`, in the order of their paths. A place that is a file is a table in
    /// JSON, as [`table`](Self::table) makes one; its rows come first.
    ///
    /// # Errors
    /// A directory that cannot be read or has no geometry under it; a file that is damaged or has no results beside it.
    pub fn read(places: &[PathBuf]) -> Result<Self> {
        let (mut files, mut rows) = (Vec::new(), Vec::new());
        for directory in places {
            if directory.is_file() {
                let text = std::fs::read_to_string(directory).map_err(|e| ResultsError::read(directory, e))?;
                let table = Self::from_json(&text).map_err(|e| ResultsError::bad_file(directory, e.to_string()))?;
                rows.extend(table.rows);
                continue;
            }
            let before = files.len();
            find_files(directory, GEOMETRY, MAX_DEPTH, &mut files)?;
            if files.len() == before {
                let problem = format!("has no {GEOMETRY} under it: expected runs that kept their similarities");
                return Err(ResultsError::bad_file(directory, problem));
            }
        }
        files.sort_by(|a, b| a.parent().cmp(&b.parent()));
        files.dedup();
        for file in &files {
            let args = read::<Recorded>(&file.with_file_name(RESULTS), "the results of a run")?.args;
            rows.extend(rows_of(&args, read(file, "a geometry")?));
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

    /// A row for every run, phase and kernel.
    pub fn rows(&self) -> &[GeometryRow] {
        &self.rows
    }

    /// The means over seeds and orders, with the number of runs. Each row has the seed and order of its first run.
    pub fn mean_rows(&self) -> Vec<(GeometryRow, usize)> {
        let mut groups: Vec<Vec<&GeometryRow>> = Vec::new();
        for row in &self.rows {
            let is_alike = |other: &&GeometryRow| {
                (&other.condition, &other.source.phase, &other.source.kernel)
                    == (&row.condition, &row.source.phase, &row.source.kernel)
            };
            match groups.iter_mut().find(|group| group.first().is_some_and(is_alike)) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        let mean = |rows: &Vec<&GeometryRow>| GeometryRow { numbers: GeometryNumbers::mean(rows), ..rows[0].clone() };
        groups.iter().map(|rows| (mean(rows), rows.len())).collect()
    }

    /// A row for every run, phase and kernel: setting, model, task, hier, lora_r and l2_reg (missing where they do not apply), phase,
    /// kernel, seed, reverse, and the columns of `caveat_lm::Geometry::table`. The kernel "fitted" is the theory fitted to the
    /// margins alone. Does not fail in practice.
    pub fn table(&self) -> Result<Table> {
        let table = keys(&self.rows)?
            .integer("seed", self.rows.iter().map(|row| row.source.seed))?
            .flag("reverse", self.rows.iter().map(|row| row.source.reverse))?;
        GeometryNumbers::add_columns(self.rows.iter().map(|row| row.numbers).collect(), table)
    }

    /// [`mean_rows`](Self::mean_rows) as a table, with the number of runs n. Does not fail in practice.
    pub fn means(&self) -> Result<Table> {
        let (rows, n): (Vec<GeometryRow>, Vec<usize>) = self.mean_rows().into_iter().unzip();
        let table = keys(&rows)?.count("n", n)?;
        GeometryNumbers::add_columns(rows.iter().map(|row| row.numbers).collect(), table)
    }
}

/// The columns of the condition, the phase and the kernel.
fn keys(rows: &[GeometryRow]) -> Result<Table> {
    ConditionKey::add_columns(rows.iter().map(|row| &row.condition), Table::new())?
        .text("phase", rows.iter().map(|row| row.source.phase.as_str()))?
        .text("kernel", rows.iter().map(|row| row.source.kernel.as_str()))
}

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let fail = |e| ResultsError::read(path, e);
    if fs::metadata(path).map_err(fail)?.len() > MAX_BYTES {
        return Err(ResultsError::bad_file(path, format!("has more than {MAX_BYTES} bytes: not {what}")));
    }
    let text = fs::read(path).map_err(fail)?;
    serde_json::from_slice(&text).map_err(|e| ResultsError::bad_file(path, format!("not {what} ({})", one_line(e))))
}

fn rows_of(args: &Map<String, Value>, kept: Kept) -> Vec<GeometryRow> {
    let text = |key: &str| args.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let float = |key: &str| args.get(key).and_then(Value::as_f64);
    let row = |phase: String, kernel: String, numbers: GeometryNumbers| GeometryRow {
        condition: ConditionKey {
            setting: text("method"),
            model: text("model"),
            task: text("task"),
            hier: text("hier"),
            lora_r: float("lora_r"),
            l2_reg: float("l2_reg"),
        },
        source: GeometrySource {
            phase,
            kernel,
            seed: args.get("seed").and_then(Value::as_i64),
            reverse: args.get("reverse").and_then(Value::as_bool).unwrap_or(false),
        },
        numbers,
    };
    let of_kernel = |kernel: Kernel| {
        let projection = kernel.projection.unwrap_or_default();
        let Predictions { exchangeable, measured } = kernel.predictions.unwrap_or_default();
        let numbers = GeometryNumbers {
            conjunctivity: projection.conjunctivity,
            variance: projection.variance,
            antisymmetric: kernel.antisymmetric_variance_explained,
            r_squared_measured: measured.r_squared,
            correlation_measured: measured.correlation,
            ..exchangeable
        };
        row(kernel.phase, kernel.metric, numbers)
    };
    let fitted = kept.behavior.map(|fit| row("post".to_owned(), "fitted".to_owned(), fit));
    kept.kernels.into_iter().map(of_kernel).chain(fitted).collect()
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

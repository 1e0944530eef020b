//! Converts trial tables between Parquet and CSV, and collects a folder of runs in one table.

mod claims;
mod extras;
mod folder_names;
mod layout;
mod records;
mod run_path;
mod runs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};

use crate::atomic::write_atomically;
use crate::error::{Result, ResultsError};
use crate::input::AsInput;
use crate::sink::{FileFormat, Sink};
use crate::trial_table::{
    ColumnKind, Located, OF_RUNS, Progress, Reading, Source, TrialBatch, TrialColumn, all_in_order, locate,
    refuse_copies,
};
use extras::{CsvKinds, Extras};
pub use layout::Layout;

/// What [`convert_trials`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// Number of tables or runs read.
    pub n_files: usize,
    /// Number of rows written.
    pub n_rows: u64,
    /// Contradictions between files of runs and the layout that was given, which is followed.
    pub contradictions: Vec<String>,
}

/// Writes the trial tables or the runs under `inputs` to one trial table, Parquet or CSV by the extension of `output`.
///
/// The table has all 25 columns in canonical order, as text, int64, float64 and bool; `ground_truth` is int64 if no row lacks it,
/// else float64. Then come the extra columns, which must be the same in all inputs. Those of a CSV get the narrowest type that reads
/// every value: int64, float64, bool or text. Missing values and NaN are null in Parquet and empty in CSV; floats have the fewest
/// digits that read back. So values survive Parquet → CSV → Parquet, except for empty text, which becomes missing, and extra columns
/// of text that read as numbers or truth values throughout, which become such.
///
/// An input is a trial table, a directory with .parquet files, or a directory with runs:
/// `MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev/results.json`. HIER is named like `ti_n9`, `exc_mid_n9` or
/// `exc_5_2_n9`; X is a number, perhaps with `p` for the point; a run with none of the three is of full fine-tuning. Other names of
/// HIER, names that look like something else, and folders above MODEL are accepted only if the file records what is in doubt.
/// Anything else is refused unless `layout` explains it. What a file says about its run at any depth (model, task, hier, seed,
/// reverse, method, ranks and penalties, quantization), an adapter beside it, and the number and exceptions of its items must not
/// contradict its path. Names in a layout are followed all the same, and contradictions are returned.
///
/// `results.json` is an object with `pre_finetune`, `post_finetune` or both, each an array of objects with rank_a, rank_b, is_train,
/// logit_diff, prob_yes and label ("Yes" or "No"; not needed with no_gt), and if they apply is_exception, no_gt and gap. All other
/// columns follow from these and the path; `lora_alpha` comes after the 25. Rows are in order of path, phase and item.
///
/// Tables are streamed, a CSV twice; runs are held in memory, 40 bytes a row. The output is complete or not written at all.
/// `progress` is called with the steps done and the steps in all.
///
/// # Errors
/// An output that ends neither in .parquet nor in .csv; inputs of both kinds; any error of reading a trial table; extra columns that
/// differ; a malformed path or file of a run.
pub fn convert_trials<P: AsInput>(
    inputs: &[P],
    output: &Path,
    layout: Option<&Layout>,
    progress: Progress<'_>,
) -> Result<Converted> {
    let format = FileFormat::from_path(output, ".parquet or .csv")?;
    let (mut run_files, mut tables) = (Vec::new(), Vec::new());
    for input in inputs.iter().map(AsInput::as_input) {
        let found = if input.is_dir() { runs::find(input.path())? } else { Vec::new() };
        if found.is_empty() {
            tables.push(input);
        } else {
            run_files.extend(found);
        }
    }
    match (tables.first(), run_files.first()) {
        (Some(table), Some(run)) => {
            let problem = format!("is a trial table, but {} is a run: expected inputs of one kind", run.path.display());
            Err(ResultsError::bad_file(table.path(), problem))
        }
        (None, Some(_)) => convert_runs(run_files, output, format, layout, progress),
        _ if layout.is_some() => {
            let problem = "a layout is of folders of runs, and there is no results.json: leave it out";
            Err(ResultsError::BadTable(problem.to_owned()))
        }
        _ => convert_tables(&locate(&tables)?, output, format, progress),
    }
}

fn convert_tables(located: &[Located], output: &Path, format: FileFormat, progress: Progress<'_>) -> Result<Converted> {
    let tables: Vec<PathBuf> = located.iter().map(|t| t.input.path().to_owned()).collect();
    // A single table may be overwritten. If it were one of several, a second conversion would double its rows.
    let is_output = |table: &&PathBuf| table.canonicalize().is_ok_and(|t| output.canonicalize().is_ok_and(|o| o == t));
    if let Some(table) = tables.iter().find(is_output).filter(|_| tables.len() > 1) {
        let problem = "is one of several inputs and the output: expected another output, or inputs without it";
        return Err(ResultsError::bad_file(table, problem));
    }
    refuse_copies(located, OF_RUNS)?;
    let reading = Reading { lenient: false, extras: true };
    // All tables are opened before anything is written, and the first error in order is reported.
    let sources = all_in_order(located, |table| Source::open(table, &TrialColumn::ALL, reading))?;
    let facts = all_in_order(located, Facts::read)?;
    let kinds: Vec<Option<&CsvKinds>> = facts.iter().map(|f| f.csv_kinds.as_ref()).collect();
    let extras = Extras::agree(&tables, &sources, &kinds, format)?;
    let truth_is_whole = facts.iter().all(|f| f.truth_is_whole);
    let schema = Arc::new(Schema::new([canonical_fields(truth_is_whole), extras.fields()].concat()));

    let total: u64 = sources.iter().map(Source::n_rows).sum();
    let mut n_rows = 0;
    write_atomically(output, |out| {
        let mut sink = Sink::new(format, output, schema.clone(), out)?;
        for source in &sources {
            for range in source.ranges() {
                source.read(range, &mut |batch| {
                    let columns = [canonical_columns(&batch, truth_is_whole)?, extras.columns(&batch)?].concat();
                    sink.write(&record_batch(&schema, columns)?)?;
                    n_rows += batch.n_rows() as u64;
                    progress(n_rows, total);
                    Ok(())
                })?;
            }
        }
        sink.finish()
    })?;
    Ok(Converted { n_files: tables.len(), n_rows, contradictions: Vec::new() })
}

fn convert_runs(
    files: Vec<runs::RunFile>,
    output: &Path,
    format: FileFormat,
    layout: Option<&Layout>,
    progress: Progress<'_>,
) -> Result<Converted> {
    let runs = runs::read(files, layout, progress)?;
    let truth_is_whole = runs.iter().all(runs::Run::has_truth_throughout);
    let alpha = Field::new(runs::LORA_ALPHA, DataType::Float64, true);
    let schema = Arc::new(Schema::new([canonical_fields(truth_is_whole), vec![alpha]].concat()));
    write_atomically(output, |out| {
        let mut sink = Sink::new(format, output, schema.clone(), out)?;
        for some in runs::in_batches(&runs) {
            sink.write(&record_batch(&schema, runs::columns(some, truth_is_whole))?)?;
        }
        sink.finish()
    })?;
    let n_rows = runs.iter().map(|r| r.rows.len() as u64).sum();
    let n_files = runs.len();
    Ok(Converted { n_files, n_rows, contradictions: runs.into_iter().flat_map(|run| run.told).collect() })
}

/// What must be known about a table before the first row is written.
struct Facts {
    /// Whether `ground_truth` is a whole number in every row.
    truth_is_whole: bool,
    /// The kinds of the extra columns of a CSV.
    csv_kinds: Option<CsvKinds>,
}

impl Facts {
    fn read(table: &Located) -> Result<Self> {
        let source = Source::open(table, &[TrialColumn::GroundTruth], Reading { lenient: false, extras: true })?;
        let is_csv = source.is_text();
        let mut facts = Self { truth_is_whole: true, csv_kinds: is_csv.then(CsvKinds::default) };
        for range in source.ranges() {
            source.read(range, &mut |batch| {
                facts.truth_is_whole &= batch.reals(TrialColumn::GroundTruth)?.iter().all(|x| x.fract() == 0.0);
                if let Some(kinds) = &mut facts.csv_kinds {
                    kinds.add(&batch);
                }
                Ok(())
            })?;
        }
        Ok(facts)
    }
}

fn canonical_fields(truth_is_whole: bool) -> Vec<Field> {
    let field = |column: TrialColumn| {
        let kind = match column.kind() {
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Real if column == TrialColumn::GroundTruth && truth_is_whole => DataType::Int64,
            ColumnKind::Real => DataType::Float64,
            ColumnKind::Flag => DataType::Boolean,
        };
        Field::new(column.name(), kind, true)
    };
    TrialColumn::ALL.into_iter().map(field).collect()
}

fn canonical_columns(batch: &TrialBatch, truth_is_whole: bool) -> Result<Vec<ArrayRef>> {
    let array = |column: TrialColumn| -> Result<ArrayRef> {
        Ok(match column.kind() {
            ColumnKind::Text => {
                let text = batch.text(column)?;
                Arc::new((0..batch.n_rows()).map(|row| text.get(row)).collect::<StringArray>())
            }
            ColumnKind::Integer => Arc::new(Int64Array::from(batch.integers(column)?.to_vec())),
            ColumnKind::Real => {
                let values = batch.reals(column)?.iter();
                match column == TrialColumn::GroundTruth && truth_is_whole {
                    true => Arc::new(values.map(|x| Some(*x as i64)).collect::<Int64Array>()),
                    false => Arc::new(values.map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>()),
                }
            }
            ColumnKind::Flag => Arc::new(batch.flags(column)?.clone()),
        })
    };
    TrialColumn::ALL.into_iter().map(array).collect()
}

fn record_batch(schema: &Arc<Schema>, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| ResultsError::BadTable(crate::error::one_line(e)))
}

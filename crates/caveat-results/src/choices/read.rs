//! Reads files of choices, one after the other, to one table.

use std::collections::HashSet;
use std::path::Path;

use super::collect::{Collector, Options};
use super::columns::Fields;
use super::source::{Source, tables_under};
use super::{ChoiceColumns, ChoiceRole, ChoiceTable, RowFilter};
use crate::error::{Result, ResultsError};
use crate::input::{AsInput, Input, identity};
use crate::trial_table::refuse_copies;
use crate::unread::Watched;

/// Reads choices from separated text with a header or from Parquet, which are recognized by their content.
///
/// Columns are found whatever their capitals and order, among any others. Time is linear in the rows; memory is 56 bytes a row.
///
/// # Errors
/// Without reading rows: options out of range, an empty, binary or damaged file, a missing column, proportions without numbers of
/// trials. Named by line (row in Parquet): an item that is not a rank or not one of those given, an item against itself, a higher
/// item below the lower one, a first item that is neither of the two, an accuracy outside 0 to 1, a count that is not positive and
/// finite, a distance that is not a positive whole number, an empty field. Afterwards: no rows, a smallest rank other than 0 or 1 if
/// the first rank was not given, counts that cannot be reconstructed.
///
/// ```
/// use caveat_results::{ChoiceColumns, Grouping, read_choices};
/// # let directory = std::env::temp_dir().join(format!("caveat-choices-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let path = directory.join("choices.csv");
/// std::fs::write(&path, "chosen,other,monkey\n1,2,Ada\n3,2,Ada\n2,3,Bo\n")?;
/// let table = read_choices(&path, &"winner=chosen,loser=other,subject=monkey".parse::<ChoiceColumns>()?)?;
/// assert_eq!((table.n_items, table.names(Grouping::Subject)), (3, &["Ada".to_owned(), "Bo".to_owned()][..]));
/// let middle = &table.pairs()?[1];
/// assert_eq!((middle.higher, middle.lower, middle.higher_chosen, middle.trials), (1, 2, 1.0, 2.0));
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_choices(file: &(impl AsInput + ?Sized), columns: &ChoiceColumns) -> Result<ChoiceTable> {
    read_choice_files(&[file], columns)
}

/// Reads choices from several files as if they were one: the same names mean the same subjects, sessions, conditions and items
/// everywhere. The order of columns may differ. Of a directory all tables under it are read, and folders named like `condition=a`
/// stand for columns that a table lacks.
///
/// # Errors
/// As [`read_choices`], with the file; also no file, a file given twice or copied byte by byte, and files with columns for different
/// roles.
pub fn read_choice_files<P: AsInput>(files: &[P], columns: &ChoiceColumns) -> Result<ChoiceTable> {
    let inputs: Vec<Input> = files.iter().map(AsInput::as_input).collect();
    let tables = tables_under(&inputs)?;
    let nothing = || ResultsError::BadTable("no file of choices: name at least one".to_owned());
    let first = tables.first().ok_or_else(nothing)?;
    let first = first.input.path();
    let mut met = HashSet::new();
    for table in &tables {
        if identity(&table.input).is_ok_and(|file| !met.insert(file)) {
            let problem = "the file is named twice: its choices would count twice";
            return Err(ResultsError::bad_file(table.input.path(), problem));
        }
    }
    refuse_copies(
        &tables,
        ", or put files of different people into folders like person=1/, with subject=person in ⟨columns⟩",
    )?;
    let options = Options::new(columns)?;
    let mut known: Option<(Collector<'_>, Vec<ChoiceRole>)> = None;
    let mut watched: Vec<Watched> = Vec::new();
    let mut by_item: Option<&RowFilter> = None;
    for table in &tables {
        let path = table.input.path();
        let at = |problem: String| ResultsError::bad_file(path, problem);
        let source = Source::open(table)?;
        let mut fields = columns.resolve(&source.names).map_err(at)?;
        let mut seen = std::mem::take(&mut fields.watched);
        let (collector, expected) = match known.as_mut() {
            Some(known) => known,
            None => known.insert((Collector::new(columns, &options, &fields).map_err(at)?, fields.roles().collect())),
        };
        same_roles(expected, &fields, first).map_err(at)?;
        collector.begin_file(&source, &fields);
        let filters = RowFilter::fields(&columns.filters, &source.names).map_err(at)?;
        let items: Vec<usize> = fields.fields.iter().filter(|f| ITEMS.contains(&f.0)).map(|f| f.1).collect();
        let mut of_items = filters.iter().filter(|(filter, field)| items.contains(field) && !filter.is_of_missing());
        by_item = by_item.or(of_items.next().map(|(filter, _)| *filter));
        collector.left_out.filtered +=
            source.visit(&fields.fields, &filters, &mut seen, &mut |cells| collector.push(cells))?;
        Watched::merge(&mut watched, seen);
        collector.end_file(path).map_err(at)?;
    }
    let (mut collector, _) = known.ok_or_else(nothing)?;
    collector.left_out.notes.extend(watched.iter().filter_map(Watched::note));
    if let Some(filter) =
        by_item.filter(|_| columns.n_items.is_none() && columns.items.is_none() && collector.left_out.filtered > 0)
    {
        collector.left_out.notes.push(format!(
            "the items are those of the rows that {filter} lets through: ⟨n_items⟩ or ⟨tasks⟩ says how many were trained, if more were"
        ));
    }
    if collector.is_empty() {
        let left_out = collector.left_out.notes(0);
        let filter = if left_out.is_empty() { String::new() } else { format!(" to use ({})", left_out.join("; ")) };
        return Err(ResultsError::no_rows(first, &filter, "one per choice or proportion"));
    }
    collector.finish().map_err(|problem| match tables.as_slice() {
        [_] => ResultsError::bad_file(first, problem),
        several => ResultsError::BadTable(format!("{} and {} more: {problem}", first.display(), several.len() - 1)),
    })
}

/// The roles of items.
const ITEMS: [ChoiceRole; 5] =
    [ChoiceRole::Winner, ChoiceRole::Loser, ChoiceRole::First, ChoiceRole::Higher, ChoiceRole::Lower];

/// Refuses a file if it and the first one have columns for different roles.
fn same_roles(expected: &[ChoiceRole], here: &Fields, first: &Path) -> std::result::Result<(), String> {
    let extra = here.roles().find(|role| !expected.contains(role)).map(|role| (role, "a", "has none"));
    let absent = expected.iter().find(|role| !here.has(**role)).map(|role| (*role, "no", "has one"));
    match extra.or(absent) {
        None => Ok(()),
        Some((role, here, there)) => Err(format!(
            "{here} column for {role}, and {} {there}: expected the same columns in files that are fitted together",
            first.display()
        )),
    }
}

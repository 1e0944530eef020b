//! Comparison lists: a CSV of winner, loser and weight with any labels in, a ranking out.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use caveat_theory::margins::graph::GraphSolution;
use caveat_theory::ranking::{self, Place};
use caveat_theory::{Comparison, ComparisonGraph};

use crate::error::{Result, ResultsError, name_list, one_line, open_nonempty};
use crate::interner::Strings;
use crate::labels::{ItemLabels, Named, is_missing_label, label_key, label_order};
use crate::table::Table;

const EXPECTED: &str = "a CSV with the columns winner,loser[,weight]";

/// Comparisons between items that have names.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledComparisons {
    /// How every item is shown, in order of first appearance; the index is the item in `graph`.
    pub labels: Vec<String>,
    /// What to tell a person, a line each: spellings that are one item, labels that differ by case alone.
    pub notes: Vec<String>,
    /// The comparisons, repeated ones merged.
    pub graph: ComparisonGraph,
}

/// Reads a CSV with a header and the columns `winner`, `loser` and optionally `weight`, in any order among any others.
///
/// Which spellings name one item is said at [`label_key`](crate::label_key). Without weights every row weighs 1; rows of one pair add up.
/// Time is linear in the file but for a sort of the comparisons; memory is about 70 bytes a row and 100 a label.
///
/// # Errors
/// Named by line: a missing column, an empty label, an item against itself, a weight that is not a positive finite
/// number, a line with another number of fields, text that is not UTF-8. Also an empty or binary file and a file with a
/// header only.
pub fn read_comparisons(path: &Path) -> Result<LabeledComparisons> {
    let (mut file, size) = open_nonempty(path, EXPECTED)?;
    refuse_binary(path, &mut file, EXPECTED)?;
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(file);

    let headers = reader.byte_headers().map_err(|e| bad_record(path, &e, 0))?.clone();
    let names: Vec<String> = headers.iter().map(|h| String::from_utf8_lossy(h).trim().to_owned()).collect();
    let find = |column: &'static str| names.iter().position(|n| n == column);
    let needed = |column| {
        find(column).ok_or_else(|| {
            let hint =
                if names.iter().any(|n| n.contains([';', '\t'])) { " (fields are separated by commas)" } else { "" };
            let found = format!("{}{hint}", name_list(names.iter().map(String::as_str)));
            ResultsError::MissingColumn { path: path.to_owned(), column, found }
        })
    };
    let fields = Fields { winner: needed("winner")?, loser: needed("loser")?, weight: find("weight") };

    let mut labels = ItemLabels::default();
    // A guess at the number of rows that is rarely too small: short labels, one separator, one line end.
    let mut numbers: Vec<u32> = Vec::with_capacity((size / 8).min(1 << 23) as usize);
    let mut weights: Vec<f64> = Vec::new();
    let (mut block, mut next) = (Block::default(), Block::default());
    let mut more = block.fill(path, &mut reader, &fields);
    loop {
        let first = numbers.len();
        let read_on = || if matches!(more, Ok(true)) { next.fill(path, &mut reader, &fields) } else { Ok(false) };
        let (more_after, numbered) = rayon::join(read_on, || labels.number_all(&block.labels, &mut numbers));
        let bad = |row: usize, problem| ResultsError::BadLine {
            path: path.to_owned(),
            line: line_at(path, block.offsets[row]),
            problem,
        };
        let numbered = numbered.map_err(|(k, problem)| {
            bad(k / 2, format!("the {} {problem}", if k % 2 == 0 { "winner" } else { "loser" }))
        });
        // A label that is wrong stands after all pairs that were numbered, and an error of reading after the whole block.
        if let Some(row) = numbers[first..].chunks_exact(2).position(|pair| pair[0] == pair[1]) {
            let [winner, loser] = [2 * row, 2 * row + 1].map(|k| String::from_utf8_lossy(block.labels.get(k)));
            let same = if winner == loser { String::new() } else { format!(" (as {loser:?}, one item by value)") };
            return Err(bad(row, format!("{winner:?} is compared with itself{same}: expected two different items")));
        }
        numbered?;
        weights.append(&mut block.weights);
        if !std::mem::replace(&mut more, more_after)? {
            break;
        }
        std::mem::swap(&mut block, &mut next);
    }
    if numbers.is_empty() {
        return Err(ResultsError::NoRows { path: path.to_owned(), filter: String::new(), expected: EXPECTED });
    }
    drop(reader);

    let Named { labels, notes } = labels.finish();
    let comparisons = numbers.chunks_exact(2).enumerate().map(|(k, pair)| Comparison {
        winner: pair[0] as usize,
        loser: pair[1] as usize,
        weight: weights.get(k).copied().unwrap_or(1.0),
    });
    let graph = ComparisonGraph::new(labels.len(), comparisons)
        .map_err(|source| ResultsError::Theory { context: path.display().to_string(), source })?;
    Ok(LabeledComparisons { labels, notes, graph })
}

/// Field numbers of the needed columns.
struct Fields {
    winner: usize,
    loser: usize,
    weight: Option<usize>,
}

/// Rows whose labels are looked up together: enough for memory accesses to overlap, few enough to stay in cache.
const BLOCK_ROWS: usize = 4096;

/// Some rows of the file, reused for the next ones.
#[derive(Default)]
struct Block {
    record: csv::ByteRecord,
    /// Winner and loser of each row, alternating.
    labels: Strings,
    /// Empty without a weight column.
    weights: Vec<f64>,
    /// Where the reader began to read each row.
    offsets: Vec<u64>,
}

impl Block {
    /// Reads the next rows; false once the file is read. After an error, the block holds the rows before it.
    fn fill(&mut self, path: &Path, reader: &mut csv::Reader<File>, fields: &Fields) -> Result<bool> {
        self.labels.clear();
        self.weights.clear();
        self.offsets.clear();
        while self.offsets.len() < BLOCK_ROWS {
            let offset = reader.position().byte();
            if !reader.read_byte_record(&mut self.record).map_err(|e| bad_record(path, &e, offset))? {
                return Ok(false);
            }
            let bad = |problem| ResultsError::BadLine { path: path.to_owned(), line: line_at(path, offset), problem };
            // The reader has checked that all rows have as many fields as the header.
            let field = |k: usize| self.record.get(k).unwrap_or_default().trim_ascii();
            let (winner, loser) = (field(fields.winner), field(fields.loser));
            for (label, name) in [(winner, "winner"), (loser, "loser")] {
                if is_missing_label(label) {
                    return Err(bad(missing(label, name)));
                }
            }
            if let Some(weight) = fields.weight {
                let text = String::from_utf8_lossy(field(weight));
                match text.parse().ok().filter(|w: &f64| *w > 0.0 && w.is_finite()) {
                    Some(weight) => self.weights.push(weight),
                    None => return Err(bad(format!("weight {text:?}: expected a positive, finite number"))),
                }
            }
            self.labels.push(winner);
            self.labels.push(loser);
            self.offsets.push(offset);
        }
        Ok(true)
    }
}

/// What is wrong with a label that is missing.
fn missing(label: &[u8], name: &str) -> String {
    let label = String::from_utf8_lossy(label);
    match label_key(&label).is_empty() {
        true => format!("the {name} is empty: expected a label"),
        false => format!("the {name} is {label:?}, a missing value: expected a label"),
    }
}

/// Places of all items on a solution, by component, position and [`label_order`].
///
/// # Errors
/// As [`GraphSolution::rank_errors`].
pub fn places(comparisons: &LabeledComparisons, solution: &GraphSolution) -> Result<Vec<Place>> {
    let errors = solution
        .rank_errors()
        .map_err(|source| ResultsError::Theory { context: "the errors of ranks".to_owned(), source })?;
    let LabeledComparisons { labels, graph, .. } = comparisons;
    Ok(ranking::places(graph, solution.ranks(), &errors, |a, b| label_order(&labels[a], &labels[b])))
}

/// The table of a ranking: `position` (from 0, within the component; shared by items that tie), `item`, `rank`, `component`.
///
/// # Errors
/// None that a place of one of the labels can cause.
pub fn ranks_table(labels: &[String], places: &[Place]) -> Result<Table> {
    Table::new()
        .integer("position", places.iter().map(|p| p.position as i64))?
        .text("item", places.iter().map(|p| labels[p.item].as_str()))?
        .float("rank", places.iter().map(|p| p.rank))?
        .integer("component", places.iter().map(|p| p.component as i64))
}

/// Refuses a file whose first bytes hold a NUL, as no text of any 8-bit encoding does, and rewinds it.
pub(crate) fn refuse_binary(path: &Path, file: &mut File, expected: &str) -> Result<()> {
    let mut head = Vec::with_capacity(8192);
    file.take(8192).read_to_end(&mut head).map_err(|e| ResultsError::read(path, e))?;
    if head.contains(&0) {
        return Err(ResultsError::bad_file(path, format!("binary data or UTF-16: expected {expected}, in UTF-8")));
    }
    file.seek(SeekFrom::Start(0)).map_err(|e| ResultsError::read(path, e))?;
    Ok(())
}

/// An error of the CSV reader; `offset` is where it began to read the record.
pub(crate) fn bad_record(path: &Path, error: &csv::Error, offset: u64) -> ResultsError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => ResultsError::BadLine {
            path: path.to_owned(),
            line: line_at(path, offset),
            problem: format!("{len} fields: expected {expected_len} as in the header"),
        },
        csv::ErrorKind::Io(e) => ResultsError::read(path, std::io::Error::new(e.kind(), e.to_string())),
        _ => ResultsError::bad_file(path, one_line(error)),
    }
}

/// Line, from 1, of the record that the CSV reader found from byte `offset` on; blank lines before it are no record.
///
/// Reads the file again: only on the way to an error message, and it spares the reader from counting.
pub(crate) fn line_at(path: &Path, offset: u64) -> u64 {
    let Ok(file) = File::open(path) else { return 0 };
    let mut reader = BufReader::new(file);
    let (mut line, mut read, mut bytes) = (0, 0, Vec::new());
    loop {
        bytes.clear();
        let Ok(length) = reader.read_until(b'\n', &mut bytes) else { return line };
        line += 1;
        // The reader may stop between \r and \n, so the end of a line may still lie before the record.
        let rest = &bytes[(offset.saturating_sub(read) as usize).min(length)..];
        if length == 0 || (read + length as u64 > offset && !rest.trim_ascii_end().is_empty()) {
            return line;
        }
        read += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caveat_theory::RidgeModel;
    use caveat_theory::margins::graph;
    use std::fs;

    fn read(text: impl AsRef<[u8]>) -> Result<LabeledComparisons> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.csv");
        fs::write(&path, text).unwrap();
        read_comparisons(&path)
    }

    #[test]
    fn labels_are_numbered_by_first_appearance_and_rows_of_a_pair_add_up() {
        let read = read("winner,loser,weight\nb,a,2\n a ,\"b\",0.5\r\n\"x, y\",b,1e1\n").unwrap();
        assert_eq!(read.labels, ["b", "a", "x, y"]);
        let edges: Vec<_> =
            read.graph.edges().iter().map(|e| (e.first, e.second, e.first_wins, e.second_wins)).collect();
        assert_eq!(edges, [(0, 1, 2.0, 0.5), (0, 2, 0.0, 10.0)]);
    }

    #[test]
    fn columns_may_stand_in_any_order_among_others_and_weights_may_be_absent() {
        let read = read("\u{feff}date, loser ,winner\n2020,zoë,日本\n\n2021,ann,zoë").unwrap();
        assert_eq!(read.labels, ["日本", "zoë", "ann"]);
        assert!(read.graph.edges().iter().all(|e| e.first_wins == 1.0 && e.second_wins == 0.0));
    }

    #[test]
    fn numbers_stored_as_floats_are_the_same_items() {
        let mixed = read("winner,loser\n1,2.0\n2,3.0\n1,3.0\n3,\u{a0}2.0\n").unwrap();
        let plain = read("winner,loser\n1,2\n2,3\n1,3\n3,2\n").unwrap();
        assert_eq!((&mixed.labels, &mixed.graph), (&plain.labels, &plain.graph));
        assert_eq!(mixed.labels, ["1", "2", "3"]);
        assert!(mixed.notes[0].contains("\"2.0\" and \"2\" are one item") && plain.notes.is_empty());
        let words = read("winner,loser\nant,bee\nAnt,bee\ncaf\u{e9},cafe\u{301}s\ncafe\u{301},bee\n").unwrap();
        assert_eq!(words.labels, ["ant", "bee", "Ant", "café", "cafés"]);
        assert!(words.notes.len() == 1 && words.notes[0].starts_with("warning: the labels \"ant\" and \"Ant\""));
    }

    #[test]
    fn bad_lists_are_refused_by_line() {
        for (text, says) in [
            (&b""[..], "empty (0 bytes)"),
            (b"winner,loser\n", "has no rows"),
            (b"\n\n", "\"winner\" is missing: the table has no columns"),
            (b"winner,looser\na,b\n", "column \"loser\" is missing: the table has \"winner\", \"looser\""),
            (b"winner;loser\na;b\n", "separated by commas"),
            (b"winner,loser\na,b\n\n\r\nc,c\n", "line 5: \"c\" is compared with itself"),
            (b"winner,loser\r\na,b\r\nc,c\r\n", "line 3: \"c\" is compared with itself"),
            (b"winner,loser\n\"a\nb\",c\nd,d", "line 4: \"d\" is compared with itself"),
            (b"winner,loser,weight\na,b,1\na,c,-1\n", "line 3: weight \"-1\": expected a positive"),
            (b"winner,loser,weight\na,b,\n", "line 2: weight \"\""),
            (b"winner,loser,weight\na,b,inf\n", "line 2: weight \"inf\""),
            (b"winner,loser,weight\na,b,1e\n", "line 2: weight \"1e\""),
            (b"winner,loser\na,b\na\n", "line 3: 1 fields: expected 2"),
            (b"winner,loser\na,b,c\n", "line 2: 3 fields: expected 2"),
            (b"winner,loser\na,\n", "line 2: the loser is empty"),
            (b"winner,loser\na,b\nNA,b\n", "line 3: the winner is \"NA\", a missing value"),
            (b"winner,loser\na,\xef\xbb\xbf\xc2\xa0\n", "line 2: the loser is empty"),
            (b"winner,loser\na,b\n2,2.0\n", "line 3: \"2\" is compared with itself (as \"2.0\", one item by value)"),
            (b"winner,loser\na,caf\xe9\n", "line 2: the loser \"caf\u{fffd}\" is not UTF-8"),
            (b"PAR1\x00\x00\x01", "binary data"),
            (b"w\0i\0n\0n\0", "binary data or UTF-16"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(says) && message.contains("c.csv"), "{message:?} should say {says:?}");
            assert!(!message.contains('\n'), "{message}");
        }
        assert!(read_comparisons(Path::new("/no/such/file.csv")).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn ranks_are_written_by_component_and_ties_share_a_position() {
        let read = read("winner,loser\nb,c\nX,Y\n10,b\n10,c\n9,b\n9,c\n").unwrap();
        let solution = graph::solve(&read.graph, &RidgeModel::new(0.0, f64::INFINITY).unwrap()).unwrap();
        let table = ranks_table(&read.labels, &places(&read, &solution).unwrap()).unwrap();
        let csv = table.render(crate::Format::Csv).unwrap();
        let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
        assert_eq!(rows[0], ["position", "item", "rank", "component"]);
        let order: Vec<_> = rows[1..].iter().map(|r| (r[0], r[1], r[3])).collect();
        let expected =
            [("0", "9", "0"), ("0", "10", "0"), ("2", "b", "0"), ("3", "c", "0"), ("0", "X", "1"), ("1", "Y", "1")];
        assert_eq!(order, expected);
        assert_eq!(rows[1][2], rows[2][2]);
    }
}

//! Comparison lists: reads tables of winners, losers and weights with any labels, and makes the table of a ranking.

mod block;
mod columns;

use std::collections::HashSet;

use caveat_theory::margins::graph::GraphSolution;
use caveat_theory::ranking::{self, Place};
use caveat_theory::{Comparison, ComparisonGraph};

use crate::error::{Result, ResultsError, name_list};
use crate::input::{AsInput, Input};
use crate::labels::{Labels, label_key, label_order};
use crate::rows::Rows;
use crate::table::Table;
use block::{Block, Reader, Reading};
use columns::Shape;
pub use columns::{ComparisonColumns, ComparisonRole};

const EXPECTED: &str = "a table of comparisons with the columns winner,loser[,weight]";

/// Comparisons between items that have names.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledComparisons {
    /// Labels of the items of `graph`, in order of first appearance.
    pub labels: Vec<String>,
    /// Notes for a person, a line each: spellings that are one item, labels that differ by case alone, rows left out, ties.
    pub notes: Vec<String>,
    /// The comparisons, repeated ones merged.
    pub graph: ComparisonGraph,
}

/// Reads a table of comparisons, in text with any separator or in Parquet, packed or not, from a file or a pipe.
///
/// Its columns are `winner`, `loser` and optionally `weight`, in any order among any others, or those that `columns` names.
/// [`label_key`] tells which spellings name one item. Without weights every row weighs 1; rows of one pair add up. Time is linear in
/// the file except for sorting the comparisons; memory is about 70 bytes a row and 100 a label.
///
/// # Errors
/// Named by line (row in Parquet): a missing label, an item against itself, a weight that is not a positive finite number, a choice
/// that is neither of the two items, or that may be an item or a side and no row tells which, a line with another number of fields,
/// text that is not UTF-8. Also a missing column, an item with the name of a column (`model_a` in a column of winners), and an empty
/// or binary file or one with a header only.
pub fn read_comparisons(file: &(impl AsInput + ?Sized), columns: &ComparisonColumns) -> Result<LabeledComparisons> {
    let input = file.as_input();
    if let Some(comparisons) = read_with(&input, columns, Reading::Labels)? {
        return Ok(comparisons);
    }
    let changed = || ResultsError::bad_file(input.path(), "changed while it was read: read it again");
    read_with(&input, columns, Reading::Sides)?.ok_or_else(changed)
}

/// Reads comparisons; `None` if choices that were read as labels turn out to be sides.
fn read_with(input: &Input, columns: &ComparisonColumns, reading: Reading) -> Result<Option<LabeledComparisons>> {
    let path = input.path();
    let rows = Rows::open(input, EXPECTED)?;
    let names = rows.names().to_vec();
    let fields = columns.resolve(&names, &rows.found()).map_err(|problem| ResultsError::bad_file(path, problem))?;
    let mut reader = Reader::new(rows, &fields, columns.skip_missing, reading);

    let mut labels = Labels::default();
    // A guess that is rarely too small, for short labels with a separator and a line end.
    let mut numbers: Vec<u32> = Vec::with_capacity((input.size() / 8).min(1 << 23) as usize);
    let mut weights: Vec<f64> = Vec::new();
    let (mut block, mut next) = (Block::default(), Block::default());
    let mut more = reader.fill(&mut block);
    loop {
        let first = numbers.len();
        let read_on = || if matches!(more, Ok(true)) { reader.fill(&mut next) } else { Ok(false) };
        let (more_after, numbered) = rayon::join(read_on, || labels.number_all(&block.labels, &mut numbers));
        let bad = |row: usize, problem| reader.bad(block.places[row], problem);
        let numbered =
            numbered.map_err(|(k, problem)| bad(k / 2, format!("the {} {problem}", fields.side(k % 2 == 0))));
        // A wrong label comes after all numbered pairs, and an error of reading after the whole block.
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
    match reader.evidence.reading() {
        Ok(Reading::Sides) if reading == Reading::Labels => return Ok(None),
        Ok(_) => {}
        Err((place, problem)) => return Err(reader.bad(place, problem)),
    }
    let mut notes = reader.notes(&names, &fields);
    if numbers.is_empty() {
        let filter = match reader.left_out() {
            (0, 0) => "",
            (_, 0) => " without a missing value",
            (0, _) => " that ⟨where⟩ lets through",
            _ => " that ⟨where⟩ lets through, without a missing value",
        };
        return Err(ResultsError::no_rows(path, filter, EXPECTED));
    }
    let winless = reader.winless();
    drop(reader);

    let (labels, about_labels) = labels.finish();
    notes.extend(about_labels);
    notes.extend(unranked(&winless, &labels));
    if let Some((item, column)) = named_as_a_column(&labels, &names, &fields) {
        return Err(ResultsError::bad_file(
            path,
            format!(
                "the item {item:?} has the name of the column {column:?}, so a column of winners seems to name sides: say what the \
                 columns mean, as ⟨columns=item_a={column},item_b=COLUMN,chosen=COLUMN⟩"
            ),
        ));
    }
    let comparisons = numbers.chunks_exact(2).enumerate().map(|(k, pair)| Comparison {
        winner: pair[0] as usize,
        loser: pair[1] as usize,
        weight: weights.get(k).copied().unwrap_or(1.0),
    });
    let graph = ComparisonGraph::new(labels.len(), comparisons)
        .map_err(|source| ResultsError::Theory { context: path.display().to_string(), source })?;
    Ok(Some(LabeledComparisons { labels, notes, graph }))
}

/// A note on items that occur only in rows without a win.
fn unranked(winless: &[String], labels: &[String]) -> Option<String> {
    let known: HashSet<String> = labels.iter().map(|label| label_key(label).into_owned()).collect();
    let mut met = HashSet::new();
    let left_out = winless.iter().filter(|item| {
        let key = label_key(item);
        !known.contains(key.as_ref()) && met.insert(key.into_owned())
    });
    let left_out: Vec<&String> = left_out.collect();
    let (items, stand) = match left_out.len() {
        0 => return None,
        1 => ("item", "stands"),
        _ => ("items", "stand"),
    };
    let named = name_list(left_out);
    Some(format!(
        "warning: the {items} {named} {stand} in rows without a win only, and so {stand} in no comparison: left out of the ranks"
    ))
}

/// An item with the name of another column, as `model_a` in a file with the columns model_a, model_b and winner.
fn named_as_a_column<'a>(
    labels: &'a [String],
    names: &'a [String],
    fields: &columns::Fields,
) -> Option<(&'a str, &'a str)> {
    if fields.shape != Shape::Won {
        return None;
    }
    let used = fields.all();
    let others: Vec<&str> =
        (0..names.len()).filter(|k| !used.contains(k)).map(|k| names[k].as_str()).filter(|n| !n.is_empty()).collect();
    labels.iter().find_map(|label| Some((label.as_str(), *others.iter().find(|name| *name == label)?)))
}

/// Places of all items in a solution, by component, position and [`label_order`].
///
/// # Errors
/// As [`GraphSolution::rank_errors`].
pub fn places(comparisons: &LabeledComparisons, solution: &GraphSolution) -> Result<Vec<Place>> {
    let errors = solution
        .rank_errors()
        .map_err(|source| ResultsError::Theory { context: "the errors of ranks".to_owned(), source })?;
    let LabeledComparisons { labels, graph, .. } = comparisons;
    Ok(ranking::places(graph, &solution.ranks, &errors, |a, b| label_order(&labels[a], &labels[b])))
}

/// The table of a ranking: `position` (from 0 within the component, the same for ties), `item`, `rank` and `component`. Does not
/// fail in practice.
pub fn ranks_table(labels: &[String], places: &[Place]) -> Result<Table> {
    Table::new()
        .integer("position", places.iter().map(|p| p.position as i64))?
        .text("item", places.iter().map(|p| labels[p.item].as_str()))?
        .float("rank", places.iter().map(|p| p.rank))?
        .integer("component", places.iter().map(|p| p.component as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use caveat_theory::RidgeModel;
    use caveat_theory::margins::graph;
    use std::fs;
    use std::path::Path;

    fn read(text: impl AsRef<[u8]>) -> Result<LabeledComparisons> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.csv");
        fs::write(&path, text).unwrap();
        read_comparisons(&path, &ComparisonColumns::default())
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

    fn edges(read: &LabeledComparisons) -> Vec<(&str, &str, f64, f64)> {
        let label = |k: u32| read.labels[k as usize].as_str();
        read.graph.edges().iter().map(|e| (label(e.first), label(e.second), e.first_wins, e.second_wins)).collect()
    }

    #[test]
    fn one_list_in_all_spellings_is_one_graph() {
        let plain = read("winner,loser,weight\nant,2,1\n2,bee,3\nbee,cow,2\n2,cow,1\n").unwrap();
        for text in [
            "WINNER,Loser,Weight\nant,2,1\n2,bee,3\nbee,cow,2\n2,cow,1\n",
            "winner;loser;weight\nant;2,0;1,0\n2;bee;3\nbee;cow;2\n2;cow;1\n",
            "winner\tloser\tweight\r\nant\t2\t1\r\n2\tbee\t3\r\nbee\tcow\t2\r\n2\tcow\t1\r\n",
            "winner|loser|weight\nant|2|1\n2|bee|3\nbee|cow|2\n2|cow|1",
            "\u{feff}\"winner\",\"loser\",\"weight\"\n\"ant\",\"2\",\"1\"\n2.0, bee,3.0\n\"bee\",cow\u{a0},2\n2,\"cow \",1e0\n",
            "\u{feff}winner,loser,weight\rant,2,1\r2,bee,3\rbee,cow,2\r2,cow,1\r",
            "date,weight,loser,winner\n,1,2,ant\n,3,bee,2\nx,2,cow,bee\ny,1,cow,2\n",
            "item_a,item_b,wins_a,wins_b\nant,2,1,0\nbee,2,0,3\nbee,cow,2,0\n2,cow,1,0\n",
            "left,right,choice,count\nant,2,left,1\nbee,2,2,3\nbee,cow,bee,2\ncow,2.0,right,1\n",
        ] {
            let found = read(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            let sorted = |read: &LabeledComparisons| {
                let mut wins: Vec<(String, String, f64)> = Vec::new();
                for (a, b, first, second) in edges(read) {
                    let both = [(a, b, first), (b, a, second)].into_iter().filter(|w| w.2 > 0.0);
                    wins.extend(both.map(|(w, l, n)| (w.to_owned(), l.to_owned(), n)));
                }
                wins.sort_by(|a, b| a.partial_cmp(b).unwrap());
                wins
            };
            assert_eq!(sorted(&found), sorted(&plain), "{text:?}");
        }
    }

    #[test]
    fn pairs_with_a_choice_are_read_by_label_or_side_and_ties_count_half_for_each() {
        let arena = read("model_a,model_b,winner\nGPT,LLaMA,model_a\nLLaMA,Qwen,model_b\nQwen,GPT,tie\nQwen,GPT,GPT\n")
            .unwrap();
        let expected = [("GPT", "LLaMA", 1.0, 0.0), ("GPT", "Qwen", 1.5, 0.5), ("LLaMA", "Qwen", 0.0, 1.0)];
        assert_eq!(edges(&arena), expected);
        assert_eq!(
            arena.notes,
            [
                "note: \"model_a\" is compared with \"model_b\", the winner as \"winner\" says; 1 row with a tie count half for each"
            ]
        );
        // C cannot be a side, so that A is an item; D, C with A can only be sides, so that A is one everywhere.
        for (last, [first, second]) in [("C", [0.0, 1.0]), ("first", [1.0, 0.0])] {
            let letters = read(format!("a,b,winner\nA,B,A\nC,A,A\nB,C,{last}\n")).unwrap();
            assert_eq!(letters.labels, ["A", "B", "C"]);
            assert_eq!(edges(&letters), [("A", "B", 1.0, 0.0), ("A", "C", 1.0, 0.0), ("B", "C", first, second)]);
        }
        let sides = read("item_a,item_b,chosen\nB,C,A\nC,A,A\nD,C,B\n").unwrap();
        assert_eq!(edges(&sides), [("B", "C", 1.0, 0.0), ("C", "A", 1.0, 0.0), ("C", "D", 1.0, 0.0)]);
    }

    #[test]
    fn columns_may_be_named_and_rows_with_a_missing_value_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.csv");
        fs::write(&path, "winner,better,worse,n\nx,a,b,2\nx,b,,1\nx,NA,b,1\nx,a,c,NaN\nx,c,b,1\n").unwrap();
        let mut columns: ComparisonColumns = " winner = better, loser=worse,count=n".parse().unwrap();
        let message = read_comparisons(&path, &columns).unwrap_err().to_string();
        assert!(message.contains("line 3: the loser is empty: expected a label (⟨skip_missing⟩"), "{message}");
        columns.skip_missing = true;
        let found = read_comparisons(&path, &columns).unwrap();
        assert_eq!(edges(&found), [("a", "b", 2.0, 0.0), ("b", "c", 0.0, 1.0)]);
        assert_eq!(found.notes, ["note: 3 rows left out, with a missing value"]);
        for (text, says) in [
            ("winner=a", "do not say who won"),
            ("winner", "is not role=column"),
            ("winner=a,winner=b", "given twice"),
            ("winner=a,loser=b,chosen=c", "the role chosen does not go with the others"),
            ("winer=a,loser=b", "unknown role \"winer\""),
        ] {
            let message = text.parse::<ComparisonColumns>().unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn bad_lists_are_refused_by_line() {
        for (text, says) in [
            (&b""[..], "empty (0 bytes)"),
            (b"winner,loser\n", "has no rows"),
            (b"\n\n", "the file is empty"),
            (
                b"winner,looser\na,b\n",
                "column \"loser\" is missing: the table has \"winner\", \"looser\"; say what its columns mean",
            ),
            (b"better,worse\na,b\n", "say what its columns mean, as ⟨columns=winner=better,loser=worse⟩"),
            (b"model_a,model_b,score\na,b,1\n", "as ⟨columns=item_a=model_a,item_b=model_b,chosen=COLUMN⟩"),
            (
                b"model_a,model_b,winner\na,b,c\n",
                "line 2: the chosen \"c\" is neither \"a\" nor \"b\", nor a side (model_a, model_b)",
            ),
            (
                b"model_a,winner,loser\nx,model_a,model_b\n",
                "the item \"model_a\" has the name of the column \"model_a\"",
            ),
            (
                b"a,b,winner\nb,a,a\n",
                "line 2: the chosen \"a\" is the name of one item and the word for the side of the other (no row of the file",
            ),
            (
                b"a,b,winner\nA,B,A\nC,A,A\nC,D,A\nC,D,C\n",
                "line 3: the chosen \"A\" is the name of one item and the word for the side of the other (\"A\" is a side elsewhere, and \
                 \"C\" is chosen too)",
            ),
            (b"winner,loser,weight,count\na,b,1,2\n", "a column \"weight\" and a column \"count\""),
            (
                b"left,right,choice,winner\na,b,a,a\n",
                "the columns \"choice\" and \"winner\" may both say which item won",
            ),
            (b"player1,player2,win1,win2\na,b,-1,2\n", "line 2: wins_a \"-1\": expected a number of wins"),
            (b"player1,player2,win1,win2\na,b,0,0\n", "has no rows"),
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
            (b"winner,loser\na,\xef\xbb\xbf\xc2\xa0\n", "line 2: the loser is empty"),
            (b"winner,loser\na,b\n2,2.0\n", "line 3: \"2\" is compared with itself (as \"2.0\", one item by value)"),
            (b"winner,loser\na,caf\xe9\n", "line 2: the loser \"caf\u{fffd}\" is not UTF-8"),
            (b"PAR1\x00\x00\x01", "Parquet"),
            (b"w\0i\0n\0n\0", "expected"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(says) && message.contains("c.csv"), "{message:?} should say {says:?}");
            assert!(!message.contains('\n'), "{message}");
        }
        assert!(
            read_comparisons(Path::new("/no/such/file.csv"), &ComparisonColumns::default())
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
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

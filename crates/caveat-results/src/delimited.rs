//! Tables in text: finding the separator, the header and the rows, and reading numbers, truth values and missing values.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use unicode_normalization::UnicodeNormalization;

use crate::error::{Result, ResultsError, name_list, one_line};
use crate::input::{Input, TextStream, line_at};

/// Bytes at the beginning by which the separator is found.
const SAMPLE: u64 = 1 << 16;
/// Rows at the beginning by which it is found.
const SAMPLE_ROWS: usize = 200;

/// An open table in text whose header has been read.
pub(crate) struct Delimited {
    input: Input,
    reader: csv::Reader<io::Chain<Cursor<Vec<u8>>, TextStream>>,
    /// Names of the columns, trimmed and composed. R's column of row names has an empty one.
    pub(crate) names: Vec<String>,
    pub(crate) numbers: Numbers,
    separator: u8,
    /// Byte where the current record begins, for the guard against endless ones.
    record: Arc<AtomicU64>,
    /// Bytes before the header: a line that names the separator.
    skipped: u64,
    /// Where the first row begins, after the header.
    first_row: u64,
}

/// How numbers are written in a text table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Numbers {
    /// With a decimal point only.
    #[default]
    Point,
    /// Also with a decimal comma, as in tables with semicolons.
    Comma,
    /// Also with a decimal comma, unless it may separate thousands, as in 1,250.
    CommaUnlessThousands,
    /// With a decimal comma, as in the first rows; a decimal point only if it cannot separate thousands, as in 1.250.
    CommaNotPoint,
}

impl Numbers {
    /// Reads a number, infinities and NaN included.
    pub(crate) fn parse(self, text: &str) -> Option<f64> {
        if let Ok(number) = text.parse() {
            return Some(number).filter(|_| self != Self::CommaNotPoint || !has_thousands(text));
        }
        if self == Self::Point {
            return None;
        }
        let (whole, decimals) = text.split_once(',')?;
        if decimals.contains([',', '.']) || whole.contains('.') {
            return None;
        }
        let digits = whole.trim_start_matches(['-', '+']);
        let thousands = (1..=3).contains(&digits.len()) && !digits.starts_with('0');
        let three = decimals.len() == 3 && decimals.bytes().all(|b| b.is_ascii_digit());
        if self == Self::CommaUnlessThousands && thousands && three {
            return None;
        }
        // A decimal comma has digits on both sides.
        if !digits.bytes().all(|b| b.is_ascii_digit()) || !decimals.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        format!("{whole}.{decimals}").parse().ok()
    }

    /// Reads a whole number, also as 2.0 or 2e0.
    pub(crate) fn whole(self, text: &str) -> Option<i64> {
        text.parse().ok().or_else(|| self.parse(text).and_then(whole))
    }
}

/// Whether points may separate thousands, as in 1.250 but not in 0.250 or 1.25.
pub(crate) fn has_thousands(text: &str) -> bool {
    let mut parts = text.trim_start_matches(['-', '+']).split('.');
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let first = parts.next().is_some_and(|p| (1..=3).contains(&p.len()) && !p.starts_with('0') && digits(p));
    let mut rest = parts.peekable();
    first && rest.peek().is_some() && rest.all(|part| part.len() == 3 && digits(part))
}

/// Whether some field is surely a number with a decimal comma: digits on both sides, and not three after it.
fn has_decimal_comma(rows: &[u8], separator: u8) -> bool {
    rows.split(|b| *b == separator || matches!(b, b'\n' | b'\r')).any(|field| {
        let field = field.trim_ascii();
        let field = field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(field);
        let field = field.strip_prefix(b"-").unwrap_or(field);
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let Some(comma) = field.iter().position(|b| *b == b',') else { return false };
        let (whole, decimals) = (&field[..comma], &field[comma + 1..]);
        digits(whole) && digits(decimals) && (decimals.len() != 3 || whole == b"0")
    })
}

/// The whole number that a float holds exactly.
pub(crate) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// Whether text stands for a missing value, as R, pandas, SQL and spreadsheets write it.
pub(crate) fn is_missing(text: &str) -> bool {
    matches!(
        text,
        "" | "NA" | "N/A" | "n/a" | "#N/A" | "<NA>" | "NaN" | "nan" | "NAN" | "null" | "NULL" | "Null" | "None"
    )
}

/// Reads a truth value as programs and people write it.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "T" | "t" | "1" | "1.0" => Some(true),
        "false" | "False" | "FALSE" | "F" | "f" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// The name of a column: without a byte-order mark and surrounding space, in Unicode's composed form.
pub(crate) fn column_name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').nfc().collect()
}

/// The index of a column of exactly that name, or else of one with other capitals; fails if there are two.
pub(crate) fn find_column<S: AsRef<str>>(names: &[S], wanted: &str) -> std::result::Result<Option<usize>, String> {
    let mut exact = (0..names.len()).filter(|&k| names[k].as_ref() == wanted);
    match (exact.next(), exact.next()) {
        (Some(_), Some(_)) => return Err(format!("column {wanted:?} is there twice: expected it once")),
        (Some(field), None) => return Ok(Some(field)),
        _ => {}
    }
    let lower = wanted.to_lowercase();
    let mut alike = (0..names.len()).filter(|&k| names[k].as_ref().to_lowercase() == lower);
    match (alike.next(), alike.next()) {
        (Some(a), Some(b)) => Err(format!(
            "the columns {:?} and {:?} differ by capitals alone: rename one of them, or name the one that is meant",
            names[a].as_ref(),
            names[b].as_ref()
        )),
        (found, _) => Ok(found),
    }
}

impl Delimited {
    /// Opens the table and reads its header.
    pub(crate) fn open(input: &Input, expected: &'static str) -> Result<Self> {
        let mut text = input.text(expected)?;
        let record = text.record.clone();
        let mut sample = Vec::new();
        let read = text.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(|e| input.unreadable(&e))?;
        let whole = (read as u64) < SAMPLE;
        let Some(start) = sample.iter().position(|b| !b.is_ascii_whitespace()) else {
            return Err(match whole {
                true => ResultsError::empty_file(input.path(), expected),
                false => ResultsError::bad_file(input.path(), format!("begins with blank lines: expected {expected}")),
            });
        };
        // The header may begin with a tab, if its first name is empty.
        let start = sample[..start].iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |k| k + 1);
        let named = separator_line(&sample[start..]);
        let skipped = start + named.map_or(0, |(_, length)| length);
        let bad = |problem: String| ResultsError::bad_file(input.path(), problem);
        let separator = match named {
            Some((separator, _)) => separator,
            None => separator_of(&sample[skipped..], whole).map_err(bad)?,
        };
        let decimal_commas = separator != b',' && has_decimal_comma(&sample[skipped..], separator);
        let rest = sample.split_off(skipped);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .buffer_capacity(1 << 18)
            .from_reader(Cursor::new(rest).chain(text));
        let mut header = csv::ByteRecord::new();
        let found = reader.read_byte_record(&mut header);
        let mut table = Self {
            input: input.clone(),
            reader,
            names: header.iter().map(column_name).collect(),
            numbers: match separator {
                b',' => Numbers::Point,
                _ if decimal_commas => Numbers::CommaNotPoint,
                b';' => Numbers::Comma,
                _ => Numbers::CommaUnlessThousands,
            },
            separator,
            record,
            skipped: skipped as u64,
            first_row: 0,
        };
        if !found.map_err(|e| table.bad_record(&e, 0))? {
            table.names.clear();
        }
        table.first_row = table.offset();
        Ok(table)
    }

    /// The columns for a message, with a hint if they seem to have another separator.
    pub(crate) fn found(&self) -> String {
        let spaced = self.names.len() == 1 && self.names[0].split_whitespace().count() > 1;
        let hint = if spaced { " (columns are told apart by commas, semicolons or tabs)" } else { "" };
        format!("{}{hint}", name_list(&self.names))
    }

    /// Byte of the text where the next row begins, for [`bad_line`](Self::bad_line).
    pub(crate) fn offset(&self) -> u64 {
        self.reader.position().byte()
    }

    /// Reads the next row, with as many fields as the header has; false at the end.
    pub(crate) fn read(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        let offset = self.offset();
        self.record.store(offset + self.skipped, Ordering::Relaxed);
        self.reader.read_byte_record(record).map_err(|e| self.bad_record(&e, offset))
    }

    /// An error about the row that begins at a byte.
    pub(crate) fn bad_line(&self, offset: u64, problem: impl Into<String>) -> ResultsError {
        let line = line_at(&self.input, offset + self.skipped);
        ResultsError::bad_file(self.input.path(), format!("line {line}: {}", problem.into()))
    }

    fn bad_record(&self, error: &csv::Error, offset: u64) -> ResultsError {
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let hint = if *len == *expected_len + 1 && offset == self.first_row {
                    " (R's write.table leaves out the name of its row names: row.names = FALSE writes none)"
                } else if self.separator == b',' && *len > *expected_len {
                    "; quote a field that holds a comma"
                } else {
                    ""
                };
                self.bad_line(offset, format!("{len} fields: expected {expected_len} as in the header{hint}"))
            }
            csv::ErrorKind::Io(e) => self.input.unreadable(e),
            _ => ResultsError::bad_file(self.input.path(), one_line(error)),
        }
    }
}

/// The problem of a text field that is not UTF-8.
pub(crate) fn not_utf8(what: impl std::fmt::Display, bytes: &[u8]) -> String {
    format!(
        "{what} {:?} is not UTF-8 (Latin-1 or Windows-1252, perhaps): save the file in UTF-8",
        String::from_utf8_lossy(bytes)
    )
}

/// The separator that a first line like `sep=;` names, as spreadsheets write it, and the length of that line.
fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().position(|b| matches!(b, b'\n' | b'\r'))?;
    let line = text[..end].trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(line);
    let separator = match line.strip_prefix(b"sep=") {
        Some([separator @ (b',' | b';' | b'|')]) => *separator,
        Some([] | [b'\t']) if text[..end].contains(&b'\t') => b'\t',
        _ => return None,
    };
    let ends = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
    Some((separator, end + ends))
}

/// The separator of a table, from its header and first rows.
fn separator_of(sample: &[u8], whole: bool) -> std::result::Result<u8, String> {
    const CANDIDATES: [(u8, &str); 4] = [(b',', "commas"), (b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];
    let counted = CANDIDATES.map(|(separator, word)| (separator, word, fields(sample, separator, whole)));
    let splitting: Vec<_> = counted.iter().filter(|(.., fields)| fields.first().is_some_and(|n| *n > 1)).collect();
    // A name may contain another separator; then the rows have another number of fields.
    let is_even = |fields: &[usize]| fields.len() > 1 && fields.iter().all(|n| *n == fields[0]);
    let even: Vec<_> = splitting.iter().copied().filter(|(.., fields)| is_even(fields)).collect();
    match (&splitting[..], &even[..]) {
        ([], _) => Ok(b','),
        ([(separator, ..)], _) | (_, [(separator, ..)]) => Ok(*separator),
        (all, even) => {
            let several = if even.is_empty() { all } else { even };
            let names: Vec<&str> = several.iter().map(|(_, word, _)| *word).collect();
            Err(format!(
                "the header holds {}, and the rows do not say which of them separate columns: put names in quotation marks, or \
                 write \"sep=;\" (or another) as the first line",
                names.join(" and ")
            ))
        }
    }
}

/// How many fields each of the first rows has.
fn fields(sample: &[u8], separator: u8, whole: bool) -> Vec<usize> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(sample);
    let mut record = csv::ByteRecord::new();
    let mut counts = Vec::new();
    while counts.len() < SAMPLE_ROWS && reader.read_byte_record(&mut record).unwrap_or(false) {
        counts.push(record.len());
    }
    // The last row of a sample may be cut off.
    if !whole && counts.len() > 1 && counts.len() < SAMPLE_ROWS {
        counts.pop();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "a table";

    /// The header, the numbers and all rows of a text.
    fn table(text: &[u8]) -> Result<(Vec<String>, Numbers, Vec<Vec<String>>)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let mut table = Delimited::open(&Input::new(&path), EXPECTED)?;
        let (mut rows, mut record) = (Vec::new(), csv::ByteRecord::new());
        while table.read(&mut record)? {
            rows.push(record.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect());
        }
        Ok((table.names, table.numbers, rows))
    }

    #[test]
    fn the_separator_is_told_from_the_header_and_where_that_is_not_enough_from_the_rows() {
        for (text, numbers) in [
            ("a,b\n1,2\n", Numbers::Point),
            ("a;b\n1;2\n", Numbers::Comma),
            ("a\tb\n1\t2\n", Numbers::CommaUnlessThousands),
            ("a|b\n1|2\n", Numbers::CommaUnlessThousands),
            ("\"a\";b\r\n\r\n1;2", Numbers::Comma),
            ("\u{feff}a;b\r1;2\r", Numbers::Comma),
            ("\n\r\n a,b \n1,2\n", Numbers::Point),
            ("sep=;\na;b\n1;2\n", Numbers::Comma),
            ("\u{feff}\"sep=,\"\r\na,b\r\n1,2\r\n", Numbers::Point),
            ("sep=\t\na\tb\n1\t2\n", Numbers::CommaUnlessThousands),
        ] {
            let (names, found, rows) = table(text.as_bytes()).unwrap();
            assert_eq!((names, found), (vec!["a".to_owned(), "b".to_owned()], numbers), "{text:?}");
            assert_eq!(rows, [["1", "2"]], "{text:?}");
        }
        for (text, names) in [
            ("\"a,x\";b\n1;2\n", ["a,x", "b"]),
            ("a;x,b\n1,2\n", ["a;x", "b"]),
            ("a,x;b\n1;2\n1,5;2\n", ["a,x", "b"]),
            ("a b,c|d\n1,2\n", ["a b", "c|d"]),
        ] {
            assert_eq!(table(text.as_bytes()).unwrap().0, names, "{text:?}");
        }
        let one = table(b"a b\n1 2\n").unwrap();
        assert_eq!(one.0, ["a b"]);
        let message = table(b"a,x;b\n1,2;3\n").unwrap_err().to_string();
        assert!(message.contains("the header holds commas and semicolons"), "{message}");
        assert!(table(b"\n \r\n").unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn points_that_may_separate_thousands_are_no_decimals_where_commas_are() {
        for (text, numbers) in [
            ("a;b\n0,5;2\n", Numbers::CommaNotPoint),
            ("a;b\n1.25;2\n", Numbers::Comma),
            ("a;b\n\"-1,25\";x,y\n", Numbers::CommaNotPoint),
            ("a\tb\n1,250\t2\n", Numbers::CommaUnlessThousands),
            ("a\tb\n1,5\t2\n", Numbers::CommaNotPoint),
            ("a,b\n1,5\n", Numbers::Point),
        ] {
            assert_eq!(table(text.as_bytes()).unwrap().1, numbers, "{text:?}");
        }
        let parse = |text: &str| Numbers::CommaNotPoint.parse(text);
        assert_eq!((parse("1.200"), parse("-12.000.000"), parse("1.200,5")), (None, None, None));
        assert_eq!(
            (parse("0.200"), parse("1.25"), parse("1,250"), parse("7")),
            (Some(0.2), Some(1.25), Some(1.25), Some(7.0))
        );
        assert_eq!(Numbers::Comma.parse("1.200"), Some(1.2));
    }

    #[test]
    fn rows_of_another_length_are_refused_by_line() {
        for (text, says) in [
            (&b"a,b\n1,2\n1\n"[..], "line 3: 1 fields: expected 2 as in the header"),
            (b"a,b\r1,2\r1,2,3\r", "line 3: 3 fields: expected 2 as in the header; quote a field that holds a comma"),
            (b"\"a\",\"b\"\n\"1\",0,1\n", "line 2: 3 fields: expected 2 as in the header (R's write.table"),
            (b"sep=;\na;b\n\n1;2;3;4\n", "line 4: 4 fields"),
        ] {
            let message = table(text).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn names_are_trimmed_composed_and_without_a_mark() {
        let (names, ..) = table("\u{feff}\u{feff} a\u{a0},cafe\u{301},\n1,2,3\n".as_bytes()).unwrap();
        assert_eq!(names, ["a", "café", ""]);
        assert_eq!(find_column(&names, "CAFÉ"), Ok(Some(1)));
        assert_eq!(find_column(&["Winner", "winner"], "winner"), Ok(Some(1)));
        assert_eq!(find_column(&["a"], "b"), Ok(None));
        assert!(find_column(&["Winner", "WINNER"], "winner").unwrap_err().contains("differ by capitals alone"));
        assert!(find_column(&["a", "a"], "a").unwrap_err().contains("twice"));
    }

    #[test]
    fn numbers_have_a_point_or_where_that_is_clear_a_comma() {
        let (point, comma, unless) = (Numbers::Point, Numbers::Comma, Numbers::CommaUnlessThousands);
        for (text, expected) in [
            ("1", [Some(1.0); 3]),
            ("-0.5", [Some(-0.5); 3]),
            ("1e-3", [Some(1e-3); 3]),
            ("0,125", [None, Some(0.125), Some(0.125)]),
            ("-0,5", [None, Some(-0.5), Some(-0.5)]),
            ("1,25", [None, Some(1.25), Some(1.25)]),
            ("1,250", [None, Some(1.25), None]),
            ("1234,567", [None, Some(1234.567), Some(1234.567)]),
            ("1,5e3", [None, Some(1500.0), Some(1500.0)]),
            ("1,234,567", [None; 3]),
            ("1.234,5", [None; 3]),
            ("1,", [None; 3]),
            (",", [None; 3]),
            ("x,5", [None; 3]),
        ] {
            assert_eq!([point, comma, unless].map(|n| n.parse(text)), expected, "{text}");
        }
        assert_eq!(
            ["2", "2.0", "2e0", "2.5", "1e300", "x"].map(|t| point.whole(t)),
            [Some(2), Some(2), Some(2), None, None, None]
        );
        assert_eq!(comma.whole("2,0"), Some(2));
    }
}

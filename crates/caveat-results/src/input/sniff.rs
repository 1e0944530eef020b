//! Recognizes what a file is by its first bytes: text in some encoding, Parquet, or another known kind.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::text::{self, Encoding, Packing};

/// How many bytes are examined, after unpacking.
const HEAD: u64 = 1 << 16;

/// A kind of file other than the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// What the file is, as "a tar archive".
    pub what: &'static str,
    /// What to do with it.
    pub remedy: Remedy,
}

/// What to do with a file of another kind, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Whatever was expected, as fetching or unpacking the file.
    OfFile(&'static str),
    /// If a table was expected: how to save the one in the file.
    OfTable(&'static str),
}

impl Remedy {
    pub(super) fn words(self) -> &'static str {
        let (Self::OfFile(words) | Self::OfTable(words)) = self;
        words
    }
}

use Remedy::{OfFile, OfTable};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Empty,
    Parquet,
    /// Parquet that was packed as a whole.
    PackedParquet(Packing),
    Text {
        packing: Packing,
        encoding: Encoding,
    },
    Foreign(Foreign),
}

const AS_CSV: Remedy = OfTable("save it as CSV or Parquet");
const UNPACK: Remedy = OfFile("unpack it first");
const FROM_R: Remedy = OfTable("write it in R with write.csv(x, \"x.csv\", row.names = FALSE) or arrow::write_parquet");
const FROM_PYTHON: Remedy = OfTable("load it in Python and save it with to_csv or to_parquet");
const SHEET: Remedy = OfTable("save the sheet as CSV");
const BEHIND: Remedy = OfTable("use the table behind it, as CSV");
const NAME_A_TABLE: Remedy = OfTable("name a table");
const AS_PARQUET: Remedy = OfTable("save it as Parquet, with to_parquet or write_parquet");
const EXPORT: Remedy = OfTable("export the table as CSV");
const FROM_MATLAB: Remedy = OfTable("write the table in MATLAB with writetable, as CSV");

/// Kinds that begin with fixed bytes: at which offset, with which bytes, what the file is, and what to do.
const BEGINNINGS: &[(usize, &[&[u8]], &str, Remedy)] = &[
    (0, &[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"], "an old Excel workbook (.xls) or other Office document", SHEET),
    (0, &[b"ARROW1"], "an Arrow file (Feather)", AS_PARQUET),
    (0, &[b"FEA1"], "a Feather file of the first version", AS_PARQUET),
    (0, &[b"PARE"], "an encrypted Parquet file", OfTable("write it without encryption")),
    (0, &[b"ORC"], "an ORC file", AS_CSV),
    (0, &[b"Obj\x01"], "an Avro file", AS_CSV),
    (0, &[b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"], "an R data file (.RData)", FROM_R),
    (0, &[b"X\n\x00\x00", b"B\n\x02\x00", b"B\n\x03\x00", b"A\n2\n", b"A\n3\n"], "an R object (.rds)", FROM_R),
    (0, &[b"$FL2"], "an SPSS file (.sav)", AS_CSV),
    (0, &[b"$FL3"], "a compressed SPSS file (.zsav)", AS_CSV),
    (0, &[b"<stata_dta>"], "a Stata file (.dta)", AS_CSV),
    (12, &[b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7\x31\x8c"], "a SAS file (.sas7bdat)", AS_CSV),
    (0, &[b"HEADER RECORD*******LIB"], "a SAS transport file (.xpt)", AS_CSV),
    (0, &[b"\x89HDF\r\n\x1a\n"], "an HDF5 file (as pandas' to_hdf, NWB and Keras write it)", AS_CSV),
    (0, &[b"MATLAB 7.3 MAT-file", b"MATLAB 5.0 MAT-file"], "a MATLAB file (.mat)", FROM_MATLAB),
    (0, &[b"CDF\x01", b"CDF\x02"], "a NetCDF file", AS_CSV),
    (0, &[b"\x93NUMPY"], "a NumPy array (.npy)", OfTable("save a table with named columns, as CSV or Parquet")),
    (0, &[b"SQLite format 3\x00"], "an SQLite database", EXPORT),
    (0, &[b"DUCK"], "a DuckDB database", OfTable("export the table as CSV or Parquet")),
    (8, &[b"DUCK"], "a DuckDB database", OfTable("export the table as CSV or Parquet")),
    (0, &[b"%PDF-"], "a PDF document", BEHIND),
    (0, &[b"{\\rtf"], "a rich-text document (RTF)", OfTable("save it as plain text, in CSV")),
    (0, &[b"\x89PNG\r\n\x1a\n"], "a picture (PNG)", BEHIND),
    (0, &[b"\xff\xd8\xff"], "a picture (JPEG)", BEHIND),
    (0, &[b"GIF8"], "a picture (GIF)", BEHIND),
    (0, &[b"GGUF"], "a model file (GGUF)", NAME_A_TABLE),
    (0, &[b"\x7fELF"], "a program", NAME_A_TABLE),
    (0, &[b"BZh"], "packed with bzip2", OfFile("unpack it first, with bunzip2")),
    (0, &[b"\xfd7zXZ\x00"], "packed with xz", OfFile("unpack it first, with unxz")),
    (0, &[b"\x04\x22\x4d\x18"], "packed with lz4", OfFile("unpack it first, with unlz4")),
    (0, &[b"\xff\x06\x00\x00sNaPpY"], "packed with snappy", UNPACK),
    (0, &[b"\x1f\x9d"], "packed with compress (.Z)", OfFile("unpack it first, with uncompress")),
    (0, &[b"7z\xbc\xaf\x27\x1c"], "a 7z archive", UNPACK),
    (0, &[b"Rar!\x1a\x07"], "a RAR archive", UNPACK),
    (257, &[b"ustar"], "a tar archive", OfFile("unpack it first, with tar xf, and name the files in it")),
    (
        0,
        &[b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"],
        "a pointer of git-lfs, not the file itself",
        OfFile("run git lfs pull"),
    ),
];

/// Kinds of zip archives: part of the name of a file in them, what the archive is, and what to do.
const ZIPPED: &[(&[u8], &str, Remedy)] = &[
    (b"xl/workbook", "an Excel workbook (.xlsx)", SHEET),
    (b"xl/worksheets", "an Excel workbook (.xlsx)", SHEET),
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)", SHEET),
    (b"word/document", "a Word document (.docx)", OfTable("save its table as CSV")),
    (b"Index/Document.iwa", "a Numbers or Pages document", EXPORT),
    (b"data.pkl", "a PyTorch file (.pt)", FROM_PYTHON),
    (b"xdata.json", "a jamovi file (.omv)", OfTable("export its data as CSV")),
    (b".npy", "an archive of NumPy arrays (.npz)", OfTable("save a table with named columns, as CSV")),
];

impl Foreign {
    fn new(what: &'static str, remedy: Remedy) -> Self {
        Self { what, remedy }
    }
}

/// What a file is by its first bytes, if it is neither text nor a Parquet table. Zip archives are not told apart by their content.
///
/// ```
/// let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 7\n";
/// assert!(caveat_results::foreign_kind(pointer).is_some_and(|kind| kind.what.contains("git-lfs")));
/// ```
pub fn foreign_kind(head: &[u8]) -> Option<Foreign> {
    match packing_of(head) {
        Packing::Gzip => Some(Foreign::new("packed with gzip", UNPACK)),
        Packing::Zstd => Some(Foreign::new("packed with zstd", UNPACK)),
        Packing::None if is_zip(head) => Some(Foreign::new("a zip archive", UNPACK)),
        Packing::None => named(head),
    }
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// What `file` holds; `size` is its size in bytes. Reads the head, and of a zip archive also the end.
pub(super) fn content(file: &mut File, size: u64) -> io::Result<Content> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    if is_zip(&head) {
        return Ok(Content::Foreign(zip_kind(file, size, head)?));
    }
    let packing = packing_of(&head);
    if packing != Packing::None {
        head.clear();
        file.seek(SeekFrom::Start(0))?;
        let unpacked = text::unpack(file.try_clone()?, packing)?.take(HEAD).read_to_end(&mut head);
        // Damage behind the first bytes does not matter here; the reader will report it.
        if head.is_empty() {
            unpacked?;
        }
        if packing_of(&head) != Packing::None {
            return Ok(Content::Foreign(Foreign::new("packed twice", UNPACK)));
        }
        if head.starts_with(b"PK\x03\x04") {
            return Ok(Content::Foreign(Foreign::new("a zip archive packed once more", UNPACK)));
        }
    }
    Ok(of_head(&head, packing))
}

fn packing_of(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
        _ => Packing::None,
    }
}

/// What the first bytes say, once unpacked.
fn of_head(head: &[u8], packing: Packing) -> Content {
    let foreign = |what, remedy| Content::Foreign(Foreign::new(what, remedy));
    let text = |encoding| Content::Text { packing, encoding };
    match head {
        [] => return Content::Empty,
        [b'P', b'A', b'R', b'1', ..] if packing == Packing::None => return Content::Parquet,
        [b'P', b'A', b'R', b'1', ..] => return Content::PackedParquet(packing),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return foreign("text in UTF-32", OfTable("save it in UTF-8"));
        }
        [0xff, 0xfe, ..] => return text(Encoding::Utf16 { big_endian: false }),
        [0xfe, 0xff, ..] => return text(Encoding::Utf16 { big_endian: true }),
        _ => {}
    }
    if let Some(kind) = named(head) {
        return Content::Foreign(kind);
    }
    if head.contains(&0) {
        return match looks_like_utf16(head) {
            true => foreign("text in UTF-16 without a byte-order mark", OfTable("save it in UTF-8")),
            false => foreign("binary data of no kind that is known", AS_CSV),
        };
    }
    if is_json(&beginning(head)) {
        return foreign(
            "JSON",
            OfTable("save it as CSV, or load it with pandas.read_json and save it with to_csv or to_parquet"),
        );
    }
    text(Encoding::Utf8)
}

/// The text without white space and byte-order marks before its first character.
fn beginning(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_owned()
}

/// The kind that the first bytes of an unpacked file name.
fn named(head: &[u8]) -> Option<Foreign> {
    let kind = |what, remedy| Some(Foreign::new(what, remedy));
    let begins = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let is_kind = |kind: &&(usize, &[&[u8]], &str, Remedy)| kind.1.iter().any(|bytes| begins(kind.0, bytes));
    if let Some(&(_, _, what, remedy)) = BEGINNINGS.iter().find(is_kind) {
        return kind(what, remedy);
    }
    match head {
        // Stata before 117: the format, the byte order, the type of file, and a zero.
        [0x68..=0x73, 1 | 2, 1, 0, ..] => return kind("a Stata file (.dta)", AS_CSV),
        // A mark, and the length of the schema, below 16 MiB.
        [0xff, 0xff, 0xff, 0xff, _, _, _, 0, ..] => {
            return kind("an Arrow stream", AS_PARQUET);
        }
        // A pickle names its protocol and goes on with a frame or an object.
        [0x80, 2..=5, 0x95 | b'c' | b'}' | b']' | b'(' | 0x8c, ..] => return kind("a Python pickle", FROM_PYTHON),
        _ if head.contains(&0) => return None,
        _ => {}
    }
    let text = beginning(&head[..head.len().min(1024)]);
    let lower: String = text.chars().take(64).flat_map(char::to_lowercase).collect();
    let starts = |words: &[&str]| words.iter().any(|word| lower.starts_with(word));
    if starts(&["<!doctype html", "<html", "<head", "<body", "<table"]) {
        let what = "a page in HTML (what a server answers in place of a file, perhaps)";
        return kind(what, OfFile("download the file itself"));
    }
    if starts(&["<?xml", "<workbook", "<error"]) {
        return kind("an XML document", AS_CSV);
    }
    if starts(&["/annex/objects/", "../.git/annex/", ".git/annex/"])
        || lower.starts_with("../") && lower.contains(".git/annex/")
    {
        return kind("a pointer of git-annex, not the file itself", OfFile("run git annex get"));
    }
    if head.get(..512).unwrap_or(head).windows(20).any(|w| w == b"ASCII SPSS PORT FILE") {
        return kind("an SPSS portable file (.por)", AS_CSV);
    }
    None
}

/// Whether text begins as an object, or an array of objects, arrays, numbers or strings.
fn is_json(text: &str) -> bool {
    let after = |prefix: char| text.strip_prefix(prefix).map(str::trim_start);
    let object = |rest: &str| rest.starts_with('}') || rest.starts_with('"') && rest.contains("\":");
    match (after('{'), after('[')) {
        (Some(rest), _) => object(rest),
        (_, Some(rest)) => rest.strip_prefix('{').is_some_and(|r| object(r.trim_start())) || rest.starts_with('['),
        _ => false,
    }
}

/// Whether every second byte is zero and no other, as in Latin text in UTF-16.
fn looks_like_utf16(head: &[u8]) -> bool {
    let zeros = |start: usize| head.iter().skip(start).step_by(2).filter(|b| **b == 0).count();
    let half = head.len() / 2;
    let (even, odd) = (zeros(0), zeros(1));
    half > 1 && even.min(odd) == 0 && even.max(odd) * 10 >= half * 8
}

/// What a zip archive is, by the names of the files in it.
fn zip_kind(file: &mut File, size: u64, head: Vec<u8>) -> io::Result<Foreign> {
    let mut bytes = head;
    // The list of contents is at the end.
    file.seek(SeekFrom::Start(size.saturating_sub(HEAD)))?;
    file.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    let names = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    let (what, remedy) = match ZIPPED.iter().find(|(name, ..)| names(name)) {
        Some(&(_, what, remedy)) => (what, remedy),
        None => ("a zip archive", OfFile("unpack it first, and name the files in it")),
    };
    Ok(Foreign::new(what, remedy))
}

//! Tests of opening inputs: content over names, packing, encodings, pipes, and kinds that are named.

use std::fs;
use std::io::Read;

use super::*;

const EXPECTED: &str = "a table";

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Input) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    (directory, Input::new(&path))
}

fn text_of(bytes: &[u8]) -> Result<String> {
    let (_directory, input) = written("t.csv", bytes);
    let mut text = Vec::new();
    input.text(EXPECTED)?.read_to_end(&mut text).map_err(|e| input.unreadable(&e))?;
    Ok(String::from_utf8(text).unwrap())
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::bufread::GzEncoder::new(bytes, flate2::Compression::default()).read_to_end(&mut packed).unwrap();
    packed
}

pub(crate) fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
}

#[test]
fn text_is_the_same_however_it_is_packed_and_encoded() {
    // Longer than every buffer, and beyond the first plane of Unicode.
    let text: String = (0..20_000).map(|k| format!("{k},ä𝄞\r\n")).collect();
    let bytes = text.as_bytes();
    let marked = [&b"\xef\xbb\xbf"[..], bytes].concat();
    let members = [gzip(&bytes[..1000]), gzip(&bytes[1000..])].concat();
    for bytes in [
        bytes.to_vec(),
        marked.clone(),
        gzip(bytes),
        gzip(&marked),
        members,
        zstd::encode_all(bytes, 3).unwrap(),
        utf16(&text, false),
        utf16(&text, true),
        gzip(&utf16(&text, true)),
    ] {
        assert!(text_of(&bytes).unwrap() == text);
    }
}

#[test]
fn damaged_text_is_an_error_in_one_line() {
    let packed = gzip(&b"winner,loser\n".repeat(1000));
    let zstd = zstd::encode_all(&b"winner,loser\n".repeat(1000)[..], 3).unwrap();
    for (bytes, says) in [
        (&packed[..packed.len() - 9], "the gzip data are damaged or cut off"),
        (&zstd[..zstd.len() - 3], "the zstd data are damaged or cut off"),
        (&utf16("winner", false)[..9], "the UTF-16 text is cut off"),
        (b"\xff\xfea\0\x00\xd8\x00\xd8b\0", "not UTF-16 throughout"),
    ] {
        let message = text_of(bytes).unwrap_err().to_string();
        assert!(message.contains(says) && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_row_without_end_is_refused_before_it_fills_memory() {
    let message = text_of(&gzip(&vec![b'"'; 80 << 20])).unwrap_err().to_string();
    assert!(message.contains("a row of more than 64 MiB"), "{message}");
}

#[test]
fn other_kinds_of_files_are_named_with_what_to_do() {
    let zip = |name: &str| [&b"PK\x03\x04\x14\0\0\0\0\0"[..], name.as_bytes(), b"PK\x05\x06"].concat();
    let sas = [&[0; 12][..], b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7\x31\x8c\x18"].concat();
    let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 12\n";
    let utf16_without_mark = &utf16("winner,loser\n1,2\n", false)[2..];
    let kinds: Vec<(Vec<u8>, &str, &str)> = vec![
        (zip("xl/workbook.xml"), "an Excel workbook", "save the sheet as CSV"),
        (zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument spreadsheet", "as CSV"),
        (zip("a.npy"), "an archive of NumPy arrays", "CSV"),
        (zip("x.csv"), "a zip archive", "unpack it first"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "an old Excel workbook", "as CSV"),
        (b"ARROW1\0\0".to_vec(), "an Arrow file (Feather)", "as Parquet"),
        (b"\xff\xff\xff\xff\x10\0\0\0".to_vec(), "an Arrow stream", "as Parquet"),
        (b"RDX3\nX\n".to_vec(), "an R data file", "write.csv"),
        (gzip(b"X\n\0\0\0\x03"), "an R object (.rds)", "write.csv"),
        (b"$FL2@(#)".to_vec(), "an SPSS file", "CSV"),
        (b"<stata_dta><header>".to_vec(), "a Stata file", "CSV"),
        (b"\x72\x02\x01\x00\x05".to_vec(), "a Stata file", "CSV"),
        (sas, "a SAS file", "CSV"),
        (b"\x89HDF\r\n\x1a\n\0".to_vec(), "an HDF5 file", "CSV"),
        (b"MATLAB 5.0 MAT-file, Platform".to_vec(), "a MATLAB file", "writetable"),
        (b"\x80\x04\x95\x10\0\0\0".to_vec(), "a Python pickle", "to_csv"),
        (b"\x93NUMPY\x01\0".to_vec(), "a NumPy array", "CSV"),
        (b"SQLite format 3\0".to_vec(), "an SQLite database", "CSV"),
        (b"%PDF-1.7".to_vec(), "a PDF document", "CSV"),
        (b"\n <!DOCTYPE html><html>".to_vec(), "a page in HTML", "download"),
        (b"<?xml version=\"1.0\"?>".to_vec(), "an XML document", "CSV"),
        (b"{\"a\": 1}\n{\"a\": 2}\n".to_vec(), "JSON", "CSV"),
        (b"[\n {\"a\": 1}]".to_vec(), "JSON", "CSV"),
        (lfs.to_vec(), "a pointer of git-lfs", "run git lfs pull"),
        (b"BZh91AY".to_vec(), "packed with bzip2", "bunzip2"),
        (b"\xfd7zXZ\0".to_vec(), "packed with xz", "unxz"),
        (gzip(&tar), "a tar archive", "tar xf"),
        (gzip(&gzip(b"a,b\n")), "packed twice", "unpack"),
        (utf16_without_mark.to_vec(), "UTF-16 without a byte-order mark", "UTF-8"),
        (b"PARE".to_vec(), "an encrypted Parquet file", "without encryption"),
        (b"a\0\x01\x02\x03".to_vec(), "binary data of no kind", "CSV"),
    ];
    for (bytes, what, remedy) in kinds {
        // Whatever the name says.
        let message = text_of(&bytes).unwrap_err().to_string();
        assert!(message.contains(what) && message.contains(remedy), "{message}");
        assert!(message.contains("t.csv: ") && message.contains("a table was expected"), "{message}");
    }
    // Names of columns may begin like these.
    for text in ["version,b\n", "[a],[b]\n", "{a},b\n", "xl/workbook,b\n", "BZ,h\n"] {
        assert_eq!(text_of(text.as_bytes()).unwrap(), text);
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_once_and_looked_at_often() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || fs::write(path, gzip(b"winner,loser\na,b\n")).unwrap())
    };
    let input = Input::new(&path);
    for input in [input.clone(), input] {
        let mut text = String::new();
        input.text(EXPECTED).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "winner,loser\na,b\n");
    }
    writer.join().unwrap();
}

#[test]
fn lines_are_counted_however_they_end_and_blank_ones_passed_over() {
    for (text, offset, line) in [
        ("a,b\n1,2\n3,4\n", 8, 3),
        ("a,b\r\n1,2\r\n3,4\r\n", 10, 3),
        ("a,b\r1,2\r3,4\r", 8, 3),
        ("a,b\n\n\r\n3,4", 4, 4),
        ("a,b\r\n1,2", 4, 2),
        ("a", 0, 1),
    ] {
        let (_directory, input) = written("t.csv", text.as_bytes());
        assert_eq!(line_at(&input, offset), line, "{text:?}");
    }
}

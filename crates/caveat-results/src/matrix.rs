//! Square matrices in NumPy's .npy format: measured kernels in, computed ones out.

mod header;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use half::f16;

use self::header::{Float, Header, MAGIC};
use crate::atomic::write_atomically;
use crate::error::{Result, ResultsError};
use crate::input::Input;

const EXPECTED: &str = "a square matrix of f2, f4 or f8 saved by numpy.save";

/// Reads a square n × n matrix; returns its entries by row, and n.
///
/// Accepts float16, float32 and float64 in either byte order, in C or Fortran order. Memory: n² doubles, twice in Fortran order.
///
/// # Errors
/// A file that is not .npy, another element type (pickled objects included), a shape that is not n × n with n ≥ 1, fewer
/// entries than the shape says, or an entry that is NaN or infinite (named by row and column from 0).
pub fn read_matrix(path: &Path) -> Result<(Vec<f64>, usize)> {
    let file = File::open(path).map_err(|e| ResultsError::read(path, e))?;
    let metadata = file.metadata().map_err(|e| ResultsError::read(path, e))?;
    let size = metadata.len();
    if metadata.is_dir() {
        return Err(ResultsError::bad_file(path, format!("is a directory: expected {EXPECTED}")));
    }
    if metadata.is_file() && size == 0 {
        return Err(ResultsError::empty_file(path, EXPECTED));
    }
    let bad = |problem: String| ResultsError::bad_file(path, format!("{problem}: expected {EXPECTED}"));
    let mut file = BufReader::with_capacity(1 << 16, file);
    let header = Header::read(&mut file).map_err(|problem| {
        // Pointers of git-lfs, archives and pickles are named as such, but a damaged .npy is not.
        let is_npy = std::fs::File::open(path).is_ok_and(is_npy);
        let named = if is_npy { None } else { Input::new(path).no_matrix(EXPECTED) };
        named.unwrap_or_else(|| {
            bad(format!(
                "not a readable .npy file ({problem}; of text numpy.save(\"K.npy\", numpy.loadtxt(\"K.csv\", delimiter=\",\")) makes one)"
            ))
        })
    })?;
    let Some(float) = header.float() else {
        let pickled = if header.is_pickled() { " (pickled Python objects)" } else { "" };
        return Err(bad(format!("the element type is {}{pickled}", header.shown_type())));
    };
    let n = match *header.shape {
        [rows, columns] if rows == columns && rows > 0 => rows,
        ref shape => {
            let shape = shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ");
            return Err(bad(format!("the shape is ({shape})")));
        }
    };
    let width = float.width;
    let too_short = || bad(format!("{size} bytes are too few for {n} × {n} entries of {width} bytes"));
    // Check before allocating, so that a damaged header cannot ask for more memory than the file fills.
    let announced = n.checked_mul(n).and_then(|entries| entries.checked_mul(width as u64));
    if announced.is_none_or(|bytes| bytes > size) {
        return Err(too_short());
    }
    let n = n as usize;
    let mut entries = read_entries(&mut file, n * n, float).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => too_short(),
        _ => ResultsError::read(path, e),
    })?;
    let mut after = [0];
    if file.read(&mut after).map_err(|e| ResultsError::read(path, e))? > 0 {
        return Err(bad(format!("more bytes follow the {n} × {n} entries, as of a second array: save one")));
    }
    if header.fortran_order {
        entries = (0..n * n).map(|k| entries[(k % n) * n + k / n]).collect();
    }
    if let Some(k) = entries.iter().position(|x| !x.is_finite()) {
        let problem = format!("entry [{}, {}] is {}: all entries must be finite", k / n, k % n, entries[k]);
        return Err(ResultsError::bad_file(path, problem));
    }
    Ok((entries, n))
}

/// Reads `count` numbers as doubles.
fn read_entries(file: &mut impl Read, count: usize, float: Float) -> std::io::Result<Vec<f64>> {
    /// How many numbers are read at a time.
    const MANY: usize = 1 << 13;
    let mut entries = Vec::with_capacity(count);
    let mut bytes = vec![0; MANY * float.width];
    while entries.len() < count {
        let now = &mut bytes[..MANY.min(count - entries.len()) * float.width];
        file.read_exact(now)?;
        entries.extend(now.chunks_exact(float.width).map(|number| {
            let mut little = [0; 8];
            little[..float.width].copy_from_slice(number);
            if float.big_endian {
                little[..float.width].reverse();
            }
            let [a, b, c, d, ..] = little;
            match float.width {
                2 => f64::from(f16::from_le_bytes([a, b])),
                4 => f64::from(f32::from_le_bytes([a, b, c, d])),
                _ => f64::from_le_bytes(little),
            }
        }));
    }
    Ok(entries)
}

/// Whether a file begins as .npy files do.
fn is_npy(file: std::fs::File) -> bool {
    let mut head = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut head).is_ok() && head == MAGIC
}

/// Writes a row-major n × n matrix as .npy, little-endian float64 in C order, atomically.
///
/// # Errors
/// A length other than n², or a file that cannot be written.
pub fn write_matrix(path: &Path, entries: &[f64], n: usize) -> Result<()> {
    if n.checked_mul(n) != Some(entries.len()) {
        return Err(ResultsError::BadTable(format!("{} entries do not make a {n} × {n} matrix", entries.len())));
    }
    write_atomically(path, |out| {
        out.write_all(&header::of_matrix(n))?;
        entries.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A .npy file, version 1.0, with the header as given.
    fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let mut header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(Vec<f64>, usize)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k.npy");
        fs::write(&path, bytes).unwrap();
        read_matrix(&path)
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    #[test]
    fn a_written_matrix_reads_back_bit_for_bit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k.npy");
        let entries = [1.0, -0.1, f64::MIN_POSITIVE, 1e300, 0.1 + 0.2, 6.0, 7.0, 8.0, 9.0];
        write_matrix(&path, &entries, 3).unwrap();
        assert_eq!(read_matrix(&path).unwrap(), (entries.to_vec(), 3));
        assert!(write_matrix(&path, &entries, 2).is_err());
    }

    #[test]
    fn a_header_of_many_open_brackets_is_refused_at_once() {
        // A parser that went into brackets took twice as long for each one more.
        let deep = read(&npy(&"{".repeat(40_000), false, "(2, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0]))).unwrap_err();
        assert!(deep.to_string().contains("not a readable .npy file"), "{deep}");
        let deep = read(&npy(&"[".repeat(40_000), false, "(2, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0]))).unwrap_err();
        assert!(deep.to_string().contains("not a readable .npy file"), "{deep}");
        let structured = "[('a', '<f8'), ('b', '<f4', (2, 2))]";
        let named = read(&npy(structured, false, "(2, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0]))).unwrap_err();
        assert!(named.to_string().contains("element type"), "{named}");
    }

    #[test]
    fn orders_and_widths_and_byte_orders_give_the_same_rows() {
        let expected = (vec![1.0, 2.0, 3.0, 4.0], 2);
        let columns = doubles(&[1.0, 3.0, 2.0, 4.0]);
        assert_eq!(read(&npy("'<f8'", true, "(2, 2)", &columns)).unwrap(), expected);
        let single: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(read(&npy("'<f4'", false, "(2, 2)", &single)).unwrap(), expected);
        let half: Vec<u8> = [0x3c00_u16, 0x4000, 0x4200, 0x4400].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(read(&npy("'<f2'", false, "(2, 2)", &half)).unwrap(), expected);
        let big: Vec<u8> = [1.0_f64, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        assert_eq!(read(&npy("'>f8'", false, "(2, 2)", &big)).unwrap(), expected);
    }

    #[test]
    fn wrong_files_are_refused_with_what_would_be_right() {
        let four = doubles(&[1.0, 2.0, 3.0, 4.0]);
        for (bytes, says) in [
            (vec![], "empty (0 bytes)"),
            (b"hello, this is text".to_vec(), "not a readable .npy file"),
            (b"version https://git-lfs.github.com/spec/v1\noid".to_vec(), "run git lfs pull"),
            (b"PK\x03\x04 k.npy".to_vec(), "an archive of NumPy arrays (.npz)"),
            (b"PK\x03\x04 k.npy".to_vec(), "save the matrix with numpy.save"),
            (npy("'<f8'", false, "(1, 1)", &doubles(&[1.0, 2.0])), "more bytes follow the 1 × 1 entries"),
            (npy("'<f8'", false, "(4,)", &four), "the shape is (4)"),
            (npy("'<f8'", false, "(1, 4)", &four), "the shape is (1 × 4)"),
            (npy("'<f8'", false, "(0, 0)", &[]), "the shape is (0 × 0)"),
            (npy("'<i8'", false, "(2, 2)", &four), "the element type is '<i8'"),
            (npy("'|O'", false, "()", &four), "pickled Python objects"),
            (npy("'<f8'", false, "(3, 3)", &four), "too few for 3 × 3"),
            (npy("'<f8'", false, "(4000000000, 4000000000)", &four), "too few"),
            (npy("'<f8'", false, "(2, 2)", &doubles(&[1.0, 2.0, f64::NAN, 4.0])), "entry [1, 0] is NaN"),
            (npy("'<f8'", false, "(2, 2)", &doubles(&[1.0, f64::INFINITY, 3.0, 4.0])), "entry [0, 1] is inf"),
        ] {
            let message = read(&bytes).unwrap_err().to_string();
            assert!(message.contains(says) && message.contains("k.npy"), "{message:?} should say {says:?}");
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn a_damaged_header_is_an_error_and_never_a_panic() {
        let good = npy("'<f8'", false, "(2, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0]));
        for k in 0..good.len() - 32 {
            for value in [0, 1, b'(', b'9', 0x7f, 0xff] {
                let mut bytes = good.clone();
                bytes[k] = value;
                let _ = read(&bytes);
            }
            let _ = read(&good[..k]);
        }
    }
}

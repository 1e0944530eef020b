//! What checksums of files are made from and written as: blocks of bytes, lines of several files, hexadecimal digits.

use std::fmt::Write;
use std::io::{self, ErrorKind, Read};

use sha2::{Digest, Sha256};

/// Bytes in lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The SHA-256 of several files: that of the lines `SHA256  NAME`, as sha256sum prints them.
pub(crate) fn sha256_of_lines<'a>(files: impl IntoIterator<Item = (String, &'a str)>) -> String {
    let lines: String = files.into_iter().map(|(sha256, name)| format!("{sha256}  {name}\n")).collect();
    hex(&Sha256::digest(lines))
}

/// Reads the next bytes, at most as many as `block` holds; none at the end.
pub(crate) fn next_block<'a>(reader: &mut impl Read, block: &'a mut [u8]) -> io::Result<&'a [u8]> {
    loop {
        match reader.read(block) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            read => return read.map(|n| &block[..n]),
        }
    }
}

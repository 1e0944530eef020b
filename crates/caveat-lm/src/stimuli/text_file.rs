//! Reads small text files that people write.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{LmError, Result};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The bytes of a small file; `what` is its expected content, for messages.
pub(crate) fn read_small(path: &Path, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| LmError::read(path, e))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| LmError::read(path, e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(LmError::bad_file(path, format!("more than {MAX_BYTES} bytes: expected {what}")));
    }
    Ok(bytes)
}

/// The text of a file without a byte-order mark and with `\n` as line ends; `what` is its expected content, for messages.
pub(super) fn read(path: &Path, what: &str) -> Result<String> {
    let text = String::from_utf8(read_small(path, what)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        LmError::bad_file(path, format!("byte {at} is not UTF-8: expected {what}"))
    })?;
    Ok(plain_lines(&text))
}

/// Text without a byte-order mark and with `\n` as line ends, so that a file means the same however it was saved.
pub(super) fn plain_lines(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

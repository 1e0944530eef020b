//! Reading small text files that people write: templates and lists of items.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{LmError, Result};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The text of a file without a byte-order mark, line ends as `\n`; `what` says what the file should hold.
pub(super) fn read(path: &Path, what: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| LmError::read(path, e))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| LmError::read(path, e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(LmError::bad_file(path, format!("more than {MAX_BYTES} bytes: expected {what}")));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        LmError::bad_file(path, format!("byte {at} is not UTF-8: expected {what}"))
    })?;
    Ok(plain_lines(&text))
}

/// Text without a byte-order mark, line ends as `\n`, so that a file means the same however it was saved.
pub(super) fn plain_lines(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

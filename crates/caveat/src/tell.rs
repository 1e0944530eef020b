//! What a person is told beside the results: lines on standard error.

use std::io::Write;

/// Tells a person something in one line on standard error, whatever names it holds; nobody may be listening.
pub(crate) fn tell(text: &str) {
    let line: String =
        text.chars().map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.into() }).collect();
    let _ = writeln!(std::io::stderr(), "{line}");
}

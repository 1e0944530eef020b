//! Numbers as a person reads them.

use caveat_results::{Format, Table, Values};

/// A number in a summary: six significant digits, a dash for none.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        "-".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else {
        let table = Table::new().with("x", Values::Float(vec![value])).and_then(|t| t.render(Format::Table));
        table.ok().and_then(|t| t.lines().last().map(|l| l.trim().to_owned())).unwrap_or_else(|| value.to_string())
    }
}

//! What a person is told besides the results: lines on standard error.

use std::io::Write;

use caveat_results::{Input, spell_arguments, tables_passed_over};

/// Writes one line to standard error, with control characters escaped and arguments spelled as options. It does not matter if
/// standard error is closed.
pub(crate) fn tell(text: &str) {
    let line: String = spell_arguments(text, flag)
        .chars()
        .map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.into() })
        .collect();
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Warns about what makes a result doubtful.
pub(crate) fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Tells which tables in directories are not read.
pub(crate) fn tell_passed_over(files: &[Input]) {
    tables_passed_over(files).iter().for_each(|note| tell(note));
}

/// A number of things, as in "1 file" and "2 files".
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// An argument as an option of the command line.
fn flag(name: &str, value: Option<&str>) -> String {
    let option = match name {
        "n_items" => "-n".to_owned(),
        "tasks" => "--task".to_owned(),
        "exceptions" => "--exception".to_owned(),
        "items" => "--order".to_owned(),
        name => format!("--{}", name.replace('_', "-")),
    };
    match value {
        Some(value) => format!("{option} {value}"),
        None => option,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_options() {
        let spelled = |text| spell_arguments(text, flag);
        assert_eq!(spelled("⟨n_items⟩ or ⟨tasks=exc=9:5-3⟩"), "-n or --task exc=9:5-3");
        assert_eq!(spelled("leave out ⟨position_bias⟩"), "leave out --position-bias");
    }
}

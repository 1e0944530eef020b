//! What a person is told beside the results: lines on standard error.

use std::io::Write;

use caveat_results::{Input, spell_arguments, tables_passed_over};

/// Tells a person something in one line on standard error, whatever names it holds, with arguments as the command line has them;
/// nobody may be listening.
pub(crate) fn tell(text: &str) {
    let line: String = spell_arguments(text, flag)
        .chars()
        .map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.into() })
        .collect();
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells a person what makes a result doubtful.
pub(crate) fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Says which tables under directories are not read.
pub(crate) fn tell_passed_over(files: &[Input]) {
    tables_passed_over(files).iter().for_each(|note| tell(note));
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

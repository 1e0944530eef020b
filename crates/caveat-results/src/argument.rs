//! Names of arguments in messages: written in ⟨brackets⟩ here, spelled by the command or by Python before a person sees them.
//!
//! ⟨where=rt<2000⟩ is `--where rt<2000` on a command line and `where="rt<2000"` in Python.

/// Replaces every ⟨name⟩ and ⟨name=value⟩ in a message by what `spell` makes of it; everything else stays.
pub fn spell_arguments(message: &str, spell: impl Fn(&str, Option<&str>) -> String) -> String {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut spelled = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('⟨') {
        spelled.push_str(before);
        let argument = after.split_once('⟩').and_then(|(inside, behind)| {
            let (name, value) = inside.split_once('=').map_or((inside, None), |(name, value)| (name, Some(value)));
            is_name(name).then(|| (spell(name, value), behind))
        });
        match argument {
            Some((argument, behind)) => {
                spelled.push_str(&argument);
                rest = behind;
            }
            None => {
                spelled.push('⟨');
                rest = after;
            }
        }
    }
    spelled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_spelled_and_all_else_stays() {
        let flags = |name: &str, value: Option<&str>| match value {
            Some(value) => format!("--{name} {value}"),
            None => format!("--{name}"),
        };
        let spelled = |message| spell_arguments(message, flags);
        assert_eq!(spelled("add hier to ⟨by⟩"), "add hier to --by");
        assert_eq!(spelled("(⟨where=a=b & c>1⟩); ⟨phase⟩"), "(--where a=b & c>1); --phase");
        for same in ["", "no argument", "`by`", "one ⟨ alone", "⟨⟩", "⟨by", "the column ⟨x²⟩", "⟩by⟨"]
        {
            assert_eq!(spelled(same), same);
        }
        assert_eq!(spelled("a column ⟨ and ⟨by⟩"), "a column ⟨ and --by");
    }
}

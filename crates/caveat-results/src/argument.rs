//! Arguments as they stand in messages: by name between backticks, until the face that a person uses spells them its way.
//!
//! `` `where=rt<2000` `` is `--where rt<2000` on a command line and `where="rt<2000"` in Python. What else stands between
//! backticks is left alone.

/// Names that messages use, those of the fields of requests.
const NAMES: [&str; 37] = [
    "bootstrap",
    "by",
    "c",
    "cluster",
    "columns",
    "compare",
    "distance_figure",
    "exceptions",
    "figure",
    "first_rank",
    "folds",
    "hierarchical",
    "items",
    "kernel",
    "lapse",
    "layout",
    "learner",
    "loss",
    "most",
    "n_items",
    "pairs",
    "phase",
    "position_bias",
    "preset",
    "project",
    "published",
    "ranks_only",
    "route",
    "seed",
    "skip_missing",
    "table",
    "tasks",
    "test",
    "time",
    "train",
    "trials",
    "where",
];

/// A message with every argument in it as `spell` writes it, from its name and perhaps a value.
pub fn spell_arguments(message: &str, spell: impl Fn(&str, Option<&str>) -> String) -> String {
    let mut spelled = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('`') {
        spelled.push_str(before);
        let argument = after.split_once('`').and_then(|(inside, behind)| {
            let (name, value) = inside.split_once('=').map_or((inside, None), |(name, value)| (name, Some(value)));
            NAMES.contains(&name).then(|| (spell(name, value), behind))
        });
        match argument {
            Some((argument, behind)) => {
                spelled.push_str(&argument);
                rest = behind;
            }
            None => {
                spelled.push('`');
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
        assert_eq!(spelled("add hier to `by`"), "add hier to --by");
        assert_eq!(spelled("(`where=a=b & c>1`); `phase`"), "(--where a=b & c>1); --phase");
        for same in ["", "no argument", "`other`", "one ` alone", "``", "`by", "file `x` of by="] {
            assert_eq!(spelled(same), same);
        }
        assert_eq!(spelled("a column ` and `by`"), "a column ` and --by");
        assert!(NAMES.is_sorted());
    }
}

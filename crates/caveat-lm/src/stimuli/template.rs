//! Templates of prompts, which turn a pair of items into a question: built-in ones and those of the user.

use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::items::ItemSet;
use super::text_file;
use crate::error::{LmError, Result, one_line};

const TEAMS: &str = include_str!("../../data/templates/teams.txt");
const POKER: &str = include_str!("../../data/templates/poker.txt");
const ITEMS: &str = include_str!("../../data/templates/items.txt");

/// The variables that a template may use.
const VARIABLES: [&str; 4] = ["anchor_winner", "anchor_loser", "item_a", "item_b"];
/// The end of every prompt, after which the model's next token is its answer.
const CUE: &str = "A:";
/// Longest prompt, in bytes.
const MAX_PROMPT: usize = 1 << 13;
/// Steps and 64-byte units of memory that rendering one prompt may take; the longest prompts take a few hundred.
const FUEL: u64 = 20_000;
/// Name of the template in its environment.
const NAME: &str = "prompt";

/// How prompts are worded.
///
/// A template is text in the Jinja language with the variables `anchor_winner`, `anchor_loser`, `item_a` and `item_b`, which are
/// replaced by names without escaping. White space at the end is ignored; before it a prompt must end in `A:`. All line ends count
/// as `\n`. Plain text with the four variables is usually enough:
///
/// ```text
/// Q: Do the {{ anchor_winner }} beat the {{ anchor_loser }}?
/// A: Yes
/// Q: Do the {{ anchor_loser }} beat the {{ anchor_winner }}?
/// A: No
/// Q: Do the {{ item_a }} beat the {{ item_b }}?
/// A:
/// ```
#[derive(Debug, Clone)]
pub struct PromptTemplate {
    origin: String,
    source: String,
    environment: Environment<'static>,
}

impl PromptTemplate {
    /// The built-in template for a set of items.
    ///
    /// # Errors
    /// Only if the program was built with damaged templates.
    pub fn built_in(set: &ItemSet) -> Result<Self> {
        match set {
            ItemSet::Invented | ItemSet::MajorLeagueBaseball => Self::new("the template of teams", TEAMS),
            ItemSet::Poker => Self::new("the template of poker hands", POKER),
            ItemSet::Custom(_) => Self::new("the template of items", ITEMS),
        }
    }

    /// A template from its text; `origin` names it in messages.
    ///
    /// # Errors
    /// A syntax error; a variable other than the four; a prompt in which `item_a` or `item_b` does not appear unchanged, that does
    /// not end in `A:`, or that has more than 8192 bytes.
    pub fn new(origin: &str, source: &str) -> Result<Self> {
        let source = text_file::plain_lines(source);
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        let wrong = |problem: String| LmError::invalid(format!("{origin}: {problem}"));
        environment.add_template_owned(NAME, source.clone()).map_err(|e| wrong(message(&e)))?;
        let template = Self { origin: origin.to_owned(), source, environment };

        let parsed = template.environment.get_template(NAME).map_err(|e| wrong(message(&e)))?;
        let mut unknown: Vec<String> =
            parsed.undeclared_variables(false).into_iter().filter(|v| !VARIABLES.contains(&v.as_str())).collect();
        unknown.sort();
        if let Some(name) = unknown.first() {
            return Err(wrong(format!("unknown variable {name}: expected only {}", VARIABLES.join(", "))));
        }
        // Stand-ins that no template contains.
        let prompt = template.render("\u{e000}", "\u{e001}", "\u{e002}", "\u{e003}")?;
        for (variable, stand_in) in [("item_a", '\u{e002}'), ("item_b", '\u{e003}')] {
            if !prompt.contains(stand_in) {
                return Err(wrong(format!("{variable} does not appear in the prompt: expected {{{{ {variable} }}}}")));
            }
        }
        Ok(template)
    }

    /// Reads a template from a file.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and a file that cannot be read, is not UTF-8 or has more than 1 MiB.
    pub fn from_file(path: &Path) -> Result<Self> {
        let source = text_file::read(path, "the template of a prompt")?;
        Self::new(&path.display().to_string(), &source)
    }

    /// The text of the template, from which [`new`](Self::new) makes the same template.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The prompt that asks whether `item_a` beats `item_b`.
    ///
    /// # Errors
    /// A template that fails for these names, or a prompt that does not end in `A:` or has more than 8192 bytes.
    pub fn render(&self, anchor_winner: &str, anchor_loser: &str, item_a: &str, item_b: &str) -> Result<String> {
        let wrong = |problem: String| LmError::invalid(format!("{}: {problem}", self.origin));
        let mut prompt = self
            .environment
            .get_template(NAME)
            .and_then(|t| t.render(context! { anchor_winner, anchor_loser, item_a, item_b }))
            .map_err(|e| wrong(message(&e)))?;
        prompt.truncate(prompt.trim_end().len());
        if prompt.len() > MAX_PROMPT {
            return Err(wrong(format!("a prompt has {} bytes: expected at most {MAX_PROMPT}", prompt.len())));
        }
        if !prompt.ends_with(CUE) {
            let end = prompt.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<String>();
            return Err(wrong(format!(
                "a prompt ends in {end:?}: expected it to end in {CUE:?}, which the answer follows"
            )));
        }
        Ok(prompt)
    }
}

/// The message of the template engine, in one line.
fn message(error: &minijinja::Error) -> String {
    let place = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|d| format!(": {d}")).unwrap_or_default();
    one_line(format!("{place}{}{detail}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(source: &str) -> String {
        let message = PromptTemplate::new("mine.txt", source).unwrap_err().to_string();
        assert!(message.starts_with("mine.txt: ") && !message.contains('\n'), "{message}");
        message
    }

    #[test]
    fn names_are_put_in_as_they_are() {
        let template = PromptTemplate::new("page.html", "{{ item_a }} > {{ item_b }}?\nA:").unwrap();
        assert_eq!(template.render("w", "l", "<A&B>", "{{ item_b }}").unwrap(), "<A&B> > {{ item_b }}?\nA:");
    }

    #[test]
    fn white_space_at_the_end_and_the_kind_of_line_ends_do_not_count() {
        let plain = PromptTemplate::new("t", "{{ item_a }}\n\n{{ item_b }}\nA:").unwrap();
        let saved_elsewhere =
            PromptTemplate::new("t", "\u{feff}{{ item_a }}\r\n\r\n{{ item_b }}\r\nA: \r\n\r\n").unwrap();
        let render = |t: &PromptTemplate| t.render("w", "l", "a", "b").unwrap();
        assert_eq!(render(&plain), "a\n\nb\nA:");
        assert_eq!(render(&plain), render(&saved_elsewhere));
        let again = PromptTemplate::new("again", saved_elsewhere.source()).unwrap();
        assert_eq!(render(&again), render(&plain));
    }

    #[test]
    fn bad_templates_are_refused_with_the_reason() {
        assert!(
            refusal("{{ item_a }} {{ item_c }}\nA:").contains("unknown variable item_c: expected only anchor_winner")
        );
        assert!(refusal("{% if zeta %}{% endif %}{{ item_a }}{{ beta }}\nA:").contains("unknown variable beta"));
        assert!(refusal("{{ item_a }}?\nA:").contains("item_b does not appear in the prompt"));
        assert!(refusal("{{ item_b }}{% if item_a == 'x' %}{{ item_a }}{% endif %}\nA:").contains("item_a does not"));
        assert!(refusal("{{ item_a }}\n{{ item_b }\nA:").contains("line 2: syntax error"));
        assert!(refusal("{{ item_a | upper }} {{ item_b }}\nA:").contains("unknown filter"));
        assert!(refusal("{{ item_a }} {{ item_b }}\nAnswer").ends_with("which the answer follows"));
        assert!(refusal("").contains("a prompt ends in \"\""));
        assert!(
            refusal(&format!("{}{{{{ item_a }}}}{{{{ item_b }}}}A:", "x".repeat(1 << 13))).contains("at most 8192")
        );
    }

    #[test]
    fn a_template_cannot_run_away_with_time_or_memory() {
        let loops =
            "{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(9) + &"{% endfor %}".repeat(9) + "{{ item_a }}{{ item_b }}A:";
        assert!(refusal(&loops).contains("fuel"), "{}", refusal(&loops));
        assert!(refusal("{{ 'x' * 9999999999 }}{{ item_a }}{{ item_b }}A:").contains("fuel"));
    }

    #[test]
    fn wordings_with_conditions_and_own_variables_are_expressible() {
        let source = "{% set verb = 'tops' %}{% for q in [[anchor_winner, anchor_loser, 'Yes'], [anchor_loser, \
                      anchor_winner, 'No']] %}Q: {{ q[0] }} {{ verb }} {{ q[1] }}? A: {{ q[2] }}.\n{% endfor %}Q: {{ item_a }} \
                      {{ verb }} {{ item_b }}? A:";
        let prompt = PromptTemplate::new("t", source).unwrap().render("w", "l", "a", "b").unwrap();
        assert_eq!(prompt, "Q: w tops l? A: Yes.\nQ: l tops w? A: No.\nQ: a tops b? A:");
    }

    #[test]
    fn a_file_is_named_in_what_is_wrong_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("own.txt");
        std::fs::write(&path, "{{ item_a }}, {{ item_b }}. A:\n").unwrap();
        assert_eq!(PromptTemplate::from_file(&path).unwrap().render("", "", "x", "y").unwrap(), "x, y. A:");
        std::fs::write(&path, "{{ item_a }}\nA:").unwrap();
        assert!(PromptTemplate::from_file(&path).unwrap_err().to_string().contains("own.txt: item_b"));
        assert!(PromptTemplate::from_file(directory.path()).is_err());
    }
}

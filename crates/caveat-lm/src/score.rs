//! Scores prompts given by the user: reads one JSON object per line and computes the logits of two answers.

use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{LmError, Result, one_line, quoted};
use crate::evaluation::{AnswerTokens, Answered, evaluate};
use crate::run::LoadedModel;
use crate::tokenizer::Tokenizer;

/// Longest line, in bytes.
const MAX_LINE: usize = 1 << 20;

/// A line of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// The text that the model reads.
    pub prompt: String,
    /// All fields of the line, including the prompt.
    pub fields: Map<String, Value>,
}

impl ScoreLine {
    /// Whether an answer is the one that the field `label` names; `None` without a label, or with one that [`check_labels`] refuses.
    pub fn is_correct(&self, answer: &Answered, tokens: &AnswerTokens) -> Option<bool> {
        let is_yes = self.label(tokens).ok().flatten()?;
        Some((answer.prob_yes() > 0.5) == is_yes)
    }

    /// Whether the label is the first answer: spelled like the tokens, or as yes, no, true or false in any case.
    fn label(&self, tokens: &AnswerTokens) -> std::result::Result<Option<bool>, String> {
        let label = match self.fields.get("label") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Bool(is_yes)) => return Ok(Some(*is_yes)),
            Some(Value::String(label)) => label.clone(),
            Some(other) => other.to_string(),
        };
        let label = label.trim();
        let (yes, no) = (tokens.yes_text.trim(), tokens.no_text.trim());
        match label.to_lowercase().as_str() {
            "" => Ok(None),
            _ if label == yes => Ok(Some(true)),
            _ if label == no => Ok(Some(false)),
            "yes" | "true" => Ok(Some(true)),
            "no" | "false" => Ok(Some(false)),
            _ => Err(format!(
                "the label is {}: expected {yes:?} or {no:?}, as yes, no, true or false, or none where no answer is right",
                quoted(label)
            )),
        }
    }
}

/// Refuses labels that are neither of the two answers.
///
/// # Errors
/// The first such label, with its line.
pub fn check_labels(lines: &[ScoreLine], tokens: &AnswerTokens, path: &Path) -> Result<()> {
    lines.iter().try_for_each(|line| match line.label(tokens) {
        Ok(_) => Ok(()),
        Err(problem) => Err(LmError::bad_file(path, format!("line {}: {problem}", line.line))),
    })
}

/// Reads lines of JSON objects, each with the text to score under `prompt` or `text`; empty lines are skipped.
///
/// `path` is for messages.
///
/// # Errors
/// A line that is no JSON object, has no prompt or an empty one, or is longer than 1 MiB, with its number; an input without lines.
pub fn read_prompts(mut input: impl BufRead, path: &Path) -> Result<Vec<ScoreLine>> {
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let most = MAX_LINE as u64 + 1;
        let n =
            std::io::Read::take(&mut input, most).read_until(b'\n', &mut bytes).map_err(|e| LmError::read(path, e))?;
        if n == 0 {
            break;
        }
        let wrong = |problem: String| LmError::bad_file(path, format!("line {line}: {problem}"));
        if n > MAX_LINE {
            return Err(wrong(format!("more than {MAX_LINE} bytes: expected a JSON object")));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let expected = "expected a JSON object with a prompt, as in {\"prompt\": \"… A:\"}";
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|e| wrong(format!("no JSON ({}): {expected}", one_line(e))))?;
        let Value::Object(fields) = value else {
            return Err(wrong(format!("{} is no object: {expected}", quoted(&value.to_string()))));
        };
        let prompt = match (fields.get("prompt"), fields.get("text")) {
            (Some(Value::String(prompt)), _) | (None, Some(Value::String(prompt))) => prompt.clone(),
            (Some(other), _) | (None, Some(other)) => {
                return Err(wrong(format!("the prompt is {}: expected text", quoted(&other.to_string()))));
            }
            (None, None) => return Err(wrong(format!("there is no field prompt or text: {expected}"))),
        };
        if prompt.is_empty() {
            return Err(wrong("the prompt is empty: expected text".to_owned()));
        }
        lines.push(ScoreLine { line, prompt, fields });
    }
    match lines.is_empty() {
        true => Err(LmError::bad_file(path, "has no lines: expected a JSON object with a prompt in each")),
        false => Ok(lines),
    }
}

/// The tokens of two given answers, or those that the model has for Yes and No.
///
/// # Errors
/// A text that is not one token; two answers with the same token; a tokenizer without tokens for Yes and No.
pub fn answer_tokens(tokenizer: &Tokenizer, texts: Option<(&str, &str)>) -> Result<AnswerTokens> {
    let Some((yes_text, no_text)) = texts else { return AnswerTokens::find(tokenizer) };
    let token = |text: &str| match tokenizer.encode_plain(text)?.as_slice() {
        [token] => Ok(*token),
        tokens => {
            let n = tokens.len();
            Err(LmError::invalid(format!("the answer {} is {n} tokens of this model: expected one", quoted(text))))
        }
    };
    let (yes, no) = (token(yes_text)?, token(no_text)?);
    if yes == no {
        return Err(LmError::invalid(format!("both answers are {}: expected two", quoted(yes_text))));
    }
    Ok(AnswerTokens { yes, no, yes_text: yes_text.to_owned(), no_text: no_text.to_owned() })
}

/// The answer of a model to each line. `progress` gets the number of lines done.
///
/// # Errors
/// A prompt that the model cannot read, with the number of its line; [`LmError::Failed`] for answers that are not finite;
/// [`LmError::Interrupted`].
pub fn score(
    loaded: &LoadedModel,
    lines: &[ScoreLine],
    tokens: &AnswerTokens,
    path: &Path,
    progress: &mut dyn FnMut(usize),
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Answered>> {
    let most = loaded.model.config().max_position_embeddings;
    let encode = |line: &ScoreLine| {
        let wrong = |problem: String| LmError::bad_file(path, format!("line {}: {problem}", line.line));
        let ids = loaded.tokenizer.encode(&line.prompt).map_err(|e| wrong(e.to_string()))?;
        match ids.len() {
            0 => Err(wrong("the prompt has no tokens: expected text that the model can spell".to_owned())),
            n if n > most => Err(wrong(format!("the prompt has {n} tokens: the model reads at most {most}"))),
            _ => Ok(ids),
        }
    };
    let prompts = lines.iter().map(encode).collect::<Result<Vec<_>>>()?;
    let answers = evaluate(&loaded.model, &prompts, tokens, false, progress, cancelled)?.answers;
    match answers.iter().zip(lines).find(|(answer, _)| !answer.is_finite()) {
        Some((_, line)) => {
            let reason = format!("the answer to line {} is not a number: the model's weights are too large", line.line);
            Err(LmError::Failed(reason))
        }
        None => Ok(answers),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Result<Vec<ScoreLine>> {
        read_prompts(text.as_ref(), Path::new("p.jsonl"))
    }

    #[test]
    fn lines_carry_their_fields_in_order() {
        let lines = read("\n{\"id\": 7, \"prompt\": \"Q A:\", \"label\": \"Yes\"}\r\n \n{\"text\": \"B\"}").unwrap();
        assert_eq!(lines.iter().map(|l| (l.line, l.prompt.as_str())).collect::<Vec<_>>(), [(2, "Q A:"), (4, "B")]);
        assert_eq!(lines[0].fields.keys().collect::<Vec<_>>(), ["id", "prompt", "label"]);
        // Where both are there, the prompt counts.
        assert_eq!(read("{\"text\": \"t\", \"prompt\": \"p\"}").unwrap()[0].prompt, "p");
    }

    #[test]
    fn malformed_lines_are_refused_by_number() {
        for (text, says) in [
            ("", "has no lines"),
            ("\n \n", "has no lines"),
            ("{\"prompt\": \"a\"}\n{\"prompt\": ", "line 2: no JSON (EOF"),
            ("{\"prompt\": \"a\"}\nplain", "line 2: no JSON (expected value"),
            ("[1, 2]", "line 1: \"[1,2]\" is no object"),
            ("\n{\"question\": \"a\"}", "line 2: there is no field prompt or text"),
            ("{\"prompt\": 3}", "line 1: the prompt is \"3\": expected text"),
            ("{\"prompt\": null, \"text\": \"a\"}", "line 1: the prompt is \"null\": expected text"),
            ("{\"prompt\": \"\"}", "line 1: the prompt is empty"),
        ] {
            let problem = read(text).unwrap_err().to_string();
            assert!(problem.contains("p.jsonl: ") && problem.contains(says) && !problem.contains('\n'), "{problem}");
        }
        assert!(read(b"{\"prompt\": \"\xff\"}").is_err());
        assert!(read(vec![b' '; MAX_LINE + 5]).unwrap_err().to_string().contains("line 1: more than 1048576 bytes"));
    }

    #[test]
    fn a_label_counts_if_it_names_an_answer() {
        let tokens = AnswerTokens { yes: 0, no: 1, yes_text: " True".into(), no_text: " False".into() };
        let answer = Answered { logit_yes: 1.0, logit_no: 0.0, mass: 1.0 };
        let of = |label: Value| {
            let fields = json!({ "prompt": "p", "label": label });
            let Value::Object(fields) = fields else { unreachable!() };
            ScoreLine { line: 1, prompt: "p".into(), fields }.is_correct(&answer, &tokens)
        };
        assert_eq!(
            [of(json!("True")), of(json!("False")), of(json!("Yes")), of(json!("No"))],
            [true, false, true, false].map(Some)
        );
        assert_eq!([of(json!("maybe")), of(json!(1)), of(Value::Null)], [None; 3]);
    }
}

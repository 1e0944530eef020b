//! `caveat lm score`: a model's answers to prompts given by the user.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use caveat_lm::{
    AnswerTokens, Answered, LmError, ScoreLine, answer_tokens, check_labels, load_adapter, read_prompts, score,
};
use caveat_results::{Format, Table};
use serde_json::{Value, json};

use super::interrupt::Interrupt;
use super::prepare::{find, load, prepare};
use super::progress::Stages;
use crate::cli::ScoreArgs;
use crate::failure::Failure;
use crate::progress;
use crate::tell::tell;

/// The columns for an answer.
const ANSWER: [&str; 7] = ["line", "logit_yes", "logit_no", "logit_diff", "prob_yes", "mass", "correct"];

pub(crate) fn run(args: &ScoreArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let is_standard_input = args.prompts.as_os_str() == "-";
    let path = if is_standard_input { Path::new("standard input") } else { args.prompts.as_path() };
    let model = find(&args.model, Some("model"))?;
    let device = prepare(&args.compute, None)?;
    let lines = match is_standard_input {
        true => read_prompts(std::io::stdin().lock(), path)?,
        false => {
            let file = File::open(path).map_err(|source| LmError::Read { path: path.to_owned(), source })?;
            read_prompts(BufReader::new(file), path)?
        }
    };
    let interrupt = Interrupt::watch()?;
    let mut stages = Stages::new();
    let loaded = load(&model, &device, &mut stages);
    stages.finish();
    let mut loaded = loaded?;
    if let Some(adapter) = &args.adapter {
        let summary = load_adapter(&mut loaded.model, adapter)?;
        if let Some(trained_on) = summary.trained_on.filter(|known| known.weights_sha256 != loaded.weights_sha256) {
            let (adapter, weights) = (adapter.display(), trained_on.weights);
            tell(&format!("{adapter}: it was trained on other weights than these, which were called {weights}"));
        }
    }
    let tokens = answer_tokens(&loaded.tokenizer, args.yes.as_deref().zip(args.no.as_deref()))?;
    check_labels(&lines, &tokens, path)?;
    let note = loaded.tokenizer.note_of_beginnings(lines.iter().map(|line| line.prompt.as_str()))?;
    note.iter().for_each(|note| tell(note));
    let bar = progress::bar(lines.len() as u64, "scoring");
    let mut on = |done| bar.set_position(done as u64);
    let answers = score(&loaded, &lines, &tokens, path, &mut on, &|| interrupt.is_requested());
    bar.finish_and_clear();
    let scored: Vec<Scored<'_>> =
        lines.iter().zip(answers?).map(|(line, answer)| Scored::new(line, answer, &tokens)).collect();
    if args.output.output.is_none() && args.output.format == Format::Table {
        return args.output.give(&brief(&scored)?);
    }
    args.output.give_value(&table(&scored)?, || values(&scored))
}

/// A line with its answer.
struct Scored<'a> {
    line: &'a ScoreLine,
    answer: Answered,
    correct: Option<bool>,
}

impl<'a> Scored<'a> {
    fn new(line: &'a ScoreLine, answer: Answered, tokens: &AnswerTokens) -> Self {
        Self { line, answer, correct: line.is_correct(&answer, tokens) }
    }

    /// A field of the line as a cell of a table.
    fn cell(&self, name: &str) -> String {
        match self.line.fields.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The fields of the line that no column of the answer replaces.
    fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.line.fields.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !ANSWER.contains(name))
    }
}

/// The lines as objects, their own fields first.
fn values(scored: &[Scored<'_>]) -> Vec<Value> {
    let of = |s: &Scored<'_>| {
        let own = s.fields().map(|(name, value)| (name.to_owned(), value.clone()));
        let answer = [
            json!(s.line.line),
            json!(s.answer.logit_yes),
            json!(s.answer.logit_no),
            json!(s.answer.logit_diff()),
            json!(s.answer.prob_yes()),
            json!(s.answer.mass),
            json!(s.correct.map(i64::from)),
        ];
        Value::Object(own.chain(ANSWER.map(str::to_owned).into_iter().zip(answer)).collect())
    };
    scored.iter().map(of).collect()
}

/// The lines as a table: fields that are not text are JSON; missing fields and null are empty.
fn table(scored: &[Scored<'_>]) -> Result<Table, Failure> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in scored.iter().flat_map(Scored::fields) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = Table::new();
    for name in names {
        table = table.text(name, scored.iter().map(|s| s.cell(name)))?;
    }
    with_answers(table, scored)
}

/// A table that fits a terminal, with the end of the prompt and the label.
fn brief(scored: &[Scored<'_>]) -> Result<Table, Failure> {
    const SHOWN: usize = 40;
    let end = |prompt: &str| match prompt.char_indices().rev().nth(SHOWN) {
        Some((at, _)) => format!("…{}", prompt[at..].chars().skip(1).collect::<String>()),
        None => prompt.to_owned(),
    };
    let mut table = Table::new().text("prompt", scored.iter().map(|s| end(&s.line.prompt)))?;
    if scored.iter().any(|s| s.line.fields.contains_key("label")) {
        table = table.text("label", scored.iter().map(|s| s.cell("label")))?;
    }
    with_answers(table, scored)
}

fn with_answers(table: Table, scored: &[Scored<'_>]) -> Result<Table, Failure> {
    let [line, logit_yes, logit_no, logit_diff, prob_yes, mass, correct] = ANSWER;
    let real = |of: fn(&Answered) -> f64| scored.iter().map(move |s| of(&s.answer));
    Ok(table
        .integer(line, scored.iter().map(|s| i64::try_from(s.line.line).ok()))?
        .float(logit_yes, real(|answer| answer.logit_yes))?
        .float(logit_no, real(|answer| answer.logit_no))?
        .float(logit_diff, real(Answered::logit_diff))?
        .float(prob_yes, real(Answered::prob_yes))?
        .float(mass, real(|answer| answer.mass))?
        .integer(correct, scored.iter().map(|s| s.correct.map(i64::from)))?)
}

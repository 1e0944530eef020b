//! What results record of a run besides its judgments: everything needed to repeat it, and its costs.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// `args` in `results.json`. Values of another kind, from other programs, and values that earlier versions did not write are read as
/// absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// All settings, the program and the model, by key.
    #[serde(flatten)]
    pub(super) facts: Map<String, Value>,
    #[serde(deserialize_with = "if_readable")]
    pub(super) answer_mass: AnswerMass,
    /// Tokens of all prompts, tokens computed for them before training, and tokens of the training prompts.
    pub(super) tokens: Value,
    /// The loss before every step.
    #[serde(deserialize_with = "if_readable")]
    pub(super) losses: Vec<f64>,
    #[serde(deserialize_with = "if_readable")]
    pub(super) seconds: Option<RunSeconds>,
    #[serde(deserialize_with = "if_readable")]
    pub(super) peak_memory_bytes: Option<u64>,
}

/// Mean probability of Yes and No together; `after` is none if nothing was trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AnswerMass {
    pub(super) before: Option<f64>,
    pub(super) after: Option<f64>,
}

/// Seconds that the parts of a run took; none for parts that were left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunSeconds {
    /// Loading the model.
    pub load: f64,
    /// Answering before training.
    pub before: f64,
    /// Training.
    pub train: Option<f64>,
    /// Answering after training.
    pub after: Option<f64>,
}

/// Deserializes a value, or the default if it is of another kind.
fn if_readable<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A record as a map of its keys.
pub(super) fn keys_of(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Describes the settings in which two records differ. Settings that only one of them has are not compared.
pub(crate) fn differences(recorded: &impl Serialize, asked: &impl Serialize) -> Vec<String> {
    let shown = |value: &Value| {
        let text = value.to_string();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let recorded = keys_of(recorded);
    let differ = |(key, asked): (&String, &Value)| {
        let recorded = recorded.get(key).filter(|recorded| !is_same(recorded, asked))?;
        Some(format!("{key} {} instead of {}", shown(recorded), shown(asked)))
    };
    keys_of(asked).iter().filter_map(differ).collect()
}

/// Whether two values are equal, where 1 equals 1.0.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_that_differ_are_told_by_key_and_numbers_are_alike_in_any_form() {
        let whole = json!({ "alpha": 32, "list": [1, 2.0], "more": 1 });
        assert!(differences(&whole, &json!({ "alpha": 32.0, "list": [1.0, 2] })).is_empty());
        assert_eq!(differences(&whole, &json!({ "alpha": 0.5, "other": 2 })), ["alpha 32 instead of 0.5"]);
        assert!(differences(&Map::new(), &whole).is_empty(), "a run of another program says nothing of its settings");
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_absent() {
        let read = |value: Value| serde_json::from_value::<RunRecord>(value).unwrap();
        assert_eq!(read(json!({})), RunRecord::default());
        let record = read(json!({
            "model": "m", "seed": "three", "losses": [0.5], "answer_mass": { "before": 1 }, "seconds": { "total": 3.0 },
            "peak_memory_bytes": "much", "tokens": null,
        }));
        let answer_mass = AnswerMass { before: Some(1.0), after: None };
        let facts = keys_of(&json!({ "model": "m", "seed": "three" }));
        assert_eq!(record, RunRecord { facts, losses: vec![0.5], answer_mass, ..Default::default() });
    }
}

//! Reads a tokenizer from `tokenizer.json`, and writes one.

use std::fs;
use std::path::Path;

use caveat_results::guarded;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Tokenizer;
use crate::error::{LmError, Result, quoted};
use crate::file_kind::wrong_json;

/// The name of the file.
pub(crate) const FILE: &str = "tokenizer.json";

/// The parts of the file that are checked.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Checked {
    added_tokens: Vec<AddedToken>,
    post_processor: Value,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

/// Tokens that a post-processor puts around texts, with the ids that it states for them.
fn tokens_put_around(processor: &Value) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for special in processor["special_tokens"].as_object().into_iter().flat_map(Map::values) {
        let (tokens, ids) = (special["tokens"].as_array(), special["ids"].as_array());
        for (token, id) in tokens.into_iter().flatten().zip(ids.into_iter().flatten()) {
            found.extend(token.as_str().map(str::to_owned).zip(id.as_u64()));
        }
    }
    // Of BERT and RoBERTa.
    for side in ["cls", "sep"] {
        let pair = &processor[side];
        found.extend(pair[0].as_str().map(str::to_owned).zip(pair[1].as_u64()));
    }
    found.extend(processor["processors"].as_array().into_iter().flatten().flat_map(tokens_put_around));
    found
}

impl Tokenizer {
    /// Reads the `tokenizer.json` of a folder, without truncation and padding, which are not part of a tokenizer proper.
    pub(crate) fn from_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                LmError::bad_file(folder, format!("has no {FILE}: expected the model's tokenizer in that format"))
            }
            _ => LmError::read(&path, e),
        })?;
        Self::from_json(&text, &path)
    }

    pub(super) fn from_json(text: &[u8], path: &Path) -> Result<Self> {
        let bad = |problem: String| LmError::bad_file(path, format!("is no tokenizer that can be used ({problem})"));
        let wrong = |problem: String| wrong_json(path, text, format!("is no tokenizer that can be used ({problem})"));
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(text)).map_err(wrong)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| bad(e.to_string()))?;
        let checked: Checked = guarded(|| serde_json::from_slice(text)).map_err(bad)?;
        // The crate uses the vocabulary's id, or the next free one, whatever the file states.
        let check = |token: &str, id: u64, claim: String| match inner.token_to_id(token).map(u64::from) {
            Some(found) if found == id => Ok(()),
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                Err(bad(format!("{claim} the id {id}, the vocabulary makes it {found}")))
            }
        };
        for AddedToken { id, content } in checked.added_tokens.iter().filter(|added| !added.content.is_empty()) {
            check(content, u64::from(*id), format!("the added token {} is to have", quoted(content)))?;
        }
        for (token, id) in tokens_put_around(&checked.post_processor) {
            check(&token, id, format!("the post-processor puts {} around texts with", quoted(&token)))?;
        }
        Ok(Self::new(inner, path))
    }

    /// The text of a `tokenizer.json` that reads back as this tokenizer.
    pub(crate) fn to_json(&self) -> Result<String> {
        let bad =
            |problem: String| LmError::bad_file(&self.path, format!("its tokenizer cannot be written ({problem})"));
        guarded(|| self.inner.to_string(true)).map_err(bad)
    }
}

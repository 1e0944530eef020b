//! Converts text to token ids and back, as in the training of the model.
//!
//! The `tokenizers` crate does the work, set up from `tokenizer.json` or from the metadata of a GGUF file. It panics on some
//! contradictory settings, so each call of it is guarded.

mod gguf;
mod json;

use std::path::{Path, PathBuf};

use caveat_results::guarded;

use crate::error::{LmError, Result, quoted};

/// The tokenizer of a model.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The ids put before every text.
    begin: Vec<u32>,
    /// The number of ids put after a text.
    end: usize,
    /// One more than the largest id.
    size: usize,
    /// Number of rows of the model's embedding matrix; ids must be below it.
    rows: usize,
    /// The file it was read from, for messages.
    path: PathBuf,
}

impl Tokenizer {
    fn new(inner: tokenizers::Tokenizer, path: &Path) -> Self {
        let largest = inner.get_vocab(true).into_values().max();
        let size = largest.map_or(0, |id| id as usize + 1);
        let (begin, end) = added_ids(&inner);
        Self { inner, begin, end, size, rows: usize::MAX, path: path.to_owned() }
    }

    /// The ids of a text with the special tokens that the model expects around it, such as one that begins every text. If the text
    /// already begins with these tokens, as from a chat template, they are not added again.
    ///
    /// Special tokens spelled out in the text become their ids. Characters that the vocabulary cannot spell become the unknown token
    /// if there is one, and are otherwise left out.
    ///
    /// # Errors
    /// A text that the tokenizer fails on, or an id beyond the model's embedding matrix.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.encode_once(text)?.0)
    }

    /// Whether a text already begins with the tokens that the model expects there, so that none are added.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn begins_itself(&self, text: &str) -> Result<bool> {
        let first = self.begin.first().and_then(|id| self.inner.id_to_token(*id));
        // Most texts need no encoding to tell.
        match first.is_some_and(|token| text.contains(token.as_str())) {
            true => Ok(self.encode_once(text)?.1),
            false => Ok(false),
        }
    }

    /// A note for the user if any texts already begin with those tokens, so that they are not doubled.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn note_of_beginnings<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Option<String>> {
        let begins = texts.into_iter().map(|text| self.begins_itself(text)).collect::<Result<Vec<bool>>>()?;
        let (begin, all) = (begins.iter().filter(|begins| **begins).count(), begins.len());
        Ok((begin > 0).then(|| {
            let token = quoted(&self.decode(&self.begin).unwrap_or_default());
            format!("{begin} of {all} prompts begin with {token} themselves: it is not put before them a second time")
        }))
    }

    /// The ids of a text, and whether it already began with the special tokens.
    fn encode_once(&self, text: &str) -> Result<(Vec<u32>, bool)> {
        let mut ids = self.ids(text, true)?;
        let n = self.begin.len();
        let is_twice =
            n > 0 && ids.len() >= 2 * n + self.end && ids.starts_with(&self.begin) && ids[n..].starts_with(&self.begin);
        if is_twice {
            ids.drain(..n);
        }
        Ok((ids, is_twice))
    }

    /// The ids of a text with nothing added before or after it; otherwise as [`encode`](Self::encode).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>> {
        self.ids(text, false)
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>> {
        let encoding = guarded(|| self.inner.encode_fast(text, add_special_tokens))
            .map_err(|e| LmError::bad_file(&self.path, format!("the tokenizer fails on {}: {e}", quoted(text))))?;
        let ids = encoding.get_ids().to_vec();
        match ids.iter().find(|id| **id as usize >= self.rows) {
            Some(id) => {
                let token = self.inner.id_to_token(*id).unwrap_or_default();
                let (token, rows) = (quoted(&token), self.rows);
                let problem = format!("the text has the token {token} of id {id}: the model knows {rows} tokens");
                Err(LmError::bad_file(&self.path, problem))
            }
            None => Ok(ids),
        }
    }

    /// The text of ids, including special tokens; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// An id that no token has.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        if let Some(id) = ids.iter().find(|id| self.inner.id_to_token(**id).is_none()) {
            let problem = format!("no token has the id {id}: ids are below {}", self.size);
            return Err(LmError::bad_file(&self.path, problem));
        }
        guarded(|| self.inner.decode(ids, false))
            .map_err(|e| LmError::bad_file(&self.path, format!("the tokenizer fails to decode: {e}")))
    }

    /// Limits ids to the rows of an embedding matrix. Added tokens beyond them, often padding, are refused only when a text has them; if
    /// a token of the vocabulary itself is beyond, tokenizer and model do not belong together.
    pub(crate) fn limit_to(mut self, rows: usize) -> Result<Self> {
        let beyond = |id: &u32| *id as usize >= rows;
        if let Some(id) = self.inner.get_vocab(false).into_values().filter(beyond).max() {
            let problem = format!("has a token of id {id}, the model knows {rows} tokens: they do not belong together");
            return Err(LmError::bad_file(&self.path, problem));
        }
        self.rows = rows;
        Ok(self)
    }
}

/// The ids that a tokenizer adds before a text, and the number of those after it, found with a text that it can spell.
fn added_ids(inner: &tokenizers::Tokenizer) -> (Vec<u32>, usize) {
    let ids = |text: &str, add| guarded(|| inner.encode_fast(text, add)).map(|encoding| encoding.get_ids().to_vec());
    // An error here is reported when a text is encoded.
    let find = |text: &str| {
        let (plain, full) = (ids(text, false).ok()?, ids(text, true).ok()?);
        let at = full.windows(plain.len().max(1)).position(|window| window == plain)?;
        Some((full[..at].to_vec(), full.len() - at - plain.len()))
    };
    ["a", "b", "0", " ", "e", "Yes"].into_iter().find_map(find).unwrap_or_default()
}

#[cfg(test)]
mod tests;

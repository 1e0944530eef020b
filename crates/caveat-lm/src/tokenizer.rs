//! Text to token ids and back, as the model was trained on.
//!
//! The `tokenizers` crate does the work. What it is set up with comes from `tokenizer.json`, or from the metadata of a GGUF file.
//! It panics on some contradictory settings, so each call of it is guarded.

mod gguf;
mod json;
mod words;

use std::path::{Path, PathBuf};

use caveat_results::guarded;

use crate::error::{LmError, Result, quoted};

/// The tokenizer of a model.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Ids before and after every text, where no post-processor adds them.
    before: Vec<u32>,
    after: Vec<u32>,
    /// All ids that are put before a text, whoever adds them.
    begin: Vec<u32>,
    /// The number of those that are put after it.
    end: usize,
    /// One more than the largest id.
    size: usize,
    /// Ids from here on have no row in the model's embedding matrix.
    rows: usize,
    /// The file it was read from, for messages.
    path: PathBuf,
}

impl Tokenizer {
    /// A tokenizer that adds what its own post-processor adds, and these ids.
    fn new(inner: tokenizers::Tokenizer, before: Vec<u32>, after: Vec<u32>, path: &Path) -> Self {
        let largest = inner.get_vocab(true).into_values().max();
        let size = largest.map_or(0, |id| id as usize + 1);
        let (begin, end) = around(&inner, &before, &after);
        Self { inner, before, after, begin, end, size, rows: usize::MAX, path: path.to_owned() }
    }

    /// The ids of a text with the special tokens that the model wants around it, such as one that begins every text.
    ///
    /// A text that begins with these tokens itself, as one that a chat template has rendered, gets them once
    /// ([`begins_itself`](Self::begins_itself)).
    ///
    /// Special tokens that are spelled out in the text become their ids. Characters that the vocabulary cannot spell become the
    /// unknown token if there is one, and otherwise nothing.
    ///
    /// # Errors
    /// A text that the tokenizer fails on, or an id beyond the model's embedding matrix.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.encode_once(text)?.0)
    }

    /// Whether a text begins with the tokens that the model wants at the beginning of all texts, so that none are added.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn begins_itself(&self, text: &str) -> Result<bool> {
        let first = self.begin.first().and_then(|id| self.inner.id_to_token(*id));
        // Most texts need not be looked at any further.
        match first.is_some_and(|token| text.contains(token.as_str())) {
            true => Ok(self.encode_once(text)?.1),
            false => Ok(false),
        }
    }

    /// A line for a person if texts begin themselves, so that one token is where the tokenizer alone would put two.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn note_of_beginnings<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Option<String>> {
        let (mut begin, mut all) = (0, 0);
        for text in texts {
            begin += usize::from(self.begins_itself(text)?);
            all += 1;
        }
        let token = || quoted(&self.decode(&self.begin).unwrap_or_default());
        Ok((begin > 0).then(|| {
            format!(
                "{begin} of {all} prompts begin with {} themselves: it is not put before them a second time",
                token()
            )
        }))
    }

    /// The ids of a text, and whether it had those of its beginning itself.
    fn encode_once(&self, text: &str) -> Result<(Vec<u32>, bool)> {
        let mut ids = self.before.clone();
        ids.extend(self.ids(text, true)?);
        ids.extend(&self.after);
        let n = self.begin.len();
        let is_twice =
            n > 0 && ids.len() >= 2 * n + self.end && ids.starts_with(&self.begin) && ids[n..].starts_with(&self.begin);
        if is_twice {
            ids.drain(..n);
        }
        Ok((ids, is_twice))
    }

    /// The ids of a text alone, with nothing before or after it; otherwise as [`encode`](Self::encode).
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

    /// The text of ids, special tokens included; bytes that make no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// An id that is no token's.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        if let Some(id) = ids.iter().find(|id| self.inner.id_to_token(**id).is_none()) {
            return Err(LmError::bad_file(
                &self.path,
                format!("no token has the id {id}: ids are below {}", self.size),
            ));
        }
        guarded(|| self.inner.decode(ids, false))
            .map_err(|e| LmError::bad_file(&self.path, format!("the tokenizer fails to decode: {e}")))
    }

    /// One more than the largest id of a token. The model's embedding matrix may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.size
    }

    /// Ties the tokenizer to an embedding matrix of so many rows.
    ///
    /// Added tokens may lie beyond it, as padding often does, and are refused only when a text has them. If the vocabulary itself
    /// does, tokenizer and model do not belong together.
    pub(crate) fn limit_to(mut self, rows: usize) -> Result<Self> {
        let beyond = |id: &u32| *id as usize >= rows;
        if let Some(id) = self.inner.get_vocab(false).into_values().filter(beyond).max() {
            let problem = format!("has a token of id {id}, the model knows {rows} tokens: they do not belong together");
            return Err(LmError::bad_file(&self.path, problem));
        }
        if let Some(id) = self.before.iter().chain(&self.after).find(|id| beyond(id)) {
            let problem = format!("adds the id {id} to every text, the model knows {rows} tokens");
            return Err(LmError::bad_file(&self.path, problem));
        }
        self.rows = rows;
        Ok(self)
    }
}

/// The ids before a text, and the number of those after it, as a tokenizer adds them to some text that it can spell.
fn around(inner: &tokenizers::Tokenizer, before: &[u32], after: &[u32]) -> (Vec<u32>, usize) {
    let ids = |text: &str, add| guarded(|| inner.encode_fast(text, add)).map(|encoding| encoding.get_ids().to_vec());
    // What fails here fails, and is told, when a text is encoded.
    let of = |text: &str| {
        let (plain, full) = (ids(text, false).ok()?, ids(text, true).ok()?);
        let at = full.windows(plain.len().max(1)).position(|window| window == plain)?;
        Some((full[..at].to_vec(), full.len() - at - plain.len()))
    };
    let (begin, end) = ["a", "b", "0", " ", "e", "Yes"].into_iter().find_map(of).unwrap_or_default();
    ([before, &begin].concat(), end + after.len())
}

#[cfg(test)]
mod tests;

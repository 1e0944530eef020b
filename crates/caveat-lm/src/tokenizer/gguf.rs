//! Builds a byte-level BPE tokenizer from the metadata of a GGUF file.
//!
//! Sources of the ways to split text into words: the `tokenizer.json` of the models themselves (SmolLM2, Llama 3, Qwen2, GPT-2), and the
//! same expressions in <https://github.com/ggml-org/llama.cpp>, `src/llama-vocab.cpp`. Where the two differ, as in Unicode normalization,
//! this follows the model's own file.

use caveat_results::guarded;
use serde_json::{Map, Value, json};
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

use super::Tokenizer;
use crate::error::{Result, quoted};
use crate::weights::gguf::Metadata;

const MODEL: &str = "tokenizer.ggml.model";
const WORDS: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";

/// Types of tokens. Source: `llama_token_type` in <https://github.com/ggml-org/llama.cpp>, `include/llama.h`.
mod kind {
    pub(super) const NORMAL: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const CONTROL: i32 = 3;
    pub(super) const USER_DEFINED: i32 = 4;
    pub(super) const UNUSED: i32 = 5;
}

impl Tokenizer {
    /// The tokenizer that a GGUF file describes. Tokens of type control, unknown and user-defined are recognized whole in a text; unused
    /// ones are ignored. There is no unknown token: what the vocabulary cannot spell is left out, as the models' own tokenizers do.
    pub(crate) fn from_gguf(metadata: &Metadata) -> Result<Self> {
        match metadata.text(MODEL)? {
            Some("gpt2") => {}
            Some(other) => {
                let problem = format!("{MODEL} is {}: expected gpt2, which is byte-level BPE", quoted(other));
                return Err(metadata.bad(problem));
            }
            None => return Err(metadata.missing(MODEL)),
        }
        let name = metadata.text(WORDS)?.ok_or_else(|| metadata.missing(WORDS))?;
        let words = Words::named(name)
            .map_err(|e| metadata.bad(format!("{WORDS} {name}: {e}")))?
            .ok_or_else(|| metadata.bad(format!("{WORDS} is {}: expected {KNOWN}", quoted(name))))?;
        if metadata.flag("tokenizer.ggml.add_space_prefix")? == Some(true) {
            return Err(metadata.bad("tokenizer.ggml.add_space_prefix is true: expected false with byte-level BPE"));
        }

        let (ids, added) = vocabulary(metadata)?;
        let merges = merges(metadata, &ids)?;
        let before = boundary_id(metadata, "bos", words.add_bos, &ids)?;
        let after = boundary_id(metadata, "eos", false, &ids)?;
        let inner = guarded(|| {
            let model = BPE::builder().vocab_and_merges(ids, merges).ignore_merges(words.ignore_merges).build()?;
            let mut inner = tokenizers::Tokenizer::new(model);
            inner.with_normalizer(words.normalizer)?;
            inner.with_pre_tokenizer(Some(words.pre_tokenizer));
            inner.with_decoder(Some(ByteLevel::default()));
            inner.add_tokens(added)?;
            if !(before.is_empty() && after.is_empty()) {
                let template = template(&inner, &before, &after)?;
                inner.with_post_processor(Some(template));
            }
            tokenizers::Result::Ok(inner)
        });
        let inner = inner.map_err(|e| metadata.bad(format!("its tokenizer cannot be used ({e})")))?;
        Ok(Self::new(inner, &metadata.path))
    }
}

/// All tokens with their ids, and those that are recognized whole.
fn vocabulary(metadata: &Metadata) -> Result<(Vocab, Vec<AddedToken>)> {
    let tokens = metadata.texts(TOKENS)?.ok_or_else(|| metadata.missing(TOKENS))?;
    let types = metadata.integers(TYPES)?.ok_or_else(|| metadata.missing(TYPES))?;
    if tokens.len() != types.len() {
        return Err(metadata.bad(format!("{TOKENS} has {} values and {TYPES} {}", tokens.len(), types.len())));
    }
    let mut ids = Vocab::with_capacity(tokens.len());
    let mut added = Vec::new();
    for ((id, token), kind) in (0_u32..).zip(tokens).zip(types) {
        let fail = |problem: &str| metadata.bad(format!("{TOKENS} number {id}, {}, {problem}", quoted(token)));
        if token.is_empty() {
            return Err(fail("is empty"));
        }
        match *kind {
            kind::UNUSED => continue,
            kind::NORMAL => {}
            kind::CONTROL | kind::UNKNOWN => added.push(AddedToken::from(token.clone(), true)),
            kind::USER_DEFINED => added.push(AddedToken::from(token.clone(), false).normalized(false)),
            other => return Err(fail(&format!("has type {other}: expected 1 to 5"))),
        }
        if ids.insert(token.clone(), id).is_some() {
            return Err(fail("is there twice"));
        }
    }
    Ok((ids, added))
}

/// The merges, each of which joins two tokens to a third.
fn merges(metadata: &Metadata, ids: &Vocab) -> Result<Merges> {
    let merges = metadata.texts(MERGES)?.ok_or_else(|| metadata.missing(MERGES))?;
    let mut pairs = Vec::with_capacity(merges.len());
    for (number, merge) in merges.iter().enumerate() {
        let known = |token: &str| ids.contains_key(token);
        // No token has a space in it: a space is represented as Ġ.
        let pair = merge.split_once(' ').filter(|(a, b)| known(a) && known(b) && known(&format!("{a}{b}")));
        let Some((a, b)) = pair else {
            let problem = format!("{MERGES} number {number}, {}, does not make a token of two", quoted(merge));
            return Err(metadata.bad(problem));
        };
        pairs.push((a.to_owned(), b.to_owned()));
    }
    Ok(pairs)
}

/// The id that is put before (`bos`) or after (`eos`) every text, if any.
fn boundary_id(metadata: &Metadata, name: &str, default: bool, ids: &Vocab) -> Result<Vec<u32>> {
    let flag = format!("tokenizer.ggml.add_{name}_token");
    if !metadata.flag(&flag)?.unwrap_or(default) {
        return Ok(Vec::new());
    }
    let key = format!("tokenizer.ggml.{name}_token_id");
    let id = metadata.size(&key)?.ok_or_else(|| metadata.missing(&key))?;
    match u32::try_from(id).ok().filter(|id| ids.values().any(|known| known == id)) {
        Some(id) => Ok(vec![id]),
        None => Err(metadata.bad(format!("{key} is {id}: expected the id of a token"))),
    }
}

/// A post-processor that adds the ids before and after one text or two.
fn template(
    inner: &tokenizers::Tokenizer,
    before: &[u32],
    after: &[u32],
) -> std::result::Result<TemplateProcessing, String> {
    let mut special_tokens = Map::new();
    for id in before.iter().chain(after) {
        let token = inner.id_to_token(*id).ok_or_else(|| format!("no token has the id {id}"))?;
        special_tokens.insert(token.clone(), json!({"id": token, "ids": [id], "tokens": [token]}));
    }
    let around = |texts: &[&str]| -> Vec<Value> {
        let special = |id: &u32| json!({"SpecialToken": {"id": inner.id_to_token(*id), "type_id": 0}});
        let texts = texts.iter().map(|text| json!({"Sequence": {"id": text, "type_id": 0}}));
        before.iter().map(special).chain(texts).chain(after.iter().map(special)).collect()
    };
    // The crate's own setters parse a template from text, in which some tokens would be misread.
    let template = json!({"type": "TemplateProcessing", "single": around(&["A"]), "pair": around(&["A", "B"]),
        "special_tokens": special_tokens});
    serde_json::from_value(template).map_err(|e| e.to_string())
}

/// The known names, for messages.
const KNOWN: &str = "smollm, llama-bpe (llama3, llama-v3), qwen2 or gpt-2";

/// A way to split text into words, with related settings.
struct Words {
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: PreTokenizerWrapper,
    /// Whether a word that is itself a token stays whole, whatever the merges say.
    ignore_merges: bool,
    /// Whether texts begin with a special token when the file does not say.
    add_bos: bool,
}

impl Words {
    /// The way of this name; `None` if the name is not known.
    fn named(name: &str) -> tokenizers::Result<Option<Self>> {
        let plain = |pre_tokenizer| Self { normalizer: None, pre_tokenizer, ignore_merges: false, add_bos: false };
        Ok(Some(match name {
            "smollm" => plain(Sequence::new(vec![Digits::new(true).into(), byte_level(true).into()]).into()),
            "gpt-2" => plain(byte_level(true).into()),
            "llama-bpe" | "llama3" | "llama-v3" => {
                Self { ignore_merges: true, add_bos: true, ..plain(split(r"\p{N}{1,3}")?) }
            }
            "qwen2" => Self { normalizer: Some(NFC.into()), ..plain(split(r"\p{N}")?) },
            _ => return Ok(None),
        }))
    }
}

/// Represents bytes as characters, and splits by GPT-2's expression for words if `words`.
fn byte_level(words: bool) -> ByteLevel {
    ByteLevel::new(false, true, words)
}

/// Splits by the expression of Llama 3 and Qwen2, which differ in which digits form a word.
fn split(digits: &str) -> tokenizers::Result<PreTokenizerWrapper> {
    let words = format!(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    );
    let words = Split::new(SplitPattern::Regex(words), SplitDelimiterBehavior::Isolated, false)?;
    Ok(Sequence::new(vec![words.into(), byte_level(false).into()]).into())
}

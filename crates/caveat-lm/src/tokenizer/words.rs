//! How the byte-level tokenizers of GGUF files split text into words, by the name that llama.cpp gave the way.
//!
//! Sources: the `tokenizer.json` of the models themselves (SmolLM2, Llama 3, Qwen2, GPT-2), and the same expressions in
//! <https://github.com/ggml-org/llama.cpp>, `src/llama-vocab.cpp`. Where the two differ, as in Unicode normalization, the model's
//! own file is followed.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

/// The names that are known, for messages.
pub(super) const KNOWN: &str = "smollm, llama-bpe (llama3, llama-v3), qwen2 or gpt-2";

/// A way to split text into words, and what goes with it.
pub(super) struct Words {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: PreTokenizerWrapper,
    /// Whether a word that is a token stays whole, whatever the merges say.
    pub(super) ignore_merges: bool,
    /// Whether texts begin with a special token when the file does not say.
    pub(super) add_bos: bool,
}

impl Words {
    /// The way of a name; `None` if the name is not known.
    pub(super) fn named(name: &str) -> Option<tokenizers::Result<Self>> {
        let plain = |pre_tokenizer| Self { normalizer: None, pre_tokenizer, ignore_merges: false, add_bos: false };
        Some(Ok(match name {
            "smollm" => plain(Sequence::new(vec![Digits::new(true).into(), byte_level(true).into()]).into()),
            "gpt-2" => plain(byte_level(true).into()),
            "llama-bpe" | "llama3" | "llama-v3" => match split(r"\p{N}{1,3}") {
                Ok(pre_tokenizer) => Self { ignore_merges: true, add_bos: true, ..plain(pre_tokenizer) },
                Err(e) => return Some(Err(e)),
            },
            "qwen2" => match split(r"\p{N}") {
                Ok(pre_tokenizer) => Self { normalizer: Some(NFC.into()), ..plain(pre_tokenizer) },
                Err(e) => return Some(Err(e)),
            },
            _ => return None,
        }))
    }
}

/// Bytes as characters; with GPT-2's expression for words, or without.
fn byte_level(words: bool) -> ByteLevel {
    ByteLevel::new(false, true, words)
}

/// The expression of Llama 3 and Qwen2, which differ in the digits that make a word.
fn split(digits: &str) -> tokenizers::Result<PreTokenizerWrapper> {
    let words = format!(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    );
    let words = Split::new(SplitPattern::Regex(words), SplitDelimiterBehavior::Isolated, false)?;
    Ok(Sequence::new(vec![words.into(), byte_level(false).into()]).into())
}

//! The ways in which byte-level tokenizers of GGUF files split text into words, by the names that llama.cpp gave them.
//!
//! Sources: the `tokenizer.json` of the models themselves (SmolLM2, Llama 3, Qwen2, GPT-2), and the same expressions in
//! <https://github.com/ggml-org/llama.cpp>, `src/llama-vocab.cpp`. Where the two differ, as in Unicode normalization, this follows
//! the model's own file.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

/// The known names, for messages.
pub(super) const KNOWN: &str = "smollm, llama-bpe (llama3, llama-v3), qwen2 or gpt-2";

/// A way to split text into words, with related settings.
pub(super) struct Words {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: PreTokenizerWrapper,
    /// Whether a word that is itself a token stays whole, whatever the merges say.
    pub(super) ignore_merges: bool,
    /// Whether texts begin with a special token when the file does not say.
    pub(super) add_bos: bool,
}

impl Words {
    /// The way of this name; `None` if the name is not known.
    pub(super) fn named(name: &str) -> tokenizers::Result<Option<Self>> {
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

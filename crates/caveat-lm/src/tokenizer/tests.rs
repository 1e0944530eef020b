//! Tests of tokenizers from tokenizer.json and from GGUF metadata.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Tokenizer;
use crate::error::Result;
use crate::weights::GgufFile;
use crate::weights::gguf::writer::{Gguf, Meta};

/// A vocabulary, and texts with their ids by the Python package `tokenizers`; see the script of the same name.
const GOLDEN: &str = include_str!("../../tests/fixtures/byte_level_tokenizers.json");

#[derive(Deserialize)]
struct Golden {
    tokens: Vec<String>,
    types: Vec<i32>,
    merges: Vec<String>,
    texts: Vec<String>,
    ids: HashMap<String, Vec<Vec<u32>>>,
}

fn from_gguf(file: &Gguf) -> Result<Tokenizer> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.gguf");
    fs::write(&path, file.bytes()).unwrap();
    Tokenizer::from_gguf(&GgufFile::open(&path)?.metadata)
}

fn from_json(file: &Value) -> Result<Tokenizer> {
    Tokenizer::from_json(file.to_string().as_bytes(), Path::new("tokenizer.json"))
}

fn refusal(tokenizer: Result<Tokenizer>) -> String {
    let message = tokenizer.map(drop).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message:?}");
    message
}

/// Four tokens and one that was added, of which the second begins every text.
fn small_json() -> Value {
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 1_u64 << 40}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 4,
            "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": [
            {"id": 1, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
            {"id": 4, "content": "<pad>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
        ],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"a": 0, "<s>": 1, "b": 2, "ab": 3}, "merges": [["a", "b"]]}
    })
}

#[test]
fn every_way_to_split_words_has_the_ids_of_the_reference() {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.ids.len(), 4);
    for (name, expected) in &golden.ids {
        let mut file = Gguf::tiny("llama");
        file.set("tokenizer.ggml.tokens", Meta::Texts(golden.tokens.clone()));
        file.set("tokenizer.ggml.token_type", Meta::I32s(golden.types.clone()));
        file.set("tokenizer.ggml.merges", Meta::Texts(golden.merges.clone()));
        file.set("tokenizer.ggml.pre", name.as_str());
        let tokenizer = from_gguf(&file).unwrap();
        assert_eq!(tokenizer.size, golden.tokens.len());
        assert_eq!(expected.len(), golden.texts.len());
        for (text, expected) in golden.texts.iter().zip(expected) {
            assert_eq!(&tokenizer.encode_plain(text).unwrap(), expected, "{name}: {text:?}");
            if name != "qwen2" {
                assert_eq!(&tokenizer.decode(expected).unwrap(), text, "{name}");
            }
        }
    }
}

#[test]
fn texts_begin_and_end_with_the_tokens_that_the_file_asks_for() {
    let ids = |file: &Gguf| from_gguf(file).unwrap().encode(" Yes").unwrap();
    let mut file = Gguf::tiny("llama");
    let yes = from_gguf(&file).unwrap().encode_plain(" Yes").unwrap();
    assert_eq!(yes.len(), 1);
    assert_eq!(ids(&file), yes);
    // Llama 3's begin with one unless the file says otherwise.
    file.set("tokenizer.ggml.pre", "llama-bpe");
    assert_eq!(ids(&file), [0, yes[0]]);
    file.set("tokenizer.ggml.add_bos_token", Meta::Bool(false));
    assert_eq!(ids(&file), yes);
    file.set("tokenizer.ggml.pre", "smollm");
    file.set("tokenizer.ggml.add_bos_token", Meta::Bool(true)).set("tokenizer.ggml.add_eos_token", Meta::Bool(true));
    file.set("tokenizer.ggml.eos_token_id", Meta::U32(1));
    assert_eq!(ids(&file), [0, yes[0], 1]);
    assert_eq!(from_gguf(&file).unwrap().encode_plain(" Yes").unwrap(), yes);
    assert_eq!(from_gguf(&file).unwrap().encode("").unwrap(), [0, 1]);
}

#[test]
fn control_and_user_defined_tokens_are_found_in_text_and_unused_ones_are_not() {
    let tokenizer = from_gguf(&Gguf::tiny("llama")).unwrap();
    let ids = tokenizer.encode("<|end|><think><|start|>").unwrap();
    assert_eq!(ids, [1, 262, 0]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "<|end|><think><|start|>");
    assert_eq!(tokenizer.encode("[PAD]").unwrap().len(), 5);
    assert_eq!(tokenizer.size, 263);
    let message = tokenizer.decode(&[0, 263]).unwrap_err().to_string();
    assert!(message.contains("no token has the id 263: ids are below 263"), "{message}");
}

#[test]
fn bytes_that_make_no_character_are_decoded_as_a_replacement() {
    let tokenizer = from_gguf(&Gguf::tiny("llama")).unwrap();
    let ids = tokenizer.encode("é").unwrap();
    assert_eq!(ids.len(), 2);
    assert_eq!(tokenizer.decode(&ids[..1]).unwrap(), "\u{fffd}");
    assert_eq!(tokenizer.decode(&[]).unwrap(), "");
}

#[test]
fn gguf_tokenizers_that_would_have_to_be_guessed_are_refused() {
    type Change = fn(&mut Gguf);
    let tokens = |change: fn(&mut Vec<String>, &mut Vec<i32>, &mut Vec<String>)| {
        let (mut tokens, mut types, mut merges) = crate::weights::gguf::writer::vocabulary();
        change(&mut tokens, &mut types, &mut merges);
        let mut file = Gguf::tiny("llama");
        file.set("tokenizer.ggml.tokens", Meta::Texts(tokens)).set("tokenizer.ggml.token_type", Meta::I32s(types));
        file.set("tokenizer.ggml.merges", Meta::Texts(merges));
        refusal(from_gguf(&file))
    };
    let cases: [(Change, &str); 11] = [
        (|file| _ = file.set("tokenizer.ggml.model", "llama"), "tokenizer.ggml.model is \"llama\": expected gpt2"),
        (|file| _ = file.unset("tokenizer.ggml.model"), "lacks tokenizer.ggml.model"),
        (|file| _ = file.set("tokenizer.ggml.pre", "tekken"), "tokenizer.ggml.pre is \"tekken\": expected smollm"),
        (|file| _ = file.set("tokenizer.ggml.pre", "default"), "tokenizer.ggml.pre is \"default\""),
        (|file| _ = file.unset("tokenizer.ggml.pre"), "lacks tokenizer.ggml.pre"),
        (|file| _ = file.unset("tokenizer.ggml.tokens"), "lacks tokenizer.ggml.tokens"),
        (|file| _ = file.unset("tokenizer.ggml.token_type"), "lacks tokenizer.ggml.token_type"),
        (|file| _ = file.unset("tokenizer.ggml.merges"), "lacks tokenizer.ggml.merges"),
        (|file| _ = file.set("tokenizer.ggml.add_space_prefix", Meta::Bool(true)), "add_space_prefix is true"),
        (|file| _ = file.set("tokenizer.ggml.add_eos_token", Meta::Bool(true)), "lacks tokenizer.ggml.eos_token_id"),
        (
            |file| {
                file.set("tokenizer.ggml.add_bos_token", Meta::Bool(true));
                file.set("tokenizer.ggml.bos_token_id", Meta::U32(9999));
            },
            "tokenizer.ggml.bos_token_id is 9999: expected the id of a token",
        ),
    ];
    for (change, says) in cases {
        let mut file = Gguf::tiny("llama");
        change(&mut file);
        let message = refusal(from_gguf(&file));
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
    for (message, says) in [
        (
            tokens(|_, types, _| _ = types.pop()),
            "tokenizer.ggml.tokens has 264 values and tokenizer.ggml.token_type 263",
        ),
        (tokens(|tokens, _, _| tokens[5] = tokens[4].clone()), "number 5, \"#\", is there twice"),
        (tokens(|tokens, _, _| tokens[5].clear()), "number 5, \"\", is empty"),
        (tokens(|_, types, _| types[5] = 6), "has type 6: expected 1 to 5"),
        (tokens(|_, _, merges| merges[0] = "Y".to_owned()), "number 0, \"Y\", does not make a token of two"),
        (tokens(|_, _, merges| merges[1] = "Y o".to_owned()), "number 1, \"Y o\", does not make"),
        (tokens(|_, _, merges| merges[1] = "Y ".to_owned()), "number 1, \"Y \", does not make"),
        (tokens(|_, _, merges| merges[1] = "nothing e".to_owned()), "number 1, \"nothing e\", does not make"),
    ] {
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn a_json_tokenizer_adds_what_its_template_says_and_neither_cuts_nor_pads() {
    let tokenizer = from_json(&small_json()).unwrap();
    assert_eq!(tokenizer.encode("abbab").unwrap(), [1, 3, 2, 3]);
    assert_eq!(tokenizer.encode_plain("abbab").unwrap(), [3, 2, 3]);
    assert_eq!(tokenizer.encode_plain("a<pad>").unwrap(), [0, 4]);
    // There is no unknown token, so what cannot be spelled is left out.
    assert_eq!(tokenizer.encode_plain("a!").unwrap(), [0]);
    assert_eq!(tokenizer.decode(&[1, 3]).unwrap(), "<s>ab");
    assert_eq!(tokenizer.size, 5);
}

#[test]
fn a_text_that_begins_itself_gets_no_second_beginning() {
    let tokenizer = from_json(&small_json()).unwrap();
    assert_eq!(tokenizer.encode("<s>abb").unwrap(), tokenizer.encode("abb").unwrap());
    assert_eq!(tokenizer.encode("<s>").unwrap(), [1]);
    // One that it has twice it keeps but for the one that would be added.
    assert_eq!(tokenizer.encode("<s><s>a").unwrap(), [1, 1, 0]);
    assert_eq!(tokenizer.encode("a<s>").unwrap(), [1, 0, 1]);
    assert_eq!(tokenizer.encode("").unwrap(), [1]);
    assert_eq!(tokenizer.encode_plain("<s>abb").unwrap(), [1, 3, 2]);
    let begins = |text| tokenizer.begins_itself(text).unwrap();
    assert_eq!(["<s>ab", "ab", "a<s>", "<s>", ""].map(begins), [true, false, false, true, false]);
    let note = tokenizer.note_of_beginnings(["<s>ab", "ab"]).unwrap().unwrap();
    assert!(note.contains("1 of 2 prompts begin with \"<s>\" themselves"), "{note}");
    assert_eq!(tokenizer.note_of_beginnings(["ab", "b"]).unwrap(), None);
    // The token at the end may be that of the beginning.
    let mut file = small_json();
    let around = file["post_processor"]["single"].as_array_mut().unwrap();
    around.push(around[0].clone());
    let both = from_json(&file).unwrap();
    assert_eq!(both.encode("ab").unwrap(), [1, 3, 1]);
    assert_eq!(both.encode("").unwrap(), [1, 1]);
    assert_eq!(both.encode("<s>ab").unwrap(), [1, 3, 1]);
    // A tokenizer that adds none takes texts as they are.
    file["post_processor"] = Value::Null;
    let plain = from_json(&file).unwrap();
    assert_eq!((plain.encode("<s>ab").unwrap(), plain.begins_itself("<s>ab").unwrap()), (vec![1, 3], false));
}

#[test]
fn a_gguf_tokenizer_puts_its_beginning_before_a_text_once() {
    let mut file = Gguf::tiny("llama");
    file.set("tokenizer.ggml.add_bos_token", Meta::Bool(true));
    let tokenizer = from_gguf(&file).unwrap();
    let (with, without) = (tokenizer.encode("<|start|> Yes").unwrap(), tokenizer.encode(" Yes").unwrap());
    assert_eq!((with.len(), &with), (2, &without));
    assert!(tokenizer.begins_itself("<|start|> Yes").unwrap());
}

#[test]
fn ids_beyond_the_embedding_matrix_are_refused_where_they_would_be_used() {
    let tokenizer = || from_json(&small_json()).unwrap();
    let limited = tokenizer().limit_to(4).unwrap();
    assert_eq!(limited.encode("ab").unwrap(), [1, 3]);
    let message = limited.encode("a<pad>b").unwrap_err().to_string();
    assert!(message.contains("token \"<pad>\" of id 4: the model knows 4 tokens"), "{message}");
    assert!(refusal(tokenizer().limit_to(3)).contains("has a token of id 3, the model knows 3 tokens"));
}

#[test]
fn json_tokenizers_that_contradict_themselves_are_errors() {
    for (pointer, value, says) in [
        ("/model", json!(null), "is no tokenizer"),
        ("/model/type", json!("Magic"), "is no tokenizer"),
        ("/model/vocab", json!({"a": -1}), "is no tokenizer"),
        // The merged token is longer than every token of the vocabulary.
        ("/model/merges", json!([["<s>", "<s>"]]), "is no tokenizer"),
        ("/model/merges", json!([["a", "x"]]), "Token `x` out of vocabulary"),
        ("/model/merges", json!(["a b c"]), "is no tokenizer"),
        ("/model/continuing_subword_prefix", json!("###"), "is no tokenizer"),
        ("/model/dropout", json!(2.0), "is no tokenizer"),
        ("/decoder", json!(5), "is no tokenizer"),
        ("/decoder", json!([]), "is no tokenizer"),
        (
            "/pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}),
            "is no",
        ),
        ("/version", json!("2.0"), "Unknown tokenizer version '2.0'"),
        (
            "/post_processor/special_tokens/<s>/ids/0",
            json!(9),
            "puts \"<s>\" around texts with the id 9, the vocabulary makes it 1",
        ),
        (
            "/post_processor",
            json!({"type": "RobertaProcessing", "sep": ["<s>", 1], "cls": ["<pad>", 0],
            "trim_offsets": true, "add_prefix_space": false}),
            "puts \"<pad>\" around texts with the id 0, the vocabulary makes it 4",
        ),
        ("/added_tokens/0/id", json!(7), "added token \"<s>\" is to have the id 7, the vocabulary makes it 1"),
    ] {
        let mut file = small_json();
        *file.pointer_mut(pointer).unwrap() = value;
        let message = refusal(from_json(&file));
        assert!(message.starts_with("tokenizer.json: ") && message.contains(says), "{message:?} should say {says:?}");
    }
    for text in [&b""[..], b"{}", b"[]", b"null", b"\xff\xfe"] {
        refusal(Tokenizer::from_json(text, Path::new("tokenizer.json")));
    }
}

#[test]
fn a_template_with_an_unknown_token_is_an_error_when_it_is_used() {
    for piece in [json!({"SpecialToken": {"id": "<no>", "type_id": 0}}), json!({"Sequence": {"id": "B", "type_id": 0}})]
    {
        let mut file = small_json();
        file["post_processor"]["single"][0] = piece;
        let tokenizer = from_json(&file).unwrap();
        let message = tokenizer.encode("ab").unwrap_err().to_string();
        assert!(message.contains("the tokenizer fails on \"ab\""), "{message}");
    }
}

#[test]
fn a_folder_without_a_tokenizer_says_which_file_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    assert!(refusal(Tokenizer::from_folder(directory.path())).contains("has no tokenizer.json"));
    fs::write(directory.path().join("tokenizer.json"), small_json().to_string()).unwrap();
    assert_eq!(Tokenizer::from_folder(directory.path()).unwrap().encode("b").unwrap(), [1, 2]);
}

//! Tests of GGUF headers, correct and damaged.

use std::fs;

use super::header::GgufFile;
use super::writer::{Gguf, Meta, Tensor, blocks};
use crate::error::Result;
use crate::weights::element::Element;

fn open(bytes: &[u8]) -> Result<GgufFile> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    GgufFile::open(&path)
}

fn refusal(bytes: &[u8]) -> String {
    let message = open(bytes).map(drop).unwrap_err().to_string();
    assert!(message.contains("model.gguf") && !message.contains('\n'), "{message:?}");
    message
}

#[test]
fn versions_2_and_3_are_read_alike() {
    for version in [2, 3] {
        let file = open(&Gguf { version, ..Gguf::tiny("llama") }.bytes()).unwrap();
        assert_eq!(file.metadata.text("general.architecture").unwrap(), Some("llama"));
        assert_eq!(file.metadata.size("llama.block_count").unwrap(), Some(2));
        assert_eq!(file.metadata.number("llama.rope.freq_base").unwrap(), Some(10_000.0));
        assert_eq!(file.metadata.size("llama.absent").unwrap(), None);
        assert_eq!(file.shape("blk.1.ffn_down.weight"), Some([8, 12].as_slice()));
        let expected: Vec<f32> = (0..96).map(|k| k as f32).collect();
        assert_eq!(file.read("blk.1.ffn_down.weight").unwrap(), expected);
    }
}

#[test]
fn every_type_of_metadata_is_passed_over_at_its_width() {
    let mut file = Gguf::tiny("llama");
    let array = |kind: u32, count: u64, bytes: &[u8]| {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend(count.to_le_bytes());
        value.extend(bytes);
        Meta::Raw(9, value)
    };
    for (kind, width) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8)] {
        file.set(&format!("x.{kind}"), Meta::Raw(kind, vec![1; width]));
        file.set(&format!("xs.{kind}"), array(kind, 3, &vec![1; 3 * width]));
    }
    file.set("x.text", Meta::Raw(8, vec![2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]));
    file.set("xs.text", array(8, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 0xff]));
    file.set("xs.none", array(12, 0, &[]));
    file.set("last", Meta::U32(7));
    let metadata = open(&file.bytes()).unwrap().metadata;
    assert_eq!(metadata.size("last").unwrap(), Some(7));
    assert_eq!(metadata.size("x.11").unwrap(), Some(0x0101_0101_0101_0101));
    assert_eq!(metadata.flag("x.7").unwrap(), Some(true));
    assert_eq!(metadata.integers("xs.5").unwrap(), Some([0x0101_0101; 3].as_slice()));
    for (key, says) in [("x.text", "not UTF-8"), ("xs.text", "not UTF-8"), ("xs.none", "an array of numbers")] {
        let message = metadata.text(key).unwrap_err().to_string();
        assert!(message.contains(key) && message.contains(says), "{message}");
    }
    assert!(
        metadata.size("general.architecture").unwrap_err().to_string().contains("\"llama\": expected a whole number")
    );
    assert!(metadata.flag("last").unwrap_err().to_string().contains("is 7: expected true or false"));
}

#[test]
fn quantized_tensors_are_found_at_their_offsets() {
    let mut file = Gguf::tiny("llama");
    let element = Element::Q8_0;
    // Scale 0x0101 in every block, and the integer 1 in every place.
    let tensor = |name: &str, count: usize| Tensor {
        name: name.to_owned(),
        dimensions: vec![32, count as u64 / 32],
        kind: 8,
        data: blocks(element, 1, count),
        offset: None,
    };
    file.tensors.push(tensor("a", 96));
    file.tensors.push(tensor("b", 64));
    let file = open(&file.bytes()).unwrap();
    let scale = half::f16::from_bits(0x0101).to_f32();
    assert_eq!(file.shape("a"), Some([3, 32].as_slice()));
    assert_eq!(file.read("a").unwrap(), vec![scale; 96]);
    assert_eq!(file.read("b").unwrap(), vec![scale; 64]);
}

#[test]
fn a_file_cut_anywhere_in_its_header_or_last_tensor_says_so() {
    let bytes = Gguf::tiny("llama").bytes();
    // Only the padding behind the last tensor, of which there is none here, could go unnoticed.
    let cuts = (0..bytes.len()).step_by(13).chain([bytes.len() - 1]);
    for cut in cuts {
        let message = refusal(&bytes[..cut]);
        let known = ["ends at byte", "announces", "cut short", "does not begin with GGUF"];
        assert!(known.iter().any(|says| message.contains(says)), "{message}");
    }
}

#[test]
fn numbers_that_no_file_can_fill_are_refused_before_anything_is_allocated() {
    let tiny = Gguf::tiny("llama");
    for (counts, says) in [
        ((u64::MAX, 1), "18446744073709551615 tensors"),
        ((1 << 40, 1), "1099511627776 tensors"),
        ((1, u64::MAX), "18446744073709551615 keys of metadata"),
        ((1, 1 << 33), "8589934592 keys of metadata"),
    ] {
        let message = refusal(&Gguf { counts: Some(counts), ..tiny.clone() }.bytes());
        assert!(message.contains(says), "{message}");
    }
    // The length of the first key, then of a text, then of an array.
    let mut bytes = tiny.bytes();
    bytes[24..32].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    assert!(refusal(&bytes).contains("4611686018427387904 bytes of text at byte 24"));
    for value in [Meta::Raw(8, vec![0xff; 8]), Meta::Raw(9, [vec![5, 0, 0, 0], vec![0x7f; 8]].concat())] {
        let mut file = tiny.clone();
        file.metadata.insert(0, ("long".to_owned(), value));
        assert!(refusal(&file.bytes()).contains("announces"));
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused_by_name() {
    type Damage = fn(&mut Gguf);
    let cases: [(Damage, &str); 19] = [
        (|file| file.version = 1, "GGUF version 1: expected 2 or 3"),
        (|file| file.version = 3_u32.swap_bytes(), "big-endian"),
        (|file| _ = file.set("general.alignment", Meta::U32(24)), "general.alignment is 24: expected a power of two"),
        (|file| _ = file.set("general.alignment", Meta::U32(0)), "general.alignment is 0"),
        (|file| file.metadata.push(("llama.block_count".to_owned(), Meta::U32(2))), "\"llama.block_count\" twice"),
        (|file| _ = file.set("x", Meta::Raw(13, vec![])), "\"x\" has the unknown type 13"),
        (
            |file| {
                file.set("x", Meta::Raw(9, [[9; 4], [0; 4], [0; 4]].concat()));
            },
            "the unknown type 151587081",
        ),
        (|file| _ = file.set("x", Meta::Raw(9, vec![9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), "an array of arrays"),
        (|file| _ = file.set("x", Meta::Raw(7, vec![2])), "the byte 2: expected a bool"),
        (|file| file.add("output_norm.weight", &[8]), "\"output_norm.weight\" twice"),
        (|file| file.tensor("output_norm.weight").dimensions.clear(), "has 0 dimensions"),
        (|file| file.tensor("output_norm.weight").dimensions = vec![1; 5], "has 5 dimensions"),
        (|file| file.tensor("output_norm.weight").dimensions = vec![8, 0], "expected none that is 0"),
        (|file| file.tensor("output_norm.weight").dimensions = vec![1 << 32; 3], "a product in range"),
        (|file| file.tensor("output_norm.weight").dimensions = vec![1 << 60], "reaches beyond the file"),
        (|file| file.tensor("output_norm.weight").kind = 8, "rows of 8 numbers: Q8_0 stores 32 together"),
        (|file| file.tensor("output_norm.weight").offset = Some(1), "offset 1: expected a multiple of 32"),
        (|file| file.tensor("output_norm.weight").offset = Some(u64::MAX - 31), "reaches beyond the file"),
        (|file| file.tensor("output_norm.weight").offset = Some(32), "\"output_norm.weight\" overlap"),
    ];
    for (damage, says) in cases {
        let mut file = Gguf::tiny("llama");
        damage(&mut file);
        let message = refusal(&file.bytes());
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn types_that_are_not_read_are_refused_by_name() {
    for (kind, says) in
        [(10, "Q2_K"), (13, "Q5_K"), (23, "IQ4_XS"), (28, "F64"), (39, "MXFP4"), (99, "99, which is unknown")]
    {
        let mut file = Gguf::tiny("llama");
        file.tensor("blk.0.attn_q.weight").kind = kind;
        let message = refusal(&file.bytes());
        assert!(message.contains(&format!("\"blk.0.attn_q.weight\" has type {says}: expected F32")), "{message}");
    }
}

//! Tests of safetensors files, single and sharded, correct and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Value, json};

use super::{INDEX, SINGLE, open_weights_folder};
use crate::weights::Weights;

const VALUES: [f32; 6] = [0.0, 1.0, -2.0, 0.5, 65280.0, -0.0];

/// A file of tensors with these types, names and bytes, all of shape 2 × 3.
fn file(tensors: &[(&str, Dtype, Vec<u8>)]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, data)| (*name, TensorView::new(*dtype, vec![2, 3], data).unwrap()));
    serialize(views.collect::<BTreeMap<_, _>>(), None).unwrap()
}

fn floats() -> Vec<u8> {
    VALUES.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn open(files: &[(&str, &[u8])]) -> crate::error::Result<Weights> {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    open_weights_folder(directory.path())
}

fn refusal(files: &[(&str, &[u8])]) -> String {
    let message = open(files).map(drop).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message:?}");
    message
}

/// A file with any header and so many bytes after it.
fn raw(header: &Value, bytes: usize) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; bytes]].concat()
}

#[test]
fn four_types_are_read_as_floats() {
    let bytes = file(&[
        ("f64", Dtype::F64, VALUES.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect()),
        ("f32", Dtype::F32, floats()),
        ("f16", Dtype::F16, VALUES.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect()),
        ("bf16", Dtype::BF16, VALUES.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect()),
    ]);
    let weights = open(&[(SINGLE, &bytes)]).unwrap();
    assert_eq!(weights.names(), ["bf16", "f16", "f32", "f64"]);
    for name in weights.names() {
        assert_eq!(weights.shape(&name), Some(&[2, 3][..]));
        let found: Vec<u32> = weights.read(&name, &[2, 3]).unwrap().iter().map(|x| x.to_bits()).collect();
        assert_eq!(found, VALUES.map(f32::to_bits), "{name}");
    }
}

#[test]
fn absent_tensors_wrong_shapes_other_types_and_infinities_are_errors_of_the_tensor() {
    let mut infinite = floats();
    infinite[12..16].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let bytes = file(&[("w", Dtype::F32, floats()), ("i", Dtype::I32, floats()), ("inf", Dtype::F32, infinite)]);
    let weights = open(&[(SINGLE, &bytes)]).unwrap();
    for (name, shape, says) in [
        ("v", &[2, 3][..], "there is no tensor \"v\": the model needs one of shape [2, 3]"),
        ("w", &[3, 2], "tensor \"w\" has shape [2, 3]: the model's configuration makes it [3, 2]"),
        ("w", &[6], "has shape [2, 3]"),
        ("i", &[2, 3], "tensor \"i\" has type I32: expected F32, F16, BF16 or F64"),
        ("inf", &[2, 3], "tensor \"inf\" is inf at number 3 of 6: all weights must be finite"),
    ] {
        let message = weights.read(name, shape).unwrap_err().to_string();
        assert!(message.contains(says) && message.contains(SINGLE), "{message:?} should say {says:?}");
    }
    assert_eq!(weights.shape("v"), None);
    assert!(weights.read("w", &[2, 3]).is_ok());
}

#[test]
fn shards_are_found_by_the_index() {
    let (first, second) = (file(&[("a", Dtype::F32, floats())]), file(&[("b", Dtype::F32, floats())]));
    let index =
        json!({"metadata": {"total_size": 48}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}).to_string();
    let files: [(&str, &[u8]); 3] = [("1.safetensors", &first), ("2.safetensors", &second), (INDEX, index.as_bytes())];
    let weights = open(&files).unwrap();
    assert_eq!(weights.names(), ["a", "b"]);
    assert_eq!(weights.read("b", &[2, 3]).unwrap(), VALUES);

    let index = |map: Value| json!({"weight_map": map}).to_string();
    for (index, says) in [
        (index(json!({"a": "2.safetensors"})), "2.safetensors: has no tensor \"a\", which"),
        (index(json!({"a": "3.safetensors"})), "3.safetensors: cannot be read"),
        (index(json!({"a": "../1.safetensors"})), "names the file \"../1.safetensors\": expected one of this folder"),
        (index(json!({"a": "/etc/hostname"})), "expected one of this folder"),
        (index(json!({"a": ""})), "expected one of this folder"),
        (index(json!({"a": "."})), "expected one of this folder"),
        (index(json!({"a": 1})), "is no index of safetensors files"),
        (index(json!({})), "weight_map is empty"),
        ("{}".to_owned(), "missing field `weight_map`"),
        ("[".to_owned(), "is no index"),
    ] {
        let files: [(&str, &[u8]); 3] =
            [("1.safetensors", &first), ("2.safetensors", &second), (INDEX, index.as_bytes())];
        let message = refusal(&files);
        assert!(message.contains(says), "{message:?} should say {says:?}");
    }
}

#[test]
fn a_file_cut_or_lengthened_anywhere_is_refused() {
    let bytes = file(&[("w", Dtype::F32, floats())]);
    for cut in 0..bytes.len() {
        let message = refusal(&[(SINGLE, &bytes[..cut])]);
        // A few bytes of the header's length are text as well.
        let says = if cut == 0 { "is empty" } else { "expected a safetensors file" };
        assert!(message.contains(says) || cut < 8 && message.contains("is text"), "{cut}: {message}");
    }
    assert!(refusal(&[(SINGLE, &bytes[..bytes.len() - 1])]).contains("announces 24 bytes of tensors, the file has 23"));
    let longer = [&bytes[..], &[0]].concat();
    assert!(refusal(&[(SINGLE, &longer)]).contains("announces 24 bytes of tensors, the file has 25"));
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let tensor =
        |shape: Value, begin: u64, end: u64| json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
    let w = tensor(json!([2]), 0, 8);
    for (header, bytes, says) in [
        (json!({"w": w, "v": w}), 8, "invalid offset"),
        (json!({"w": w, "v": tensor(json!([2]), 4, 12)}), 12, "invalid offset"),
        (json!({"w": w, "v": tensor(json!([2]), 16, 24)}), 24, "invalid offset"),
        (json!({"w": tensor(json!([2]), 8, 0)}), 8, "invalid offset"),
        (json!({"w": tensor(json!([3]), 0, 8)}), 8, "invalid shape"),
        (json!({"w": tensor(json!([1_u64 << 63, 4]), 0, 8)}), 8, "overflow"),
        (json!({"w": tensor(json!([1_u64 << 62]), 0, 8)}), 8, "overflow"),
        (json!({"w": tensor(json!([-1]), 0, 8)}), 8, "bad header"),
        (
            json!({"w": tensor(json!([1_u64 << 40]), 0, 1 << 42)}),
            8,
            "announces 4398046511104 bytes of tensors, the file has 8",
        ),
        (json!({"w": {"dtype": "F3", "shape": [2], "data_offsets": [0, 8]}}), 8, "bad header"),
        (json!({"w": {"dtype": "F32", "shape": [2]}}), 8, "bad header"),
        (json!([]), 0, "bad header"),
    ] {
        let message = refusal(&[(SINGLE, &raw(&header, bytes))]);
        assert!(message.contains(says) && message.contains(SINGLE), "{message:?} should say {says:?}");
    }
}

#[test]
fn a_header_longer_than_the_file_or_the_format_allows_is_not_read() {
    for length in [u64::MAX, 1 << 40, 101, 93] {
        let bytes = [&length.to_le_bytes()[..], &[b' '; 92]].concat();
        let message = refusal(&[(SINGLE, &bytes)]);
        assert!(message.contains(&format!("announces a header of {length} bytes, the file has 100")), "{message}");
    }
}

#[test]
fn a_folder_without_weights_is_an_error_of_the_index() {
    let message = open_weights_folder(Path::new("nowhere")).unwrap_err().to_string();
    assert!(message.contains(INDEX) && message.contains("cannot be read"), "{message}");
}

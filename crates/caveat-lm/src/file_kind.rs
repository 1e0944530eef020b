//! Recognizes by its content what a file is that is not the expected one, and says what to do about it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use caveat_results::{Foreign, Remedy, foreign_kind};
use serde_json::{Map, Value};

use crate::error::{LmError, Result, one_line, quoted};

/// Bytes at the beginning of a file in which its kind is looked for.
const HEAD: usize = 1024;

/// What a file of `bytes` bytes is, judging by its beginning, if it is not one of the files of a model.
fn kind_of(head: &[u8], bytes: u64) -> Option<String> {
    if bytes == 0 {
        return Some("is empty: fetch it again".to_owned());
    }
    let convert = "convert the model to safetensors, as save_pretrained does";
    // Formats of models come first: elsewhere they count as archives, or are unknown.
    match head {
        [b'P', b'K', 3 | 5, 4 | 6, ..] if contains(head, b"data.pkl") || contains(head, b"/version") => {
            return Some(format!("is a checkpoint of PyTorch (a pickle), which is not read: {convert}"));
        }
        // The opcode PROTO of a pickle and what can follow it.
        [0x80, 2..=5, b'}' | b']' | b'(' | 0x8a | 0x95 | b'c' | b'X', ..] => {
            return Some(format!("is a pickle, as older versions of PyTorch save, which is not read: {convert}"));
        }
        [b'l', b'm', b'g', b'g' | b'f', ..] | [b't', b'j', b'g', b'g', ..] | [b'a', b'l', b'g', b'g', ..] => {
            return Some("is a GGML file, which came before GGUF: convert the model to GGUF".to_owned());
        }
        // The version of the ONNX format, then the name of the program that wrote it.
        [0x08, 1..=20, 0x12, length, ..]
            if head.get(4..4 + usize::from(*length)).is_some_and(|name| name.iter().all(u8::is_ascii_graphic)) =>
        {
            return Some(format!("is a model in ONNX, which is not read: {convert}"));
        }
        [b'P', b'A', b'R', b'1', ..] => return Some("is a Parquet table: give a model".to_owned()),
        [b'G', b'G', b'U', b'F', ..] => return None,
        _ => {}
    }
    let Foreign { what, remedy } = foreign_kind(head)?;
    let advice = match remedy {
        Remedy::OfFile(words) => words,
        Remedy::OfTable(_) => "give a model in safetensors or GGUF",
    };
    Some(format!("is {what}: {advice}"))
}

fn contains(head: &[u8], part: &[u8]) -> bool {
    head.windows(part.len()).any(|window| window == part)
}

/// What a supposed file of tensors is instead, judging by its beginning: another kind of file, the other format read here, or text.
fn kind_of_tensors(head: &[u8], bytes: u64) -> Option<String> {
    if let Some(kind) = kind_of(head, bytes) {
        return Some(kind);
    }
    if head.starts_with(b"GGUF") {
        return Some("is a GGUF file: give it as the model itself, as in model.gguf".to_owned());
    }
    if is_safetensors(head) {
        return Some(
            "is a safetensors file: give the folder it lies in, with config.json and tokenizer.json".to_owned(),
        );
    }
    // An answer of a server is short and printable.
    let text = std::str::from_utf8(head).ok().map(str::trim).filter(|text| !text.is_empty())?;
    let is_json = text.starts_with(['{', '[']);
    let is_answer = match is_json {
        true => ["\"error", "\"message\"", "\"detail\""].iter().any(|key| text.contains(key)),
        false => text.chars().all(|c| !c.is_control() || c.is_whitespace()),
    };
    let what = if is_json { "JSON" } else { "text" };
    is_answer
        .then(|| format!("is {what} ({}), perhaps a server's message of an error: download it again", quoted(text)))
}

/// Whether it begins like a safetensors file: with a length of at most 100 MB and a JSON object.
fn is_safetensors(head: &[u8]) -> bool {
    head.first_chunk::<8>().is_some_and(|length| u64::from_le_bytes(*length) <= 100_000_000)
        && head.get(8) == Some(&b'{')
}

/// The error for a file that is neither safetensors nor GGUF: what it is, if that is recognized, and otherwise `problem`.
pub(crate) fn wrong_tensors(path: &Path, problem: String) -> LmError {
    let kind = head_of(path, HEAD).ok().and_then(|(head, bytes)| kind_of_tensors(&head, bytes));
    LmError::bad_file(path, kind.unwrap_or(problem))
}

/// The error for a file that is not JSON: what it is, if that is recognized, and otherwise `problem`.
pub(crate) fn wrong_json(path: &Path, content: &[u8], problem: String) -> LmError {
    let kind = kind_of(&content[..content.len().min(HEAD)], content.len() as u64);
    LmError::bad_file(path, kind.unwrap_or(problem))
}

/// The fields of a JSON object, the text of the file at `path`.
pub(crate) fn json_object(text: &[u8], path: &Path) -> Result<Map<String, Value>> {
    serde_json::from_slice(text).map_err(|e| wrong_json(path, text, format!("is no JSON object ({})", one_line(e))))
}

/// The first `most` bytes of a file, and its size.
pub(crate) fn head_of(path: &Path, most: usize) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(most as u64).read_to_end(&mut head)?;
    Ok((head, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_what_they_are() {
        let zip = |name: &str| [b"PK\x03\x04\x14\0\0\0\0\0\0\0".as_slice(), &[0; 18], name.as_bytes()].concat();
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let safetensors = [&20_u64.to_le_bytes()[..], b"{\"a\":1}"].concat();
        for (content, says) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 7\n"[..], "git lfs pull"),
            (b"/annex/objects/SHA256E-s7--ab.safetensors\n", "git annex get"),
            (b"\n<!DOCTYPE html>\n<html>", "a page in HTML"),
            (b"<HTML><head>", "a page in HTML"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied", "an XML document"),
            (
                b"{\"error\": \"Repository not found\"}",
                "is JSON (\"{\\\"error\\\": \\\"Repository not found\\\"}\"), perhaps a server's",
            ),
            (b"Entry not found", "is text (\"Entry not found\")"),
            (b"", "is empty"),
            (&zip("archive/data.pkl"), "a checkpoint of PyTorch"),
            (&zip("pytorch_model/data.pkl"), "a checkpoint of PyTorch"),
            (&zip("model/config.json"), "a zip archive"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a pickle"),
            (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}", "a pickle"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"BZh91AY", "bzip2"),
            (&tar, "a tar archive"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\x08\x07\x12\x07pytorch\x1a\x05", "ONNX"),
            (b"tjgg\x03\0\0\0", "GGML"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"GGUF\x03\0\0\0", "is a GGUF file"),
            (&safetensors, "is a safetensors file"),
        ] {
            let kind = kind_of_tensors(content, content.len() as u64).unwrap_or_default();
            assert!(kind.contains(says) && !kind.contains('\n'), "{kind:?} should say {says:?}");
        }
        for content in [&b"\x00\x01\x02\x03\xff"[..], &[0xff; 600], b"\x80\x09\x01", b"\x05\0\0\0\0\0\0\0abcde"] {
            assert_eq!(kind_of_tensors(content, content.len() as u64), None, "{content:?}");
        }
        assert_eq!(kind_of(b"{\"model_type\": ", 15), None);
    }
}

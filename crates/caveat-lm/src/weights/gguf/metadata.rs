//! The metadata of a GGUF file: typed values by key.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::error::{LmError, Result, quoted};

/// A value, as far as this program needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i32>),
    /// Skipped; a description of what it is.
    Other(&'static str),
}

/// The values of a file by key, and its path for messages.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) path: PathBuf,
    values: HashMap<String, Value>,
}

impl Metadata {
    /// Reads `count` keys and values.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>, count: usize, path: &Path) -> Result<Self> {
        let mut values = HashMap::new();
        for _ in 0..count {
            let at = reader.position;
            let key = String::from_utf8(reader.string()?)
                .map_err(|_| reader.bad(format!("the metadata key at byte {at} is not UTF-8")))?;
            let kind = reader.u32()?;
            let value = read_value(reader, kind, &key)?;
            if values.contains_key(&key) {
                return Err(reader.bad(format!("has the metadata key {} twice", quoted(&key))));
            }
            values.insert(key, value);
        }
        Ok(Self { path: path.to_owned(), values })
    }

    pub(crate) fn bad(&self, problem: impl Into<String>) -> LmError {
        LmError::bad_file(&self.path, problem)
    }

    /// The error for a required key that is absent.
    pub(crate) fn missing(&self, key: &str) -> LmError {
        self.bad(format!("the metadata lacks {key}"))
    }

    /// A number that is neither negative nor too large for this machine.
    pub(crate) fn size(&self, key: &str) -> Result<Option<usize>> {
        self.get(key, "a whole number, not negative", |value| match value {
            Value::Integer(x) => usize::try_from(*x).ok(),
            _ => None,
        })
    }

    /// A number, whole or not.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        self.get(key, "a number", |value| match value {
            Value::Float(x) => Some(*x),
            Value::Integer(x) => Some(*x as f64),
            _ => None,
        })
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.get(key, "true or false", |value| if let Value::Bool(x) = value { Some(*x) } else { None })
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>> {
        self.get(key, "text", |value| if let Value::Text(text) = value { Some(text.as_str()) } else { None })
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Option<&[String]>> {
        self.get(key, "an array of texts", |value| if let Value::Texts(x) = value { Some(x.as_slice()) } else { None })
    }

    pub(crate) fn integers(&self, key: &str) -> Result<Option<&[i32]>> {
        self.get(
            key,
            "an array of int32",
            |value| if let Value::Integers(x) = value { Some(x.as_slice()) } else { None },
        )
    }

    /// The value of a key, converted by `read`; none if there is no such key, and an error if `read` gives none.
    fn get<'a, T>(&'a self, key: &str, expected: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        if let Some(found) = read(value) {
            return Ok(Some(found));
        }
        let found = match value {
            Value::Integer(x) => x.to_string(),
            Value::Float(x) => x.to_string(),
            Value::Bool(x) => x.to_string(),
            Value::Text(text) => quoted(text),
            Value::Texts(_) => "an array of texts".to_owned(),
            Value::Integers(_) => "an array of int32".to_owned(),
            Value::Other(what) => (*what).to_owned(),
        };
        Err(self.bad(format!("the metadata's {key} is {found}: expected {expected}")))
    }
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

fn read_value<R: Read>(reader: &mut Reader<R>, kind: u32, key: &str) -> Result<Value> {
    Ok(match kind {
        0 => Value::Integer(reader.u8()?.into()),
        1 => Value::Integer(i8::from_le_bytes(reader.bytes()?).into()),
        2 => Value::Integer(u16::from_le_bytes(reader.bytes()?).into()),
        3 => Value::Integer(i16::from_le_bytes(reader.bytes()?).into()),
        4 => Value::Integer(reader.u32()?.into()),
        5 => Value::Integer(i32::from_le_bytes(reader.bytes()?).into()),
        6 => Value::Float(f32::from_le_bytes(reader.bytes()?).into()),
        7 => match reader.u8()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            byte => {
                return Err(reader.bad(format!("the metadata's {} is the byte {byte}: expected a bool", quoted(key))));
            }
        },
        STRING => String::from_utf8(reader.string()?).map_or(Value::Other("text that is not UTF-8"), Value::Text),
        ARRAY => read_array(reader, key)?,
        10 => Value::Integer(reader.u64()?.into()),
        11 => Value::Integer(i64::from_le_bytes(reader.bytes()?).into()),
        12 => Value::Float(f64::from_le_bytes(reader.bytes()?)),
        _ => return Err(unknown(reader, kind, key)),
    })
}

fn read_array<R: Read>(reader: &mut Reader<R>, key: &str) -> Result<Value> {
    let kind = reader.u32()?;
    let width = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        // A string takes at least its length, a u64.
        STRING | 10..=12 => 8,
        ARRAY => {
            return Err(reader.bad(format!("the metadata's {} is an array of arrays: this is not read", quoted(key))));
        }
        _ => return Err(unknown(reader, kind, key)),
    };
    let count = reader.count("values of an array", width)?;
    match kind {
        STRING => {
            let texts: Vec<Vec<u8>> = (0..count).map(|_| reader.string()).collect::<Result<_>>()?;
            let texts: std::result::Result<Vec<String>, _> = texts.into_iter().map(String::from_utf8).collect();
            Ok(texts.map_or(Value::Other("an array of texts that are not UTF-8"), Value::Texts))
        }
        5 => (0..count).map(|_| reader.bytes().map(i32::from_le_bytes)).collect::<Result<_>>().map(Value::Integers),
        // `count` times `width` is at most the number of bytes left, so it does not overflow.
        _ => reader.skip(count as u64 * width).map(|()| Value::Other("an array of numbers")),
    }
}

fn unknown<R: Read>(reader: &Reader<R>, kind: u32, key: &str) -> LmError {
    reader.bad(format!("the metadata's {} has the unknown type {kind}: expected 0 to 12", quoted(key)))
}

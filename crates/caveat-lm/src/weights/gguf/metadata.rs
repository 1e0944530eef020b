//! The metadata of a GGUF file: typed values by key.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::error::{LmError, Result, quoted};

/// A value, as far as this program uses it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i32>),
    /// Read over; what it is, in words.
    Other(&'static str),
}

/// The values of a file by key, with its name for messages.
#[derive(Debug)]
pub(crate) struct Metadata {
    path: PathBuf,
    values: HashMap<String, Value>,
}

impl Metadata {
    /// Reads `count` keys and values.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>, count: usize, path: &Path) -> Result<Self> {
        let mut values = HashMap::new();
        for _ in 0..count {
            let at = reader.position();
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bad(&self, problem: impl Into<String>) -> LmError {
        LmError::bad_file(&self.path, problem)
    }

    /// The error of a key that must be there.
    pub(crate) fn missing(&self, key: &str) -> LmError {
        self.bad(format!("the metadata lacks {key}"))
    }

    /// A number that is neither negative nor too large for this machine.
    pub(crate) fn size(&self, key: &str) -> Result<Option<usize>> {
        let size = match self.values.get(key) {
            None => return Ok(None),
            Some(Value::Unsigned(x)) => usize::try_from(*x).ok(),
            Some(Value::Signed(x)) => usize::try_from(*x).ok(),
            Some(_) => None,
        };
        size.map(Some).ok_or_else(|| self.wrong(key, "a whole number, not negative"))
    }

    /// A number, whole or not.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Float(x)) => Ok(Some(*x)),
            Some(Value::Unsigned(x)) => Ok(Some(*x as f64)),
            Some(Value::Signed(x)) => Ok(Some(*x as f64)),
            Some(_) => Err(self.wrong(key, "a number")),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Bool(x)) => Ok(Some(*x)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "text")),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Option<&[String]>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Texts(texts)) => Ok(Some(texts)),
            Some(_) => Err(self.wrong(key, "an array of texts")),
        }
    }

    pub(crate) fn integers(&self, key: &str) -> Result<Option<&[i32]>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Integers(integers)) => Ok(Some(integers)),
            Some(_) => Err(self.wrong(key, "an array of int32")),
        }
    }

    fn wrong(&self, key: &str, expected: &str) -> LmError {
        let found = match self.values.get(key) {
            None => "absent".to_owned(),
            Some(Value::Unsigned(x)) => x.to_string(),
            Some(Value::Signed(x)) => x.to_string(),
            Some(Value::Float(x)) => x.to_string(),
            Some(Value::Bool(x)) => x.to_string(),
            Some(Value::Text(text)) => quoted(text),
            Some(Value::Texts(_)) => "an array of texts".to_owned(),
            Some(Value::Integers(_)) => "an array of int32".to_owned(),
            Some(Value::Other(what)) => (*what).to_owned(),
        };
        self.bad(format!("the metadata's {key} is {found}: expected {expected}"))
    }
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

fn read_value<R: Read>(reader: &mut Reader<R>, kind: u32, key: &str) -> Result<Value> {
    Ok(match kind {
        0 => Value::Unsigned(reader.u8()?.into()),
        1 => Value::Signed(i8::from_le_bytes(reader.bytes()?).into()),
        2 => Value::Unsigned(u16::from_le_bytes(reader.bytes()?).into()),
        3 => Value::Signed(i16::from_le_bytes(reader.bytes()?).into()),
        4 => Value::Unsigned(reader.u32()?.into()),
        5 => Value::Signed(i32::from_le_bytes(reader.bytes()?).into()),
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
        10 => Value::Unsigned(reader.u64()?),
        11 => Value::Signed(i64::from_le_bytes(reader.bytes()?)),
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
        // The length of a string.
        STRING => 8,
        10..=12 => 8,
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
        // `count` times `width` is no more than the bytes left, so it does not overflow.
        _ => reader.skip(count as u64 * width).map(|()| Value::Other("an array of numbers")),
    }
}

fn unknown<R: Read>(reader: &Reader<R>, kind: u32, key: &str) -> LmError {
    reader.bad(format!("the metadata's {} has the unknown type {kind}: expected 0 to 12", quoted(key)))
}

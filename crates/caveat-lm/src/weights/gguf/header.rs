//! Reads the header of a GGUF file and checks that every tensor it lists lies in the file and overlaps no other.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::metadata::Metadata;
use super::reader::Reader;
use crate::error::{LmError, Result, quoted};
use crate::weights::element::Element;
use crate::weights::tensor_file::{Stored, TensorFile};

const ALIGNMENT: &str = "general.alignment";
/// The alignment of a file that states none.
const DEFAULT_ALIGNMENT: u64 = 32;
/// Bytes of the smallest entry of metadata: an empty key, its type, a byte.
const SMALLEST_METADATA: u64 = 8 + 4 + 1;
/// Bytes of the smallest entry of the tensor table: an empty name, one dimension, type and offset.
const SMALLEST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

/// An open GGUF file whose header has been checked.
#[derive(Debug)]
pub(crate) struct GgufFile {
    pub(crate) metadata: Metadata,
    /// The tensors by their names in the file.
    pub(super) tensors: BTreeMap<String, GgufTensor>,
    pub(super) file: Arc<TensorFile>,
}

/// An entry of the tensor table.
#[derive(Debug, Clone)]
pub(super) struct GgufTensor {
    /// Rows first, which is the reverse of the order in the file.
    pub(super) shape: Vec<usize>,
    pub(super) stored: Stored,
}

impl GgufFile {
    /// Opens a file and reads its header. Memory: a few times the size of the header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = TensorFile::open(path)?;
        let (metadata, tensors) = file.read_from_start(|source| read_header(source, file.size, path))?;
        Ok(Self { metadata, tensors, file: Arc::new(file) })
    }

    /// The shape of a tensor by its name in the file, rows first.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The numbers of a tensor by its name in the file, in the order in which they are stored.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<f32>> {
        match self.tensors.get(name) {
            Some(tensor) => self.file.read_tensor(name, &tensor.stored),
            None => Err(LmError::bad_file(&self.file.path, format!("there is no tensor {}", quoted(name)))),
        }
    }
}

fn read_header<R: Read>(source: R, size: u64, path: &Path) -> Result<(Metadata, BTreeMap<String, GgufTensor>)> {
    let mut reader = Reader::new(source, size, path);
    if size < 4 || reader.bytes()? != *b"GGUF" {
        return Err(reader.bad("does not begin with GGUF: expected a GGUF file"));
    }
    match reader.u32()? {
        2 | 3 => {}
        version if version & 0xffff == 0 => {
            return Err(reader.bad("is a big-endian GGUF file: expected a little-endian one"));
        }
        version => return Err(reader.bad(format!("has GGUF version {version}: expected 2 or 3"))),
    }
    let tensor_count = reader.count("tensors", SMALLEST_TENSOR)?;
    let metadata_count = reader.count("keys of metadata", SMALLEST_METADATA)?;
    let metadata = Metadata::read(&mut reader, metadata_count, path)?;
    let alignment = match metadata.size(ALIGNMENT)? {
        None => DEFAULT_ALIGNMENT,
        Some(alignment) if alignment.is_power_of_two() => alignment as u64,
        Some(alignment) => return Err(reader.bad(format!("{ALIGNMENT} is {alignment}: expected a power of two"))),
    };
    let mut tensors = BTreeMap::new();
    for _ in 0..tensor_count {
        let (name, tensor) = read_tensor(&mut reader, alignment)?;
        if tensors.contains_key(&name) {
            return Err(reader.bad(format!("has the tensor {} twice", quoted(&name))));
        }
        tensors.insert(name, tensor);
    }
    place_tensors(&mut tensors, &reader, alignment)?;
    Ok((metadata, tensors))
}

/// Reads an entry of the tensor table; its offset still counts from the first tensor.
fn read_tensor<R: Read>(reader: &mut Reader<R>, alignment: u64) -> Result<(String, GgufTensor)> {
    let at = reader.position;
    let name = String::from_utf8(reader.string()?)
        .map_err(|_| reader.bad(format!("the tensor name at byte {at} is not UTF-8")))?;
    let fail = |reader: &Reader<R>, problem: String| reader.bad(format!("tensor {} {problem}", quoted(&name)));
    let rank = reader.u32()?;
    if !(1..=4).contains(&rank) {
        return Err(fail(reader, format!("has {rank} dimensions: expected 1 to 4")));
    }
    let dimensions: Vec<u64> = (0..rank).map(|_| reader.u64()).collect::<Result<_>>()?;
    let kind = reader.u32()?;
    let offset = reader.u64()?;
    let Some(element) = element(kind) else {
        return Err(fail(reader, format!("has type {}: expected {READ}", type_name(kind))));
    };
    let shape: Option<Vec<usize>> =
        dimensions.iter().rev().map(|&d| usize::try_from(d).ok().filter(|&d| d > 0)).collect();
    let count = shape.as_ref().and_then(|shape| shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)));
    let (Some(shape), Some(count)) = (shape, count) else {
        let expected = "expected none that is 0 and a product in range";
        return Err(fail(reader, format!("has dimensions {dimensions:?}: {expected}")));
    };
    // Rows are quantized one by one, so a block never spans two rows.
    let row = shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(element.block_len()) || element.bytes_of(count).is_none() {
        let problem = format!("has rows of {row} numbers: {} stores {} together", element.name(), element.block_len());
        return Err(fail(reader, problem));
    }
    if !offset.is_multiple_of(alignment) {
        return Err(fail(reader, format!("has offset {offset}: expected a multiple of {alignment}")));
    }
    Ok((name, GgufTensor { shape, stored: Stored { element, count, offset } }))
}

/// Makes offsets count from the beginning of the file, and refuses tensors that reach beyond its end or overlap.
fn place_tensors<R: Read>(
    tensors: &mut BTreeMap<String, GgufTensor>,
    reader: &Reader<R>,
    alignment: u64,
) -> Result<()> {
    let start = reader.position.checked_next_multiple_of(alignment);
    let mut ranges = Vec::with_capacity(tensors.len());
    for (name, GgufTensor { stored, .. }) in tensors {
        let begin = start.and_then(|start| start.checked_add(stored.offset));
        let bytes = stored.element.bytes_of(stored.count);
        let end = begin.zip(bytes).and_then(|(begin, bytes)| begin.checked_add(bytes));
        let (Some(begin), Some(end)) = (begin, end.filter(|&end| end <= reader.size)) else {
            let problem = format!("tensor {} reaches beyond the file's {} bytes", quoted(name), reader.size);
            return Err(reader.bad(format!("{problem}: it was cut short or damaged")));
        };
        stored.offset = begin;
        ranges.push((begin, end, name));
    }
    ranges.sort();
    match ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(pair) => Err(reader.bad(format!("tensors {} and {} overlap", quoted(pair[0].2), quoted(pair[1].2)))),
        None => Ok(()),
    }
}

const READ: &str = "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K or Q6_K";

fn element(kind: u32) -> Option<Element> {
    Some(match kind {
        0 => Element::F32,
        1 => Element::F16,
        2 => Element::Q4_0,
        3 => Element::Q4_1,
        6 => Element::Q5_0,
        7 => Element::Q5_1,
        8 => Element::Q8_0,
        12 => Element::Q4K,
        14 => Element::Q6K,
        30 => Element::Bf16,
        _ => return None,
    })
}

/// The name of a type that is not read.
fn type_name(kind: u32) -> String {
    let name = match kind {
        4 => "Q4_2",
        5 => "Q4_3",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        13 => "Q5_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("{kind}, which is unknown"),
    };
    name.to_owned()
}

//! Text as a stream of UTF-8 without a byte-order mark, also from packed files and from UTF-16.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest record in bytes. A longer one means an unclosed quotation mark, or a file made to fill memory.
const LONGEST_RECORD: u64 = 1 << 26;

/// How a file is packed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zstd,
}

/// How text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8 as far as the first bytes tell, with or without a byte-order mark.
    Utf8,
    /// UTF-16 with a byte-order mark.
    Utf16 { big_endian: bool },
}

/// The text of an input.
pub(crate) struct TextStream {
    bytes: Box<dyn Read + Send>,
    read: u64,
    /// Byte where the current record begins, set by the reader; without that, only short texts can be read.
    pub(crate) record: Arc<AtomicU64>,
}

impl TextStream {
    pub(super) fn new(file: File, packing: Packing, encoding: Encoding) -> io::Result<Self> {
        let unpacked = unpack(file, packing)?;
        let bytes: Box<dyn Read + Send> = match encoding {
            Encoding::Utf8 => Box::new(without_mark(unpacked)?),
            Encoding::Utf16 { big_endian } => {
                let decoded = io::Cursor::default();
                Box::new(FromUtf16 { from: unpacked, big_endian, decoded, rest: Vec::new(), at_start: true })
            }
        };
        Ok(Self { bytes, read: 0, record: Arc::new(AtomicU64::new(0)) })
    }
}

impl Read for TextStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.bytes.read(buffer)?;
        self.read += n as u64;
        if self.read.saturating_sub(self.record.load(Ordering::Relaxed)) > LONGEST_RECORD {
            return Err(damaged("a row of more than 64 MiB: expected a quotation mark to be closed, and lines to end"));
        }
        Ok(n)
    }
}

fn damaged(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

/// The bytes of a file that is packed as a whole.
pub(super) fn unpack(file: File, packing: Packing) -> io::Result<Box<dyn Read + Send>> {
    Ok(match packing {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(Unpacked {
            from: flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)),
            name: "gzip",
        }),
        Packing::Zstd => Box::new(Unpacked { from: zstd::stream::read::Decoder::new(file)?, name: "zstd" }),
    })
}

/// Blames errors on the packed data.
struct Unpacked<R> {
    from: R,
    name: &'static str,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.from.read(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => damaged(format!("the {} data are damaged or cut off ({e})", self.name)),
        })
    }
}

/// UTF-8 without a byte-order mark.
fn without_mark(mut from: impl Read + Send) -> io::Result<impl Read + Send> {
    let mut head = Vec::with_capacity(3);
    from.by_ref().take(3).read_to_end(&mut head)?;
    if head == [0xef, 0xbb, 0xbf] {
        head.clear();
    }
    Ok(io::Cursor::new(head).chain(from))
}

/// Decodes UTF-16 with a byte-order mark to UTF-8.
struct FromUtf16<R> {
    from: R,
    big_endian: bool,
    /// Decoded bytes that were not read yet.
    decoded: io::Cursor<Vec<u8>>,
    /// A byte or a first surrogate whose second half is still to come.
    rest: Vec<u8>,
    at_start: bool,
}

impl<R: Read> FromUtf16<R> {
    /// Decodes the next bytes; false at the end.
    fn decode(&mut self) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.rest);
        let before = bytes.len();
        self.from.by_ref().take(1 << 16).read_to_end(&mut bytes)?;
        let ended = bytes.len() == before;
        if ended {
            return if bytes.is_empty() { Ok(false) } else { Err(damaged("the UTF-16 text is cut off")) };
        }
        let unit = |b: &[u8]| match self.big_endian {
            true => u16::from_be_bytes([b[0], b[1]]),
            false => u16::from_le_bytes([b[0], b[1]]),
        };
        let mut units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
        let mut used = 2 * units.len();
        if units.last().is_some_and(|u| (0xd800..0xdc00).contains(u)) {
            units.pop();
            used -= 2;
        }
        self.rest = bytes[used..].to_vec();
        let mark = usize::from(std::mem::take(&mut self.at_start) && units.first() == Some(&0xfeff));
        let text = String::from_utf16(&units[mark..]).map_err(|_| damaged("the text is not UTF-16 throughout"))?;
        self.decoded = io::Cursor::new(text.into_bytes());
        Ok(true)
    }
}

impl<R: Read> Read for FromUtf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoded.read(buffer)? {
                0 if !buffer.is_empty() => {
                    if !self.decode()? {
                        return Ok(0);
                    }
                }
                n => return Ok(n),
            }
        }
    }
}

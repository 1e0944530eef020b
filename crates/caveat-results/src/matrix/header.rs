//! The header of a .npy file: element type, order and shape, as in NumPy's description of the format (NEP 1).

use std::io::Read;

/// The first bytes of a .npy file.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest header that is read; the header of a matrix has some hundred bytes.
const MAX_BYTES: u32 = 1 << 20;

/// A parsed header.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The element type as a Python literal, as in `'<f8'`.
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<u64>,
}

/// A type of floating-point numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Float {
    pub(super) width: usize,
    pub(super) big_endian: bool,
}

impl Header {
    /// Reads the header and leaves `file` at the beginning of the data; the error says what is wrong.
    pub(super) fn read(file: &mut impl Read) -> Result<Self, String> {
        let mut start = [0; 8];
        file.read_exact(&mut start).map_err(|_| "it ends in its header")?;
        if start[..6] != *MAGIC {
            return Err("it does not begin as one".into());
        }
        let mut length = [0; 4];
        // Two bytes in version 1, four in later ones.
        let known = match start[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(format!("its version is {version}")),
        };
        file.read_exact(&mut length[..known]).map_err(|_| "it ends in its header")?;
        let length = u32::from_le_bytes(length);
        if length > MAX_BYTES {
            return Err(format!("its header has {length} bytes"));
        }
        let mut text = vec![0; length as usize];
        file.read_exact(&mut text).map_err(|_| "it ends in its header")?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Reads the dictionary, `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let malformed = || "its header is no dictionary of descr, fortran_order and shape".to_owned();
        let mut rest = text.trim().strip_prefix('{').ok_or_else(malformed)?.trim_start();
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        while !rest.starts_with('}') {
            let (key, after) = quoted(rest).ok_or_else(malformed)?;
            let value = after.trim_start().strip_prefix(':').ok_or_else(malformed)?.trim_start();
            let end = end_of_value(value).ok_or_else(malformed)?;
            let (value, after) = (value[..end].trim_end(), &value[end..]);
            match key {
                // A name, or a list of fields.
                "descr" if value.starts_with(['\'', '"', '[']) => descr = Some(value.to_owned()),
                "fortran_order" => fortran_order = Some(truth(value).ok_or_else(malformed)?),
                "shape" => shape = Some(tuple(value).ok_or_else(malformed)?),
                _ => return Err(malformed()),
            }
            rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        }
        match (descr, fortran_order, shape, rest) {
            (Some(descr), Some(fortran_order), Some(shape), "}") => Ok(Self { descr, fortran_order, shape }),
            _ => Err(malformed()),
        }
    }

    /// The type of the elements, if they are floating-point numbers of 2, 4 or 8 bytes.
    pub(super) fn float(&self) -> Option<Float> {
        let (name, after) = quoted(&self.descr)?;
        let mut signs = name.chars();
        let big_endian = match signs.next()? {
            '<' => false,
            '>' => true,
            '=' => cfg!(target_endian = "big"),
            _ => return None,
        };
        let width = match (signs.as_str(), after) {
            ("f2", "") => 2,
            ("f4", "") => 4,
            ("f8", "") => 8,
            _ => return None,
        };
        Some(Float { width, big_endian })
    }

    /// The element type as a message shows it.
    pub(super) fn shown_type(&self) -> String {
        const MOST: usize = 80;
        match self.descr.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}…", &self.descr[..end]),
            None => self.descr.clone(),
        }
    }

    /// Whether the elements are Python objects or contain some.
    pub(super) fn is_pickled(&self) -> bool {
        self.descr.contains("|O")
    }
}

/// Splits off a quoted string at the beginning. Headers need no escapes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text[1..].split_once(quote)
}

/// The end of a value: a comma or brace outside its brackets and quotes.
fn end_of_value(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(open), _) => quote = quote.filter(|_| sign != open),
            (None, '\'' | '"') => quote = Some(sign),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',' | '}') if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

/// `(2, 2)`, `(4,)` or `()`; Python 2 wrote `2L`.
fn tuple(text: &str) -> Option<Vec<u64>> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.split(',').map(|side| side.trim().trim_end_matches('L').parse().ok()).collect()
}

/// The header of a square matrix of little-endian doubles in C order, with the magic in front.
pub(super) fn of_matrix(n: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, {n}), }}");
    // The data begin at a multiple of 64 bytes, after a line end.
    let before = MAGIC.len() + 4;
    let whole = (before + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(whole - before - text.len() - 1));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // Far below the 65,535 that two bytes hold.
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_writers_read_alike() {
        let expected = Header { descr: "'<f8'".into(), fortran_order: false, shape: vec![2, 3] };
        for text in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }   \n",
            "{\"shape\": (2,3), \"descr\": '<f8', \"fortran_order\": False}",
            "{'descr':'<f8','fortran_order':False,'shape':(2L, 3L)}",
        ] {
            assert_eq!(Header::parse(text).unwrap(), expected, "{text}");
        }
        let of = |shape: &str| Header::parse(&format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}}}"));
        assert_eq!([of("()").unwrap().shape, of("(4,)").unwrap().shape], [vec![], vec![4]]);
        let structured = "{'descr': [('a', '<f8'), ('b', '|O', (2, 2))], 'fortran_order': False, 'shape': (2,), }";
        let read = Header::parse(structured).unwrap();
        assert!(read.descr.starts_with("[('a'") && read.is_pickled() && read.float().is_none());
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f8', 'fortran_order': False}",
            "{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 2)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': 2}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 2)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)} more",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), 'more': 1}",
            "{'descr: '<f8'}",
            "{'descr': )'<f8'}",
        ] {
            assert!(Header::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn types_are_floats_of_three_widths_and_two_byte_orders() {
        let float = |descr: &str| Header { descr: descr.into(), fortran_order: false, shape: vec![] }.float();
        assert_eq!(float("'<f8'"), Some(Float { width: 8, big_endian: false }));
        assert_eq!(float("\">f2\""), Some(Float { width: 2, big_endian: true }));
        for other in ["'<i8'", "'|O'", "'<f16'", "'<c8'", "'f8'", "<f8", "'<f8' ", "[('a', '<f8')]"] {
            assert_eq!(float(other), None, "{other}");
        }
    }
}

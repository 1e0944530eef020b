//! Decodes the quantized blocks of GGUF files as ggml's reference implementation does.
//!
//! A block holds 32 or 256 consecutive numbers of a row: small integers q, with scales d and offsets m in half precision.
//!
//! | type | numbers | bytes | layout | number |
//! |---|---|---|---|---|
//! | Q4_0 | 32 | 18 | d, 16 × two q | d (q − 8) |
//! | Q4_1 | 32 | 20 | d, m, 16 × two q | d q + m |
//! | Q5_0 | 32 | 22 | d, 32 fifth bits, 16 × two q | d (q − 16) |
//! | Q5_1 | 32 | 24 | d, m, 32 fifth bits, 16 × two q | d q + m |
//! | Q8_0 | 32 | 34 | d, 32 × signed q | d q |
//! | Q4_K | 256 | 144 | d, m, 12 bytes of eight scales s and eight offsets t, 128 × two q | (d s) q − m t |
//! | Q6_K | 256 | 210 | 128 × two low halves, 64 × four upper bits, 16 signed scales s, d | (d s) (q − 32) |
//!
//! In the types of 32 numbers, the lower halves of the bytes are the first 16 numbers and the upper halves the last 16.
//! Products and sums round once each in single precision, in the order written; ggml's compiled code may fuse them.
//!
//! Source: <https://github.com/ggml-org/ggml>, `src/ggml-common.h` (layouts) and `src/ggml-quants.c`
//! (`dequantize_row_*`). The unit tests hold the values of the Python package `gguf` 0.19.0.

use half::f16;

/// Numbers of a block of the types named with `_0` and `_1`.
pub(crate) const SMALL: usize = 32;
/// Numbers of a block of the types named with `_K`.
pub(crate) const SUPER: usize = 256;

pub(crate) const Q4_0_BYTES: usize = 18;
pub(crate) const Q4_1_BYTES: usize = 20;
pub(crate) const Q5_0_BYTES: usize = 22;
pub(crate) const Q5_1_BYTES: usize = 24;
pub(crate) const Q8_0_BYTES: usize = 34;
pub(crate) const Q4_K_BYTES: usize = 144;
pub(crate) const Q6_K_BYTES: usize = 210;

pub(crate) fn q4_0(block: &[u8; Q4_0_BYTES]) -> [f32; SMALL] {
    let [d0, d1, q @ ..] = block;
    let d = scale(*d0, *d1);
    nibbles(q).map(|q| d * (f32::from(q) - 8.0))
}

pub(crate) fn q4_1(block: &[u8; Q4_1_BYTES]) -> [f32; SMALL] {
    let [d0, d1, m0, m1, q @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    nibbles(q).map(|q| d * f32::from(q) + m)
}

pub(crate) fn q5_0(block: &[u8; Q5_0_BYTES]) -> [f32; SMALL] {
    let [d0, d1, h0, h1, h2, h3, q @ ..] = block;
    let d = scale(*d0, *d1);
    with_fifth_bit(nibbles(q), [*h0, *h1, *h2, *h3]).map(|q| d * (f32::from(q) - 16.0))
}

pub(crate) fn q5_1(block: &[u8; Q5_1_BYTES]) -> [f32; SMALL] {
    let [d0, d1, m0, m1, h0, h1, h2, h3, q @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    with_fifth_bit(nibbles(q), [*h0, *h1, *h2, *h3]).map(|q| d * f32::from(q) + m)
}

pub(crate) fn q8_0(block: &[u8; Q8_0_BYTES]) -> [f32; SMALL] {
    let [d0, d1, q @ ..] = block;
    let d = scale(*d0, *d1);
    q.map(|q| d * f32::from(q as i8))
}

/// Eight groups of 32 numbers, each with its own scale and offset. Groups 2k and 2k + 1 are the lower and upper halves of the k-th
/// 32 bytes.
pub(crate) fn q4_k(block: &[u8; Q4_K_BYTES]) -> [f32; SUPER] {
    let [d0, d1, m0, m1, rest @ ..] = block;
    let (d, m) = (scale(*d0, *d1), scale(*m0, *m1));
    let (packed, q) = rest.split_at(12);
    std::array::from_fn(|i| {
        let (group, k) = (i / 32, i % 32);
        let byte = q[group / 2 * 32 + k];
        let q = if group % 2 == 0 { byte & 15 } else { byte >> 4 };
        let (s, t) = scale_and_offset(packed, group);
        (d * f32::from(s)) * f32::from(q) - m * f32::from(t)
    })
}

/// The six bits of the scale and of the offset of a group. Those of groups 0 to 3 are the lower six bits of bytes 0 to 3 and 4 to 7.
/// For groups 4 to 7, the upper two bits of these bytes are the upper bits, and bytes 8 to 11 hold the lower four.
fn scale_and_offset(packed: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (packed[group] & 63, packed[group + 4] & 63);
    }
    let low = packed[group + 4];
    ((low & 15) | (packed[group - 4] >> 6 << 4), (low >> 4) | (packed[group] >> 6 << 4))
}

/// Two halves of 128 numbers. Number i of a half takes its lower four bits from byte i mod 64 of the half's 64 (upper halves of
/// the bytes from i = 64 on), its upper two from byte i mod 32 of the half's 32, and the scale of its group of 16.
pub(crate) fn q6_k(block: &[u8; Q6_K_BYTES]) -> [f32; SUPER] {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (scales, d) = rest.split_at(16);
    let d = scale(d[0], d[1]);
    std::array::from_fn(|i| {
        let (half, i) = (i / 128, i % 128);
        let byte = low[half * 64 + i % 64];
        let low = if i < 64 { byte & 15 } else { byte >> 4 };
        let high = high[half * 32 + i % 32] >> (i / 32 * 2) & 3;
        let s = scales[half * 8 + i / 16] as i8;
        (d * f32::from(s)) * (f32::from(low | high << 4) - 32.0)
    })
}

fn scale(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32()
}

/// The lower halves of 16 bytes, then the upper halves.
fn nibbles(bytes: &[u8; SMALL / 2]) -> [u8; SMALL] {
    std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 })
}

/// Adds bit i of `high` to number i as its fifth bit.
fn with_fifth_bit(mut q: [u8; SMALL], high: [u8; 4]) -> [u8; SMALL] {
    let high = u32::from_le_bytes(high);
    for (i, q) in q.iter_mut().enumerate() {
        *q |= ((high >> i & 1) as u8) << 4;
    }
    q
}

#[cfg(test)]
mod tests {
    use crate::weights::element::Element;
    use safetensors::SafeTensors;

    /// Random blocks and their values by the Python package `gguf`; see the script of the same name.
    const GOLDEN: &[u8] = include_bytes!("../../tests/fixtures/dequantization.safetensors");

    #[test]
    fn every_type_has_the_values_of_the_reference_bit_for_bit() {
        let golden = SafeTensors::deserialize(GOLDEN).unwrap();
        use Element::{Bf16, F16, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q6K, Q8_0};
        for element in [F16, Bf16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4K, Q6K] {
            let name = element.name();
            let blocks = golden.tensor(&format!("{name}.blocks")).unwrap();
            let expected = golden.tensor(&format!("{name}.values")).unwrap();
            let expected: Vec<u32> = expected.data().as_chunks().0.iter().map(|&x| u32::from_le_bytes(x)).collect();
            let mut found = Vec::new();
            element.decode(blocks.data(), &mut found);
            let found: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
            assert_eq!(element.bytes_of(expected.len()), Some(blocks.data().len() as u64), "{name}");
            assert!(expected.len() >= 256, "{name}");
            assert_eq!(found, expected, "{name}");
        }
    }
}

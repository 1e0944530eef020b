//! The storage types of tensors and their conversion to `f32`.

use caveat_theory::named_enum;
use half::{bf16, f16};

use super::blocks;

named_enum! {
    /// A storage type that this program reads, by the name that the file formats give it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Element, ALL {
        F64 = "F64",
        F32 = "F32",
        F16 = "F16",
        Bf16 = "BF16",
        Q4_0 = "Q4_0",
        Q4_1 = "Q4_1",
        Q5_0 = "Q5_0",
        Q5_1 = "Q5_1",
        Q8_0 = "Q8_0",
        Q4K = "Q4_K",
        Q6K = "Q6_K",
    }
}

impl Element {
    /// How many numbers are stored together: 1, or the size of a quantized block.
    pub(crate) fn block_len(self) -> usize {
        match self {
            Self::F64 | Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => blocks::SMALL,
            Self::Q4K | Self::Q6K => blocks::SUPER,
        }
    }

    /// Bytes of a block.
    pub(crate) fn block_bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 => blocks::Q4_0_BYTES,
            Self::Q4_1 => blocks::Q4_1_BYTES,
            Self::Q5_0 => blocks::Q5_0_BYTES,
            Self::Q5_1 => blocks::Q5_1_BYTES,
            Self::Q8_0 => blocks::Q8_0_BYTES,
            Self::Q4K => blocks::Q4_K_BYTES,
            Self::Q6K => blocks::Q6_K_BYTES,
        }
    }

    /// Bytes of `count` numbers; `None` if they do not fill whole blocks or the size overflows.
    pub(crate) fn bytes_of(self, count: usize) -> Option<u64> {
        let blocks = count.is_multiple_of(self.block_len()).then(|| count / self.block_len())?;
        (blocks as u64).checked_mul(self.block_bytes() as u64)
    }

    /// Appends the numbers in `bytes`, whole blocks, to `out`. `F64` is rounded to the nearest `f32`; all other types are exact or
    /// rounded as in the reference implementation of the format.
    pub(crate) fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::F64 => out.extend(bytes.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x) as f32)),
            Self::F32 => out.extend(bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x))),
            Self::F16 => out.extend(bytes.as_chunks().0.iter().map(|&x| f16::from_le_bytes(x).to_f32())),
            Self::Bf16 => out.extend(bytes.as_chunks().0.iter().map(|&x| bf16::from_le_bytes(x).to_f32())),
            Self::Q4_0 => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q4_0(block))),
            Self::Q4_1 => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q4_1(block))),
            Self::Q5_0 => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q5_0(block))),
            Self::Q5_1 => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q5_1(block))),
            Self::Q8_0 => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q8_0(block))),
            Self::Q4K => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q4_k(block))),
            Self::Q6K => bytes.as_chunks().0.iter().for_each(|block| out.extend(blocks::q6_k(block))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(element: Element, bytes: &[u8]) -> Vec<f32> {
        let mut out = Vec::new();
        element.decode(bytes, &mut out);
        out
    }

    #[test]
    fn half_precision_keeps_subnormals_signs_and_infinities() {
        let bits: [u16; 6] = [0x0001, 0x83ff, 0x8000, 0x3c00, 0x7bff, 0xfc00];
        let bytes: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
        let smallest = 2.0_f32.powi(-24);
        let expected = [smallest, -1023.0 * smallest, -0.0, 1.0, 65504.0, f32::NEG_INFINITY];
        let found = decode(Element::F16, &bytes);
        assert_eq!(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), expected.map(f32::to_bits));
    }

    #[test]
    fn bfloat16_is_the_upper_half_of_a_float_subnormals_included() {
        let bits: [u16; 6] = [0x0001, 0x807f, 0x8000, 0x3f80, 0x7f7f, 0x7f80];
        let bytes: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
        let found: Vec<u32> = decode(Element::Bf16, &bytes).iter().map(|x| x.to_bits()).collect();
        assert_eq!(found, bits.map(|b| u32::from(b) << 16));
        assert!(decode(Element::Bf16, &[0xc0, 0x7f])[0].is_nan());
    }

    #[test]
    fn doubles_round_to_the_nearest_float() {
        let values = [0.1_f64, 1.0 + f64::EPSILON, 1e300];
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(decode(Element::F64, &bytes), [0.1_f32, 1.0, f32::INFINITY]);
    }

    #[test]
    fn sizes_count_whole_blocks_and_do_not_overflow() {
        assert_eq!(Element::Q4_1.bytes_of(64), Some(40));
        assert_eq!(Element::Q4_1.bytes_of(65), None);
        assert_eq!(Element::Q6K.bytes_of(512), Some(420));
        assert_eq!(Element::Q6K.bytes_of(32), None);
        assert_eq!(Element::F32.bytes_of(usize::MAX), None);
        assert_eq!(Element::F16.bytes_of(0), Some(0));
    }
}

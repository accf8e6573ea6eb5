//! Codes cut in two: the upper four bits of every component, and the lower four, each half of a row's bytes.
//!
//! Upper halves alone are codes of 4 bits, and half as much to read for a walk, which is bound by memory. Both together
//! are the codes again, without loss. This is the idea of a progressive code, whose first part orders candidates and
//! whose rest is read for the best of them, as in the two levels of LVQ (Aguerrebere et al., "Similarity search in the
//! blink of an eye with compressed indices", VLDB 2023); how nibbles lie in a line is said in
//! [`kernel::code`](crate::kernel::code).

use crate::kernel::code::LINE;

/// Bytes of a row of halves of `dim` components: whole lines.
pub(crate) fn stride(dim: usize) -> usize {
    dim.div_ceil(2 * LINE) * LINE
}

/// A row of codes, cut.
pub(crate) struct Halves {
    /// The upper half of each component.
    pub(crate) upper: Vec<u8>,
    /// The lower half of each component.
    pub(crate) lower: Vec<u8>,
}

impl Halves {
    /// Of a row whose codes are all zero.
    pub(crate) fn new(dim: usize) -> Self {
        Self { upper: vec![0; stride(dim)], lower: vec![0; stride(dim)] }
    }

    /// Cuts a row of as many codes.
    pub(crate) fn cut(&mut self, codes: &[u8]) {
        let lines = self.upper.as_chunks_mut::<LINE>().0.iter_mut().zip(self.lower.as_chunks_mut::<LINE>().0);
        for (codes, (upper, lower)) in codes.chunks(2 * LINE).zip(lines) {
            let mut pair = [[0; LINE]; 2];
            pair.as_flattened_mut()[..codes.len()].copy_from_slice(codes);
            let [first, second] = pair;
            for place in 0..LINE {
                upper[place] = first[place] >> 4 | second[place] & 0xf0;
                lower[place] = first[place] & 0x0f | second[place] << 4;
            }
        }
    }
}

/// Puts a row of codes together again.
pub(crate) fn join(upper: &[u8], lower: &[u8], codes: &mut [u8]) {
    let lines = upper.as_chunks::<LINE>().0.iter().zip(lower.as_chunks::<LINE>().0);
    for (codes, (upper, lower)) in codes.chunks_mut(2 * LINE).zip(lines) {
        let mut pair = [[0; LINE]; 2];
        let [first, second] = &mut pair;
        for place in 0..LINE {
            first[place] = upper[place] << 4 | lower[place] & 0x0f;
            second[place] = upper[place] & 0xf0 | lower[place] >> 4;
        }
        codes.copy_from_slice(&pair.as_flattened()[..codes.len()]);
    }
}

/// Σb², b being the middle of the codes that have the upper half of a component's, counted from the middle code.
pub(crate) fn upper_squares(codes: &[u8]) -> f32 {
    // Twice b is a whole number.
    let doubled = |&code: &u8| 2 * i64::from(code & 0xf0) - DOUBLED_UPPER_MIDDLE;
    #[allow(clippy::cast_precision_loss, reason = "a sum far inside an f64")]
    let squares = codes.iter().map(|code| doubled(code).pow(2)).sum::<i64>() as f64 / 4.0;
    #[allow(clippy::cast_possible_truncation, reason = "rounded to the digits of an f32")]
    let rounded = squares as f32;
    rounded
}

/// Twice of what a code counts from when only its upper half is known: 128, less the middle of 0 to 15.
const DOUBLED_UPPER_MIDDLE: i64 = 241;

/// See [`DOUBLED_UPPER_MIDDLE`].
#[allow(clippy::cast_precision_loss, reason = "three digits")]
pub(crate) const UPPER_MIDDLE: f64 = DOUBLED_UPPER_MIDDLE as f64 / 2.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn halves_are_the_codes_again(codes in prop::collection::vec(any::<u8>(), 1..600)) {
            let mut halves = Halves::new(codes.len());
            // What was there before leaves no trace.
            halves.cut(&vec![0xaa; codes.len()]);
            halves.cut(&codes);
            let mut joined = vec![0; codes.len()];
            join(&halves.upper, &halves.lower, &mut joined);
            prop_assert_eq!(joined, codes);
        }
    }

    #[test]
    fn nibbles_lie_where_kernels_look_for_them() {
        let mut codes = vec![0; 130];
        (codes[1], codes[65], codes[129]) = (0x12, 0x34, 0x56);
        let mut halves = Halves::new(130);
        halves.cut(&codes);
        let Halves { upper, lower } = halves;
        assert_eq!((upper[1], lower[1]), (0x31, 0x42));
        assert_eq!((upper[LINE + 1], lower[LINE + 1]), (0x05, 0x06));
        assert_eq!(upper.iter().filter(|&&byte| byte != 0).count(), 2);
    }

    #[test]
    fn an_upper_half_stands_for_the_middle_of_its_codes() {
        // 0 to 15 are 128 to 113 below the middle code, 240 to 255 are 112 to 127 above it.
        assert_eq!(upper_squares(&[3]).to_bits(), (120.5_f32 * 120.5).to_bits());
        assert_eq!(upper_squares(&[250, 128]).to_bits(), (119.5_f32 * 119.5 + 7.5 * 7.5).to_bits());
    }
}

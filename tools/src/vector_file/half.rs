//! Half precision (IEEE 754 binary16), which is how many models give their embeddings.

/// The number of these bits. Every half is exactly an f32.
pub(super) fn from_bits(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    let magnitude = match exponent {
        // Subnormal: no implicit leading bit; also zero.
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bits: u16, expected: f32) {
        assert_eq!(from_bits(bits).to_bits(), expected.to_bits(), "{bits:#06x}: {}", from_bits(bits));
    }

    #[test]
    fn halves_are_the_numbers_that_the_standard_says() {
        check(0x0000, 0.0);
        check(0x8000, -0.0);
        check(0x0001, 5.960_464_5e-8);
        check(0x03ff, 6.097_555e-5);
        check(0x0400, 6.103_515_6e-5);
        check(0x3555, 0.333_251_95);
        check(0x3bff, 0.999_511_7);
        check(0x3c00, 1.0);
        check(0x3c01, 1.000_976_6);
        check(0xc000, -2.0);
        check(0x7bff, 65504.0);
        check(0x7c00, f32::INFINITY);
        check(0xfc00, f32::NEG_INFINITY);
        assert!(from_bits(0x7e00).is_nan());
    }

    #[test]
    fn larger_bits_are_larger_numbers() {
        let positive: Vec<f32> = (0..=0x7c00).map(from_bits).collect();
        assert!(positive.is_sorted_by(|a, b| a < b));
    }
}

//! Numbers of JSON, read once and exactly.

/// Digits that a `u64` holds, whatever they are.
const DIGITS_MAX: usize = 19;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a> {
    /// The whole of it.
    pub(super) text: &'a str,
    /// Without a fraction or an exponent.
    pub(super) is_integer: bool,
    negative: bool,
    /// It is ± `digits` × 10 to the power of `exponent`; `None` where that has too many digits.
    decimal: Option<(u64, i32)>,
}

/// The number that `text` starts with, by JSON's grammar.
pub(super) fn scan(text: &str) -> Option<Number<'_>> {
    let bytes = text.as_bytes();
    let negative = bytes.first() == Some(&b'-');
    let mut at = usize::from(negative);
    let mut digits = 0;
    let integer = at;
    at = scan_digits(bytes, at, &mut digits);
    let mut significant = at - integer;
    if significant == 0 || (significant > 1 && bytes[integer] == b'0') {
        return None;
    }
    let (mut fraction, mut exponent, mut is_integer) = (0, Some(0), true);
    if bytes.get(at) == Some(&b'.') {
        let start = at + 1;
        at = start;
        // Told from the text: what was counted wraps around, and may be zero for a number that is not.
        if bytes[integer] == b'0' {
            while bytes.get(at) == Some(&b'0') {
                at += 1;
            }
            significant = 0;
        }
        let first = at;
        at = scan_digits(bytes, at, &mut digits);
        significant += at - first;
        fraction = at - start;
        is_integer = false;
        if fraction == 0 {
            return None;
        }
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let end = scan_exponent(bytes, at + 1)?;
        // With an explicit plus sign too; an exponent that no i32 holds is left to the standard library.
        exponent = text[at + 1..end].parse::<i32>().ok();
        at = end;
        is_integer = false;
    }
    let exponent = exponent.and_then(|exponent| exponent.checked_sub(i32::try_from(fraction).ok()?));
    let decimal = exponent.filter(|_| significant <= DIGITS_MAX).map(|exponent| (digits, exponent));
    Some(Number { text: &text[..at], is_integer, negative, decimal })
}

fn scan_digits(bytes: &[u8], mut at: usize, digits: &mut u64) -> usize {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        // What overflows has too many digits and is not used.
        *digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

fn scan_exponent(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let end = scan_digits(bytes, start, &mut 0);
    (end > start).then_some(end)
}

/// The `f32` that `bytes` start with and the bytes it takes, for the plain decimals that vectors are made of; `None` for
/// what [`scan`] has to look at.
#[inline]
pub(super) fn plain_f32(bytes: &[u8]) -> Option<(f32, usize)> {
    let mut at = usize::from(*bytes.first()? == b'-');
    let start = at;
    let mut digits = 0_u64;
    // At most as many rounds as digits fit; what has more is not plain.
    while let Some(&byte) = bytes.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let integers = at - start;
    if integers == 0 || (integers > 1 && bytes[start] == b'0') {
        return None;
    }
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let first = at;
        while let Some(&byte) = bytes.get(at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        fraction = at - first;
        if fraction == 0 {
            return None;
        }
    }
    if integers + fraction > DIGITS_MAX || matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let magnitude = nearest_f32(digits, -i32::try_from(fraction).ok()?)?;
    Some((if start == 1 { -magnitude } else { magnitude }, at))
}

impl Number<'_> {
    /// The nearest `f32`; `None` beyond what even an `f64` holds.
    pub(super) fn to_f32(self) -> Option<f32> {
        if let Some(magnitude) = self.decimal.and_then(|(digits, exponent)| nearest_f32(digits, exponent)) {
            return Some(if self.negative { -magnitude } else { magnitude });
        }
        let nearest: f32 = self.text.parse().ok()?;
        (nearest.is_finite() || self.to_f64().is_some()).then_some(nearest)
    }

    /// The nearest `f64`; `None` beyond what it holds.
    pub(super) fn to_f64(self) -> Option<f64> {
        self.text.parse().ok().filter(|nearest: &f64| nearest.is_finite())
    }

    /// The number as an unsigned integer, if it is one.
    pub(super) fn to_u64(self) -> Option<u64> {
        if self.is_integer && !self.negative { self.text.parse().ok() } else { None }
    }

    /// The number as a signed integer, if it is one. Not minus zero, which only a float can say.
    pub(super) fn to_i64(self) -> Option<i64> {
        if self.is_integer { self.text.parse().ok().filter(|&integer| integer != 0 || !self.negative) } else { None }
    }
}

/// The `f32` nearest to `digits` × 10 to the power of `exponent`, where double precision is enough to tell.
///
/// The integer may be rounded to a double, and so may the product: each is off by at most half a unit of the last
/// place in relative terms, both together by little more than two such units. What is farther than that from the
/// midpoint between two neighbouring `f32` lies on the right side of it, and rounds as the exact number does.
#[inline]
fn nearest_f32(digits: u64, exponent: i32) -> Option<f32> {
    const BELOW_F32: u64 = (1 << 29) - 1;
    const MIDPOINT: u64 = 1 << 28;
    const DOUBT: u64 = 3;
    if digits == 0 {
        return Some(0.0);
    }
    let power = *POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    #[allow(clippy::cast_precision_loss, reason = "the rounding is accounted for")]
    let digits = digits as f64;
    let approximate = if exponent < 0 { digits / power } else { digits * power };
    // Subnormal numbers have fewer digits, and their midpoints are elsewhere.
    if approximate < f64::from(f32::MIN_POSITIVE) {
        return None;
    }
    if (approximate.to_bits() & BELOW_F32).abs_diff(MIDPOINT) <= DOUBT {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is wanted")]
    Some(approximate as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str) {
        let number = scan(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(number.text, text);
        let (as_f32, as_f64): (f32, f64) = (text.parse().unwrap(), text.parse().unwrap());
        let finite = as_f64.is_finite();
        assert_eq!(number.to_f32().map(f32::to_bits), finite.then_some(as_f32.to_bits()), "{text}");
        if let Some((plain, length)) = plain_f32(text.as_bytes()) {
            assert_eq!((plain.to_bits(), length), (as_f32.to_bits(), text.len()), "{text}");
        }
        assert_eq!(number.to_f64().map(f64::to_bits), finite.then_some(as_f64.to_bits()), "{text}");
    }

    #[test]
    fn hard_numbers_are_read_exactly() {
        let hard = [
            "0",
            "-0",
            "0.0",
            "-0.0e5",
            "0.1",
            "16777217",
            "16777217.0000000001",
            "16777216.9999999999",
            "3.4028235e38",
            "3.4028236e38",
            "1e39",
            "-1e39",
            "1.17549435e-38",
            "1e-38",
            "1e-45",
            "7e-46",
            "1e-400",
            "1e400",
            "-1e400",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e22",
            "1e23",
            "1e-22",
            "1e-23",
            "0.000000000000000000000000000000000000000012345",
            "12345678901234567890123",
            "1e+2",
            "1E-2",
            "1e99999999999",
            "0e99999999999",
            "8388608.5",
            "8388609.5",
            "0.000000059604644775390625",
            "18446744073709551616.5",
            "-18446744073709551616.5",
            "36893488147419103232.25",
            "10000000000000000000000000000000000000000000000000000000000000000.5",
        ];
        hard.into_iter().for_each(check);
    }

    #[test]
    fn what_is_no_number_of_json_is_refused() {
        for text in ["", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "NaN", "Infinity", "-Infinity", "x", "1.e5"] {
            assert_eq!(scan(text), None, "{text}");
            assert_eq!(plain_f32(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_number_ends_where_something_else_starts() {
        for (text, number) in [("1,2", "1"), ("1.5]", "1.5"), ("0x1", "0"), ("1e5e", "1e5"), ("-7 ", "-7")] {
            assert_eq!(scan(text).map(|number| number.text), Some(number));
        }
    }

    #[test]
    fn integers_are_told_from_floats() {
        let integers = |text: &str| scan(text).map(|number| (number.to_u64(), number.to_i64())).unwrap();
        assert_eq!(integers("18446744073709551615"), (Some(u64::MAX), None));
        assert_eq!(integers("-9223372036854775808"), (None, Some(i64::MIN)));
        assert_eq!(integers("7"), (Some(7), Some(7)));
        for text in ["-0", "1.0", "1e3", "18446744073709551616", "-9223372036854775809"] {
            assert_eq!(integers(text), (None, None), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn every_f32_comes_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}"), format!("{}", f64::from(value))] {
                let read = scan(&text).unwrap().to_f32().unwrap();
                prop_assert_eq!(read.to_bits(), bits, "{}", text);
            }
        }

        /// Where the shortcut could be wrong: at, just above and just below the middle of two neighbours.
        #[test]
        fn numbers_beside_a_midpoint_round_as_they_should(bits in 0x0080_0000_u32..0x7f7f_ffff, off in -4_i64..=4) {
            let (low, high) = (f32::from_bits(bits), f32::from_bits(bits + 1));
            let middle = f64::midpoint(f64::from(low), f64::from(high));
            let near = f64::from_bits(middle.to_bits().saturating_add_signed(off));
            for text in [format!("{near}"), format!("{near:e}"), format!("{near:.16e}"), format!("{near:.18e}")] {
                let read = scan(&text).unwrap().to_f32().unwrap();
                prop_assert_eq!(read.to_bits(), text.parse::<f32>().unwrap().to_bits(), "{}", text);
            }
        }

        /// Where what has been counted so far may wrap around to a number that looks harmless.
        #[test]
        fn integer_parts_at_multiples_of_what_an_integer_holds_are_read_exactly(
            multiple in 1_u128..1 << 60, off in 0_u128..2, tail in "(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?"
        ) {
            check(&format!("{}{tail}", (multiple << 64) + off));
        }

        #[test]
        fn any_number_is_read_as_the_standard_library_reads_it(text in "-?(0|[1-9][0-9]{0,70}|[1-9]0{15,70})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
            check(&text);
        }
    }
}

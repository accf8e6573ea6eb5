//! Kernels that turn components into codes and back, one after the other.
//!
//! They are plain loops that the compiler makes wide by itself; all that a form adds is leave to use the registers
//! that its processor has. So all forms give the same results to the bit.

use std::sync::LazyLock;

/// One form of the kernels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuantiseKernels {
    /// The instruction set.
    #[cfg_attr(not(test), expect(dead_code, reason = "names a form in the messages of tests"))]
    pub(crate) name: &'static str,
    largest: fn(&[f32], &[f32]) -> f32,
    steps: fn(&[f32], &[f32], f32, &mut [i8]),
    restore: fn(&[u8], &[f32], f32, &mut [f32]),
    sums: fn(&[i8]) -> (i32, i32),
    are_whole: fn(&[f32], &[f32], f32, &[i8]) -> bool,
}

impl QuantiseKernels {
    /// The largest |vectorᵢ − centreᵢ|.
    pub(crate) fn largest(&self, vector: &[f32], centres: &[f32]) -> f32 {
        (self.largest)(vector, centres)
    }

    /// Writes the whole number nearest to (vectorᵢ − centreᵢ) · inverse, between −128 and 127; halves go to the even
    /// one.
    pub(crate) fn steps(&self, vector: &[f32], centres: &[f32], inverse: f32, steps: &mut [i8]) {
        (self.steps)(vector, centres, inverse, steps);
    }

    /// Writes (codeᵢ − 128) · step + centreᵢ.
    pub(crate) fn restore(&self, codes: &[u8], centres: &[f32], step: f32, vector: &mut [f32]) {
        (self.restore)(codes, centres, step, vector);
    }

    /// Σ stepsᵢ and Σ stepsᵢ².
    pub(crate) fn sums(&self, steps: &[i8]) -> (i32, i32) {
        (self.sums)(steps)
    }

    /// Returns whether every component is a whole number of at most four million, and its step is exactly
    /// (vectorᵢ − centreᵢ) · inverse. Where a component is minus zero it says no.
    pub(crate) fn are_whole(&self, vector: &[f32], centres: &[f32], inverse: f32, steps: &[i8]) -> bool {
        (self.are_whole)(vector, centres, inverse, steps)
    }
}

/// The widest kernels that this processor runs.
pub(crate) fn best() -> &'static QuantiseKernels {
    static BEST: LazyLock<QuantiseKernels> =
        LazyLock::new(|| *available().last().expect("the plain form is always there"));
    &BEST
}

/// Every form that this processor runs, narrowest first.
fn available() -> Vec<QuantiseKernels> {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "only x86-64 adds to it"))]
    let mut forms = vec![QuantiseKernels { name: "plain", largest, steps, restore, sums, are_whole }];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            forms.push(x86::AVX2);
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            forms.push(x86::AVX512);
        }
    }
    forms
}

#[inline(always)]
fn largest(vector: &[f32], centres: &[f32]) -> f32 {
    // Of numbers that are not negative the order of bits is the order of numbers, and the compiler makes the largest
    // integer wide, but not the largest float, which may be NaN.
    let magnitudes = vector.iter().zip(centres).map(|(&component, &centre)| (component - centre).abs().to_bits());
    f32::from_bits(magnitudes.fold(0, u32::max))
}

/// Added to a small number it leaves no bits for a fraction, and the processor rounds; the whole number then stands in
/// the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

#[inline(always)]
fn steps(vector: &[f32], centres: &[f32], inverse: f32, steps: &mut [i8]) {
    for ((step, &component), &centre) in steps.iter_mut().zip(vector).zip(centres) {
        let exact = ((component - centre) * inverse).clamp(-128.0, 127.0);
        #[allow(clippy::cast_possible_truncation, reason = "between −128 and 127 by the line above")]
        let whole = (exact + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed() as i8;
        *step = whole;
    }
}

#[inline(always)]
fn restore(codes: &[u8], centres: &[f32], step: f32, vector: &mut [f32]) {
    for ((component, &code), &centre) in vector.iter_mut().zip(codes).zip(centres) {
        *component = (f32::from(code) - 128.0) * step + centre;
    }
}

#[inline(always)]
fn sums(steps: &[i8]) -> (i32, i32) {
    let sum = steps.iter().map(|&step| i32::from(step)).sum();
    let squares = steps.iter().map(|&step| i32::from(step) * i32::from(step)).sum();
    (sum, squares)
}

#[inline(always)]
fn are_whole(vector: &[f32], centres: &[f32], inverse: f32, steps: &[i8]) -> bool {
    // Bits that differ are gathered instead of looked at one after the other, so that the compiler makes it wide.
    let differing = |((&component, &centre), &step): ((&f32, &f32), &i8)| {
        let whole = (component + ROUNDER) - ROUNDER;
        let exact = (component - centre) * inverse;
        (whole.to_bits() ^ component.to_bits()) | (exact.to_bits() ^ f32::from(step).to_bits())
    };
    vector.iter().zip(centres).zip(steps).map(differing).fold(0, |all, bits| all | bits) == 0
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![allow(unsafe_code, reason = "functions with wider registers may be called where they exist")]

    use super::QuantiseKernels;

    /// The plain loops with other registers allowed. Offered only where `available` found them.
    macro_rules! form {
        ($name:ident, $features:literal, $label:literal, $module:ident) => {
            pub(super) const $name: QuantiseKernels = QuantiseKernels {
                name: $label,
                largest: |vector, centres| {
                    // SAFETY: `available` offers the form only on a processor with the features.
                    unsafe { $module::largest(vector, centres) }
                },
                steps: |vector, centres, inverse, steps| {
                    // SAFETY: as above.
                    unsafe { $module::steps(vector, centres, inverse, steps) }
                },
                restore: |codes, centres, step, vector| {
                    // SAFETY: as above.
                    unsafe { $module::restore(codes, centres, step, vector) }
                },
                sums: |steps| {
                    // SAFETY: as above.
                    unsafe { $module::sums(steps) }
                },
                are_whole: |vector, centres, inverse, steps| {
                    // SAFETY: as above.
                    unsafe { $module::are_whole(vector, centres, inverse, steps) }
                },
            };

            mod $module {
                #[target_feature(enable = $features)]
                pub(super) fn largest(vector: &[f32], centres: &[f32]) -> f32 {
                    super::super::largest(vector, centres)
                }

                #[target_feature(enable = $features)]
                pub(super) fn steps(vector: &[f32], centres: &[f32], inverse: f32, steps: &mut [i8]) {
                    super::super::steps(vector, centres, inverse, steps);
                }

                #[target_feature(enable = $features)]
                pub(super) fn restore(codes: &[u8], centres: &[f32], step: f32, vector: &mut [f32]) {
                    super::super::restore(codes, centres, step, vector);
                }

                #[target_feature(enable = $features)]
                pub(super) fn sums(steps: &[i8]) -> (i32, i32) {
                    super::super::sums(steps)
                }

                #[target_feature(enable = $features)]
                pub(super) fn are_whole(vector: &[f32], centres: &[f32], inverse: f32, steps: &[i8]) -> bool {
                    super::super::are_whole(vector, centres, inverse, steps)
                }
            }
        };
    }

    form!(AVX2, "avx2", "avx2", avx2);
    form!(AVX512, "avx512f,avx512bw", "avx512", avx512);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_form_gives_the_same_as_plain_arithmetic(
            pairs in prop::collection::vec((-300.0f32..300.0, -10.0f32..10.0), 0..150),
            inverse in 0.01f32..4.0,
        ) {
            let (vector, centres): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let offsets = || vector.iter().zip(&centres).map(|(component, centre)| component - centre);
            #[allow(clippy::cast_possible_truncation, reason = "between −128 and 127")]
            let step = |offset: f32| (offset * inverse).round_ties_even().clamp(-128.0, 127.0) as i8;
            let want: Vec<i8> = offsets().map(step).collect();
            let largest = offsets().map(f32::abs).fold(0.0, f32::max);
            let codes: Vec<u8> = want.iter().map(|&step| step.cast_unsigned() ^ 128).collect();
            let restored: Vec<f32> =
                want.iter().zip(&centres).map(|(&step, centre)| f32::from(step) * 0.5 + centre).collect();
            let sums = (
                want.iter().map(|&step| i32::from(step)).sum::<i32>(),
                want.iter().map(|&step| i32::from(step).pow(2)).sum::<i32>(),
            );
            for form in available() {
                let mut steps = vec![0; want.len()];
                form.steps(&vector, &centres, inverse, &mut steps);
                prop_assert_eq!(&steps, &want, "{}", form.name);
                prop_assert_eq!(form.largest(&vector, &centres).to_bits(), largest.to_bits(), "{}", form.name);
                let mut back = vec![0.0; want.len()];
                form.restore(&codes, &centres, 0.5, &mut back);
                prop_assert_eq!(&back, &restored, "{}", form.name);
                prop_assert_eq!(form.sums(&steps), sums, "{}", form.name);
            }
        }
    }
    #[test]
    fn steps_are_whole_where_nothing_is_lost() {
        let centres = [100.0, -3.0];
        let whole = [([90.0, 5.0], [-10, 8], 1.0), ([90.0, 5.0], [-20, 16], 2.0), ([100.0, -3.0], [0, 0], 1e9)];
        let lossy = [
            ([90.0, 4.5], [-10, 8], 1.0),
            ([90.0, 4.5], [-20, 15], 2.0),
            // So near to a whole number that the centre takes the difference away.
            ([1e-9, 5.0], [-100, 8], 1.0),
            // Cut off.
            ([300.0, 5.0], [127, 8], 1.0),
            ([5e6, 5.0], [127, 8], 1.0),
        ];
        for form in available() {
            for (vector, steps, inverse) in whole {
                assert!(form.are_whole(&vector, &centres, inverse, &steps), "{}: {vector:?}", form.name);
            }
            for (vector, steps, inverse) in lossy {
                assert!(!form.are_whole(&vector, &centres, inverse, &steps), "{}: {vector:?}", form.name);
            }
        }
    }
}

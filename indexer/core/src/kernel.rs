//! Distance kernels: the inner loops over two slices of f32, in the widest form that the processor has.
//!
//! The choice is made once, at run time, so that one binary serves every x86-64; 64-bit Arm always has NEON. The scalar form is
//! the reference: the others are tested against it. Summation order differs between forms, so the same pair may
//! differ in the last digits on another kind of processor, never on the same.

pub mod code;
pub(crate) mod quantise;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::sync::LazyLock;

/// One form of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    /// The instruction set, for logs and reports.
    pub name: &'static str,
    dot: fn(&[f32], &[f32]) -> f32,
    squared_euclidean: fn(&[f32], &[f32]) -> f32,
}

impl Kernels {
    /// Σ aᵢ·bᵢ.
    ///
    /// # Panics
    /// When the slices differ in length: a bug in the caller, which would otherwise read outside.
    pub fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len(), "a distance is between vectors of one dimension");
        (self.dot)(a, b)
    }

    /// Σ (aᵢ−bᵢ)².
    ///
    /// # Panics
    /// When the slices differ in length: a bug in the caller, which would otherwise read outside.
    pub fn squared_euclidean(&self, a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len(), "a distance is between vectors of one dimension");
        (self.squared_euclidean)(a, b)
    }
}

/// The widest kernels that this processor runs.
pub fn best() -> &'static Kernels {
    static BEST: LazyLock<Kernels> = LazyLock::new(|| *available().last().expect("the scalar form is always there"));
    &BEST
}

/// Every form that this processor runs, narrowest first.
pub fn available() -> Vec<Kernels> {
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        allow(unused_mut, reason = "only some processors add to it")
    )]
    let mut forms = vec![scalar::KERNELS];
    #[cfg(target_arch = "x86_64")]
    {
        if avx2::runs_here() {
            forms.push(avx2::KERNELS);
        }
        if avx512::runs_here() {
            forms.push(avx512::KERNELS);
        }
    }
    #[cfg(target_arch = "aarch64")]
    forms.push(neon::KERNELS);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        (0usize..300).prop_flat_map(|dim| {
            let component = -1000.0f32..1000.0;
            (prop::collection::vec(component.clone(), dim), prop::collection::vec(component, dim))
        })
    }

    /// Rounding grows with the sum of magnitudes, not with the result, which cancellation may leave near zero.
    #[track_caller]
    fn check_close(name: &str, got: f32, exact: f64, magnitude: f64) {
        let bound = magnitude * f64::from(f32::EPSILON) * 32.0 + 1e-30;
        assert!((f64::from(got) - exact).abs() <= bound, "{name}: {got} is not within {bound:e} of {exact}");
    }

    fn check_all_forms(a: &[f32], b: &[f32]) {
        let wide = || a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)));
        let dot: f64 = wide().map(|(x, y)| x * y).sum();
        let dot_magnitude: f64 = wide().map(|(x, y)| (x * y).abs()).sum();
        let squared: f64 = wide().map(|(x, y)| (x - y) * (x - y)).sum();
        for form in available() {
            check_close(form.name, form.dot(a, b), dot, dot_magnitude);
            check_close(form.name, form.squared_euclidean(a, b), squared, squared);
        }
    }

    proptest! {
        #[test]
        fn every_form_agrees_with_double_precision((a, b) in pair()) {
            check_all_forms(&a, &b);
        }

        #[test]
        fn a_kernel_reads_nothing_beyond_its_slices((a, b) in pair(), start in 0usize..20) {
            let start = start.min(a.len());
            check_all_forms(&a[start..], &b[start..]);
        }
    }

    #[test]
    fn every_dimension_up_to_200_is_whole() {
        for dim in 0..=200u8 {
            let ones = vec![1.0; usize::from(dim)];
            let threes = vec![3.0; usize::from(dim)];
            for form in available() {
                assert_eq!(form.dot(&ones, &threes).to_bits(), (f32::from(dim) * 3.0).to_bits(), "{}", form.name);
                assert_eq!(
                    form.squared_euclidean(&ones, &threes).to_bits(),
                    (f32::from(dim) * 4.0).to_bits(),
                    "{}",
                    form.name
                );
            }
        }
    }

    #[test]
    fn the_largest_allowed_components_do_not_overflow() {
        use crate::limits::{COMPONENT_ABS_MAX, DIM_MAX};
        let (high, low) = (vec![COMPONENT_ABS_MAX; DIM_MAX], vec![-COMPONENT_ABS_MAX; DIM_MAX]);
        for form in available() {
            assert!(form.dot(&high, &low).is_finite(), "{}", form.name);
            assert!(form.squared_euclidean(&high, &low).is_finite(), "{}", form.name);
        }
    }

    #[test]
    #[should_panic(expected = "one dimension")]
    fn slices_of_different_length_are_refused() {
        best().dot(&[1.0, 2.0], &[1.0]);
    }
}

//! The kernels with 256-bit AVX2 and fused multiply-add.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against double precision")]

use super::Kernels;
use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_sub_ps,
};

pub(super) const KERNELS: Kernels = Kernels { name: "avx2", dot, squared_euclidean };

/// Returns whether this processor has the instructions.
pub(super) fn runs_here() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { dot_wide(a, b) }
}

fn squared_euclidean(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { squared_euclidean_wide(a, b) }
}

const LANES: usize = 8;

#[target_feature(enable = "avx2,fma")]
fn dot_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_pairs, a_last) = a_lanes.as_chunks::<2>();
    let (b_pairs, b_last) = b_lanes.as_chunks::<2>();
    let (mut even, mut odd) = (_mm256_setzero_ps(), _mm256_setzero_ps());
    for (x, y) in a_pairs.iter().zip(b_pairs) {
        even = _mm256_fmadd_ps(load(&x[0]), load(&y[0]), even);
        odd = _mm256_fmadd_ps(load(&x[1]), load(&y[1]), odd);
    }
    for (x, y) in a_last.iter().zip(b_last) {
        even = _mm256_fmadd_ps(load(x), load(y), even);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    horizontal_sum(_mm256_add_ps(even, odd)) + rest
}

#[target_feature(enable = "avx2,fma")]
fn squared_euclidean_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_pairs, a_last) = a_lanes.as_chunks::<2>();
    let (b_pairs, b_last) = b_lanes.as_chunks::<2>();
    let (mut even, mut odd) = (_mm256_setzero_ps(), _mm256_setzero_ps());
    for (x, y) in a_pairs.iter().zip(b_pairs) {
        let difference = _mm256_sub_ps(load(&x[0]), load(&y[0]));
        even = _mm256_fmadd_ps(difference, difference, even);
        let difference = _mm256_sub_ps(load(&x[1]), load(&y[1]));
        odd = _mm256_fmadd_ps(difference, difference, odd);
    }
    for (x, y) in a_last.iter().zip(b_last) {
        let difference = _mm256_sub_ps(load(x), load(y));
        even = _mm256_fmadd_ps(difference, difference, even);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
    horizontal_sum(_mm256_add_ps(even, odd)) + rest
}

#[target_feature(enable = "avx2")]
fn load(lanes: &[f32; LANES]) -> __m256 {
    // SAFETY: the reference covers the eight floats that are read; the load asks for no alignment.
    unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
}

#[target_feature(enable = "avx2")]
fn horizontal_sum(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

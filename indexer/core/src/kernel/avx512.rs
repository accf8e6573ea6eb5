//! The kernels with 512-bit AVX-512.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against double precision")]

use super::Kernels;
use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_reduce_add_ps,
    _mm512_setzero_ps, _mm512_sub_ps,
};

pub(super) const KERNELS: Kernels = Kernels { name: "avx512", dot, squared_euclidean };

/// Returns whether this processor has the instructions.
pub(super) fn runs_here() -> bool {
    is_x86_feature_detected!("avx512f")
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { dot_wide(a, b) }
}

fn squared_euclidean(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { squared_euclidean_wide(a, b) }
}

const LANES: usize = 16;

#[target_feature(enable = "avx512f")]
fn dot_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_pairs, a_last) = a_lanes.as_chunks::<2>();
    let (b_pairs, b_last) = b_lanes.as_chunks::<2>();
    let (mut even, mut odd) = (_mm512_setzero_ps(), _mm512_setzero_ps());
    for (x, y) in a_pairs.iter().zip(b_pairs) {
        even = _mm512_fmadd_ps(load(&x[0]), load(&y[0]), even);
        odd = _mm512_fmadd_ps(load(&x[1]), load(&y[1]), odd);
    }
    for (x, y) in a_last.iter().zip(b_last) {
        even = _mm512_fmadd_ps(load(x), load(y), even);
    }
    odd = _mm512_fmadd_ps(load_rest(a_rest), load_rest(b_rest), odd);
    _mm512_reduce_add_ps(_mm512_add_ps(even, odd))
}

#[target_feature(enable = "avx512f")]
fn squared_euclidean_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_pairs, a_last) = a_lanes.as_chunks::<2>();
    let (b_pairs, b_last) = b_lanes.as_chunks::<2>();
    let (mut even, mut odd) = (_mm512_setzero_ps(), _mm512_setzero_ps());
    for (x, y) in a_pairs.iter().zip(b_pairs) {
        let difference = _mm512_sub_ps(load(&x[0]), load(&y[0]));
        even = _mm512_fmadd_ps(difference, difference, even);
        let difference = _mm512_sub_ps(load(&x[1]), load(&y[1]));
        odd = _mm512_fmadd_ps(difference, difference, odd);
    }
    for (x, y) in a_last.iter().zip(b_last) {
        let difference = _mm512_sub_ps(load(x), load(y));
        even = _mm512_fmadd_ps(difference, difference, even);
    }
    let difference = _mm512_sub_ps(load_rest(a_rest), load_rest(b_rest));
    odd = _mm512_fmadd_ps(difference, difference, odd);
    _mm512_reduce_add_ps(_mm512_add_ps(even, odd))
}

#[target_feature(enable = "avx512f")]
fn load(lanes: &[f32; LANES]) -> __m512 {
    // SAFETY: the reference covers the sixteen floats that are read; the load asks for no alignment.
    unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
}

/// Loads fewer than sixteen floats; the other lanes are zero, which adds nothing to a sum.
#[target_feature(enable = "avx512f")]
fn load_rest(rest: &[f32]) -> __m512 {
    debug_assert!(rest.len() < LANES);
    let mask: __mmask16 = (1 << rest.len()) - 1;
    // SAFETY: the mask names only the lanes that the slice has; memory of the others is not touched.
    unsafe { _mm512_maskz_loadu_ps(mask, rest.as_ptr()) }
}

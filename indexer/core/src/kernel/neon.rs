//! The kernels with 128-bit NEON, which every 64-bit Arm has.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against double precision")]

use super::Kernels;
use std::arch::aarch64::{float32x4_t, vaddq_f32, vaddvq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vsubq_f32};

pub(super) const KERNELS: Kernels = Kernels { name: "neon", dot, squared_euclidean };

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: every 64-bit Arm has NEON.
    unsafe { dot_wide(a, b) }
}

fn squared_euclidean(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: every 64-bit Arm has NEON.
    unsafe { squared_euclidean_wide(a, b) }
}

const LANES: usize = 4;

/// Registers that are summed into side by side: the processor begins several additions before the first is done.
const SUMS: usize = 4;

#[target_feature(enable = "neon")]
fn dot_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_groups, a_last) = a_lanes.as_chunks::<SUMS>();
    let (b_groups, b_last) = b_lanes.as_chunks::<SUMS>();
    let mut sums = [vdupq_n_f32(0.0); SUMS];
    for (x, y) in a_groups.iter().zip(b_groups) {
        for place in 0..SUMS {
            sums[place] = vfmaq_f32(sums[place], load(&x[place]), load(&y[place]));
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(a_last.iter().zip(b_last)) {
        *sum = vfmaq_f32(*sum, load(x), load(y));
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    horizontal_sum(sums) + rest
}

#[target_feature(enable = "neon")]
fn squared_euclidean_wide(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let (a_groups, a_last) = a_lanes.as_chunks::<SUMS>();
    let (b_groups, b_last) = b_lanes.as_chunks::<SUMS>();
    let mut sums = [vdupq_n_f32(0.0); SUMS];
    for (x, y) in a_groups.iter().zip(b_groups) {
        for place in 0..SUMS {
            let difference = vsubq_f32(load(&x[place]), load(&y[place]));
            sums[place] = vfmaq_f32(sums[place], difference, difference);
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(a_last.iter().zip(b_last)) {
        let difference = vsubq_f32(load(x), load(y));
        *sum = vfmaq_f32(*sum, difference, difference);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| (x - y) * (x - y)).sum();
    horizontal_sum(sums) + rest
}

#[target_feature(enable = "neon")]
fn load(lanes: &[f32; LANES]) -> float32x4_t {
    // SAFETY: the reference covers the four floats that are read; the load asks for no alignment.
    unsafe { vld1q_f32(lanes.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn horizontal_sum([a, b, c, d]: [float32x4_t; SUMS]) -> f32 {
    vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)))
}

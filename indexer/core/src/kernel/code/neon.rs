//! The kernels with 128-bit NEON, which every 64-bit Arm has.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::{CodeKernels, CodeRows, Formula};
use std::arch::aarch64::{
    int32x4_t, vaddq_s32, vaddvq_s32, vdupq_n_s32, vget_high_s16, vget_low_s8, vget_low_s16, vget_low_u8, vld1q_s8,
    vld1q_u8, vmlal_s16, vmovl_high_s8, vmovl_high_u8, vmovl_s8, vmovl_u8, vreinterpretq_s16_u16,
};

pub(super) const KERNELS: CodeKernels = CodeKernels { name: "neon", ranks, prefetch };

const LANES: usize = 16;

fn ranks(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let (query, _) = formula.codes.as_chunks::<LANES>();
    for (&row, rank) in wanted.iter().zip(ranks) {
        let (codes, _) = rows.row(row).as_chunks::<LANES>();
        // SAFETY: every 64-bit Arm has NEON.
        *rank = formula.rank(rows.term(row), unsafe { product_wide(codes, query) });
    }
}

#[target_feature(enable = "neon")]
fn product_wide(codes: &[[u8; LANES]], query: &[[i8; LANES]]) -> i32 {
    let (mut low, mut high): (int32x4_t, int32x4_t) = (vdupq_n_s32(0), vdupq_n_s32(0));
    for (codes, query) in codes.iter().zip(query) {
        // SAFETY: the reference covers the sixteen bytes that are read.
        let codes = unsafe { vld1q_u8(codes.as_ptr()) };
        // SAFETY: as above.
        let query = unsafe { vld1q_s8(query.as_ptr()) };
        let (codes_low, codes_high) =
            (vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes))), vreinterpretq_s16_u16(vmovl_high_u8(codes)));
        let (query_low, query_high) = (vmovl_s8(vget_low_s8(query)), vmovl_high_s8(query));
        low = vmlal_s16(low, vget_low_s16(codes_low), vget_low_s16(query_low));
        high = vmlal_s16(high, vget_high_s16(codes_low), vget_high_s16(query_low));
        low = vmlal_s16(low, vget_low_s16(codes_high), vget_low_s16(query_high));
        high = vmlal_s16(high, vget_high_s16(codes_high), vget_high_s16(query_high));
    }
    vaddvq_s32(vaddq_s32(low, high))
}

/// Rust offers no stable prefetch for Arm yet; its processors guess well within a row.
fn prefetch(_: *const u8, _: usize) {}

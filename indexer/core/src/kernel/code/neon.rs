//! The kernels with 128-bit NEON, which every 64-bit Arm has. Codes are widened to 16 bits: products of bytes with and
//! without a sign are an extension.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::{CodeKernels, CodeRows, Formula, LINE, halves, rows_ahead};
use std::arch::aarch64::{
    int32x4_t, vaddq_s32, vaddvq_s32, vdupq_n_s32, vget_low_s8, vget_low_s16, vget_low_u8, vld1q_s8, vld1q_u8,
    vmlal_high_s16, vmlal_s16, vmovl_high_s8, vmovl_high_u8, vmovl_s8, vmovl_u8, vreinterpretq_s16_u16,
};
use std::arch::asm;

pub(super) const KERNELS: CodeKernels = CodeKernels {
    name: "neon",
    ranks,
    upper_ranks: halves::neon::upper_ranks,
    both_ranks: halves::neon::both_ranks,
    prefetch,
};

const LANES: usize = 16;

fn ranks(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let ahead = rows_ahead(rows.stride());
    wanted.iter().take(ahead).for_each(|&row| prefetch_row(rows, row));
    let (query, _) = formula.codes.as_chunks::<LANES>();
    for (place, (&row, rank)) in wanted.iter().zip(ranks).enumerate() {
        if let Some(&next) = wanted.get(place + ahead) {
            prefetch_row(rows, next);
        }
        let (codes, _) = rows.row(row).as_chunks::<LANES>();
        // SAFETY: every 64-bit Arm has NEON.
        *rank = formula.rank(rows.term(row), unsafe { product_wide(codes, query) });
    }
}

#[target_feature(enable = "neon")]
fn product_wide(codes: &[[u8; LANES]], query: &[[i8; LANES]]) -> i32 {
    let mut sums: [int32x4_t; 4] = [vdupq_n_s32(0); 4];
    for (codes, query) in codes.iter().zip(query) {
        // SAFETY: the reference covers the sixteen bytes that are read; the load asks for no alignment.
        let codes = unsafe { vld1q_u8(codes.as_ptr()) };
        // SAFETY: as above.
        let query = unsafe { vld1q_s8(query.as_ptr()) };
        let codes = [vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes))), vreinterpretq_s16_u16(vmovl_high_u8(codes))];
        let query = [vmovl_s8(vget_low_s8(query)), vmovl_high_s8(query)];
        for half in 0..2 {
            let low = vget_low_s16(codes[half]);
            sums[2 * half] = vmlal_s16(sums[2 * half], low, vget_low_s16(query[half]));
            sums[2 * half + 1] = vmlal_high_s16(sums[2 * half + 1], codes[half], query[half]);
        }
    }
    vaddvq_s32(vaddq_s32(vaddq_s32(sums[0], sums[1]), vaddq_s32(sums[2], sums[3])))
}

/// Asks for each line. Where a processor's lines are longer, some are asked for twice, which costs little.
fn prefetch(start: *const u8, bytes: usize) {
    for line in (0..bytes).step_by(LINE) {
        let address = start.wrapping_add(line);
        // SAFETY: a prefetch reads nothing that a program can see, whatever the address; every 64-bit Arm has it.
        unsafe { asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly)) }
    }
}

/// Asks for a row and its term.
pub(super) fn prefetch_row(rows: CodeRows<'_>, row: u32) {
    prefetch(rows.row(row).as_ptr(), rows.stride());
    prefetch(std::ptr::from_ref(&rows.terms[row as usize]).cast(), size_of::<f32>());
}

//! Halves with 128-bit NEON, which every 64-bit Arm has. A nibble times a code is 1,920 at most, so that the sixteen
//! products of a line that meet in a lane fit 16 bits.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::super::{Formula, LINE, rows_ahead};
use super::{HalfRows, line_pairs, lines, rank_each, whole};
use crate::kernel::code::neon::prefetch_row;
use std::arch::aarch64::{
    int8x16_t, int16x8_t, vaddvq_s32, vandq_u8, vdupq_n_s16, vdupq_n_s32, vdupq_n_u8, vget_low_s8, vld1q_s8, vld1q_u8,
    vmlal_high_s8, vmlal_s8, vpadalq_s16, vreinterpretq_s8_u8, vshrq_n_u8,
};

pub(in crate::kernel::code) fn upper_ranks(
    rows: HalfRows<'_>,
    formula: Formula<'_>,
    wanted: &[u32],
    ranks: &mut [f32],
) {
    // SAFETY: every 64-bit Arm has NEON.
    unsafe { upper_ranks_wide(rows, formula, wanted, ranks) }
}

pub(in crate::kernel::code) fn both_ranks(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    // SAFETY: every 64-bit Arm has NEON.
    unsafe { both_ranks_wide(rows, formula, wanted, ranks) }
}

#[target_feature(enable = "neon")]
fn upper_ranks_wide(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let query = line_pairs(formula);
    let ask = |row| prefetch_row(rows.upper, row);
    let rank = |row| formula.rank(rows.upper.term(row), product(rows.upper.row(row), query));
    rank_each(wanted, ranks, rows_ahead(rows.upper.stride()), ask, rank);
}

#[target_feature(enable = "neon")]
fn both_ranks_wide(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let query = line_pairs(formula);
    let ask = |row| {
        prefetch_row(rows.upper, row);
        prefetch_row(rows.lower, row);
    };
    let rank = |row| {
        let products = whole(product(rows.upper.row(row), query), product(rows.lower.row(row), query));
        formula.rank(rows.lower.term(row), products)
    };
    rank_each(wanted, ranks, rows_ahead(2 * rows.upper.stride()), ask, rank);
}

const LANES: usize = 16;

#[target_feature(enable = "neon")]
fn product(row: &[u8], query: &[[[i8; LINE]; 2]]) -> i32 {
    let mut sums = vdupq_n_s32(0);
    for (halves, [first, second]) in lines(row).iter().zip(query) {
        let (halves, _) = halves.as_chunks::<LANES>();
        let ((first, _), (second, _)) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
        let mut products = vdupq_n_s16(0);
        for ((halves, first), second) in halves.iter().zip(first).zip(second) {
            // SAFETY: the reference covers the sixteen bytes that are read; the load asks for no alignment.
            let halves = unsafe { vld1q_u8(halves.as_ptr()) };
            let [low, high] = [vandq_u8(halves, vdupq_n_u8(0x0f)), vshrq_n_u8::<4>(halves)];
            products = add_products(products, vreinterpretq_s8_u8(low), first);
            products = add_products(products, vreinterpretq_s8_u8(high), second);
        }
        sums = vpadalq_s16(sums, products);
    }
    vaddvq_s32(sums)
}

#[target_feature(enable = "neon")]
fn add_products(sums: int16x8_t, nibbles: int8x16_t, query: &[i8; LANES]) -> int16x8_t {
    // SAFETY: the reference covers the sixteen bytes that are read; the load asks for no alignment.
    let query = unsafe { vld1q_s8(query.as_ptr()) };
    vmlal_high_s8(vmlal_s8(sums, vget_low_s8(nibbles), vget_low_s8(query)), nibbles, query)
}

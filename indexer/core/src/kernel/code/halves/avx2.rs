//! Halves with 256-bit AVX2. A nibble times a code is 1,920 at most, so that the instruction that multiplies bytes and
//! adds them in pairs, which saturates on whole codes, is exact here.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::super::{Formula, LINE, rows_ahead};
use super::{HalfRows, line_pairs, lines, rank_each, whole};
use crate::kernel::code::avx2::{horizontal_sum, prefetch_row};
use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srli_epi16,
};

pub(in crate::kernel::code) fn upper_ranks(
    rows: HalfRows<'_>,
    formula: Formula<'_>,
    wanted: &[u32],
    ranks: &mut [f32],
) {
    // SAFETY: offered only where `avx2::runs_here`.
    unsafe { upper_ranks_wide(rows, formula, wanted, ranks) }
}

pub(in crate::kernel::code) fn both_ranks(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    // SAFETY: offered only where `avx2::runs_here`.
    unsafe { both_ranks_wide(rows, formula, wanted, ranks) }
}

#[target_feature(enable = "avx2")]
fn upper_ranks_wide(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let query = line_pairs(formula);
    let ask = |row| prefetch_row(rows.upper, row);
    let rank = |row| formula.rank(rows.upper.term(row), product(rows.upper.row(row), query));
    rank_each(wanted, ranks, rows_ahead(rows.upper.stride()), ask, rank);
}

#[target_feature(enable = "avx2")]
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

const LANES: usize = 32;

#[target_feature(enable = "avx2")]
fn product(row: &[u8], query: &[[[i8; LINE]; 2]]) -> i32 {
    let mut sums = _mm256_setzero_si256();
    for (halves, [first, second]) in lines(row).iter().zip(query) {
        let (halves, _) = halves.as_chunks::<LANES>();
        let ((first, _), (second, _)) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
        // Four sums of two products: they fit 16 bits.
        let products = _mm256_add_epi16(
            product_pairs(&halves[0], &first[0], &second[0]),
            product_pairs(&halves[1], &first[1], &second[1]),
        );
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
    }
    horizontal_sum(sums)
}

#[target_feature(enable = "avx2")]
fn product_pairs(halves: &[u8; LANES], first: &[i8; LANES], second: &[i8; LANES]) -> __m256i {
    let nibble = _mm256_set1_epi8(0x0f);
    let halves = load_halves(halves);
    let low = _mm256_and_si256(halves, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(halves), nibble);
    _mm256_add_epi16(_mm256_maddubs_epi16(low, load_query(first)), _mm256_maddubs_epi16(high, load_query(second)))
}

#[target_feature(enable = "avx2")]
fn load_halves(lanes: &[u8; LANES]) -> __m256i {
    // SAFETY: the reference covers the 32 bytes that are read; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast::<__m256i>()) }
}

#[target_feature(enable = "avx2")]
fn load_query(lanes: &[i8; LANES]) -> __m256i {
    // SAFETY: the reference covers the 32 bytes that are read; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast::<__m256i>()) }
}

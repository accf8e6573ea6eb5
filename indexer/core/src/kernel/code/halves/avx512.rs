//! Halves with 512-bit AVX-512 and its instruction for products of bytes (VNNI).
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::super::{Formula, LINE, rows_ahead};
use super::{HalfRows, line_pairs, lines, rank_each, whole};
use crate::kernel::code::avx2::prefetch_row;
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_and_si512, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32,
    _mm512_set1_epi8, _mm512_setzero_si512, _mm512_srli_epi16,
};

pub(in crate::kernel::code) fn upper_ranks(
    rows: HalfRows<'_>,
    formula: Formula<'_>,
    wanted: &[u32],
    ranks: &mut [f32],
) {
    // SAFETY: offered only where `avx512::runs_here`.
    unsafe { upper_ranks_wide(rows, formula, wanted, ranks) }
}

pub(in crate::kernel::code) fn both_ranks(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    // SAFETY: offered only where `avx512::runs_here`.
    unsafe { both_ranks_wide(rows, formula, wanted, ranks) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn upper_ranks_wide(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let query = line_pairs(formula);
    let ask = |row| prefetch_row(rows.upper, row);
    let rank = |row| formula.rank(rows.upper.term(row), product(rows.upper.row(row), query));
    rank_each(wanted, ranks, rows_ahead(rows.upper.stride()), ask, rank);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn product(row: &[u8], query: &[[[i8; LINE]; 2]]) -> i32 {
    let nibble = _mm512_set1_epi8(0x0f);
    let (mut low, mut high) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (halves, [first, second]) in lines(row).iter().zip(query) {
        let halves = load_halves(halves);
        low = _mm512_dpbusd_epi32(low, _mm512_and_si512(halves, nibble), load_query(first));
        high = _mm512_dpbusd_epi32(high, _mm512_and_si512(_mm512_srli_epi16::<4>(halves), nibble), load_query(second));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(low, high))
}

#[target_feature(enable = "avx512f")]
fn load_halves(line: &[u8; LINE]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that are read; the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast::<__m512i>()) }
}

#[target_feature(enable = "avx512f")]
fn load_query(line: &[i8; LINE]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that are read; the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast::<__m512i>()) }
}

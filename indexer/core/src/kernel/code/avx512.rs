//! The kernels with 512-bit AVX-512 and its instruction for products of bytes (VNNI).
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::{CodeKernels, CodeRows, Formula, LINE, avx2, halves, rows_ahead};
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_setzero_si512,
};

pub(super) const KERNELS: CodeKernels = CodeKernels {
    name: "avx512vnni",
    ranks,
    upper_ranks: halves::avx512::upper_ranks,
    both_ranks: halves::avx512::both_ranks,
    prefetch: avx2::prefetch,
};

/// Returns whether this processor has the instructions.
pub(super) fn runs_here() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

fn ranks(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { ranks_wide(rows, formula, wanted, ranks) }
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn ranks_wide(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let ahead = rows_ahead(rows.stride());
    wanted.iter().take(ahead).for_each(|&row| avx2::prefetch_row(rows, row));
    let (query, _) = formula.codes.as_chunks::<LINE>();
    for (place, (&row, rank)) in wanted.iter().zip(ranks).enumerate() {
        if let Some(&next) = wanted.get(place + ahead) {
            avx2::prefetch_row(rows, next);
        }
        let (codes, _) = rows.row(row).as_chunks::<LINE>();
        let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let (code_pairs, code_last) = codes.as_chunks::<2>();
        let (query_pairs, query_last) = query.as_chunks::<2>();
        for (codes, query) in code_pairs.iter().zip(query_pairs) {
            even = _mm512_dpbusd_epi32(even, load_codes(&codes[0]), load_query(&query[0]));
            odd = _mm512_dpbusd_epi32(odd, load_codes(&codes[1]), load_query(&query[1]));
        }
        for (codes, query) in code_last.iter().zip(query_last) {
            even = _mm512_dpbusd_epi32(even, load_codes(codes), load_query(query));
        }
        *rank = formula.rank(rows.term(row), _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)));
    }
}

#[target_feature(enable = "avx512f")]
fn load_codes(line: &[u8; LINE]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that are read; the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast::<__m512i>()) }
}

#[target_feature(enable = "avx512f")]
fn load_query(line: &[i8; LINE]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that are read; the load asks for no alignment.
    unsafe { _mm512_loadu_si512(line.as_ptr().cast::<__m512i>()) }
}

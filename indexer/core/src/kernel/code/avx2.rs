//! The kernels with 256-bit AVX2. Codes are widened to 16 bits: the instruction that multiplies bytes saturates.
#![allow(unsafe_code, reason = "vector intrinsics; every form is tested against the plain sum")]

use super::{CodeKernels, CodeRows, Formula, LINE, halves, rows_ahead};
use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_prefetch, _mm_shuffle_epi32,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_extracti128_si256,
    _mm256_madd_epi16, _mm256_setzero_si256,
};

pub(super) const KERNELS: CodeKernels = CodeKernels {
    name: "avx2",
    ranks,
    upper_ranks: halves::avx2::upper_ranks,
    both_ranks: halves::avx2::both_ranks,
    prefetch,
};

/// Returns whether this processor has the instructions.
pub(super) fn runs_here() -> bool {
    is_x86_feature_detected!("avx2")
}

fn ranks(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    // SAFETY: `KERNELS` is offered only where `runs_here`.
    unsafe { ranks_wide(rows, formula, wanted, ranks) }
}

pub(super) fn prefetch(start: *const u8, bytes: usize) {
    for line in (0..bytes).step_by(LINE) {
        // SAFETY: a prefetch reads nothing that a program can see, whatever the address; every x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) }
    }
}

/// Asks for a row and its term.
pub(super) fn prefetch_row(rows: CodeRows<'_>, row: u32) {
    prefetch(rows.row(row).as_ptr(), rows.stride());
    prefetch(std::ptr::from_ref(&rows.terms[row as usize]).cast(), size_of::<f32>());
}

const LANES: usize = 16;

#[target_feature(enable = "avx2")]
fn ranks_wide(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let ahead = rows_ahead(rows.stride());
    wanted.iter().take(ahead).for_each(|&row| prefetch_row(rows, row));
    let (query, _) = formula.codes.as_chunks::<LANES>();
    for (place, (&row, rank)) in wanted.iter().zip(ranks).enumerate() {
        if let Some(&next) = wanted.get(place + ahead) {
            prefetch_row(rows, next);
        }
        let (codes, _) = rows.row(row).as_chunks::<LANES>();
        let (code_pairs, _) = codes.as_chunks::<2>();
        let (query_pairs, _) = query.as_chunks::<2>();
        let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (codes, query) in code_pairs.iter().zip(query_pairs) {
            even = _mm256_add_epi32(even, multiply(&codes[0], &query[0]));
            odd = _mm256_add_epi32(odd, multiply(&codes[1], &query[1]));
        }
        *rank = formula.rank(rows.term(row), horizontal_sum(_mm256_add_epi32(even, odd)));
    }
}

#[target_feature(enable = "avx2")]
fn multiply(codes: &[u8; LANES], query: &[i8; LANES]) -> __m256i {
    // SAFETY: the reference covers the sixteen bytes that are read; the load asks for no alignment.
    let codes = unsafe { _mm_loadu_si128(codes.as_ptr().cast::<__m128i>()) };
    // SAFETY: as above.
    let query = unsafe { _mm_loadu_si128(query.as_ptr().cast::<__m128i>()) };
    _mm256_madd_epi16(_mm256_cvtepu8_epi16(codes), _mm256_cvtepi8_epi16(query))
}

#[target_feature(enable = "avx2")]
pub(super) fn horizontal_sum(lanes: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

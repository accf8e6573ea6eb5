//! Rows as halves of 8-bit codes: walked by the upper ones alone, or compared by both.
//!
//! An upper half stands for the middle of the codes that have it, 16 · upper + 7.5, so that the ranks are those of
//! [codes](super::codes) with another middle and other terms; queries keep all of their bits.

use super::Space;
use super::query::CodeQuery;
use crate::kernel::code::{self, CodeKernels, HalfRows};

/// Rows by their upper halves.
#[derive(Clone, Copy)]
pub(crate) struct UpperSpace<'a> {
    rows: HalfRows<'a>,
    kernels: &'static CodeKernels,
}

/// Rows by both halves, and so by their whole codes.
#[derive(Clone, Copy)]
pub(crate) struct BothSpace<'a> {
    rows: HalfRows<'a>,
    kernels: &'static CodeKernels,
}

impl<'a> UpperSpace<'a> {
    pub(crate) fn new(rows: HalfRows<'a>) -> Self {
        Self { rows, kernels: code::best() }
    }
}

impl<'a> BothSpace<'a> {
    pub(crate) fn new(rows: HalfRows<'a>) -> Self {
        Self { rows, kernels: code::best() }
    }
}

impl Space for UpperSpace<'_> {
    type Query = CodeQuery;

    fn prefetch(&self, rows: &[u32]) {
        let ahead = code::rows_ahead(self.rows.upper.stride());
        rows.iter().take(ahead).for_each(|&row| self.kernels.prefetch(self.rows.upper.row(row)));
    }

    fn ranks(&self, query: &CodeQuery, rows: &[u32], ranks: &mut [f32]) {
        let formula = query.upper_formula(2 * self.rows.upper.stride());
        self.kernels.upper_ranks(self.rows, formula, rows, ranks);
    }
}

impl Space for BothSpace<'_> {
    type Query = CodeQuery;

    fn prefetch(&self, rows: &[u32]) {
        let ahead = code::rows_ahead(2 * self.rows.upper.stride());
        for &row in rows.iter().take(ahead) {
            self.kernels.prefetch(self.rows.upper.row(row));
            self.kernels.prefetch(self.rows.lower.row(row));
        }
    }

    fn ranks(&self, query: &CodeQuery, rows: &[u32], ranks: &mut [f32]) {
        self.kernels.both_ranks(self.rows, query.formula(2 * self.rows.upper.stride()), rows, ranks);
    }
}

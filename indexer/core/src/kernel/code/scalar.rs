//! The reference: plain loops, right on every processor.

use super::{CodeKernels, CodeRows, Formula, halves};

pub(super) const KERNELS: CodeKernels = CodeKernels {
    name: "scalar",
    ranks,
    upper_ranks: halves::scalar::upper_ranks,
    both_ranks: halves::scalar::both_ranks,
    prefetch,
};

fn ranks(rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    for (&row, rank) in wanted.iter().zip(ranks) {
        let products =
            rows.row(row).iter().zip(formula.codes).map(|(&code, &query)| i32::from(code) * i32::from(query));
        *rank = formula.rank(rows.term(row), products.sum());
    }
}

/// There is no portable instruction for it.
fn prefetch(_: *const u8, _: usize) {}

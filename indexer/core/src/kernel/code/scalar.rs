//! The reference: plain loops, right on every processor.

use super::{CodeKernels, CodeRows};

pub(super) const KERNELS: CodeKernels = CodeKernels { name: "scalar", products, prefetch };

fn products(rows: CodeRows<'_>, query: &[i8], rows_wanted: &[u32], products: &mut [i32]) {
    for (&row, product) in rows_wanted.iter().zip(products) {
        *product = rows.row(row).iter().zip(query).map(|(&code, &query)| i32::from(code) * i32::from(query)).sum();
    }
}

/// There is no portable instruction for it.
fn prefetch(_: &[u8]) {}

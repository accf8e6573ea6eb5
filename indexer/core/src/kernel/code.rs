//! Kernels over 8-bit codes: products of a query with rows that lie anywhere in memory.
//!
//! A graph search compares a query with the neighbours of one node at a time, and nearly all of its time is the wait
//! for their rows. So a kernel takes a whole list of rows, and asks for the rows ahead while it works on one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::fmt;
use std::sync::LazyLock;

/// Bytes of a cache line. Rows start on one and are a whole number of them long, so that a row of n bytes costs the
/// fewest lines.
pub const LINE: usize = 64;

/// Rows of codes, one after the other.
#[derive(Clone, Copy)]
pub struct CodeRows<'a> {
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> CodeRows<'a> {
    /// Rows of `stride` bytes each.
    ///
    /// # Panics
    /// When the stride is no multiple of [`LINE`], or the bytes are no whole number of rows: a bug in the caller.
    pub fn new(bytes: &'a [u8], stride: usize) -> Self {
        assert!(stride > 0 && stride.is_multiple_of(LINE), "a row is whole lines long, not {stride} bytes");
        assert!(bytes.len().is_multiple_of(stride), "{} bytes are no whole number of rows", bytes.len());
        Self { bytes, stride }
    }

    /// The row of that number, padding included.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub fn row(&self, row: u32) -> &'a [u8] {
        let start = row as usize * self.stride;
        &self.bytes[start..start + self.stride]
    }

    /// Bytes of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }
}

impl fmt::Debug for CodeRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeRows({} of {} bytes)", self.bytes.len() / self.stride, self.stride)
    }
}

/// One form of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct CodeKernels {
    /// The instruction set, for logs and reports.
    pub name: &'static str,
    products: fn(CodeRows<'_>, &[i8], &[u32], &mut [i32]),
    prefetch: fn(&[u8]),
}

impl CodeKernels {
    /// For each of `rows_wanted`, Σ row\[i\]·query\[i\], exactly. With at most 4,096 components no sum overflows.
    ///
    /// # Panics
    /// When the query is not as long as a row, `products` not as long as `rows_wanted`, or a row does not exist: a bug
    /// in the caller.
    #[inline]
    pub fn products(&self, rows: CodeRows<'_>, query: &[i8], rows_wanted: &[u32], products: &mut [i32]) {
        assert_eq!(query.len(), rows.stride, "a query is padded to the length of a row");
        assert_eq!(rows_wanted.len(), products.len(), "each wanted row has a product");
        (self.products)(rows, query, rows_wanted, products);
    }

    /// Asks for the lines of `bytes` to be brought near. Changes nothing but time.
    #[inline]
    pub fn prefetch(&self, bytes: &[u8]) {
        (self.prefetch)(bytes);
    }
}

/// The widest kernels that this processor runs.
pub fn best() -> &'static CodeKernels {
    static BEST: LazyLock<CodeKernels> =
        LazyLock::new(|| *available().last().expect("the scalar form is always there"));
    &BEST
}

/// Every form that this processor runs, narrowest first.
pub fn available() -> Vec<CodeKernels> {
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        allow(unused_mut, reason = "only some processors add to it")
    )]
    let mut forms = vec![scalar::KERNELS];
    #[cfg(target_arch = "x86_64")]
    {
        if avx2::runs_here() {
            forms.push(avx2::KERNELS);
        }
        if avx512::runs_here() {
            forms.push(avx512::KERNELS);
        }
    }
    #[cfg(target_arch = "aarch64")]
    forms.push(neon::KERNELS);
    forms
}

/// How many rows ahead to ask for. Long rows fill the processor's list of outstanding lines by themselves.
#[inline]
const fn rows_ahead(stride: usize) -> usize {
    if stride > 448 { 3 } else { 8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(row: &[u8], query: &[i8]) -> i32 {
        row.iter().zip(query).map(|(&code, &query)| i32::from(code) * i32::from(query)).sum()
    }

    proptest! {
        #[test]
        fn every_form_gives_the_exact_products(
            lines in 1usize..6,
            bytes in prop::collection::vec(any::<u8>(), 5 * LINE * 20),
            query in prop::collection::vec(any::<i8>(), 5 * LINE),
            wanted in prop::collection::vec(0u32..20, 0..40),
        ) {
            let stride = lines * LINE;
            let rows = CodeRows::new(&bytes[..stride * 20], stride);
            let query = &query[..stride];
            let expected: Vec<_> = wanted.iter().map(|&row| plain(rows.row(row), query)).collect();
            for form in available() {
                let mut got = vec![0; wanted.len()];
                form.products(rows, query, &wanted, &mut got);
                prop_assert_eq!(&got, &expected, "{}", form.name);
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        use crate::limits::DIM_MAX;
        let bytes = vec![255; DIM_MAX];
        let rows = CodeRows::new(&bytes, DIM_MAX);
        for query in [127, -128] {
            for form in available() {
                let mut got = [0];
                form.products(rows, &vec![query; DIM_MAX], &[0], &mut got);
                assert_eq!(got[0], 255 * 4096 * i32::from(query), "{}", form.name);
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_row_that_does_not_exist_is_not_read() {
        best().products(CodeRows::new(&[0; 128], 64), &[0; 64], &[2], &mut [0]);
    }
}

//! Kernels over 8-bit codes: ranks of rows that lie anywhere in memory.
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

mod halves;

pub use halves::HalfRows;

use std::fmt;
use std::sync::LazyLock;

/// Bytes of a cache line. Rows start on one and are a whole number of them long, so that a row of n bytes costs the
/// fewest lines.
pub const LINE: usize = 64;

/// Rows of codes, one after the other, and a number beside each.
#[derive(Clone, Copy)]
pub struct CodeRows<'a> {
    bytes: &'a [u8],
    stride: usize,
    terms: &'a [f32],
}

/// What rows are ranked by: rank = constant + term of the row + factor · Σ row\[i\]·codes\[i\].
#[derive(Debug, Clone, Copy)]
pub struct Formula<'a> {
    /// As long as a row.
    pub codes: &'a [i8],
    /// The same for all rows.
    pub constant: f64,
    /// What the product counts.
    pub factor: f64,
}

impl Formula<'_> {
    /// The rank of a row. In double precision, where products and terms are exact, and rounded once.
    #[inline]
    fn rank(&self, term: f32, product: i32) -> f32 {
        #[allow(clippy::cast_possible_truncation, reason = "rounded to the digits of an f32")]
        let rank = (self.factor * f64::from(product) + (self.constant + f64::from(term))) as f32;
        rank
    }
}

impl<'a> CodeRows<'a> {
    /// Rows of `stride` bytes each.
    ///
    /// # Panics
    /// When the stride is no multiple of [`LINE`], or there are not as many rows as terms: a bug in the caller.
    pub fn new(bytes: &'a [u8], stride: usize, terms: &'a [f32]) -> Self {
        assert!(stride > 0 && stride.is_multiple_of(LINE), "a row is whole lines long, not {stride} bytes");
        assert_eq!(bytes.len(), stride * terms.len(), "each row has a term");
        Self { bytes, stride, terms }
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

    /// The term of the row of that number.
    #[inline]
    pub fn term(&self, row: u32) -> f32 {
        self.terms[row as usize]
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Bytes of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }
}

impl fmt::Debug for CodeRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeRows({} of {} bytes)", self.len(), self.stride)
    }
}

/// One form of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct CodeKernels {
    /// The instruction set, for logs and reports.
    pub name: &'static str,
    ranks: fn(CodeRows<'_>, Formula<'_>, &[u32], &mut [f32]),
    upper_ranks: fn(HalfRows<'_>, Formula<'_>, &[u32], &mut [f32]),
    both_ranks: fn(HalfRows<'_>, Formula<'_>, &[u32], &mut [f32]),
    prefetch: fn(*const u8, usize),
}

impl CodeKernels {
    /// Writes the rank of each of `wanted`. With at most 4,096 components no sum overflows.
    ///
    /// # Panics
    /// When the formula's codes are not as long as a row, `ranks` not as long as `wanted`, or a row does not exist: a
    /// bug in the caller.
    #[inline]
    pub fn ranks(&self, rows: CodeRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
        assert_eq!(formula.codes.len(), rows.stride, "a query is padded to the length of a row");
        assert_eq!(wanted.len(), ranks.len(), "each wanted row has a rank");
        (self.ranks)(rows, formula, wanted, ranks);
    }

    /// Asks for the lines of `items` to be brought near. Changes nothing but time.
    #[inline]
    pub fn prefetch<T>(&self, items: &[T]) {
        (self.prefetch)(items.as_ptr().cast(), size_of_val(items));
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

/// How many rows ahead to ask for: about as many lines as a processor waits for at once.
#[inline]
pub(crate) fn rows_ahead(stride: usize) -> usize {
    (32 * LINE / stride).clamp(3, 16)
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
        fn every_form_gives_the_exact_ranks(
            lines in 1usize..6,
            bytes in prop::collection::vec(any::<u8>(), 5 * LINE * 20),
            query in prop::collection::vec(any::<i8>(), 5 * LINE),
            terms in prop::collection::vec(-1000i16..1000, 20),
            wanted in prop::collection::vec(0u32..20, 0..40),
        ) {
            let stride = lines * LINE;
            let terms: Vec<f32> = terms.into_iter().map(f32::from).collect();
            let rows = CodeRows::new(&bytes[..stride * 20], stride, &terms);
            let formula = Formula { codes: &query[..stride], constant: 3.0, factor: -2.0 };
            let rank = |&row: &u32| 3.0 + rows.term(row) - 2.0 * plain(rows.row(row), formula.codes) as f32;
            let expected: Vec<_> = wanted.iter().map(rank).collect();
            for form in available() {
                let mut got = vec![0.0; wanted.len()];
                form.ranks(rows, formula, &wanted, &mut got);
                prop_assert_eq!(&got, &expected, "{}", form.name);
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        use crate::limits::DIM_MAX;
        let bytes = vec![255; DIM_MAX];
        let rows = CodeRows::new(&bytes, DIM_MAX, &[0.0]);
        for query in [127, -128] {
            for form in available() {
                let mut got = [0.0];
                let formula = Formula { codes: &vec![query; DIM_MAX], constant: 0.0, factor: 1.0 };
                form.ranks(rows, formula, &[0], &mut got);
                let exact = 255.0 * 4096.0 * f32::from(query);
                assert_eq!(got[0].to_bits(), exact.to_bits(), "{}", form.name);
            }
        }
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_row_that_does_not_exist_is_not_read() {
        let formula = Formula { codes: &[0; 64], constant: 0.0, factor: 1.0 };
        best().ranks(CodeRows::new(&[0; 128], 64, &[0.0; 2]), formula, &[2], &mut [0.0]);
    }
}

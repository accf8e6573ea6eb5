//! Kernels over halves of codes: rows that hold two components in a byte, for codes whose upper and lower four bits are
//! kept apart.
//!
//! Byte j of a line has one component in its low nibble, and the one that comes [`LINE`] later in its high nibble, so
//! that a line of halves meets two lines of a query, each in its order.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
pub(super) mod scalar;

use super::{CodeKernels, CodeRows, Formula, LINE};

/// The two halves of codes: a code is 16 · upper + lower.
#[derive(Debug, Clone, Copy)]
pub struct HalfRows<'a> {
    /// Upper halves. The term is of a row of which nothing else is known.
    pub upper: CodeRows<'a>,
    /// Lower halves. The term is of the whole row.
    pub lower: CodeRows<'a>,
}

impl CodeKernels {
    /// As [`CodeKernels::ranks`], of upper halves alone: what the formula's factor counts is their product.
    ///
    /// # Panics
    /// When the formula's codes are not twice as long as a row, `ranks` not as long as `wanted`, or a row does not
    /// exist: a bug in the caller.
    #[inline]
    pub fn upper_ranks(&self, rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
        check(rows, formula, wanted, ranks);
        (self.upper_ranks)(rows, formula, wanted, ranks);
    }

    /// As [`CodeKernels::ranks`], of both halves together, and with the same results.
    ///
    /// # Panics
    /// As [`CodeKernels::upper_ranks`].
    #[inline]
    pub fn both_ranks(&self, rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
        check(rows, formula, wanted, ranks);
        assert_eq!(rows.upper.stride(), rows.lower.stride(), "halves are equally long");
        (self.both_ranks)(rows, formula, wanted, ranks);
    }
}

#[inline]
fn check(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &[f32]) {
    assert_eq!(formula.codes.len(), 2 * rows.upper.stride(), "a query is padded to twice the length of a row");
    assert_eq!(wanted.len(), ranks.len(), "each wanted row has a rank");
}

/// A query as halves meet it: two lines for each of theirs.
#[inline]
fn line_pairs<'a>(formula: Formula<'a>) -> &'a [[[i8; LINE]; 2]] {
    let (lines, _) = formula.codes.as_chunks::<LINE>();
    let (pairs, _) = lines.as_chunks::<2>();
    pairs
}

/// The lines of a row.
#[inline]
fn lines(row: &[u8]) -> &[[u8; LINE]] {
    let (lines, _) = row.as_chunks::<LINE>();
    lines
}

/// The product of whole codes.
#[inline]
fn whole(upper: i32, lower: i32) -> i32 {
    16 * upper + lower
}

/// Ranks one row after the other, and asks for those ahead meanwhile.
#[inline(always)]
fn rank_each(wanted: &[u32], ranks: &mut [f32], ahead: usize, ask: impl Fn(u32), rank: impl Fn(u32) -> f32) {
    wanted.iter().take(ahead).copied().for_each(&ask);
    for (place, (&row, out)) in wanted.iter().zip(ranks).enumerate() {
        wanted.get(place + ahead).copied().into_iter().for_each(&ask);
        *out = rank(row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::available;
    use super::*;
    use proptest::prelude::*;

    fn product(row: &[u8], query: &[i8]) -> i32 {
        let component = |place: usize| (row[place / (2 * LINE) * LINE + place % LINE] >> (4 * (place / LINE % 2))) & 15;
        query.iter().enumerate().map(|(place, &query)| i32::from(component(place)) * i32::from(query)).sum()
    }

    proptest! {
        #[test]
        fn every_form_gives_the_exact_ranks(
            lines in 1usize..4,
            upper in prop::collection::vec(any::<u8>(), 3 * LINE * 20),
            lower in prop::collection::vec(any::<u8>(), 3 * LINE * 20),
            query in prop::collection::vec(any::<i8>(), 6 * LINE),
            wanted in prop::collection::vec(0u32..20, 0..40),
        ) {
            let stride = lines * LINE;
            let half = |bytes, terms| CodeRows::new(bytes, stride, terms);
            let rows = HalfRows { upper: half(&upper[..stride * 20], &[1.0; 20]), lower: half(&lower[..stride * 20], &[2.0; 20]) };
            let query = &query[..2 * stride];
            let formula = Formula { codes: query, constant: 3.0, factor: -2.0 };
            let upper = |&row: &u32| product(rows.upper.row(row), query);
            let both = |row: &u32| 16 * upper(row) + product(rows.lower.row(*row), query);
            let upper_ranks: Vec<_> = wanted.iter().map(|row| 4.0 - 2.0 * upper(row) as f32).collect();
            let both_ranks: Vec<_> = wanted.iter().map(|row| 5.0 - 2.0 * both(row) as f32).collect();
            for form in available() {
                let mut got = vec![0.0; wanted.len()];
                form.upper_ranks(rows, formula, &wanted, &mut got);
                prop_assert_eq!(&got, &upper_ranks, "{}", form.name);
                form.both_ranks(rows, formula, &wanted, &mut got);
                prop_assert_eq!(&got, &both_ranks, "{}", form.name);
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        use crate::limits::DIM_MAX;
        let bytes = vec![255; DIM_MAX / 2];
        let half = CodeRows::new(&bytes, DIM_MAX / 2, &[0.0]);
        for query in [127, -128] {
            for form in available() {
                let mut got = [0.0];
                let formula = Formula { codes: &vec![query; DIM_MAX], constant: 0.0, factor: 1.0 };
                form.both_ranks(HalfRows { upper: half, lower: half }, formula, &[0], &mut got);
                let exact = 255.0 * 4096.0 * f32::from(query);
                assert_eq!(got[0].to_bits(), exact.to_bits(), "{}", form.name);
            }
        }
    }
}

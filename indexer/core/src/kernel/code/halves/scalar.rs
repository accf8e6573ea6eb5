//! The reference.

use super::super::{Formula, LINE};
use super::{HalfRows, line_pairs, lines, rank_each, whole};

pub(in crate::kernel::code) fn upper_ranks(
    rows: HalfRows<'_>,
    formula: Formula<'_>,
    wanted: &[u32],
    ranks: &mut [f32],
) {
    let query = line_pairs(formula);
    let rank = |row| formula.rank(rows.upper.term(row), product(rows.upper.row(row), query));
    rank_each(wanted, ranks, 0, |_| (), rank);
}

pub(in crate::kernel::code) fn both_ranks(rows: HalfRows<'_>, formula: Formula<'_>, wanted: &[u32], ranks: &mut [f32]) {
    let query = line_pairs(formula);
    let rank = |row| {
        let products = whole(product(rows.upper.row(row), query), product(rows.lower.row(row), query));
        formula.rank(rows.lower.term(row), products)
    };
    rank_each(wanted, ranks, 0, |_| (), rank);
}

fn product(row: &[u8], query: &[[[i8; LINE]; 2]]) -> i32 {
    lines(row).iter().zip(query).map(|(halves, [first, second])| product_of_line(halves, first, second)).sum()
}

fn product_of_line(halves: &[u8; LINE], first: &[i8; LINE], second: &[i8; LINE]) -> i32 {
    let components = halves.iter().zip(first).zip(second);
    let products = components.map(|((&halves, &first), &second)| {
        i32::from(halves & 0x0f) * i32::from(first) + i32::from(halves >> 4) * i32::from(second)
    });
    products.sum()
}

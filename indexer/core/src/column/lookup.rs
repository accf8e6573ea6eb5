//! Where a test's answer stands in a column.

use super::dictionary::Dictionary;
use super::key;
use crate::filter::{Operand, Scalar, Side, Test};
use std::ops::Range;

/// Entries of a column whose slots answer a test.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Entries whose rows match.
    pub sure: Vec<Range<usize>>,
    /// Entries whose rows may match: texts that are known by their first bytes only.
    pub unsure: Vec<Range<usize>>,
    /// Rows that the path reaches nothing in, or only null, match too.
    pub absent: bool,
}

/// `None` when the column cannot tell, or is damaged.
pub(super) fn look_up(column: &Dictionary<'_>, test: &Test) -> Option<Lookup> {
    let mut lookup = Lookup::default();
    match test {
        Test::Equal(scalar) => lookup.add_equal(column, scalar)?,
        Test::In(scalars) => scalars.iter().try_for_each(|scalar| lookup.add_equal(column, scalar))?,
        Test::Order(side, operand) => lookup.add_order(column, *side, operand)?,
        Test::Exists(true) => lookup.sure.push(column.entry(&key::present())?),
        Test::Exists(false) => lookup.absent = true,
    }
    Some(lookup)
}

impl Lookup {
    fn add_equal(&mut self, column: &Dictionary<'_>, scalar: &Scalar) -> Option<()> {
        let key = key::of_scalar(scalar)?;
        let entry = column.entry(&key)?;
        if key::is_cut(&key) {
            self.unsure.push(entry);
        } else {
            self.sure.push(entry);
        }
        // An array that holds a null is present and equal to null, any other null is absent.
        self.absent |= *scalar == Scalar::Null;
        Some(())
    }

    fn add_order(&mut self, column: &Dictionary<'_>, side: Side, operand: &Operand) -> Option<()> {
        let key = key::of_operand(operand)?;
        let entry = column.entry(&key)?;
        let (first, behind) = key::bounds_of_tag(&key);
        let (first, behind) = (column.entries_below(&first)?, column.entries_below(&behind)?);
        let cut = key::is_cut(&key);
        self.sure.push(match side {
            Side::Above => entry.end..behind,
            Side::AtLeast if cut => entry.end..behind,
            Side::AtLeast => entry.start..behind,
            Side::Below => first..entry.start,
            Side::AtMost if cut => first..entry.start,
            Side::AtMost => first..entry.end,
        });
        if cut {
            self.unsure.push(entry);
        }
        Some(())
    }
}

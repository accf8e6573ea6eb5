//! A filter with every test looked up in the columns of a segment: what estimates and selections are made from.

use super::PATH_BYTES_MAX;
use super::dictionary::Dictionary;
use super::lookup::{Lookup, look_up};
use super::section::{Indexed, Section};
use crate::filter::{FieldPath, Filter, Test};

/// As [`Filter`], resolved.
#[derive(Debug)]
pub(super) enum Condition<'a> {
    All(Vec<Condition<'a>>),
    Any(Vec<Condition<'a>>),
    Not(Box<Condition<'a>>),
    Entries(Dictionary<'a>, Lookup),
    /// Columns cannot tell.
    Unknown,
}

/// Looks up every test.
pub(super) fn resolve<'a>(section: &Section<'a>, filter: &Filter) -> Condition<'a> {
    match filter {
        Filter::All(_) => {
            let mut conjunction = Conjunction::default();
            conjunction.add(section, filter);
            Condition::All(conjunction.conditions)
        }
        Filter::Any(filters) => Condition::Any(filters.iter().map(|filter| resolve(section, filter)).collect()),
        Filter::Not(filter) => Condition::Not(Box::new(resolve(section, filter))),
        Filter::Field(path, test) => resolve_test(section, path, test),
    }
}

fn resolve_test<'a>(section: &Section<'a>, path: &FieldPath, test: &Test) -> Condition<'a> {
    if path.as_str().len() > PATH_BYTES_MAX {
        return Condition::Unknown;
    }
    let Some(Indexed::Yes(column)) = section.column(path.as_str()) else { return Condition::Unknown };
    look_up(&column, test).map_or(Condition::Unknown, |lookup| Condition::Entries(column, lookup))
}

/// What must hold together. Two bounds of one field become one range where that is the same: where no row has two
/// values of the field, which could meet a bound each. A narrow range between two bounds then costs what it holds,
/// and not what is above the one and below the other.
#[derive(Debug, Default)]
struct Conjunction<'a, 'f> {
    conditions: Vec<Condition<'a>>,
    /// The place in `conditions` of the range of a path.
    ranges: Vec<(&'f FieldPath, usize)>,
}

impl<'a, 'f> Conjunction<'a, 'f> {
    fn add(&mut self, section: &Section<'a>, filter: &'f Filter) {
        match filter {
            Filter::All(filters) => filters.iter().for_each(|filter| self.add(section, filter)),
            Filter::Field(path, test @ Test::Order(..)) => self.add_bound(path, resolve_test(section, path, test)),
            Filter::Field(..) | Filter::Any(_) | Filter::Not(_) => self.conditions.push(resolve(section, filter)),
        }
    }

    fn add_bound(&mut self, path: &'f FieldPath, mut condition: Condition<'a>) {
        if let Some(range) = range_of(&mut condition).cloned() {
            let known = self.ranges.iter().find(|(known, _)| *known == path);
            if let Some(known) = known.and_then(|(_, at)| range_of(&mut self.conditions[*at])) {
                let start = known.start.max(range.start);
                *known = start..known.end.min(range.end).max(start);
                return;
            }
            self.ranges.push((path, self.conditions.len()));
        }
        self.conditions.push(condition);
    }
}

/// The one range that a bound is, of a column where ranges can be intersected.
fn range_of<'c>(condition: &'c mut Condition<'_>) -> Option<&'c mut std::ops::Range<usize>> {
    let Condition::Entries(column, Lookup { sure, unsure, absent: false }) = condition else { return None };
    match &mut sure[..] {
        [range] if column.is_single() && unsure.is_empty() => Some(range),
        _ => None,
    }
}

//! How many rows match, and what it costs to find them, before finding them.

use super::condition::Condition;
use super::dictionary::Dictionary;
use super::key;
use super::lookup::Lookup;

/// Bounds of how many rows match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// At least as many match.
    pub least: u32,
    /// At most as many match.
    pub most: u32,
}

impl Condition<'_> {
    /// How many of this many rows match.
    pub(super) fn estimate(&self, rows: u32) -> Estimate {
        let all = Estimate { least: rows, most: rows };
        let none = Estimate { least: 0, most: 0 };
        match self {
            Self::All(conditions) => conditions.iter().fold(all, |sum, next| sum.and(next.estimate(rows), rows)),
            Self::Any(conditions) => conditions.iter().fold(none, |sum, next| sum.or(next.estimate(rows), rows)),
            Self::Not(condition) => condition.estimate(rows).not(rows),
            Self::Entries(column, lookup) => of_lookup(column, lookup, rows).unwrap_or(Estimate::unknown(rows)),
            Self::Unknown => Estimate::unknown(rows),
        }
    }

    /// What [`Condition::select`] costs, in slots that are added to a set one by one.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().map(Self::cost).sum(),
            Self::Not(condition) => condition.cost(),
            Self::Entries(column, lookup) => {
                let ranges = lookup.sure.iter().chain(&lookup.unsure);
                ranges.filter_map(|range| column.cost(range)).sum()
            }
            Self::Unknown => 0,
        }
    }
}

fn of_lookup(column: &Dictionary<'_>, lookup: &Lookup, rows: u32) -> Option<Estimate> {
    let clamp = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).min(rows);
    let mut estimate = Estimate { least: 0, most: 0 };
    for range in &lookup.sure {
        let count = column.count(range)?;
        // Where rows have several values, any of those in the range may be of one row.
        let is_exact = range.len() <= 1 || column.is_single();
        let least = if is_exact { clamp(count) } else { u32::from(count > 0) };
        estimate = estimate.or(Estimate { least, most: clamp(count) }, rows);
    }
    for range in &lookup.unsure {
        estimate = estimate.or(Estimate { least: 0, most: clamp(column.count(range)?) }, rows);
    }
    if lookup.absent {
        let absent = rows - clamp(column.count(&column.entry(&key::present())?)?);
        estimate = estimate.or(Estimate { least: absent, most: absent }, rows);
    }
    Some(estimate)
}

impl Estimate {
    fn unknown(rows: u32) -> Self {
        Self { least: 0, most: rows }
    }

    fn not(self, rows: u32) -> Self {
        Self { least: rows - self.most, most: rows - self.least }
    }

    fn and(self, other: Self, rows: u32) -> Self {
        let least = (u64::from(self.least) + u64::from(other.least)).saturating_sub(rows.into());
        Self { least: u32::try_from(least).unwrap_or(rows), most: self.most.min(other.most) }
    }

    fn or(self, other: Self, rows: u32) -> Self {
        Self { least: self.least.max(other.least), most: self.most.saturating_add(other.most).min(rows) }
    }
}

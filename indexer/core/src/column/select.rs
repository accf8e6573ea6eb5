//! Which rows match: sets of slots, combined as the filter says.

use super::condition::{Condition, resolve};
use super::dictionary::Dictionary;
use super::key;
use super::lookup::Lookup;
use super::section::Section;
use super::slots::Slots;
use crate::filter::Filter;

/// Asking a row takes as long as adding this many slots to a set: its metadata is decoded before the filter is
/// evaluated on it, while a slot is a bit.
const ROW_COST_SLOTS: u64 = 4000;

/// What columns tell of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Disjoint from `unsure`.
    sure: Slots,
    /// `None`: there are none.
    unsure: Option<Slots>,
}

impl Selection {
    /// Rows that match.
    pub fn sure(&self) -> &Slots {
        &self.sure
    }

    /// Rows that may match: whether they do, only their metadata tells. `None` when there are none.
    pub fn unsure(&self) -> Option<&Slots> {
        self.unsure.as_ref()
    }

    /// Forgets rows that are not among these, such as dead ones.
    pub fn keep(&mut self, slots: &Slots) {
        self.sure.intersect(slots);
        if let Some(unsure) = &mut self.unsure {
            unsure.intersect(slots);
        }
    }

    /// The rows that match, after evaluating the filter on those that are unsure: `matches` is given their slots,
    /// ascending, and its first error ends it.
    pub fn settle<E>(self, mut matches: impl FnMut(u32) -> Result<bool, E>) -> Result<Slots, E> {
        let Self { mut sure, unsure } = self;
        for slot in unsure.iter().flat_map(Slots::iter) {
            if matches(slot)? {
                sure.insert(slot);
            }
        }
        Ok(sure)
    }
}

/// Selects by the columns of a segment.
pub(super) fn select(section: &Section<'_>, filter: &Filter) -> Selection {
    match resolve(section, filter).select(section.rows) {
        Answer::Exact(sure) => Selection { sure, unsure: None },
        Answer::Between { sure, possible: mut unsure } => {
            unsure.subtract(&sure);
            Selection { sure, unsure: Some(unsure).filter(|unsure| !unsure.is_empty()) }
        }
    }
}

/// The rows that match, or sets that enclose them: all of `sure` match, and none outside `possible`.
#[derive(Debug)]
enum Answer {
    Exact(Slots),
    Between { sure: Slots, possible: Slots },
}

impl Condition<'_> {
    fn select(&self, rows: u32) -> Answer {
        match self {
            Self::All(conditions) => select_all(conditions, rows),
            Self::Any(conditions) => {
                let none = Answer::Exact(Slots::none(rows));
                conditions.iter().fold(none, |sum, next| sum.combine(&next.select(rows), Slots::unite))
            }
            Self::Not(condition) => condition.select(rows).not(),
            Self::Entries(column, lookup) => of_lookup(column, lookup, rows).unwrap_or_else(|| Answer::unknown(rows)),
            Self::Unknown => Answer::unknown(rows),
        }
    }
}

/// The most selective first. Once few rows are left, evaluating the filter on each is cheaper than finding all the
/// rows that meet a broad condition, and the few are left unsure.
fn select_all(conditions: &[Condition<'_>], rows: u32) -> Answer {
    let mut ordered: Vec<_> = conditions.iter().map(|next| (next.estimate(rows).most, next)).collect();
    ordered.sort_by_key(|(most, _)| *most);
    let mut ordered = ordered.into_iter();
    let Some((_, first)) = ordered.next() else { return Answer::Exact(Slots::all(rows)) };
    let mut answer = first.select(rows);
    for (_, next) in ordered {
        let left = answer.possible().count();
        if left == 0 {
            break;
        }
        let is_dear = next.cost() > u64::from(left) * ROW_COST_SLOTS;
        let next = if is_dear { Answer::unknown(rows) } else { next.select(rows) };
        answer = answer.combine(&next, Slots::intersect);
    }
    answer
}

fn of_lookup(column: &Dictionary<'_>, lookup: &Lookup, rows: u32) -> Option<Answer> {
    let mut sure = Slots::none(rows);
    if lookup.absent {
        column.unite(&column.entry(&key::present())?, &mut sure)?;
        sure.invert();
    }
    lookup.sure.iter().try_for_each(|entries| column.unite(entries, &mut sure))?;
    if lookup.unsure.iter().all(|entries| entries.is_empty()) {
        return Some(Answer::Exact(sure));
    }
    let mut possible = sure.clone();
    lookup.unsure.iter().try_for_each(|entries| column.unite(entries, &mut possible))?;
    Some(Answer::Between { sure, possible })
}

impl Answer {
    fn unknown(rows: u32) -> Self {
        Self::Between { sure: Slots::none(rows), possible: Slots::all(rows) }
    }

    fn sure(&self) -> &Slots {
        match self {
            Self::Exact(sure) | Self::Between { sure, .. } => sure,
        }
    }

    fn possible(&self) -> &Slots {
        match self {
            Self::Exact(possible) | Self::Between { possible, .. } => possible,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Exact(mut slots) => {
                slots.invert();
                Self::Exact(slots)
            }
            Self::Between { mut sure, mut possible } => {
                sure.invert();
                possible.invert();
                Self::Between { sure: possible, possible: sure }
            }
        }
    }

    /// Unites or intersects. Either never shrinks when an operand grows, so it holds for both ends.
    fn combine(self, other: &Self, operation: fn(&mut Slots, &Slots)) -> Self {
        match (self, other) {
            (Self::Exact(mut slots), Self::Exact(other)) => {
                operation(&mut slots, other);
                Self::Exact(slots)
            }
            (answer, other) => {
                let (mut sure, mut possible) = answer.into_ends();
                operation(&mut sure, other.sure());
                operation(&mut possible, other.possible());
                Self::Between { sure, possible }
            }
        }
    }

    fn into_ends(self) -> (Slots, Slots) {
        match self {
            Self::Exact(slots) => (slots.clone(), slots),
            Self::Between { sure, possible } => (sure, possible),
        }
    }
}

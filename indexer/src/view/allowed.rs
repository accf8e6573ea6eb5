//! Which documents a search may answer with: those that live, and match its filter.

use super::{View, metadata_in};
use crate::bits;
use crate::deadline::{Deadline, DeadlinePassed};
use crate::part::Part;
use crate::table::Table;
use annuli_core::column::Slots;
use annuli_core::{Filter, segment};
use std::sync::Arc;

/// The documents of one view that a search may answer with.
#[derive(Debug)]
pub struct Allowed {
    parts: Vec<PartAllowed>,
    tail: TailAllowed,
    count: usize,
}

/// Those of a segment.
#[derive(Debug)]
pub(super) struct PartAllowed {
    /// `None`: every slot.
    words: Option<Arc<Vec<u64>>>,
    count: usize,
}

/// Those of the tail.
#[derive(Debug)]
pub(super) struct TailAllowed {
    /// From the table's first slot on; `None`: every live one.
    words: Option<Vec<u64>>,
    count: usize,
}

impl Allowed {
    pub(super) fn of(view: &View, filter: Option<&Filter>, deadline: Deadline) -> Result<Self, DeadlinePassed> {
        let parts: Vec<_> =
            view.parts.iter().map(|part| PartAllowed::of(part, filter, deadline)).collect::<Result<_, _>>()?;
        let tail = TailAllowed::of(&view.tail.table, filter, deadline)?;
        let count = tail.count + parts.iter().map(|part| part.count).sum::<usize>();
        Ok(Self { parts, tail, count })
    }

    /// How many they are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Those of each segment.
    pub(super) fn parts(&self) -> &[PartAllowed] {
        &self.parts
    }

    pub(super) fn tail(&self) -> &TailAllowed {
        &self.tail
    }
}

impl PartAllowed {
    fn of(part: &Part, filter: Option<&Filter>, deadline: Deadline) -> Result<Self, DeadlinePassed> {
        let Some(filter) = filter else {
            return Ok(Self { words: part.live_words().cloned(), count: part.live() });
        };
        let segment = part.segment();
        let mut selection = segment.columns().select(filter);
        if let Some(live) = part.live_words() {
            let rows = u32::try_from(segment.len()).expect("slots of a segment are numbered in 32 bits");
            selection.keep(&Slots::from_words(rows, live.to_vec()).expect("a bit for each slot"));
        }
        let mut asked = 0;
        let slots = selection.settle(|slot| {
            deadline.look_at(asked)?;
            asked += 1;
            Ok(filter.matches(&metadata_in(segment, slot)))
        })?;
        Ok(Self { count: slots.count() as usize, words: Some(Arc::new(slots.into_words())) })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// As the segment takes it.
    pub(super) fn as_bits(&self) -> segment::Allowed<'_> {
        segment::Allowed { words: self.words.as_ref().map(|words| words.as_slice()), count: self.count }
    }
}

impl TailAllowed {
    fn of(table: &Table, filter: Option<&Filter>, deadline: Deadline) -> Result<Self, DeadlinePassed> {
        let Some(filter) = filter else { return Ok(Self { words: None, count: table.live() }) };
        let mut words = vec![0_u64; table.len().div_ceil(64)];
        for (slot, row) in table.live_from(0) {
            deadline.look_at(slot)?;
            if filter.matches(&row.metadata) {
                let place = slot - table.first();
                words[place / 64] |= 1 << (place % 64);
            }
        }
        Ok(Self { count: bits::count(&words), words: Some(words) })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn holds(&self, table: &Table, slot: usize) -> bool {
        match &self.words {
            None => table.is_live(slot),
            Some(words) => bits::holds(words, slot - table.first()),
        }
    }

    /// Every allowed slot.
    pub(super) fn slots(&self, table: &Table) -> impl Iterator<Item = usize> {
        (table.first()..table.end()).filter(|&slot| self.holds(table, slot))
    }
}

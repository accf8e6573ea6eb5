//! A part of a view: a segment, and which of its documents live.

use crate::bits;
use crate::segment_file::SegmentFile;
use crate::store::segment::SegmentRecord;
use annuli_core::Point;
use annuli_core::segment::Segment;
use std::sync::Arc;

/// A segment and its dead. Cheap to clone; a clone does not change when the original does.
#[derive(Debug, Clone)]
pub struct Part {
    file: Arc<SegmentFile>,
    live: Arc<Vec<u64>>,
    live_count: usize,
    /// Whether a document has died since the store last heard of it.
    changed: bool,
}

impl Part {
    /// A segment of which the store does not know yet; all of its documents live.
    pub(crate) fn new(file: Arc<SegmentFile>) -> Self {
        let live_count = file.segment.len();
        Self { live: Arc::new(bits::full(live_count)), file, live_count, changed: true }
    }

    /// A segment as the store knows it. `dead` has a word for each 64 slots, or none.
    pub(crate) fn with_dead(file: Arc<SegmentFile>, dead: &[u64]) -> Self {
        let mut live = bits::full(file.segment.len());
        live.iter_mut().zip(dead).for_each(|(live, dead)| *live &= !dead);
        Self { file, live_count: bits::count(&live), live: Arc::new(live), changed: false }
    }

    /// The same segment with other live documents.
    pub(crate) fn with_live(&self, live: Vec<u64>) -> Self {
        Self { file: Arc::clone(&self.file), live_count: bits::count(&live), live: Arc::new(live), changed: true }
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.file.segment
    }

    /// The segment's file.
    pub(crate) fn file(&self) -> &SegmentFile {
        &self.file
    }

    /// The segment's number.
    pub fn number(&self) -> u64 {
        self.file.number
    }

    /// The size of the segment's file, in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.bytes
    }

    /// Documents that live.
    pub fn live(&self) -> usize {
        self.live_count
    }

    /// Documents that are dead.
    pub fn dead(&self) -> usize {
        self.segment().len() - self.live_count
    }

    /// A bit for each slot that lives; `None` when all do.
    pub(crate) fn live_words(&self) -> Option<&Arc<Vec<u64>>> {
        (self.dead() > 0).then_some(&self.live)
    }

    /// Returns whether the document in `slot` lives.
    pub(crate) fn is_live(&self, slot: u32) -> bool {
        bits::holds(&self.live, slot as usize)
    }

    /// Every slot that lives.
    pub(crate) fn live_slots(&self) -> impl Iterator<Item = u32> {
        bits::slots(&self.live).map(slot)
    }

    /// Marks the document of `point` dead; returns whether the segment has it.
    pub(crate) fn kill(&mut self, point: Point) -> bool {
        let Some(slot) = self.slot_of(point) else { return false };
        if self.is_live(slot) {
            Arc::make_mut(&mut self.live)[slot as usize / 64] &= !(1 << (slot % 64));
            self.live_count -= 1;
            self.changed = true;
        }
        true
    }

    /// The slot of `point`.
    pub(crate) fn slot_of(&self, point: Point) -> Option<u32> {
        self.file.points.contains(&point).then(|| self.segment().slot_of(point)).flatten()
    }

    /// Points that lived in `before`, an earlier state of this part, and are dead now.
    pub(crate) fn died_since(&self, before: &Self) -> Vec<Point> {
        if Arc::ptr_eq(&self.live, &before.live) {
            return Vec::new();
        }
        let died: Vec<_> = self.live.iter().zip(before.live.iter()).map(|(now, then)| then & !now).collect();
        bits::slots(&died).map(|place| self.segment().point(slot(place))).collect()
    }

    /// What the store is to know of it; `None` when that is what it knows.
    pub(crate) fn unsaved(&self) -> Option<SegmentRecord> {
        let dead = || {
            let all = bits::full(self.segment().len());
            all.iter().zip(self.live.iter()).map(|(all, live)| all & !live).collect()
        };
        self.changed.then(|| SegmentRecord {
            number: self.number(),
            checksum: self.segment().checksum(),
            rows: self.segment().len(),
            dead: if self.dead() == 0 { Vec::new() } else { dead() },
        })
    }

    /// The store may not know it as it is.
    pub(crate) fn mark_unsaved(&mut self) {
        self.changed = true;
    }

    /// The store knows it as it is.
    pub(crate) fn mark_saved(&mut self) {
        self.changed = false;
    }
}

fn slot(place: usize) -> u32 {
    u32::try_from(place).expect("slots of a segment are numbered in 32 bits")
}

//! Documents that are gathered for a new segment.

use crate::part::Part;
use crate::table::{Row, Table};
use annuli_api::v1::metadata;
use annuli_core::segment::{Rows, Segment};
use annuli_core::{Metadata, Point, Seq};
use std::sync::Arc;

/// Live rows of a table.
pub(crate) struct TailRows(Vec<Arc<Row>>);

impl TailRows {
    /// Those of slots below `to`.
    pub(crate) fn of(table: &Table, to: usize) -> Self {
        let rows = table.live_from(table.first()).take_while(|(slot, _)| *slot < to);
        Self(rows.map(|(_, row)| Arc::clone(row)).collect())
    }
}

impl Rows for TailRows {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, row: usize) -> &str {
        self.0[row].id.as_str()
    }

    fn point(&self, row: usize) -> Point {
        self.0[row].point
    }

    fn seq(&self, row: usize) -> Seq {
        self.0[row].seq
    }

    fn read_vector(&self, row: usize, vector: &mut Vec<f32>) {
        vector.clear();
        vector.extend_from_slice(self.0[row].vector.as_slice());
    }

    fn read_payload(&self, row: usize, payload: &mut Vec<u8>) {
        *payload = metadata::to_bytes(&self.0[row].metadata).expect("the writer checked its size");
    }

    fn metadata(&self, row: usize) -> Metadata {
        self.0[row].metadata.clone()
    }
}

/// Live documents of several segments, in the order of their points.
pub(crate) struct MergedRows {
    parts: Vec<Part>,
    /// Part and slot.
    places: Vec<(u32, u32)>,
}

impl MergedRows {
    /// Those of `parts`.
    pub(crate) fn of(parts: Vec<Part>) -> Self {
        let live = parts.iter().map(Part::live).sum();
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(live);
        for (number, part) in (0..).zip(&parts) {
            places.extend(part.live_slots().map(|slot| (number, slot)));
        }
        places.sort_unstable_by_key(|&(part, slot)| parts[part as usize].segment().point(slot));
        Self { parts, places }
    }

    fn place(&self, row: usize) -> (&Segment, u32) {
        let (part, slot) = self.places[row];
        (self.parts[part as usize].segment(), slot)
    }
}

impl Rows for MergedRows {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn id(&self, row: usize) -> &str {
        let (segment, slot) = self.place(row);
        segment.id(slot)
    }

    fn point(&self, row: usize) -> Point {
        let (segment, slot) = self.place(row);
        segment.point(slot)
    }

    fn seq(&self, row: usize) -> Seq {
        let (segment, slot) = self.place(row);
        segment.seq(slot)
    }

    fn read_vector(&self, row: usize, vector: &mut Vec<f32>) {
        let (segment, slot) = self.place(row);
        segment.read_vector(slot, vector);
    }

    fn read_payload(&self, row: usize, payload: &mut Vec<u8>) {
        let (segment, slot) = self.place(row);
        payload.clear();
        payload.extend_from_slice(segment.payload(slot));
    }

    fn metadata(&self, row: usize) -> Metadata {
        let (segment, slot) = self.place(row);
        metadata_in(segment, slot)
    }
}

/// The metadata of a document in a segment.
pub(crate) fn metadata_in(segment: &Segment, slot: u32) -> Metadata {
    metadata::from_bytes(segment.payload(slot)).expect("written from metadata, and its checksum was right")
}

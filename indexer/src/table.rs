//! The points of a shard in memory: an append-only table of rows, and which of them are dead.
//!
//! A clone is cheap and does not change when the original does: whole chunks are shared, and only the chunk that is
//! written to is copied. This is what lets every view be immutable.

use crate::store::document::StoredDocument;
use annuli_core::{DocId, Metadata, Point, Seq, Vector};
use std::sync::Arc;

/// Rows of a chunk. A write copies the pointers of the last chunk: 8 KiB.
const CHUNK_ROWS: usize = 1024;

/// One version of one document.
#[derive(Debug)]
pub struct Row {
    /// The document.
    pub id: DocId,
    /// Its write.
    pub seq: Seq,
    /// Its number in the shard's history.
    pub point: Point,
    /// Its vector, as it was sent.
    pub vector: Vector,
    /// Its metadata.
    pub metadata: Metadata,
}

impl Row {
    /// The row of a stored document.
    pub fn new(id: DocId, document: StoredDocument) -> Self {
        let StoredDocument { seq, point, vector, metadata } = document;
        Self { id, seq, point, vector, metadata }
    }
}

/// Rows by slot, in the order of their points. A slot is a row's place in one table; a rebuilt table has other slots.
#[derive(Debug, Clone, Default)]
pub struct Table {
    chunks: Vec<Arc<Vec<Arc<Row>>>>,
    dead: Arc<Vec<u64>>,
    rows: usize,
    dead_rows: usize,
}

impl Table {
    /// Rows, dead ones included.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Rows that are dead.
    pub fn dead(&self) -> usize {
        self.dead_rows
    }

    /// Rows that are alive.
    pub fn live(&self) -> usize {
        self.rows - self.dead_rows
    }

    /// The row in `slot`.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn row(&self, slot: usize) -> &Arc<Row> {
        &self.chunks[slot / CHUNK_ROWS][slot % CHUNK_ROWS]
    }

    /// Returns whether the row in `slot` is alive.
    pub fn is_live(&self, slot: usize) -> bool {
        self.dead[slot / 64] & (1 << (slot % 64)) == 0
    }

    /// Every live row of the slots `from..`, with its slot.
    pub fn live_from(&self, from: usize) -> impl Iterator<Item = (usize, &Arc<Row>)> {
        let first_chunk = from / CHUNK_ROWS;
        self.chunks
            .iter()
            .enumerate()
            .skip(first_chunk)
            .flat_map(|(number, chunk)| {
                chunk.iter().enumerate().map(move |(place, row)| (number * CHUNK_ROWS + place, row))
            })
            .skip(from - first_chunk * CHUNK_ROWS)
            .filter(|(slot, _)| self.is_live(*slot))
    }

    /// Appends a row. Its point is above every other.
    pub fn push(&mut self, row: Arc<Row>) {
        debug_assert!(self.rows == 0 || self.row(self.rows - 1).point < row.point, "slots are in the order of points");
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_ROWS => Arc::make_mut(chunk).push(row),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                chunk.push(row);
                self.chunks.push(Arc::new(chunk));
            }
        }
        if self.rows.is_multiple_of(64) {
            Arc::make_mut(&mut self.dead).push(0);
        }
        self.rows += 1;
    }

    /// Marks the row of `point` dead; a point that is not here is dead already.
    pub fn kill(&mut self, point: Point) {
        let Some(slot) = self.slot_of(point) else { return };
        if self.is_live(slot) {
            Arc::make_mut(&mut self.dead)[slot / 64] |= 1 << (slot % 64);
            self.dead_rows += 1;
        }
    }

    /// The slot of `point`.
    pub fn slot_of(&self, point: Point) -> Option<usize> {
        let chunk = self.chunks.partition_point(|chunk| chunk[0].point <= point).checked_sub(1)?;
        let place = self.chunks[chunk].binary_search_by_key(&point, |row| row.point).ok()?;
        Some(chunk * CHUNK_ROWS + place)
    }

    /// The live rows alone, in a table of their own.
    pub fn compacted(&self) -> Self {
        let mut table = Self::default();
        self.live_from(0).for_each(|(_, row)| table.push(Arc::clone(row)));
        table
    }

    /// Brings a compacted copy of `base`, an earlier state of `self`, up to date: rows that came since are appended,
    /// rows that died since are killed.
    pub fn catch_up(&self, base: &Self, compacted: &mut Self) {
        for (_, row) in self.live_from(base.len()) {
            compacted.push(Arc::clone(row));
        }
        for (word, (&now, &then)) in self.dead.iter().zip(base.dead.iter()).enumerate() {
            let mut died = now & !then;
            while died != 0 {
                let slot = word * 64 + died.trailing_zeros() as usize;
                if slot < base.len() {
                    compacted.kill(self.row(slot).point);
                }
                died &= died - 1;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn row(point: u64) -> Arc<Row> {
        Arc::new(Row {
            id: DocId::new(&format!("doc-{point:06}")).unwrap(),
            seq: Seq(point + 1),
            point: Point(point),
            vector: Vector::new(vec![1.0, point as f32]).unwrap(),
            metadata: Metadata::default(),
        })
    }

    fn live_points(table: &Table) -> Vec<u64> {
        table.live_from(0).map(|(_, row)| row.point.0).collect()
    }

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut table = Table::default();
        (0..3000).for_each(|point| table.push(row(point)));
        let view = table.clone();
        table.kill(Point(0));
        table.kill(Point(2999));
        table.push(row(3000));
        assert_eq!((view.len(), view.live(), table.len(), table.live()), (3000, 3000, 3001, 2999));
        assert!(view.is_live(0) && !table.is_live(0));
    }

    #[test]
    fn a_point_is_found_in_its_slot() {
        let mut table = Table::default();
        (0..5000).step_by(2).for_each(|point| table.push(row(point)));
        assert_eq!(table.slot_of(Point(4998)), Some(2499));
        assert_eq!(table.slot_of(Point(4999)), None);
        assert_eq!(table.slot_of(Point(5000)), None);
        assert_eq!(Table::default().slot_of(Point(0)), None);
    }

    #[test]
    fn a_row_dies_once() {
        let mut table = Table::default();
        table.push(row(7));
        for point in [7, 7, 8] {
            table.kill(Point(point));
        }
        assert_eq!((table.live(), table.dead()), (0, 1));
    }

    #[test]
    fn live_rows_can_be_read_from_the_middle() {
        let mut table = Table::default();
        (0..2100).for_each(|point| table.push(row(point)));
        table.kill(Point(2050));
        let slots: Vec<_> = table.live_from(2049).map(|(slot, _)| slot).take(2).collect();
        assert_eq!(slots, [2049, 2051]);
        assert_eq!(table.live_from(2100).count(), 0);
    }

    proptest! {
        #[test]
        fn a_compacted_table_catches_up(
            before in prop::collection::vec(any::<bool>(), 0..200),
            born in 0u64..100,
            killed in prop::collection::vec(0u64..300, 0..100),
        ) {
            let mut table = Table::default();
            for (point, dead) in (0..).zip(&before) {
                table.push(row(point));
                if *dead {
                    table.kill(Point(point));
                }
            }
            let base = table.clone();
            let mut compacted = base.compacted();
            (0..born).for_each(|n| table.push(row(before.len() as u64 + n)));
            killed.iter().for_each(|&point| table.kill(Point(point)));
            table.catch_up(&base, &mut compacted);
            prop_assert_eq!(live_points(&compacted), live_points(&table));
            prop_assert_eq!(compacted.live(), table.live());
        }
    }
}

//! The points of a shard that no segment holds yet: a table of rows that grows at its end and loses rows at its front,
//! and which of them are dead.
//!
//! A clone is cheap and does not change when the original does: whole chunks are shared, and only the chunk that is
//! written to is copied. This is what lets every view be immutable.

use crate::bits;
use crate::followed_memory::Share;
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
    /// Of a document that was followed: the memory that it takes.
    pub share: Option<Share>,
}

impl Row {
    /// The row of a stored document.
    pub fn new(id: DocId, document: StoredDocument) -> Self {
        let StoredDocument { seq, point, vector, metadata } = document;
        Self { id, seq, point, vector, metadata, share: None }
    }
}

/// Rows by slot, in the order of their points. A slot is a row's place in one table for as long as it is there.
#[derive(Debug, Clone, Default)]
pub struct Table {
    chunks: Vec<Arc<Vec<Arc<Row>>>>,
    /// From `base` on.
    dead: Arc<Vec<u64>>,
    /// The slot of the first row of the first chunk.
    base: usize,
    /// Rows of slots below this have left; up to a chunk of them may still be held.
    first: usize,
    end: usize,
    dead_rows: usize,
}

impl Table {
    /// Rows, dead ones included.
    pub fn len(&self) -> usize {
        self.end - self.first
    }

    /// Returns whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first slot that has a row.
    pub fn first(&self) -> usize {
        self.first
    }

    /// The slot of the next row to come.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Rows that are alive.
    pub fn live(&self) -> usize {
        self.len() - self.dead_rows
    }

    /// The row in `slot`.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn row(&self, slot: usize) -> &Arc<Row> {
        let place = slot - self.base;
        &self.chunks[place / CHUNK_ROWS][place % CHUNK_ROWS]
    }

    /// Returns whether the row in `slot` is alive.
    pub fn is_live(&self, slot: usize) -> bool {
        !bits::holds(&self.dead, slot - self.base)
    }

    /// Every live row of the slots `from..`, with its slot.
    pub fn live_from(&self, from: usize) -> impl Iterator<Item = (usize, &Arc<Row>)> {
        let skipped = from.max(self.first) - self.base;
        let first_chunk = skipped / CHUNK_ROWS;
        self.chunks
            .iter()
            .enumerate()
            .skip(first_chunk)
            .flat_map(move |(number, chunk)| {
                chunk.iter().enumerate().map(move |(place, row)| (self.base + number * CHUNK_ROWS + place, row))
            })
            .skip(skipped - first_chunk * CHUNK_ROWS)
            .filter(|(slot, _)| self.is_live(*slot))
    }

    /// Appends a row. Its point is above every other.
    pub fn push(&mut self, row: Arc<Row>) {
        debug_assert!(self.is_empty() || self.row(self.end - 1).point < row.point, "slots are in the order of points");
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_ROWS => Arc::make_mut(chunk).push(row),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                chunk.push(row);
                self.chunks.push(Arc::new(chunk));
            }
        }
        if (self.end - self.base).is_multiple_of(64) {
            Arc::make_mut(&mut self.dead).push(0);
        }
        self.end += 1;
    }

    /// Marks the row of `point` dead; returns whether the table has it.
    pub fn kill(&mut self, point: Point) -> bool {
        let Some(slot) = self.slot_of(point) else { return false };
        if self.is_live(slot) {
            let place = slot - self.base;
            Arc::make_mut(&mut self.dead)[place / 64] |= 1 << (place % 64);
            self.dead_rows += 1;
        }
        true
    }

    /// The slot of `point`.
    pub fn slot_of(&self, point: Point) -> Option<usize> {
        let slot = self.slot_from(point);
        (slot < self.end && self.row(slot).point == point).then_some(slot)
    }

    /// The first slot whose point is `point` or above; the end when there is none.
    pub fn slot_from(&self, point: Point) -> usize {
        let Some(chunk) = self.chunks.partition_point(|chunk| chunk[0].point <= point).checked_sub(1) else {
            return self.first;
        };
        let place = self.chunks[chunk].partition_point(|row| row.point < point);
        (self.base + chunk * CHUNK_ROWS + place).max(self.first)
    }

    /// Lets go of the rows of slots below `to`. The others keep their slots.
    pub fn leave(&mut self, to: usize) {
        debug_assert!((self.first..=self.end).contains(&to), "rows that are there leave");
        let left: Vec<_> = (self.first..to).filter(|&slot| !self.is_live(slot)).collect();
        self.dead_rows -= left.len();
        self.first = to;
        if self.len() <= CHUNK_ROWS {
            // What is left of the first chunk would keep all of its rows in memory, perhaps for long.
            self.move_to_first();
            return;
        }
        let chunks = (to - self.base) / CHUNK_ROWS;
        self.chunks.drain(..chunks);
        Arc::make_mut(&mut self.dead).drain(..chunks * CHUNK_ROWS / 64);
        self.base += chunks * CHUNK_ROWS;
    }

    fn move_to_first(&mut self) {
        let mut moved = Self { base: self.first, first: self.first, end: self.first, ..Self::default() };
        for slot in self.first..self.end {
            moved.push(Arc::clone(self.row(slot)));
            if !self.is_live(slot) {
                let place = slot - moved.base;
                Arc::make_mut(&mut moved.dead)[place / 64] |= 1 << (place % 64);
                moved.dead_rows += 1;
            }
        }
        *self = moved;
    }

    /// Slots below `to` that were alive in `before`, an earlier state of this table from which no row has left since,
    /// and are dead now.
    pub fn died_since<'a>(&'a self, before: &'a Self, to: usize) -> impl Iterator<Item = usize> + 'a {
        debug_assert_eq!((self.base, self.first), (before.base, before.first), "no row has left");
        let died = self.dead.iter().zip(before.dead.iter()).map(|(now, then)| now & !then);
        let died = if Arc::ptr_eq(&self.dead, &before.dead) { Vec::new() } else { died.collect() };
        let slots: Vec<_> = bits::slots(&died).map(|place| self.base + place).collect();
        slots.into_iter().filter(move |&slot| slot < to)
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
            share: None,
        })
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
        assert_eq!((table.live(), table.len()), (0, 1));
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

    /// What a table is meant to be: slots with their points, and whether they are alive.
    #[derive(Debug, Clone, Default)]
    struct Plain(Vec<(usize, u64, bool)>);

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Kill(usize),
        Leave(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1usize..1500).prop_map(Step::Push),
            (0usize..4000).prop_map(Step::Kill),
            (0usize..4000).prop_map(Step::Leave)
        ]
    }

    #[track_caller]
    fn check(table: &Table, plain: &Plain) {
        let live: Vec<_> = plain.0.iter().filter(|row| row.2).map(|row| (row.0, row.1)).collect();
        let found: Vec<_> = table.live_from(0).map(|(slot, row)| (slot, row.point.0)).collect();
        assert_eq!(found, live);
        assert_eq!((table.len(), table.live()), (plain.0.len(), live.len()));
        for &(slot, point, alive) in plain.0.iter().step_by(97) {
            assert_eq!((table.slot_of(Point(point)), table.is_live(slot)), (Some(slot), alive));
            assert_eq!((table.slot_of(Point(point + 1)), table.slot_from(Point(point + 1))), (None, slot + 1));
        }
        let held: usize = table.chunks.iter().map(|chunk| chunk.len()).sum();
        assert!(held < table.len() + CHUNK_ROWS && (table.len() > CHUNK_ROWS || held == table.len()), "{held} rows");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_keep_their_slots_while_others_come_die_and_leave(steps in prop::collection::vec(step(), 0..20)) {
            let (mut table, mut plain, mut next) = (Table::default(), Plain::default(), 0_usize);
            for step in steps {
                let before = (table.clone(), plain.clone());
                match step {
                    Step::Push(rows) => for _ in 0..rows {
                        // Every other point, so that there are some that no row has.
                        table.push(row(2 * next as u64));
                        plain.0.push((next, 2 * next as u64, true));
                        next += 1;
                    },
                    Step::Kill(which) if !plain.0.is_empty() => {
                        let which = which % plain.0.len();
                        plain.0[which].2 = false;
                        assert!(table.kill(Point(plain.0[which].1)));
                        let died: Vec<_> = table.died_since(&before.0, table.end()).collect();
                        assert_eq!(died.len(), before.0.live() - table.live());
                        assert!(died.iter().all(|&slot| slot == plain.0[which].0));
                    }
                    Step::Leave(some) => {
                        let some = some.min(plain.0.len());
                        table.leave(table.first() + some);
                        plain.0.drain(..some);
                    }
                    Step::Kill(_) => assert!(!table.kill(Point(7))),
                }
                check(&table, &plain);
                check(&before.0, &before.1);
            }
        }
    }
}

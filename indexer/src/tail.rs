//! What no segment holds yet: new rows, and the head over some of them.

use crate::head::Head;
use crate::table::Table;
use annuli_core::IndexSchema;
use std::sync::Arc;

/// The rows of a view that are in no segment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The rows.
    pub table: Table,
    /// The graph of the first of them, up to `covered`. It may hold more: those are looked at as if it did not.
    pub head: Arc<Head>,
    /// Slots below this are in the graph.
    pub covered: usize,
}

impl Tail {
    /// Rows without a graph.
    pub(crate) fn new(table: Table, schema: &IndexSchema) -> Self {
        let covered = table.first();
        Self { table, head: Arc::new(Head::new(schema.metric, schema.hnsw)), covered }
    }

    /// Rows that a walk of the graph finds.
    pub(crate) fn walkable(&self) -> usize {
        self.covered - self.table.first()
    }

    /// Rows that it does not.
    pub(crate) fn uncovered(&self) -> usize {
        self.table.end() - self.covered
    }

    /// Lets go of the rows of slots below `to`. A graph of rows that have left is of no use to the others.
    pub(crate) fn leave(&mut self, to: usize, schema: &IndexSchema) {
        let mut table = std::mem::take(&mut self.table);
        table.leave(to);
        *self = Self::new(table, schema);
    }
}

//! A group of batches on its way to one commit: what each write does, given the writes before it.

use super::WriteError;
use crate::store::change::{Change, ChangeKind};
use crate::store::document::{DocumentHead, StoredDocument};
use crate::store::meta::Counters;
use crate::store::{Store, StoreError};
use annuli_api::shard_api::{ConditionalWrite, Outcome, Write};
use annuli_api::v1::metadata;
use annuli_core::{DocId, IndexSchema, Metadata, Point, Seq, Vector};
use std::collections::HashMap;

/// Changes that are planned and not yet committed.
pub struct Group {
    schema: IndexSchema,
    counters: Counters,
    changes: Vec<Change>,
    /// For each document that the group touches, its last change.
    latest: HashMap<DocId, usize>,
}

impl Group {
    /// An empty group behind `counters`.
    pub fn new(schema: IndexSchema, counters: Counters) -> Self {
        Self { schema, counters, changes: Vec::new(), latest: HashMap::new() }
    }

    /// How many changes are planned.
    pub fn planned(&self) -> usize {
        self.changes.len()
    }

    /// The changes in order, and the counters behind them.
    pub fn into_changes(self) -> (Vec<Change>, Counters) {
        (self.changes, self.counters)
    }

    /// Plans a batch: all of it, or nothing when one of its writes is refused. A condition that does not hold is an
    /// outcome, not a refusal.
    pub fn plan(&mut self, store: &Store, writes: Vec<ConditionalWrite>) -> Result<Vec<Outcome>, WriteError> {
        let (changes_before, counters_before) = (self.changes.len(), self.counters);
        let outcomes: Result<Vec<_>, _> = writes.into_iter().map(|write| self.plan_write(store, write)).collect();
        if outcomes.is_err() {
            self.changes.truncate(changes_before);
            self.counters = counters_before;
            self.latest = self.changes.iter().enumerate().map(|(n, change)| (change.id.clone(), n)).collect();
        }
        outcomes
    }

    fn plan_write(&mut self, store: &Store, write: ConditionalWrite) -> Result<Outcome, WriteError> {
        let ConditionalWrite { write, if_seq } = write;
        if let Some(vector) = write.vector() {
            self.schema.check(vector).map_err(|reason| WriteError::Vector { id: write.id().clone(), reason })?;
        }
        let current = self.current(store, write.id())?;
        let seq = current.map_or(Seq::ZERO, |head| head.seq);
        if if_seq.is_some_and(|wanted| wanted != seq) {
            return Ok(Outcome::Conflict(seq));
        }
        match (write, current) {
            (Write::Put { id, vector, metadata }, _) => self.born(id, ChangeKind::Put, vector, metadata, current),
            (Write::Patch { id, vector, metadata }, Some(_)) => {
                let Some((old_vector, old_metadata)) = self.contents(store, &id)? else { return Ok(Outcome::Missing) };
                let vector = vector.unwrap_or(old_vector);
                let metadata = metadata.map_or_else(|| old_metadata.clone(), |patch| old_metadata.merged(&patch));
                metadata::to_bytes(&metadata).map_err(|reason| WriteError::Metadata { id: id.clone(), reason })?;
                self.born(id, ChangeKind::Patch, vector, metadata, current);
            }
            (Write::Delete { id }, Some(head)) => {
                self.push(id, ChangeKind::Delete, None, Some(head.point));
            }
            (Write::Patch { .. } | Write::Delete { .. }, None) => return Ok(Outcome::Missing),
        }
        Ok(Outcome::Written)
    }

    fn born(&mut self, id: DocId, kind: ChangeKind, vector: Vector, metadata: Metadata, current: Option<DocumentHead>) {
        let point = self.counters.next_point;
        self.counters.next_point = Point(point.0 + 1);
        let document = StoredDocument { seq: self.counters.seq.next(), point, vector, metadata };
        self.push(id, kind, Some(document), current.map(|head| head.point));
    }

    fn push(&mut self, id: DocId, kind: ChangeKind, document: Option<StoredDocument>, killed: Option<Point>) {
        self.counters.seq = self.counters.seq.next();
        self.latest.insert(id.clone(), self.changes.len());
        self.changes.push(Change { seq: self.counters.seq, id, kind, document, killed });
    }

    /// The document as the writes before leave it.
    fn current(&self, store: &Store, id: &DocId) -> Result<Option<DocumentHead>, StoreError> {
        match self.latest.get(id) {
            Some(&change) => {
                let document = self.changes[change].document.as_ref();
                Ok(document.map(|document| DocumentHead { seq: document.seq, point: document.point }))
            }
            None => store.document_head(id),
        }
    }

    fn contents(&self, store: &Store, id: &DocId) -> Result<Option<(Vector, Metadata)>, StoreError> {
        let document = match self.latest.get(id) {
            Some(&change) => self.changes[change].document.clone(),
            None => store.document(id)?,
        };
        Ok(document.map(|document| (document.vector, document.metadata)))
    }
}

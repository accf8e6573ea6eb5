//! What a shard serves when it is opened: its segments as they are, and in its tail what no segment holds.
//!
//! As a rule, the changes behind the last checkpoint say what has come and what has died since. Where a segment or a
//! part of the log is missing, every document is read instead: each that no segment holds goes to the tail, and is
//! sealed again behind searches.

use crate::clock::Every;
use crate::overlay::Overlay;
use crate::part::Part;
use crate::segment_file::{SegmentFile, SegmentFolder, Unusable};
use crate::stop::Stop;
use crate::store::meta::{Counters, Identity};
use crate::store::segment::SegmentRecord;
use crate::store::{Store, StoreError};
use crate::table::{Row, Table};
use crate::tail::Tail;
use crate::view::View;
use annuli_api::shard_api::Position;
use annuli_core::{DocId, Point, Seq};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Between two lines about a long opening in the log.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// What a shard serves when it is opened.
pub(crate) struct Recovered {
    pub(super) view: View,
    /// Segments of which the store still knows, and which could not be used.
    pub(super) lost: Vec<u64>,
    /// The number of the next segment.
    pub(crate) next_segment: u64,
}

impl Recovered {
    /// What searches hold.
    pub(crate) fn into_view(self) -> View {
        self.view
    }
}

/// The segments that a store knows, as its folder has them.
pub(crate) struct Found<'a> {
    folder: &'a SegmentFolder,
    identity: &'a Identity,
    files: Vec<(Arc<SegmentFile>, SegmentRecord)>,
    lost: Vec<Lost>,
}

/// A segment that the store knows and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("segment {number} cannot be used: {reason}")]
pub struct Lost {
    number: u64,
    rows: usize,
    #[source]
    reason: Unusable,
}

impl<'a> Found<'a> {
    /// Opens the segments of a store, on `pool`.
    pub(crate) fn of(
        store: &Store,
        folder: &'a SegmentFolder,
        identity: &'a Identity,
        pool: &ThreadPool,
    ) -> Result<Self, StoreError> {
        let records = store.segments()?;
        let open = |record: &SegmentRecord| folder.open(record, &identity.schema);
        let opened: Vec<_> = pool.install(|| records.par_iter().map(open).collect());
        Ok(Self::sorted(folder, identity, records, opened))
    }

    /// The same, for as long as somebody waits for it: every byte of each is checked, which takes its time.
    pub(crate) fn while_wanted(
        store: &Store,
        folder: &'a SegmentFolder,
        identity: &'a Identity,
        pool: &ThreadPool,
        stop: &Stop,
    ) -> Result<Option<Self>, StoreError> {
        let records = store.segments()?;
        let open = |record: &SegmentRecord| (!stop.is_told()).then(|| folder.open(record, &identity.schema));
        let opened: Option<Vec<_>> = pool.install(|| records.par_iter().map(open).collect());
        Ok(opened.map(|opened| Self::sorted(folder, identity, records, opened)))
    }

    fn sorted(
        folder: &'a SegmentFolder,
        identity: &'a Identity,
        records: Vec<SegmentRecord>,
        opened: Vec<Result<SegmentFile, Unusable>>,
    ) -> Self {
        let (mut files, mut lost) = (Vec::new(), Vec::new());
        for (record, opened) in records.into_iter().zip(opened) {
            match opened {
                Ok(file) => files.push((Arc::new(file), record)),
                Err(reason) => lost.push(Lost { number: record.number, rows: record.rows, reason }),
            }
        }
        Self { folder, identity, files, lost }
    }

    /// All of them, if none is lost.
    pub(crate) fn whole(mut self) -> Result<Self, Lost> {
        if self.lost.is_empty() { Ok(self) } else { Err(self.lost.swap_remove(0)) }
    }

    /// Goes through the store for what is in no segment.
    pub(crate) fn recover(self, store: &Store, counters: &Counters) -> Result<Recovered, StoreError> {
        let Self { folder, identity, files, lost } = self;
        for Lost { reason, rows, .. } in &lost {
            tracing::warn!(shard = identity.shard.0, error = %reason, "a segment cannot be used: its {rows} documents are read from the store and built again");
        }
        let recovery = Recovery { store, identity, files };
        let replayed = match store.replay_after()? {
            Some(after) if lost.is_empty() => recovery.replay(after, counters.seq)?,
            Some(_) | None => None,
        };
        let (parts, table, replay_after) = match replayed {
            Some((after, parts, table)) => (parts, table, Some(after)),
            None => {
                let (parts, table) = recovery.read_all()?;
                (parts, table, None)
            }
        };
        let used: Vec<_> = parts.iter().map(Part::number).collect();
        let view = View {
            schema: identity.schema,
            position: Position { history: identity.history, seq: counters.seq },
            parts,
            tail: Tail::new(table, &identity.schema),
            replay_after,
            overlay: Overlay::default(),
        };
        let lost = lost.iter().map(|lost| lost.number).collect();
        Ok(Recovered { view, lost, next_segment: folder.sweep(&used) })
    }
}

struct Recovery<'a> {
    store: &'a Store,
    identity: &'a Identity,
    files: Vec<(Arc<SegmentFile>, SegmentRecord)>,
}

impl Recovery<'_> {
    /// Goes through the changes behind `after`. `None` when the log does not hold them all, or does not agree with the
    /// documents.
    fn replay(&self, after: Seq, last: Seq) -> Result<Option<(Seq, Vec<Part>, Table)>, StoreError> {
        let shard = self.identity.shard.0;
        let mut parts: Vec<_> =
            self.files.iter().map(|(file, record)| Part::with_dead(Arc::clone(file), &record.dead)).collect();
        let snapshot = self.store.snapshot();
        let mut seq = after;
        let mut born: BTreeMap<Point, DocId> = BTreeMap::new();
        let changes = if after < last { Some(snapshot.changes_after(after)) } else { None };
        for change in changes.into_iter().flatten() {
            let change = change?;
            if change.seq != seq.next() {
                break;
            }
            seq = change.seq;
            if let Some(killed) = change.killed
                && born.remove(&killed).is_none()
            {
                let _ = parts.iter_mut().any(|part| part.kill(killed));
            }
            born.extend(change.born.map(|point| (point, change.id)));
        }
        if seq != last {
            tracing::warn!(shard, "the log ends at seq {seq}, the documents at {last}: all of them are read");
            return Ok(None);
        }
        let mut table = Table::default();
        for (point, id) in born {
            match snapshot.document(&id)? {
                Some(document) if document.point == point => {
                    self.store.check_vector(&id, &document, &self.identity.schema)?;
                    table.push(Arc::new(Row::new(id, document)));
                }
                Some(_) | None => {
                    tracing::warn!(shard, "document `{id}` is not as the log says: all documents are read");
                    return Ok(None);
                }
            }
        }
        let documents = table.len() + parts.iter().map(Part::live).sum::<usize>();
        let (segments, replayed) = (parts.len(), last.0 - after.0);
        tracing::info!(shard, documents, segments, replayed, "opened the shard");
        Ok(Some((after, parts, table)))
    }

    /// Reads every document. Each block that holds one passes its checksum on the way.
    fn read_all(&self) -> Result<(Vec<Part>, Table), StoreError> {
        let shard = self.identity.shard.0;
        let mut every = Every::new(PROGRESS_INTERVAL);
        let parts: Vec<_> = self.files.iter().map(|(file, _)| Part::new(Arc::clone(file))).collect();
        let mut live: Vec<_> = parts.iter().map(|part| vec![0_u64; part.segment().len().div_ceil(64)]).collect();
        let mut rows = Vec::new();
        let mut documents = 0_usize;
        for entry in self.store.snapshot().documents(None) {
            let (id, document) = entry?;
            self.store.check_vector(&id, &document, &self.identity.schema)?;
            let place = |part: &Part| part.slot_of(document.point);
            match parts.iter().zip(&mut live).find_map(|(part, live)| Some((place(part)?, live))) {
                Some((slot, live)) => live[slot as usize / 64] |= 1 << (slot % 64),
                None => rows.push(Row::new(id, document)),
            }
            documents += 1;
            if every.is_due() {
                tracing::info!(shard, documents, "reading documents");
            }
        }
        rows.sort_unstable_by_key(|row| row.point);
        let mut table = Table::default();
        rows.into_iter().for_each(|row| table.push(Arc::new(row)));
        let parts: Vec<_> = parts.iter().zip(live).map(|(part, live)| part.with_live(live)).collect();
        tracing::info!(shard, documents, segments = parts.len(), read = documents, "opened the shard");
        Ok((parts, table))
    }
}

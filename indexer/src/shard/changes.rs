//! What has changed in a shard, by its log: for whoever is about to hold some of its documents.
//!
//! The log says which documents were written, and their rows what has become of them. Both are read as of one moment, so
//! that a document which changes all the time is told once for each time that it is asked for.

use super::documents::Documents;
use super::reading::{ReadError, Reading};
use crate::deadline::Deadline;
use crate::settings::{CHANGES_BYTES_MAX, CHANGES_SCANNED_MAX};
use crate::store::StoreSnapshot;
use crate::store::document::StoredDocument;
use annuli_api::Failure;
use annuli_api::shard_api::{Changed, Changes, ChangesAsked, Consistency, Include, Read};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Seq};
use std::collections::HashSet;
use std::time::Instant;

/// Changes that were asked for are not in the log any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the changes behind seq {after} were asked for, the log does not reach back as far any longer: begin with a newer dump"
)]
pub(super) struct LogTrimmed {
    after: Seq,
}

impl Reading {
    pub(super) async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        let include = Include { metadata: true, vector: true };
        let read = Read { include, after: Some(asked.after), consistency: Consistency::Primary };
        let look = move |documents: &Documents<'_>| changes(&documents.stored, &asked, Deadline(deadline));
        let ((documents, through), position) = self.read_store(read, deadline, look).await?;
        Ok(Changes { documents, through, position })
    }
}

/// The changes, and up to where they are told.
fn changes(
    snapshot: &StoreSnapshot<'_>,
    asked: &ChangesAsked,
    deadline: Deadline,
) -> Result<(Vec<Changed>, Seq), ReadError> {
    let (after, now) = (asked.after.seq, snapshot.seq()?);
    // It loses its oldest entries first: if one is there that was not asked for, all are that were.
    let oldest = snapshot.changes().next().transpose()?;
    if after < now && oldest.is_none_or(|oldest| oldest.seq > after.next()) {
        return Err(LogTrimmed { after }.into());
    }
    let (mut documents, mut bytes, mut seen, mut through) = (Vec::new(), 0, HashSet::new(), after);
    for (row, change) in snapshot.changes_after(after).enumerate() {
        let enough = documents.len() >= asked.limit || bytes >= CHANGES_BYTES_MAX || row == CHANGES_SCANNED_MAX;
        if enough && row > 0 {
            return Ok((documents, through));
        }
        deadline.look_at(row)?;
        let change = change?;
        if shard_of(&change.id, asked.shards) == asked.owner && !seen.contains(&change.id) {
            let told = now_of(&change.id, snapshot.document(&change.id)?);
            bytes += told.bytes_about();
            documents.push(told);
            seen.insert(change.id);
        }
        through = change.seq;
    }
    Ok((documents, now))
}

fn now_of(id: &DocId, found: Option<StoredDocument>) -> Changed {
    let id = id.clone();
    match found {
        Some(StoredDocument { seq, vector, metadata, .. }) => Changed::Is { id, seq, vector, metadata },
        None => Changed::Gone { id },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::settings::Durability;
    use crate::store::Store;
    use crate::store::change::{Change, ChangeKind};
    use crate::store::meta::{Counters, Identity};
    use annuli_api::Position;
    use annuli_core::id::{HistoryId, IndexUuid, Point, ShardCount, ShardId};
    use annuli_core::vector::Dim;
    use annuli_core::{HnswParams, IndexSchema, Metadata, Metric, Quantization, Value, Vector};
    use std::time::Duration;
    use uuid::Uuid;

    /// A store whose log begins with the change of that seq.
    fn store(folder: &std::path::Path, first: u64) -> Store {
        let schema = IndexSchema {
            dim: Dim::new(1).unwrap(),
            metric: Metric::Euclidean,
            shards: ShardCount::ONE,
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        };
        let history = HistoryId(Uuid::from_u128(2));
        let identity = Identity { index: IndexUuid(Uuid::from_u128(1)), history, shard: ShardId(0), schema };
        let store = Store::create(&folder.join("db"), &identity).unwrap();
        let id = DocId::new("a").unwrap();
        let gone = Change { seq: Seq(first), id, kind: ChangeKind::Delete, document: None, killed: None };
        let counters = Counters { seq: Seq(first), next_point: Point(0) };
        store.commit(&[gone], &counters, None, Durability::Os).unwrap();
        store
    }

    #[track_caller]
    fn check(store: &Store, after: u64, is_told: bool) {
        let after = Position { history: HistoryId(Uuid::from_u128(2)), seq: Seq(after) };
        let asked = ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 10 };
        let told = changes(&store.snapshot(), &asked, Deadline(clock::now() + Duration::from_secs(60)));
        assert_eq!(told.is_ok(), is_told, "after {}", after.seq);
        if let Err(error) = told {
            let failure = Failure::from(error);
            assert!(failure.message.contains("does not reach back as far"), "{failure}");
            assert!(failure.blames_the_log(), "what is asked for is true");
        }
    }

    /// Its vectors alone were counted, and two thousand documents with long metadata were one answer.
    #[test]
    fn an_answer_ends_where_it_is_long_by_whatever_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 7);
        let long = Metadata::new([("text".into(), Value::Text("a".repeat(60_000).into()))].into()).unwrap();
        for number in 0..40 {
            let (seq, point, metadata) = (Seq(8 + number), Point(number), long.clone());
            let document = StoredDocument { seq, point, vector: Vector::new(vec![1.0]).unwrap(), metadata };
            let id = DocId::new(&format!("long-{number}")).unwrap();
            let put = Change { seq, id, kind: ChangeKind::Put, document: Some(document), killed: None };
            store.commit(&[put], &Counters { seq, next_point: Point(number + 1) }, None, Durability::Os).unwrap();
        }
        let after = Position { history: HistoryId(Uuid::from_u128(2)), seq: Seq(7) };
        let asked = ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 100 };
        let told = changes(&store.snapshot(), &asked, Deadline(clock::now() + Duration::from_secs(60)));
        let (told, through) = told.ok().unwrap();
        let bytes: usize = told.iter().map(Changed::bytes_about).sum();
        assert_eq!(through, Seq(7 + told.len() as u64));
        assert!((CHANGES_BYTES_MAX..CHANGES_BYTES_MAX * 11 / 10).contains(&bytes), "{bytes} bytes");
    }

    /// To tell those that are left would be to lose the others.
    #[test]
    fn changes_that_are_not_in_the_log_any_longer_are_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 7);
        check(&store, 5, false);
        check(&store, 6, true);
        check(&store, 7, true);
    }
}

//! Values for this crate's tests, and a store to keep them in.

use crate::change::{Change, Condition};
use crate::decide::{Creation, create_index, found};
use crate::records::Records;
use crate::table::{Absent, Reach, Replicated};
use annuli_api::{ErrorCode, Failure, Position, ShardApi};
use annuli_core::vector::Dim;
use annuli_core::{
    Generation, HistoryId, HnswParams, IndexName, IndexSchema, IndexUuid, Metric, Quantization, Seq, ShardCount,
    ShardId,
};
use annuli_dump::DumpId;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn name(text: &str) -> IndexName {
    IndexName::new(text).expect("a name")
}

pub(crate) fn uuid(number: u128) -> IndexUuid {
    IndexUuid(Uuid::from_u128(number))
}

pub(crate) fn history(number: u128) -> HistoryId {
    HistoryId(Uuid::from_u128(number))
}

/// A shard that stands there.
pub(crate) fn at(number: u128, seq: u64) -> Position {
    Position { history: history(number), seq: Seq(seq) }
}

pub(crate) fn schema(shards: u32) -> IndexSchema {
    IndexSchema {
        dim: Dim::new(2).expect("a dimension"),
        metric: Metric::Euclidean,
        shards: ShardCount::new(shards).expect("a number of shards"),
        hnsw: HnswParams::new(None, None).expect("the defaults"),
        quantization: Quantization::default(),
    }
}

/// A dump whose ids are in the order of the numbers.
pub(crate) fn dump(number: u64) -> DumpId {
    // Version 7 and the variant of RFC 9562, with the number as the time.
    DumpId::new(Uuid::from_u128((u128::from(number) << 80) | (0x7 << 76) | (0x8 << 60))).expect("a version 7")
}

/// A coordination store of the simplest kind.
#[derive(Default, Clone)]
pub(crate) struct Plain {
    pub(crate) records: Records,
    revisions: BTreeMap<String, u64>,
    pub(crate) revision: u64,
}

impl Plain {
    pub(crate) fn of_two_shards() -> Self {
        let mut store = Self::default();
        let change = found(&store.records, ShardCount::new(2).unwrap()).unwrap().1.unwrap();
        assert!(store.commit(&change));
        store
    }

    pub(crate) fn commit(&mut self, change: &Change) -> bool {
        let holds = |condition: &Condition| match condition {
            Condition::Absent(key) => !self.revisions.contains_key(&key.to_string()),
            Condition::At(key, revision) => self.revisions.get(&key.to_string()) == Some(revision),
        };
        if !change.conditions.iter().all(holds) {
            return false;
        }
        self.revision += 1;
        for key in &change.deletes {
            self.records.delete(&key.to_string());
            self.revisions.remove(&key.to_string());
        }
        for (key, value) in &change.puts {
            self.records.put(&key.to_string(), self.revision, value);
            self.revisions.insert(key.to_string(), self.revision);
        }
        true
    }

    /// An index of two shards, none of them made.
    #[track_caller]
    pub(crate) fn create(&mut self, index: &str, number: u128) {
        let Creation::New(change) = create_index(&self.records, &name(index), &schema(2), uuid(number)).unwrap() else {
            panic!("`{index}` is there already")
        };
        assert!(self.commit(&change));
    }
}

/// It reaches nobody.
pub(crate) struct Alone;

impl Reach for Alone {
    fn shard(&self, address: &str, _: IndexUuid, _: ShardId) -> Arc<dyn ShardApi> {
        let message = format!("{address} cannot be reached");
        Arc::new(Absent(Failure::new(ErrorCode::ShardUnavailable, message)))
    }

    fn replicated(&self, _: Replicated<'_>, primary: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
        primary
    }

    fn generation(&self, address: &str, index: IndexUuid, shard: ShardId, _: Generation) -> Arc<dyn ShardApi> {
        self.shard(address, index, shard)
    }

    fn made_anew(&self) {}
}

//! `index/<name>`: what an index is.

use super::{Generations, Key, UnreadableRecord, decode, encode, generation, unusable};
use annuli_api::v1::index::CreateIndex;
use annuli_core::{HistoryId, IndexSchema, IndexUuid, ShardCount, ShardId};
use annuli_dump::{DumpId, InvalidDumpId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An index of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRecord {
    /// Its identity.
    pub uuid: IndexUuid,
    /// What it holds.
    pub schema: IndexSchema,
    /// What its shards are made of; empty, if it is none.
    pub origin: Option<Origin>,
    /// The line of writes of each shard that was made. Written by the primary that made it: a process that holds
    /// another is not the primary of this shard, whatever it was started as, unless somebody lets it take the shard over.
    pub histories: BTreeMap<ShardId, HistoryId>,
    /// What its replicas serve.
    pub generations: Generations,
}

/// The dump that an index is made of. The index that was dumped need not be there any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The index that was dumped.
    pub index: IndexUuid,
    /// The dump.
    pub dump: DumpId,
}

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// Not every shard has been made.
    Creating,
    /// It serves.
    Ready,
}

#[derive(Serialize, Deserialize)]
struct Json {
    uuid: Uuid,
    schema: CreateIndex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<OriginJson>,
    histories: BTreeMap<u32, Uuid>,
    #[serde(default, skip_serializing_if = "is_default")]
    generations: generation::Json,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OriginJson {
    index: Uuid,
    dump: Uuid,
}

impl From<Origin> for OriginJson {
    fn from(origin: Origin) -> Self {
        Self { index: origin.index.0, dump: origin.dump.uuid() }
    }
}

impl TryFrom<OriginJson> for Origin {
    type Error = InvalidDumpId;

    fn try_from(json: OriginJson) -> Result<Self, InvalidDumpId> {
        Ok(Self { index: IndexUuid(json.index), dump: DumpId::new(json.dump)? })
    }
}

/// An index that was never dumped says nothing of generations.
fn is_default(generations: &generation::Json) -> bool {
    *generations == generation::Json::default()
}

impl IndexRecord {
    /// Of a new index, without documents.
    pub fn new(uuid: IndexUuid, schema: IndexSchema) -> Self {
        Self { uuid, schema, origin: None, histories: BTreeMap::new(), generations: Generations::default() }
    }

    /// Of a new index that is made of a dump.
    pub fn restored(uuid: IndexUuid, schema: IndexSchema, origin: Origin) -> Self {
        Self { origin: Some(origin), ..Self::new(uuid, schema) }
    }

    /// How far it is.
    pub fn state(&self) -> IndexState {
        let missing = self.schema.shards.shards().any(|shard| !self.histories.contains_key(&shard));
        if missing { IndexState::Creating } else { IndexState::Ready }
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let histories = self.histories.iter().map(|(shard, history)| (shard.0, history.0)).collect();
        let (schema, generations) = (CreateIndex::from(&self.schema), (&self.generations).into());
        let origin = self.origin.map(Into::into);
        encode(Json { uuid: self.uuid.0, schema, origin, histories, generations })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { uuid, schema, origin, histories, generations } = decode(key, bytes)?;
        // The number of shards is always written; the default is never used.
        let schema = schema.schema(ShardCount::ONE).map_err(|error| unusable(key, error))?;
        let origin = origin.map(TryInto::try_into).transpose().map_err(|error| unusable(key, error))?;
        let histories = histories.into_iter().map(|(shard, history)| (ShardId(shard), HistoryId(history))).collect();
        let generations = generations.try_into().map_err(|error| unusable(key, error))?;
        Ok(Self { uuid: IndexUuid(uuid), schema, origin, histories, generations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dump, name, schema, uuid};

    #[test]
    fn a_record_comes_back_as_it_was_stored() {
        let key = Key::Index(name("faces"));
        let mut record = IndexRecord::new(uuid(7), schema(2));
        record.histories.insert(ShardId(1), HistoryId(Uuid::from_u128(8)));
        assert_eq!(IndexRecord::decode(&key, &record.encode()).expect("it was stored"), record);
        let restored = IndexRecord::restored(uuid(7), schema(2), Origin { index: uuid(1), dump: dump(2) });
        assert_eq!(IndexRecord::decode(&key, &restored.encode()).expect("it was stored"), restored);
    }

    #[test]
    fn an_index_is_ready_when_every_shard_has_a_history() {
        let mut record = IndexRecord::new(IndexUuid(Uuid::from_u128(7)), schema(2));
        assert_eq!(record.state(), IndexState::Creating);
        record.histories.insert(ShardId(1), HistoryId(Uuid::from_u128(8)));
        assert_eq!(record.state(), IndexState::Creating);
        record.histories.insert(ShardId(0), HistoryId(Uuid::from_u128(9)));
        assert_eq!(record.state(), IndexState::Ready);
    }

    #[track_caller]
    fn check_refused(text: &str, want: &str) {
        let error = IndexRecord::decode(&Key::Index(name("faces")), text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn a_record_that_cannot_be_says_which_and_why() {
        check_refused("{", "the record `index/faces` of the coordination store cannot be read: EOF");
        check_refused(r#"{"format_version": 2}"#, "has format version 2, this release reads up to 1");
        let schema = r#"{"dim": 0, "metric": "cosine", "shards": 2}"#;
        let uuid = "0190e4a2-7c00-7000-8000-000000000001";
        let record = format!(r#"{{"uuid": "{uuid}", "schema": {schema}, "histories": {{}}}}"#);
        let text = format!(r#"{{"format_version": 1, "record": {record}}}"#);
        check_refused(&text, "the record `index/faces` of the coordination store cannot be used");
    }
}

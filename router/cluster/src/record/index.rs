//! `index/<name>`: what an index is.

use super::layout::LayoutId;
use super::moving::{Former, FormerJson, LeftBehind, LeftBehindJson, Moving, MovingJson};
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
    /// What it was at first: an index that has moved to another layout has another identity since, and is the same to
    /// those who name it.
    pub first: IndexUuid,
    /// The layout of the primaries and replicas that hold it.
    pub layout: LayoutId,
    /// What it holds.
    pub schema: IndexSchema,
    /// What its shards are made of; empty, if it is none.
    pub origin: Option<Origin>,
    /// The line of writes of each shard that was made. Written by the primary that made it: a process that holds
    /// another is not the primary of this shard, whatever it was started as, unless somebody lets it take the shard over.
    pub histories: BTreeMap<ShardId, HistoryId>,
    /// What its replicas serve.
    pub generations: Generations,
    /// What it is about to become on another layout.
    pub moving: Option<Moving>,
    /// What it was before, on another layout.
    pub former: Option<Former>,
    /// What is left of that where it was, once nobody reads it any longer.
    pub left_behind: Option<LeftBehind>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Uuid>,
    #[serde(default, skip_serializing_if = "LayoutId::is_first")]
    layout: LayoutId,
    schema: CreateIndex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<OriginJson>,
    histories: BTreeMap<u32, Uuid>,
    #[serde(default, skip_serializing_if = "is_default")]
    generations: generation::Json,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moving: Option<MovingJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<FormerJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_behind: Option<LeftBehindJson>,
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
        Self {
            uuid,
            first: uuid,
            layout: LayoutId::FIRST,
            schema,
            origin: None,
            histories: BTreeMap::new(),
            generations: Generations::default(),
            moving: None,
            former: None,
            left_behind: None,
        }
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

    /// The index as the processes of a layout hold it: as it is, as it is about to be, or as it was.
    pub fn on(&self, layout: LayoutId) -> Option<Self> {
        if layout == self.layout {
            return Some(self.clone());
        }
        let there = |uuid, shards, origin, histories| Self {
            layout,
            origin,
            histories,
            ..Self::new(uuid, IndexSchema { shards, ..self.schema })
        };
        if let Some(moving) = self.moving.as_ref().filter(|moving| moving.layout == layout) {
            let origin = Origin { index: self.uuid, dump: moving.dump };
            return Some(there(moving.uuid, moving.shards, Some(origin), moving.histories.clone()));
        }
        let former = self.former.as_ref().filter(|former| former.layout == layout)?;
        let generations = Generations { official: former.official, ..Generations::default() };
        Some(Self { generations, ..there(former.uuid, former.shards, None, former.histories.clone()) })
    }

    /// Whether the primaries of a layout take no writes of it.
    pub fn is_sealed_on(&self, layout: LayoutId) -> bool {
        let is_leaving = self.moving.as_ref().is_some_and(|moving| moving.sealed.is_some());
        let has_left = self.former.as_ref().is_some_and(|former| former.layout == layout);
        has_left || (is_leaving && layout == self.layout)
    }

    /// Every identity that it has: as it is, as it is about to be, and as it was.
    pub fn identities(&self) -> impl Iterator<Item = IndexUuid> {
        let (moving, former) = (self.moving.as_ref(), self.former.as_ref());
        [Some(self.uuid), moving.map(|moving| moving.uuid), former.map(|former| former.uuid)].into_iter().flatten()
    }

    /// What processes of another layout have of it, or had: as it was.
    pub fn behind(&self) -> Option<LeftBehind> {
        self.former.as_ref().map(Into::into).or(self.left_behind)
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let histories = self.histories.iter().map(|(shard, history)| (shard.0, history.0)).collect();
        let (schema, generations) = (CreateIndex::from(&self.schema), (&self.generations).into());
        let origin = self.origin.map(Into::into);
        encode(Json {
            uuid: self.uuid.0,
            first: (self.first != self.uuid).then_some(self.first.0),
            layout: self.layout,
            schema,
            origin,
            histories,
            generations,
            moving: self.moving.as_ref().map(Into::into),
            former: self.former.as_ref().map(Into::into),
            left_behind: self.left_behind.map(Into::into),
        })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { uuid, first, layout, schema, origin, histories, generations, moving, former, left_behind } =
            decode(key, bytes)?;
        // The number of shards is always written; the default is never used.
        let schema = schema.schema(ShardCount::ONE).map_err(|error| unusable(key, error))?;
        let origin = origin.map(TryInto::try_into).transpose().map_err(|error| unusable(key, error))?;
        let histories = histories.into_iter().map(|(shard, history)| (ShardId(shard), HistoryId(history))).collect();
        let generations = generations.try_into().map_err(|error| unusable(key, error))?;
        Ok(Self {
            uuid: IndexUuid(uuid),
            first: IndexUuid(first.unwrap_or(uuid)),
            layout,
            schema,
            origin,
            histories,
            generations,
            moving: moving.map(TryInto::try_into).transpose().map_err(|error| unusable(key, error))?,
            former: former.map(TryInto::try_into).transpose().map_err(|error| unusable(key, error))?,
            left_behind: left_behind.map(TryInto::try_into).transpose().map_err(|error| unusable(key, error))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{NumberedDump, Preparing, ReplicaId, TaskId};
    use crate::testing::{dump, name, schema, uuid};
    use annuli_core::{Generation, Seq};

    #[test]
    fn a_record_comes_back_as_it_was_stored() {
        let key = Key::Index(name("faces"));
        let mut record = IndexRecord::new(uuid(7), schema(2));
        record.histories.insert(ShardId(1), HistoryId(Uuid::from_u128(8)));
        assert_eq!(IndexRecord::decode(&key, &record.encode()).expect("it was stored"), record);
        let preparing = Preparing {
            of: NumberedDump { generation: Generation(5), dump: dump(1) },
            rollout: TaskId(Uuid::from_u128(10)),
            allowed: [ReplicaId(Uuid::from_u128(11))].into(),
            over: Some([ShardId(1)].into()),
            known: [(ReplicaId(Uuid::from_u128(12)), ShardId(1))].into(),
            attempt: 3,
        };
        record.generations.preparing = Some(preparing);
        assert_eq!(IndexRecord::decode(&key, &record.encode()).expect("it was stored"), record);
        let restored = IndexRecord::restored(uuid(7), schema(2), Origin { index: uuid(1), dump: dump(2) });
        assert_eq!(IndexRecord::decode(&key, &restored.encode()).expect("it was stored"), restored);
        let moving = Moving {
            uuid: uuid(8),
            layout: LayoutId(3),
            shards: ShardCount::new(3).expect("a number of shards"),
            dump: dump(2),
            histories: [(ShardId(2), HistoryId(Uuid::from_u128(9)))].into(),
            near: [ShardId(1)].into(),
            sealed: Some([(ShardId(0), Seq(7))].into()),
            done: [ShardId(2)].into(),
        };
        let former = Former {
            uuid: uuid(6),
            layout: LayoutId(1),
            shards: ShardCount::ONE,
            histories: record.histories.clone(),
            official: Some(NumberedDump { generation: Generation(5), dump: dump(1) }),
        };
        let moved =
            IndexRecord { first: uuid(5), layout: LayoutId(2), moving: Some(moving), former: Some(former), ..record };
        assert_eq!(IndexRecord::decode(&key, &moved.encode()).expect("it was stored"), moved);
        let left = IndexRecord { former: None, left_behind: moved.behind(), ..moved };
        assert_eq!(IndexRecord::decode(&key, &left.encode()).expect("it was stored"), left);
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

//! An index on its way to another layout: parts of its record.
//!
//! What it becomes has an identity of its own, and is made of a dump beside it, by primaries of the other layout. When they
//! have all that was written since, it takes the name over; what it was before stays for a while, for whoever is reading
//! there.

use super::NumberedDump;
use super::generation::NumberedJson;
use super::layout::LayoutId;
use annuli_core::{HistoryId, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::{DumpId, InvalidDumpId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What an index is about to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// Its identity.
    pub uuid: IndexUuid,
    /// The layout that it moves to.
    pub layout: LayoutId,
    /// Shards of that.
    pub shards: ShardCount,
    /// The dump of the index that it is made of.
    pub dump: DumpId,
    /// The line of writes of each of its shards that was made.
    pub histories: BTreeMap<ShardId, HistoryId>,
    /// Its shards that trail the index by little.
    pub near: BTreeSet<ShardId>,
    /// The index takes no writes any longer: of each of its own shards the last write, once the primary has said it.
    pub sealed: Option<BTreeMap<ShardId, Seq>>,
    /// Its shards that have every write of the index.
    pub done: BTreeSet<ShardId>,
}

/// What an index was before it moved. Nobody writes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// The identity that it had.
    pub uuid: IndexUuid,
    /// The layout that it was on.
    pub layout: LayoutId,
    /// Shards of that.
    pub shards: ShardCount,
    /// The line of writes of each.
    pub histories: BTreeMap<ShardId, HistoryId>,
    /// What its replicas served.
    pub official: Option<NumberedDump>,
}

/// Folders of an index that nobody reads any longer, of processes that go on until every other index has moved too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// The identity that the index had there.
    pub uuid: IndexUuid,
    /// The layout that it was on.
    pub layout: LayoutId,
    /// Shards of that.
    pub shards: ShardCount,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MovingJson {
    uuid: Uuid,
    layout: LayoutId,
    shards: u32,
    dump: Uuid,
    histories: BTreeMap<u32, Uuid>,
    near: BTreeSet<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<BTreeMap<u32, u64>>,
    done: BTreeSet<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FormerJson {
    uuid: Uuid,
    layout: LayoutId,
    shards: u32,
    histories: BTreeMap<u32, Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    official: Option<NumberedJson>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LeftBehindJson {
    uuid: Uuid,
    layout: LayoutId,
    shards: u32,
}

/// Why what is stored of a move cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidMove {
    #[error(transparent)]
    Dump(#[from] InvalidDumpId),
    #[error(transparent)]
    Shards(#[from] annuli_core::id::InvalidShardCount),
}

fn set(shards: &BTreeSet<ShardId>) -> BTreeSet<u32> {
    shards.iter().map(|shard| shard.0).collect()
}

fn set_of(shards: BTreeSet<u32>) -> BTreeSet<ShardId> {
    shards.into_iter().map(ShardId).collect()
}

fn histories(histories: &BTreeMap<ShardId, HistoryId>) -> BTreeMap<u32, Uuid> {
    histories.iter().map(|(shard, history)| (shard.0, history.0)).collect()
}

fn histories_of(histories: BTreeMap<u32, Uuid>) -> BTreeMap<ShardId, HistoryId> {
    histories.into_iter().map(|(shard, history)| (ShardId(shard), HistoryId(history))).collect()
}

impl From<&Moving> for MovingJson {
    fn from(moving: &Moving) -> Self {
        let sealed = |sealed: &BTreeMap<ShardId, Seq>| sealed.iter().map(|(shard, seq)| (shard.0, seq.0)).collect();
        Self {
            uuid: moving.uuid.0,
            layout: moving.layout,
            shards: moving.shards.get(),
            dump: moving.dump.uuid(),
            histories: histories(&moving.histories),
            near: set(&moving.near),
            sealed: moving.sealed.as_ref().map(sealed),
            done: set(&moving.done),
        }
    }
}

impl TryFrom<MovingJson> for Moving {
    type Error = InvalidMove;

    fn try_from(json: MovingJson) -> Result<Self, InvalidMove> {
        let sealed =
            |sealed: BTreeMap<u32, u64>| sealed.into_iter().map(|(shard, seq)| (ShardId(shard), Seq(seq))).collect();
        Ok(Self {
            uuid: IndexUuid(json.uuid),
            layout: json.layout,
            shards: ShardCount::new(json.shards)?,
            dump: DumpId::new(json.dump)?,
            histories: histories_of(json.histories),
            near: set_of(json.near),
            sealed: json.sealed.map(sealed),
            done: set_of(json.done),
        })
    }
}

impl From<&Former> for FormerJson {
    fn from(former: &Former) -> Self {
        Self {
            uuid: former.uuid.0,
            layout: former.layout,
            shards: former.shards.get(),
            histories: histories(&former.histories),
            official: former.official.map(Into::into),
        }
    }
}

impl TryFrom<FormerJson> for Former {
    type Error = InvalidMove;

    fn try_from(json: FormerJson) -> Result<Self, InvalidMove> {
        Ok(Self {
            uuid: IndexUuid(json.uuid),
            layout: json.layout,
            shards: ShardCount::new(json.shards)?,
            histories: histories_of(json.histories),
            official: json.official.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&Former> for LeftBehind {
    fn from(former: &Former) -> Self {
        Self { uuid: former.uuid, layout: former.layout, shards: former.shards }
    }
}

impl From<LeftBehind> for LeftBehindJson {
    fn from(left: LeftBehind) -> Self {
        Self { uuid: left.uuid.0, layout: left.layout, shards: left.shards.get() }
    }
}

impl TryFrom<LeftBehindJson> for LeftBehind {
    type Error = InvalidMove;

    fn try_from(json: LeftBehindJson) -> Result<Self, InvalidMove> {
        Ok(Self { uuid: IndexUuid(json.uuid), layout: json.layout, shards: ShardCount::new(json.shards)? })
    }
}

//! What a primary has to do about an index that moves from its layout, or to it.

use crate::record::{DumpRecord, DumpState, IndexRecord, Moving, Place};
use crate::records::Records;
use annuli_api::Position;
use annuli_core::{IndexUuid, Seq, ShardCount, ShardId};
use std::collections::BTreeMap;

/// A primary is to say which write of its shard was the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The index.
    pub index: IndexUuid,
    /// What it is about to become.
    pub becomes: IndexUuid,
}

/// A primary reads what was written to an index since the dump that its own shard was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The index that it reads.
    pub index: IndexUuid,
    /// Shards that it gets.
    pub shards: ShardCount,
    /// Where it reads: each shard that the index has.
    pub sources: BTreeMap<ShardId, Source>,
    /// Whether it was said that it trails by little.
    pub is_near: bool,
}

/// A shard that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What of it is in the dump.
    pub dumped: Position,
    /// Where its primary is, if it lives.
    pub address: Option<String>,
    /// Its last write, if it takes no more.
    pub last: Option<Seq>,
}

/// What the primary of `place` reads for its shard of what the index is to become.
pub(super) fn forward(records: &Records, index: &IndexRecord, place: Place) -> Option<Forward> {
    let moving = index.moving.as_ref().filter(|moving| moving.layout == place.layout)?;
    if moving.done.contains(&place.shard) {
        return None;
    }
    let dump = &records.dumps.get(&moving.dump)?.record;
    let source = |shard: ShardId| {
        let (_, done) = dump.done().find(|(dumped, _)| *dumped == shard)?;
        let dumped = Position { history: done.history(), seq: done.seq() };
        let primary = records.primary(Place { layout: index.layout, shard });
        let last = moving.sealed.as_ref().and_then(|sealed| sealed.get(&shard).copied());
        Some((shard, Source { dumped, address: primary.map(|primary| primary.address.clone()), last }))
    };
    let sources = index.schema.shards.shards().map(source).collect::<Option<_>>()?;
    let is_near = moving.near.contains(&place.shard);
    Some(Forward { index: index.uuid, shards: moving.shards, sources, is_near })
}

/// What the primary of `place` has to say of the end of the index.
pub(super) fn seal(index: &IndexRecord, place: Place) -> Option<Seal> {
    let Moving { uuid, sealed, .. } = index.moving.as_ref().filter(|_| index.layout == place.layout)?;
    let is_said = sealed.as_ref()?.contains_key(&place.shard);
    (!is_said).then_some(Seal { index: index.uuid, becomes: *uuid })
}

/// Behind which write the primary of `place` keeps what was written: while a dump is taken, all of it, since it is not known yet
/// what will be in it; and while the index is made of one elsewhere, what came after that.
pub(super) fn log_kept(records: &Records, index: &IndexRecord, place: Place) -> Option<Seq> {
    if index.layout != place.layout {
        return None;
    }
    let is_needed = |dump: &DumpRecord| dump.uuid == index.uuid && dump.state == DumpState::Taking;
    let moving = index.moving.as_ref().and_then(|moving| records.dumps.get(&moving.dump));
    let needed = records.dumps.values().filter(|stored| is_needed(&stored.record)).chain(moving);
    let behind = |dump: &DumpRecord| {
        let done = dump.done().find(|(dumped, _)| *dumped == place.shard);
        done.map_or(Seq::ZERO, |(_, done)| done.seq())
    };
    needed.map(|stored| behind(&stored.record)).min()
}

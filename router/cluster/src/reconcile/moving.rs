//! What a primary has to do about an index that moves from its layout, or to it.

use super::Part;
use crate::record::{DumpRecord, DumpState, IndexRecord, Moving, Place};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure, Position};
use annuli_core::{IndexName, IndexUuid, Seq, ShardCount, ShardId};
use std::collections::BTreeMap;

/// A primary takes no more writes for an index, and is to say which was the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The index.
    pub index: IndexUuid,
    /// What it is about to become.
    pub becomes: IndexUuid,
    /// Whether it has said so.
    pub is_said: bool,
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

/// Why a shard that was made on its way here will never get what is written meanwhile. It is recorded, and what is recorded
/// is not what is here.
pub(super) fn hindrance(
    name: &IndexName,
    shard: ShardId,
    part: &Part<'_>,
    serves: &Result<(), Failure>,
) -> Option<Failure> {
    let why = match part {
        Part::Serves | Part::New | Part::Restored(_) | Part::Made(_) => return None,
        Part::Damaged(_) | Part::Copied(_) => serves.as_ref().err()?.message.clone(),
        Part::Other { .. } | Part::TakenOver { .. } => "its process holds another history".to_owned(),
        Part::Lost { .. } => "it is not in the folder of its process".to_owned(),
    };
    let message = format!(
        "what was made of shard {shard} of index `{name}` on the next layout is of no more use, and is made anew: {why}"
    );
    let failure = Failure::new(ErrorCode::IndexUnavailable, message);
    Some(failure.with("index", name.as_str()).with("shard", shard.0))
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
    Some(Seal { index: index.uuid, becomes: *uuid, is_said })
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

//! A primary whose shard was lost with its folder goes on with what a dump has of it, if somebody has said so.

use super::shard::Reported;
use crate::change::Change;
use crate::reconcile::HeldShard;
use crate::record::{DumpRecord, DumpState, IndexRecord, Key, Origin, Place, ShardDump};
use crate::records::Records;
use annuli_api::Position;
use annuli_core::{HistoryId, IndexName, IndexUuid, Seq, ShardId};
use annuli_dump::{CreatedAt, DumpId};
use std::collections::BTreeMap;

/// What becomes of a lost shard.
#[derive(Debug, Clone, PartialEq)]
pub enum Successor {
    /// It is made of this dump.
    Dump(Origin, Loss),
    /// A dump that has the lost shard is about to be whole: what is in it is not given up.
    Awaited(DumpId),
    /// There is no dump of it.
    None,
}

/// What is given up: everything that came after the dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The line of writes that ends.
    pub history: HistoryId,
    /// The last write of it that is in the dump.
    pub seq: Seq,
    /// When the dump was begun.
    pub taken_at: CreatedAt,
}

/// What the shard of an index is to be made of, whose folder is lost.
pub fn successor(records: &Records, index: &IndexRecord, shard: ShardId) -> Successor {
    let Some(&lost) = index.histories.get(&shard) else { return Successor::None };
    let is_awaited = |dump: &DumpRecord| {
        let has_lost = matches!(dump.shards.get(&shard), Some(ShardDump::Done(done)) if done.history() == lost);
        (dump.uuid, dump.state) == (index.uuid, DumpState::Taking) && has_lost
    };
    if let Some((dump, _)) = records.dumps.iter().find(|(_, stored)| is_awaited(&stored.record)) {
        return Successor::Awaited(*dump);
    }
    let newest = records.dumps_of(index.uuid).last().and_then(|newest| {
        let record = &records.dumps.get(&newest.dump)?.record;
        let (_, done) = record.done().find(|(dumped, _)| *dumped == shard)?;
        let origin = Origin { index: index.uuid, dump: newest.dump };
        let loss = Loss { history: lost, seq: done.seq(), taken_at: record.created_at.clone() };
        Some(Successor::Dump(origin, loss))
    });
    newest.unwrap_or(Successor::None)
}

/// A shard that stands before what a dump has of its history: it lies in a copy of a folder, or its disk has lost what was
/// written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The line of writes that it has a part of.
    pub history: HistoryId,
    /// The last write in that part.
    pub found: Seq,
    /// One that was made.
    pub made: Seq,
    /// Where that is known from.
    pub dump: DumpId,
}

/// Whether a dump has writes that the shard of the index should have, and has not. What was reported counts, also of a dump
/// that never became whole.
pub fn dumped_beyond(records: &Records, index: IndexUuid, shard: ShardId, found: Position) -> Option<Copied> {
    let dumps = records.dumps.iter().filter(|(_, stored)| stored.record.uuid == index);
    let made = dumps.filter_map(|(dump, stored)| match stored.record.shards.get(&shard)? {
        ShardDump::Done(done) if done.history() == found.history => Some((done.seq(), *dump)),
        ShardDump::Done(_) | ShardDump::Failed(_) => None,
    });
    let (made, dump) = made.max()?;
    (made > found.seq).then_some(Copied { history: found.history, found: found.seq, made, dump })
}

/// The shards in a folder that is about to take over from another which go by the histories of that one. Where these end
/// nobody knows: the seqs that follow are others than those that were given there.
pub fn to_begin_anew(
    records: &Records,
    place: Place,
    held: &BTreeMap<IndexName, HeldShard>,
) -> Vec<(IndexName, IndexUuid)> {
    let indexes = records.indexes.values().filter_map(|stored| stored.record.on(place.layout));
    let begins = |index: IndexRecord| {
        let recorded = index.histories.get(&place.shard)?;
        let is_it = |held: &HeldShard| {
            held.uuid == Some(index.uuid) && held.state.as_ref().is_ok_and(|found| found.history == *recorded)
        };
        held.iter().find(|(_, held)| is_it(held)).map(|(name, _)| (name.clone(), index.uuid))
    };
    indexes.filter_map(begins).collect()
}

/// The primary of `shard` goes on with `history`, where `lost` was recorded.
pub fn report_taken_over(
    records: &Records,
    name: &IndexName,
    uuid: IndexUuid,
    shard: ShardId,
    lost: HistoryId,
    history: HistoryId,
) -> Reported {
    let Some(stored) = records.indexes.get(name).filter(|stored| stored.record.uuid == uuid) else {
        return Reported::TooLate;
    };
    match stored.record.histories.get(&shard) {
        Some(&recorded) if recorded == history => Reported::Known,
        Some(&recorded) if recorded == lost => {
            let mut histories = stored.record.histories.clone();
            histories.insert(shard, history);
            let record = IndexRecord { histories, ..stored.record.clone() };
            let key = Key::Index(name.clone());
            Reported::New(Change::new().if_at(key.clone(), stored.revision).put(key, record.encode()))
        }
        Some(_) | None => Reported::TooLate,
    }
}

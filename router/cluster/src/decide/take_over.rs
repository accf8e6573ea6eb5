//! A primary whose shard was lost with its folder goes on with what a dump has of it, if somebody has said so.

use super::shard::Reported;
use crate::change::Change;
use crate::record::{DumpRecord, DumpState, IndexRecord, Key, Origin, ShardDump};
use crate::records::Records;
use annuli_core::{HistoryId, IndexName, IndexUuid, Seq, ShardId};
use annuli_dump::{CreatedAt, DumpId};

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

//! What a primary has done for an index.

use super::reshard::report_filled;
use super::restore::end_restore;
use crate::change::Change;
use crate::record::{IndexRecord, IndexState, Key, Tombstone};
use crate::records::Records;
use annuli_api::v1::task::TaskStatus;
use annuli_core::{HistoryId, IndexName, IndexUuid, ShardId};

/// What comes of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Reported {
    /// It stands there already.
    Known,
    /// To be written.
    New(Change),
    /// It does not count: the index was deleted since, or another process has made this shard.
    TooLate,
}

/// The primary of `shard` has made its part of the index, with that line of writes.
pub fn report_made(
    records: &Records,
    name: &IndexName,
    uuid: IndexUuid,
    shard: ShardId,
    history: HistoryId,
) -> Reported {
    let stored = match records.indexes.get(name) {
        Some(stored) if stored.record.uuid == uuid => stored,
        Some(_) | None => return report_filled(records, uuid, shard, history),
    };
    match stored.record.histories.get(&shard) {
        Some(&known) if known == history => Reported::Known,
        Some(_) => Reported::TooLate,
        None => {
            let mut histories = stored.record.histories.clone();
            histories.insert(shard, history);
            let record = IndexRecord { histories, ..stored.record.clone() };
            let key = Key::Index(name.clone());
            let change = Change::new().if_at(key.clone(), stored.revision).put(key, record.encode());
            Reported::New(match record.state() {
                IndexState::Ready => end_restore(records, uuid, TaskStatus::Succeeded, None, change),
                IndexState::Creating => change,
            })
        }
    }
}

/// The primary of `shard` holds no part of the deleted index any longer. With the last shard the tombstone goes.
pub fn report_removed(records: &Records, uuid: IndexUuid, shard: ShardId) -> Reported {
    let Some(stored) = records.gone.get(&uuid) else { return Reported::Known };
    if !stored.record.left.contains(&shard) {
        return Reported::Known;
    }
    let mut left = stored.record.left.clone();
    left.remove(&shard);
    let key = Key::Gone(uuid);
    let change = Change::new().if_at(key.clone(), stored.revision);
    Reported::New(if left.is_empty() {
        change.delete(key)
    } else {
        let tombstone = Tombstone { left, ..stored.record.clone() };
        change.put(key, tombstone.encode())
    })
}

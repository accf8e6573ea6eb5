//! An index that is made of a dump.
//!
//! It is recorded with its origin; each primary makes its shard of that, and reports it as it reports an empty one. The
//! last of them ends the task. A primary that cannot make its shard takes the index away again, so that nothing half
//! restored stays.

use super::index::{check_name, cluster, put_new, remove_index};
use super::reshard::report_unmoved;
use super::shard::Reported;
use super::task::ended;
use super::{check_readable, dump_not_found};
use crate::change::Change;
use crate::record::{DumpState, IndexRecord, Key, Origin, TaskId, TaskRecord, Work};
use crate::records::Records;
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardId};

/// Makes the index `name`, which gets `uuid`, of a dump that is in the store; its schema is that of the dump, on as many
/// shards as the cluster has.
pub fn request_restore(
    records: &Records,
    name: &IndexName,
    uuid: IndexUuid,
    id: TaskId,
    origin: Origin,
    dumped: &IndexSchema,
) -> Result<Change, Failure> {
    let schema = IndexSchema { shards: cluster(records)?.record.layout.shards, ..*dumped };
    check_name(records, name)?;
    if records.indexes.contains_key(name) {
        let message = format!("index `{name}` exists: delete it first, or restore under another name");
        return Err(Failure::new(ErrorCode::IndexExists, message).with("index", name.as_str()));
    }
    let change = put_new(records, name, IndexRecord::restored(uuid, schema, origin))?;
    let dump = Key::Dump(origin.dump);
    check_readable(records, &dump)?;
    let change = match records.dumps.get(&origin.dump) {
        Some(stored) => match stored.record.state {
            // Written again as it is: whoever deletes it at the same time has decided by what it was before.
            DumpState::Taken(_) => change.if_at(dump.clone(), stored.revision).put(dump, stored.record.encode()),
            DumpState::Taking | DumpState::Deleting => return Err(dump_not_found(origin.dump)),
        },
        // Of an index that was deleted, or of another cluster.
        None => change.if_absent(dump),
    };
    let status = TaskStatus::Running;
    let task = TaskRecord { index: name.clone(), uuid, work: Work::Restore(origin), status, error: None };
    Ok(change.if_absent(Key::Task(id)).put(Key::Task(id), task.encode()))
}

/// The primary of `shard` cannot make its part of a restored index: the index goes, and its restore has failed.
pub fn report_unmade(
    records: &Records,
    name: &IndexName,
    uuid: IndexUuid,
    shard: ShardId,
    failure: &Failure,
) -> Reported {
    let awaited = records
        .indexes
        .get(name)
        .map(|stored| &stored.record)
        .filter(|index| index.uuid == uuid && index.origin.is_some() && !index.histories.contains_key(&shard));
    if awaited.is_none() {
        let failure = Failure { message: unmade(shard, failure), ..failure.clone() };
        return report_unmoved(records, uuid, failure.with("shard", shard.0));
    }
    let Ok(change) = remove_index(records, name) else { return Reported::TooLate };
    let failure = Failure { message: unmade(shard, failure), ..failure.clone() }.with("shard", shard.0);
    Reported::New(end_restore(records, uuid, TaskStatus::Failed, Some(failure), change))
}

fn unmade(shard: ShardId, failure: &Failure) -> String {
    format!("shard {shard} was not restored: {failure}")
}

/// Ends the restore that made an index, if that is what did.
pub(super) fn end_restore(
    records: &Records,
    uuid: IndexUuid,
    status: TaskStatus,
    error: Option<Failure>,
    change: Change,
) -> Change {
    let mut tasks = records.tasks.iter();
    let restores = |task: &TaskRecord| matches!(task.work, Work::Restore(_)) && task.uuid == uuid && !task.is_over();
    match tasks.find(|(_, stored)| restores(&stored.record)) {
        Some((id, stored)) => ended(*id, stored, status, error, change),
        None => change,
    }
}

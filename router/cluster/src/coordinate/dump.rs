//! What is due of a dump that is taken.

use super::{Due, Step, dump_of};
use crate::decide::failed_shard;
use crate::record::{DumpRecord, DumpState, IndexRecord, Place, TaskId};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardId;
use std::time::Duration;

/// How long a dump waits for a primary that is down: as long as it takes to start a process again.
pub(super) const PRIMARY_PATIENCE: Duration = Duration::from_secs(30);

/// How long a dump may take, whatever is in its way meanwhile: a shard of the largest size through a slow network.
pub(super) const DUMP_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// Why a dump is given up. As a part of a step it says what is waited for and not how far that is: each is waited for by
/// itself, whatever else is in the way meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpHindrance {
    /// It was deleted.
    Deleted,
    /// A primary could not dump its shard.
    Failed,
    /// A shard that is not dumped has no primary.
    NoPrimary(Place),
    /// Not every primary has said that it is done.
    Silent,
}

impl DumpHindrance {
    fn patience(self) -> Duration {
        match self {
            Self::Deleted | Self::Failed => Duration::ZERO,
            Self::NoPrimary(_) => PRIMARY_PATIENCE,
            Self::Silent => DUMP_PATIENCE,
        }
    }
}

/// What is due of the task that takes a dump of that index.
pub(super) fn of_task(records: &Records, id: TaskId, index: &IndexRecord) -> Vec<Due> {
    let fail = |hindrance: DumpHindrance| Due::after(hindrance.patience(), Step::FailDump(id, hindrance));
    let Some(dump) = taking(records, id) else { return vec![fail(DumpHindrance::Deleted)] };
    if failed_shard(dump).is_some() {
        return vec![fail(DumpHindrance::Failed)];
    }
    let mut left = left(index, dump).peekable();
    if left.peek().is_none() {
        return vec![Due::now(Step::CommitDump(id))];
    }
    let places = left.map(|shard| Place { layout: index.layout, shard });
    let absent = places.filter(|place| records.primary(*place).is_none()).map(DumpHindrance::NoPrimary);
    absent.chain([DumpHindrance::Silent]).map(fail).collect()
}

/// Why the dump of a task is given up.
pub(super) fn failure(records: &Records, id: TaskId, hindrance: DumpHindrance) -> Option<Failure> {
    let message = match hindrance {
        DumpHindrance::Deleted => format!("dump {} was deleted while it was taken", dump_of(id)?),
        DumpHindrance::Failed => {
            let (shard, why) = failed_shard(taking(records, id)?)?;
            format!("shard {shard} was not dumped: {why}")
        }
        DumpHindrance::NoPrimary(Place { shard, .. }) => {
            format!("shard {shard} was not dumped: its primary is down, start that again")
        }
        DumpHindrance::Silent => {
            let (_, index) = records.index_of(records.tasks.get(&id)?.record.uuid)?;
            let slow = left(&index.record, taking(records, id)?).next()?;
            format!(
                "shard {slow} was not dumped within {} hours: see what the log of its primary says",
                DUMP_PATIENCE.as_secs() / 3600
            )
        }
    };
    Some(Failure::new(ErrorCode::ShardUnavailable, message))
}

fn taking(records: &Records, id: TaskId) -> Option<&DumpRecord> {
    let stored = records.dumps.get(&dump_of(id)?)?;
    (stored.record.state == DumpState::Taking).then_some(&stored.record)
}

/// Shards that are not in the dump.
fn left<'a>(index: &IndexRecord, dump: &'a DumpRecord) -> impl Iterator<Item = ShardId> + use<'a> {
    index.schema.shards.shards().filter(|shard| !dump.shards.contains_key(shard))
}

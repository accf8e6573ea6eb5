//! Dumps and rollouts that nobody has to ask for: when enough time has passed, or enough has changed.

use super::Coordinator;
use crate::commit::{Decision, decide_as};
use crate::decide::request_dump;
use crate::record::{DumpRecord, IndexState, TaskId};
use crate::records::Records;
use annuli_coordination::Leadership;
use annuli_core::{IndexName, IndexUuid, Seq, ShardId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two looks at how much has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When indexes are dumped and rolled out by themselves. Never, if neither is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// As often as that, if anything has changed.
    pub every: Option<Duration>,
    /// After so many changes of an index.
    pub after_changes: Option<u64>,
}

/// The schedule, as it is kept by one coordinator.
pub(super) struct Refresh {
    schedule: Schedule,
    began: Instant,
    /// When each index was begun to be dumped last, as far as this coordinator has done it.
    last: BTreeMap<IndexUuid, Instant>,
    next: Instant,
}

impl Refresh {
    pub(super) fn new(schedule: Schedule, now: Instant) -> Self {
        Self { schedule, began: now, last: BTreeMap::new(), next: now + LOOK_EVERY }
    }

    /// Waits until it is time to look.
    pub(super) async fn is_due(&self) {
        if self.schedule == Schedule::default() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.next).await;
    }

    /// Asks for the dumps that are due.
    pub(super) async fn look(&mut self, coordinator: &Coordinator, leadership: &Leadership) {
        let now = Instant::now();
        self.next = now + LOOK_EVERY;
        let seen = coordinator.catalogue.mirror().seen();
        for name in idle(&seen.records) {
            let uuid = seen.records.indexes[name].record.uuid;
            let since = now.duration_since(*self.last.get(&uuid).unwrap_or(&self.began));
            if !self.schedule.may(since) {
                continue;
            }
            let Some(seqs) = coordinator.catalogue.seqs(name).await else { continue };
            if !self.schedule.wants(since, changes(reference(&seen.records, name), &seqs)) {
                continue;
            }
            let id = TaskId((coordinator.origins.new_uuid)());
            let request = |records: &Records| Ok(Decision::Write(request_dump(records, name, id, true)?, ()));
            match decide_as(leadership, &*coordinator.store, request).await {
                Ok(_) => drop(self.last.insert(uuid, now)),
                Err(failure) => tracing::warn!(index = %name, %failure, "a dump that is due cannot be asked for"),
            }
        }
    }
}

impl Schedule {
    /// Whether it can be time: who certainly has to wait is not asked how much it has changed.
    fn may(&self, since: Duration) -> bool {
        self.after_changes.is_some() || self.every.is_some_and(|every| since >= every)
    }

    fn wants(&self, since: Duration, changes: u64) -> bool {
        let enough = self.after_changes.is_some_and(|enough| changes >= enough);
        changes > 0 && (enough || self.every.is_some_and(|every| since >= every))
    }
}

/// Indexes that serve and for which nothing is under way.
fn idle(records: &Records) -> impl Iterator<Item = &IndexName> {
    let busy = |uuid: IndexUuid| records.tasks.values().any(|task| task.record.uuid == uuid && !task.record.is_over());
    let idle = move |(name, stored): (_, &crate::records::Stored<crate::record::IndexRecord>)| {
        (stored.record.state() == IndexState::Ready && !busy(stored.record.uuid)).then_some(name)
    };
    records.indexes.iter().filter_map(idle)
}

/// The dump that an index must have changed since: what the replicas serve, or, where there is none to be served, the
/// newest.
fn reference<'a>(records: &'a Records, name: &IndexName) -> Option<&'a DumpRecord> {
    let index = &records.indexes.get(name)?.record;
    let served = index.generations.official.map(|official| official.dump);
    let newest = records.dumps_of(index.uuid).next_back().map(|newest| newest.dump);
    let is_served = records.replicas().next().is_some() && !index.generations.held;
    let dump = if is_served { served } else { newest };
    Some(&records.dumps.get(&dump?)?.record)
}

/// Writes since the dump. Where there is none, an empty index too is to be dumped once: one, so that replicas serve it.
fn changes(since: Option<&DumpRecord>, seqs: &BTreeMap<ShardId, Seq>) -> u64 {
    let Some(dump) = since else { return seqs.values().map(|seq| seq.0).sum::<u64>().max(1) };
    let dumped: BTreeMap<_, _> = dump.done().map(|(shard, done)| (shard, done.seq())).collect();
    let of_shard = |(shard, seq): (&ShardId, &Seq)| seq.0.saturating_sub(dumped.get(shard).map_or(0, |seq| seq.0));
    seqs.iter().map(of_shard).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: Schedule, seconds: u64, changes: u64, want: bool) {
        assert_eq!(schedule.wants(Duration::from_secs(seconds), changes), want, "{schedule:?} {seconds} {changes}");
    }

    #[test]
    fn an_index_is_dumped_after_a_while_or_after_many_changes_and_never_without_any() {
        let by_time = Schedule { every: Some(Duration::from_secs(30)), after_changes: None };
        check(by_time, 29, 1_000, false);
        check(by_time, 30, 1, true);
        check(by_time, 300, 0, false);
        let by_changes = Schedule { every: None, after_changes: Some(100) };
        check(by_changes, 0, 99, false);
        check(by_changes, 0, 100, true);
        check(Schedule { every: Some(Duration::from_secs(30)), ..by_changes }, 30, 1, true);
        check(Schedule::default(), 300, 1_000, false);
    }
}

//! Dumps and rollouts that nobody has to ask for: when enough time has passed, or enough has changed.

use crate::catalogue::ClusterCatalogue;
use crate::change::Change;
use crate::decide::{RolloutOptions, request_dump, request_rollout};
use crate::record::{AskedBy, IndexRecord, IndexState, NumberedDump, TaskId, TaskRecord, Way};
use crate::records::{Records, Stored};
use annuli_api::{Failure, Position};
use annuli_core::{IndexName, IndexUuid, ShardId};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Between two questions how much has changed, at least.
const ASK_EVERY_MIN: Duration = Duration::from_secs(1);

/// And at most: they cost little.
const ASK_EVERY_MAX: Duration = Duration::from_secs(60);

/// Longest wait for the primaries' answers. An index of which one does not answer is asked again later.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Between two dumps of an index by its changes alone, at least: one that fails is not begun again at once.
const PAUSE: Duration = Duration::from_secs(5);

/// When indexes are dumped and rolled out by themselves. Never, if neither is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// As often as that, if anything has changed.
    pub every: Option<Duration>,
    /// After so many changes of an index.
    pub after_changes: Option<u64>,
    /// How replicas prepare what is rolled out so.
    pub way: Way,
}

/// How far an index is, by its primaries; `None`: one of them does not say.
type Answer = (IndexUuid, Option<BTreeMap<ShardId, Position>>);

/// The schedule, as one process keeps it: also while another coordinates, so that its turn does not begin all waiting anew.
pub(super) struct Refresh {
    schedule: Schedule,
    known: BTreeMap<IndexUuid, Known>,
    asking: Option<Pin<Box<dyn Future<Output = Vec<Answer>> + Send>>>,
}

/// What is remembered of an index.
struct Known {
    /// Its newest dump.
    newest: Option<NumberedDump>,
    /// Its tasks, but for moves: by their ids nobody knows which came last, for they go by the clocks of those who asked.
    tasks: BTreeSet<TaskId>,
    /// When something was last done about it.
    since: Instant,
    /// When its primaries may be asked again.
    ask_at: Instant,
}

impl Refresh {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self { schedule, known: BTreeMap::new(), asking: None }
    }

    /// Notes what was done about each index.
    pub(super) fn note(&mut self, records: &Records, now: Instant) {
        self.known.retain(|uuid, _| records.index_of(*uuid).is_some());
        for stored in records.indexes.values() {
            let uuid = stored.record.uuid;
            // A move takes a dump for itself, and where it fails that goes again. Neither may put off the next dump: who
            // cannot be moved, and tries again and again, would never have another.
            let (moves, others): (Vec<_>, Vec<_>) = tasks_of(records, uuid).partition(|(_, task)| task.is_move());
            if moves.iter().any(|(_, task)| !task.is_over()) && self.known.contains_key(&uuid) {
                continue;
            }
            let newest = records.dumps_of(uuid).last().copied();
            let tasks: BTreeSet<_> = others.iter().map(|(id, _)| *id).collect();
            match self.known.get_mut(&uuid) {
                // What is merely there no longer was forgotten or deleted, which is nothing that was done about the index.
                Some(known) if newest <= known.newest && tasks.is_subset(&known.tasks) => {
                    known.newest = newest;
                    known.tasks = tasks;
                }
                Some(_) | None => drop(self.known.insert(uuid, Known { newest, tasks, since: now, ask_at: now })),
            }
        }
    }

    /// When somebody is to be asked; `None`: not before something changes.
    pub(super) fn next(&self, records: &Records) -> Option<Instant> {
        if self.asking.is_some() {
            return None;
        }
        self.idle(records).filter_map(|(_, known)| self.schedule.earliest(known)).min()
    }

    /// Asks the primaries of all indexes that may be due how far they are.
    pub(super) fn ask(&mut self, catalogue: &Arc<ClusterCatalogue>, records: &Records, now: Instant) {
        let may = |known: &Known| self.schedule.earliest(known).is_some_and(|earliest| earliest <= now);
        let due: Vec<_> = self.idle(records).filter(|(_, known)| may(known)).map(|(name, _)| name.clone()).collect();
        let pause = self.schedule.every.map_or(ASK_EVERY_MIN, |every| every / 10).clamp(ASK_EVERY_MIN, ASK_EVERY_MAX);
        let pause = if self.schedule.after_changes.is_some() { ASK_EVERY_MIN } else { pause };
        let uuids: Vec<_> = due.iter().map(|name| records.indexes[name].record.uuid).collect();
        for uuid in &uuids {
            if let Some(known) = self.known.get_mut(uuid) {
                known.ask_at = now + pause;
            }
        }
        let catalogue = Arc::clone(catalogue);
        self.asking = Some(Box::pin(async move {
            let ask = |name: &IndexName| {
                let (catalogue, name) = (Arc::clone(&catalogue), name.clone());
                async move { timeout(ANSWER_WAIT, catalogue.positions(&name)).await.ok().flatten() }
            };
            uuids.into_iter().zip(join_all(due.iter().map(ask)).await).collect()
        }));
    }

    /// Waits for what was asked.
    pub(super) async fn answers(&mut self) -> Vec<Answer> {
        let answers = match &mut self.asking {
            Some(asking) => asking.await,
            None => pending().await,
        };
        self.asking = None;
        answers
    }

    /// What is to be asked of the coordinator for an index that stands there.
    pub(super) fn wants(&self, records: &Records, (uuid, positions): &Answer, now: Instant) -> Option<Wanted> {
        let (Some(positions), Some(known)) = (positions, self.known.get(uuid)) else { return None };
        let (name, index) = records.index_of(*uuid)?;
        let (newest, since) = (known.newest, now.duration_since(known.since));
        if self.schedule.wants(since, changes(records, newest, positions)) {
            return Some(Wanted::Dump(name.clone()));
        }
        let generations = &index.record.generations;
        let behind = newest.filter(|newest| generations.official != Some(*newest))?;
        let may = !generations.held
            && records.replicas_on(index.record.layout).next().is_some()
            && self.schedule.wants(since, u64::MAX);
        may.then(|| {
            let name = name.clone();
            if is_damaged(records, behind) { Wanted::Dump(name) } else { Wanted::Rollout(name, behind) }
        })
    }

    /// Indexes that serve and for which nothing is under way.
    fn idle<'a>(&'a self, records: &'a Records) -> impl Iterator<Item = (&'a IndexName, &'a Known)> {
        let is_busy = |uuid| tasks_of(records, uuid).any(|(_, task)| !task.is_over());
        let idle = move |(name, stored): (&'a IndexName, &'a Stored<IndexRecord>)| {
            let is_idle = stored.record.state() == IndexState::Ready && !is_busy(stored.record.uuid);
            is_idle.then_some((name, self.known.get(&stored.record.uuid)?))
        };
        records.indexes.iter().filter_map(idle)
    }
}

/// What was and is done about an index.
fn tasks_of(records: &Records, uuid: IndexUuid) -> impl Iterator<Item = (TaskId, &TaskRecord)> {
    let of_index = records.tasks.iter().filter(move |(_, task)| task.record.uuid == uuid);
    of_index.map(|(id, task)| (*id, &task.record))
}

/// Whether a rollout of that dump has failed for what is in it: every other would.
fn is_damaged(records: &Records, dump: NumberedDump) -> bool {
    records.tasks.values().map(|stored| &stored.record).any(|task| {
        let blames = task.error.as_ref().is_some_and(Failure::blames_the_dump);
        blames && task.rollout().is_some_and(|rollout| rollout.to == dump)
    })
}

/// What is asked for by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A dump, and a rollout of it: something has changed, or the newest dump is damaged.
    Dump(IndexName),
    /// A rollout of what was dumped: an earlier one failed for another reason than the dump, or there were no replicas then.
    Rollout(IndexName, NumberedDump),
}

impl Wanted {
    pub(super) fn index(&self) -> &IndexName {
        match self {
            Self::Dump(name) | Self::Rollout(name, _) => name,
        }
    }

    pub(super) fn request(&self, records: &Records, id: TaskId, way: Way) -> Result<Change, Failure> {
        match self {
            Self::Dump(name) => request_dump(records, name, id, Some(way)),
            Self::Rollout(name, to) => {
                let (generation, asked_by) = (Some(to.generation), AskedBy::Schedule);
                let options = RolloutOptions { generation, way, asked_by, ..RolloutOptions::default() };
                request_rollout(records, name, id, options)
            }
        }
    }
}

impl Schedule {
    /// When it can be time for an index: who certainly has to wait is not asked how much it has changed.
    fn earliest(&self, known: &Known) -> Option<Instant> {
        let pause = self.after_changes.map(|_| PAUSE);
        let wait = [pause, self.every].into_iter().flatten().min()?;
        Some(known.ask_at.max(known.since + wait))
    }

    fn wants(&self, since: Duration, changes: u64) -> bool {
        let enough = self.after_changes.is_some_and(|enough| changes >= enough) && since >= PAUSE;
        changes > 0 && (enough || self.every.is_some_and(|every| since >= every))
    }
}

/// Writes since the dump. Where there is none, an empty index too is to be dumped once: so that replicas serve it. A shard
/// of another history than the dump's has changed as a whole.
fn changes(records: &Records, since: Option<NumberedDump>, positions: &BTreeMap<ShardId, Position>) -> u64 {
    let of = |(shard, position): (&ShardId, &Position)| {
        let dump = since.and_then(|since| records.dumps.get(&since.dump))?;
        let (_, done) = dump.record.done().find(|(of, _)| of == shard)?;
        (done.history() == position.history).then(|| position.seq.0.saturating_sub(done.seq().0))
    };
    positions.iter().map(|entry| of(entry).unwrap_or_else(|| entry.1.seq.0.max(1))).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::fail_rollout;
    use crate::record::{
        Approval, Canary, CanaryStage, Comparison, DumpRecord, DumpState, DumpedShard, Layout, LayoutId, NodeId,
        NodeRecord, Place, ReplicaId, ReplicaRecord, Role, Rollout, ShardDump, TaskRecord, Work,
    };
    use crate::testing::{dump, history, name, schema, uuid};
    use annuli_api::ErrorCode;
    use annuli_api::v1::task::TaskStatus;
    use annuli_core::{Generation, Seq, ShardCount};
    use annuli_dump::CreatedAt;
    use uuid::Uuid;

    #[track_caller]
    fn check(schedule: Schedule, seconds: u64, changes: u64, want: bool) {
        assert_eq!(schedule.wants(Duration::from_secs(seconds), changes), want, "{schedule:?} {seconds} {changes}");
    }

    #[test]
    fn an_index_is_dumped_after_a_while_or_after_many_changes_and_never_without_any() {
        let by_time = Schedule { every: Some(Duration::from_secs(30)), ..Schedule::default() };
        check(by_time, 29, 1_000, false);
        check(by_time, 30, 1, true);
        check(by_time, 300, 0, false);
        let by_changes = Schedule { after_changes: Some(100), ..Schedule::default() };
        check(by_changes, 10, 99, false);
        check(by_changes, 10, 100, true);
        check(Schedule { every: Some(Duration::from_secs(30)), ..by_changes }, 30, 1, true);
        check(Schedule::default(), 300, 1_000, false);
    }

    /// An index of one shard with a dump and a replica, which nobody has written since.
    fn dumped() -> (Records, NumberedDump) {
        let newest = NumberedDump { generation: Generation(1), dump: dump(1) };
        let mut records = Records::default();
        let histories = [(ShardId(0), history(1))].into();
        let index = IndexRecord { histories, ..IndexRecord::new(uuid(1), schema(1)) };
        records.put("index/faces", 1, &index.encode());
        let done = ShardDump::Done(DumpedShard::new(history(1), Seq(7), 7, 100));
        let record = DumpRecord {
            index: name("faces"),
            uuid: uuid(1),
            created_at: CreatedAt::new("2026-01-02T03:04:05Z").expect("a time"),
            state: DumpState::Taken(Generation(1)),
            shards: [(ShardId(0), done)].into(),
        };
        records.put(&format!("dump/{}", newest.dump), 2, &record.encode());
        let id = ReplicaId(Uuid::nil());
        let node = NodeRecord {
            address: "127.0.0.1:7720".to_owned(),
            role: Role::Replica,
            place: Place::first(ShardId(0)),
            serves: BTreeMap::new(),
            replica: Some(ReplicaRecord { id, generations: BTreeMap::new(), heard: BTreeMap::new() }),
        };
        records.put(&format!("node/{}", NodeId(Uuid::nil())), 3, &node.encode());
        (records, newest)
    }

    /// A rollout to that dump, as it stands there.
    fn put_rollout(
        records: &mut Records,
        to: NumberedDump,
        canary: Option<Canary>,
        (status, error): (TaskStatus, Option<Failure>),
    ) -> TaskId {
        let id = TaskId(dump(2).uuid());
        let rollout = Rollout {
            to,
            max_unavailable: 1,
            way: Way::Beside,
            approval: Approval::NotNeeded,
            asked_by: AskedBy::Schedule,
            canary,
            flipped_from: None,
        };
        let task = TaskRecord { index: name("faces"), uuid: uuid(1), work: Work::Rollout(rollout), status, error };
        records.put(&format!("task/{id}"), 4, &task.encode());
        id
    }

    /// What the schedule wants half a minute after the latest change of the records.
    fn wanted(refresh: &mut Refresh, records: &Records) -> Option<Wanted> {
        let answer = (uuid(1), Some([(ShardId(0), Position { history: history(1), seq: Seq(7) })].into()));
        let start = Instant::now();
        refresh.note(records, start);
        refresh.wants(records, &answer, start + EVERY)
    }

    const EVERY: Duration = Duration::from_secs(30);

    fn refresh() -> Refresh {
        Refresh::new(Schedule { every: Some(EVERY), ..Schedule::default() })
    }

    /// The damaged dump was rolled out again each time, and nothing newer ever came.
    #[test]
    fn where_the_newest_dump_is_damaged_another_is_taken() {
        let ((mut records, newest), mut refresh) = (dumped(), refresh());
        let mut wanted_after = |error: Failure| {
            put_rollout(&mut records, newest, None, (TaskStatus::Failed, Some(error)));
            wanted(&mut refresh, &records)
        };
        let failure = Failure::new(ErrorCode::ShardUnavailable, "it cannot be served");
        assert_eq!(wanted_after(failure.clone()), Some(Wanted::Rollout(name("faces"), newest)));
        assert_eq!(wanted_after(failure.blaming_the_dump()), Some(Wanted::Dump(name("faces"))));
    }

    /// Half a minute after live searches had refused a generation, the schedule made it official without asking them.
    #[test]
    fn what_was_refused_on_live_searches_is_not_rolled_out_by_itself() {
        let wanted_after = |stage: Option<CanaryStage>| {
            let (mut records, newest) = dumped();
            let canary = stage.map(|stage| Canary { percent: 5, floor_percent: 80, searches: 100, stage });
            let id = put_rollout(&mut records, newest, canary, (TaskStatus::Running, None));
            let failed = fail_rollout(&records, id, Failure::new(ErrorCode::ShardUnavailable, "it does not do"));
            let failed = failed.expect("it is under way");
            failed.puts.iter().for_each(|(key, value)| records.put(&key.to_string(), 5, value));
            wanted(&mut refresh(), &records)
        };
        let again = Some(Wanted::Rollout(name("faces"), NumberedDump { generation: Generation(1), dump: dump(1) }));
        assert_eq!(wanted_after(None), again);
        assert_eq!(wanted_after(Some(CanaryStage::Awaited)), again);
        assert_eq!(wanted_after(Some(CanaryStage::Comparing)), None);
        assert_eq!(wanted_after(Some(CanaryStage::Ended(Comparison::default()))), None);
    }

    /// Each attempt began the time anew, with its task, its dump, and the end of that: no dump came due any longer.
    #[test]
    fn an_index_that_is_moved_in_vain_is_dumped_all_the_same() {
        let ((mut records, _), mut refresh) = (dumped(), refresh());
        let answer = (uuid(1), Some([(ShardId(0), Position { history: history(1), seq: Seq(9) })].into()));
        let start = Instant::now();
        refresh.note(&records, start);
        let to = Layout { id: LayoutId(1), shards: ShardCount::new(2).unwrap() };
        for attempt in 1..=3 {
            let id = TaskId(dump(10 + attempt).uuid());
            let mut put = |status| {
                let task =
                    TaskRecord { index: name("faces"), uuid: uuid(1), work: Work::Reshard(to), status, error: None };
                records.put(&format!("task/{id}"), 4, &task.encode());
                refresh.note(&records, start + EVERY * u32::try_from(attempt).unwrap());
            };
            put(TaskStatus::Running);
            put(TaskStatus::Failed);
        }
        assert_eq!(refresh.wants(&records, &answer, start + EVERY), Some(Wanted::Dump(name("faces"))));
    }

    /// With more indexes than tasks that are remembered the schedule put itself off, for ever: what it had done for one was
    /// forgotten for another's, and taken for something new.
    #[test]
    fn what_is_forgotten_of_an_index_is_nothing_that_was_done_about_it() {
        let ((mut records, newest), mut refresh) = (dumped(), refresh());
        let answer = (uuid(1), Some([(ShardId(0), Position { history: history(1), seq: Seq(9) })].into()));
        let start = Instant::now();
        let id = put_rollout(&mut records, newest, None, (TaskStatus::Succeeded, None));
        refresh.note(&records, start);
        records.delete(&format!("task/{id}"));
        refresh.note(&records, start + EVERY);
        assert_eq!(refresh.wants(&records, &answer, start + EVERY), Some(Wanted::Dump(name("faces"))));
        // What comes anew is, also by a clock that is behind.
        let earlier = TaskId(dump(1).uuid());
        let stored = TaskRecord {
            index: name("faces"),
            uuid: uuid(1),
            work: Work::Dump { then_rollout: None },
            status: TaskStatus::Succeeded,
            error: None,
        };
        put_rollout(&mut records, newest, None, (TaskStatus::Succeeded, None));
        refresh.note(&records, start + EVERY);
        records.put(&format!("task/{earlier}"), 9, &stored.encode());
        refresh.note(&records, start + 2 * EVERY);
        assert_eq!(refresh.wants(&records, &answer, start + 2 * EVERY), None);
    }

    #[test]
    fn one_that_failed_is_not_begun_again_at_once() {
        check(Schedule { after_changes: Some(100), ..Schedule::default() }, 1, 1_000, false);
    }
}

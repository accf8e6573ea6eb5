//! Events of the records that decisions write.

use super::*;
use crate::change::Change;
use crate::decide::{Removal, Reported};
use crate::decide::{
    RolloutOptions, Word, allow, begin_canary, begin_dump, begin_reshard, cancel_reshard, commit_dump, end_canary,
    end_reshard, fail_dump, fail_reshard, flip, forget_compared, forget_former, move_over, remove_alias,
    report_compared, report_done, report_made, report_sealed, request_dump, request_reshard, request_rollout, say,
    seal, set_alias, start_rollout,
};
use crate::record::{
    AskedBy, Blame, Comparison, Comparisons, Key, NodeId, NodeRecord, Place, Prepared, ReplicaId, ReplicaRecord, Role,
    RouterId, ShardComparison, TaskId,
};
use crate::testing::{Plain, dump, history, name, uuid};
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, Seq, ShardCount, ShardId};
use annuli_dump::CreatedAt;
use uuid::Uuid;

const REPLICA: u128 = 7;

/// Records, and the names of what has happened to them.
struct World(Plain);

impl World {
    fn new() -> Self {
        let mut store = Plain::of_two_shards();
        store.create("faces", 1);
        Self(store)
    }

    #[track_caller]
    fn commit(&mut self, change: Option<Change>) -> Vec<Event> {
        let before = self.0.records.clone();
        assert!(self.0.commit(&change.expect("it is to be written")));
        events(&before, &self.0.records)
    }

    #[track_caller]
    fn check(&mut self, change: Option<Change>, want: &[&str]) -> Vec<Event> {
        let events = self.commit(change);
        assert_eq!(events.iter().map(Event::name).collect::<Vec<_>>(), want);
        events
    }

    fn records(&self) -> &Records {
        &self.0.records
    }

    /// Ready for what takes both of its shards.
    fn made(mut self) -> Self {
        for shard in [0, 1] {
            let history = history(u128::from(shard) + 1);
            let Reported::New(made) = report_made(self.records(), &name("faces"), uuid(1), ShardId(shard), history)
            else {
                panic!("it is made")
            };
            self.check(Some(made), &[]);
        }
        self
    }
}

fn replica(how: &[(u64, Prepared)]) -> Change {
    let generations = how.iter().map(|(number, how)| ((uuid(1), Generation(*number)), how.clone())).collect();
    let replica = Some(ReplicaRecord { id: ReplicaId(Uuid::from_u128(REPLICA)), generations, heard: BTreeMap::new() });
    let (address, serves) = ("127.0.0.1:7720".to_owned(), BTreeMap::new());
    let record = NodeRecord { address, role: Role::Replica, place: Place::first(ShardId(0)), serves, replica };
    Change::new().put(node(), record.encode())
}

fn node() -> Key {
    Key::Node(NodeId(Uuid::from_u128(70)))
}

fn task(number: u64) -> TaskId {
    TaskId(dump(number).uuid())
}

#[test]
fn indexes_and_aliases_come_and_go() {
    let mut world = World(Plain::of_two_shards());
    let before = world.records().clone();
    world.0.create("faces", 1);
    let event = IndexEvent { index: "faces".to_owned(), uuid: uuid(1).0 };
    assert_eq!(events(&before, world.records()), [Event::IndexCreated(event.clone())]);
    let set = set_alias(world.records(), &name("people"), &name("faces")).ok();
    let (alias, index) = ("people".to_owned(), "faces".to_owned());
    assert_eq!(world.commit(set), [Event::AliasSet { alias: alias.clone(), index }]);
    let removed = remove_alias(world.records(), &name("people")).ok();
    assert_eq!(world.commit(removed), [Event::AliasRemoved { alias }]);
    let deleted = Removal::default().decide(world.records(), &name("faces")).unwrap();
    assert_eq!(world.commit(deleted), [Event::IndexDeleted(event)]);
}

#[test]
fn a_process_joins_says_what_it_has_and_leaves() {
    let mut world = World::new();
    let change = replica(&[]);
    world.check(Some(change), &["node_joined"]);
    for state in ["fetching, 1 %", "fetching, 2 %"] {
        let change = replica(&[(1, Prepared::Under(state.to_owned()))]);
        world.check(Some(change), &[]);
    }
    let change = replica(&[(1, Prepared::Ready)]);
    world.check(Some(change.clone()), &["replica_ready"]);
    world.check(Some(change), &[]);
    let failed = Prepared::Failed { why: "it is broken".to_owned(), rollout: None, attempt: 0, blame: Blame::Replica };
    let change = replica(&[(1, Prepared::Ready), (2, failed)]);
    let failed = world.check(Some(change), &["replica_failed"]);
    let Event::ReplicaFailed { replica, reason } = &failed[0] else { panic!("{failed:?}") };
    assert_eq!((replica.index.as_str(), replica.generation, reason.as_str()), ("faces", 2, "it is broken"));
    world.check(Some(Change::new().delete(node())), &["node_left"]);
}

#[test]
fn a_dump_is_begun_and_taken_or_given_up() {
    let mut world = World::new().made();
    for (number, well) in [(1, true), (2, false)] {
        let (id, of) = (task(number), dump(number));
        let asked = request_dump(world.records(), &name("faces"), id, None).ok();
        world.check(asked, &[]);
        let begun = begin_dump(world.records(), id, of, CreatedAt::new("2026-01-02T03:04:05Z").unwrap());
        world.check(begun, &["dump_begun"]);
        if well {
            let taken = commit_dump(world.records(), id, of, task(9).0);
            world.check(taken, &["dump_taken"]);
        } else {
            let failure = Failure::new(ErrorCode::ShardUnavailable, "its primary is down");
            let failed = fail_dump(world.records(), id, of, failure);
            let failed = world.check(failed, &["dump_failed"]);
            assert!(matches!(&failed[0], Event::DumpFailed { reason, .. } if reason == "its primary is down"));
        }
    }
    let deleted = crate::decide::request_deletion(world.records(), uuid(1), dump(1)).ok();
    world.check(deleted, &["dump_deleted"]);
}

#[test]
fn a_rollout_is_told_from_its_first_step_to_its_rollback() {
    let mut world = World::new().made();
    let joined = replica(&[]);
    world.commit(Some(joined));
    let asked = request_dump(world.records(), &name("faces"), task(1), None).ok();
    world.commit(asked);
    let begun = begin_dump(world.records(), task(1), dump(1), CreatedAt::new("2026-01-02T03:04:05Z").unwrap());
    world.commit(begun);
    let taken = commit_dump(world.records(), task(1), dump(1), task(9).0);
    world.commit(taken);

    let id = task(2);
    let asked = request_rollout(world.records(), &name("faces"), id, RolloutOptions::default()).ok();
    world.check(asked, &[]);
    let started = start_rollout(world.records(), id);
    world.check(started, &["rollout_begun"]);
    let paused = say(world.records(), id, Word::Pause).ok();
    world.check(paused, &["rollout_paused"]);
    let resumed = say(world.records(), id, Word::Resume).ok();
    world.check(resumed, &["rollout_resumed"]);
    let allowed = allow(world.records(), id, ReplicaId(Uuid::from_u128(REPLICA)));
    world.check(allowed, &["replica_allowed"]);
    let flipped = flip(world.records(), id);
    let official = |generation, from| Event::GenerationOfficial { index: "faces".to_owned(), generation, from };
    assert_eq!(world.commit(flipped), [official(Some(1), None)]);
    let back = say(world.records(), id, Word::RollBack).ok();
    let back = world.check(back, &["rollout_rolled_back", "generation_official"]);
    assert_eq!(back[1], official(None, Some(1)));

    let by_itself = RolloutOptions { asked_by: AskedBy::Schedule, ..RolloutOptions::default() };
    let asked = request_rollout(world.records(), &name("faces"), task(3), by_itself).ok();
    world.check(asked, &[]);
    let held = start_rollout(world.records(), task(3));
    world.check(held, &["rollout_cancelled"]);
}

#[test]
fn a_trial_on_live_searches_is_told_with_what_came_of_it() {
    let mut world = World::new().made();
    world.commit(Some(replica(&[])));
    let asked = request_dump(world.records(), &name("faces"), task(1), None).ok();
    world.commit(asked);
    let begun = begin_dump(world.records(), task(1), dump(1), CreatedAt::new("2026-01-02T03:04:05Z").unwrap());
    world.commit(begun);
    let taken = commit_dump(world.records(), task(1), dump(1), task(9).0);
    world.commit(taken);
    let (id, terms) = (task(2), CanaryTerms { percent: 5, floor_percent: None, searches: None });
    let options = RolloutOptions { canary: Some(terms), ..RolloutOptions::default() };
    let asked = request_rollout(world.records(), &name("faces"), id, options).ok();
    world.commit(asked);
    let started = start_rollout(world.records(), id);
    world.commit(started);

    let begun = begin_canary(world.records(), id);
    world.check(begun, &["canary_begun"]);
    let sums = Comparison { searches: 100, failed: 1, hits: 1_000, common: 950, ..Comparison::default() };
    let of_each = [0, 1].map(|shard| (ShardId(shard), ShardComparison { sums, last_failure: None }));
    let compared = Comparisons(of_each.into());
    let reported = report_compared(world.records(), id, RouterId(Uuid::nil()), &compared);
    world.check(reported, &[]);
    let ended = end_canary(world.records(), id);
    let ended = world.check(ended, &["canary_ended"]);
    let Event::CanaryEnded { rollout, canary } = &ended[0] else { panic!("{ended:?}") };
    assert_eq!((rollout.generation, canary.searches, canary.failed, canary.overlap_percent), (1, 100, 1, 95));
    let forgotten = forget_compared(world.records(), id);
    world.check(forgotten, &[]);
}

#[test]
fn a_coordinator_is_told_once_by_its_epoch() {
    let mut records = Records::default();
    let elect = |records: &mut Records, epoch: u64| {
        let before = records.clone();
        let leader = format!(r#"{{"candidate": "router at 127.0.0.1:7700", "epoch": {epoch}}}"#);
        records.put("elections/coordinator/leader", epoch, leader.as_bytes());
        events(&before, records)
    };
    let elected = |epoch| Event::CoordinatorElected { coordinator: "router at 127.0.0.1:7700".to_owned(), epoch };
    assert_eq!(elect(&mut records, 3), [elected(3)]);
    assert_eq!(elect(&mut records, 3), []);
    assert_eq!(elect(&mut records, 4), [elected(4)]);
}

/// A move begins with a task, whose dump is told as any other.
#[test]
fn an_index_moves_and_is_neither_deleted_nor_created() {
    let mut world = World::new().made();
    let asked = request_reshard(world.records(), ShardCount::new(3).unwrap()).unwrap();
    world.check(asked, &["reshard_begun"]);
    let begun = begin_reshard(world.records(), uuid(1), task(1));
    world.check(begun, &[]);
    let created_at = CreatedAt::new("2026-01-02T03:04:05Z").unwrap();
    let begun = begin_dump(world.records(), task(1), dump(1), created_at);
    world.check(begun, &["dump_begun"]);
    let taken = commit_dump(world.records(), task(1), dump(1), uuid(2).0);
    world.check(taken, &["dump_taken"]);
    let sealed = seal(world.records(), task(1));
    world.check(sealed, &["index_sealed"]);
    for shard in [0, 1] {
        let said = written(report_sealed(world.records(), uuid(2), ShardId(shard), Seq(7)));
        world.check(said, &[]);
    }
    let mut given_up = World(world.0.clone());
    let late = Failure::new(ErrorCode::ShardUnavailable, "too late");
    let failed = fail_reshard(given_up.records(), task(1), late);
    given_up.check(failed, &["dump_deleted", "index_unsealed"]);
    let cancelled = cancel_reshard(given_up.records()).unwrap();
    assert_eq!(given_up.commit(cancelled), [Event::ReshardCancelled { shards: 3 }]);
    for shard in [0, 1, 2] {
        let made = written(report_made(world.records(), &name("faces"), uuid(2), ShardId(shard), history(9)));
        world.check(made, &[]);
        let said = written(report_done(world.records(), uuid(2), ShardId(shard)));
        world.check(said, &[]);
    }
    let moved = move_over(world.records(), task(1));
    let index = IndexEvent { index: "faces".to_owned(), uuid: uuid(2).0 };
    assert_eq!(world.commit(moved), [Event::IndexMoved { index, shards: 3 }]);
    let forgotten = forget_former(world.records(), uuid(2));
    world.check(forgotten, &[]);
    let ended = end_reshard(world.records());
    assert_eq!(world.commit(ended), [Event::ReshardEnded { shards: 3 }]);
}

fn written(reported: Reported) -> Option<Change> {
    match reported {
        Reported::New(change) => Some(change),
        Reported::Known | Reported::TooLate => None,
    }
}

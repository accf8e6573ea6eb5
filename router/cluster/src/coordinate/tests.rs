//! What a coordinator makes of what is asked of it.

mod canaries;
mod drains;
mod folders;
mod plans;
mod reshards;
mod whatever_happens;
mod world;

use super::dump::{DUMP_PATIENCE, PRIMARY_PATIENCE};
use super::rollout::{PREPARATION_PATIENCE, REPLICA_PATIENCE, REPLICA_PATIENCE_MAX};
use super::*;
use crate::decide::{RolloutOptions, Word, request_deletion, set_alias};
use crate::record::{AskedBy, Prepared};
use crate::testing::{dump, name, uuid};
use annuli_core::Generation;
use uuid::Uuid;
use world::{KEEPING, World, done, failed, replica_number, unfit};

#[test]
fn a_dump_that_every_primary_has_done_is_a_generation() {
    let mut world = World::new();
    let id = world.ask_dump();
    world.settle();
    assert_eq!(world.due(), []);
    world.dumped(id, 1, &done(1));
    assert_eq!(world.due(), []);
    world.dumped(id, 0, &done(0));
    assert_eq!(world.due(), [Step::CommitDump(id)]);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Succeeded);
    let taken: Vec<_> = world.store.records.dumps_of(uuid(1)).iter().map(|dump| dump.generation.0).collect();
    assert_eq!(taken, [1]);
    assert_eq!(world.official(), None);
}

#[test]
fn a_dump_that_one_primary_could_not_do_is_given_up_and_removed() {
    let mut world = World::new();
    let id = world.ask_dump();
    world.settle();
    world.dumped(id, 0, &failed());
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Failed);
    let why = world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone();
    assert_eq!(why, "shard 0 was not dumped: the disk is full");
    let removal = Step::RemoveFiles(uuid(1), dump_of(id).unwrap());
    assert_eq!(world.due_later(), [Due { step: removal.clone(), patience: FILES_PATIENCE }]);
    assert!(world.take(&removal));
    assert!(world.store.records.dumps.is_empty());
}

#[test]
fn a_dump_waits_for_a_primary_that_is_down_but_not_for_ever() {
    let mut world = World::new();
    let id = world.ask_dump();
    world.settle();
    world.dumped(id, 0, &done(0));
    world.gone(101);
    let gives_up = |why, patience| Due { step: Step::FailDump(id, why), patience };
    let absent = DumpHindrance::NoPrimary(Place::first(ShardId(1)));
    let silent = gives_up(DumpHindrance::Silent, DUMP_PATIENCE);
    assert_eq!(world.due_later(), [gives_up(absent, PRIMARY_PATIENCE), silent.clone()]);
    let says = |why| dump::failure(&world.store.records, id, why).unwrap().message;
    assert_eq!(says(absent), "shard 1 was not dumped: its primary is down, start that again");
    assert!(says(DumpHindrance::Silent).starts_with("shard 1 was not dumped within 6 hours"));
    // One that comes back and falls again waits on for what was waited for all the while.
    world.node(101, &world::primary(1));
    assert_eq!(world.due_later(), [silent]);
}

/// Each primary that fell, and each shard that was done, let all waiting begin anew: the dump was under way for ever, and all
/// logs of writes were kept for it.
#[test]
fn a_dump_waits_no_longer_for_what_else_is_in_the_way_meanwhile() {
    let mut world = World::new();
    let id = world.ask_dump();
    world.settle();
    let later = |world: &World| world.due_later().into_iter().map(|due| due.step).collect::<Vec<_>>();
    let [silent] = later(&world).try_into().unwrap();
    world.gone(100);
    world.gone(101);
    let [zero, one, still] = later(&world).try_into().unwrap();
    assert_eq!(still, silent);
    world.node(100, &world::primary(0));
    assert_eq!(later(&world), [one.clone(), silent.clone()]);
    world.dumped(id, 0, &done(0));
    assert_eq!(later(&world), [one, silent]);
    assert_eq!(zero, Step::FailDump(id, DumpHindrance::NoPrimary(Place::first(ShardId(0)))));
}

#[test]
fn tasks_of_an_index_are_done_one_after_the_other() {
    let mut world = World::new();
    let (first, second) = (world.ask_dump(), world.ask_dump());
    world.settle();
    assert_eq!((world.status(first), world.status(second)), (TaskStatus::Running, TaskStatus::Queued));
    (0..2).for_each(|shard| world.dumped(first, shard, &done(shard)));
    world.settle();
    assert_eq!((world.status(first), world.status(second)), (TaskStatus::Succeeded, TaskStatus::Running));
}

#[test]
fn a_rollout_lets_one_replica_of_each_shard_prepare_at_a_time() {
    let mut world = World::with_replicas(2);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions::default());
    world.settle();
    assert_eq!(world.allowed(), [10, 20]);
    world.replica(10, 0, &[(1, Prepared::Under("fetching".to_owned()))]);
    world.settle();
    assert_eq!(world.allowed(), [10, 20]);
    world.replica(10, 0, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!(world.allowed(), [10, 11, 20]);
    for (number, shard) in [(11, 0), (20, 1)] {
        world.replica(number, shard, &[(1, Prepared::Ready)]);
    }
    world.settle();
    assert_eq!((world.allowed(), world.official()), (vec![10, 11, 20, 21], None));
    world.replica(21, 1, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Succeeded));
}

fn all_ready(world: &mut World, generations: &[(u64, Prepared)]) {
    for shard in [0, 1] {
        world.replica(replica_number(shard, 0), shard, generations);
    }
}

/// A world whose replicas serve generation 1, and have prepared generation 2 in a rollout that waits for approval.
fn approval_awaited() -> (World, TaskId) {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ask_rollout(RolloutOptions::default());
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!(world.official(), Some(1));
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions { approve: true, ..RolloutOptions::default() });
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready), (2, Prepared::Ready)]);
    world.settle();
    (world, id)
}

#[test]
fn a_replica_that_fails_stops_the_rollout_and_nothing_is_flipped() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.replica(20, 1, &[(1, unfit("a bit of it is wrong", Some(id)))]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Failed));
    assert_eq!(world.generations().preparing, None);
    let why = world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone();
    assert_eq!(why, "the replica of shard 1 at 127.0.0.1:7001 cannot serve generation 1: a bit of it is wrong");
}

#[test]
fn what_a_replica_failed_at_in_an_earlier_rollout_does_not_count() {
    let mut world = World::with_replicas(2);
    world.take_dump();
    let earlier = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.replica(10, 0, &[(1, unfit("an earlier attempt", Some(earlier)))]);
    world.settle();
    assert_eq!(world.status(earlier), TaskStatus::Failed);
    // It has not heard yet that it is to try again.
    let id = world.ask_rollout(RolloutOptions::default());
    world.settle();
    assert_eq!((world.allowed(), world.status(id)), (vec![10, 20], TaskStatus::Running));
}

#[test]
fn a_replica_that_goes_while_it_prepares_is_waited_for_but_not_for_ever() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.gone(20);
    world.replica(10, 0, &[(1, Prepared::Ready)]);
    assert_eq!(world.due(), []);
    let [Due { step: Step::FailRollout(..), patience: REPLICA_PATIENCE }, _] = &world.due_later()[..] else {
        panic!("{:?}", world.due_later())
    };
}

#[test]
fn a_replica_that_does_not_get_on_is_waited_for_but_not_for_ever() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ask_rollout(RolloutOptions::default());
    world.settle();
    let stuck = |world: &mut World, now: &str| {
        world.replica(10, 0, &[(1, Prepared::Ready)]);
        world.replica(20, 1, &[(1, Prepared::Under(now.to_owned()))]);
        world.due_later()
    };
    let (first, second) = (stuck(&mut world, "fetching, 1 %"), stuck(&mut world, "fetching, 2 %"));
    let [Due { step: Step::FailRollout(_, failure), patience: PREPARATION_PATIENCE }, _] = &first[..] else {
        panic!("{first:?}")
    };
    assert!(failure.message.ends_with("does not get on: fetching, 1 %"), "{failure}");
    assert_ne!(first, second);
}

/// What it prepared killed it, again and again: while it was gone it was waited for as one that is gone, and then anew as one
/// that has yet to begin. The rollout was under way for ever, and nothing came behind it.
#[test]
fn a_replica_that_goes_and_comes_back_again_and_again_is_not_waited_for_for_ever() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.replica(10, 0, &[(1, Prepared::Ready)]);
    let late = Due { step: Step::GiveUpOn(id, ReplicaId(Uuid::from_u128(20))), patience: REPLICA_PATIENCE_MAX };
    for percent in [1, 2] {
        world.replica(20, 1, &[(1, Prepared::Under(format!("fetching, {percent} %")))]);
        assert!(world.due_later().contains(&late), "{:?}", world.due_later());
        world.gone(20);
        assert!(world.due_later().contains(&late), "{:?}", world.due_later());
    }
    world.replica(20, 1, &[]);
    assert!(world.take(&late.step));
    assert_eq!((world.status(id), world.generations().preparing.is_none()), (TaskStatus::Failed, true));
    let why = world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone();
    let says = "generation 1 was not ready within 6 hours on the replica of shard 1 at 127.0.0.1:7001: see";
    assert!(why.starts_with(says), "{why}");
}

#[test]
fn a_rollout_waits_for_approval_where_that_was_asked_for() {
    let (mut world, id) = approval_awaited();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Paused));
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(2), TaskStatus::Succeeded));
}

#[test]
fn a_paused_rollout_goes_no_further_until_it_is_resumed() {
    let mut world = World::with_replicas(2);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.say(id, Word::Pause).unwrap();
    world.replica(10, 0, &[(1, Prepared::Ready)]);
    assert_eq!(world.due(), []);
    assert_eq!(world.say(id, Word::Pause).unwrap_err().code, ErrorCode::TaskConflict);
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert_eq!(world.allowed(), [10, 11, 20]);
}

#[test]
fn a_rollout_that_is_rolled_back_before_the_flip_leaves_everything_as_it_was() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::RollBack).unwrap();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::RolledBack));
    assert_eq!(world.generations().preparing, None);
    assert!(world.say(id, Word::Resume).unwrap_err().message.ends_with("is over: it was rolled back"));
}

#[test]
fn a_rollout_is_rolled_back_at_once_while_the_replicas_have_what_was_before() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert_eq!(world.official(), Some(2));
    world.say(id, Word::RollBack).unwrap();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::RolledBack));
    assert!(world.generations().held);
    let retire = Due { step: Step::Retire(uuid(1), Generation(2)), patience: KEEPING.retiring };
    assert_eq!(world.due_later(), [retire]);
}

/// It was taken for one that had made the first generation official: replicas deleted what they served, and served nothing.
#[test]
fn a_rollout_to_what_was_official_already_is_not_rolled_back() {
    let (mut world, first) = approval_awaited();
    world.say(first, Word::Resume).unwrap();
    world.settle();
    assert!(world.take(&Step::Retire(uuid(1), Generation(1))));
    let again = world.ask_rollout(RolloutOptions::default());
    world.settle();
    assert_eq!(world.status(again), TaskStatus::Succeeded);
    let refused = world.say(again, Word::RollBack).unwrap_err();
    assert_eq!(refused.code, ErrorCode::TaskConflict);
    assert!(refused.message.contains("changed nothing"), "{refused}");
    assert_eq!((world.official(), world.status(again)), (Some(2), TaskStatus::Succeeded));
}

#[test]
fn what_the_replicas_have_let_go_of_is_not_rolled_back_to_at_once() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert!(world.take(&Step::Retire(uuid(1), Generation(1))));
    let refused = world.say(id, Word::RollBack).unwrap_err();
    assert!(refused.message.ends_with("start a rollout to generation 1 instead"), "{refused}");
}

#[test]
fn an_index_that_is_deleted_ends_its_tasks() {
    let mut world = World::with_replicas(1);
    let taken = world.take_dump();
    let (first, second) = (world.ask_dump(), world.ask_dump());
    world.settle();
    let removal = crate::decide::remove_index(&world.store.records, &name("faces")).unwrap();
    assert!(world.store.commit(&removal));
    world.settle();
    assert_eq!([first, second].map(|id| world.status(id)), [TaskStatus::Cancelled; 2]);
    // What was taken is forgotten, and stays in the store; what was being taken is removed.
    assert!(!world.store.records.dumps.contains_key(&dump_of(taken).unwrap()));
    let removal = Step::RemoveFiles(uuid(1), dump_of(first).unwrap());
    assert_eq!(world.due_later(), [Due { step: removal, patience: FILES_PATIENCE }]);
}

/// Those that had no place in the deletion stayed for ever.
#[test]
fn aliases_of_a_deleted_index_go_however_many_there_are() {
    let mut world = World::new();
    for number in 0..40 {
        let alias = set_alias(&world.store.records, &name(&format!("people-{number}")), &name("faces")).unwrap();
        assert!(world.store.commit(&alias));
    }
    let removal = crate::decide::remove_index(&world.store.records, &name("faces")).unwrap();
    assert!(world.store.commit(&removal));
    assert_eq!(world.store.records.aliases.len(), 12);
    world.store.records.put("index/songs", 1_000, b"of a later release");
    assert_eq!(world.due(), [], "that may be what they stand for");
    world.store.records.delete("index/songs");
    world.settle();
    assert!(world.store.records.aliases.is_empty());
}

#[test]
fn old_dumps_are_taken_away_unless_they_are_used() {
    let mut world = World::with_replicas(1);
    let first = world.take_dump();
    world.ask_rollout(RolloutOptions::default());
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    let refused = request_deletion(&world.store.records, uuid(1), dump_of(first).unwrap()).unwrap_err();
    assert_eq!(refused.code, ErrorCode::DumpInUse);
    let others: Vec<_> = (0..4).map(|_| world.take_dump()).collect();
    let state = |id: &TaskId| world.store.records.dumps[&dump_of(*id).unwrap()].record.generation().map(|it| it.0);
    assert_eq!(state(&first), Some(1));
    assert_eq!(others.iter().map(state).collect::<Vec<_>>(), [None, None, Some(4), Some(5)]);
}

#[test]
fn a_rollout_that_is_resumed_before_it_has_asked_is_not_approved_by_that() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions { approve: true, ..RolloutOptions::default() });
    world.settle();
    world.say(id, Word::Pause).unwrap();
    world.say(id, Word::Resume).unwrap();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Paused));
}

#[test]
fn what_is_rolled_back_does_not_come_back_by_itself() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::RollBack).unwrap();
    let by_itself = world.ask_rollout(RolloutOptions { asked_by: AskedBy::Schedule, ..RolloutOptions::default() });
    world.settle();
    assert_eq!((world.official(), world.status(by_itself)), (Some(1), TaskStatus::Cancelled));
    let by_somebody = world.ask_rollout(RolloutOptions::default());
    world.settle();
    assert_eq!((world.official(), world.status(by_somebody)), (Some(2), TaskStatus::Succeeded));
    assert!(!world.generations().held);
}

#[test]
fn a_rollback_ends_what_is_rolled_out_on_top_of_it() {
    let (mut world, first) = approval_awaited();
    world.say(first, Word::Resume).unwrap();
    world.settle();
    world.take_dump();
    let second = world.ask_rollout(RolloutOptions::default());
    // What was retiring is let go of by it; here it is as if it were not yet.
    let kept = world.generations().retiring;
    world.settle();
    assert_eq!((world.status(second), kept.is_some()), (TaskStatus::Running, true));
    let refused = world.say(first, Word::RollBack).unwrap_err();
    assert!(refused.message.contains("start a rollout to generation 1 instead"), "{refused}");
    world.say(second, Word::RollBack).unwrap();
    assert_eq!((world.official(), world.status(second)), (Some(2), TaskStatus::RolledBack));
}

#[test]
fn a_task_that_has_begun_is_not_overtaken_by_one_of_a_clock_behind() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ids = 100;
    let begun = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.ids = 50;
    let later = world.ask_rollout(RolloutOptions::default());
    world.settle();
    assert_eq!((world.status(begun), world.status(later)), (TaskStatus::Running, TaskStatus::Queued));
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!([begun, later].map(|id| world.status(id)), [TaskStatus::Succeeded; 2]);
}

#[test]
fn a_task_that_is_paused_before_its_turn_does_not_hold_the_one_that_is_under_way() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ids = 100;
    let under_way = world.ask_rollout(RolloutOptions::default());
    world.settle();
    world.ids = 50;
    let paused = world.ask_rollout(RolloutOptions::default());
    world.say(paused, Word::Pause).unwrap();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!([under_way, paused].map(|id| world.status(id)), [TaskStatus::Succeeded, TaskStatus::Paused]);
}

#[test]
fn the_oldest_dump_is_the_one_of_the_smallest_number_whatever_the_clocks_said() {
    let mut world = World::new();
    for id in [300, 200, 100] {
        world.ids = id;
        world.take_dump();
    }
    let left: Vec<_> = world.store.records.dumps_of(uuid(1)).iter().map(|dump| dump.generation.0).collect();
    assert_eq!(left, [2, 3]);
}

/// Those with the smallest ids went: of a router whose clock was behind, what it had asked for a moment ago.
#[test]
fn what_ended_first_is_forgotten_first_and_the_last_of_an_index_never() {
    let mut world = World::new();
    let put = |world: &mut World, id: u64, revision: u64, index: u128| {
        let (work, status) = (Work::Dump { then_rollout: None }, TaskStatus::Succeeded);
        let task = TaskRecord { index: name("faces"), uuid: uuid(index), work, status, error: None };
        world.store.records.put(&format!("task/{}", dump(id)), revision, &task.encode());
        TaskId(dump(id).uuid())
    };
    put(&mut world, 1, 10, 1);
    let oldest = put(&mut world, 999, 11, 7);
    for number in 0..200 {
        put(&mut world, 500 - number, 12 + number, 7);
    }
    assert_eq!(world.due(), [Step::Forget(oldest)]);
}

#[test]
fn what_is_rolled_out_again_while_it_retires_is_not_let_go_of() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::Resume).unwrap();
    world.settle();
    let back = RolloutOptions { generation: Some(Generation(1)), approve: true, ..RolloutOptions::default() };
    world.ask_rollout(back);
    world.settle();
    assert!(!world.due_later().iter().any(|due| matches!(due.step, Step::Retire(..))), "{:?}", world.due_later());
}

#[test]
fn an_index_whose_record_cannot_be_read_is_not_taken_for_deleted() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ask_dump();
    world.store.records.put("index/faces", 1_000, b"of a later release");
    assert_eq!((world.due(), world.due_later()), (vec![], vec![]));
}

#[test]
fn few_indexes_are_dumped_at_once() {
    let mut world = World::new();
    for number in 2..12 {
        let index = format!("songs-{number}");
        world.store.create(&index, number);
        world.made(&index, number);
        let id = world.next_id();
        let change = crate::decide::request_dump(&world.store.records, &name(&index), id, None).unwrap();
        assert!(world.store.commit(&change));
    }
    world.settle();
    assert_eq!(world.store.records.dumps.len(), DUMPS_AT_ONCE);
}

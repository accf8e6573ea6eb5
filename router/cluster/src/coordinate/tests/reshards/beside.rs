//! What else is asked of an index that is to move, and what becomes of that.

use super::*;
use crate::decide::{request_dump, request_rollout};
use crate::record::DumpState;

/// The cluster stood still, and nobody could see why.
#[test]
fn a_rollout_that_is_paused_is_named_as_what_holds_the_move() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let rollout = world.ask_rollout(RolloutOptions::default());
    world.say(rollout, Word::Pause).unwrap();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    let says = format!("index `faces`: rollout {rollout} comes first, and is paused: resume it, or roll it back");
    assert_eq!(obstacles(&world.store.records), [says]);
    world.say(rollout, Word::RollBack).unwrap();
    assert_eq!(obstacles(&world.store.records), [""; 0]);
}

#[test]
fn what_the_last_attempt_failed_at_is_told() {
    let mut world = filled();
    for why in ["the disk is full", "the folder was used before"] {
        let becomes = world.becomes();
        world.told(report_unmoved(&world.store.records, becomes, Failure::new(ErrorCode::IndexUnavailable, why)));
        assert_eq!(
            obstacles(&world.store.records),
            [format!("index `faces`: not moved yet, and tried again soon: {why}")]
        );
        assert!(world.take(&Step::BeginReshard(uuid(1))));
        assert_eq!(obstacles(&world.store.records), [""; 0]);
        world.settle();
        world.fill();
    }
}

/// They ended without a word when nobody read any longer where the index had been.
#[test]
fn what_waited_for_its_turn_when_the_index_moved_says_so() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    world.fill();
    let records = &world.store.records;
    let (dump, rollout) = (TaskId(dump(5_000).uuid()), TaskId(dump(5_001).uuid()));
    let asked = request_dump(records, &name("faces"), dump, None).unwrap();
    assert!(world.store.commit(&asked));
    let asked = request_rollout(&world.store.records, &name("faces"), rollout, RolloutOptions::default()).unwrap();
    assert!(world.store.commit(&asked));
    world.near();
    world.settle();
    world.seal();
    world.forwarded();
    world.settle();
    for id in [dump, rollout] {
        let task = &world.store.records.tasks[&id].record;
        assert_eq!(task.status, TaskStatus::Cancelled);
        let error = &task.error.as_ref().unwrap().message;
        assert_eq!(error, "index `faces` has moved to 3 shards before it was this task's turn: ask for it again");
    }
}

/// Each attempt left a generation, which in time took the place of those that somebody had asked for.
#[test]
fn the_dump_of_a_move_that_came_to_nothing_goes_unless_somebody_uses_it() {
    let mut world = World::with_replicas(1);
    let kept = world.take_dump();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    world.fill();
    let of_move = dump_of(world.task()).unwrap();
    let generations = |world: &World| {
        let dumps = world.store.records.dumps_of(uuid(1)).into_iter();
        dumps.map(|dump| dump.dump).collect::<Vec<_>>()
    };
    assert_eq!(generations(&world), [dump_of(kept).unwrap(), of_move]);
    let failure = || Failure::new(ErrorCode::IndexUnavailable, "the disk is full");
    let (becomes, mut used) = (world.becomes(), world.clone());
    world.told(report_unmoved(&world.store.records, becomes, failure()));
    assert_eq!(generations(&world), [dump_of(kept).unwrap()]);
    assert_eq!(world.store.records.dumps[&of_move].record.state, DumpState::Deleting);

    used.ask_rollout(RolloutOptions::default());
    used.told(report_unmoved(&used.store.records, becomes, failure()));
    assert_eq!(generations(&used), [dump_of(kept).unwrap(), of_move]);
}

/// It was due, and came to nothing again and again, with nobody to see why.
#[test]
fn a_move_is_not_begun_before_a_full_queue_that_says_so() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let rollout = world.ask_rollout(RolloutOptions::default());
    world.say(rollout, Word::Pause).unwrap();
    for _ in 0..16 {
        world.ask_dump();
    }
    world.ask_reshard(3);
    world.next_primaries();
    assert_eq!((world.due(), world.due_later()), (vec![], vec![]));
    let says = format!(
        "index `faces`: 16 tasks wait for their turn, and no more may: rollout {rollout} comes first, and is paused: resume \
         it, or roll it back"
    );
    assert_eq!(obstacles(&world.store.records), [says]);
    world.say(rollout, Word::RollBack).unwrap();
    world.settle();
    assert!(world.due().is_empty());
    assert!(world.store.records.tasks.values().any(|task| task.record.is_move()));
}

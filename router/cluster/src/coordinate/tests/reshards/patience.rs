//! How long a move waits, and what it says when it does not any longer.

use super::*;
use crate::decide::report_far;

/// What is due of the only task, once it has been due for a while, and why.
#[track_caller]
fn gives_up(world: &World) -> (u64, String) {
    let late = world.due_later();
    let [Due { step: Step::FailReshard(_, failure), patience }] = late.as_slice() else { panic!("{late:?}") };
    (patience.as_secs(), failure.message.clone())
}

/// A primary that is down for good held the move for ever, while the logs of the others grew.
#[test]
fn a_move_waits_a_minute_for_a_process_that_is_down() {
    let mut world = filled();
    world.gone(202);
    let (seconds, says) = gives_up(&world);
    assert_eq!(seconds, 60);
    assert!(says.starts_with("shard 2 of the 3 that there will be has no primary: start"), "{says}");
    world.next_primaries();
    world.gone(101);
    let (seconds, says) = gives_up(&world);
    assert_eq!(seconds, 60);
    assert!(says.starts_with("shard 1 of the 2 that there are has no primary"), "{says}");
    // Nor are writes stopped without it, though everything is near.
    world.near();
    assert_eq!((world.due(), gives_up(&world).0), (vec![], 60));
}

#[test]
fn a_move_waits_for_hours_for_what_takes_its_time() {
    let mut world = World::new();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    let id = world.task();
    (0..2).for_each(|shard| world.dumped(id, shard, &done(shard)));
    world.settle();
    let (seconds, says) = gives_up(&world);
    assert_eq!(seconds, 6 * 60 * 60);
    assert!(says.starts_with("shard 0 of the 3 that there will be was not made of the dump"), "{says}");
    let world = filled();
    let (seconds, says) = gives_up(&world);
    assert_eq!(seconds, 6 * 60 * 60);
    assert!(says.starts_with("shard 0 of the 3 that there will be has not caught up"), "{says}");
}

#[test]
fn what_fails_again_and_again_is_begun_less_and_less_often() {
    let mut world = filled();
    let failure = || Failure::new(ErrorCode::IndexUnavailable, "the folder was used before");
    let mut rests = Vec::new();
    for _ in 0..6 {
        let becomes = world.becomes();
        world.told(report_unmoved(&world.store.records, becomes, failure()));
        let later = world.due_later();
        let again = later.iter().find(|due| matches!(due.step, Step::BeginReshard(_))).unwrap();
        rests.push(again.patience.as_secs());
        assert!(world.take(&again.step));
        world.settle();
        world.fill();
    }
    assert_eq!(rests, [10, 20, 40, 80, 160, 160]);
}

/// A new primary that had been near was killed when everything else was; its index was sealed while it read everything since
/// the dump once more.
#[test]
fn writes_are_not_stopped_for_a_shard_that_is_far_again() {
    let mut world = filled();
    let becomes = world.becomes();
    world.near();
    world.told(report_far(&world.store.records, becomes, ShardId(1)));
    assert_eq!(world.due(), []);
    world.told(report_near(&world.store.records, becomes, ShardId(1)));
    world.settle();
    assert!(world.index().is_sealed_on(LayoutId::FIRST));
    assert_eq!(report_far(&world.store.records, becomes, ShardId(1)), Reported::TooLate);
}

//! How long a move waits, and what it says when it does not any longer.

use super::*;
use crate::decide::report_far;

/// What the only task gives up at, once it has been due for a while, and why.
#[track_caller]
fn gives_up(world: &World) -> Vec<(u64, String)> {
    let says = |Due { step, patience }: &Due| {
        let Step::FailReshard(id, hindrance) = step else { panic!("{step:?}") };
        let failure = reshard::failure(&world.store.records, *id, *hindrance).unwrap();
        (patience.as_secs(), failure.message)
    };
    world.due_later().iter().map(says).collect()
}

#[track_caller]
fn check_gives_up(world: &World, want: &[(u64, &str)]) {
    let found = gives_up(world);
    let is_it =
        |((found, says), (want, start)): (&(u64, String), &(u64, &str))| found == want && says.starts_with(start);
    assert!(found.len() == want.len() && found.iter().zip(want).all(is_it), "{found:?}");
}

const HOURS: u64 = 6 * 60 * 60;

/// A primary that is down for good held the move for ever, while the logs of the others grew.
#[test]
fn a_move_waits_a_minute_for_a_process_that_is_down() {
    let mut world = filled();
    let catches_up = (HOURS, "shard 0 of the 3 that there will be has not caught up");
    world.gone(202);
    check_gives_up(&world, &[(60, "shard 2 of the 3 that there will be has no primary: start"), catches_up]);
    world.next_primaries();
    world.gone(101);
    let absent = (60, "shard 1 of the 2 that there are has no primary");
    check_gives_up(&world, &[absent, catches_up]);
    // Nor are writes stopped without it, though everything is near.
    world.near();
    assert_eq!(world.due(), []);
    check_gives_up(&world, &[absent]);
}

#[test]
fn a_move_waits_for_hours_for_what_takes_its_time() {
    check_gives_up(&begun(), &[(HOURS, "shard 0 of the 3 that there will be was not made of the dump")]);
    check_gives_up(&filled(), &[(HOURS, "shard 0 of the 3 that there will be has not caught up")]);
}

/// A dump was taken, and the new primaries have yet to make their shards of it.
fn begun() -> World {
    let mut world = World::new();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    let id = world.task();
    (0..2).for_each(|shard| world.dumped(id, shard, &done(shard)));
    world.settle();
    world
}

/// A process that fell over and over again, or one shard made after the other, let all waiting begin anew.
#[test]
fn a_move_waits_no_longer_for_what_else_is_in_the_way_meanwhile() {
    let mut world = begun();
    let becomes = world.becomes();
    let later = |world: &World| world.due_later().into_iter().map(|due| due.step).collect::<Vec<_>>();
    let [filling] = later(&world).try_into().unwrap();
    world.gone(202);
    world.gone(101);
    let [two, one, still] = later(&world).try_into().unwrap();
    assert_eq!(still, filling);
    world.next_primaries();
    assert_eq!(later(&world), [one.clone(), filling.clone()]);
    world.told(report_made(&world.store.records, &name("faces"), becomes, ShardId(0), history(9)));
    assert_eq!(later(&world), [one, filling]);
    assert!(matches!(two, Step::FailReshard(_, Hindrance::NoPrimary(Place { shard: ShardId(2), .. }))));
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

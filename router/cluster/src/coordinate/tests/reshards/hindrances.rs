//! Folders over which an index cannot move, and which say so.

use super::*;
use crate::decide::report_unmade;
use crate::reconcile::Plan;
use annuli_api::Position;

const PLACE: Place = Place { layout: NEXT, shard: ShardId(2) };

fn over(world: &World, held: Option<(IndexUuid, Result<Position, Failure>)>, older: OlderFolder) -> Plan {
    let held = held.map(|(uuid, state)| (name("faces"), HeldShard { uuid: Some(uuid), state }));
    plan(&world.store.records, PLACE, &held.into_iter().collect(), older)
}

/// It waited for ever for the folder to go, and said nothing.
#[test]
fn a_folder_that_was_used_before_ends_the_attempt_and_says_what_to_do() {
    let mut world = World::new();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    let id = world.task();
    (0..2).for_each(|shard| world.dumped(id, shard, &done(shard)));
    world.settle();
    let becomes = world.becomes();
    let planned = over(&world, Some((uuid(7), Ok(at(9, 5)))), OlderFolder::Refuse);
    assert!(planned.restores.is_empty());
    let unmade = &planned.unmade[&becomes];
    let says = "the folder `faces` of the process of shard 2 holds index";
    assert!(unmade.failure.message.starts_with(says), "{}", unmade.failure);
    assert_eq!(planned.serves[&becomes], Err(unmade.failure.clone()));
    world.told(report_unmade(&world.store.records, &unmade.name, becomes, ShardId(2), &unmade.failure));
    let error = world.store.records.tasks[&id].record.error.clone().unwrap();
    assert!(error.message.contains("start the process over an empty folder"), "{error}");
    // What an attempt before has left is removed first, and keeps nobody.
    let again = Step::BeginReshard(uuid(1));
    assert!(world.take(&again));
    world.settle();
    let id = world.task();
    (0..2).for_each(|shard| world.dumped(id, shard, &done(shard)));
    world.settle();
    let planned = over(&world, Some((becomes, Ok(at(9, 5)))), OlderFolder::Refuse);
    assert_eq!((planned.restores.len(), planned.unmade.len(), planned.steps.len()), (0, 0, 1));
}

/// The move waited for ever for a shard that had been made and was lost again.
#[test]
fn what_was_made_and_is_not_there_as_it_was_is_made_anew() {
    let world = filled();
    let becomes = world.becomes();
    let damaged = Failure::new(ErrorCode::StorageFailed, "the store is rotten");
    for (held, older, says) in [
        (None, OlderFolder::Refuse, "it is not in the folder of its process"),
        (None, OlderFolder::TakeOver, "it is not in the folder of its process"),
        (Some((becomes, Ok(at(99, 5)))), OlderFolder::Refuse, "its process holds another history"),
        (Some((becomes, Ok(at(99, 5)))), OlderFolder::TakeOver, "its process holds another history"),
        (Some((becomes, Err(damaged))), OlderFolder::Refuse, "the store is rotten"),
    ] {
        let planned = over(&world, held, older);
        let failure = &planned.unmoved[&becomes];
        assert!(failure.message.contains("is made anew") && failure.message.ends_with(says), "{failure}");
        assert_eq!((planned.steps.len(), planned.restores.len(), planned.forwards.len()), (0, 0, 0));
        let mut world = world.clone();
        world.told(report_unmoved(&world.store.records, becomes, failure.clone()));
        assert!(world.index().moving.is_none());
    }
    let whole = over(&world, Some((becomes, Ok(at(52, 5)))), OlderFolder::Refuse);
    assert_eq!((whole.unmoved.len(), whole.forwards.len()), (0, 1));
}

/// It may have moved: the layout was over, its processes served nothing any longer, and nothing brought it back.
#[test]
fn a_move_is_not_cancelled_past_an_index_that_cannot_be_read() {
    let mut world = filled();
    world.store.records.put("index/songs", 1_000, b"of a later release");
    let refused = cancel_reshard(&world.store.records).unwrap_err();
    assert_eq!(refused.code, ErrorCode::IndexUnavailable);
}

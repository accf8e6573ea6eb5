//! What stays of an index on the layout that it has left.

use super::*;
use crate::decide::{remove_index, report_removed};
use crate::reconcile::Step as Chore;
use crate::record::TermRecord;
use annuli_coordination::Epoch;

/// A cluster whose index has moved, and which has not: another index is yet to follow.
fn halfway() -> World {
    let mut world = filled();
    world.near();
    world.settle();
    world.seal();
    world.forwarded();
    world.settle();
    assert_eq!(world.index().layout, NEXT);
    world
}

/// An index that was made again under its name was never made on processes that still had the folder of the one before, and
/// so the cluster waited for ever for it to move.
#[track_caller]
fn check_removed_before_it_is_made_again(mut world: World) {
    let deletion = remove_index(&world.store.records, &name("faces")).unwrap();
    assert!(world.store.commit(&deletion));
    world.store.create("faces", 9);
    for shard in [0, 1] {
        let number = u128::from(shard) + 1;
        let chores = planned(&world, Place::first(ShardId(shard)), uuid(1), number).steps;
        let removed = Chore::Remove { name: name("faces"), uuid: uuid(1) };
        let made = Chore::Make { name: name("faces"), uuid: uuid(9), schema: schema(2) };
        assert_eq!(chores, [removed, made]);
        world.told(report_removed(&world.store.records, uuid(1), ShardId(shard)));
    }
    assert!(!world.store.records.gone.contains_key(&uuid(1)));
    world.made("faces", 9);
    assert!(world.due().contains(&Step::BeginReshard(uuid(9))), "{:?}", world.due());
}

#[test]
fn what_an_index_was_goes_with_it_while_it_is_read_there() {
    check_removed_before_it_is_made_again(halfway());
}

#[test]
fn what_an_index_was_goes_with_it_once_nobody_reads_it_there() {
    let mut world = halfway();
    let former = Step::ForgetFormer(world.index().uuid);
    assert!(world.take(&former));
    check_removed_before_it_is_made_again(world);
}

#[test]
fn nobody_is_to_remove_what_is_on_a_layout_that_is_over() {
    let mut world = halfway();
    let former = Step::ForgetFormer(world.index().uuid);
    assert!(world.take(&former));
    world.settle();
    let becomes = world.index().uuid;
    let deletion = remove_index(&world.store.records, &name("faces")).unwrap();
    assert!(world.store.commit(&deletion));
    assert_eq!(world.store.records.gone.keys().collect::<Vec<_>>(), [&becomes]);
}

/// Each number of shards that a cluster ever had left a record of each shard, for ever.
#[test]
fn who_served_a_layout_that_is_over_is_forgotten_and_its_aliases_go_along() {
    let mut world = halfway();
    let alias = set_alias(&world.store.records, &name("people"), &name("faces")).unwrap();
    assert!(world.store.commit(&alias));
    for (place, number) in [(Place::first(ShardId(1)), 1), (Place { layout: NEXT, shard: ShardId(2) }, 2)] {
        let term = TermRecord { epoch: Epoch(number) };
        assert!(world.store.commit(&Change::new().put(Key::Term(place), term.encode())));
    }
    assert_eq!(world.due(), []);
    let former = Step::ForgetFormer(world.index().uuid);
    assert!(world.take(&former));
    world.settle();
    let left: Vec<_> = world.store.records.terms.keys().map(|place| place.layout).collect();
    assert_eq!((left, world.store.records.alias(&name("people"))), (vec![NEXT], Some(&name("faces"))));
}

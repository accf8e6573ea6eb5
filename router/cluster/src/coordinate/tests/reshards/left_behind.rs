//! What stays of an index on the layout that it has left.

use super::*;
use crate::decide::{remove_index, report_removed};
use crate::reconcile::Step as Chore;

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

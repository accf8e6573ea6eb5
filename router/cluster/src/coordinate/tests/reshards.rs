//! A cluster of two shards moves to three, step by step.

mod beside;
mod hindrances;
mod left_behind;
mod patience;

use super::*;
use crate::decide::OlderFolder;
use crate::decide::{
    Creation, Reported, cancel_reshard, create_index, report_done, report_made, report_near, report_sealed,
    report_unmoved, request_reshard, set_alias,
};
use crate::reconcile::{HeldShard, plan};
use crate::record::{IndexRecord, IndexState, LayoutId, NodeRecord};
use crate::testing::{at, history, schema};
use annuli_core::{Seq, ShardCount};
use std::collections::BTreeMap;

const NEXT: LayoutId = LayoutId(1);

fn three() -> ShardCount {
    ShardCount::new(3).unwrap()
}

impl World {
    fn ask_reshard(&mut self, shards: u32) {
        let change = request_reshard(&self.store.records, ShardCount::new(shards).unwrap()).unwrap().unwrap();
        assert!(self.store.commit(&change));
    }

    /// The primaries of the next layout have joined.
    fn next_primaries(&mut self) {
        for shard in three().shards() {
            let place = Place { layout: NEXT, shard };
            self.node(200 + u128::from(shard.0), &NodeRecord { place, ..world::primary(shard.0) });
        }
    }

    fn index(&self) -> &IndexRecord {
        &self.store.records.indexes[&name("faces")].record
    }

    fn told(&mut self, reported: Reported) {
        let Reported::New(change) = reported else { panic!("{reported:?}") };
        assert!(self.store.commit(&change));
    }

    fn task(&self) -> TaskId {
        let (id, _) = self.store.records.tasks.iter().rev().find(|(_, task)| !task.record.is_over()).unwrap();
        *id
    }

    /// What the index is to become.
    fn becomes(&self) -> IndexUuid {
        self.index().moving.as_ref().unwrap().uuid
    }

    /// Up to where the new primaries have made their shards of a dump.
    fn fill(&mut self) {
        let id = self.task();
        (0..2).for_each(|shard| self.dumped(id, shard, &done(shard)));
        self.settle();
        let becomes = self.becomes();
        for shard in three().shards() {
            let made = history(u128::from(shard.0) + 50);
            self.told(report_made(&self.store.records, &name("faces"), becomes, shard, made));
        }
    }

    fn near(&mut self) {
        let becomes = self.becomes();
        three().shards().for_each(|shard| self.told(report_near(&self.store.records, becomes, shard)));
    }

    fn seal(&mut self) {
        let becomes = self.becomes();
        for shard in [0, 1] {
            self.told(report_sealed(&self.store.records, becomes, ShardId(shard), Seq(100 + u64::from(shard))));
        }
    }

    fn forwarded(&mut self) {
        let becomes = self.becomes();
        three().shards().for_each(|shard| self.told(report_done(&self.store.records, becomes, shard)));
    }
}

/// A cluster whose index is filled on the next layout.
fn filled() -> World {
    let mut world = World::new();
    world.ask_reshard(3);
    world.next_primaries();
    world.settle();
    world.fill();
    world
}

#[test]
fn an_index_moves_once_everything_is_there_and_takes_its_name_and_aliases_along() {
    let mut world = World::new();
    let alias = set_alias(&world.store.records, &name("people"), &name("faces")).unwrap();
    assert!(world.store.commit(&alias));
    world.ask_reshard(3);
    // Nothing is begun before each new shard has a primary.
    assert_eq!(world.due(), []);
    world.next_primaries();
    world.settle();
    world.fill();
    assert_eq!(world.due(), []);
    world.near();
    world.settle();
    assert_eq!(world.index().uuid, uuid(1));
    assert!(world.index().is_sealed_on(LayoutId::FIRST));
    world.seal();
    assert_eq!(world.due(), []);
    let (id, becomes) = (world.task(), world.becomes());
    world.forwarded();
    assert_eq!(world.due(), [Step::MoveOver(id)]);
    world.settle();
    let index = world.index();
    assert_eq!((index.uuid, index.first, index.layout, index.schema.shards), (becomes, uuid(1), NEXT, three()));
    assert_eq!((index.state(), index.generations.last), (IndexState::Ready, 0));
    assert_eq!(world.status(id), TaskStatus::Succeeded);
    assert_eq!(world.store.records.alias(&name("people")), Some(&name("faces")));
    // Who reads where it was is let do so for a while; only then has the cluster moved.
    assert!(index.is_sealed_on(LayoutId::FIRST) && !index.is_sealed_on(NEXT));
    assert!(!world.store.records.is_deleted(uuid(1)));
    let [Due { step, patience }] = world.due_later().try_into().expect("one thing is due later");
    assert_eq!((&step, patience), (&Step::ForgetFormer(becomes), KEEPING.retiring));
    assert!(world.take(&step));
    world.settle();
    let cluster = world.store.records.cluster.as_ref().unwrap().record;
    assert_eq!((cluster.layout.id, cluster.layout.shards, cluster.next), (NEXT, three(), None));
}

#[test]
fn who_does_not_come_to_the_end_in_time_lets_writes_go_on_and_the_move_is_begun_anew() {
    let mut world = filled();
    world.near();
    world.settle();
    world.seal();
    let id = world.task();
    let late = world.due_later();
    let [Due { step, .. }] = late.as_slice() else { panic!("{late:?}") };
    assert!(matches!(step, Step::FailReshard(task, _) if *task == id));
    let given_up = world.becomes();
    assert!(world.take(step));
    assert_eq!(world.status(id), TaskStatus::Failed);
    assert!(!world.index().is_sealed_on(LayoutId::FIRST));
    // What was made is removed by those who made it, and what they say of it late is nothing to anybody.
    assert_eq!(world.store.records.gone[&given_up].record.left.len(), 3);
    for late in [
        report_done(&world.store.records, given_up, ShardId(0)),
        report_sealed(&world.store.records, given_up, ShardId(0), Seq(100)),
    ] {
        assert_eq!(late, Reported::TooLate);
    }
    let again: Vec<_> = world.due_later().into_iter().map(|due| due.step).collect();
    let files = Step::RemoveFiles(uuid(1), dump_of(id).unwrap());
    assert_eq!(again, [files, Step::BeginReshard(uuid(1))]);
}

#[test]
fn a_new_primary_that_cannot_go_on_ends_the_attempt() {
    let mut world = filled();
    let (id, becomes) = (world.task(), world.becomes());
    let failure = Failure::new(ErrorCode::StaleToken, "the log does not reach back");
    world.told(report_unmoved(&world.store.records, becomes, failure));
    assert_eq!((world.status(id), world.index().moving.is_none()), (TaskStatus::Failed, true));
}

#[test]
fn a_reshard_that_is_cancelled_in_time_leaves_nothing_behind() {
    let mut world = filled();
    world.near();
    world.settle();
    let id = world.task();
    let cancelled = cancel_reshard(&world.store.records).unwrap().unwrap();
    assert!(world.store.commit(&cancelled));
    world.settle();
    assert_eq!((world.status(id), world.index().moving.is_none()), (TaskStatus::Cancelled, true));
    assert_eq!(world.store.records.gone, BTreeMap::new());
    assert!(!world.index().is_sealed_on(LayoutId::FIRST));
    // The next has another number, also if it is of as many shards.
    world.ask_reshard(3);
    assert_eq!(world.store.records.cluster.as_ref().unwrap().record.next.unwrap().id, LayoutId(2));
}

#[test]
fn of_a_move_and_a_cancellation_that_are_decided_at_once_one_is_refused() {
    let mut world = filled();
    world.near();
    world.settle();
    world.seal();
    world.forwarded();
    let cancelled = cancel_reshard(&world.store.records).unwrap().unwrap();
    let mut other = world.clone();
    world.settle();
    assert!(!world.store.commit(&cancelled));
    assert_eq!(cancel_reshard(&world.store.records).unwrap_err().code, ErrorCode::TaskConflict);
    assert!(other.store.commit(&cancelled));
    other.settle();
    assert_eq!(other.index().uuid, uuid(1));
}

#[test]
fn an_index_that_is_created_at_the_last_moment_moves_too() {
    let mut world = filled();
    world.near();
    world.settle();
    world.seal();
    world.forwarded();
    let Creation::New(films) = create_index(&world.store.records, &name("films"), &schema(2), uuid(9)).unwrap() else {
        panic!("it is new")
    };
    world.settle();
    // It was decided by a cluster in which no index had moved.
    assert!(!world.store.commit(&films));
    let Creation::New(films) = create_index(&world.store.records, &name("films"), &schema(2), uuid(9)).unwrap() else {
        panic!("it is new")
    };
    let former = Step::ForgetFormer(world.index().uuid);
    assert!(world.take(&former));
    let ended = written_end(&world);
    assert!(world.store.commit(&films) && !world.store.commit(&ended));
    world.made("films", 9);
    assert!(world.due().contains(&Step::BeginReshard(uuid(9))), "{:?}", world.due());
}

fn written_end(world: &World) -> Change {
    change(&world.store.records, &KEEPING, &Step::EndReshard).expect("every index has moved")
}

#[test]
fn a_deleted_index_goes_with_what_it_was_to_become() {
    let mut world = filled();
    let (id, becomes) = (world.task(), world.becomes());
    let removal = crate::decide::remove_index(&world.store.records, &name("faces")).unwrap();
    assert!(world.store.commit(&removal));
    let gone = &world.store.records.gone;
    let places = |uuid| (gone[&uuid].record.layout, gone[&uuid].record.left.len());
    assert_eq!((places(uuid(1)), places(becomes)), ((LayoutId::FIRST, 2), (NEXT, 3)));
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Cancelled);
    // It was the only one: the cluster has moved, and nobody is left who would remove what is on the layout before.
    assert_eq!(world.store.records.gone.keys().collect::<Vec<_>>(), [&becomes]);
}

/// What the primary of a place has to do, over a folder that holds its shard.
fn planned(world: &World, place: Place, held: IndexUuid, number: u128) -> crate::reconcile::Plan {
    let held = HeldShard { uuid: Some(held), state: Ok(at(number, 200)) };
    plan(&world.store.records, place, &[(name("faces"), held)].into(), OlderFolder::Refuse)
}

#[test]
fn each_primary_does_its_part() {
    let mut world = filled();
    let (old, new) = (Place::first(ShardId(1)), Place { layout: NEXT, shard: ShardId(2) });
    let becomes = world.becomes();
    assert_eq!(planned(&world, old, uuid(1), 2).logs, [(uuid(1), Seq(7))].into());
    let reads = &planned(&world, new, becomes, 52).forwards[&becomes];
    assert_eq!((reads.index, reads.shards, reads.sources.len()), (uuid(1), three(), 2));
    let source = &reads.sources[&ShardId(1)];
    assert_eq!((source.dumped.seq, source.dumped.history, source.last), (Seq(7), history(2), None));
    assert_eq!(source.address.as_deref(), Some("127.0.0.1:7001"));
    assert_eq!((planned(&world, old, uuid(1), 2).seals.len(), planned(&world, old, uuid(1), 2).sealed.len()), (0, 0));
    world.near();
    world.settle();
    let sealing = planned(&world, old, uuid(1), 2);
    assert_eq!(
        (sealing.seals[0].is_said, sealing.sealed, &sealing.serves[&uuid(1)]),
        (false, [uuid(1)].into(), &Ok(()))
    );
    world.seal();
    let sealed = planned(&world, old, uuid(1), 2);
    assert_eq!((sealed.seals[0].is_said, sealed.sealed), (true, [uuid(1)].into()));
    let reads = &planned(&world, new, becomes, 52).forwards[&becomes];
    assert_eq!(reads.sources[&ShardId(1)].last, Some(Seq(101)));
    world.forwarded();
    // From then on nothing is read that was not acknowledged.
    assert!(planned(&world, new, becomes, 52).forwards.is_empty());
    world.settle();
    let before = planned(&world, old, uuid(1), 2);
    assert_eq!((before.sealed, &before.serves[&uuid(1)]), ([uuid(1)].into(), &Ok(())));
    let after = planned(&world, new, becomes, 52);
    assert_eq!((after.sealed.len(), &after.serves[&becomes]), (0, &Ok(())));
}

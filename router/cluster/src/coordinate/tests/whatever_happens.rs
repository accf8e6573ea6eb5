//! Everything that may happen, in any order; and what holds all the same.

use super::super::*;
use super::world::{KEEPING, World, done, failed, unfit, written};
use crate::decide::{Reported, RolloutOptions, Word, report_compared, report_dumped, request_dump, request_rollout};
use crate::record::{
    AskedBy, CanaryStage, Comparison, Comparisons, LayoutId, NodeId, Prepared, RouterId, ShardComparison, TaskRecord,
};
use crate::testing::{name, uuid};
use annuli_api::v1::canary::CanaryTerms;
use proptest::prelude::*;
use uuid::Uuid;

/// Something that may happen at any moment.
#[derive(Debug, Clone)]
enum Event {
    /// The coordinator does something that is due now, or has been for long enough.
    Coordinate(usize),
    /// One that was frozen goes on with what it saw then.
    Late(usize),
    Dump,
    Rollout(bool),
    /// A rollout that is tried on live searches.
    Try,
    /// A router compares: each shard as often, and half of the hits or all are in common.
    Compare(u64, bool),
    Say(usize, Word),
    Dumped(u32, bool),
    /// A replica gets on with what it may prepare.
    Prepare(usize, bool),
    /// A replica comes or goes.
    Flap(usize),
    Freeze,
}

fn event() -> impl Strategy<Value = Event> {
    let word = prop::sample::select(vec![Word::Pause, Word::Resume, Word::RollBack]);
    prop_oneof![
        8 => (0..4_usize).prop_map(Event::Coordinate),
        2 => (0..4_usize).prop_map(Event::Late),
        2 => Just(Event::Dump),
        2 => any::<bool>().prop_map(Event::Rollout),
        2 => Just(Event::Try),
        3 => (1..20_u64, prop::bool::weighted(0.8)).prop_map(|(searches, well)| Event::Compare(searches, well)),
        2 => (0..4_usize, word).prop_map(|(task, word)| Event::Say(task, word)),
        4 => (0..2_u32, prop::bool::weighted(0.9)).prop_map(|(shard, well)| Event::Dumped(shard, well)),
        6 => (0..4_usize, prop::bool::weighted(0.9)).prop_map(|(replica, well)| Event::Prepare(replica, well)),
        1 => (0..4_usize).prop_map(Event::Flap),
        1 => Just(Event::Freeze),
    ]
}

const REPLICAS: [(u128, u32); 4] = [(10, 0), (11, 0), (20, 1), (21, 1)];

fn happen(world: &mut World, frozen: &mut Records, event: &Event) {
    match event {
        Event::Coordinate(which) => {
            let due = due(&world.store.records, &KEEPING);
            if let Some(due) = due.get(which % due.len().max(1)) {
                world.take(&due.step);
            }
        }
        // Decided by what stood there when it froze, and committed now.
        Event::Late(which) => {
            let due = due(frozen, &KEEPING);
            let written = due.get(which % due.len().max(1)).and_then(|due| written(frozen, &due.step, world.fresh()));
            if let Some(change) = written {
                world.store.commit(&change);
            }
        }
        Event::Freeze => *frozen = world.store.records.clone(),
        Event::Dump => {
            let id = world.next_id();
            if let Ok(change) = request_dump(&world.store.records, &name("faces"), id, true) {
                world.store.commit(&change);
            }
        }
        Event::Rollout(approve) => {
            let id = world.next_id();
            let options = RolloutOptions { approve: *approve, ..RolloutOptions::default() };
            if let Ok(change) = request_rollout(&world.store.records, &name("faces"), id, options) {
                world.store.commit(&change);
            }
        }
        Event::Try => {
            let id = world.next_id();
            let canary = CanaryTerms { percent: 5, floor_percent: None, searches: Some(10) };
            let options = RolloutOptions { canary: Some(canary), ..RolloutOptions::default() };
            if let Ok(change) = request_rollout(&world.store.records, &name("faces"), id, options) {
                world.store.commit(&change);
            }
        }
        Event::Compare(searches, well) => compare(world, *searches, *well),
        Event::Say(which, word) => {
            let rollouts: Vec<_> = world.store.records.tasks.keys().rev().copied().collect();
            if let Some(id) = rollouts.get(*which) {
                let _ = world.say(*id, *word);
            }
        }
        Event::Dumped(shard, well) => {
            let awaited: Vec<_> = world.store.records.dumps.keys().copied().collect();
            let said = if *well { done(*shard) } else { failed() };
            for dump in awaited {
                if let Reported::New(change) = report_dumped(&world.store.records, dump, ShardId(*shard), &said) {
                    world.store.commit(&change);
                }
            }
        }
        Event::Prepare(which, well) => prepare(world, REPLICAS[*which], *well),
        Event::Flap(which) => {
            let (number, shard) = REPLICAS[*which];
            if world.store.records.nodes.contains_key(&NodeId(Uuid::from_u128(number))) {
                world.gone(number);
            } else {
                world.replica(number, shard, &[]);
            }
        }
    }
}

/// The replica does what its plan says, at once.
fn prepare(world: &mut World, (number, shard): (u128, u32), well: bool) {
    let id = ReplicaId(Uuid::from_u128(number));
    let replicas: Vec<_> = world.store.records.replicas().collect();
    let Some(replica) = replicas.iter().find(|replica| replica.record.id == id) else { return };
    let ready = replica.record.generations.iter().filter(|(_, prepared)| **prepared == Prepared::Ready);
    let held = ready.map(|(key, _)| (*key, Ok(()))).collect();
    let plan = crate::reconcile::replica::plan(&world.store.records, LayoutId::FIRST, id, &held);
    let kept = held.into_keys().filter(|key| !plan.retire.contains(key)).map(|key| (key.1.0, Prepared::Ready));
    let how = |rollout| if well { Prepared::Ready } else { unfit("broken", rollout) };
    let new = plan.prepare.iter().map(|new| (new.of.generation.0, how(new.rollout)));
    let generations: Vec<_> = kept.chain(new).collect();
    world.replica(number, shard, &generations);
}

/// A router reports of whatever is tried.
fn compare(world: &mut World, searches: u64, well: bool) {
    let (hits, common) = (searches * 10, if well { searches * 10 } else { searches * 5 });
    let sums = Comparison { searches, hits, common, ..Comparison::default() };
    let of_shard = |shard| (ShardId(shard), ShardComparison { sums, last_failure: None });
    let compared = Comparisons([0, 1].map(of_shard).into());
    let rollouts: Vec<_> = world.store.records.tasks.keys().copied().collect();
    for id in rollouts {
        if let Some(change) = report_compared(&world.store.records, id, RouterId(Uuid::nil()), &compared) {
            world.store.commit(&change);
        }
    }
}

/// Whether a task is a rollout that was tried on live searches, and has failed.
fn has_failed_on_trial(task: Option<&TaskRecord>) -> bool {
    let failed = task.filter(|task| task.status == TaskStatus::Failed);
    let canary = failed.and_then(|task| task.rollout()?.canary);
    canary.is_some_and(|canary| canary.stage != CanaryStage::Awaited)
}

/// What must hold at every moment, whatever has happened.
fn check(world: &World, before: &Records) {
    let records = &world.store.records;
    let generations = world.generations();
    for used in [generations.official, generations.retiring].into_iter().flatten() {
        let state = records.dumps.get(&used.dump).map(|stored| stored.record.state);
        assert_eq!(state, Some(DumpState::Taken(used.generation)), "what is served is in the store");
    }
    if let Some(preparing) = &generations.preparing {
        let task = &records.tasks[&preparing.rollout].record;
        assert!(!task.is_over(), "a preparation has its rollout");
        let by_itself = task.rollout().is_some_and(|rollout| rollout.asked_by == AskedBy::Schedule);
        let known = before.indexes[&name("faces")].record.generations.preparing.as_ref();
        let begins = by_itself && known.is_none_or(|known| known.rollout != preparing.rollout);
        assert!(!begins || !generations.held, "the schedule rolls out nothing where it is held");
    }
    for (id, task) in &records.tasks {
        let was = before.tasks.get(id).map(|was| &was.record);
        let fails = has_failed_on_trial(Some(&task.record)) && !has_failed_on_trial(was);
        assert!(!fails || generations.held, "what has failed on live searches holds the schedule");
    }
    let was = before.indexes[&name("faces")].record.generations.clone();
    if let (Some(official), true) = (generations.official, generations.official != was.official) {
        let is_back = was.retiring == Some(official);
        let mut replicas = before.replicas();
        let ready = replicas.all(|replica| replica.is_ready(uuid(1), official.generation));
        assert!(is_back || ready, "what became official was ready on every replica");
        let by = was.preparing.as_ref().and_then(|preparing| records.tasks[&preparing.rollout].record.rollout());
        let stage = by.and_then(|rollout| rollout.canary).map(|canary| canary.stage);
        let does = |ended: Comparison| ended.searches >= 10 && ended.overlap_percent() >= 80;
        let passed = stage.is_none_or(|stage| matches!(stage, CanaryStage::Ended(ended) if does(ended)));
        assert!(is_back || passed, "what was to be tried has passed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_replicas_serve_what_is_in_the_store_and_was_ready_everywhere(
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::with_replicas(2);
        // So that most of what happens is about rollouts.
        world.take_dump();
        let mut frozen = world.store.records.clone();
        for event in &events {
            let before = world.store.records.clone();
            happen(&mut world, &mut frozen, event);
            check(&world, &before);
        }
    }

    /// When everything is well again, everything comes to an end.
    #[test]
    fn every_task_ends(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World::with_replicas(2);
        let mut frozen = world.store.records.clone();
        for event in &events {
            happen(&mut world, &mut frozen, event);
        }
        for (number, shard) in REPLICAS {
            if !world.store.records.nodes.contains_key(&NodeId(Uuid::from_u128(number))) {
                world.replica(number, shard, &[]);
            }
        }
        for _ in 0..1_000 {
            let paused: Vec<_> = world.store.records.tasks.iter()
                .filter(|(_, task)| task.record.status == TaskStatus::Paused).map(|(id, _)| *id).collect();
            for id in paused {
                world.say(id, Word::Resume).unwrap();
            }
            (0..2).for_each(|shard| happen(&mut world, &mut frozen, &Event::Dumped(shard, true)));
            (0..4).for_each(|which| happen(&mut world, &mut frozen, &Event::Prepare(which, true)));
            compare(&mut world, 10, true);
            for step in world.due() {
                world.take(&step);
            }
        }
        for (id, task) in &world.store.records.tasks {
            prop_assert!(task.record.is_over(), "{id} {task:?}");
        }
    }
}

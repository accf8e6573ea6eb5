//! Everything that may happen, in any order; and what holds all the same.

mod event;

use super::super::rollout::REPLICA_PATIENCE;
use super::super::*;
use super::folders::{Folders, REPLICAS, lives};
use super::world::{KEEPING, World, done, failed, primary, written};
use crate::decide::{Reported, RolloutOptions, Word, report_compared, report_dumped, request_dump, request_rollout};
use crate::record::{
    AskedBy, CanaryStage, Comparison, Comparisons, NodeId, RouterId, ShardComparison, TaskRecord, Way,
};
use crate::records::LiveReplica;
use crate::testing::{name, uuid};
use annuli_api::v1::canary::CanaryTerms;
use event::{Asked, Does, Event, Moves, event};
use proptest::prelude::*;
use uuid::Uuid;

/// Two replicas of each of two shards, with what they have, and a coordinator that was frozen.
struct Stage {
    world: World,
    folders: Folders,
    frozen: Records,
    /// Whether a process has come or gone since.
    has_flapped: bool,
}

impl Stage {
    fn new(world: World) -> Self {
        let (frozen, mut folders) = (world.store.records.clone(), Folders::default());
        folders.note(&world);
        Self { world, folders, frozen, has_flapped: false }
    }

    fn answered(&self) -> [bool; 2] {
        [0, 1].map(|shard| self.folders.answer(&self.world.store.records, ShardId(shard)))
    }
}

/// Lets it happen; says whether that may leave a shard to nobody: somebody is lost, or gives no thought to who answers.
fn happen(stage: &mut Stage, event: &Event) -> bool {
    let may_lose = match event {
        Event::Coordinator(moves) => coordinate(stage, moves),
        Event::Asked(what) => ask(&mut stage.world, what),
        Event::Replica(which, does) => replica(stage, *which, does),
        Event::Primary(shard) => {
            let number = 100 + u128::from(*shard);
            let lived = stage.world.store.records.nodes.contains_key(&NodeId(Uuid::from_u128(number)));
            stage.has_flapped = true;
            if lived {
                stage.world.gone(number);
            } else {
                stage.world.node(number, &primary(*shard));
            }
            lived
        }
    };
    stage.folders.note(&stage.world);
    may_lose
}

fn coordinate(Stage { world, frozen, has_flapped, .. }: &mut Stage, moves: &Moves) -> bool {
    match moves {
        Moves::On(which) => {
            let due = due(&world.store.records, &KEEPING);
            if let Some(due) = due.get(which % due.len().max(1)) {
                world.take(&due.step);
            }
            false
        }
        Moves::Late(which) => {
            // Decided by what stood there when it froze, and committed now.
            let due = due(frozen, &KEEPING);
            let Some(due) = due.get(which % due.len().max(1)) else { return false };
            if let Some(change) = written(frozen, &due.step, world.fresh()) {
                world.store.commit(&change);
            }
            // Those two name whom they count on.
            *has_flapped && !matches!(due.step, Step::Allow(..) | Step::SwitchShard(..))
        }
        Moves::Freeze => {
            (*frozen, *has_flapped) = (world.store.records.clone(), false);
            false
        }
    }
}

fn ask(world: &mut World, what: &Asked) -> bool {
    match what {
        Asked::Dump => {
            let id = world.next_id();
            if let Ok(change) = request_dump(&world.store.records, &name("faces"), id, Some(Way::Beside)) {
                world.store.commit(&change);
            }
        }
        Asked::Rollout(approve) => roll_out(world, RolloutOptions { approve: *approve, ..RolloutOptions::default() }),
        Asked::Try => {
            let canary = CanaryTerms { percent: 5, floor_percent: None, searches: Some(10) };
            roll_out(world, RolloutOptions { canary: Some(canary), ..RolloutOptions::default() });
        }
        Asked::Drain(max_unavailable, to) => {
            let (way, max_unavailable) = (Way::Drain, Some(*max_unavailable));
            let generation = to.map(Generation);
            roll_out(world, RolloutOptions { generation, way, max_unavailable, ..RolloutOptions::default() });
        }
        Asked::Compare(searches, well) => compare(world, *searches, *well),
        Asked::Say(which, word) => {
            let rollouts: Vec<_> = world.store.records.tasks.keys().rev().copied().collect();
            let Some(id) = rollouts.get(*which) else { return false };
            let was = world.status(*id);
            let _ = world.say(*id, *word);
            // What was there before the first rollout are the primaries, whoever of them lives.
            return *word == Word::RollBack && was == TaskStatus::Succeeded;
        }
        Asked::Dumped(shard, well) => {
            let awaited: Vec<_> = world.store.records.dumps.keys().copied().collect();
            let said = if *well { done(*shard) } else { failed() };
            for dump in awaited {
                if let Reported::New(change) = report_dumped(&world.store.records, dump, ShardId(*shard), &said) {
                    world.store.commit(&change);
                }
            }
        }
    }
    false
}

fn replica(Stage { world, folders, has_flapped, .. }: &mut Stage, which: usize, does: &Does) -> bool {
    let is_there = lives(world, which);
    match does {
        Does::Prepare(well) => {
            folders.look(world, which, true);
            folders.work(world, which, *well);
        }
        Does::Look(all) => folders.look(world, which, *all),
        Does::Work(well) => folders.work(world, which, *well),
        Does::Tell => {}
        Does::Flap(knows) => {
            *has_flapped = true;
            if is_there {
                world.gone(REPLICAS[which].0);
                return true;
            }
            if *knows {
                folders.look(world, which, true);
            }
            folders.tell(world, which);
        }
    }
    if is_there && matches!(does, Does::Prepare(_) | Does::Tell) {
        folders.tell(world, which);
    }
    false
}

/// Asks for a rollout, which may be refused.
fn roll_out(world: &mut World, options: RolloutOptions) {
    let id = world.next_id();
    if let Ok(change) = request_rollout(&world.store.records, &name("faces"), id, options) {
        world.store.commit(&change);
    }
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
fn check(Stage { world, folders, .. }: &Stage, before: &Records, may_lose: bool) {
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
        // One that drains is asked for in some shards already when it goes back from there.
        let is_turned = generations.preparing.as_ref().is_some_and(|back| Some(back.of) == was.official);
        let is_back = was.retiring == Some(official) || is_turned;
        let has_it = |replica: LiveReplica<'_>| {
            replica.is_ready(uuid(1), official.generation) && folders.have(replica.record.id, official.generation)
        };
        assert!(
            may_lose || is_back || before.replicas().all(has_it),
            "what became official was ready on every replica"
        );
        let over = was.preparing.as_ref().and_then(|preparing| preparing.over.as_ref());
        let is_over = |replica: LiveReplica<'_>| over.is_none_or(|over| over.contains(&replica.place.shard));
        assert!(may_lose || is_back || before.replicas().all(is_over), "each shard with replicas had gone over");
        let by = was.preparing.as_ref().and_then(|preparing| records.tasks[&preparing.rollout].record.rollout());
        let stage = by.and_then(|rollout| rollout.canary).map(|canary| canary.stage);
        let does = |ended: Comparison| ended.searches >= 10 && ended.overlap_percent() >= 80;
        let passed = stage.is_none_or(|stage| matches!(stage, CanaryStage::Ended(ended) if does(ended)));
        assert!(is_back || passed, "what was to be tried has passed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Replicas come and go; nothing that anybody does takes away the last who answers.
    #[test]
    fn whatever_happens_replicas_serve_what_is_in_the_store_and_was_ready_everywhere(
        events in prop::collection::vec(event(), 1..160),
    ) {
        let mut world = World::with_replicas(2);
        // So that most of what happens is about rollouts.
        world.take_dump();
        let mut stage = Stage::new(world);
        for event in &events {
            let (before, was) = (stage.world.store.records.clone(), stage.answered());
            let may_lose = happen(&mut stage, event);
            check(&stage, &before, may_lose);
            for (shard, (was, is)) in was.into_iter().zip(stage.answered()).enumerate() {
                prop_assert!(may_lose || !was || is, "{event:?} left shard {shard} to nobody");
            }
        }
    }

    /// When everything is well again, but for some replicas that never come back, everything comes to an end.
    #[test]
    fn every_task_ends(events in prop::collection::vec(event(), 1..120), back in prop::array::uniform4(prop::bool::weighted(0.7))) {
        let mut stage = Stage::new(World::with_replicas(2));
        for event in &events {
            happen(&mut stage, event);
        }
        for (which, _) in back.iter().enumerate().filter(|(_, back)| **back) {
            if !lives(&stage.world, which) {
                happen(&mut stage, &Event::Replica(which, Does::Flap(true)));
            }
        }
        for shard in [0, 1] {
            stage.world.node(100 + u128::from(shard), &primary(shard));
        }
        for _ in 0..1_000 {
            if stage.world.store.records.tasks.values().all(|task| task.record.is_over()) {
                break;
            }
            let tasks = stage.world.store.records.tasks.iter();
            let paused: Vec<_> =
                tasks.filter(|(_, task)| task.record.status == TaskStatus::Paused).map(|(id, _)| *id).collect();
            for id in paused {
                stage.world.say(id, Word::Resume).unwrap();
            }
            (0..2).for_each(|shard| _ = happen(&mut stage, &Event::Asked(Asked::Dumped(shard, true))));
            (0..4).for_each(|which| _ = happen(&mut stage, &Event::Replica(which, Does::Prepare(true))));
            compare(&mut stage.world, 10, true);
            let due = stage.world.due();
            let later = || stage.world.due_later().into_iter().filter(|due| due.patience <= REPLICA_PATIENCE);
            let due = if due.is_empty() { later().map(|due| due.step).collect() } else { due };
            for step in due {
                stage.world.take(&step);
                stage.folders.note(&stage.world);
            }
        }
        for (id, task) in &stage.world.store.records.tasks {
            prop_assert!(task.record.is_over(), "{id} {task:?}");
        }
    }
}

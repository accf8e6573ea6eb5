//! What a coordinator makes of what is asked of it.

use super::*;
use crate::decide::{
    Reported, RolloutOptions, Word, begin_dump, commit_dump, report_dumped, report_made, request_deletion,
    request_dump, request_rollout, say,
};
use crate::record::{DumpedShard, Generations, NodeId, NodeRecord, ReplicaRecord, ShardDump};
use crate::testing::{Plain, dump, history, name, uuid};
use annuli_core::{Generation, Seq};
use annuli_dump::CreatedAt;
use proptest::prelude::*;
use uuid::Uuid;

const KEEPING: Keeping = Keeping { dumps: 2, retiring: Duration::from_secs(60) };

/// An index `faces` of two shards with their primaries, and a coordinator for which no time passes unless it is said so.
#[derive(Clone)]
struct World {
    store: Plain,
    /// Ids of tasks: the later the larger.
    ids: u64,
}

impl World {
    fn new() -> Self {
        let mut store = Plain::of_two_shards();
        store.create("faces", 1);
        for shard in [0, 1] {
            let number = u128::from(shard) + 1;
            let Reported::New(made) =
                report_made(&store.records, &name("faces"), uuid(1), ShardId(shard), history(number))
            else {
                panic!("it was made")
            };
            assert!(store.commit(&made));
        }
        let mut world = Self { store, ids: 0 };
        (0..2).for_each(|shard| world.node(100 + u128::from(shard), &primary(shard)));
        world
    }

    /// With replicas: of each shard as many, numbered by shard and place.
    fn with_replicas(of_each: u128) -> Self {
        let mut world = Self::new();
        for shard in [0, 1] {
            (0..of_each).for_each(|place| world.replica(replica_number(shard, place), shard, &[]));
        }
        world
    }

    fn node(&mut self, number: u128, record: &NodeRecord) {
        let change = Change::new().put(Key::Node(NodeId(Uuid::from_u128(number))), record.encode());
        assert!(self.store.commit(&change));
    }

    /// A replica says how its generations are.
    fn replica(&mut self, number: u128, shard: u32, generations: &[(u64, Prepared)]) {
        let generations = generations.iter().map(|(number, how)| ((uuid(1), Generation(*number)), how.clone()));
        let record = ReplicaRecord { id: ReplicaId(Uuid::from_u128(number)), generations: generations.collect() };
        let node = NodeRecord { role: Role::Replica, replica: Some(record), ..primary(shard) };
        self.node(number, &node);
    }

    fn gone(&mut self, number: u128) {
        let change = Change::new().delete(Key::Node(NodeId(Uuid::from_u128(number))));
        assert!(self.store.commit(&change));
    }

    /// An id that no task has, behind those of all that were asked for.
    fn fresh(&self) -> TaskId {
        TaskId(dump(1_000 + self.store.revision).uuid())
    }

    fn next_id(&mut self) -> TaskId {
        self.ids += 1;
        TaskId(dump(self.ids).uuid())
    }

    fn ask_dump(&mut self) -> TaskId {
        let id = self.next_id();
        let change = request_dump(&self.store.records, &name("faces"), id, false).unwrap();
        assert!(self.store.commit(&change));
        id
    }

    fn ask_rollout(&mut self, options: RolloutOptions) -> TaskId {
        let id = self.next_id();
        let change = request_rollout(&self.store.records, &name("faces"), id, options).unwrap();
        assert!(self.store.commit(&change));
        id
    }

    /// What is due at once.
    fn due(&self) -> Vec<Step> {
        let due = due(&self.store.records, &KEEPING).into_iter();
        due.filter(|due| due.patience.is_zero()).map(|due| due.step).collect()
    }

    /// What is due once it has been so for as long.
    fn due_later(&self) -> Vec<Due> {
        due(&self.store.records, &KEEPING).into_iter().filter(|due| !due.patience.is_zero()).collect()
    }

    fn take(&mut self, step: &Step) -> bool {
        let written = written(&self.store.records, step, self.fresh());
        written.is_some_and(|change| self.store.commit(&change))
    }

    /// Does what is due at once until nothing is.
    fn settle(&mut self) {
        for _ in 0..100 {
            let due = self.due();
            if !due.iter().any(|step| self.take(step)) {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.due());
    }

    fn dumped(&mut self, id: TaskId, shard: u32, said: &ShardDump) {
        let Reported::New(change) = report_dumped(&self.store.records, dump_of(id).unwrap(), ShardId(shard), said)
        else {
            panic!("shard {shard} was not waited for")
        };
        assert!(self.store.commit(&change));
    }

    /// A dump, taken whole.
    fn take_dump(&mut self) -> TaskId {
        let id = self.ask_dump();
        self.settle();
        (0..2).for_each(|shard| self.dumped(id, shard, &done(shard)));
        self.settle();
        assert_eq!(self.status(id), TaskStatus::Succeeded);
        id
    }

    fn status(&self, id: TaskId) -> TaskStatus {
        self.store.records.tasks[&id].record.status
    }

    fn generations(&self) -> &Generations {
        &self.store.records.indexes[&name("faces")].record.generations
    }

    fn official(&self) -> Option<u64> {
        self.generations().official.map(|official| official.generation.0)
    }

    fn allowed(&self) -> Vec<u128> {
        let preparing = self.generations().preparing.iter();
        preparing.flat_map(|preparing| preparing.allowed.iter().map(|id| id.0.as_u128())).collect()
    }

    fn say(&mut self, id: TaskId, word: Word) -> Result<(), Failure> {
        let change = say(&self.store.records, id, word)?;
        assert!(self.store.commit(&change));
        Ok(())
    }
}

/// The change that a step comes to, its work in the store of dumps left out.
fn written(records: &Records, step: &Step, rollout: TaskId) -> Option<Change> {
    if let Step::BeginDump(id) = step {
        return begin_dump(records, *id, dump_of(*id)?, CreatedAt::new("2026-01-02T03:04:05Z").unwrap());
    }
    if let Step::CommitDump(id) = step {
        return commit_dump(records, *id, dump_of(*id)?, rollout);
    }
    change(records, step)
}

fn primary(shard: u32) -> NodeRecord {
    let (address, serves) = (format!("127.0.0.1:{}", 7000 + shard), BTreeMap::new());
    NodeRecord { address, role: Role::Primary, shard: ShardId(shard), serves, replica: None }
}

fn replica_number(shard: u32, place: u128) -> u128 {
    u128::from(shard + 1) * 10 + place
}

fn done(shard: u32) -> ShardDump {
    ShardDump::Done(DumpedShard::new(history(u128::from(shard) + 1), Seq(7), 5, 1_000))
}

fn failed() -> ShardDump {
    ShardDump::Failed("the disk is full".to_owned())
}

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
    let taken: Vec<_> = world.store.records.dumps_of(uuid(1)).map(|dump| dump.generation.0).collect();
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
    let [Due { step: Step::FailDump(_, failure), patience: PRIMARY_PATIENCE }] = &world.due_later()[..] else {
        panic!("{:?}", world.due_later())
    };
    assert_eq!(failure.message, "shard 1 was not dumped: its primary is down");
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
    world.replica(20, 1, &[(1, Prepared::Failed("a bit of it is wrong".to_owned()))]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Failed));
    assert_eq!(world.generations().preparing, None);
    let why = world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone();
    assert_eq!(why, "the replica of shard 1 at 127.0.0.1:7001 cannot serve generation 1: a bit of it is wrong");
}

#[test]
fn what_a_replica_failed_at_before_it_was_its_turn_does_not_count() {
    let mut world = World::with_replicas(2);
    world.take_dump();
    world.replica(11, 0, &[(1, Prepared::Failed("an earlier attempt".to_owned()))]);
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
    let [Due { step: Step::FailRollout(..), patience: REPLICA_PATIENCE }] = &world.due_later()[..] else {
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
    let [Due { step: Step::FailRollout(_, failure), patience: PREPARATION_PATIENCE }] = &first[..] else {
        panic!("{first:?}")
    };
    assert!(failure.message.ends_with("does not get on: fetching, 1 %"), "{failure}");
    assert_ne!(first, second);
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
    let retire = Due { step: Step::Retire(uuid(1)), patience: KEEPING.retiring };
    assert_eq!(world.due_later(), [retire]);
}

#[test]
fn what_the_replicas_have_let_go_of_is_not_rolled_back_to_at_once() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert!(world.take(&Step::Retire(uuid(1))));
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

/// Something that may happen at any moment.
#[derive(Debug, Clone)]
enum Event {
    /// The coordinator does something that is due now, or has been for long enough.
    Coordinate(usize),
    /// One that was frozen goes on with what it saw then.
    Late(usize),
    Dump,
    Rollout(bool),
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
    let plan = crate::reconcile::replica::plan(&world.store.records, id, &held);
    let kept = held.into_keys().filter(|key| !plan.retire.contains(key)).map(|key| (key.1.0, Prepared::Ready));
    let how = if well { Prepared::Ready } else { Prepared::Failed("broken".to_owned()) };
    let new = plan.prepare.iter().map(|new| (new.of.generation.0, how.clone()));
    let generations: Vec<_> = kept.chain(new).collect();
    world.replica(number, shard, &generations);
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
        assert!(!records.tasks[&preparing.rollout].record.is_over(), "a preparation has its rollout");
    }
    let was = before.indexes[&name("faces")].record.generations.clone();
    if let (Some(official), true) = (generations.official, generations.official != was.official) {
        let is_back = was.retiring == Some(official);
        let mut replicas = before.replicas();
        let ready = replicas.all(|replica| replica.is_ready(uuid(1), official.generation));
        assert!(is_back || ready, "what became official was ready on every replica");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_replicas_serve_what_is_in_the_store_and_was_ready_everywhere(
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::with_replicas(2);
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
            for step in world.due() {
                world.take(&step);
            }
        }
        for (id, task) in &world.store.records.tasks {
            prop_assert!(task.record.is_over(), "{id} {task:?}");
        }
    }
}

//! An index, its processes, and a coordinator for which no time passes unless it is said so.

use super::super::*;
use crate::decide::{
    Reported, RolloutOptions, Word, begin_dump, begin_reshard, commit_dump, report_dumped, report_made, request_dump,
    request_rollout, say,
};
use crate::reconcile::replica::heard;
use crate::record::{
    Blame, DumpedShard, Generations, LayoutId, NodeId, NodeRecord, Prepared, ReplicaRecord, Role, ShardDump,
};
use crate::testing::{Plain, dump, history, name, uuid};
use annuli_core::{Generation, Seq};
use annuli_dump::CreatedAt;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const KEEPING: Keeping = Keeping { dumps: 2, retiring: Duration::from_secs(60) };

/// The rollouts that a replica knows of.
pub(super) type Heard = BTreeMap<IndexUuid, (TaskId, Generation)>;

/// An index `faces` of two shards with their primaries, and a coordinator for which no time passes unless it is said so.
#[derive(Clone)]
pub(super) struct World {
    pub(super) store: Plain,
    /// Ids of tasks: the later the larger.
    pub(super) ids: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let mut store = Plain::of_two_shards();
        store.create("faces", 1);
        let mut world = Self { store, ids: 0 };
        world.made("faces", 1);
        (0..2).for_each(|shard| world.node(100 + u128::from(shard), &primary(shard)));
        world
    }

    /// The primaries have made their shards of an index.
    pub(super) fn made(&mut self, index: &str, number: u128) {
        for shard in [0, 1] {
            let history = history(u128::from(shard) + 1);
            let Reported::New(made) =
                report_made(&self.store.records, &name(index), uuid(number), ShardId(shard), history)
            else {
                panic!("it was made")
            };
            assert!(self.store.commit(&made));
        }
    }

    /// With replicas: of each shard as many, numbered by shard and place.
    pub(super) fn with_replicas(of_each: u128) -> Self {
        let mut world = Self::new();
        for shard in [0, 1] {
            (0..of_each).for_each(|place| world.replica(replica_number(shard, place), shard, &[]));
        }
        world
    }

    pub(super) fn node(&mut self, number: u128, record: &NodeRecord) {
        let change = Change::new().put(Key::Node(NodeId(Uuid::from_u128(number))), record.encode());
        assert!(self.store.commit(&change));
    }

    /// A replica says how its generations are, knowing of what is under way.
    pub(super) fn replica(&mut self, number: u128, shard: u32, generations: &[(u64, Prepared)]) {
        let heard = heard(&self.store.records, LayoutId::FIRST);
        self.replica_knowing(number, shard, generations, heard);
    }

    /// The same, knowing of something else.
    pub(super) fn replica_knowing(&mut self, number: u128, shard: u32, generations: &[(u64, Prepared)], heard: Heard) {
        let generations = generations.iter().map(|(number, how)| ((uuid(1), Generation(*number)), how.clone()));
        let id = ReplicaId(Uuid::from_u128(number));
        let record = ReplicaRecord { id, generations: generations.collect(), heard };
        let node = NodeRecord { role: Role::Replica, replica: Some(record), ..primary(shard) };
        self.node(number, &node);
    }

    /// Every replica says that it knows of what is under way, and else what it said before.
    pub(super) fn hear(&mut self) {
        let known = heard(&self.store.records, LayoutId::FIRST);
        let is_behind = |node: &NodeRecord| node.replica.as_ref().is_some_and(|replica| replica.heard != known);
        let nodes = self.store.records.nodes.iter().map(|(id, stored)| (*id, stored.record.clone()));
        let behind: Vec<_> = nodes.filter(|(_, node)| is_behind(node)).collect();
        for (id, mut node) in behind {
            node.replica.as_mut().unwrap().heard = known.clone();
            self.node(id.0.as_u128(), &node);
        }
    }

    pub(super) fn gone(&mut self, number: u128) {
        let change = Change::new().delete(Key::Node(NodeId(Uuid::from_u128(number))));
        assert!(self.store.commit(&change));
    }

    /// An id that no task has, behind those of all that were asked for.
    pub(super) fn fresh(&self) -> TaskId {
        TaskId(dump(1_000 + self.store.revision).uuid())
    }

    pub(super) fn next_id(&mut self) -> TaskId {
        self.ids += 1;
        TaskId(dump(self.ids).uuid())
    }

    pub(super) fn ask_dump(&mut self) -> TaskId {
        let id = self.next_id();
        let change = request_dump(&self.store.records, &name("faces"), id, None).unwrap();
        assert!(self.store.commit(&change));
        id
    }

    pub(super) fn ask_rollout(&mut self, options: RolloutOptions) -> TaskId {
        let id = self.next_id();
        let change = request_rollout(&self.store.records, &name("faces"), id, options).unwrap();
        assert!(self.store.commit(&change));
        id
    }

    /// What is due at once.
    pub(super) fn due(&self) -> Vec<Step> {
        let due = due(&self.store.records, &KEEPING).into_iter();
        due.filter(|due| due.patience.is_zero()).map(|due| due.step).collect()
    }

    /// What is due once it has been so for as long.
    pub(super) fn due_later(&self) -> Vec<Due> {
        due(&self.store.records, &KEEPING).into_iter().filter(|due| !due.patience.is_zero()).collect()
    }

    pub(super) fn take(&mut self, step: &Step) -> bool {
        let written = written(&self.store.records, step, self.fresh());
        written.is_some_and(|change| self.store.commit(&change))
    }

    /// Does what is due at once until nothing is. Replicas hear of it at once too.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            self.hear();
            let due = self.due();
            if !due.iter().any(|step| self.take(step)) {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.due());
    }

    pub(super) fn dumped(&mut self, id: TaskId, shard: u32, said: &ShardDump) {
        let Reported::New(change) = report_dumped(&self.store.records, dump_of(id).unwrap(), ShardId(shard), said)
        else {
            panic!("shard {shard} was not waited for")
        };
        assert!(self.store.commit(&change));
    }

    /// A dump, taken whole.
    pub(super) fn take_dump(&mut self) -> TaskId {
        let id = self.ask_dump();
        self.settle();
        (0..2).for_each(|shard| self.dumped(id, shard, &done(shard)));
        self.settle();
        assert_eq!(self.status(id), TaskStatus::Succeeded);
        id
    }

    pub(super) fn status(&self, id: TaskId) -> TaskStatus {
        self.store.records.tasks[&id].record.status
    }

    pub(super) fn generations(&self) -> &Generations {
        &self.store.records.indexes[&name("faces")].record.generations
    }

    pub(super) fn official(&self) -> Option<u64> {
        self.generations().official.map(|official| official.generation.0)
    }

    pub(super) fn allowed(&self) -> Vec<u128> {
        let preparing = self.generations().preparing.iter();
        preparing.flat_map(|preparing| preparing.allowed.iter().map(|id| id.0.as_u128())).collect()
    }

    pub(super) fn say(&mut self, id: TaskId, word: Word) -> Result<(), Failure> {
        let change = say(&self.store.records, id, word)?;
        assert!(self.store.commit(&change));
        Ok(())
    }
}

/// The change that a step comes to, its work in the store of dumps left out.
pub(super) fn written(records: &Records, step: &Step, rollout: TaskId) -> Option<Change> {
    if let Step::BeginDump(id) = step {
        return begin_dump(records, *id, dump_of(*id)?, CreatedAt::new("2026-01-02T03:04:05Z").unwrap());
    }
    if let Step::CommitDump(id) = step {
        return commit_dump(records, *id, dump_of(*id)?, rollout.0);
    }
    if let Step::BeginReshard(uuid) = step {
        return begin_reshard(records, *uuid, rollout);
    }
    change(records, &KEEPING, step)
}

pub(super) fn primary(shard: u32) -> NodeRecord {
    let (address, serves) = (format!("127.0.0.1:{}", 7000 + shard), BTreeMap::new());
    NodeRecord { address, role: Role::Primary, place: Place::first(ShardId(shard)), serves, replica: None }
}

pub(super) fn replica_number(shard: u32, place: u128) -> u128 {
    u128::from(shard + 1) * 10 + place
}

pub(super) fn done(shard: u32) -> ShardDump {
    ShardDump::Done(DumpedShard::new(history(u128::from(shard) + 1), Seq(7), 5, 1_000))
}

pub(super) fn failed() -> ShardDump {
    ShardDump::Failed("the disk is full".to_owned())
}

pub(super) fn unfit(why: &str, rollout: Option<TaskId>) -> Prepared {
    unfit_at(why, rollout, 0)
}

/// The same of an attempt that somebody has asked for.
pub(super) fn unfit_at(why: &str, rollout: Option<TaskId>, attempt: u32) -> Prepared {
    Prepared::Failed { why: why.to_owned(), rollout, attempt, blame: Blame::Replica }
}

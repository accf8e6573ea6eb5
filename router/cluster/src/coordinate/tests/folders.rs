//! Replicas as they are, which the records learn only when they say so.

use super::world::{Heard, World, unfit_at};
use crate::decide::serves;
use crate::reconcile::replica::{ReplicaPlan, heard, plan};
use crate::record::{Generations, LayoutId, NodeId, Place, Prepared, ReplicaId, TaskId};
use crate::records::{LiveReplica, Records};
use crate::testing::{name, uuid};
use annuli_core::{Generation, ShardId};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The replicas: their numbers, and whose shards they hold.
pub(super) const REPLICAS: [(u128, u32); 4] = [(10, 0), (11, 0), (20, 1), (21, 1)];

/// The folders of all replicas.
#[derive(Default)]
pub(super) struct Folders {
    folders: [Folder; 4],
    /// What stood in the index's record, one state after the other.
    states: Vec<Generations>,
}

/// What is in a folder, and what its process knows.
#[derive(Default)]
struct Folder {
    has: BTreeSet<u64>,
    /// What could not be prepared, for which rollout and in which attempt.
    failed: Option<(u64, Option<TaskId>, u32)>,
    /// By which state its process acts: an index of the states.
    seen: usize,
    /// What it has, and lets go of as soon as it sees a state that it has not seen yet.
    doomed: BTreeSet<u64>,
}

impl Folders {
    /// Takes in what the index's record has become.
    pub(super) fn note(&mut self, world: &World) {
        let now = world.generations();
        if self.states.last() == Some(now) {
            return;
        }
        self.states.push(now.clone());
        for (folder, replica) in self.folders.iter_mut().zip(REPLICAS) {
            let gone = folder.plan(&world.store.records, now, replica).retire;
            folder.doomed.extend(gone.into_iter().map(|(_, generation)| generation.0));
        }
    }

    /// A replica sees more of the record: the next state, or the last one at once. It lets go of what it is told to.
    pub(super) fn look(&mut self, world: &World, which: usize, all: bool) {
        let (folder, replica) = (&mut self.folders[which], REPLICAS[which]);
        let last = self.states.len() - 1;
        folder.seen = if all { last } else { last.min(folder.seen + 1) };
        let records = &world.store.records;
        let ReplicaPlan { retire, prepare, .. } = folder.plan(records, &self.states[folder.seen], replica);
        folder.has.retain(|has| !retire.iter().any(|(_, generation)| generation.0 == *has));
        let is_sought = |failed: &(u64, Option<TaskId>, u32)| {
            prepare.iter().any(|new| (new.of.generation.0, new.rollout, new.attempt) == *failed)
        };
        folder.failed = folder.failed.filter(is_sought);
        let unseen = &self.states[folder.seen + 1..];
        let gone: BTreeSet<_> =
            unseen.iter().flat_map(|state| folder.plan(records, state, replica).retire).map(|(_, of)| of.0).collect();
        folder.doomed = gone;
    }

    /// A replica makes what it is to have, by what it has seen, or fails at that.
    pub(super) fn work(&mut self, world: &World, which: usize, well: bool) {
        let (folder, replica) = (&mut self.folders[which], REPLICAS[which]);
        for new in folder.plan(&world.store.records, &self.states[folder.seen], replica).prepare {
            let generation = new.of.generation.0;
            if well {
                folder.has.insert(generation);
                folder.failed = folder.failed.filter(|(failed, ..)| *failed != generation);
            } else {
                folder.failed = Some((generation, new.rollout, new.attempt));
            }
        }
    }

    /// A replica says how it is, by what it has seen.
    pub(super) fn tell(&self, world: &mut World, which: usize) {
        let (folder, (number, shard)) = (&self.folders[which], REPLICAS[which]);
        let ready = folder.has.iter().map(|generation| (*generation, Prepared::Ready));
        let failed =
            folder.failed.map(|(generation, rollout, attempt)| (generation, unfit_at("broken", rollout, attempt)));
        let generations: Vec<_> = ready.chain(failed).collect();
        let known: Heard = heard(&standing_at(&world.store.records, &self.states[folder.seen]), LayoutId::FIRST);
        world.replica_knowing(number, shard, &generations, known);
    }

    /// Whether a replica has a generation, and keeps it until it is told otherwise anew.
    pub(super) fn have(&self, replica: ReplicaId, generation: Generation) -> bool {
        let which = REPLICAS.iter().position(|(number, _)| replica.0.as_u128() == *number).unwrap();
        let Folder { has, doomed, .. } = &self.folders[which];
        has.contains(&generation.0) && !doomed.contains(&generation.0)
    }

    /// Whether somebody answers for a shard, and goes on to until it is told otherwise anew.
    pub(super) fn answer(&self, records: &Records, shard: ShardId) -> bool {
        let index = &records.indexes[&name("faces")].record;
        let has_primary = records.primary(Place::first(shard)).is_some();
        let Some(asked) = index.generations.of_shard(shard) else { return has_primary };
        let answers = |replica: LiveReplica<'_>| {
            replica.place.shard == shard && serves(index, &replica) && self.have(replica.record.id, asked.generation)
        };
        has_primary || records.replicas().any(answers)
    }
}

impl Folder {
    /// What it is to do by that state.
    fn plan(&self, records: &Records, state: &Generations, (number, shard): (u128, u32)) -> ReplicaPlan {
        let held = self.has.iter().map(|generation| ((uuid(1), Generation(*generation)), Ok(()))).collect();
        plan(&standing_at(records, state), Place::first(ShardId(shard)), ReplicaId(Uuid::from_u128(number)), &held)
    }
}

/// The records as they were when that stood in the index's.
fn standing_at(records: &Records, state: &Generations) -> Records {
    let (cluster, mut indexes) = (records.cluster.clone(), records.indexes.clone());
    indexes.values_mut().for_each(|stored| stored.record.generations = state.clone());
    Records { cluster, indexes, ..Records::default() }
}

/// Whether the replica's process lives.
pub(super) fn lives(world: &World, which: usize) -> bool {
    world.store.records.nodes.contains_key(&NodeId(Uuid::from_u128(REPLICAS[which].0)))
}

//! The replicas that a router knows, and the sets that are made of them.

use crate::health::Health;
use crate::hedging::Hedging;
use crate::memory::Memory;
use crate::report::{ReplicaReport, ShardReport};
use crate::served::Served;
use crate::set::{Replica, ReplicaSet};
use annuli_api::{Position, ShardApi};
use annuli_core::{IndexUuid, ShardId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// What a router knows of its replicas, for longer than a table of them lasts: every change of the cluster makes new sets,
/// and who was slow before is slow after.
#[derive(Debug, Default)]
pub struct Roster {
    known: Mutex<Known>,
    hedging: Arc<Hedging>,
}

#[derive(Debug, Default)]
struct Known {
    replicas: BTreeMap<Box<str>, Arc<Health>>,
    served: BTreeMap<(Box<str>, IndexUuid), Arc<Served>>,
    shards: BTreeMap<(IndexUuid, ShardId), Arc<Memory>>,
}

/// A replica that has the generation of a set ready.
pub struct Ready {
    /// What its process is called, by messages and metrics: replicas of the same name are one process.
    pub name: String,
    /// Answers from that generation, or not at all.
    pub handle: Arc<dyn ShardApi>,
}

impl Roster {
    /// The shard of that index, behind the replicas that have a generation of it ready; `holds` is where that stands.
    pub fn set(
        &self,
        (index, shard): (IndexUuid, ShardId),
        holds: Position,
        ready: Vec<Ready>,
        primary: Arc<dyn ShardApi>,
    ) -> ReplicaSet {
        let (mut known, now) = (self.known(), Instant::now());
        let replica = |Ready { name, handle }| {
            let (health, served) = (known.health(&name, now), known.served(&name, index, holds, now));
            Replica { handle, health, served }
        };
        let replicas = ready.into_iter().map(replica).collect();
        let memory = Arc::clone(known.shards.entry((index, shard)).or_default());
        ReplicaSet { replicas, primary, holds, memory, hedging: Arc::clone(&self.hedging) }
    }

    /// Forgets what no set is made of any longer. To be called when a table was replaced.
    pub fn forget_the_absent(&self) {
        let mut known = self.known();
        known.replicas.retain(|_, health| Arc::strong_count(health) > 1);
        known.served.retain(|_, served| Arc::strong_count(served) > 1);
        known.shards.retain(|_, memory| Arc::strong_count(memory) > 1);
    }

    /// How each replica is, by name.
    pub fn replicas(&self) -> Vec<ReplicaReport> {
        let now = Instant::now();
        self.known().replicas.values().map(|health| health.report(now)).collect()
    }

    /// How reads of each shard went, by index and shard.
    pub fn shards(&self) -> Vec<ShardReport> {
        self.known().shards.iter().map(|((index, shard), memory)| memory.report(*index, *shard)).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is one insertion or removal: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn health(&mut self, name: &str, now: Instant) -> Arc<Health> {
        if let Some(known) = self.replicas.get(name) {
            return Arc::clone(known);
        }
        let health = Arc::new(Health::new(name, now));
        self.replicas.insert(name.into(), Arc::clone(&health));
        health
    }

    fn served(&mut self, name: &str, index: IndexUuid, holds: Position, now: Instant) -> Arc<Served> {
        let key = (Box::from(name), index);
        if let Some(known) = self.served.get(&key).filter(|known| known.holds == holds) {
            return Arc::clone(known);
        }
        let served = Arc::new(Served::new(name, index, holds, now));
        self.served.insert(key, Arc::clone(&served));
        served
    }
}

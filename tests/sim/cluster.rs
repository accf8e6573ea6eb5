//! The processes of a cluster, with what is on their disks.

use crate::clients::Clients;
use crate::folder::Folder;
use crate::machine::Machine;
use crate::moves::has_next;
use crate::network::{INBOX, Inbox};
use crate::programs;
use crate::replica_folder::ReplicaFolder;
use crate::weather::Weather;
use crate::world::{Who, World, locked};
use annuli_core::{ShardCount, ShardId};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A cluster that somebody starts, stops and looks after.
pub(crate) struct Cluster {
    pub(crate) world: Arc<World>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) shards: ShardCount,
    /// The number of shards that it may move to.
    pub(crate) next: Option<ShardCount>,
    /// Its processes were started.
    has_begun: bool,
    machines: BTreeMap<Who, Machine>,
    pub(crate) folders: BTreeMap<Who, Arc<Folder>>,
    pub(crate) replicas: BTreeMap<Who, Arc<ReplicaFolder>>,
}

impl Cluster {
    /// A cluster of so many shards, each with so many replicas, and routers; which may move to another number of shards.
    /// Nothing of it runs.
    pub(crate) fn new(world: &Arc<World>, shards: u8, replicas: u8, routers: u8, next: Option<u8>) -> Self {
        let count = |shards: u8| ShardCount::new(u32::from(shards)).expect("a few");
        let next_shards = next.unwrap_or_default();
        let primaries = (0..shards).map(Who::Primary).chain((0..next_shards).map(Who::Next));
        let places = |shards: u8, place: fn(u8, u8) -> Who| {
            (0..shards).flat_map(move |shard| (0..replicas).map(move |number| place(shard, number)))
        };
        let places: Vec<_> = places(shards, Who::Replica).chain(places(next_shards, Who::NextReplica)).collect();
        let all = (0..routers).map(Who::Router).chain(primaries.clone()).chain(places.iter().copied());
        Self {
            world: Arc::clone(world),
            clients: Clients::new(Arc::clone(world), routers),
            shards: count(shards),
            next: next.map(count),
            has_begun: false,
            machines: all.chain([Who::Outside]).map(|who| (who, Machine::default())).collect(),
            folders: primaries.map(|who| (who, Arc::default())).collect(),
            replicas: places.into_iter().map(|who| (who, Arc::new(ReplicaFolder::new(world)))).collect(),
        }
    }

    /// Every process of it, without the clients.
    pub(crate) fn processes(&self) -> Vec<Who> {
        self.machines.keys().copied().filter(|who| *who != Who::Outside).collect()
    }

    pub(crate) fn is_running(&self, who: Who) -> bool {
        self.machines.get(&who).is_some_and(Machine::is_running)
    }

    pub(crate) fn is_frozen(&self, who: Who) -> bool {
        self.machines.get(&who).is_some_and(Machine::is_frozen)
    }

    /// Starts a process, unless it runs.
    pub(crate) fn start(&mut self, who: Who) {
        let is_early = || who.is_next() && !has_next(&locked(&self.world.witness).records);
        if self.is_running(who) || is_early() {
            return;
        }
        self.world.note(format_args!("{who} starts"));
        let shards = self.next.filter(|_| who.is_next()).unwrap_or(self.shards);
        let world = Arc::clone(&self.world);
        let machine = self.machines.entry(who).or_default();
        match who {
            Who::Router(number) => {
                let (site, jobs) = mpsc::channel(INBOX);
                locked(&self.clients.sites).insert(number, site);
                machine.start(programs::router(world, who, shards, jobs));
            }
            Who::Primary(shard) | Who::Copy(shard) | Who::Next(shard) => {
                let (requests, inbox) = mpsc::channel(INBOX);
                locked(&self.world.inboxes).insert(who.to_string(), Inbox { who, requests });
                let folder = Arc::clone(&self.folders[&who]);
                machine.start(programs::primary(world, who, ShardId(u32::from(shard)), shards, folder, inbox));
                locked(&self.world.witness).started(who, self.world.schedule.now());
            }
            Who::Replica(shard, _) | Who::NextReplica(shard, _) => {
                let (requests, inbox) = mpsc::channel(INBOX);
                locked(&self.world.inboxes).insert(who.to_string(), Inbox { who, requests });
                let folder = Arc::clone(&self.replicas[&who]);
                folder.count_anew();
                folder.forget_what_was_followed();
                machine.start(programs::replica(world, who, ShardId(u32::from(shard)), shards, folder, inbox));
                locked(&self.world.witness).started(who, self.world.schedule.now());
            }
            Who::Outside => machine.start(std::future::pending()),
        }
    }

    /// Starts the processes that the cluster moves to, once it does.
    pub(crate) fn start_next(&mut self) {
        if self.has_begun || self.next.is_none() || !has_next(&locked(&self.world.witness).records) {
            return;
        }
        self.has_begun = true;
        self.processes().into_iter().filter(|who| who.is_next()).for_each(|who| self.start(who));
    }

    /// Kills a process. Where its leases are its own they end with it, else when they are kept no longer.
    pub(crate) fn kill(&mut self, who: Who) {
        if !self.is_running(who) {
            return;
        }
        self.world.note(format_args!("{who} is killed"));
        self.world.held.end(who);
        if let Some(machine) = self.machines.get_mut(&who) {
            machine.kill();
        }
        locked(&self.world.inboxes).remove(&who.to_string());
        if let Who::Router(number) = who {
            locked(&self.clients.sites).remove(&number);
        }
        locked(&self.world.weather).frozen.remove(&who);
        locked(&self.world.witness).stopped(who);
        let mut truth = locked(&self.world.truth);
        truth.cut_watches(who, &self.world);
        if self.world.dice.permille(400) {
            truth.end_leases_of(who, &self.world);
        }
    }

    pub(crate) fn freeze(&mut self, who: Who) {
        if !self.is_running(who) || self.is_frozen(who) {
            return;
        }
        self.world.note(format_args!("{who} is frozen"));
        self.machines.entry(who).or_default().freeze();
        locked(&self.world.weather).frozen.insert(who);
        locked(&self.world.witness).stopped(who);
    }

    pub(crate) fn thaw(&mut self, who: Who) {
        if !self.is_frozen(who) {
            return;
        }
        self.world.note(format_args!("{who} goes on"));
        locked(&self.world.weather).frozen.remove(&who);
        locked(&self.world.witness).started(who, self.world.schedule.now());
        self.count_anew(who);
        self.machines.entry(who).or_default().thaw();
    }

    /// Puts the clock of a process forward.
    pub(crate) fn jump(&mut self, who: Who, ms: u64) {
        if self.is_running(who) && !self.is_frozen(who) {
            self.world.note(format_args!("the clock of {who} jumps by {ms} ms"));
            locked(&self.world.witness).started(who, self.world.schedule.now());
            self.count_anew(who);
            self.machines.entry(who).or_default().jump(ms);
        }
    }

    fn count_anew(&self, who: Who) {
        if let Some(folder) = self.replicas.get(&who) {
            folder.count_anew();
        }
    }

    /// Starts a client.
    pub(crate) fn begin(&mut self, client: impl Future<Output = ()> + Send + 'static) {
        self.start(Who::Outside);
        self.machines.entry(Who::Outside).or_default().spawn(client);
    }

    /// Lets every process, then everything that is under way, go on for so long. What a process does now arrives no
    /// earlier than after that.
    pub(crate) fn go_on(&mut self, ms: u64) {
        let mut turns: Vec<_> = self.machines.values_mut().collect();
        if self.world.dice.permille(500) {
            turns.reverse();
        }
        turns.into_iter().for_each(|machine| machine.go_on(ms));
        let now = self.world.schedule.now() + ms;
        self.world.schedule.go_on_to(now);
        locked(&self.world.truth).end_leases(&self.world);
        let is_calm = locked(&self.world.weather).is_calm();
        let mut witness = locked(&self.world.witness);
        witness.calm_since = is_calm.then(|| witness.calm_since.unwrap_or(now));
    }

    /// Ends every fault; of a folder and its copies the operator keeps the folder.
    pub(crate) fn heal(&mut self) {
        self.world.note(format_args!("everything is healed"));
        let frozen = std::mem::replace(&mut *locked(&self.world.weather), Weather::fair()).frozen;
        locked(&self.world.weather).frozen = frozen;
        for who in self.processes() {
            self.thaw(who);
            match who {
                Who::Copy(_) => self.kill(who),
                Who::Router(_)
                | Who::Primary(_)
                | Who::Next(_)
                | Who::Replica(..)
                | Who::NextReplica(..)
                | Who::Outside => self.start(who),
            }
        }
    }

    /// Ends all of it.
    pub(crate) fn end(&mut self) {
        self.machines.values_mut().for_each(Machine::kill);
        locked(&self.world.inboxes).clear();
        locked(&self.clients.sites).clear();
        self.world.schedule.clear();
        *locked(&self.world.truth) = crate::truth::Truth::default();
    }
}

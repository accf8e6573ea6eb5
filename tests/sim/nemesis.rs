//! What goes wrong, and when it is well again.

use crate::cluster::Cluster;
use crate::weather::Weather;
use crate::world::{Who, locked};
use annuli_cluster::record::Place;
use annuli_core::ShardId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that ends a fault.
#[derive(Debug, Clone, Copy)]
enum Mending {
    Start(Who),
    Thaw(Who),
    Join(Who, Who),
    Reconnect(Who),
    Calm(Takes),
}

/// Whoever is behind all that goes wrong.
pub(crate) struct Nemesis {
    /// How often something goes wrong, in a thousand steps.
    permille: u64,
    mendings: BTreeMap<(u64, u64), Mending>,
    faults: u64,
}

impl Nemesis {
    pub(crate) fn new(permille: u64) -> Self {
        Self { permille, mendings: BTreeMap::new(), faults: 0 }
    }

    /// Takes a step.
    pub(crate) fn act(&mut self, cluster: &mut Cluster) {
        let now = cluster.world.schedule.now();
        while let Some(due) = self.mendings.first_entry().filter(|first| first.key().0 <= now) {
            mend(cluster, due.remove());
        }
        if cluster.world.dice.permille(self.permille) {
            self.strike(cluster);
        }
    }

    fn mend_in(&mut self, cluster: &Cluster, ms: u64, mending: Mending) {
        self.faults += 1;
        self.mendings.insert((cluster.world.schedule.now() + ms, self.faults), mending);
    }

    fn strike(&mut self, cluster: &mut Cluster) {
        let world = Arc::clone(&cluster.world);
        let dice = &world.dice;
        let Some(&who) = dice.one_of(&cluster.processes()) else { return };
        let long = dice.between(200, 20_000);
        match dice.below(16) {
            0..3 => {
                cluster.kill(who);
                self.mend_in(cluster, dice.between(10, 12_000), Mending::Start(who));
            }
            3..5 => {
                cluster.freeze(who);
                self.mend_in(cluster, long, Mending::Thaw(who));
            }
            5 => {
                let routers: Vec<_> = (0..cluster.clients.routers).map(Who::Router).collect();
                let Some(&router) = dice.one_of(&routers) else { return };
                world.note(format_args!("{router} and {who} are apart"));
                locked(&world.weather).apart.insert((router, who));
                self.mend_in(cluster, long, Mending::Join(router, who));
            }
            6 => {
                world.note(format_args!("{who} is cut off from the coordination store"));
                locked(&world.weather).cut_off.insert(who);
                self.mend_in(cluster, long, Mending::Reconnect(who));
            }
            7..11 => self.storm(cluster, long),
            11 => {
                world.note(format_args!("the store forgets, and the watches of {who} are cut"));
                let mut truth = locked(&world.truth);
                truth.compact();
                truth.cut_watches(who, &world);
                locked(&world.witness).calm_since = None;
            }
            12 => cluster.jump(who, dice.between(50, 9_000)),
            13 => locked(&world.shelf).damage(&world),
            14 => {
                if let Who::Primary(shard) = who {
                    copy(cluster, shard);
                }
            }
            _ => {
                if let Some(folder) = cluster.replicas.get(&who).map(Arc::clone) {
                    cluster.kill(who);
                    world.note(format_args!("{who} loses its disk"));
                    folder.lose();
                    self.mend_in(cluster, dice.between(10, 12_000), Mending::Start(who));
                }
            }
        }
    }

    /// Something works badly for everybody.
    fn storm(&mut self, cluster: &Cluster, ms: u64) {
        let dice = &cluster.world.dice;
        let (over, takes) = STORMS[usize::try_from(dice.below(STORMS.len() as u64)).expect("a place in it")];
        cluster.world.note(format_args!("a storm over {over}"));
        let storm = Weather {
            delay_ms_max: dice.between(100, 2_500),
            lost: dice.below(120),
            refused: dice.below(120),
            store_lost: dice.below(250),
            store_refused: dice.below(250),
            dumps_fail: dice.below(300),
            disks_fail: dice.below(300),
            ..Weather::fair()
        };
        takes(&mut locked(&cluster.world.weather), &storm);
        self.mend_in(cluster, ms, Mending::Calm(takes));
    }
}

/// Takes a part of another weather over.
type Takes = fn(&mut Weather, &Weather);

/// What a storm can be over, and what it changes.
const STORMS: [(&str, Takes); 4] = [
    ("the network", |weather, storm| {
        (weather.lost, weather.refused) = (storm.lost, storm.refused);
        weather.delay_ms_max = storm.delay_ms_max;
    }),
    ("the coordination store", |weather, storm| {
        (weather.store_lost, weather.store_refused) = (storm.store_lost, storm.store_refused);
    }),
    ("the store of dumps", |weather, storm| weather.dumps_fail = storm.dumps_fail),
    ("every disk", |weather, storm| weather.disks_fail = storm.disks_fail),
];

/// Copies the folder of a primary; or, if that was done when it had an earlier term, starts a process over the copy.
fn copy(cluster: &mut Cluster, shard: u8) {
    let (primary, copy) = (Who::Primary(shard), Who::Copy(shard));
    let Some(term) = cluster.folders.get(&copy).map(|folder| folder.term()) else {
        cluster.world.note(format_args!("the folder of {primary} is copied"));
        let folder = cluster.folders[&primary].copy();
        cluster.folders.insert(copy, Arc::new(folder));
        return;
    };
    let place = Place::first(ShardId(u32::from(shard)));
    let last = locked(&cluster.world.witness).records.terms.get(&place).map(|it| it.record.epoch);
    let is_old = last.is_some() && last != term.served && last != term.begun;
    if is_old {
        cluster.start(copy);
    }
}

fn mend(cluster: &mut Cluster, mending: Mending) {
    match mending {
        Mending::Start(who) => cluster.start(who),
        Mending::Thaw(who) => cluster.thaw(who),
        Mending::Join(one, other) => drop(locked(&cluster.world.weather).apart.remove(&(one, other))),
        Mending::Reconnect(who) => drop(locked(&cluster.world.weather).cut_off.remove(&who)),
        Mending::Calm(takes) => takes(&mut locked(&cluster.world.weather), &Weather::fair()),
    }
}

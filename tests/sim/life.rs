//! One life of a cluster: it is built, goes through trouble, is healed, and has to be well.

use crate::cluster::Cluster;
use crate::epilogue;
use crate::nemesis::Nemesis;
use crate::world::{World, locked};
use crate::{clients, operator, origins, panics, readers};
use annuli_core::IndexName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// How far a process goes before the next has its turn. Messages are under way for no less.
pub(crate) const STEP_MS: u64 = 10;

/// What came of a life.
pub(crate) struct Report {
    pub(crate) digest: u64,
    pub(crate) violations: Vec<String>,
    /// The last lines before the end.
    pub(crate) tail: String,
    pub(crate) tally: BTreeMap<&'static str, u64>,
}

/// Lives the life of that seed.
pub(crate) fn live(seed: u64, is_shown: bool) -> Report {
    // Of what the code under test draws by itself: which replica is asked.
    fastrand::seed(seed);
    origins::begin_anew();
    panics::begin_anew();
    let world = World::new(seed, is_shown);
    let dice = &world.dice;
    let small = |most: u64| u8::try_from(dice.between(1, most)).expect("a few");
    let (shards, replicas, routers) = (small(2), small(2), small(2));
    let next = dice.permille(400).then(|| small(3)).filter(|next| *next != shards);
    let mut cluster = Cluster::new(&world, shards, replicas, routers, next);
    let names: Vec<_> = ["main", "other"].iter().map(|name| IndexName::new(name).expect("a name")).collect();
    cluster.processes().into_iter().for_each(|who| cluster.start(who));
    for writer in 0..2 {
        cluster.begin(clients::write(Arc::clone(&cluster.clients), writer, names.clone()));
        cluster.begin(readers::read(Arc::clone(&cluster.clients), names.clone()));
    }
    cluster.begin(operator::operate(Arc::clone(&cluster.clients), cluster.shards, names.clone()));
    if let Some(next) = cluster.next {
        cluster.begin(operator::reshard(Arc::clone(&cluster.clients), next));
    }

    let (mut nemesis, trouble_ms) = (Nemesis::new(dice.between(0, 9)), dice.between(10_000, 45_000));
    while world.schedule.now() < trouble_ms && is_sound(&world) {
        cluster.go_on(STEP_MS);
        nemesis.act(&mut cluster);
        cluster.start_next();
    }
    cluster.clients.stops.store(true, Relaxed);
    cluster.heal();
    epilogue::settle(&mut cluster);
    epilogue::check(&mut cluster);
    cluster.end();
    let witness = locked(&world.witness);
    let (violations, tally) = (witness.violations.clone(), witness.tally.clone());
    Report { digest: world.trace.digest(), violations, tail: world.trace.tail(), tally }
}

/// Whether the life may go on: after a violation the rest says little.
pub(crate) fn is_sound(world: &World) -> bool {
    if let Some(panic) = panics::take() {
        world.violated(format_args!("a task has panicked: {panic}"));
    }
    locked(&world.witness).violations.is_empty()
}

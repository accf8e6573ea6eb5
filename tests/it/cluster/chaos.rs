//! Any process is killed at any moment, while indexes are dumped and rolled out all the time: searches are answered as
//! long as one process of each shard lives, and what was acknowledged is there in the end.

use super::{count, documents, schema};
use crate::model::seed;
use annuli_tests::{Cluster, Freshness, Index, Load, wait_until};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use std::env;

const SHARDS: usize = 2;
const REPLICAS: usize = 2;
/// The first of them is not killed: through it the clients search and write.
const ROUTERS: usize = 3;

/// How often something is killed: `ANNULI_KILLS`, else 8.
fn kills() -> u64 {
    env::var("ANNULI_KILLS").map_or(8, |text| text.parse().expect("ANNULI_KILLS is a number"))
}

/// A process of the cluster.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Primary(usize),
    Replica(usize, usize),
    Router(usize),
    Coordinator,
}

const VICTIMS: [Victim; 9] = [
    Victim::Primary(0),
    Victim::Primary(1),
    Victim::Replica(0, 0),
    Victim::Replica(0, 1),
    Victim::Replica(1, 0),
    Victim::Replica(1, 1),
    Victim::Router(1),
    Victim::Router(2),
    Victim::Coordinator,
];

#[test]
fn whatever_is_killed_searches_go_on_and_nothing_acknowledged_is_lost() {
    let seed = seed::seed(1);
    let mut random = seed::random(seed, 0);
    let mut cluster = Cluster::with_replicas(SHARDS, REPLICAS, ROUTERS);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(500));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    for _ in 0..kills() {
        // A rollout follows the dump of whoever asks first; some are cut off in the middle, which is what is tried here.
        for what in ["dumps", "rollouts"] {
            let _ = index.client.post(&index.path(&format!("/{what}")), &json!({}));
        }
        let moment = load.searched() + random.random_range(0..400);
        wait_until("a moment", || load.searched() >= moment);
        let victim = *VICTIMS.choose(&mut random).expect("there are some");
        kill(&mut cluster, victim, &mut random);
        wait_until("every replica serves again", || all_serve(&cluster, &index));
    }
    let seen = load.stop();
    eprintln!(
        "seed {seed}: {} kills, {} searches, {} documents written, {} writes not acknowledged",
        kills(),
        seen.searched.answered,
        seen.wrote.acknowledged,
        seen.wrote.failed
    );
    assert_eq!(seen.searched.failed, 0, "seed {seed}: {:#?}", seen.searched.failures);
    wait_until("every task is over", || {
        index.client.get("/v1/tasks").ok()["tasks"].as_array().unwrap().iter().all(is_over)
    });
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    for how in [json!({}), json!({"consistency": "primary"})] {
        let found = count(&index, &how);
        assert!(found >= 500 + seen.wrote.acknowledged, "seed {seed}: {found} of {}", seen.wrote.acknowledged);
    }
}

fn is_over(task: &Value) -> bool {
    !["queued", "running", "paused"].contains(&task["status"].as_str().unwrap())
}

fn kill(cluster: &mut Cluster, victim: Victim, random: &mut StdRng) {
    match victim {
        Victim::Primary(shard) => {
            cluster.kill_primary(shard);
            cluster.start_primary(shard);
        }
        Victim::Replica(shard, place) => {
            cluster.kill_replica(shard, place);
            cluster.start_replica(shard, place);
        }
        Victim::Router(router) => {
            cluster.router(router).kill9();
            cluster.router(router).restart();
        }
        Victim::Coordinator => match cluster.coordinator() {
            // The clients are its.
            0 => kill(cluster, Victim::Router(random.random_range(1..ROUTERS)), random),
            router => kill(cluster, Victim::Router(router), random),
        },
    }
}

/// Whether each replica that runs has what is official, and each primary that runs serves.
fn all_serve(cluster: &Cluster, index: &Index) -> bool {
    let shown = index.client.get("/v1/cluster").ok();
    let shown = &shown["indexes"][&index.name];
    let official = shown["generation"].to_string();
    (0..SHARDS).all(|shard| {
        let Value::Array(replicas) = &shown["shards"][shard]["replicas"] else { return false };
        // By its address: what an earlier run of the process has said of itself stands until its lease ends.
        let is_ready = |place| {
            let address = cluster.replica(shard, place).address();
            replicas.iter().any(|shown| shown["address"] == address && shown["generations"][&official] == "ready")
        };
        let primary = &shown["shards"][shard]["primary"];
        (0..REPLICAS).all(is_ready)
            && primary["address"] == cluster.primary(shard).address()
            && primary["state"] == "ready"
    })
}

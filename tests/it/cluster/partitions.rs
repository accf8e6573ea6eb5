//! Cables between processes are pulled out and put in again.

use super::{count, documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cable, Cluster, Freshness, Index, Load, wait_until};
use serde_json::json;

#[test]
fn a_replica_that_no_router_reaches_fails_no_search() {
    let (mut cluster, cable) = (Cluster::with_replicas(1, 1, 1), Cable::new());
    cluster.start_replica_behind(&cable, 0, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    let go_on = |searches: u64| {
        let enough = load.searched() + searches;
        wait_until("searches go on", || load.searched() >= enough);
    };
    go_on(200);
    cable.cut();
    go_on(500);
    cable.mend();
    go_on(500);
    let seen = load.stop().searched;
    assert_eq!(seen.failed, 0, "{:#?}", seen.failures);
    eprintln!("the slowest search took {:?}", seen.latencies.iter().max());
}

#[test]
fn a_shard_that_is_cut_off_is_named_and_comes_back_with_what_was_acknowledged() {
    let mut cluster = Cluster::of_routers(2, 1);
    let cable = Cable::new();
    cluster.start_primary(0);
    cluster.start_primary_behind(&cable, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cable.cut();
    let quickly = json!({"vector": [0, 0], "limit": 100, "timeout_ms": 300});
    index.post("search", &quickly).refused(ErrorCode::DeadlineExceeded, "shard 1");
    let mut partial = quickly.clone();
    partial["allow_partial"] = json!(true);
    let reply = index.search(&partial);
    assert_eq!((reply.shards.successful, reply.shards.failed[0].shard), (1, 1));
    // What of it was written is not known, and is said so.
    let written = index.post("index", &json!({"documents": documents(200), "timeout_ms": 300}));
    assert!(!written.is_success());
    let shards = written.json["error"]["details"].to_string();
    assert!(shards.contains("unknown"), "{shards}");
    cable.mend();
    wait_until("the shard is back", || index.post("search", &quickly).is_success());
    let found = count(&index, &json!({}));
    assert!((100..=200).contains(&found), "{found}");
    index.store(&documents(200));
    assert_eq!(count(&index, &json!({})), 200);
}

#[test]
fn a_router_that_is_cut_off_from_the_coordination_store_goes_on_with_what_it_knows() {
    let (mut cluster, cable) = (Cluster::over_etcd(1, 1), Cable::new());
    cluster.add_router_behind(&cable);
    let index = Index::create(&cluster.client(1), &schema());
    index.store(&documents(50));
    cable.cut();
    index.store(&documents(60));
    assert_eq!(count(&index, &json!({})), 60);
    let other = cluster.client(1).put("/v1/indexes/other", &schema());
    other.refused(ErrorCode::CoordinationUnavailable, "etcd");
    assert!(cluster.client(0).put("/v1/indexes/other", &schema()).is_success());
    cable.mend();
    let other = Index::named(&cluster.client(1), "other");
    wait_until("it has caught up", || other.post("count", &json!({})).is_success());
}

//! Rollouts under load: whatever is dumped and rolled out, no search fails and nothing goes back.

use super::{documents, schema};
use annuli_tests::{Cluster, Freshness, Index, Load, wait_until};
use serde_json::json;
use std::env;
use std::time::Duration;

/// Searching clients of each router: more than there are replicas of a shard.
const CLIENTS: usize = 2;

/// How often the index is dumped and rolled out: `ANNULI_ROLLOUTS`, else 3.
fn rollouts() -> u64 {
    env::var("ANNULI_ROLLOUTS").map_or(3, |text| text.parse().expect("ANNULI_ROLLOUTS is a number"))
}

/// How many searches there are to be at least: `ANNULI_SEARCHES`, else 2,000.
fn searches() -> u64 {
    env::var("ANNULI_SEARCHES").map_or(2_000, |text| text.parse().expect("ANNULI_SEARCHES is a number"))
}

#[test]
fn no_search_fails_while_generations_are_dumped_and_rolled_out() {
    let cluster = Cluster::with_replicas(3, 2, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(1_000));
    let routers = [cluster.client(0), cluster.client(1)];
    let calm = calm(&cluster, &index, &routers);

    let load = Load::start(&routers, &index.name, CLIENTS, Freshness::Onward);
    for round in 1..=rollouts() {
        assert_eq!(cluster.dump(0, &index.name), round + 1);
        cluster.roll_out(1, &index.name);
    }
    wait_until("enough searches", || load.searched() >= searches());
    let seen = load.stop();

    let (p99, searched, wrote) = (seen.searched.p99(), &seen.searched, &seen.wrote);
    eprintln!(
        "{} rollouts, {} searches, p99 {p99:?} (before: {calm:?}), {} documents written",
        rollouts(),
        searched.answered,
        wrote.acknowledged
    );
    assert_eq!((searched.failed, searched.went_back), (0, 0), "{:#?}", searched.failures);
    assert_eq!(wrote.failed, 0);
    let all = index.post("count", &json!({"consistency": "primary"})).ok()["count"].as_u64();
    assert_eq!(all, Some(1_000 + wrote.acknowledged));
}

/// The p99 of searches while nothing else is done, which rollouts are compared with by whoever reads the test's words.
fn calm(cluster: &Cluster, index: &Index, routers: &[annuli_tests::Client]) -> Duration {
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let load = Load::start(routers, &index.name, CLIENTS, Freshness::Onward);
    wait_until("some searches", || load.searched() >= searches() / 4);
    load.stop().searched.p99()
}

//! A coordination store of several members, one of which dies.

use super::{count, documents, schema};
use annuli_tests::{Cluster, Etcd, Freshness, Index, Load, wait_until};
use serde_json::json;

/// That which leads: the others elect another, and until then nothing is agreed upon.
#[test]
fn of_three_members_of_etcd_one_is_killed_and_everything_goes_on() {
    let mut cluster = Cluster::over(Etcd::of_members(3), 2, 2);
    (0..2).for_each(|shard| cluster.start_replica(shard, 0));
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(500));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);

    let load = Load::start(&[cluster.client(0), cluster.client(1)], &index.name, 1, Freshness::Onward);
    let dump = cluster.begin_task(0, &index.name, "dumps", &json!({}));
    cluster.kill_leader_of_etcd();
    let (searched, written) = (load.searched(), load.written());
    let dumped = cluster.wait(1, &dump);
    assert_eq!(dumped["status"], "succeeded", "{dumped}");
    let generation = &dumped["result"]["generation"];
    let rolled_out = || {
        // Who coordinates may change meanwhile, and asks for nothing twice.
        index.client.post(&index.path("/rollouts"), &json!({})).is_success()
    };
    wait_until("a rollout is asked for", rolled_out);
    let official = || cluster.client(1).get("/v1/cluster").ok()["indexes"][&index.name]["generation"].clone();
    wait_until("it is rolled out", || official() == *generation);
    wait_until("searches go on", || load.searched() >= searched + 200);
    wait_until("writes go on", || load.written() >= written + 20);
    let seen = load.stop();

    assert_eq!((seen.searched.failed, seen.searched.went_back), (0, 0), "{:#?}", seen.searched.failures);
    assert!(seen.wrote.acknowledged > 0);
    wait_until("the primaries serve", || index.post("count", &json!({"consistency": "primary"})).is_success());
    let all = count(&index, &json!({"consistency": "primary"}));
    // What was written and not acknowledged may be there too.
    assert!(all >= 500 + seen.wrote.acknowledged, "{all} of {}", seen.wrote.acknowledged);
    Index::create(&cluster.client(1), &schema()).store(&documents(10));
}

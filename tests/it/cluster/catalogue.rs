//! Indexes and aliases, while routers compete and processes are down.

use super::{documents, nearest, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::json;
use std::thread;

#[test]
fn an_index_that_is_created_while_a_primary_is_down_is_finished_when_it_comes() {
    let mut cluster = Cluster::of_routers(2, 1);
    cluster.start_primary(0);
    let client = cluster.client(0);
    let answer = client.put("/v1/indexes/faces", &schema());
    answer.refused(ErrorCode::ShardUnavailable, "index `faces` is created, but shard 1 is not served yet");
    cluster.start_primary(1);
    let index = Index::create_named(&client, "faces", &schema());
    index.store(&documents(10));
    assert_eq!(nearest(&index, 1), ["doc-0"]);
}

#[test]
fn of_two_conflicting_creations_through_two_routers_one_wins() {
    let cluster = Cluster::start(2, 2);
    for round in 0..5 {
        let name = format!("/v1/indexes/faces-{round}");
        let create = |router: usize, dim: usize| {
            let (client, name) = (cluster.client(router), name.clone());
            thread::spawn(move || client.put(&name, &json!({"dim": dim, "metric": "cosine"})))
        };
        let answers = [create(0, 2), create(1, 3)].map(|creation| creation.join().unwrap());
        let created = answers.iter().position(|answer| answer.status == 201).expect("one is created");
        answers[1 - created].refused(ErrorCode::IndexExists, &format!("it has dim {}", created + 2));
        let shown = cluster.client(1 - created).get(&name).ok();
        assert_eq!(shown["dim"], created + 2);
    }
}

#[test]
fn an_index_that_is_deleted_while_a_primary_is_down_does_not_come_back() {
    let mut cluster = Cluster::start(2, 1);
    let client = cluster.client(0);
    let index = Index::create_named(&client, "faces", &schema());
    index.store(&documents(10));
    cluster.kill_primary(1);
    assert!(client.delete("/v1/indexes/faces").is_success());
    client.get("/v1/indexes/faces").refused(ErrorCode::IndexNotFound, "there is no index `faces`");
    cluster.start_primary(1);
    let folder = cluster.primary_folder(1).join("faces");
    wait_until("the primary that was down removes its shard", || !folder.exists());

    // Another index of the name begins empty.
    let index = Index::create_named(&client, "faces", &schema());
    assert_eq!(index.post("count", &json!({})).ok()["count"], 0);
}

#[test]
fn an_alias_that_one_router_sets_another_follows() {
    let cluster = Cluster::start(1, 2);
    let index = Index::create_named(&cluster.client(0), "faces-1", &schema());
    index.store(&documents(3));
    cluster.client(0).put("/v1/aliases/faces", &json!({"index": "faces-1"})).ok();
    let by_alias = Index::named(&cluster.client(1), "faces");
    wait_until("the other router knows the alias", || by_alias.post("count", &json!({})).is_success());
    assert_eq!(nearest(&by_alias, 1), ["doc-0"]);
    cluster.client(1).delete("/v1/indexes/faces").refused(ErrorCode::AliasConflict, "is an alias of `faces-1`");
    assert!(cluster.client(1).delete("/v1/indexes/faces-1").is_success());
    assert_eq!(cluster.client(1).get("/v1/aliases").ok()["aliases"], json!({}));
}

#[test]
fn an_index_has_as_many_shards_as_its_cluster() {
    let cluster = Cluster::start(2, 1);
    let schema = json!({"dim": 2, "metric": "cosine", "shards": 3});
    let answer = cluster.client(0).put("/v1/indexes/faces", &schema);
    answer.refused(ErrorCode::InvalidSchema, "every index of this cluster has 2 shards, 3 were asked for");
}

//! What was acknowledged is there after a restart, and answers are the same.

use annuli_tests::{Index, Server};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// What can be seen of an index, freshness tokens and times aside.
fn seen(index: &Index) -> [Value; 5] {
    let mut search = index.post("search", &json!({"vectors": [[0, 0, 1], [1, 1, 0]], "exact": true, "limit": 50})).ok();
    search["took_ms"] = Value::Null;
    let filtered = index.post("search", &json!({"vector": [1, 0, 0], "filter": {"n": {"$gt": 250}}, "limit": 30})).ok();
    let mut info = index.info();
    info["status"] = Value::Null;
    // How the documents lie in graphs is the shard's own affair.
    for shard in info["shard_status"].as_array_mut().expect("a list of shards") {
        let shard = shard.as_object_mut().expect("a shard");
        shard.retain(|name, _| ["shard", "seq", "documents", "pending"].contains(&name.as_str()));
    }
    [search, filtered["results"].clone(), info, json!(index.documents()), json!(index.count())]
}

/// An index that has seen stores, changes and deletes.
fn index_with_a_past(server: &Server) -> Index {
    let index = Index::create_named(&server.client(), "past", &json!({"dim": 3, "metric": "cosine", "shards": 3}));
    let rng = &mut StdRng::seed_from_u64(1);
    let mut document = |n| {
        let vector: Vec<f32> = (0..3).map(|_| rng.random_range(-1.0..1.0)).collect();
        json!({"id": format!("{n}"), "vector": vector, "metadata": {"n": n}})
    };
    index.store(&json!((0..500).map(&mut document).collect::<Vec<_>>()));
    index.store(&json!((100..200).map(&mut document).collect::<Vec<_>>()));
    let change = |n: u32| json!({"id": format!("{n}"), "metadata": {"n": null, "changed": true}});
    index.post("update", &json!({"documents": (150..250).map(change).collect::<Vec<_>>()})).ok();
    index.post("delete", &json!({"filter": {"n": {"$gte": 400}}})).ok();
    index.post("delete", &json!({"ids": ["7", "8", "9"]})).ok();
    index
}

#[track_caller]
fn check_restart(end: impl Fn(&mut Server)) {
    let mut server = Server::start();
    let before = seen(&index_with_a_past(&server));
    // Twice: the second finds the store as the first restart has left it.
    for _ in 0..2 {
        end(&mut server);
        server.restart();
        assert_eq!(seen(&Index::named(&server.client(), "past")), before);
    }
}

#[test]
fn everything_is_the_same_after_a_clean_end() {
    check_restart(|server| assert_eq!(server.sigterm().code(), Some(0)));
}

#[test]
fn everything_is_the_same_after_a_kill() {
    check_restart(Server::kill9);
}

#[test]
fn writes_go_on_where_they_were() {
    let mut server = Server::start();
    let index = index_with_a_past(&server);
    let before = index.seqs();
    server.kill9();
    server.restart();
    let index = Index::named(&server.client(), "past");
    let reply = index.store(&json!([{"id": "new", "vector": [0, 0, 1]}]));
    let (shard, seq) = reply["shards"].as_object().and_then(|shards| shards.iter().next()).expect("one shard");
    let shard: usize = shard.parse().expect("a number");
    assert_eq!(seq.as_u64(), Some(before[shard] + 1));
    assert_eq!(index.found(&json!({"vector": [0, 0, 1], "limit": 1})), ["new"]);
}

#[test]
fn a_deleted_index_stays_deleted() {
    let mut server = Server::start();
    let index = index_with_a_past(&server);
    let kept = Index::create_named(&server.client(), "kept", &json!({"dim": 1, "metric": "euclidean"}));
    kept.store(&json!([{"id": "a", "vector": [1]}]));
    index.client.delete(&index.path("")).ok();
    server.kill9();
    server.restart();
    assert_eq!(server.client().get("/v1/indexes/past").status, 404);
    assert_eq!(Index::named(&server.client(), "kept").count(), 1);
    assert!(!server.workspace().join("past").exists());
}

#[test]
fn a_graph_is_built_again_and_answers_as_before() {
    let mut server = Server::start();
    let schema = json!({"dim": 4, "metric": "euclidean"});
    let index = Index::create_named(&server.client(), "large", &schema);
    let rng = &mut StdRng::seed_from_u64(2);
    let mut vector = || -> Vec<f32> { (0..4).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let documents: Vec<_> = (0..4_000).map(|n| json!({"id": format!("{n}"), "vector": vector()})).collect();
    index.store(&json!(documents));
    let queries: Vec<_> = (0..100).map(|_| vector()).collect();
    let exact = json!({"vectors": queries, "exact": true});
    let before = index.search(&exact).results;
    server.kill9();
    server.restart();
    let index = Index::named(&server.client(), "large");
    assert_eq!(index.search(&exact).results, before);
    annuli_tests::wait_until("a graph that holds every document", || index.info()["status"] == "ready");
    let approximate = index.search(&json!({"vectors": queries, "ef": 200})).results;
    let same = approximate.iter().zip(&before).filter(|(a, b)| a == b).count();
    assert!(same >= 95, "{same} of 100 queries have the exact answer");
}

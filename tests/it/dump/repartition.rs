//! A dump restored onto another number of shards holds the same documents and gives the same answers.

use super::cli::Dumps;
use super::task;
use crate::model::condition;
use crate::model::seed;
use crate::model::vectors::{bits, from_json, vector};
use annuli_api::v1::vector::to_base64;
use annuli_core::placement::shard_of;
use annuli_core::{DocId, ShardCount};
use annuli_tests::packages::Packages;
use annuli_tests::{Index, Launch, Server};
use rand::RngExt;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All that tells an index from another, but for its identity and its shards.
#[derive(PartialEq)]
pub(crate) struct Seen {
    /// Vector, bit by bit, and metadata, by id.
    documents: BTreeMap<String, (Vec<u32>, Value)>,
    /// Hits of every query, exact.
    answers: Vec<Value>,
    /// Documents that match each filter.
    counts: Vec<u64>,
}

impl Seen {
    pub(crate) fn of(index: &Index, queries: &[Vec<f32>], filters: &[Value]) -> Self {
        let document = |document: &Value| {
            let id = document["id"].as_str().unwrap().to_owned();
            (id, (bits(&from_json(&document["vector"])), document["metadata"].clone()))
        };
        let queries: Vec<_> = queries.iter().map(|query| to_base64(query)).collect();
        let mut answers =
            vec![index.post("search", &json!({"vectors": queries, "exact": true})).ok()["results"].clone()];
        for filter in filters {
            let request = json!({"vectors": queries, "exact": true, "filter": filter, "limit": 20, "offset": 2});
            answers.push(index.post("search", &request).ok()["results"].clone());
        }
        Self {
            documents: index.documents().iter().map(document).collect(),
            answers,
            counts: filters.iter().map(|filter| index.count_matching(filter)).collect(),
        }
    }

    /// Not `assert_eq`, which would print every vector.
    #[track_caller]
    pub(crate) fn check_same(&self, other: &Self) {
        let ids = |seen: &Self| seen.documents.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(self), ids(other));
        for (id, document) in &self.documents {
            assert!(*document == other.documents[id], "`{id}` is another document now");
        }
        assert_eq!(self.counts, other.counts);
        for (number, (was, is)) in self.answers.iter().zip(&other.answers).enumerate() {
            assert!(was == is, "search {number} finds something else now:\n{was}\n{is}");
        }
    }
}

/// Dumps an index and restores it onto the first number of shards, dumps that and restores it onto the second, and so on.
fn check_chain(server: Server, name: &str, chain: [u32; 3], queries: &[Vec<f32>], filters: &[Value]) {
    let mut index = Index::named(&server.client(), name);
    let mut uuids = vec![index.info()["uuid"].clone()];
    let original = Seen::of(&index, queries, filters);
    let (scratch, mut server) = (tempfile::tempdir().unwrap(), server);
    for shards in chain {
        let dump = task::dump(&index);
        let into = scratch.path().join(shards.to_string());
        // The server that has taken the dump goes on meanwhile: its workspace is only read.
        let report = Dumps(server.workspace()).restore(&dump, &into, name, Some(shards)).json();
        assert_eq!(report, json!({"index": name, "shards": shards, "documents": original.documents.len()}));
        server = Launch::new().over(&into).start();
        index = Index::named(&server.client(), name);
        original.check_same(&Seen::of(&index, queries, filters));
        check_placement(&index, shards, &original);
        uuids.push(index.info()["uuid"].clone());
    }
    uuids.sort_by_key(Value::to_string);
    uuids.dedup();
    assert_eq!(uuids.len(), 4, "every restore is an index of its own");
    check_offline_dump(server, name, chain[2], &original);
}

/// Each shard has the documents that it owns.
fn check_placement(index: &Index, shards: u32, seen: &Seen) {
    let mut owned = vec![0_u64; shards as usize];
    for id in seen.documents.keys() {
        owned[shard_of(&DocId::new(id).unwrap(), ShardCount::new(shards).unwrap()).0 as usize] += 1;
    }
    let info = index.info();
    let documents = info["shard_status"].as_array().unwrap().iter().map(|shard| shard["documents"].as_u64().unwrap());
    assert_eq!(documents.collect::<Vec<_>>(), owned);
}

/// A dump without a server is as good.
fn check_offline_dump(mut server: Server, name: &str, shards: u32, original: &Seen) {
    assert!(server.sigterm().success());
    let dumps = Dumps(server.workspace());
    let created = dumps.call("create", &[name]).json();
    assert_eq!((&created["documents"], &created["shards"]), (&json!(original.documents.len()), &json!(shards)));
    let dump = created["dump"].as_str().unwrap();
    assert_eq!(dumps.call("verify", &[dump]).json()["sound"], true);
}

#[test]
fn real_documents_are_the_same_on_2_and_3_and_1_shards() {
    let packages = Packages::read();
    let server = Server::start();
    let index = Index::create_named(
        &server.client(),
        "packages",
        &json!({"dim": packages.vectors.row(0).len(), "metric": "cosine", "shards": 2}),
    );
    let documents: Vec<_> = packages.documents.iter().zip(packages.vectors.rows()).collect();
    for some in documents.chunks(1_000) {
        let with_vector = |(document, vector): &(&Value, &[f32])| {
            let mut document = (*document).clone();
            document["vector"] = json!(to_base64(vector));
            document
        };
        index.store(&some.iter().map(with_vector).collect());
    }
    let queries: Vec<_> = packages.queries.rows().take(50).map(<[f32]>::to_vec).collect();
    let filters: Vec<_> = packages.filters.iter().map(|truth| truth.filter.clone()).collect();
    check_chain(server, "packages", [3, 1, 2], &queries, &filters);
}

#[test]
fn random_documents_with_a_past_are_the_same_on_2_and_3_and_1_shards() {
    let random = &mut seed::random(seed::seed(6), 0);
    let server = Server::start();
    let index = Index::create_named(
        &server.client(),
        "random",
        &json!({
            "dim": 7,
            "metric": "inner_product",
            "shards": 2,
            "hnsw": {"m": 5, "ef_construction": 50},
            "quantization": "int4",
        }),
    );
    for _ in 0..20 {
        let document = |_| {
            let (number, vector) = (random.random_range(0..900), vector(random, 7, 1.0));
            json!({"id": format!("ä/{number} "), "vector": vector, "metadata": condition::metadata(random)})
        };
        index.store(&(0..100).map(document).collect());
    }
    index.post("delete", &json!({"filter": {"color": "red"}})).ok();
    let ids = index.documents().iter().map(|document| document["id"].clone()).sample(random, 100);
    index.post("delete", &json!({"ids": ids})).ok();
    let queries: Vec<_> = (0..40).map(|_| vector(random, 7, 1.0)).collect();
    check_chain(
        server,
        "random",
        [3, 1, 2],
        &queries,
        &[json!({"size": {"$gt": 1}}), json!({"flag": {"$exists": false}})],
    );
}

/// There are more shards than documents, and texts that mean something elsewhere.
#[test]
fn documents_with_odd_ids_are_the_same_on_1_and_7_and_128_shards() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "odd", &json!({"dim": 2, "metric": "euclidean", "shards": 1}));
    let longest = "x".repeat(512);
    let ids = ["\n", "a\nb", "\0", "../..", "ünï ✓ 漢字", "'; DROP TABLE documents; --", "{\"$ne\": null}", &longest];
    let document = |(number, id): (usize, &&str)| json!({"id": id, "vector": [number, 0], "metadata": {"name": id}});
    index.store(&ids.iter().enumerate().map(document).collect());
    let filters = ids.map(|id| json!({"name": id}));
    for filter in &filters {
        assert_eq!(index.count_matching(filter), 1, "{filter}");
    }
    check_chain(server, "odd", [7, 128, 1], &[vec![0.0; 2], vec![3.5, 1.0]], &filters);
}

#[test]
fn an_index_without_documents_is_restored() {
    let server = Server::start();
    Index::create_named(&server.client(), "empty", &json!({"dim": 3, "metric": "euclidean", "shards": 2}));
    check_chain(server, "empty", [3, 1, 2], &[vec![0.0; 3]], &[]);
}

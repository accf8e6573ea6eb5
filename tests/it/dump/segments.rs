//! Segments travel in dumps: what is restored onto as many shards serves at once from the graphs that were dumped.

use super::cli::Dumps;
use super::task;
use crate::model::seed;
use annuli_tests::{Index, Launch, Server};
use rand::RngExt;
use serde_json::{Value, json};
use std::path::Path;

fn server(workspace: Option<&Path>) -> Server {
    let launch = Launch::new().variable("ANNULI_SEAL_POINTS", "100");
    workspace.map_or(launch.clone(), |workspace| launch.over(workspace)).start()
}

fn documents(first: usize, count: usize) -> Value {
    let random = &mut seed::random(38, first as u64);
    let mut document = |n| {
        let vector: Vec<f32> = (0..8).map(|_| random.random_range(-1.0..1.0)).collect();
        json!({"id": format!("{n}"), "vector": vector, "metadata": {"even": n % 2 == 0}})
    };
    (first..first + count).map(&mut document).collect()
}

/// What searches find: exactly, by a walk, and with a filter.
fn answers(index: &Index) -> Vec<Value> {
    let vectors: Vec<Vec<f32>> =
        (0..5_u8).map(|n| (0..8_u8).map(|c| f32::from((n * 7 + c * 3) % 11) - 5.0).collect()).collect();
    let ways = [json!({"exact": true}), json!({"ef": 200}), json!({"ef": 200, "filter": {"even": true}})];
    let answer = |way: &Value| {
        let mut request = json!({"vectors": vectors, "limit": 20, "include": ["metadata", "vector"]});
        request.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
        index.post("search", &request).ok()["results"].clone()
    };
    ways.iter().map(answer).collect()
}

/// An index in segments, some of whose documents are dead, and some in no segment.
fn filled(server: &Server) -> Index {
    let schema = json!({"dim": 8, "metric": "cosine", "shards": 2});
    let index = Index::create_named(&server.client(), "original", &schema);
    index.store(&documents(0, 1_000));
    index.built();
    index.post("delete", &json!({"ids": ["1", "2", "3", "500"]})).ok();
    index.store(&documents(990, 30));
    index.built();
    index
}

#[test]
fn a_restored_index_serves_from_the_graphs_that_were_dumped() {
    let mut original = server(None);
    let index = filled(&original);
    let (before, dump) = (answers(&index), task::dump(&index));
    let segments = |index: &Index| -> Vec<Value> {
        let info = index.info();
        info["shard_status"].as_array().unwrap().iter().map(|shard| shard["segments"].clone()).collect()
    };
    let dumped = segments(&index);
    let into = tempfile::tempdir().unwrap();
    let report = Dumps(original.workspace()).restore(&dump, into.path(), "copy", None).json();
    assert_eq!(report, json!({"index": "copy", "shards": 2, "documents": 1_016}));
    original.sigterm();
    let copied = server(Some(into.path()));
    let copy = Index::named(&copied.client(), "copy");
    assert_eq!(copy.info()["status"], "ready");
    assert_eq!(segments(&copy), dumped);
    assert!(!copied.log().contains("sealed new documents"), "{}", copied.log());
    assert!(answers(&copy) == before, "it answers otherwise");
    // It goes on as any other.
    copy.store(&documents(5_000, 300));
    copy.post("delete", &json!({"ids": ["7", "5001"]})).ok();
    copy.built();
    assert_eq!(copy.count(), 1_016 + 300 - 2);
}

#[test]
fn on_another_number_of_shards_graphs_are_built_anew_and_find_the_same() {
    let original = server(None);
    let index = filled(&original);
    let (before, dump) = (answers(&index), task::dump(&index));
    for shards in [1, 3] {
        let into = tempfile::tempdir().unwrap();
        Dumps(original.workspace()).restore(&dump, into.path(), "copy", Some(shards)).json();
        let copied = server(Some(into.path()));
        let copy = Index::named(&copied.client(), "copy");
        assert_eq!(copy.built()["documents"], 1_016);
        assert!(answers(&copy)[0] == before[0], "on {shards} shards it answers otherwise");
    }
}

/// A merge removes the files that it replaces, perhaps before they are in the archive.
#[test]
fn a_dump_that_is_taken_while_segments_are_made_and_merged_is_whole() {
    let original = server(None);
    let schema = json!({"dim": 8, "metric": "cosine", "shards": 2});
    let index = Index::create_named(&original.client(), "original", &schema);
    let mut dumps = Vec::new();
    for batch in 0..60 {
        index.store(&documents(batch * 100, 100));
        if batch % 10 == 9 {
            dumps.push((task::dump(&index), (batch + 1) * 100));
        }
    }
    for (dump, documents) in dumps {
        let into = tempfile::tempdir().unwrap();
        Dumps(original.workspace()).restore(&dump, into.path(), "copy", None).json();
        let copied = server(Some(into.path()));
        let copy = Index::named(&copied.client(), "copy");
        assert_eq!(copy.count(), documents as u64);
        assert!(!copied.log().contains("cannot be used"), "{}", copied.log());
        assert_eq!(copy.built()["documents"], documents);
        let hits = answers(&copy);
        assert!(hits[0] == hits[1], "a walk of so few finds what is nearest");
    }
}

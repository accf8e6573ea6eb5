//! Many writers of the same documents, and readers beside them: nothing fails, nothing is lost, nothing is seen twice.

use annuli_api::ErrorCode;
use annuli_tests::{Index, Server, wait_until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const DOCUMENTS: u32 = 20;

/// Documents that everybody writes: each tagged with its writer and the number of the write, in vector and metadata.
fn batch(writer: u32, number: u32) -> Value {
    let document = |id: u32| json!({"id": format!("{id:02}"), "vector": [writer, number], "metadata": {"writer": writer, "number": number}});
    json!((0..DOCUMENTS).map(document).collect::<Vec<_>>())
}

/// Asserts that vector and metadata of a document are of one write, and returns that write.
#[track_caller]
fn check_whole(document: &Value) -> (u64, u64) {
    let tag = |name: &str| document["metadata"][name].as_u64().expect("a tag");
    let (writer, number) = (tag("writer"), tag("number"));
    assert_eq!(document["vector"], json!([writer as f64, number as f64]), "a document of two writes: {document}");
    (writer, number)
}

/// Reads all documents over and over: each is there once, whole, and never older than it was before.
fn read_until(index: &Index, stop: &AtomicBool) {
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for document in index.documents() {
            check_whole(&document);
            let id = document["id"].as_str().expect("an id").to_owned();
            let seq = document["seq"].as_u64().expect("a seq");
            let before = newest.insert(id, seq).unwrap_or_default();
            assert!(before <= seq, "{document} was at seq {before} before");
        }
        assert_eq!(newest.len(), DOCUMENTS as usize);
    }
}

/// Searches over and over: every document is an answer once, with the distance of the vector that it has.
fn search_until(index: &Index, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let request = json!({"vector": [0, 0], "limit": 100, "include": ["vector", "metadata"]});
        let reply = index.post("search", &request).ok();
        let hits = reply["results"][0]["hits"].as_array().expect("hits");
        let ids: BTreeSet<_> = hits.iter().map(|hit| hit["id"].to_string()).collect();
        assert_eq!((hits.len(), ids.len()), (DOCUMENTS as usize, DOCUMENTS as usize), "each once: {hits:?}");
        for hit in hits {
            let (writer, number) = check_whole(hit);
            let distance = ((writer * writer + number * number) as f64).sqrt();
            assert!((hit["distance"].as_f64().expect("a distance") - distance).abs() < 1e-3, "{hit}");
        }
        assert_eq!(index.count(), u64::from(DOCUMENTS));
    }
}

#[test]
fn the_last_write_of_one_of_the_writers_stays_and_readers_never_fail() {
    const WRITERS: u32 = 4;
    const WRITES: u32 = 60;
    let server = Server::start();
    let index = Index::create_named(&server.client(), "shared", &json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    index.store(&batch(0, 0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [scope.spawn(|| read_until(&index, &stop)), scope.spawn(|| search_until(&index, &stop))];
        let writers: Vec<_> = (1..=WRITERS)
            .map(|writer| {
                let index = Index::named(&server.client(), "shared");
                scope.spawn(move || {
                    for number in 1..=WRITES {
                        assert_eq!(index.store(&batch(writer, number))["indexed"], DOCUMENTS);
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("writes that are taken"));
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("reads that are right"));
    });
    for document in index.documents() {
        let (_, number) = check_whole(&document);
        assert_eq!(number, u64::from(WRITES), "a write that its own writer has replaced is back: {document}");
    }
    let total = u64::from((1 + WRITERS * WRITES) * DOCUMENTS);
    assert_eq!(index.seqs().iter().sum::<u64>(), total, "every write has a seq of its own");
}

/// Adds one to the number in document `counter`, and tries again when somebody else has changed it meanwhile.
fn increment(index: &Index) {
    loop {
        let document = index.document("counter");
        let number = document["metadata"]["number"].as_u64().expect("a number");
        let change = json!({"id": "counter", "metadata": {"number": number + 1}, "if_seq": document["seq"]});
        let answer = index.post("update", &json!({"documents": [change]}));
        if answer.is_success() {
            return;
        }
        answer.refused(ErrorCode::SeqConflict, "document `counter` is at seq ");
    }
}

#[test]
fn no_update_is_lost_between_those_who_use_if_seq() {
    const CLIENTS: u64 = 4;
    const INCREMENTS: u64 = 25;
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean"}));
    index.store(&json!([{"id": "counter", "vector": [1], "metadata": {"number": 0}}]));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| (0..INCREMENTS).for_each(|_| increment(&index)));
        }
    });
    assert_eq!(index.document("counter")["metadata"]["number"], CLIENTS * INCREMENTS);
}

#[test]
fn of_those_who_create_a_document_at_once_one_succeeds() {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    for round in 0..10 {
        let create = |client: u32| {
            let document = json!({"id": format!("{round}"), "vector": [client], "if_seq": 0});
            index.post("index", &json!({"documents": [document]})).is_success()
        };
        let winners: Vec<u32> = thread::scope(|scope| {
            let clients: Vec<_> = (0..4).map(|client| (client, scope.spawn(move || create(client)))).collect();
            clients
                .into_iter()
                .filter_map(|(client, thread)| thread.join().expect("an answer").then_some(client))
                .collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(index.document(&format!("{round}"))["vector"], json!([f64::from(winners[0])]));
    }
}

/// Where document `n` lies after `moves` moves: on a grid, so that every place is taken by one document only.
fn place(n: u32, moves: u32) -> Value {
    json!([n % 60, n / 60, moves * 100])
}

#[test]
fn a_graph_that_is_rebuilt_under_writes_finds_every_document_where_it_is_now() {
    const MANY: u32 = 3_000;
    const MOVES: u32 = 3;
    let server = Server::start();
    let index = Index::create_named(&server.client(), "moving", &json!({"dim": 3, "metric": "euclidean"}));
    let move_all = |moves: u32| {
        let documents: Vec<_> = (0..MANY).map(|n| json!({"id": format!("{n}"), "vector": place(n, moves)})).collect();
        documents.chunks(250).for_each(|documents| drop(index.store(&json!(documents))));
    };
    move_all(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let searcher = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(index.hits(&json!({"vector": [30, 25, 100], "limit": 20})).len(), 20);
                assert_eq!(index.count(), u64::from(MANY));
            }
        });
        (1..=MOVES).for_each(move_all);
        stop.store(true, Ordering::Relaxed);
        searcher.join().expect("searches that are answered");
    });
    wait_until("a graph that holds every document", || index.info()["status"] == "ready");
    let asked: Vec<u32> = (0..MANY).step_by(7).collect();
    let queries: Vec<_> = asked.iter().map(|&n| place(n, MOVES)).collect();
    let results = index.search(&json!({"vectors": queries, "limit": 1, "ef": 100})).results;
    let found = asked.iter().zip(&results).filter(|(n, result)| result.hits[0].id == format!("{n}"));
    assert!(found.count() * 100 >= asked.len() * 98, "a walk finds almost every document at its own place");
    let exact = index.search(&json!({"vectors": queries, "limit": 1, "exact": true})).results;
    for (n, result) in asked.iter().zip(exact) {
        assert_eq!((&result.hits[0].id, result.hits[0].distance), (&format!("{n}"), 0.0));
    }
}

//! After a crash: what is there, and whether everything agrees with it.

use super::ledger::{Ledger, Tally};
use super::{NAME, SCHEMA};
use crate::model::nearest::{Page, Truth, check_parts};
use crate::model::plain::{PlainDocument, PlainIndex};
use crate::model::vectors::{bits, from_json, vector};
use annuli_tests::Index;
use annuli_tests::index::percent_encoded;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};

/// Queries of each kind of search.
const QUERIES: usize = 8;

/// Compares the whole index with what the clients know, and with itself.
pub(super) fn everything(index: &Index, ledgers: &mut [Ledger], random: &mut StdRng, tally: &mut Tally) {
    let found = listing(index, random);
    for ledger in ledgers.iter_mut() {
        ledger.settle(&found, tally);
    }
    let known = |id: &String| ledgers.iter().any(|ledger| ledger.documents.contains_key(id));
    assert!(found.documents.keys().all(known), "nobody has written what is there");
    check_counts(index, &found, ledgers.len());
    check_gets(index, &found, ledgers, random);
    check_exact_searches(index, &found, random);
    check_approximate_searches(index, &found, random);
}

/// Every document, page by page.
fn listing(index: &Index, random: &mut StdRng) -> PlainIndex {
    let info = index.info();
    let mut found = PlainIndex::new(info["uuid"].as_str().unwrap(), SCHEMA);
    found.seqs = index.seqs();
    let limit = *[97, 1000].iter().choose(random).unwrap();
    let mut cursor = String::new();
    loop {
        let path = index.path(&format!("/documents?limit={limit}&include=metadata,vector{cursor}"));
        let page = index.client.get(&path).ok();
        for document in page["documents"].as_array().unwrap() {
            let id = document["id"].as_str().unwrap().to_owned();
            assert!(found.documents.last_key_value().is_none_or(|(last, _)| *last < id), "`{id}` is out of order");
            found.documents.insert(id, stored(document));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", percent_encoded(next)),
            None => return found,
        }
    }
}

fn stored(document: &Value) -> PlainDocument {
    PlainDocument {
        seq: document["seq"].as_u64().unwrap(),
        vector: from_json(&document["vector"]),
        metadata: document["metadata"].as_object().unwrap().clone(),
    }
}

fn check_counts(index: &Index, found: &PlainIndex, owners: usize) {
    assert_eq!(index.count(), found.documents.len() as u64);
    let info = index.info();
    assert_eq!((&info["name"], &info["documents"]), (&json!(NAME), &json!(found.documents.len())));
    for (shard, status) in (0..).zip(info["shard_status"].as_array().unwrap()) {
        assert_eq!(status["documents"], found.documents_on(shard), "documents on shard {shard}");
    }
    for owner in 0..owners {
        let owned = found.documents.values().filter(|document| document.metadata.get("owner") == Some(&json!(owner)));
        assert_eq!(index.count_matching(&json!({"owner": owner})), owned.count() as u64);
    }
    for (id, document) in &found.documents {
        let seq = found.seqs[found.shard(id) as usize];
        assert!((1..=seq).contains(&document.seq), "`{id}` has seq {}, its shard is at {seq}", document.seq);
    }
}

/// What is read by id is what is listed.
fn check_gets(index: &Index, found: &PlainIndex, ledgers: &[Ledger], random: &mut StdRng) {
    let ids: Vec<_> = ledgers.iter().flat_map(|ledger| ledger.documents.keys()).collect();
    for some in ids.chunks(2_000) {
        let reply = index.post("documents", &json!({"ids": some})).ok();
        let (there, missing): (Vec<_>, Vec<_>) = some.iter().copied().partition(|id| found.documents.contains_key(*id));
        assert_eq!(reply["missing"], json!(missing));
        let documents = reply["documents"].as_array().unwrap();
        assert_eq!(documents.len(), there.len());
        for (document, id) in documents.iter().zip(there) {
            assert_eq!(document["id"], id.as_str());
            check_whole(document, &found.documents[id]);
        }
    }
    for (id, wanted) in found.documents.iter().sample(random, 3) {
        let path = index.path(&format!("/documents/{}", percent_encoded(id)));
        check_whole(&index.client.get(&path).ok(), wanted);
    }
}

fn check_whole(document: &Value, wanted: &PlainDocument) {
    assert_eq!(document["seq"], wanted.seq);
    check_parts(document, wanted, &["metadata", "vector"]);
}

/// Exact searches find what brute force over the listing finds, stored vectors first of all.
fn check_exact_searches(index: &Index, found: &PlainIndex, random: &mut StdRng) {
    let page = Page { offset: 0, limit: random.random_range(1..50), score_threshold: None };
    let stored: Vec<_> = found.documents.values().sample(random, QUERIES);
    let mut queries: Vec<_> = stored.iter().map(|document| document.vector.clone()).collect();
    queries.extend((0..QUERIES).map(|_| vector(random, SCHEMA.dim, SCHEMA.scale)));
    let results = search(index, &queries, page.limit, true);
    for (query, hits) in queries.iter().zip(&results) {
        Truth::of(found, query, |_, _| true).check_page(hits, page);
        check_hits(hits, found);
    }
    for (document, hits) in stored.iter().zip(&results) {
        let nearest = &found.documents[hits[0]["id"].as_str().unwrap()];
        assert_eq!(bits(&nearest.vector), bits(&document.vector), "the nearest to a stored vector is that vector");
    }
}

/// Approximate searches return live documents as they are, and find most stored vectors.
fn check_approximate_searches(index: &Index, found: &PlainIndex, random: &mut StdRng) {
    let stored: Vec<_> = found.documents.values().sample(random, 2 * QUERIES);
    let queries: Vec<_> = stored.iter().map(|document| document.vector.clone()).collect();
    let results = search(index, &queries, 20, false);
    let mut met = 0;
    for (query, hits) in queries.iter().zip(&results) {
        Truth::of(found, query, |_, _| true).check_each(hits);
        check_hits(hits, found);
        assert_eq!(hits.len(), 20, "there are more than enough documents");
        met += usize::from(from_json(&hits[0]["vector"]) == *query);
    }
    assert!(met * 10 >= results.len() * 8, "only {met} of {} stored vectors are found", results.len());
}

fn search(index: &Index, queries: &[Vec<f32>], limit: usize, exact: bool) -> Vec<Vec<Value>> {
    let request = json!({"vectors": queries, "limit": limit, "exact": exact, "include": ["metadata", "vector"]});
    let reply = index.post("search", &request).ok();
    let hits = |result: &Value| result["hits"].as_array().unwrap().clone();
    reply["results"].as_array().unwrap().iter().map(hits).collect()
}

fn check_hits(hits: &[Value], found: &PlainIndex) {
    for hit in hits {
        check_parts(hit, &found.documents[hit["id"].as_str().unwrap()], &["metadata", "vector"]);
    }
}

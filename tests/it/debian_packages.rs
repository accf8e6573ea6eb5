//! Real vectors: 7,825 Debian packages on two shards, held against the brute force that ships with them.

use annuli_api::v1::search::WireHit;
use annuli_api::v1::vector::to_base64;
use annuli_tests::packages::{FilterTruth, Packages};
use annuli_tests::{Index, Server, Sharing, oracle, wait_until};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// What 32-bit arithmetic may differ by from the truth's doubles.
const TOLERANCE: f64 = 1e-5;

/// The data, and a server that has indexed it. The tests of this file use one together.
struct Indexed {
    data: Packages,
    index: Index,
    rows: HashMap<String, usize>,
    _server: Server,
}

fn indexed() -> Arc<Indexed> {
    static SHARED: Sharing<Indexed> = Sharing::new();
    SHARED.get(Indexed::new)
}

impl Indexed {
    fn new() -> Self {
        let data = Packages::read();
        let server = Server::start();
        let index = Index::create(&server.client(), &json!({"dim": 256, "metric": "cosine", "shards": 2}));
        let mut documents = data.documents.clone();
        for (document, vector) in documents.iter_mut().zip(data.vectors.rows()) {
            document["vector"] = json!(to_base64(vector));
        }
        for batch in documents.chunks(2_000) {
            index.store(&json!(batch));
        }
        wait_until("graphs that hold every package", || index.info()["status"] == "ready");
        let rows = (0..data.documents.len()).map(|row| (data.id(row).to_owned(), row)).collect();
        Self { data, index, rows, _server: server }
    }

    /// The hits of each of the 200 queries.
    fn search_all(&self, fields: &Value) -> Vec<Vec<WireHit>> {
        let queries: Vec<_> = self.data.queries.rows().map(to_base64).collect();
        let mut request = json!({"vectors": queries, "limit": 10, "include": [], "timeout_ms": 60_000});
        for (name, value) in fields.as_object().expect("fields") {
            request[name] = value.clone();
        }
        self.index.search(&request).results.into_iter().map(|result| result.hits).collect()
    }

    fn distance(&self, query: usize, row: usize) -> f64 {
        oracle::distance("cosine", self.data.queries.row(query), self.data.vectors.row(row))
    }

    /// Asserts that these are the nearest documents: at each place the distance is the true one, and it is the
    /// distance of the document that stands there. Documents at equal distances may change places.
    #[track_caller]
    fn check_exact(&self, query: usize, hits: &[WireHit], truth: &[usize]) {
        assert_eq!(hits.len(), truth.len(), "query {query}");
        for (place, (hit, &row)) in hits.iter().zip(truth).enumerate() {
            for expected in [self.distance(query, row), self.distance(query, self.rows[&hit.id])] {
                let got = f64::from(hit.distance);
                assert!((got - expected).abs() < TOLERANCE, "query {query}, place {place}: {got}, not {expected}");
            }
        }
    }

    /// The share of the true nearest documents that were found, those at the distance of the last one counted too.
    fn recall(&self, results: &[Vec<WireHit>], truth: impl Fn(usize) -> Vec<usize>) -> f64 {
        let (mut found, mut wanted) = (0, 0);
        for (query, hits) in results.iter().enumerate() {
            let truth = truth(query);
            let Some(&last) = truth.last() else { continue };
            let bound = self.distance(query, last) + TOLERANCE;
            found += hits.iter().filter(|hit| f64::from(hit.distance) <= bound).count().min(truth.len());
            wanted += truth.len();
        }
        f64::from(u32::try_from(found).expect("small")) / f64::from(u32::try_from(wanted).expect("small"))
    }

    fn neighbors(&self, query: usize, count: usize) -> Vec<usize> {
        let rows = self.data.neighbors.row(query)[..count].iter();
        rows.map(|&row| usize::try_from(row).expect("a row")).collect()
    }
}

#[test]
fn every_package_is_stored() {
    let indexed = indexed();
    assert_eq!(indexed.index.count(), 7_825);
    let info = indexed.index.info();
    let shards = info["shard_status"].as_array().expect("a list");
    let documents: Vec<_> = shards.iter().map(|shard| shard["documents"].as_u64().unwrap_or_default()).collect();
    assert!(documents.iter().all(|&documents| documents > 3_500), "both shards have their half: {documents:?}");
    let nginx = indexed.index.document("nginx");
    let row = indexed.rows["nginx"];
    let vector: Vec<f32> = serde_json::from_value(nginx["vector"].clone()).expect("a list of floats");
    assert_eq!(vector, indexed.data.vectors.row(row));
    assert_eq!(nginx["metadata"], indexed.data.documents[row]["metadata"]);
}

#[test]
fn exact_answers_are_those_of_brute_force() {
    let indexed = indexed();
    for (query, hits) in indexed.search_all(&json!({"exact": true, "limit": 100})).iter().enumerate() {
        indexed.check_exact(query, hits, &indexed.neighbors(query, 100));
        for (hit, &truth) in hits.iter().zip(indexed.data.distances.row(query)) {
            assert!((hit.distance - truth).abs() < 1e-5, "query {query}: {} at {}, not {truth}", hit.id, hit.distance);
        }
    }
}

#[test]
fn approximate_answers_have_a_recall_of_95_percent() {
    let indexed = indexed();
    let recall = indexed.recall(&indexed.search_all(&json!({})), |query| indexed.neighbors(query, 10));
    assert!(recall >= 0.95, "recall@10 is {recall}");
}

#[test]
fn a_wider_beam_finds_no_less() {
    let indexed = indexed();
    let recall = |ef| indexed.recall(&indexed.search_all(&json!({"ef": ef})), |query| indexed.neighbors(query, 10));
    let (narrow, wide) = (recall(10), recall(400));
    assert!(wide >= narrow && wide >= 0.99, "recall@10 is {narrow} at ef 10, {wide} at ef 400");
}

/// Calls `check` with every filter of the data set.
fn each_filter(check: impl Fn(&Indexed, &FilterTruth)) {
    let indexed = indexed();
    assert_eq!(indexed.data.filters.len(), 7);
    indexed.data.filters.iter().for_each(|truth| check(&indexed, truth));
}

#[test]
fn filters_count_what_matches() {
    each_filter(|indexed, truth| {
        assert_eq!(indexed.index.count_matching(&truth.filter), truth.matches, "{}", truth.filter);
    });
}

#[test]
fn exact_answers_with_a_filter_are_those_of_brute_force() {
    each_filter(|indexed, truth| {
        let results = indexed.search_all(&json!({"exact": true, "filter": truth.filter}));
        for (query, hits) in results.iter().enumerate() {
            indexed.check_exact(query, hits, &truth.top10[query]);
        }
    });
}

#[test]
fn approximate_answers_with_a_filter_have_a_recall_of_95_percent() {
    each_filter(|indexed, truth| {
        let results = indexed.search_all(&json!({"filter": truth.filter}));
        let recall = indexed.recall(&results, |query| truth.top10[query].clone());
        assert!(recall >= 0.95, "recall@10 with {} is {recall}", truth.filter);
        assert!(results.iter().zip(&truth.top10).all(|(hits, rows)| hits.len() == rows.len()));
    });
}

#[test]
fn a_person_can_judge_what_is_next_to_nginx() {
    let found = indexed().index.found(&json!({"id": "nginx", "limit": 4}));
    assert!(found.contains(&"nginx-light".to_owned()), "{found:?}");
    assert!(!found.contains(&"nginx".to_owned()), "{found:?}");
}

//! Searching: what a query may be, which documents count, which of the nearest are returned, and with what.

use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;

/// Documents `00` to `19` on three shards, at 0 to 19 on a line. The tests use one index together.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(|| {
        let index = Index::fresh(&json!({"dim": 2, "metric": "euclidean", "shards": 3}));
        let even = |n: u32| n.is_multiple_of(2);
        let document = |n| json!({"id": format!("{n:02}"), "vector": [n, 0], "metadata": {"n": n, "even": even(n)}});
        index.store(&json!((0..20).map(document).collect::<Vec<_>>()));
        index
    })
}

#[track_caller]
fn check(request: &Value, found: &[&str]) {
    assert_eq!(index().found(request), found, "{request}");
}

#[test]
fn the_reply_has_the_documented_shape() {
    let index = index();
    let mut reply = index.post("search", &json!({"vector": [3, 0], "limit": 1})).ok();
    let seqs = index.seqs();
    let took = reply["took_ms"].take();
    assert!(took.as_f64().is_some_and(|took| (0.0..60_000.0).contains(&took)), "{took}");
    assert!(reply["as_of"].take().is_string());
    let hit = json!({"id": "03", "distance": 0.0, "score": 1.0, "metadata": {"n": 3, "even": false}});
    let seqs = json!({"0": seqs[0], "1": seqs[1], "2": seqs[2]});
    assert_eq!(
        reply,
        json!({
            "results": [{"hits": [hit]}],
            "shards": {"total": 3, "successful": 3, "failed": [], "seqs": seqs},
            "as_of": null,
            "took_ms": null,
        })
    );
}

#[test]
fn the_nearest_of_all_shards_come_first() {
    check(&json!({"vector": [7.1, 0], "limit": 5}), &["07", "08", "06", "09", "05"]);
    check(&json!({"vector": [100, 0], "limit": 3}), &["19", "18", "17"]);
}

#[test]
fn a_search_that_names_no_limit_has_ten_hits() {
    assert_eq!(index().hits(&json!({"vector": [0, 0]})).len(), 10);
}

#[test]
fn a_limit_beyond_the_documents_returns_them_all() {
    assert_eq!(index().hits(&json!({"vector": [0, 0], "limit": 10_000})).len(), 20);
}

#[test]
fn several_queries_have_a_result_each_in_their_order() {
    let index = index();
    let queries: Vec<_> = (0..50).map(|n| json!([n * 7 % 20, 0])).collect();
    let results = index.search(&json!({"vectors": queries, "limit": 1})).results;
    let nearest: Vec<_> = results.iter().map(|result| result.hits[0].id.clone()).collect();
    assert_eq!(nearest, (0..50).map(|n| format!("{:02}", n * 7 % 20)).collect::<Vec<_>>());
}

#[test]
fn a_document_that_is_the_query_is_no_answer() {
    check(&json!({"id": "07", "limit": 4}), &["06", "08", "05", "09"]);
    check(&json!({"id": "00", "limit": 2}), &["01", "02"]);
    assert_eq!(index().hits(&json!({"id": "07", "limit": 100})).len(), 19);
}

#[test]
fn only_documents_that_match_the_filter_are_found() {
    check(&json!({"vector": [0, 0], "filter": {"even": false}, "limit": 3}), &["01", "03", "05"]);
    check(&json!({"vector": [0, 0], "filter": {"n": {"$in": [4, 19, 99]}}}), &["04", "19"]);
    check(&json!({"vector": [0, 0], "filter": {"$not": {"n": {"$lt": 18}}}}), &["18", "19"]);
    check(&json!({"id": "08", "filter": {"even": true}, "limit": 2}), &["06", "10"]);
    check(&json!({"vector": [0, 0], "filter": {"unknown": 1}}), &[]);
}

#[test]
fn offset_pages_through_the_same_order() {
    let index = index();
    let whole = index.found(&json!({"vector": [6.4, 0], "limit": 20}));
    let page = |offset| index.found(&json!({"vector": [6.4, 0], "limit": 6, "offset": offset}));
    assert_eq!([page(0), page(6), page(12), page(18), page(24)].concat(), whole);
}

#[test]
fn a_score_threshold_leaves_out_what_is_farther() {
    // A score of 1 / (1 + distance): 0.25 at a distance of 3, which is not left out.
    check(&json!({"vector": [0, 0], "score_threshold": 0.25}), &["00", "01", "02", "03"]);
    check(&json!({"vector": [0, 0], "score_threshold": 0.26}), &["00", "01", "02"]);
    check(&json!({"vector": [0, 0], "score_threshold": 0.25, "offset": 2}), &["02", "03"]);
    check(&json!({"vector": [0, 0], "score_threshold": 2}), &[]);
    check(&json!({"vector": [0, 0], "score_threshold": -2, "limit": 2}), &["00", "01"]);
}

#[track_caller]
fn check_parts(include: &Value, parts: &Value) {
    let reply = index().post("search", &json!({"vector": [3, 0], "limit": 1, "include": include})).ok();
    let mut expected = json!({"id": "03", "distance": 0.0, "score": 1.0});
    for (name, value) in parts.as_object().expect("parts") {
        expected[name] = value.clone();
    }
    assert_eq!(reply["results"][0]["hits"][0], expected, "{include}");
}

#[test]
fn a_hit_has_the_parts_asked_for() {
    let metadata = json!({"n": 3, "even": false});
    check_parts(&json!([]), &json!({}));
    check_parts(&json!(null), &json!({"metadata": metadata}));
    check_parts(&json!(["metadata"]), &json!({"metadata": metadata}));
    check_parts(&json!(["vector"]), &json!({"vector": [3.0, 0.0]}));
    check_parts(&json!(["vector", "metadata"]), &json!({"vector": [3.0, 0.0], "metadata": metadata}));
}

#[test]
fn exact_and_approximate_searches_of_a_small_index_agree() {
    let index = index();
    for ef in [1, 20_000] {
        let approximate = index.hits(&json!({"vector": [8.5, 1], "ef": ef}));
        assert_eq!(approximate, index.hits(&json!({"vector": [8.5, 1], "exact": true, "ef": ef})), "ef {ef}");
        assert_eq!(approximate.len(), 10, "ef {ef} is no bound of the hits");
    }
}

#[test]
fn what_only_matters_with_replicas_is_accepted() {
    check(&json!({"vector": [0, 0], "limit": 1, "allow_partial": true, "consistency": "primary"}), &["00"]);
    check(&json!({"vector": [0, 0], "limit": 1, "allow_partial": false, "consistency": "replica"}), &["00"]);
    check(&json!({"vector": [0, 0], "limit": 1, "timeout_ms": 600_000}), &["00"]);
}

#[test]
fn an_empty_index_has_no_hits() {
    let index = Index::fresh(&json!({"dim": 2, "metric": "cosine", "shards": 2}));
    assert!(index.hits(&json!({"vector": [1, 1]})).is_empty());
    assert!(index.hits(&json!({"vector": [1, 1], "exact": true, "filter": {"x": 1}})).is_empty());
    assert_eq!(index.count(), 0);
}

#[test]
fn equal_distances_are_ordered_by_id_over_all_shards() {
    let index = Index::fresh(&json!({"dim": 2, "metric": "euclidean", "shards": 4}));
    let mut ids: Vec<String> = (0..40).map(|n| format!("{}", n * 7919 % 1000)).collect();
    let document = |id: &String| json!({"id": id, "vector": if id.len() == 3 { [3, 4] } else { [-5, 0] }});
    index.store(&json!(ids.iter().map(document).collect::<Vec<_>>()));
    ids.sort();
    for exact in [true, false] {
        assert_eq!(index.found(&json!({"vector": [0, 0], "limit": 40, "exact": exact})), ids, "exact: {exact}");
        assert_eq!(index.found(&json!({"vector": [0, 0], "limit": 7, "exact": exact})), ids[..7], "exact: {exact}");
    }
}

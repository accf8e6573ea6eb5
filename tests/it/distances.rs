//! Distances and scores mean what the documentation says, under each metric.

use annuli_tests::{Index, oracle};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

const DIM: usize = 24;

/// 32-bit floats of this size differ by less from the oracle's doubles.
const TOLERANCE: f64 = 1e-5;

fn random_vector(rng: &mut StdRng) -> Vec<f32> {
    (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()
}

#[track_caller]
fn check_near(what: &str, got: f32, want: f64) {
    assert!((f64::from(got) - want).abs() < TOLERANCE, "{what} is {got}, the oracle says {want}");
}

/// Compares every hit with the plainest possible computation.
#[track_caller]
fn check_against_the_oracle(metric: &str) {
    let rng = &mut StdRng::seed_from_u64(7);
    let documents: Vec<_> = (0..300).map(|n| (format!("{n}"), random_vector(rng))).collect();
    let index = Index::fresh(&json!({"dim": DIM, "metric": metric, "shards": 3}));
    let json = |(id, vector): &(String, Vec<f32>)| json!({"id": id, "vector": vector});
    index.store(&json!(documents.iter().map(json).collect::<Vec<_>>()));
    for exact in [true, false] {
        let query = random_vector(rng);
        let hits = index.hits(&json!({"vector": query, "limit": 20, "exact": exact}));
        let nearest =
            oracle::nearest(metric, &query, documents.iter().map(|(id, vector)| (id.as_str(), vector.as_slice())), 20);
        assert_eq!(hits.len(), nearest.len());
        for (hit, (distance, id)) in hits.iter().zip(nearest) {
            assert_eq!(hit.id, id, "{metric}");
            check_near("the distance", hit.distance, distance);
            check_near("the score", hit.score, oracle::score(metric, distance));
        }
    }
}

#[test]
fn cosine_is_one_minus_the_cosine() {
    check_against_the_oracle("cosine");
}

#[test]
fn euclidean_is_the_root_of_the_squares() {
    check_against_the_oracle("euclidean");
}

#[test]
fn inner_product_is_one_minus_the_product() {
    check_against_the_oracle("inner_product");
}

#[track_caller]
fn check_pair(metric: &str, query: [f32; 2], document: [f32; 2], distance: f64, score: f64) {
    let index = Index::fresh(&json!({"dim": 2, "metric": metric}));
    index.store(&json!([{"id": "a", "vector": document}]));
    let hits = index.hits(&json!({"vector": query}));
    check_near("the distance", hits[0].distance, distance);
    check_near("the score", hits[0].score, score);
}

#[test]
fn distances_are_those_that_one_computes_by_hand() {
    check_pair("euclidean", [1.0, 2.0], [4.0, 6.0], 5.0, 1.0 / 6.0);
    check_pair("cosine", [2.0, 0.0], [0.0, 7.0], 1.0, 0.0);
    check_pair("cosine", [1.0, 0.0], [-3.0, 0.0], 2.0, -1.0);
    check_pair("cosine", [1.0, 1.0], [5.0, 0.0], 1.0 - 0.5_f64.sqrt(), 0.5_f64.sqrt());
    check_pair("inner_product", [1.0, 2.0], [3.0, 4.0], -10.0, 11.0);
    check_pair("inner_product", [1.0, 2.0], [-3.0, 0.0], 4.0, -3.0);
}

#[test]
fn a_vector_is_at_distance_zero_of_itself_however_long() {
    for scale in [1e-14_f32, 1.0, 1e14] {
        check_pair("euclidean", [3.0 * scale, 4.0 * scale], [3.0 * scale, 4.0 * scale], 0.0, 1.0);
        check_pair("cosine", [3.0 * scale, 4.0 * scale], [6.0 * scale, 8.0 * scale], 0.0, 1.0);
    }
}

#[test]
fn a_larger_inner_product_is_nearer() {
    let index = Index::fresh(&json!({"dim": 2, "metric": "inner_product", "shards": 2}));
    index.store(&json!([
        {"id": "opposite", "vector": [-9, 0]},
        {"id": "short", "vector": [1, 0]},
        {"id": "long", "vector": [100, 0]},
        {"id": "across", "vector": [0, 50]},
    ]));
    assert_eq!(index.found(&json!({"vector": [1, 0]})), ["long", "short", "across", "opposite"]);
    assert_eq!(index.found(&json!({"vector": [1, 0], "score_threshold": 1})), ["long", "short"]);
}

#[test]
fn the_largest_vectors_have_finite_distances() {
    for metric in ["cosine", "euclidean", "inner_product"] {
        let index = Index::fresh(&json!({"dim": 4096, "metric": metric}));
        index.store(
            &json!([{"id": "there", "vector": vec![1e15; 4096]}, {"id": "opposite", "vector": vec![-1e15; 4096]}]),
        );
        let hits = index.hits(&json!({"vector": vec![1e15; 4096]}));
        assert_eq!(hits.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["there", "opposite"], "{metric}");
        assert!(hits.iter().all(|hit| hit.distance.is_finite() && hit.score.is_finite()), "{metric}: {hits:?}");
    }
}

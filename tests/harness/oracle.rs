//! The plainest possible answer to a search, in double precision.

use std::cmp::Ordering;

/// How far two vectors are from each other, as DESIGN and the README define it.
///
/// # Panics
/// When there is no such metric.
pub fn distance(metric: &str, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        "cosine" => 1.0 - dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()),
        "euclidean" => pairs(a, b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
        "inner_product" => 1.0 - dot(a, b),
        other => panic!("no metric {other}"),
    }
}

/// The similarity that belongs to a distance.
///
/// # Panics
/// When there is no such metric.
pub fn score(metric: &str, distance: f64) -> f64 {
    match metric {
        "cosine" | "inner_product" => 1.0 - distance,
        "euclidean" => 1.0 / (1.0 + distance),
        other => panic!("no metric {other}"),
    }
}

/// The ids of the `k` nearest, by distance and id, with their distances.
pub fn nearest<'a>(
    metric: &str,
    query: &[f32],
    documents: impl IntoIterator<Item = (&'a str, &'a [f32])>,
    k: usize,
) -> Vec<(f64, &'a str)> {
    let mut all: Vec<_> = documents.into_iter().map(|(id, vector)| (distance(metric, query, vector), id)).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    all.truncate(k);
    all
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    pairs(a, b).map(|(a, b)| a * b).sum()
}

fn pairs(a: &[f32], b: &[f32]) -> impl Iterator<Item = (f64, f64)> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)))
}

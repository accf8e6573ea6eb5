//! Whether hits are the nearest documents, up to the rounding of distances.

use super::plain::{PlainDocument, PlainIndex};
use super::vectors::{bits, from_json};
use annuli_tests::oracle;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Which hits a search asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    pub(crate) score_threshold: Option<f32>,
}

/// How far rounding in single precision may shift a distance: some units in the last place of what is added up.
fn slack(metric: &str, query: &[f32], vector: &[f32]) -> f64 {
    let length = |vector: &[f32]| vector.iter().map(|&c| f64::from(c) * f64::from(c)).sum::<f64>().sqrt();
    match metric {
        "cosine" => 1e-5,
        "euclidean" => 2e-6 * (length(query) + length(vector)),
        _ => 2e-6 * (1.0 + length(query) * length(vector)),
    }
}

/// The truth about one query.
pub(crate) struct Truth<'a> {
    index: &'a PlainIndex,
    /// Documents that count, nearest first: distance, id.
    nearest: Vec<(f64, &'a str)>,
    /// The same by id.
    distances: HashMap<&'a str, f64>,
    /// How far the distances of the service may be from these.
    slack: f64,
}

impl<'a> Truth<'a> {
    /// The distance of every document that `counts`.
    pub(crate) fn of(index: &'a PlainIndex, query: &'a [f32], counts: impl Fn(&str, &PlainDocument) -> bool) -> Self {
        let counting = index.documents.iter().filter(|(id, document)| counts(id, document));
        let candidates = counting.map(|(id, document)| (id.as_str(), document.vector.as_slice()));
        let nearest = oracle::nearest(index.schema.metric, query, candidates, usize::MAX);
        let slack = |(_, id): &(f64, &str)| slack(index.schema.metric, query, &index.documents[*id].vector);
        let slack = nearest.iter().map(slack).fold(0.0, f64::max);
        let distances = nearest.iter().map(|&(distance, id)| (id, distance)).collect();
        Self { index, nearest, distances, slack }
    }

    /// The hits are documents that count, with their distances, in order. This holds for every kind of search.
    pub(crate) fn check_each(&self, hits: &[Value]) {
        let mut previous: Option<(f64, &str)> = None;
        for hit in hits {
            let (id, distance) = (hit["id"].as_str().unwrap(), hit["distance"].as_f64().unwrap());
            let true_distance = self.distance(id);
            assert!((distance - true_distance).abs() <= self.slack, "`{id}` is at {true_distance}, not {distance}");
            let score = oracle::score(self.index.schema.metric, distance);
            let difference = (hit["score"].as_f64().unwrap() - score).abs();
            assert!(difference <= 1e-6 * (1.0 + score.abs()), "the score of `{id}` is {score}, not {}", hit["score"]);
            if let Some(previous) = previous {
                assert!(previous < (distance, id), "`{id}` at {distance} must stand before {previous:?}");
            }
            previous = Some((distance, id));
        }
    }

    /// The hits are the page that was asked for of all that there are. This holds for exact searches.
    pub(crate) fn check_page(&self, hits: &[Value], page: Page) {
        self.check_each(hits);
        let paged = self.nearest.get(page.offset..).unwrap_or_default();
        match page.score_threshold {
            None => assert_eq!(hits.len(), paged.len().min(page.limit), "number of hits"),
            Some(threshold) => self.check_threshold(hits, paged, threshold, page.limit),
        }
        for (rank, (hit, (distance, id))) in hits.iter().zip(paged).enumerate() {
            let found = hit["id"].as_str().unwrap();
            assert!(
                (self.distance(found) - distance).abs() <= 2.0 * self.slack,
                "hit {rank} is `{found}` at {}, it should be `{id}` at {distance}",
                self.distance(found)
            );
        }
        if page.offset == 0 {
            self.check_twins(hits);
        }
    }

    fn check_threshold(&self, hits: &[Value], paged: &[(f64, &str)], threshold: f32, limit: usize) {
        #[allow(clippy::cast_possible_truncation, reason = "the service has written an f32")]
        let scores = hits.iter().map(|hit| hit["score"].as_f64().unwrap() as f32);
        let lowest = scores.fold(f32::INFINITY, f32::min);
        assert!(lowest >= threshold, "a hit has score {lowest}, below {threshold}");
        let reach = |shift: f64| {
            let score = |distance: f64| oracle::score(self.index.schema.metric, distance + shift);
            paged.iter().take_while(|(distance, _)| score(*distance) >= f64::from(threshold)).count().min(limit)
        };
        let bounds = reach(2.0 * self.slack)..=reach(-2.0 * self.slack);
        assert!(bounds.contains(&hits.len()), "{} hits reach the score {threshold}, not {bounds:?}", hits.len());
    }

    /// Of equal vectors the one with the smaller id comes first: it is not left out when the other is there.
    fn check_twins(&self, hits: &[Value]) {
        let found: HashSet<_> = hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
        for last in &found {
            let (distance, vector) = (self.distance(last), &self.index.documents[*last].vector);
            // Equal vectors are at equal distances, which stand side by side.
            let start = self.nearest.partition_point(|(nearer, _)| *nearer < distance);
            let as_far = self.nearest[start..].iter().take_while(|(other, id)| *other <= distance && id < last);
            for (_, twin) in as_far.filter(|(_, id)| bits(&self.index.documents[*id].vector) == bits(vector)) {
                assert!(found.contains(twin), "`{last}` is a hit, its twin `{twin}` is not");
            }
        }
    }

    fn distance(&self, id: &str) -> f64 {
        *self.distances.get(id).unwrap_or_else(|| panic!("`{id}` is a hit and should not be"))
    }
}

/// A hit holds the parts that were asked for, as they are stored, and no others.
pub(crate) fn check_parts(hit: &Value, document: &PlainDocument, include: &[&str]) {
    let metadata = include.contains(&"metadata").then(|| Value::from(document.metadata.clone()));
    assert_eq!(hit.get("metadata"), metadata.as_ref(), "metadata of {}", hit["id"]);
    let vector = hit.get("vector").map(|vector| bits(&from_json(vector)));
    assert_eq!(vector, include.contains(&"vector").then(|| bits(&document.vector)), "vector of {}", hit["id"]);
}

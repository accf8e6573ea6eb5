//! Judging answers: how many of the true neighbours were found, and whether the reported distances are right.

use crate::dataset::{Dataset, Neighbours, row};
use crate::distance;
use annuli_api::v1::filter::{self, UnreadableFilter};
use annuli_api::v1::metadata::UnfitMetadata;
use annuli_api::v1::search::WireHit;
use annuli_core::Metadata;
use serde::Serialize;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Hits that are asked for and judged: recall@10.
pub(crate) const K: usize = 10;

/// A hit this much farther than the k-th true neighbour still counts: other rounding must not decide between equals.
const TOLERANCE: f64 = 1.001;

/// Rounding of an f32 cosine distance near 0, where a relative tolerance is none.
const ABSOLUTE_TOLERANCE: f64 = 1e-6;

/// A reported distance may differ from ours by this, relative or absolute: f32 sums over thousands of components.
const DISTANCE_TOLERANCE: f64 = 1e-4;

/// What became of the answers to several queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// True neighbours that there are to find.
    pub wanted: usize,
    /// How many of them, or hits as near, were among the hits.
    pub found: usize,
    /// Hits whose reported distance is not the distance, or whose id is no document.
    pub wrong: usize,
    /// Hits whose document stands in the same answer already.
    pub repeated: usize,
}

impl Tally {
    /// The part that was found; `None` where nothing was to be found.
    pub(crate) fn recall(&self) -> Option<f64> {
        (self.wanted > 0).then(|| self.found as f64 / self.wanted as f64)
    }
}

/// Judges the answers to the queries of a data set, or to the queries among documents that match a filter.
pub(crate) struct Judge<'a> {
    dataset: &'a Dataset,
    rows: HashMap<&'a str, usize>,
    /// For each query, how many neighbours count and the distance up to which a hit is one.
    bounds: Vec<(usize, f64)>,
    /// Which rows may be hits.
    eligible: Vec<bool>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(dataset: &'a Dataset, neighbours: &Neighbours) -> Self {
        Self::among(dataset, neighbours, vec![true; dataset.ids.len()])
    }

    /// A judge for whom only the `eligible` rows are hits.
    pub(crate) fn among(dataset: &'a Dataset, neighbours: &Neighbours, eligible: Vec<bool>) -> Self {
        let bound = |(query, nearest): (usize, &Vec<usize>)| {
            let nearest = &nearest[..nearest.len().min(K)];
            let farthest = nearest.last().map_or(f64::NEG_INFINITY, |&farthest| distance(dataset, query, farthest));
            (nearest.len(), farthest + (TOLERANCE - 1.0) * farthest.abs() + ABSOLUTE_TOLERANCE)
        };
        Self {
            dataset,
            rows: dataset.ids.iter().enumerate().map(|(row, id)| (id.as_str(), row)).collect(),
            bounds: neighbours.iter().enumerate().map(bound).collect(),
            eligible,
        }
    }

    /// Judges the hits of these queries.
    pub(crate) fn judge(&self, queries: &[usize], answers: &[Vec<WireHit>]) -> Tally {
        let mut tally = Tally::default();
        for (&query, hits) in queries.iter().zip(answers) {
            self.judge_one(query, hits, &mut tally);
        }
        tally
    }

    /// Judges rows that were found for these queries, without distances.
    pub(crate) fn judge_rows(&self, queries: &[usize], answers: &[Vec<usize>]) -> Tally {
        let mut tally = Tally::default();
        for (&query, rows) in queries.iter().zip(answers) {
            let (wanted, bound) = self.bounds[query];
            let mut seen = HashSet::new();
            let (known, unknown): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| **row < self.eligible.len());
            let near = |row: usize| self.eligible[row] && distance(self.dataset, query, row) <= bound;
            let (first, repeated): (Vec<usize>, Vec<usize>) = known.into_iter().partition(|row| seen.insert(*row));
            tally.wanted += wanted;
            tally.found += first.into_iter().filter(|&row| near(row)).count().min(wanted);
            tally.wrong += unknown.len();
            tally.repeated += repeated.len();
        }
        tally
    }

    fn judge_one(&self, query: usize, hits: &[WireHit], tally: &mut Tally) {
        let (wanted, bound) = self.bounds[query];
        let mut seen = HashSet::new();
        let mut found = 0;
        for hit in hits {
            let Some(&row) = self.rows.get(hit.id.as_str()) else {
                tally.wrong += 1;
                continue;
            };
            if !seen.insert(row) {
                tally.repeated += 1;
                continue;
            }
            // What the program reports is checked, not believed: nearness is decided by the distance computed here.
            let distance = distance(self.dataset, query, row);
            if !is_close(f64::from(hit.distance), distance) {
                tally.wrong += 1;
            }
            if distance <= bound && self.eligible[row] {
                found += 1;
            }
        }
        tally.wanted += wanted;
        tally.found += found.min(wanted);
    }
}

/// Why a filter of a data set cannot be applied to its documents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableFilter {
    #[error(transparent)]
    Filter(#[from] UnreadableFilter),
    #[error(transparent)]
    Metadata(#[from] UnfitMetadata),
}

/// For each document, whether it matches.
pub(crate) fn matching(dataset: &Dataset, filter: &Value) -> Result<Vec<bool>, UnusableFilter> {
    let filter = filter::parse(filter)?;
    dataset.metadata.iter().map(|metadata| Ok(filter.matches(&Metadata::try_from(metadata.clone())?))).collect()
}

fn distance(dataset: &Dataset, query: usize, base: usize) -> f64 {
    distance::between(dataset.metric, row(&dataset.queries, query), row(&dataset.base, base))
}

fn is_close(reported: f64, computed: f64) -> bool {
    (reported - computed).abs() <= DISTANCE_TOLERANCE * computed.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Name;
    use annuli_api::v1::metadata::WireMetadata;
    use annuli_core::Metric;
    use ndarray::Array2;

    /// Fifteen documents on a line at 1, 2, 3, …; those at 10 and 11 stand at the same place. One query at 0.
    fn line() -> Dataset {
        let base = Array2::from_shape_fn((15, 1), |(row, _)| if row == 10 { 10.0 } else { row as f32 + 1.0 });
        Dataset {
            name: Name::DebianPackages,
            metric: Metric::Euclidean,
            ids: (0..15).map(|row| row.to_string()).collect(),
            metadata: vec![WireMetadata::default(); 15],
            base,
            queries: Array2::zeros((1, 1)),
            shipped_neighbours: None,
            filtered: Vec::new(),
        }
    }

    fn hits(dataset: &Dataset, rows: impl IntoIterator<Item = usize>) -> Vec<WireHit> {
        let hit = |row: usize| WireHit {
            id: dataset.ids[row].clone(),
            distance: dataset.base[(row, 0)],
            score: 0.0,
            metadata: None,
            vector: None,
        };
        rows.into_iter().map(hit).collect()
    }

    #[track_caller]
    fn check(rows: impl IntoIterator<Item = usize>, found: usize) {
        let dataset = line();
        let judge = Judge::new(&dataset, &vec![(0..10).collect()]);
        assert_eq!(judge.judge(&[0], &[hits(&dataset, rows)]), Tally { wanted: 10, found, ..Tally::default() });
    }

    #[test]
    fn the_true_neighbours_are_all_found() {
        check(0..10, 10);
    }

    #[test]
    fn an_equally_near_hit_counts() {
        check((0..9).chain([10]), 10);
    }

    #[test]
    fn a_farther_hit_does_not_count() {
        check((0..9).chain([11]), 9);
        check([], 0);
    }

    #[test]
    fn a_repeated_hit_counts_once_and_is_told() {
        let dataset = line();
        let judge = Judge::new(&dataset, &vec![(0..10).collect()]);
        let tally = judge.judge(&[0], &[hits(&dataset, [0, 0, 1, 0])]);
        assert_eq!(tally, Tally { wanted: 10, found: 2, wrong: 0, repeated: 2 });
    }

    #[test]
    fn more_than_was_asked_for_does_not_count() {
        check(0..11, 10);
    }

    #[test]
    fn a_hit_that_the_filter_excludes_does_not_count() {
        let dataset = line();
        let even: Vec<bool> = (0..15).map(|row| row % 2 == 0).collect();
        let judge = Judge::among(&dataset, &vec![vec![0, 2, 4]], even);
        assert_eq!(judge.judge(&[0], &[hits(&dataset, [0, 1, 2])]), Tally { wanted: 3, found: 2, ..Tally::default() });
    }

    #[test]
    fn a_wrong_distance_and_an_unknown_id_are_counted() {
        let dataset = line();
        let judge = Judge::new(&dataset, &vec![vec![0, 1]]);
        let mut answer = hits(&dataset, [0, 1, 2]);
        answer[1].distance = 2.1;
        answer[2].id = "unknown".to_owned();
        assert_eq!(judge.judge(&[0], &[answer]), Tally { wanted: 2, found: 2, wrong: 2, repeated: 0 });
    }

    #[test]
    fn rows_are_judged_as_hits_are() {
        let dataset = line();
        let judge = Judge::new(&dataset, &vec![(0..10).collect()]);
        let judged = judge.judge_rows(&[0], &[vec![0, 1, 1, 10, 11, 99]]);
        assert_eq!(judged, Tally { wanted: 10, found: 3, wrong: 1, repeated: 1 });
    }

    #[test]
    fn there_is_no_recall_of_nothing() {
        assert_eq!(Tally::default().recall(), None);
    }
}

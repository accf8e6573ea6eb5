//! What must hold whatever the machine: a run in which it does not has failed.

use crate::recall::Tally;
use crate::results::{DatasetResults, FilteredTally, Results};
use std::fmt;

/// Recall@10 that a smoke run asks for at [`SMOKE_EF`].
const SMOKE_RECALL_MIN: f64 = 0.95;

/// Width of the beam of a smoke run.
pub(crate) const SMOKE_EF: usize = 128;

/// How strict to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Only what no setting and no data set excuses.
    Answers,
    /// Also the recall that the shipped data set has with ordinary settings.
    Smoke,
}

/// Something that is wrong with the program under test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    dataset: &'static str,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    AnswersChanged { changed: usize, compared: usize },
    WrongHits { wrong: usize, way: String },
    RepeatedHits { repeated: usize, way: String },
    NotExact { found: usize, wanted: usize, way: String },
    LowRecall { recall: f64, way: &'static str },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.dataset)?;
        match &self.what {
            What::AnswersChanged { changed, compared } => {
                write!(f, "{changed} of {compared} exact answers are others after the restart")
            }
            What::WrongHits { wrong, way } => {
                write!(f, "{wrong} hits with an unknown id or a wrong distance, {way}")
            }
            What::RepeatedHits { repeated, way } => {
                write!(f, "{repeated} hits whose document stands in the same answer already, {way}")
            }
            What::NotExact { found, wanted, way } => {
                write!(f, "exact search{way} found {found} of {wanted} nearest documents")
            }
            What::LowRecall { recall, way } => {
                write!(f, "recall of {way} queries at ef {SMOKE_EF} is {recall:.4}, below {SMOKE_RECALL_MIN}")
            }
        }
    }
}

/// Everything that is wrong.
pub(crate) fn faults(results: &Results, strictness: Strictness) -> Vec<Fault> {
    results.datasets.iter().flat_map(|dataset| faults_of(dataset, strictness)).collect()
}

fn faults_of(dataset: &DatasetResults, strictness: Strictness) -> Vec<Fault> {
    let mut found = Vec::new();
    if let Some(restart) = &dataset.restart
        && restart.answers_changed > 0
    {
        found.push(What::AnswersChanged { changed: restart.answers_changed, compared: restart.answers_compared });
    }
    let unfiltered = [(String::new(), dataset.exact.tally)];
    let filtered = dataset.exact.filtered.iter();
    let filtered = filtered.map(|FilteredTally { filter, tally, .. }| (format!(" with {filter}"), *tally));
    for (way, tally) in unfiltered.into_iter().chain(filtered) {
        if tally.found < tally.wanted {
            found.push(What::NotExact { found: tally.found, wanted: tally.wanted, way: way.clone() });
        }
        found.extend(bad_hits(&[tally], &format!("exact search{way}")));
    }
    for point in &dataset.points {
        let filtered = point.filtered.iter().map(|filtered| filtered.tally);
        let tallies: Vec<Tally> = [point.single, point.batched].into_iter().chain(filtered).collect();
        found.extend(bad_hits(&tallies, &format!("ef {}", point.ef)));
        if strictness == Strictness::Smoke && point.ef == SMOKE_EF {
            for (way, tally) in [("single", point.single), ("batched", point.batched)] {
                let recall = tally.recall().unwrap_or_default();
                if recall < SMOKE_RECALL_MIN {
                    found.push(What::LowRecall { recall, way });
                }
            }
        }
    }
    found.into_iter().map(|what| Fault { dataset: dataset.name, what }).collect()
}

/// What no search may return, however narrow its beam.
fn bad_hits(tallies: &[Tally], way: &str) -> Vec<What> {
    let mut found = Vec::new();
    let wrong = tallies.iter().map(|tally| tally.wrong).sum();
    if wrong > 0 {
        found.push(What::WrongHits { wrong, way: way.to_owned() });
    }
    let repeated = tallies.iter().map(|tally| tally.repeated).sum();
    if repeated > 0 {
        found.push(What::RepeatedHits { repeated, way: way.to_owned() });
    }
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::remote_index::Shape;
    use crate::results::{Cell, Exact, Figures, Ingest, Point, Restart, Round};
    use crate::usage::Memory;

    const FULL: Tally = Tally { wanted: 2000, found: 2000, wrong: 0, repeated: 0 };

    /// Results without a fault.
    pub(crate) fn good() -> DatasetResults {
        let figures = Figures {
            queries_per_second: 1234.4,
            p50_ms: 0.7,
            p95_ms: 0.9,
            p99_ms: 1.25,
            server_cpu_us_per_query: Some(500.0),
            client_cpu_us_per_query: None,
        };
        let round = Round { queries: 200, seconds: 0.2, figures };
        let load = vec![Cell { shape: Shape::Single, connections: 1, median: Some(figures), rounds: vec![round] }];
        let filtered = |found| {
            let filter = serde_json::json!({"section": "games"});
            vec![FilteredTally { filter, matches: 611, tally: Tally { found, ..FULL } }]
        };
        let memory = Memory { resident_bytes: 300 << 20, peak_resident_bytes: 400 << 20 };
        DatasetResults {
            name: "debian-packages",
            metric: "cosine",
            documents: 7825,
            dim: 256,
            queries: 200,
            load_average_before: Some(0.5),
            ingest: Ingest {
                seconds_until_acknowledged: 1.0,
                documents_per_second_acknowledged: 7825.0,
                seconds_until_built: 2.0,
                server_cpu_seconds: None,
                seconds_of_longest_batch: 0.0,
                refusals: 0,
            },
            memory_after_build: Some(memory),
            points: vec![Point {
                ef: SMOKE_EF,
                single: Tally { found: 1999, ..FULL },
                batched: FULL,
                filtered: filtered(1900),
                load,
            }],
            memory_after_search: None,
            exact: Exact { queries: 200, tally: FULL, filtered: filtered(2000) },
            restart: Some(Restart {
                seconds_to_stop: 0.1,
                seconds_until_ready: 0.2,
                seconds_until_built: 0.3,
                memory: None,
                answers_compared: 200,
                answers_changed: 0,
            }),
        }
    }

    #[track_caller]
    fn check(strictness: Strictness, spoil: impl FnOnce(&mut DatasetResults), expected: &[&str]) {
        let mut results = good();
        spoil(&mut results);
        let faults: Vec<String> = faults_of(&results, strictness).iter().map(ToString::to_string).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn good_results_have_no_fault() {
        check(Strictness::Smoke, |_| {}, &[]);
    }

    #[test]
    fn changed_answers_are_a_fault() {
        check(
            Strictness::Answers,
            |results| results.restart.as_mut().unwrap().answers_changed = 3,
            &["debian-packages: 3 of 200 exact answers are others after the restart"],
        );
    }

    #[test]
    fn an_exact_search_that_misses_is_a_fault() {
        check(
            Strictness::Answers,
            |results| {
                results.exact.tally.found = 1999;
                results.exact.filtered[0].tally.found = 1998;
            },
            &[
                "debian-packages: exact search found 1999 of 2000 nearest documents",
                "debian-packages: exact search with {\"section\":\"games\"} found 1998 of 2000 nearest documents",
            ],
        );
    }

    #[test]
    fn a_wrong_hit_is_a_fault() {
        check(
            Strictness::Answers,
            |results| {
                results.exact.tally.wrong = 1;
                results.points[0].batched.wrong = 2;
            },
            &[
                "debian-packages: 1 hits with an unknown id or a wrong distance, exact search",
                "debian-packages: 2 hits with an unknown id or a wrong distance, ef 128",
            ],
        );
    }

    #[test]
    fn a_repeated_document_is_a_fault() {
        check(
            Strictness::Answers,
            |results| {
                results.points[0].single.repeated = 3;
                results.points[0].filtered[0].tally.repeated = 1;
            },
            &["debian-packages: 4 hits whose document stands in the same answer already, ef 128"],
        );
    }

    #[test]
    fn low_recall_is_a_fault_of_a_smoke_run_only() {
        let spoil = |results: &mut DatasetResults| results.points[0].single.found = 1899;
        check(Strictness::Answers, spoil, &[]);
        check(Strictness::Smoke, spoil, &["debian-packages: recall of single queries at ef 128 is 0.9495, below 0.95"]);
    }
}

//! Canaries: sample queries with the exact answers of the captured state, by which whoever opens a dump can tell
//! whether it answers as the original did.

use super::{DumpError, Nearness};
use crate::clock;
use crate::deadline::Deadline;
use crate::stop::Stop;
use crate::view::View;
use annuli_api::shard_api::{Consistency, Include, Read, SearchMode, ShardSearch};
use annuli_core::metric::PreparedQuery;
use annuli_core::{DocId, Hit, IndexSchema, TopK, Vector};
use annuli_dump::{Canary, CanaryHit};
use std::time::Duration;

/// Queries of a shard: enough to notice a wrong answer, few enough to be computed exactly in no time.
const CANARIES: usize = 8;

/// Hits of each.
const HITS: usize = 10;

/// Time for all of them, which are seconds of work on a large shard.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(600);

/// The canaries of a captured state: documents spread over all, as queries.
pub(super) fn of(view: &View, wanted: &Stop) -> Result<Vec<Canary>, DumpError> {
    let search = asked(view.sample(CANARIES), HITS, SearchMode::Exact);
    let deadline = Deadline(clock::now() + TIME_MAX);
    let allowed = view.allowed(None, deadline)?;
    let canary = |query: &Vector| {
        if wanted.is_told() {
            return Err(DumpError::GivenUp);
        }
        let hits = view.nearest(query, &search, &allowed, deadline)?;
        let hits = hits.into_iter().map(|hit| CanaryHit { id: hit.id, distance: hit.distance }).collect();
        Ok(Canary { vector: query.as_slice().to_vec(), hits })
    };
    search.queries.iter().map(canary).collect()
}

/// The search for the `k` nearest of each query, without a filter.
pub(crate) fn asked(queries: Vec<Vector>, k: usize, mode: SearchMode) -> ShardSearch {
    let include = Include { metadata: false, vector: false };
    let read = Read { include, after: None, consistency: Consistency::Replica };
    ShardSearch { queries: queries.into(), k, mode, filter: None, except: None, read }
}

/// Answers a shard's canaries again, from documents that pass by one after the other.
pub(crate) struct CanaryCheck {
    canaries: Vec<Asked>,
}

/// A canary, and the nearest documents that have passed by.
struct Asked {
    query: PreparedQuery,
    nearness: Nearness,
    nearest: TopK<Hit>,
    wanted: Vec<CanaryHit>,
}

/// An answer that differs from the original's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WrongAnswer {
    /// A query that the index could not have been asked.
    #[error("canary {canary} is no query of this index")]
    Query {
        /// Its position.
        canary: usize,
    },
    /// Other documents, or other distances.
    #[error("canary {canary} finds other documents than it did in the original")]
    Hits {
        /// Its position.
        canary: usize,
    },
}

impl CanaryCheck {
    /// Begins with no document.
    pub(crate) fn new(schema: IndexSchema, canaries: Vec<Canary>) -> Result<Self, WrongAnswer> {
        let prepare = |(canary, Canary { vector, hits }): (usize, Canary)| {
            let query = Vector::new(vector).map_err(|_| WrongAnswer::Query { canary })?;
            schema.check(&query).map_err(|_| WrongAnswer::Query { canary })?;
            let (nearness, nearest) = (Nearness::of(schema.metric, &query), TopK::new(hits.len()));
            Ok(Asked { query: PreparedQuery::new(schema.metric, &query), nearness, nearest, wanted: hits })
        };
        Ok(Self { canaries: canaries.into_iter().enumerate().map(prepare).collect::<Result<_, _>>()? })
    }

    /// A document passes by.
    pub(crate) fn see(&mut self, id: &DocId, vector: &Vector) {
        for Asked { query, nearest, .. } in &mut self.canaries {
            nearest.offer(Hit { id: id.clone(), distance: query.distance(vector) });
        }
    }

    /// Compares the answers with the original's.
    pub(crate) fn finish(self) -> Result<(), WrongAnswer> {
        for (canary, Asked { nearness, nearest, wanted, .. }) in self.canaries.into_iter().enumerate() {
            let found = nearest.into_sorted();
            let near = |(hit, wanted): (&Hit, &CanaryHit)| nearness.is_near(hit.distance, wanted.distance);
            if found.len() != wanted.len() || !found.iter().zip(&wanted).all(near) {
                return Err(WrongAnswer::Hits { canary });
            }
        }
        Ok(())
    }
}

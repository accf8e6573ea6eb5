//! Whether a generation answers as the dumped shard did. Its canaries are asked of what is about to serve: exactly, of its
//! segments and its tail; approximately, as most searches do; and of the store, for who reads documents by their ids.

use super::recall::Recall;
use crate::clock;
use crate::deadline::{Deadline, DeadlinePassed};
use crate::snapshot::{CANARIES_TIME_MAX, Nearness, WrongAnswer, asked};
use crate::stop::Stop;
use crate::store::{Store, StoreError};
use crate::view::{Allowed, View};
use annuli_api::shard_api::{SearchMode, ShardHit};
use annuli_core::limits::EF_DEFAULT;
use annuli_core::metric::PreparedQuery;
use annuli_core::{DocId, Vector};
use annuli_dump::{Canary, CanaryHit};

/// Why a generation may not serve.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// An exact search finds something else.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// The store has another document than the segments, or none.
    #[error("canary {canary}: the store does not have document `{id}` as searches find it")]
    Document {
        /// The position of the canary.
        canary: usize,
        /// The document.
        id: DocId,
    },
    /// Approximate searches miss too much.
    #[error(
        "approximate searches find {found} of the {wanted} nearest documents of its canaries, a share of {:.3}, and {floor} \
         is the least that may serve",
        Recall { found: *found, wanted: *wanted }.share()
    )]
    Recall {
        /// Hits that are among the nearest.
        found: usize,
        /// Hits that there should be.
        wanted: usize,
        /// The least share.
        floor: f64,
    },
    /// The canaries took too long.
    #[error("its canaries: {0}")]
    Slow(#[from] DeadlinePassed),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody waits for it any longer.
    #[error("nobody waits for its canaries any longer")]
    Stopped,
}

/// Asks every canary. Of their nearest documents approximate searches must find as many as a graph does that finds
/// `recall_floor` of all, but for chance. Who has told it to stop waits for one search of one canary at most.
pub(super) fn check(
    view: &View,
    store: &Store,
    canaries: &[Canary],
    recall_floor: f64,
    stop: &Stop,
) -> Result<(), Unfit> {
    let deadline = Deadline(clock::now() + CANARIES_TIME_MAX);
    let trial = Trial { view, store, allowed: view.allowed(None, deadline)?, deadline };
    let mut recall = Recall::default();
    for (number, canary) in canaries.iter().enumerate() {
        let query = trial.query(number, canary)?;
        check_wanted(stop)?;
        trial.ask_exactly(number, &query, &canary.hits)?;
        check_wanted(stop)?;
        trial.ask_store(number, &query, &canary.hits)?;
        recall.found += trial.ask_approximately(&query, &canary.hits)?;
        recall.wanted += canary.hits.len();
    }
    if recall.is_enough(recall_floor) {
        return Ok(());
    }
    let Recall { found, wanted } = recall;
    Err(Unfit::Recall { found, wanted, floor: recall_floor })
}

fn check_wanted(stop: &Stop) -> Result<(), Unfit> {
    if stop.is_told() { Err(Unfit::Stopped) } else { Ok(()) }
}

struct Trial<'a> {
    view: &'a View,
    store: &'a Store,
    allowed: Allowed,
    deadline: Deadline,
}

impl Trial<'_> {
    fn nearness(&self, query: &Vector) -> Nearness {
        Nearness::of(self.view.schema.metric, query)
    }

    fn query(&self, canary: usize, asked: &Canary) -> Result<Vector, WrongAnswer> {
        let query = Vector::new(asked.vector.clone()).map_err(|_| WrongAnswer::Query { canary })?;
        self.view.schema.check(&query).map_err(|_| WrongAnswer::Query { canary })?;
        Ok(query)
    }

    fn ask_exactly(&self, canary: usize, query: &Vector, wanted: &[CanaryHit]) -> Result<(), Unfit> {
        let found = self.nearest(query, wanted.len(), SearchMode::Exact)?;
        let nearness = self.nearness(query);
        let same = |(found, wanted): (&ShardHit, &CanaryHit)| nearness.is_near(found.distance, wanted.distance);
        if found.len() != wanted.len() || !found.iter().zip(wanted).all(same) {
            return Err(WrongAnswer::Hits { canary }.into());
        }
        Ok(())
    }

    fn ask_store(&self, canary: usize, query: &Vector, wanted: &[CanaryHit]) -> Result<(), Unfit> {
        let nearness = self.nearness(query);
        let query = PreparedQuery::new(self.view.schema.metric, query);
        for hit in wanted {
            let stored = self.store.document(&hit.id)?;
            if !stored.is_some_and(|stored| nearness.is_near(query.distance(&stored.vector), hit.distance)) {
                return Err(Unfit::Document { canary, id: hit.id.clone() });
            }
        }
        Ok(())
    }

    /// How many of the nearest are found: by distance, for of documents as far as each other one is as good as another.
    fn ask_approximately(&self, query: &Vector, wanted: &[CanaryHit]) -> Result<usize, Unfit> {
        let Some(farthest) = wanted.last() else { return Ok(0) };
        let found = self.nearest(query, wanted.len(), SearchMode::Approximate { ef: EF_DEFAULT })?;
        let nearness = self.nearness(query);
        let is_hit =
            |hit: &&ShardHit| hit.distance <= farthest.distance || nearness.is_near(hit.distance, farthest.distance);
        Ok(found.iter().filter(is_hit).count())
    }

    fn nearest(&self, query: &Vector, k: usize, mode: SearchMode) -> Result<Vec<ShardHit>, DeadlinePassed> {
        self.view.nearest(query, &asked(vec![query.clone()], k, mode), &self.allowed, self.deadline)
    }
}

//! A shard whose searches are, now and then, made in another generation as well.

use super::tally::{Compared, Tally};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Consistency, Counted, Deleted, Got, Listed, Read, SearchMode, ShardHits,
    ShardList, ShardSearch, ShardStatus, Written,
};
use annuli_api::{ErrorCode, Failure, Position, ShardApi};
use annuli_core::{DocId, Filter};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// Query vectors of a search that is made twice, at most: what asks for more is dear.
const QUERIES_MAX: usize = 16;

/// Hits that such a search asks for, of all its queries, at most: their ids are kept until the other answer is there.
const HITS_MAX: usize = 1_000;

/// How long the other generation has for an answer. What takes longer says nothing: its caches are cold.
const WAIT: Duration = Duration::from_secs(5);

/// A shard that answers as ever. Of its searches a share is repeated on a replica that has the generation of a rollout,
/// once the answer is there: so nobody waits for it, and what it takes comes after what it is compared with.
pub(crate) struct Beside {
    /// Answers.
    pub(crate) official: Arc<dyn ShardApi>,
    /// Where the official generation was dumped. What was answered of another state is compared with an answer of the same
    /// state alone: replicas that follow give it. `None`: nothing is official, and the primary answers.
    pub(crate) official_at: Option<Position>,
    /// Replicas that have the other generation; at least one.
    pub(crate) candidates: Arc<[Arc<dyn ShardApi>]>,
    /// Of a hundred searches so many are made twice.
    pub(crate) percent: u32,
    /// What comes of it.
    pub(crate) tally: Arc<Tally>,
}

impl Beside {
    /// A place for this search to be made twice, if it is to be.
    fn drawn(&self, search: &ShardSearch) -> Option<OwnedSemaphorePermit> {
        let is_small = search.queries.len() <= QUERIES_MAX && search.queries.len().saturating_mul(search.k) <= HITS_MAX;
        let is_usual = match search.mode {
            SearchMode::Approximate { .. } => search.read.consistency == Consistency::Replica,
            SearchMode::Exact => false,
        };
        if !is_small || !is_usual || fastrand::u32(0..100) >= self.percent {
            return None;
        }
        self.tally.place()
    }

    /// What that answer can be compared with, if anything can be said by it of the other generation: where nothing was found,
    /// nothing is in common.
    fn comparable(&self, found: &ShardHits, after: Option<Position>) -> Option<Of> {
        if found.results.iter().all(Vec::is_empty) {
            return None;
        }
        let Some(dumped) = self.official_at.filter(|dumped| *dumped != found.position) else {
            return Some(Of::AnyState);
        };
        let is_beyond = |position: Position| position.history == dumped.history && position.seq > dumped.seq;
        // Who has seen more than was dumped is answered by the primary.
        (is_beyond(found.position) && !after.is_some_and(is_beyond)).then_some(Of::State(found.position))
    }
}

/// What an answer of the other generation has to be of.
#[derive(Debug, Clone, Copy)]
enum Of {
    AnyState,
    State(Position),
}

impl Of {
    fn is(self, position: Position) -> bool {
        match self {
            Self::AnyState => true,
            Self::State(wanted) => wanted == position,
        }
    }

    /// Whether a replica has that state now.
    async fn is_there(self, candidate: &Arc<dyn ShardApi>) -> bool {
        match self {
            Self::AnyState => true,
            Self::State(_) => candidate.status().await.is_ok_and(|status| self.is(status.position)),
        }
    }
}

/// The same search, of whatever state is there.
fn repeated(search: &ShardSearch) -> ShardSearch {
    ShardSearch { read: Read { after: None, ..search.read }, ..search.clone() }
}

/// Whether a failure says nothing of the generation: the replica is gone, starts, or has too much to do.
fn is_of_the_replica(failure: &Failure) -> bool {
    failure.code.is_transient() || matches!(failure.code, ErrorCode::DeadlineExceeded | ErrorCode::IndexNotFound)
}

/// Makes the search again, on one replica after the other until one can, and counts what comes of it.
async fn compare(
    candidates: Arc<[Arc<dyn ShardApi>]>,
    search: ShardSearch,
    (ids, official, of): (Vec<BTreeSet<DocId>>, Duration, Of),
    tally: Arc<Tally>,
    place: OwnedSemaphorePermit,
) {
    let deadline = Instant::now() + WAIT;
    let mut order: Vec<_> = candidates.iter().collect();
    fastrand::shuffle(&mut order);
    for candidate in order {
        // It is not searched to find that out.
        match timeout_at(deadline, of.is_there(candidate)).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(_) => break,
        }
        let began = Instant::now();
        let answer = timeout_at(deadline, candidate.search(search.clone(), deadline.into_std())).await;
        let Ok(answer) = answer else { break };
        if answer.as_ref().is_ok_and(|found| !of.is(found.position)) {
            tracing::debug!("a replica has followed meanwhile");
            break;
        }
        let candidate = answer.map(|found| (common(&ids, &found), began.elapsed()));
        if let Err(failure) = &candidate {
            if is_of_the_replica(failure) {
                tracing::debug!(%failure, "a replica cannot be tried now");
                continue;
            }
            tracing::warn!(%failure, "a search fails in the generation that is tried");
        }
        tally.count(Compared { hits: ids.iter().map(BTreeSet::len).sum(), official, candidate });
        break;
    }
    drop(place);
}

fn ids(found: &ShardHits) -> Vec<BTreeSet<DocId>> {
    found.results.iter().map(|hits| hits.iter().map(|hit| hit.id.clone()).collect()).collect()
}

/// Hits of each query that both have.
fn common(ids: &[BTreeSet<DocId>], found: &ShardHits) -> usize {
    let of_query = ids.iter().zip(&found.results);
    of_query.map(|(ids, hits)| hits.iter().filter(|hit| ids.contains(&hit.id)).count()).sum()
}

#[async_trait]
impl ShardApi for Beside {
    async fn search(&self, search: ShardSearch, deadline: StdInstant) -> Result<ShardHits, Failure> {
        let Some(place) = self.drawn(&search) else {
            return self.official.search(search, deadline).await;
        };
        let (again, after, began) = (repeated(&search), search.read.after, Instant::now());
        let answer = self.official.search(search, deadline).await;
        if let Ok(found) = &answer
            && let Some(of) = self.comparable(found, after)
        {
            let official = (ids(found), began.elapsed(), of);
            tokio::spawn(compare(Arc::clone(&self.candidates), again, official, Arc::clone(&self.tally), place));
        }
        answer
    }

    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: StdInstant) -> Result<Written, Failure> {
        self.official.write(writes, deadline).await
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: StdInstant) -> Result<Deleted, Failure> {
        self.official.delete_matching(filter, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: StdInstant) -> Result<Got, Failure> {
        self.official.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: StdInstant) -> Result<Listed, Failure> {
        self.official.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: StdInstant) -> Result<Counted, Failure> {
        self.official.count(filter, read, deadline).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: StdInstant) -> Result<Changes, Failure> {
        self.official.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        self.official.status().await
    }
}

#[cfg(test)]
mod tests;

//! A shard whose searches are, now and then, made in another generation as well.

use super::tally::{Compared, Tally};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Consistency, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList,
    ShardSearch, ShardStatus, Written,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// Query vectors of a search that is made twice, at most: what asks for more is dear.
const QUERIES_MAX: usize = 16;

/// How long the other generation has for an answer. What takes longer has failed there: nobody who searches would wait.
const WAIT: Duration = Duration::from_secs(5);

/// A shard that answers as ever. Of its searches a share is repeated on a replica that has the generation of a rollout,
/// once the answer is there: so nobody waits for it, and what it takes comes after what it is compared with.
pub(crate) struct Beside {
    /// Answers.
    pub(crate) official: Arc<dyn ShardApi>,
    /// Replicas that have the other generation; at least one.
    pub(crate) candidates: Box<[Arc<dyn ShardApi>]>,
    /// Of a hundred searches so many are made twice.
    pub(crate) percent: u32,
    /// What comes of it.
    pub(crate) tally: Arc<Tally>,
}

impl Beside {
    /// A place for this search to be made twice, if it is to be.
    fn drawn(&self, search: &ShardSearch) -> Option<OwnedSemaphorePermit> {
        let is_usual = search.queries.len() <= QUERIES_MAX && search.read.consistency == Consistency::Replica;
        if !is_usual || fastrand::u32(0..100) >= self.percent {
            return None;
        }
        self.tally.place()
    }

    fn any_candidate(&self) -> Option<Arc<dyn ShardApi>> {
        fastrand::choice(&self.candidates).cloned()
    }
}

/// The same search, of whatever state is there.
fn repeated(search: &ShardSearch) -> ShardSearch {
    ShardSearch { read: Read { after: None, ..search.read }, ..search.clone() }
}

/// Makes the search again, and counts what comes of it.
async fn compare(
    candidate: Arc<dyn ShardApi>,
    search: ShardSearch,
    (ids, official): (Vec<BTreeSet<DocId>>, Duration),
    tally: Arc<Tally>,
    place: OwnedSemaphorePermit,
) {
    let began = Instant::now();
    let deadline = began + WAIT;
    let answer = timeout_at(deadline, candidate.search(search, deadline.into_std())).await;
    let candidate = match answer {
        // It says that it has too much to do, and nothing of the generation.
        Ok(Err(failure)) if failure.code == ErrorCode::Overloaded => return,
        Ok(Ok(found)) => Some((common(&ids, &found), began.elapsed())),
        Ok(Err(_)) | Err(_) => None,
    };
    tally.count(Compared { hits: ids.iter().map(BTreeSet::len).sum(), official, candidate });
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
        let (Some(place), Some(candidate)) = (self.drawn(&search), self.any_candidate()) else {
            return self.official.search(search, deadline).await;
        };
        let (again, began) = (repeated(&search), Instant::now());
        let answer = self.official.search(search, deadline).await;
        if let Ok(found) = &answer {
            let official = (ids(found), began.elapsed());
            tokio::spawn(compare(candidate, again, official, Arc::clone(&self.tally), place));
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

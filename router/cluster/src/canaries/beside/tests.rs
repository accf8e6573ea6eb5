//! What is compared, and that nobody waits for it.

use super::*;
use crate::absent::Absent;
use crate::record::Comparison;
use annuli_api::Position;
use annuli_api::shard_api::{Include, SearchMode, ShardHit};
use annuli_core::vector::Vector;
use annuli_core::{HistoryId, Seq};
use std::sync::Mutex;
use tokio::time::sleep;
use uuid::Uuid;

/// A shard that finds the same documents whatever it is asked, after a while.
struct Finds {
    ids: &'static [&'static str],
    after: Duration,
    asked: Mutex<Vec<Read>>,
}

fn finds(ids: &'static [&'static str], after_ms: u64) -> Arc<Finds> {
    Arc::new(Finds { ids, after: Duration::from_millis(after_ms), asked: Mutex::default() })
}

fn nobody() -> Failure {
    Failure::new(ErrorCode::Internal, "nobody asks for this")
}

#[async_trait]
impl ShardApi for Finds {
    async fn search(&self, search: ShardSearch, _: StdInstant) -> Result<ShardHits, Failure> {
        self.asked.lock().unwrap().push(search.read);
        sleep(self.after).await;
        let hit = |id: &&str| ShardHit { id: DocId::new(id).unwrap(), distance: 0.0, metadata: None, vector: None };
        let position = Position { history: HistoryId(Uuid::nil()), seq: Seq(1) };
        Ok(ShardHits { results: vec![self.ids.iter().map(hit).collect()], position })
    }

    async fn write(&self, _: Vec<ConditionalWrite>, _: StdInstant) -> Result<Written, Failure> {
        Err(nobody())
    }

    async fn delete_matching(&self, _: Arc<Filter>, _: StdInstant) -> Result<Deleted, Failure> {
        Err(nobody())
    }

    async fn get(&self, _: Vec<DocId>, _: Read, _: StdInstant) -> Result<Got, Failure> {
        Err(nobody())
    }

    async fn list(&self, _: ShardList, _: Read, _: StdInstant) -> Result<Listed, Failure> {
        Err(nobody())
    }

    async fn count(&self, _: Option<Arc<Filter>>, _: Read, _: StdInstant) -> Result<Counted, Failure> {
        Err(nobody())
    }

    async fn changes(&self, _: ChangesAsked, _: StdInstant) -> Result<Changes, Failure> {
        Err(nobody())
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        Err(nobody())
    }
}

fn beside(official: Arc<dyn ShardApi>, candidate: Arc<dyn ShardApi>, percent: u32) -> Beside {
    Beside { official, candidates: [candidate].into(), percent, tally: Arc::default() }
}

/// A search for three documents, which wants at least what its client has seen.
fn search() -> ShardSearch {
    let after = Some(Position { history: HistoryId(Uuid::nil()), seq: Seq(1) });
    ShardSearch {
        queries: [Vector::new(vec![0.0]).unwrap()].into(),
        k: 3,
        mode: SearchMode::Approximate { ef: 10 },
        filter: None,
        except: None,
        read: Read { include: Include { metadata: false, vector: false }, after, consistency: Consistency::Replica },
    }
}

/// Searches once, and returns how long the answer took.
async fn ask(shard: &Beside, search: ShardSearch) -> Duration {
    let began = Instant::now();
    let deadline = (began + Duration::from_secs(10)).into_std();
    let found = shard.search(search, deadline).await.unwrap();
    assert_eq!(found.results[0].len(), 3);
    began.elapsed()
}

/// What has been compared when nothing is under way any longer.
async fn compared(shard: &Beside) -> Comparison {
    sleep(WAIT + Duration::from_secs(1)).await;
    shard.tally.so_far()
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_other_generation() {
    let shard = beside(finds(&["a", "b", "c"], 1), finds(&["c", "a", "x"], 40), 100);
    assert_eq!(ask(&shard, search()).await, Duration::from_millis(1));
    let want = Comparison {
        searches: 1,
        hits: 3,
        common: 2,
        official_micros: 1_000,
        candidate_micros: 40_000,
        ..Comparison::default()
    };
    assert_eq!(compared(&shard).await, want);
}

/// It stands elsewhere than the official one, so what a client has seen says nothing of it.
#[tokio::test(start_paused = true)]
async fn the_other_generation_is_asked_as_it_is() {
    let candidate = finds(&["a", "b", "c"], 1);
    let shard = beside(finds(&["a", "b", "c"], 1), Arc::clone(&candidate) as _, 100);
    ask(&shard, search()).await;
    compared(&shard).await;
    let asked: Vec<_> = candidate.asked.lock().unwrap().iter().map(|read| read.after).collect();
    assert_eq!(asked, [None]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_or_takes_too_long_has_failed_and_one_that_is_busy_is_not_counted() {
    let refuses = |code| Arc::new(Absent(Failure::new(code, "so says the test"))) as Arc<dyn ShardApi>;
    let cases = [
        (refuses(ErrorCode::ShardUnavailable), (1, 1)),
        (finds(&["a", "b", "c"], 60_000) as Arc<dyn ShardApi>, (1, 1)),
        (refuses(ErrorCode::Overloaded), (0, 0)),
    ];
    for (candidate, (searches, failed)) in cases {
        let shard = beside(finds(&["a", "b", "c"], 1), candidate, 100);
        ask(&shard, search()).await;
        let compared = compared(&shard).await;
        assert_eq!((compared.searches, compared.failed, compared.common), (searches, failed, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn about_as_many_searches_are_made_twice_as_was_asked_for() {
    fastrand::seed(7);
    let shard = beside(finds(&["a", "b", "c"], 1), finds(&["a", "b", "c"], 0), 20);
    for _ in 0..1_000 {
        ask(&shard, search()).await;
    }
    let searches = compared(&shard).await.searches;
    assert!((150..250).contains(&searches), "{searches}");
}

#[tokio::test(start_paused = true)]
async fn what_is_large_or_for_the_primary_is_not_made_twice() {
    let shard = beside(finds(&["a", "b", "c"], 1), finds(&["a", "b", "c"], 1), 100);
    let queries = vec![Vector::new(vec![0.0]).unwrap(); QUERIES_MAX + 1].into();
    ask(&shard, ShardSearch { queries, ..search() }).await;
    let read = Read { consistency: Consistency::Primary, ..search().read };
    ask(&shard, ShardSearch { read, ..search() }).await;
    assert_eq!(compared(&shard).await, Comparison::default());
}

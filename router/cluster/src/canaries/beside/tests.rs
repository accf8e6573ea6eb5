//! What is compared, and that nobody waits for it.

use super::*;
use crate::absent::Absent;
use crate::record::Comparison;
use annuli_api::shard_api::{Include, SegmentsStatus, ShardHit, TailStatus};
use annuli_core::vector::Vector;
use annuli_core::{HistoryId, Seq, ShardId};
use std::sync::Mutex;
use tokio::time::sleep;
use uuid::Uuid;

/// A shard that finds the same documents whatever it is asked, after a while.
struct Finds {
    ids: &'static [&'static str],
    after: Duration,
    stands: Position,
    asked: Mutex<Vec<Read>>,
}

fn finds(ids: &'static [&'static str], after_ms: u64) -> Arc<Finds> {
    finds_at(1, ids, after_ms)
}

fn finds_at(seq: u64, ids: &'static [&'static str], after_ms: u64) -> Arc<Finds> {
    Arc::new(Finds { ids, after: Duration::from_millis(after_ms), stands: at(seq), asked: Mutex::default() })
}

fn at(seq: u64) -> Position {
    Position { history: HistoryId(Uuid::nil()), seq: Seq(seq) }
}

fn status_at(position: Position) -> ShardStatus {
    ShardStatus {
        shard: ShardId(0),
        position,
        documents: 3,
        pending: 0,
        queued: 0,
        store_bytes: 0,
        segments: SegmentsStatus::default(),
        tail: TailStatus::default(),
        seal: None,
        merge: None,
    }
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
        Ok(ShardHits { results: vec![self.ids.iter().map(hit).collect()], position: self.stands })
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
        Ok(status_at(self.stands))
    }
}

fn beside(official: Arc<dyn ShardApi>, candidate: Arc<dyn ShardApi>, percent: u32) -> Beside {
    Beside { official, official_at: Some(at(1)), candidates: [candidate].into(), percent, tally: Arc::default() }
}

fn refuses(code: ErrorCode) -> Arc<dyn ShardApi> {
    Arc::new(Absent(Failure::new(code, "so says the test")))
}

/// A search for three documents, which wants at least what its client has seen.
fn search() -> ShardSearch {
    let after = Some(at(1));
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
    assert_eq!(found.position, at(1));
    began.elapsed()
}

/// What has been compared when nothing is under way any longer.
async fn compared(shard: &Beside) -> Comparison {
    sleep(WAIT + Duration::from_secs(1)).await;
    shard.tally.so_far().sums
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
async fn one_that_fails_is_counted_with_its_failure() {
    let shard = beside(finds(&["a", "b", "c"], 1), refuses(ErrorCode::StorageFailed), 100);
    ask(&shard, search()).await;
    let compared = compared(&shard).await;
    assert_eq!((compared.searches, compared.failed, compared.common), (1, 1, 0));
    assert_eq!(shard.tally.so_far().last_failure.as_deref(), Some("so says the test"));
}

/// A replica that was started again ended the trial, and the generation was blamed.
#[tokio::test(start_paused = true)]
async fn a_replica_that_is_gone_or_busy_or_slow_says_nothing_of_the_generation() {
    let slow = finds(&["a", "b", "c"], 60_000) as Arc<dyn ShardApi>;
    let gone =
        [ErrorCode::ShardUnavailable, ErrorCode::ShuttingDown, ErrorCode::Overloaded, ErrorCode::DeadlineExceeded];
    for candidate in gone.map(refuses).into_iter().chain([slow]) {
        let shard = beside(finds(&["a", "b", "c"], 1), candidate, 100);
        ask(&shard, search()).await;
        assert_eq!(compared(&shard).await, Comparison::default());
    }
}

#[tokio::test(start_paused = true)]
async fn another_replica_is_asked_in_place_of_one_that_is_gone() {
    let candidates: [Arc<dyn ShardApi>; 2] = [refuses(ErrorCode::ShardUnavailable), finds(&["a", "b", "c"], 1)];
    let shard = Beside {
        candidates: candidates.into(),
        ..beside(finds(&["a", "b", "c"], 1), refuses(ErrorCode::Internal), 100)
    };
    for _ in 0..10 {
        ask(&shard, search()).await;
        compared(&shard).await;
    }
    let compared = compared(&shard).await;
    assert_eq!((compared.searches, compared.failed, compared.common), (10, 0, 30));
}

/// The primary answers a search for what no replica has yet, of documents that no dump has.
#[tokio::test(start_paused = true)]
async fn only_answers_of_the_official_generation_are_compared() {
    for (official_at, searches) in [(Some(at(1)), 1), (Some(at(2)), 0), (None, 1)] {
        let whole = beside(finds(&["a", "b", "c"], 1), finds(&["a", "b", "c"], 1), 100);
        let shard = Beside { official_at, ..whole };
        ask(&shard, search()).await;
        assert_eq!(compared(&shard).await.searches, searches, "{official_at:?}");
    }
}

/// Both have followed, and the one that is tried may be behind for a moment: it is not searched in vain.
#[tokio::test(start_paused = true)]
async fn what_has_followed_is_compared_with_what_has_followed_as_far() {
    for (candidate_at, searches) in [(1, 1), (0, 0), (2, 0)] {
        let candidate = finds_at(candidate_at, &["a", "b", "c"], 1);
        let whole = beside(finds(&["a", "b", "c"], 1), Arc::clone(&candidate) as _, 100);
        let shard = Beside { official_at: Some(at(0)), ..whole };
        let read = Read { after: None, ..search().read };
        ask(&shard, ShardSearch { read, ..search() }).await;
        assert_eq!(compared(&shard).await.searches, searches, "{candidate_at}");
        // This one the primary has answered.
        ask(&shard, search()).await;
        assert_eq!(compared(&shard).await.searches, searches, "{candidate_at}");
        assert_eq!(candidate.asked.lock().unwrap().len() as u64, searches, "{candidate_at}");
    }
}

/// A trial in which nothing was ever found had all hits in common.
#[tokio::test(start_paused = true)]
async fn a_search_that_finds_nothing_is_not_counted() {
    let shard = beside(finds(&[], 1), finds(&["a"], 1), 100);
    ask(&shard, search()).await;
    assert_eq!(compared(&shard).await, Comparison::default());
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
async fn what_is_large_or_exact_or_for_the_primary_is_not_made_twice() {
    let shard = beside(finds(&["a", "b", "c"], 1), finds(&["a", "b", "c"], 1), 100);
    let queries = vec![Vector::new(vec![0.0]).unwrap(); QUERIES_MAX + 1].into();
    ask(&shard, ShardSearch { queries, ..search() }).await;
    ask(&shard, ShardSearch { k: HITS_MAX + 1, ..search() }).await;
    ask(&shard, ShardSearch { mode: SearchMode::Exact, ..search() }).await;
    let read = Read { consistency: Consistency::Primary, ..search().read };
    ask(&shard, ShardSearch { read, ..search() }).await;
    assert_eq!(compared(&shard).await, Comparison::default());
}

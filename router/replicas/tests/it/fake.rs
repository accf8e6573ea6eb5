//! A shard that behaves as it is told.

use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Position, Read, SegmentsStatus, ShardHits,
    ShardList, ShardSearch, ShardStatus, TailStatus, Written,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, HistoryId, Seq, ShardId};
use async_trait::async_trait;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

/// How a fake answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// After so long.
    Answers(Duration),
    /// It fails after so long.
    Fails(ErrorCode, Duration),
    /// Not before the deadline.
    Hangs,
}

pub(crate) const AT_ONCE: Manner = Manner::Answers(Duration::ZERO);

pub(crate) const DOWN: Manner = Manner::Fails(ErrorCode::ShardUnavailable, Duration::ZERO);

pub(crate) struct Fake {
    /// Which fake: its answers are of this seq.
    number: u64,
    manner: Mutex<Manner>,
    calls: AtomicUsize,
    under_way: AtomicUsize,
}

pub(crate) fn history() -> HistoryId {
    HistoryId(Uuid::from_u128(1))
}

impl Fake {
    pub(crate) fn new(number: u64) -> Arc<Self> {
        let manner = Mutex::new(AT_ONCE);
        Arc::new(Self { number, manner, calls: AtomicUsize::new(0), under_way: AtomicUsize::new(0) })
    }

    pub(crate) fn name(&self) -> String {
        format!("replica-{}", self.number)
    }

    pub(crate) fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Calls since this was last asked.
    pub(crate) fn take_calls(&self) -> usize {
        self.calls.swap(0, Relaxed)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Relaxed)
    }

    async fn answer(&self, deadline: Instant) -> Result<Position, Failure> {
        self.calls.fetch_add(1, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        let _until_dropped = UnderWay(&self.under_way);
        let manner = *self.manner.lock().unwrap();
        let answered = async {
            match manner {
                Manner::Answers(after) => {
                    pass(after).await;
                    Ok(Position { history: history(), seq: Seq(self.number) })
                }
                Manner::Fails(code, after) => {
                    pass(after).await;
                    Err(Failure::new(code, format_args!("so said the test of {}", self.number)))
                }
                Manner::Hangs => pending().await,
            }
        };
        let too_late = |_| Err(Failure::new(ErrorCode::DeadlineExceeded, "too late"));
        timeout_at(deadline.into(), answered).await.unwrap_or_else(too_late)
    }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        let _nothing_comes = timeout(time, pending::<()>()).await;
    }
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[async_trait]
impl ShardApi for Fake {
    async fn write(&self, _: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        Ok(Written { outcomes: Vec::new(), position: self.answer(deadline).await? })
    }

    async fn delete_matching(&self, _: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        Ok(Deleted { deleted: 0, position: self.answer(deadline).await? })
    }

    async fn search(&self, _: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        Ok(ShardHits { results: Vec::new(), position: self.answer(deadline).await? })
    }

    async fn get(&self, _: Vec<DocId>, _: Read, deadline: Instant) -> Result<Got, Failure> {
        Ok(Got { documents: Vec::new(), position: self.answer(deadline).await? })
    }

    async fn list(&self, _: ShardList, _: Read, deadline: Instant) -> Result<Listed, Failure> {
        Ok(Listed { documents: Vec::new(), position: self.answer(deadline).await? })
    }

    async fn count(&self, _: Option<Arc<Filter>>, _: Read, deadline: Instant) -> Result<Counted, Failure> {
        Ok(Counted { count: 0, position: self.answer(deadline).await? })
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        let position = self.answer(deadline).await?;
        Ok(Changes { documents: Vec::new(), through: asked.after.seq, position })
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let position = self.answer(tokio::time::Instant::now().into_std() + Duration::from_secs(1)).await?;
        Ok(ShardStatus {
            shard: ShardId(0),
            position,
            documents: 0,
            pending: 0,
            queued: 0,
            store_bytes: 0,
            segments: SegmentsStatus::default(),
            tail: TailStatus::default(),
            seal: None,
            merge: None,
        })
    }
}

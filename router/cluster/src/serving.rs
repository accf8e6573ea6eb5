//! What a node answers at the moment, and whether it may write.

use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Generation, IndexUuid, ShardId};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// The right to be the primary of a shard, for as long as it holds.
pub trait Tenure: Send + Sync {
    /// Whether it certainly holds now. Where it does not, another process may have it.
    fn holds(&self) -> bool;
}

/// What a node serves. Changed by its agent, asked by whoever brings it requests.
pub struct Serving {
    shard: ShardId,
    now: ArcSwap<Now>,
}

#[derive(Clone, Default)]
struct Now {
    indexes: BTreeMap<IndexUuid, Result<(), Failure>>,
    sealed: BTreeSet<IndexUuid>,
    tenure: Option<Arc<dyn Tenure>>,
}

impl Serving {
    /// Serves nothing yet.
    pub fn new(shard: ShardId) -> Self {
        Self { shard, now: ArcSwap::default() }
    }

    /// Serves these indexes from now on, and says of the others why it does not. From when this returns no write of a sealed
    /// one is acknowledged.
    pub(crate) fn publish(&self, indexes: &BTreeMap<IndexUuid, Result<(), Failure>>, sealed: &BTreeSet<IndexUuid>) {
        self.now.rcu(|now| Now { indexes: indexes.clone(), sealed: sealed.clone(), tenure: now.tenure.clone() });
    }

    /// May write while that holds; `None`: may not.
    pub(crate) fn hold(&self, tenure: Option<&Arc<dyn Tenure>>) {
        self.now.rcu(|now| Now { tenure: tenure.cloned(), ..Now::clone(now) });
    }

    /// Returns whether requests for the shard of this index are to be answered.
    ///
    /// # Errors
    /// Why they are not.
    pub fn check(&self, index: IndexUuid, shard: ShardId) -> Result<(), Failure> {
        if shard != self.shard {
            let message = format!("this process holds shard {}, it was asked for shard {shard}", self.shard);
            return Err(Failure::new(ErrorCode::ShardUnavailable, message));
        }
        match self.now.load().indexes.get(&index) {
            Some(served) => served.clone(),
            None => Err(self.unknown(index)),
        }
    }

    /// The index is not here.
    pub fn unknown(&self, index: IndexUuid) -> Failure {
        let message = format!("the process of shard {} does not know the index {index}, yet or any longer", self.shard);
        Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None)
    }

    /// A primary has no generations.
    pub fn not_a_replica(&self, index: IndexUuid, generation: Generation) -> Failure {
        let message = format!(
            "this process is no replica: it does not serve generation {generation} of shard {} of the index {index}",
            self.shard
        );
        Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None)
    }

    /// Whether a write of the index may be done, or, once it is done, be acknowledged.
    fn check_write(&self, index: IndexUuid) -> Result<(), Failure> {
        self.check_tenure()?;
        if !self.now.load().sealed.contains(&index) {
            return Ok(());
        }
        let message = format!(
            "shard {} of the index {index} takes no more writes: the index moves to another number of shards, which takes \
             them in a moment",
            self.shard
        );
        let failure = Failure::new(ErrorCode::IndexSealed, message).with("shard", self.shard.0);
        Err(failure.with_effect(Effect::None))
    }

    /// Returns whether this process is the primary of its shard.
    ///
    /// # Errors
    /// When it is not, or may not be.
    pub fn check_tenure(&self) -> Result<(), Failure> {
        if self.now.load().tenure.as_ref().is_some_and(|tenure| tenure.holds()) {
            return Ok(());
        }
        let message = format!(
            "this process is not the primary of shard {} now: it has lost touch with the coordination store, or \
             another process took over; it takes no writes",
            self.shard
        );
        let failure = Failure::new(ErrorCode::ShardUnavailable, message).with("shard", self.shard.0);
        Err(failure.with_effect(Effect::None))
    }
}

/// A shard that is written only while its process is the primary, and its index is not sealed. Searches go on: they say what they were answered
/// from.
pub struct Guarded {
    index: IndexUuid,
    shard: Arc<dyn ShardApi>,
    serving: Arc<Serving>,
}

impl Guarded {
    /// Guards the shard of that index.
    pub fn new(index: IndexUuid, shard: Arc<dyn ShardApi>, serving: Arc<Serving>) -> Self {
        Self { index, shard, serving }
    }

    /// What was written while the right was lost must not be acknowledged: the next primary may not have it. Nor what was
    /// written while the index was sealed: it may lie behind the last write that was said of it.
    fn acknowledge<R>(&self, done: R) -> Result<R, Failure> {
        match self.serving.check_write(self.index) {
            Ok(()) => Ok(done),
            Err(failure) => {
                let message = format!("it is not known whether this write will last: {failure}");
                Err(Failure { message, ..failure }.with_effect(Effect::Unknown))
            }
        }
    }
}

#[async_trait]
impl ShardApi for Guarded {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        self.serving.check_write(self.index)?;
        let written = self.shard.write(writes, deadline).await?;
        self.acknowledge(written)
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        self.serving.check_write(self.index)?;
        let deleted = self.shard.delete_matching(filter, deadline).await?;
        self.acknowledge(deleted)
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        self.shard.search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        self.shard.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        self.shard.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.shard.count(filter, read, deadline).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        self.shard.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        self.shard.status().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Absent;
    use crate::testing::{history, uuid};
    use annuli_api::Position;
    use annuli_core::Seq;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A seat that somebody may take away.
    #[derive(Default)]
    struct Seat(AtomicBool);

    impl Tenure for Seat {
        fn holds(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// A shard that takes writes, during each of which something happens.
    struct Writing<F>(F);

    #[async_trait]
    impl<F: Fn() + Send + Sync> ShardApi for Writing<F> {
        async fn write(&self, _: Vec<ConditionalWrite>, _: Instant) -> Result<Written, Failure> {
            (self.0)();
            Ok(Written { outcomes: Vec::new(), position: Position { history: history(1), seq: Seq(1) } })
        }

        async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
            nothing().delete_matching(filter, deadline).await
        }

        async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
            nothing().search(search, deadline).await
        }

        async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
            nothing().get(ids, read, deadline).await
        }

        async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
            nothing().list(list, read, deadline).await
        }

        async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
            nothing().count(filter, read, deadline).await
        }

        async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
            nothing().changes(asked, deadline).await
        }

        async fn status(&self) -> Result<ShardStatus, Failure> {
            nothing().status().await
        }
    }

    fn nothing() -> Absent {
        Absent(Failure::new(ErrorCode::Internal, "the shard was asked"))
    }

    /// What becomes of a write, when the seat is held before it and after it, or not.
    async fn write(before: bool, after: bool) -> Result<Written, Failure> {
        let seat = Arc::new(Seat::default());
        seat.0.store(before, Ordering::Relaxed);
        let serving = Arc::new(Serving::new(ShardId(0)));
        serving.hold(Some(&(Arc::clone(&seat) as _)));
        let writing = Writing(move || seat.0.store(after, Ordering::Relaxed));
        let shard = Guarded::new(uuid(1), Arc::new(writing), serving);
        shard.write(Vec::new(), tokio::time::Instant::now().into_std()).await
    }

    #[tokio::test]
    async fn a_primary_acknowledges_what_it_wrote() {
        assert!(write(true, true).await.is_ok());
    }

    #[tokio::test]
    async fn who_is_no_primary_writes_nothing_and_says_so() {
        let refused = write(false, true).await.unwrap_err();
        assert_eq!(refused.effect(), Some(Effect::None));
        assert!(refused.message.contains("is not the primary of shard 0 now"), "{refused}");
    }

    #[tokio::test]
    async fn what_was_written_while_the_seat_was_lost_is_not_acknowledged() {
        let unknown = write(true, false).await.unwrap_err();
        assert_eq!(unknown.effect(), Some(Effect::Unknown));
        assert!(unknown.message.contains("it is not known whether this write will last"), "{unknown}");
    }

    #[tokio::test]
    async fn no_write_is_acknowledged_once_its_index_is_sealed() {
        let (seat, serving) = (Arc::new(Seat::default()), Arc::new(Serving::new(ShardId(0))));
        seat.0.store(true, Ordering::Relaxed);
        serving.hold(Some(&(seat as _)));
        let seals = Arc::clone(&serving);
        let sealing = Writing(move || seals.publish(&BTreeMap::new(), &[uuid(1)].into()));
        let shard = Guarded::new(uuid(1), Arc::new(sealing), serving);
        let write = async || shard.write(Vec::new(), tokio::time::Instant::now().into_std()).await.unwrap_err();
        let under_way = write().await;
        assert_eq!((under_way.code, under_way.effect()), (ErrorCode::IndexSealed, Some(Effect::Unknown)));
        let later = write().await;
        assert_eq!((later.code, later.effect()), (ErrorCode::IndexSealed, Some(Effect::None)));
    }

    #[tokio::test]
    async fn searches_are_answered_without_the_seat() {
        let serving = Arc::new(Serving::new(ShardId(0)));
        let shard = Guarded::new(uuid(1), Arc::new(nothing()), serving);
        assert_eq!(shard.status().await.unwrap_err().code, ErrorCode::Internal);
    }

    #[test]
    fn another_shard_or_index_is_not_answered_for() {
        let serving = Serving::new(ShardId(0));
        serving.publish(&[(uuid(1), Ok(()))].into(), &BTreeSet::new());
        assert_eq!(serving.check(uuid(1), ShardId(0)), Ok(()));
        assert!(serving.check(uuid(1), ShardId(1)).unwrap_err().message.contains("holds shard 0"));
        assert!(serving.check(uuid(2), ShardId(0)).unwrap_err().message.contains("does not know the index"));
    }
}

//! Generations that follow: of each index a task asks the primary what has changed since where they stand, and tells them
//! (`round`). Nothing is remembered: a task begins where the generations stand.

mod pause;
mod round;
mod trail;

use crate::reconcile::replica::{Held, Leader};
use crate::table::Reach;
use annuli_api::Failure;
use annuli_api::shard_api::{Changed, Position};
use annuli_core::{Generation, IndexUuid, ShardId};
use async_trait::async_trait;
use round::Follows;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
pub use trail::{Trail, Trails};

/// The generations of a replica, as they are told what has changed.
#[async_trait]
pub trait Follower: Send + Sync {
    /// Where the generations of an index stand that follow, the newest first. It waits for nothing.
    fn stands(&self, index: IndexUuid) -> Vec<(Generation, Position)>;

    /// What changed may take as much memory at most to be told at once, in bytes, about: none keeps more.
    fn bytes_max(&self) -> usize;

    /// Tells those that do not stand before `from` every document that was written behind it and up to `to`, as it was at
    /// `to`.
    ///
    /// # Errors
    /// When one cannot take it over now; it stands where it stood. With [`annuli_api::ErrorCode::LimitExceeded`] for want of
    /// memory.
    async fn follow(
        &self,
        index: IndexUuid,
        told: Vec<Changed>,
        (from, to): (Position, Position),
    ) -> Result<(), Failure>;

    /// What comes behind where that generation stands cannot be told: it follows no longer. It waits for nothing.
    fn follow_no_longer(&self, index: IndexUuid, generation: Generation, ended: Ended);
}

/// Why a generation follows no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The primary has another line of writes: nothing that was followed is handed on.
    OtherLine,
    /// It is too far behind to be told. What it has is true.
    TooFar,
}

/// The indexes that follow.
pub(super) struct Following {
    follower: Arc<dyn Follower>,
    reach: Arc<dyn Reach>,
    shard: ShardId,
    begun: BTreeMap<IndexUuid, watch::Sender<Leader>>,
    tasks: JoinSet<()>,
    trails: Arc<Trails>,
    /// One index at a time gathers more than fits into an answer: what is gathered is in memory twice for a moment.
    large: Arc<Semaphore>,
}

impl Following {
    pub(super) fn new(follower: Arc<dyn Follower>, reach: Arc<dyn Reach>, shard: ShardId) -> Self {
        let (begun, tasks, trails) = (BTreeMap::new(), JoinSet::new(), Arc::default());
        Self { follower, reach, shard, begun, tasks, trails, large: Arc::new(Semaphore::new(1)) }
    }

    /// Whether a generation has had what the primary had, or could not have it in time: one that was started again, or is
    /// new, would answer with less than what was answered before.
    pub(super) fn has_caught_up(&self, generation: (IndexUuid, Generation)) -> bool {
        self.trails.is_ready(generation)
    }

    /// Takes in which generations serve and whether they have caught up; returns when those that have not are told as ready
    /// all the same.
    pub(super) fn look(&self, held: &Held) -> Option<Instant> {
        let serve: BTreeSet<_> = held.iter().filter(|(_, state)| state.is_ok()).map(|(&key, _)| key).collect();
        let follows = |(index, number): (IndexUuid, Generation)| {
            self.follower.stands(index).iter().any(|(follows, _)| *follows == number)
        };
        self.trails.look(&serve, follows)
    }

    /// Waits until a generation may have caught up; for ever, if all have.
    pub(super) async fn one_settled(&self) {
        self.trails.one_settled().await;
    }

    pub(super) fn trails(&self) -> Arc<Trails> {
        Arc::clone(&self.trails)
    }

    /// Lets those follow their leaders, and no others.
    pub(super) fn keep_to(&mut self, leaders: &BTreeMap<IndexUuid, Leader>) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended {
                // Which it was is not known. Two for one index do no harm: what is told twice changes nothing.
                tracing::error!(%error, "an index that follows its primary ended without a word: all begin anew");
                self.begun.clear();
            }
        }
        // Whoever holds the other end finds out, and ends.
        self.begun.retain(|index, _| leaders.contains_key(index));
        for (index, leader) in leaders {
            if let Some(orders) = self.begun.get(index) {
                orders.send_if_modified(|known| std::mem::replace(known, leader.clone()) != *leader);
                continue;
            }
            let (orders, hears) = watch::channel(leader.clone());
            self.begun.insert(*index, orders);
            let follows = Follows {
                index: *index,
                shard: self.shard,
                follower: Arc::clone(&self.follower),
                reach: Arc::clone(&self.reach),
                trails: Arc::clone(&self.trails),
                large: Arc::clone(&self.large),
            };
            self.tasks.spawn(follows.run(hears));
        }
    }
}

#[cfg(test)]
mod scene;
#[cfg(test)]
mod tests;

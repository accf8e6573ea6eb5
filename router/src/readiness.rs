//! Whether the process can serve.
//!
//! It is found out by a search of every shard, and anybody may ask, also without a key. So it is found out for all who ask
//! within a moment: however many they are, and whoever of them leaves, shards are searched once.

use crate::Router;
use crate::gather::{Completeness, Gathered};
use crate::info::STATUS_TIMEOUT;
use crate::scatter::scatter;
use annuli_api::shard_api::{Consistency, Include, Read, SearchMode, ShardSearch};
use annuli_api::{Failure, Index};
use annuli_core::Vector;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long what was found is told to others. Whoever asks to balance load asks every second or less often.
const TOLD_FOR: Duration = Duration::from_secs(1);

/// What was found last.
pub(crate) struct Readiness {
    /// Of the one look that is under way; others wait for it.
    turn: Arc<Semaphore>,
    found: Mutex<Option<Found>>,
}

struct Found {
    at: Instant,
    ready: Result<(), String>,
}

impl Router {
    /// Returns whether the process can serve: every shard of its own answers a small search, or did a second ago, and it is
    /// not about to end. An index that is unavailable as a whole is not counted: it does not keep the others from serving.
    ///
    /// # Errors
    /// Why it cannot, with the names of indexes: not for strangers.
    pub async fn check_ready(self: &Arc<Self>) -> Result<(), String> {
        if self.is_draining() {
            return Err("the process is about to end".to_owned());
        }
        if !self.catalogue.is_local() {
            return Ok(());
        }
        let router = Arc::clone(self);
        self.readiness.find_out(|| async move { router.search_every_shard().await }).await
    }

    async fn search_every_shard(&self) -> Result<(), String> {
        let deadline = Instant::now().into_std() + STATUS_TIMEOUT;
        for index in self.catalogue.indexes().into_iter().flatten() {
            canary(&index, deadline).await.map_err(|failure| format!("index `{}`: {failure}", index.name))?;
        }
        Ok(())
    }
}

impl Readiness {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { turn: Arc::new(Semaphore::new(1)), found: Mutex::new(None) })
    }

    /// What was found a moment ago, or else what `look` finds. Of many who ask at once one begins to look. That goes on
    /// when it leaves: else each who leaves would have shards searched in vain, and keep the others waiting.
    async fn find_out<Looking>(self: &Arc<Self>, look: impl FnOnce() -> Looking) -> Result<(), String>
    where
        Looking: Future<Output = Result<(), String>> + Send + 'static,
    {
        if let Some(ready) = self.of_late() {
            return ready;
        }
        // The semaphore is never closed, so nothing else can come of this than a turn.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        if let Some(ready) = self.of_late() {
            return ready;
        }
        let (readiness, looking) = (Arc::clone(self), look());
        let found = tokio::spawn(async move {
            let _turn = turn;
            let ready = looking.await;
            if let Err(reason) = &ready {
                tracing::warn!(reason, "the process is not ready");
            }
            *readiness.found() = Some(Found { at: Instant::now(), ready: ready.clone() });
            ready
        });
        found.await.unwrap_or_else(|error| Err(format!("the look at the shards ended early: {error}")))
    }

    fn of_late(&self) -> Option<Result<(), String>> {
        self.found().as_ref().filter(|found| found.at.elapsed() < TOLD_FOR).map(|found| found.ready.clone())
    }

    fn found(&self) -> MutexGuard<'_, Option<Found>> {
        // Nobody panics while they look at it.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn canary(index: &Index, deadline: std::time::Instant) -> Result<(), Failure> {
    let mut components = vec![0.0; index.schema.dim.get()];
    components[0] = 1.0;
    let query = Vector::new(components).expect("a unit vector of the index's dimension");
    let search = ShardSearch {
        queries: [query].into(),
        k: 1,
        mode: SearchMode::Approximate { ef: 1 },
        filter: None,
        except: None,
        read: Read {
            include: Include { metadata: false, vector: false },
            after: None,
            consistency: Consistency::Replica,
        },
    };
    let all: Vec<_> = index.schema.shards.shards().collect();
    let replies = scatter(index, &all, deadline, |_, shard| {
        let search = search.clone();
        async move { shard.search(search, deadline).await }
    })
    .await;
    Gathered::of(replies).check(Completeness::Whole).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::sleep;

    /// Takes a moment, and counts.
    async fn look(looks: Arc<AtomicU32>, ready: Result<(), String>) -> Result<(), String> {
        looks.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(100)).await;
        ready
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_at_once_or_a_moment_later_hears_of_one_look() {
        let (readiness, looks) = (Readiness::new(), Arc::new(AtomicU32::new(0)));
        let ask = || readiness.find_out(|| look(Arc::clone(&looks), Ok(())));
        assert_eq!(join_all((0..1_000).map(|_| ask())).await, vec![Ok(()); 1_000]);
        sleep(TOLD_FOR / 2).await;
        assert_eq!((ask().await, looks.load(Ordering::Relaxed)), (Ok(()), 1));
        sleep(TOLD_FOR / 2).await;
        assert_eq!((ask().await, looks.load(Ordering::Relaxed)), (Ok(()), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn that_it_is_not_ready_is_found_out_once_as_well() {
        let (readiness, looks) = (Readiness::new(), Arc::new(AtomicU32::new(0)));
        let not = || Err("a shard is silent".to_owned());
        let ask = || readiness.find_out(|| look(Arc::clone(&looks), not()));
        assert_eq!(join_all((0..10).map(|_| ask())).await, vec![not(); 10]);
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    /// Each who left ended the look that it had begun, and whoever asked next waited for one of its own.
    #[tokio::test(start_paused = true)]
    async fn who_leaves_while_it_looks_leaves_what_is_found_to_the_others() {
        let (readiness, looks) = (Readiness::new(), Arc::new(AtomicU32::new(0)));
        let ask = || readiness.find_out(|| look(Arc::clone(&looks), Ok(())));
        for _ in 0..10 {
            let mut asking = Box::pin(ask());
            assert!(futures_util::poll!(&mut asking).is_pending());
        }
        assert_eq!((ask().await, looks.load(Ordering::Relaxed)), (Ok(()), 1));
    }
}

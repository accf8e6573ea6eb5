//! The coordination store, as one process reaches it: late, or not at all, or without an answer.

use crate::truth::Truth;
use crate::world::{Who, World, locked};
use annuli_coordination::{
    Commit, CommitError, CoordinationStore, Entry, Kept, Key, Lease, LeaseId, Listing, Prefix, Revision, StoreError,
    Ttl, Txn, Unavailable, Uncertain, Watch,
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Revisions that wait for the reader of a watch.
const WATCH_QUEUE: usize = 64;

/// A process's way to the store.
pub(crate) struct StoreClient {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
}

/// Why there is no answer.
enum NoAnswer {
    /// It was not taken.
    Refused,
    /// It may have been done.
    Lost,
}

impl StoreClient {
    /// Asks the store: whatever becomes of the one who asks, what is under way arrives.
    async fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Truth, &Arc<World>) -> R + Send + 'static,
    ) -> Result<R, NoAnswer> {
        let (says, answer) = oneshot::channel();
        let (world, who) = (Arc::clone(&self.world), self.who);
        self.world.schedule.after(self.world.delay(), move || {
            let weather = locked(&world.weather).clone();
            let is_lost = || weather.cut_off.contains(&who) || world.dice.permille(weather.store_lost);
            if is_lost() {
                return give_up(&world, says);
            }
            if world.dice.permille(weather.store_refused) {
                return answer_later(&world, who, says, Err(NoAnswer::Refused));
            }
            let done = ask(&mut locked(&world.truth), &world);
            if is_lost() {
                return give_up(&world, says);
            }
            answer_later(&world, who, says, Ok(done));
        });
        answer.await.unwrap_or(Err(NoAnswer::Lost))
    }

    async fn read<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Truth, &Arc<World>) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        self.ask(ask).await.map_err(|_| Unavailable::because("the simulated store", "no answer").into())
    }

    async fn change<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Truth, &Arc<World>) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        self.ask(ask).await.map_err(|no_answer| match no_answer {
            NoAnswer::Refused => Unavailable::because("the simulated store", "it was refused").into(),
            NoAnswer::Lost => Uncertain::because("the simulated store", "no answer").into(),
        })
    }
}

/// Nobody will answer, which is found out after a while.
fn give_up<R: Send + 'static>(world: &World, says: oneshot::Sender<R>) {
    world.schedule.after(world.dice.between(1, 4_000), move || drop(says));
}

fn answer_later<R: Send + 'static>(world: &Arc<World>, who: Who, says: oneshot::Sender<R>, answer: R) {
    let then = Arc::clone(world);
    world.schedule.after(world.delay(), move || {
        if locked(&then.weather).cut_off.contains(&who) {
            return give_up(&then, says);
        }
        // Who has asked may have gone.
        let _ = says.send(answer);
    });
}

#[async_trait]
impl CoordinationStore for StoreClient {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let key = key.clone();
        self.read(move |truth, _| truth.get(&key)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        let prefix = prefix.clone();
        self.read(move |truth, _| truth.list(&prefix)).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
        txn.check_size()?;
        let who = self.who;
        Ok(self.change(move |truth, world| truth.commit(who, &txn, world)).await?)
    }

    async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError> {
        let (arrivals, arrive) = mpsc::channel(WATCH_QUEUE);
        let who = self.who;
        self.read(move |truth, world| truth.watch(who, prefix, after, arrivals, world)).await?;
        Ok(Watch::new(arrive))
    }

    async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
        let who = self.who;
        self.change(move |truth, world| truth.grant(who, ttl, world)).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
        self.change(move |truth, world| truth.keep_alive(lease, world)).await
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.change(move |truth, world| truth.revoke(lease, world)).await
    }
}

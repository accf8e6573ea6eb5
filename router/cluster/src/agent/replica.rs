//! What makes a replica hold the generations that the catalogue says, and tells the cluster which it serves.
//!
//! A replica takes part in no election and is never written: it prepares what it is let prepare, one generation at a
//! time, and serves by number whatever it has prepared.

use super::{LEASE, Post, RETRY_AFTER, enter};
use crate::change::Change;
use crate::commit::{store_failure, txn};
use crate::mirror::Mirror;
use crate::reconcile::replica::{Held, NewGeneration, ReplicaPlan, plan};
use crate::record::{Key, NodeRecord, Prepared, ReplicaId, ReplicaRecord, Role};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::{Commit, CommitError, CoordinationStore, KeptLease, LeaseId, Ttl};
use annuli_core::{Generation, IndexUuid};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// Before a preparation that failed is tried again, if it still is to be: a store of dumps that does not answer.
const PREPARE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Hears what a preparation does now.
pub type PreparationProgress = Arc<dyn Fn(String) + Send + Sync>;

/// The folder of a replica.
#[async_trait]
pub trait ReplicaHolder: Send + Sync {
    /// Whose folder it is, over all its processes.
    fn id(&self) -> ReplicaId;

    /// What is in it.
    fn held(&self) -> Held;

    /// Makes a generation from its dump, and serves it. Harmless if it is there already.
    async fn prepare(&self, new: NewGeneration, progress: PreparationProgress) -> Result<(), Failure>;

    /// Serves a generation no longer, and removes it. Harmless if it is not there.
    async fn retire(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure>;
}

/// Keeps one replica in step with the catalogue.
pub struct ReplicaAgent {
    store: Arc<dyn CoordinationStore>,
    mirror: Mirror,
    holder: Arc<dyn ReplicaHolder>,
    post: Post,
    /// What is prepared now.
    under: Option<Preparation>,
    /// What could not be prepared, and when it was tried last.
    failed: BTreeMap<(IndexUuid, Generation), (Failure, Instant)>,
    /// What the cluster was told last.
    told: Option<NodeRecord>,
}

/// What came of telling the cluster.
enum Told {
    Known,
    LeaseEnded,
}

/// A generation that is being prepared.
struct Preparation {
    of: (IndexUuid, Generation),
    state: watch::Receiver<State>,
    work: JoinHandle<()>,
}

#[derive(Clone)]
enum State {
    /// What is done now.
    Under(String),
    /// What came of it.
    Ended(Result<(), Failure>),
}

impl ReplicaAgent {
    /// Joins the cluster, which has as many shards as the post says.
    ///
    /// # Errors
    /// When the cluster has another number of shards, or the store does not answer.
    pub async fn join(
        store: Arc<dyn CoordinationStore>,
        holder: Arc<dyn ReplicaHolder>,
        post: Post,
    ) -> Result<Self, Failure> {
        let mirror = enter(&store, post.shards).await?;
        Ok(Self { store, mirror, holder, post, under: None, failed: BTreeMap::new(), told: None })
    }

    /// Serves, for as long as the future is polled.
    pub async fn run(mut self) {
        loop {
            // What was told is forgotten with its lease; what was prepared stays.
            self.told = None;
            let Err(failure) = self.serve().await;
            tracing::warn!(%failure, "the cluster does not know of this replica, or will not soon");
            sleep(RETRY_AFTER).await;
        }
    }

    /// Keeps in step with the catalogue.
    ///
    /// # Errors
    /// When the lease of the replica's record cannot be had, or was lost.
    async fn serve(&mut self) -> Result<Infallible, Failure> {
        let ttl = Ttl::new(LEASE).expect("within the bounds of a lease");
        let lease = KeptLease::grant(Arc::clone(&self.store), ttl).await.map_err(|error| store_failure(&error))?;
        let mut changes = self.mirror.changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            let due = self.step(&seen.records).await;
            let again = match self.tell(lease.id()).await {
                Ok(Told::Known) => due,
                Ok(Told::LeaseEnded) => return Err(super::lost()),
                Err(error) => {
                    tracing::warn!(%error, "the cluster is not told yet what this replica serves");
                    Some(Instant::now() + RETRY_AFTER)
                }
            };
            tokio::select! {
                () = lease.lost() => return Err(super::lost()),
                changed = changes.changed() => changed.expect("the mirror is this agent's own"),
                () = hear(&mut self.under) => {}
                () = until(again) => {}
            }
        }
    }

    /// Does what is to be done; returns when something is to be tried again.
    async fn step(&mut self, records: &Records) -> Option<Instant> {
        self.take_in();
        let ReplicaPlan { retire, prepare } = plan(records, self.holder.id(), &self.holder.held());
        self.failed.retain(|key, _| prepare.iter().any(|new| new.key() == *key));
        if let Some(under) = self.under.take_if(|under| !prepare.iter().any(|new| new.key() == under.of)) {
            // The rollout was given up. What is left of it is swept by the next, or by a restart.
            under.work.abort();
        }
        let mut again = None;
        for (index, generation) in retire {
            if let Err(failure) = self.holder.retire(index, generation).await {
                tracing::warn!(%index, %generation, %failure, "a generation is not removed yet, it is tried again");
                again = Some(Instant::now() + RETRY_AFTER);
            }
        }
        if self.under.is_none() {
            let now = Instant::now();
            let tried =
                |new: &NewGeneration| self.failed.get(&new.key()).map(|(_, tried)| *tried + PREPARE_AGAIN_AFTER);
            match prepare.iter().find(|new| tried(new).is_none_or(|again| again <= now)) {
                Some(new) => self.under = Some(Preparation::begin(Arc::clone(&self.holder), new.clone())),
                None => again = prepare.iter().filter_map(tried).chain(again).min(),
            }
        }
        again
    }

    /// Takes in a preparation that has ended.
    fn take_in(&mut self) {
        let ended = self.under.as_ref().and_then(Preparation::ended);
        let (Some(ended), Some(under)) = (ended, self.under.take_if(|under| under.ended().is_some())) else { return };
        let (index, generation) = under.of;
        match ended {
            Ok(()) => {
                tracing::info!(%index, %generation, "prepared a generation");
                self.failed.remove(&under.of);
            }
            Err(failure) => {
                tracing::error!(%index, %generation, %failure, "a generation could not be prepared");
                self.failed.insert(under.of, (failure, Instant::now()));
            }
        }
    }

    /// Writes the replica's record, if it says something new.
    async fn tell(&mut self, lease: LeaseId) -> Result<Told, CommitError> {
        let record = self.record();
        if self.told.as_ref() == Some(&record) {
            return Ok(Told::Known);
        }
        let change = Change::new().put(Key::Node(self.post.node), record.encode());
        match self.store.commit(txn(&change, Some(lease))).await? {
            Commit::Committed { .. } => {
                self.told = Some(record);
                Ok(Told::Known)
            }
            Commit::Conflict { .. } => Ok(Told::LeaseEnded),
        }
    }

    fn record(&self) -> NodeRecord {
        let mut generations: BTreeMap<_, _> = BTreeMap::new();
        for (key, held) in self.holder.held() {
            let prepared = match held {
                Ok(()) => Prepared::Ready,
                Err(failure) => Prepared::Failed(failure.message),
            };
            generations.insert(key, prepared);
        }
        for (key, (failure, _)) in &self.failed {
            generations.insert(*key, Prepared::Failed(failure.message.clone()));
        }
        if let Some(under) = &self.under
            && let State::Under(says) = &*under.state.borrow()
        {
            // A rollout is to learn that it failed before, also while it is tried again.
            generations.entry(under.of).or_insert_with(|| Prepared::Under(says.clone()));
        }
        NodeRecord {
            address: self.post.address.clone(),
            role: Role::Replica,
            shard: self.post.shard,
            serves: BTreeMap::new(),
            replica: Some(ReplicaRecord { id: self.holder.id(), generations }),
        }
    }
}

impl Preparation {
    fn begin(holder: Arc<dyn ReplicaHolder>, new: NewGeneration) -> Self {
        let of = new.key();
        tracing::info!(index = %new.uuid, generation = %new.of.generation, dump = %new.of.dump, "preparing a generation");
        let (tell, state) = watch::channel(State::Under("waiting".to_owned()));
        let tell = Arc::new(tell);
        let work = tokio::spawn(async move {
            let says = Arc::clone(&tell);
            let progress = move |now: String| drop(says.send(State::Under(now)));
            let ended = holder.prepare(new, Arc::new(progress)).await;
            tell.send_replace(State::Ended(ended));
        });
        Self { of, state, work }
    }

    /// What came of it, once something did.
    fn ended(&self) -> Option<Result<(), Failure>> {
        if let State::Ended(ended) = &*self.state.borrow() {
            return Some(ended.clone());
        }
        let cut_off = || Err(Failure::new(ErrorCode::Internal, "the preparation ended without a word"));
        self.work.is_finished().then(cut_off)
    }

    /// Waits until it says something new.
    async fn says(&mut self) {
        if self.state.changed().await.is_err() && self.ended().is_none() {
            // Whoever would say something is gone, and the task is about to be.
            sleep(RETRY_AFTER).await;
        }
    }
}

/// Waits until a preparation says something new, or has ended.
async fn hear(under: &mut Option<Preparation>) {
    match under {
        Some(under) => under.says().await,
        None => pending().await,
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

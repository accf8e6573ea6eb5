//! What makes a replica hold the generations that the catalogue says, and tells the cluster which it serves.
//!
//! A replica takes part in no election and is never written: it prepares what it is let prepare, one generation at a
//! time, and serves by number whatever it has prepared.

mod following;
mod standing;

use super::told::Told;
use super::{LEASE, Post, RETRY_AFTER, TELL_TRIES, enter};
use crate::commit::store_failure;
use crate::decide::check_layout;
use crate::mirror::{Mirror, Seen};
use crate::moment::until;
use crate::reconcile::replica::{Held, NewGeneration, ReplicaPlan, heard, leaders, plan};
use crate::record::{Blame, NodeRecord, Place, Prepared, ReplicaId, ReplicaRecord, Role, TaskId, Way};
use crate::records::Records;
use crate::table::Reach;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::{Commit, Condition, CoordinationStore, KeptLease, LeaseId, Ttl};
use annuli_core::{Generation, IndexUuid};
use async_trait::async_trait;
use following::Following;
pub use following::{Ended, Follower, Trail, Trails};
pub use standing::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

/// Before a preparation that failed is tried again, if it still is to be: a store of dumps that does not answer. Each time
/// it fails the pause doubles.
const PREPARE_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// At most as often: a dump that is damaged stays so, and is fetched whole each time.
const PREPARE_AGAIN_AFTER_MAX: Duration = Duration::from_secs(300);

/// Longest reason that is told: a replica's record has one for each generation that failed.
const WHY_CHARS_MAX: usize = 300;

/// All reasons of a record together: of as many indexes as a cluster has at most, each may fail, and a record is a mebibyte
/// at most. A character may take six bytes of JSON.
const ALL_WHYS_CHARS_MAX: usize = 64 * 1024;

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
    place: Place,
    /// What is prepared now.
    under: Option<Preparation>,
    /// The rollouts that it acts by.
    heard: BTreeMap<IndexUuid, (TaskId, Generation)>,
    /// What could not be prepared.
    failed: BTreeMap<(IndexUuid, Generation), Failed>,
    /// What is retired now: it waits for the last search.
    retiring: BTreeSet<(IndexUuid, Generation)>,
    retirements: JoinSet<Retired>,
    /// What the cluster was told last.
    told: Told,
    /// What others are told of it.
    standing: Arc<Standing>,
    /// What is served trails its primary; `None`: it stays as it was dumped.
    following: Option<Following>,
}

/// What came of retiring a generation.
type Retired = ((IndexUuid, Generation), Result<(), Failure>);

/// A generation that could not be prepared.
struct Failed {
    why: Failure,
    rollout: Option<TaskId>,
    attempt: u32,
    times: u32,
    again: Instant,
}

/// What came of telling the cluster.
enum Telling {
    Known,
    LeaseEnded,
}

/// A generation that is being prepared.
struct Preparation {
    of: (IndexUuid, Generation),
    rollout: Option<TaskId>,
    attempt: u32,
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
        let (mirror, place) = enter(&store, &post).await?;
        let told = Told::nothing(post.node);
        Ok(Self {
            store,
            mirror,
            holder,
            post,
            place,
            under: None,
            heard: BTreeMap::new(),
            failed: BTreeMap::new(),
            retiring: BTreeSet::new(),
            retirements: JoinSet::new(),
            told,
            standing: Arc::new(Standing::new()),
            following: None,
        })
    }

    /// Has what is served follow its primary, reached by `reach`; returns how far each index trails.
    pub fn follow(&mut self, follower: Arc<dyn Follower>, reach: Arc<dyn Reach>) -> Arc<Trails> {
        self.following.insert(Following::new(follower, reach, self.place.shard)).trails()
    }

    /// Whether the replica serves what it is to serve: for whoever asks while it runs.
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// Serves, for as long as the future is polled.
    pub async fn run(mut self) {
        loop {
            // What was told is forgotten with its lease; what was prepared stays.
            self.told.forget();
            self.standing.lacks("the cluster does not know of it yet");
            let Err(failure) = self.serve().await;
            if let Err(failure) = check_layout(&self.mirror.seen().records, self.place) {
                tracing::error!(%failure, "this replica serves nothing any longer");
                // Nobody has any use for what it would ask.
                self.following = None;
                return pending().await;
            }
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
            check_layout(&seen.records, self.place)?;
            let due = self.step(&seen.records);
            let due = due.into_iter().chain(self.lead(&seen.records)).min();
            let again = match self.tell(lease.id(), &seen).await {
                Ok(Telling::Known) => {
                    self.stand(&seen.records);
                    due
                }
                Ok(Telling::LeaseEnded) => return Err(super::lost()),
                Err(failure) => {
                    tracing::warn!(%failure, "the cluster is not told yet what this replica serves");
                    Some(Instant::now() + RETRY_AFTER)
                }
            };
            tokio::select! {
                biased;
                () = lease.lost() => return Err(super::lost()),
                changed = changes.changed() => changed.expect("the mirror is this agent's own"),
                () = hear(&mut self.under) => {}
                () = one_settled(self.following.as_ref()) => {}
                Some(ended) = self.retirements.join_next() => self.retired(ended),
                () = until(again) => {}
            }
        }
    }

    /// Does what is to be done; returns when something is to be tried again.
    fn step(&mut self, records: &Records) -> Option<Instant> {
        self.take_in();
        let plan = plan(records, self.place, self.holder.id(), &self.holder.held());
        let ReplicaPlan { retire, prepare, then: _ } = plan;
        self.heard = heard(records, self.place.layout);
        let sought = |key: &(IndexUuid, Generation)| prepare.iter().find(|new| new.key() == *key);
        // What an earlier rollout failed at is tried anew in the next, and at once where somebody has it tried again.
        let is_same =
            |new: &NewGeneration, failed: &Failed| (new.rollout, new.attempt) == (failed.rollout, failed.attempt);
        self.failed.retain(|key, failed| sought(key).is_some_and(|new| is_same(new, failed)));
        if let Some(under) = self.under.take_if(|under| sought(&under.of).is_none()) {
            // The rollout was given up. What goes on in the folder ends by itself, and is retired then.
            under.work.abort();
        }
        for key in retire {
            if self.retiring.insert(key) {
                self.retirements.spawn(retire_in_time(Arc::clone(&self.holder), key));
            }
        }
        if self.under.is_some() {
            return None;
        }
        let now = Instant::now();
        let again = |new: &&NewGeneration| self.failed.get(&new.key()).map(|failed| failed.again);
        match prepare.iter().find(|new| again(new).is_none_or(|again| again <= now)) {
            Some(new) => self.under = Some(Preparation::begin(Arc::clone(&self.holder), new.clone())),
            None => return prepare.iter().filter_map(|new| again(&new)).min(),
        }
        None
    }

    /// Lets what is served follow its primary; returns when something is to be told as ready that has not caught up.
    fn lead(&mut self, records: &Records) -> Option<Instant> {
        let (following, held) = (self.following.as_mut()?, self.holder.held());
        let due = following.look(&held);
        following.keep_to(&leaders(records, self.place, &held));
        due
    }

    /// Says what is official and not here. A generation that a rollout prepares keeps nobody from serving, unless nothing else
    /// is served meanwhile.
    fn stand(&self, records: &Records) {
        let plan = plan(records, self.place, self.holder.id(), &self.holder.held());
        match plan.prepare.iter().chain(&plan.then).find(|new| new.rollout.is_none() || new.way == Way::Drain) {
            Some(new) => {
                let (generation, index) = (new.of.generation, &new.name);
                self.standing.lacks(&format!("it has yet to prepare generation {generation} of index `{index}`"));
            }
            None => self.standing.serves(),
        }
    }

    fn retired(&mut self, ended: Result<Retired, JoinError>) {
        match ended {
            Ok((key, Ok(()))) => drop(self.retiring.remove(&key)),
            Ok((key, Err(failure))) => {
                tracing::warn!(index = %key.0, generation = %key.1, %failure, "a generation is not removed yet");
                self.retiring.remove(&key);
            }
            // Which it was is not known: what is still to be retired is, again.
            Err(error) => {
                tracing::error!(%error, "a retirement ended without a word");
                self.retiring.clear();
            }
        }
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
            Err(why) => {
                tracing::error!(%index, %generation, failure = %why, "a generation could not be prepared");
                let times = self.failed.get(&under.of).map_or(0, |failed| failed.times) + 1;
                let pause =
                    PREPARE_AGAIN_AFTER.saturating_mul(2_u32.saturating_pow(times)).min(PREPARE_AGAIN_AFTER_MAX);
                let again = Instant::now() + pause;
                let Preparation { of, rollout, attempt, .. } = under;
                self.failed.insert(of, Failed { why, rollout, attempt, times, again });
            }
        }
    }

    /// Writes the replica's record, if it says something new or does not stand there as it was told.
    async fn tell(&mut self, lease: LeaseId, seen: &Seen) -> Result<Telling, Failure> {
        let record = self.record();
        if self.told.is(&record, seen) {
            return Ok(Telling::Known);
        }
        for _ in 0..TELL_TRIES {
            let committed = self.store.commit(self.told.txn(&record, lease)?).await;
            match committed.map_err(|error| Failure::new(ErrorCode::CoordinationUnavailable, error))? {
                Commit::Committed { revision } => {
                    self.told.tell(record, revision);
                    return Ok(Telling::Known);
                }
                Commit::Conflict { which: Condition::LeaseHolds(_) } => return Ok(Telling::LeaseEnded),
                Commit::Conflict { which: Condition::KeyAt { .. } | Condition::KeyAbsent { .. } } => {
                    self.told.look(&*self.store).await.map_err(|error| store_failure(&error))?;
                }
            }
        }
        Err(Failure::new(ErrorCode::CoordinationUnavailable, "something else came to stand there each time"))
    }

    fn record(&self) -> NodeRecord {
        let mut generations: BTreeMap<_, _> = BTreeMap::new();
        let mut left = ALL_WHYS_CHARS_MAX;
        let mut shown = |failure: &Failure| shown(failure, &mut left);
        let is_behind = |key: &(IndexUuid, Generation)| {
            self.following.as_ref().is_some_and(|following| !following.has_caught_up(*key))
        };
        for (key, held) in self.holder.held() {
            let prepared = match held {
                Ok(()) if is_behind(&key) => Prepared::Under("catching up with the primary".to_owned()),
                Ok(()) => Prepared::Ready,
                Err(failure) => {
                    Prepared::Failed { why: shown(&failure), rollout: None, attempt: 0, blame: Blame::Replica }
                }
            };
            if !self.retiring.contains(&key) {
                generations.insert(key, prepared);
            }
        }
        for (key, failed) in &self.failed {
            let blame = Blame::of(&failed.why);
            let why = shown(&failed.why);
            let Failed { rollout, attempt, .. } = *failed;
            generations.insert(*key, Prepared::Failed { why, rollout, attempt, blame });
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
            place: self.place,
            serves: BTreeMap::new(),
            replica: Some(ReplicaRecord { id: self.holder.id(), generations, heard: self.heard.clone() }),
        }
    }
}

/// Retires a generation. One that cannot be retired now is one that is being retired for a while longer: it would be tried
/// again at once.
async fn retire_in_time(holder: Arc<dyn ReplicaHolder>, key: (IndexUuid, Generation)) -> Retired {
    let retired = holder.retire(key.0, key.1).await;
    if retired.is_err() {
        sleep(RETRY_AFTER).await;
    }
    (key, retired)
}

impl Preparation {
    fn begin(holder: Arc<dyn ReplicaHolder>, new: NewGeneration) -> Self {
        let (of, rollout, attempt) = (new.key(), new.rollout, new.attempt);
        tracing::info!(index = %new.uuid, generation = %new.of.generation, dump = %new.of.dump, "preparing a generation");
        let (tell, state) = watch::channel(State::Under("waiting".to_owned()));
        let tell = Arc::new(tell);
        let work = tokio::spawn(async move {
            let says = Arc::clone(&tell);
            let progress = move |now: String| drop(says.send(State::Under(now)));
            let ended = holder.prepare(new, Arc::new(progress)).await;
            tell.send_replace(State::Ended(ended));
        });
        Self { of, rollout, attempt, state, work }
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

/// The reason in as many characters as are left for it.
fn shown(failure: &Failure, left: &mut usize) -> String {
    let shown: String = failure.message.chars().take(WHY_CHARS_MAX.min(*left)).collect();
    *left -= shown.chars().count();
    if shown.is_empty() { "see the log of the replica".to_owned() } else { shown }
}

/// Waits until a preparation says something new, or has ended.
async fn hear(under: &mut Option<Preparation>) {
    match under {
        Some(under) => under.says().await,
        None => pending().await,
    }
}

/// Waits until something that is served may have caught up with its primary.
async fn one_settled(following: Option<&Following>) {
    match following {
        Some(following) => following.one_settled().await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;

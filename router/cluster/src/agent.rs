//! What makes a node hold what the catalogue says, and tells the cluster what it serves.

mod dumping;
mod forwarding;
pub mod replica;
mod restoring;
mod sealing;
mod steps;
mod told;

use crate::change::Change;
use crate::commit::{Decision, decide, decide_as, store_failure, txn};
use crate::decide::{FolderTerm, OlderFolder, check_layout, claim_term, found, served_last, to_begin_anew};
use crate::mirror::{Mirror, Seen, Then, read};
use crate::moment::until;
use crate::reconcile::{HeldShard, Plan, Restore};
use crate::record::{DumpedShard, Key, LayoutId, NodeId, NodeRecord, Place, Role, Served};
use crate::records::Records;
use crate::serving::{Serving, Tenure};
use crate::table::Reach;
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_coordination::election::{ElectionError, ElectionName, FencedCommitError, Terms};
use annuli_coordination::{
    Commit, CommitError, Condition, CoordinationStore, Election, Epoch, KeptLease, Leadership, LeaseId, Ttl,
};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::DumpId;
use async_trait::async_trait;
use dumping::Dumping;
use forwarding::Forwarding;
use restoring::Restoring;
use sealing::Sealing;
use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use told::Told;

/// Between two tries of what has failed: a full disk, a store that does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a shard stays without a primary when its process is silent: long enough for a busy machine, short enough for
/// those who wait.
const LEASE: Duration = Duration::from_secs(5);

/// How often a record is written in a row, each time in the place of what stands there: of writes whose answers were lost some
/// may arrive meanwhile.
const TELL_TRIES: usize = 3;

/// How long a campaign takes that nobody disputes, at most.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// The folder of a node.
#[async_trait]
pub trait Holder: Send + Sync {
    /// What is in it.
    fn held(&self) -> BTreeMap<IndexName, HeldShard>;

    /// Makes the empty shard of a new index, unless it is there; returns its line of writes.
    async fn make(&self, name: &IndexName, uuid: IndexUuid, schema: &IndexSchema) -> Result<HistoryId, Failure>;

    /// Makes the shard of an index from a dump, unless it is there; returns its line of writes.
    async fn restore(&self, uuid: IndexUuid, restore: &Restore) -> Result<HistoryId, Failure>;

    /// Lets the shard of an index go on in a history that no other has, from where it stands; returns it.
    async fn begin_anew(&self, name: &IndexName, uuid: IndexUuid) -> Result<HistoryId, Failure>;

    /// Nobody wants the restore of that index any longer: it ends as soon as it can.
    fn give_up(&self, uuid: IndexUuid);

    /// The shard of an index, if it is there.
    fn shard(&self, uuid: IndexUuid) -> Option<Arc<dyn ShardApi>>;

    /// Keeps what was written to the shard of an index behind that write, so that it can be told what has changed since;
    /// `None`: as much as usual.
    fn keep_log(&self, uuid: IndexUuid, behind: Option<Seq>);

    /// When it served.
    fn term(&self) -> FolderTerm;

    /// Writes down when it served: on the disk when this returns.
    async fn keep_term(&self, term: FolderTerm) -> Result<(), Failure>;

    /// Puts the shard of an index into the store of dumps, as its part of that dump.
    async fn dump(&self, uuid: IndexUuid, dump: DumpId) -> Result<DumpedShard, Failure>;

    /// Removes the shard of an index that had this name, if it is there.
    async fn remove(&self, name: &IndexName, uuid: IndexUuid) -> Result<(), Failure>;
}

/// Who a node is.
#[derive(Debug, Clone)]
pub struct Post {
    /// This run of the process.
    pub node: NodeId,
    /// Where routers reach it: `host:port`.
    pub address: String,
    /// The shard that it holds.
    pub shard: ShardId,
    /// Shards of the cluster, as it is or as it is about to be.
    pub shards: ShardCount,
    /// What to do if another folder served the shard last.
    pub older: OlderFolder,
}

/// Keeps one node in step with the catalogue.
pub struct Agent {
    store: Arc<dyn CoordinationStore>,
    mirror: Mirror,
    holder: Arc<dyn Holder>,
    post: Post,
    place: Place,
    /// How the primaries of another layout are reached.
    reach: Arc<dyn Reach>,
    serving: Arc<Serving>,
    /// Dumps that get this process's shards now.
    dumping: Dumping,
    /// Shards that are made of dumps.
    restoring: Restoring,
    /// Shards that come from another layout.
    forwarding: Forwarding,
    /// Indexes that take no writes since they move.
    sealing: Sealing,
    /// What the cluster was told last.
    told: Told,
}

impl Agent {
    /// Joins the cluster, which has as many shards as the post says.
    ///
    /// # Errors
    /// When the cluster has another number of shards, or the store does not answer.
    pub async fn join(
        store: Arc<dyn CoordinationStore>,
        holder: Arc<dyn Holder>,
        post: Post,
        serving: Arc<Serving>,
        reach: Arc<dyn Reach>,
    ) -> Result<Self, Failure> {
        let (mirror, place) = enter(&store, &post).await?;
        let (dumping, restoring) = (Dumping::default(), Restoring::default());
        let (forwarding, sealing, told) = (Forwarding::default(), Sealing::default(), Told::nothing(post.node));
        Ok(Self { store, mirror, holder, post, place, reach, serving, dumping, restoring, forwarding, sealing, told })
    }

    /// Runs for the primary of the shard and, elected, serves; for as long as the future is polled.
    pub async fn run(mut self) {
        let shard = self.post.shard;
        let mut election = self.election();
        loop {
            if let Err(failure) = check_layout(&self.mirror.seen().records, self.place) {
                tracing::error!(%failure, "this process serves nothing any longer");
                self.refuse_all(&self.mirror.seen().records, &failure);
                return pending().await;
            }
            let ended = match self.may_claim() {
                Ok(()) => self.lead(&mut election).await,
                Err(failure) => self.stand_aside(&failure).await,
            };
            if let Err(failure) = ended {
                tracing::warn!(%failure, "this process is the primary of shard {shard} no longer, or not yet");
            }
            // What cannot last is not begun again at once.
            sleep(RETRY_AFTER).await;
        }
    }

    /// Whether this folder may serve, as far as is known now.
    fn may_claim(&self) -> Result<(), Failure> {
        let (seen, folder) = (self.mirror.seen(), self.holder.term());
        claim_term(&seen.records, self.place, folder, Epoch(0), self.post.older).map(drop)
    }

    /// Waits until this process is elected, and serves until it is not.
    async fn lead(&mut self, election: &mut Election) -> Result<(), Failure> {
        let shard = self.post.shard;
        let elected = self.campaign(election).await;
        let leadership =
            elected.map_err(|error| Failure::new(ErrorCode::CoordinationUnavailable, format_args!("{error}")))?;
        let leadership = Arc::new(leadership);
        tracing::info!(epoch = %leadership.epoch(), "this process is the primary of shard {shard}");
        let ended = tokio::select! {
            biased;
            ended = leadership.ended() => {
                Err(Failure::new(ErrorCode::CoordinationUnavailable, format_args!("its seat is lost: {ended:?}")))
            }
            served = self.serve(&leadership) => served,
        };
        self.serving.hold(None);
        if let Some(leadership) = Arc::into_inner(leadership) {
            // It ends by itself if this fails.
            let _ = leadership.step_down().await;
        }
        ended
    }

    /// Serves nothing and leaves the seat to others, until this folder may serve.
    async fn stand_aside(&mut self, failure: &Failure) -> Result<(), Failure> {
        tracing::error!(%failure, "this process serves nothing");
        let ttl = Ttl::new(LEASE).expect("within the bounds of a lease");
        let lease = KeptLease::grant(Arc::clone(&self.store), ttl).await.map_err(|error| store_failure(&error))?;
        let record = NodeRecord { role: Role::Aside, ..self.record(&Plan::default()) };
        let change = Change::new().put(Key::Node(self.post.node), record.encode());
        self.store
            .commit(txn(&change, Some(lease.id()))?)
            .await
            .map_or_else(|error| Err(Failure::new(ErrorCode::CoordinationUnavailable, error)), |_| Ok(()))?;
        let mut changes = self.mirror.changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            self.refuse_all(&seen.records, failure);
            if self.may_claim().is_ok() || check_layout(&seen.records, self.place).is_err() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = lease.lost() => return Err(lost()),
                changed = changes.changed() => changed.expect("the mirror is this agent's own"),
            }
        }
    }

    fn election(&self) -> Election {
        let name = ElectionName::new(&format!("primary-{}", self.place)).expect("a short word and a number");
        let ttl = Ttl::new(LEASE).expect("within the bounds of a lease");
        // A primary is not exchanged now and then: its documents are on its disk.
        let terms = Terms { ttl, term: None, rest: Duration::ZERO };
        Election::new(Arc::clone(&self.store), name, &self.post.address, terms)
    }

    async fn campaign(&self, election: &mut Election) -> Result<Leadership, ElectionError> {
        let mut campaign = pin!(election.campaign());
        tokio::select! {
            biased;
            elected = &mut campaign => return elected,
            () = sleep(SAY_AFTER) => {}
        }
        tracing::info!("another process is the primary of shard {}: standing by", self.post.shard);
        campaign.await
    }

    /// Keeps in step with the catalogue.
    ///
    /// # Errors
    /// When the lease of the node's record cannot be had, or was lost.
    async fn serve(&mut self, leadership: &Arc<Leadership>) -> Result<(), Failure> {
        let ttl = Ttl::new(LEASE).expect("within the bounds of a lease");
        let lease = KeptLease::grant(Arc::clone(&self.store), ttl).await.map_err(|error| store_failure(&error))?;
        // What the cluster was told under an earlier lease has gone with it.
        self.told.forget();
        // What it reads from another layout it reads anew: somebody else may have written to its shards since.
        self.forwarding.end().await;
        let claimed = self.claim(leadership).await?;
        // What an earlier primary has said stood there before: that its shard is sealed, or has all that it gets.
        let mut seen = self.mirror.changes();
        seen.wait_for(|seen| seen.has(&claimed)).await.expect("the mirror is this agent's own");
        // Not before: what it served in an earlier term, another folder may have served since.
        self.serving.hold(Some(&(Arc::clone(leadership) as _)));
        let mut changes = self.mirror.changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            check_layout(&seen.records, self.place)?;
            let plan = self.step(&seen.records, leadership).await;
            let mut failing = plan.serves.values().any(Result::is_err);
            failing |= self.move_on(&plan, leadership).await.is_err();
            failing |= self.dump(&plan, leadership).await.is_err();
            match self.tell((&plan, &seen), leadership, lease.id()).await {
                Ok(()) => {}
                Err(NotTold::Lost(failure)) => return Err(failure),
                // The store is away: what was told stands for as long as the leases hold.
                Err(NotTold::Later(error)) => {
                    tracing::warn!(%error, "the cluster is not told yet what this process serves");
                    failing = true;
                }
                Err(NotTold::Overtaken) => failing = true,
                Err(NotTold::TooMuch(failure)) => {
                    tracing::error!(%failure, "the cluster cannot be told what this process serves");
                    failing = true;
                }
            }
            let overdue = self.sealing.next(Instant::now());
            tokio::select! {
                biased;
                () = lease.lost() => return Err(lost()),
                changed = changes.changed() => changed.expect("the mirror is this agent's own"),
                () = until(overdue) => {}
                () = self.dumping.one_ended() => {}
                () = self.restoring.one_ended() => {}
                () = self.forwarding.one_said() => {}
                () = sleep(RETRY_AFTER), if failing => {}
            }
        }
    }

    /// Makes this folder the one that serves the shard.
    ///
    /// # Errors
    /// When it may not, or that could not be written.
    async fn claim(&self, leadership: &Leadership) -> Result<Then, Failure> {
        let (place, folder, epoch) = (self.place, self.holder.term(), leadership.epoch());
        let shard = place.shard;
        let claim = |records: &Records| claim_term(records, place, folder, epoch, self.post.older);
        let seen = read(&*self.store).await.map_err(|error| store_failure(&error))?;
        claim(&seen.records)?;
        // Before anything says that this folder is the one: nobody would know later that it was not.
        if !served_last(&seen.records, place, folder) {
            for (name, uuid) in to_begin_anew(&seen.records, place, &self.holder.held()) {
                let history = self.holder.begin_anew(&name, uuid).await?;
                tracing::warn!(index = %name, %history, "shard {shard} is of a folder that did not serve last: it has a new history");
            }
        }
        // In the folder first: if it is killed in between, it knows that it may have been the one.
        let last = seen.records.terms.get(&place).map(|last| last.record.epoch);
        self.holder.keep_term(folder.beginning(last, epoch)).await?;
        let ((), then) =
            decide_as(leadership, &*self.store, |records| Ok(Decision::Write(claim(records)?, ()))).await?;
        self.holder.keep_term(FolderTerm { served: Some(epoch), begun: None }).await?;
        Ok(then)
    }

    /// Serves nothing, and says why: of what is not even here, that.
    fn refuse_all(&self, records: &Records, failure: &Failure) {
        let mut plan = self.plan(records);
        plan.serves.values_mut().filter(|serves| serves.is_ok()).for_each(|serves| *serves = Err(failure.clone()));
        self.serving.publish(&plan.serves, &plan.sealed);
    }

    /// Writes the node's record, if it says something new or does not stand there as it was told.
    async fn tell(
        &mut self,
        (plan, seen): (&Plan, &Seen),
        leadership: &Leadership,
        lease: LeaseId,
    ) -> Result<(), NotTold> {
        let record = self.record(plan);
        if self.told.is(&record, seen) {
            return Ok(());
        }
        for _ in 0..TELL_TRIES {
            let txn = self.told.txn(&record, lease).map_err(NotTold::TooMuch)?;
            match leadership.commit(txn).await {
                Ok(Commit::Committed { revision }) => {
                    self.told.tell(record, revision);
                    return Ok(());
                }
                Ok(Commit::Conflict { which: Condition::LeaseHolds(_) }) => return Err(NotTold::Lost(lost())),
                Ok(Commit::Conflict { which: Condition::KeyAt { .. } | Condition::KeyAbsent { .. } }) => {
                    self.told.look(&*self.store).await.map_err(|error| NotTold::Later(error.into()))?;
                }
                Err(FencedCommitError::NoLongerLeader(error)) => {
                    return Err(NotTold::Lost(Failure::new(ErrorCode::CoordinationUnavailable, error)));
                }
                Err(FencedCommitError::Commit(error)) => return Err(NotTold::Later(error)),
            }
        }
        Err(NotTold::Overtaken)
    }

    fn record(&self, plan: &Plan) -> NodeRecord {
        let served = |serves: &Result<(), Failure>| match serves {
            Ok(()) => Served::Ready,
            Err(_) => Served::Unavailable,
        };
        NodeRecord {
            address: self.post.address.clone(),
            role: Role::Primary,
            place: self.place,
            replica: None,
            serves: plan.serves.iter().map(|(uuid, serves)| (*uuid, served(serves))).collect(),
        }
    }
}

/// Enters the cluster of that many shards, which the first to enter founds; returns the place of the process in it.
async fn enter(store: &Arc<dyn CoordinationStore>, post: &Post) -> Result<(Mirror, Place), Failure> {
    let founding = |records: &Records| match found(records, post.shards) {
        Ok((layout, None)) => Ok(Decision::Stands(layout)),
        Ok((layout, Some(change))) => Ok(Decision::Write(change, layout)),
        Err(other) => Err(Failure::new(ErrorCode::InvalidRequest, other)),
    };
    let (layout, _): (LayoutId, _) = decide(&**store, founding).await?;
    let mirror = Mirror::start(Arc::clone(store), |_, _| {}).await.map_err(|error| store_failure(&error))?;
    Ok((mirror, Place { layout, shard: post.shard }))
}

impl Tenure for Leadership {
    fn holds(&self) -> bool {
        Leadership::holds(self)
    }
}

/// Why a node's record was not written.
enum NotTold {
    /// It may not be, any longer.
    Lost(Failure),
    /// It could not be now.
    Later(CommitError),
    /// Each time something else had just come to stand there.
    Overtaken,
    /// There is too much to say.
    TooMuch(Failure),
}

fn lost() -> Failure {
    Failure::new(ErrorCode::CoordinationUnavailable, "the lease of this process's record has ended")
}

#[cfg(test)]
mod tests;

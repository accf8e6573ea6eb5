//! The coordinator: whoever of the routers is elected carries out what is due.
//!
//! It has nothing but the records to go by, and each of its commits holds only while it is the one that is elected: one
//! that was stopped and goes on too late writes nothing. What it does in the store of dumps before a commit is harmless
//! to do twice, or in vain.

mod leading;
mod refresh;
mod waiting;

pub use leading::Leading;
pub use refresh::Schedule;

use crate::catalogue::ClusterCatalogue;
use crate::commit::{Decision, decide_as};
use crate::coordinate::{Keeping, Step, change, due, dump_of};
use crate::decide::{begin_dump, begin_reshard, commit_dump, fail_dump};
use crate::mirror::Then;
use crate::moment::until;
use crate::operations::asked;
use crate::record::{DumpRecord, TaskId};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::election::{ElectionError, ElectionName, Terms};
use annuli_coordination::{CoordinationStore, Election, Leadership, Ttl};
use annuli_core::{IndexSchema, IndexUuid};
use annuli_dump::{
    BeginDumpError, CreatedAt, DeleteDumpError, DumpId, DumpStore, Manifest, ManifestHead, SchemaRecord,
};
use futures_util::future::BoxFuture;
use refresh::{Refresh, Wanted};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;
use waiting::Waiting;

/// The election of the coordinator.
pub(crate) fn election() -> ElectionName {
    ElectionName::new("coordinator").expect("a short word")
}

/// How long the cluster goes without a coordinator when its process is silent.
const LEASE: Duration = Duration::from_secs(5);

/// How long who has coordinated lets the others go first.
const REST: Duration = Duration::from_secs(1);

/// Between two tries of what has failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often the beginning or the end of a dump is tried, before it is given up.
const TRIES_MAX: u32 = 10;

/// Longest wait of the coordinator until it sees what it has written.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How a process coordinates, when it is its turn.
#[derive(Debug, Clone)]
pub struct CoordinatorSettings {
    /// What the others call it: where it is reached.
    pub name: String,
    /// What is kept, and for how long.
    pub keeping: Keeping,
    /// When indexes are dumped and rolled out by themselves.
    pub schedule: Schedule,
    /// How long one coordinates before the others have their turn; without end if there is none.
    pub term: Option<Duration>,
}

/// Where ids and times come from.
#[derive(Debug, Clone, Copy)]
pub struct Origins {
    /// Ids that are ordered by time.
    pub new_uuid: fn() -> Uuid,
    /// Now, as RFC 3339 has it.
    pub utc_now: fn() -> String,
}

/// Work in the store of dumps: it blocks.
pub type StoreWork = Box<dyn FnOnce() + Send>;

/// Runs work in the store of dumps to its end.
pub type RunStoreWork = fn(StoreWork) -> BoxFuture<'static, ()>;

/// A candidate for the coordinator.
pub struct Coordinator {
    store: Arc<dyn CoordinationStore>,
    catalogue: Arc<ClusterCatalogue>,
    dumps: DumpStore,
    settings: CoordinatorSettings,
    origins: Origins,
    leading: Leading,
    run_store_work: RunStoreWork,
}

impl Coordinator {
    /// A candidate that works on the records of that catalogue and on the dumps of that store.
    pub fn new(
        store: Arc<dyn CoordinationStore>,
        catalogue: Arc<ClusterCatalogue>,
        dumps: DumpStore,
        settings: CoordinatorSettings,
        origins: Origins,
    ) -> Self {
        let leading = Leading::default();
        Self { store, catalogue, dumps, settings, origins, leading, run_store_work: run_beside }
    }

    /// Whether it coordinates, for whoever wants to know while it runs.
    pub fn leading(&self) -> Leading {
        self.leading.clone()
    }

    /// Lets its work in the store of dumps be run otherwise than on a thread of its own: a simulation has one thread, and
    /// says when things happen.
    #[must_use]
    pub fn with_store_work_run_by(self, run_store_work: RunStoreWork) -> Self {
        Self { run_store_work, ..self }
    }

    /// Runs for coordinator and, elected, coordinates; for as long as the future is polled.
    pub async fn run(self) {
        let ttl = Ttl::new(LEASE).expect("within the bounds of a lease");
        let terms = Terms { ttl, term: self.settings.term, rest: REST };
        let mut election = Election::new(Arc::clone(&self.store), election(), &self.settings.name, terms);
        let mut outlook = Outlook { waiting: Waiting::default(), refresh: Refresh::new(self.settings.schedule) };
        loop {
            match self.stand_by(&mut election, &mut outlook).await {
                Ok(leadership) => self.lead(leadership, &mut outlook).await,
                Err(error) => {
                    tracing::warn!(%error, "the coordinator cannot be elected now, it is tried again");
                    sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Waits until this process is elected. What is due, and since when, it sees as the one does that coordinates.
    async fn stand_by(&self, election: &mut Election, outlook: &mut Outlook) -> Result<Leadership, ElectionError> {
        let mut campaign = pin!(election.campaign());
        let mut changes = self.catalogue.mirror().changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            outlook.look(&seen.records, &self.settings.keeping, Instant::now());
            tokio::select! {
                biased;
                elected = &mut campaign => return elected,
                changed = changes.changed() => changed.expect("the catalogue outlives its coordinator"),
            }
        }
    }

    async fn lead(&self, leadership: Leadership, outlook: &mut Outlook) {
        tracing::info!(epoch = %leadership.epoch(), "this process is the coordinator");
        self.leading.begin(leadership.epoch());
        let ended = tokio::select! {
            biased;
            ended = leadership.ended() => ended,
            () = self.coordinate(&leadership, outlook) => unreachable!("it goes on until it is stopped"),
        };
        self.leading.end();
        tracing::info!(?ended, "this process is the coordinator no longer");
        // It ends by itself if this fails.
        let _ = leadership.step_down().await;
    }

    /// Does what is due, one step after the other.
    async fn coordinate(&self, leadership: &Leadership, outlook: &mut Outlook) {
        let mut changes = self.catalogue.mirror().changes();
        loop {
            let seen = Arc::clone(&changes.borrow_and_update());
            let (records, now) = (&seen.records, Instant::now());
            outlook.look(records, &self.settings.keeping, now);
            let Outlook { waiting, refresh } = &mut *outlook;
            if let Some(step) = waiting.first(now) {
                self.take(leadership, records, step, waiting).await;
                continue;
            }
            let (next, ask) = (waiting.next(now), refresh.next(records));
            tokio::select! {
                biased;
                changed = changes.changed() => changed.expect("the catalogue outlives its coordinator"),
                () = sleep_until(next) => {}
                () = until(ask) => refresh.ask(&self.catalogue, records, Instant::now()),
                answers = refresh.answers() => {
                    let wants = |answer| refresh.wants(records, answer, Instant::now());
                    let wanted: Vec<_> = answers.iter().filter_map(wants).collect();
                    for wanted in wanted {
                        self.ask_for(leadership, &wanted).await;
                    }
                }
            }
        }
    }

    /// Writes down what is asked for by itself.
    async fn ask_for(&self, leadership: &Leadership, wanted: &Wanted) {
        let id = TaskId((self.origins.new_uuid)());
        let way = self.settings.schedule.way;
        let request = |records: &Records| asked(records, id, || wanted.request(records, id, way));
        match decide_as(leadership, &*self.store, request).await {
            Ok(((), then)) => self.catch_up(&then).await,
            Err(failure) => tracing::warn!(index = %wanted.index(), %failure, "what is due cannot be asked for"),
        }
    }

    /// Takes a step; one that fails or comes to nothing is put off, so that it keeps no other from its turn, and a dump that
    /// fails again and again is given up.
    async fn take(&self, leadership: &Leadership, records: &Records, step: Step, waiting: &mut Waiting) {
        tracing::info!(?step, "a step of the coordinator");
        let failure = match self.carry_out(leadership, records, &step).await {
            Ok(then) => {
                if matches!(then, Then::Read(_)) {
                    // It has come to nothing. If that is not because somebody else has done it, it is due again at once.
                    waiting.put_off(&step, Instant::now() + RETRY_AFTER);
                }
                return self.catch_up(&then).await;
            }
            Err(failure) => failure,
        };
        tracing::warn!(?step, %failure, "a step of the coordinator failed, it is tried again");
        let failed = waiting.failed(&step, Instant::now() + RETRY_AFTER);
        if let (Step::BeginDump(id) | Step::CommitDump(id), true) = (&step, failed >= TRIES_MAX) {
            let give_up = |records: &Records| {
                Ok(Decision::to(dump_of(*id).and_then(|dump| fail_dump(records, *id, dump, failure.clone()))))
            };
            // If this fails too, the next try comes here again.
            if let Ok(((), then)) = decide_as(leadership, &*self.store, give_up).await {
                self.catch_up(&then).await;
            }
        }
    }

    /// Waits until this process sees what it has written.
    async fn catch_up(&self, then: &Then) {
        self.catalogue.mirror().wait_to_see(Instant::now() + CATCH_UP, then).await;
    }

    async fn carry_out(&self, leadership: &Leadership, records: &Records, step: &Step) -> Result<Then, Failure> {
        if let Step::BeginDump(id) = step {
            return self.begin_dump(leadership, records, *id).await;
        }
        if let Step::CommitDump(id) = step {
            return self.commit_dump(leadership, records, *id).await;
        }
        if let Step::BeginReshard(uuid) = step {
            let id = TaskId((self.origins.new_uuid)());
            let decision = |records: &Records| {
                let begun = records.tasks.contains_key(&id);
                Ok(Decision::to(if begun { None } else { begin_reshard(records, *uuid, id) }))
            };
            return decide_as(leadership, &*self.store, decision).await.map(|((), then)| then);
        }
        if let Step::RemoveFiles(uuid, dump) = step {
            self.remove_files(*uuid, *dump).await?;
        }
        // What is due by what this process has seen may be so no longer.
        let keeping = &self.settings.keeping;
        let decision = |records: &Records| Ok(Decision::to(change(records, keeping, step)));
        decide_as(leadership, &*self.store, decision).await.map(|((), then)| then)
    }

    async fn begin_dump(&self, leadership: &Leadership, records: &Records, id: TaskId) -> Result<Then, Failure> {
        let dump = named(id)?;
        if let Some(task) = records.tasks.get(&id) {
            let uuid = task.record.uuid;
            self.in_store(move |dumps| match dumps.begin(uuid, dump) {
                // This coordinator or the one before was cut off here: the id is of this task alone.
                Ok(()) | Err(BeginDumpError::Exists { .. }) => Ok(()),
                Err(error) => Err(Failure::new(ErrorCode::StorageFailed, error)),
            })
            .await?;
        }
        let created_at = CreatedAt::new(&(self.origins.utc_now)()).map_err(|error| internal(&error))?;
        let decision = |records: &Records| Ok(Decision::to(begin_dump(records, id, dump, created_at.clone())));
        decide_as(leadership, &*self.store, decision).await.map(|((), then)| then)
    }

    async fn commit_dump(&self, leadership: &Leadership, records: &Records, id: TaskId) -> Result<Then, Failure> {
        let dump = named(id)?;
        if let (Some(stored), Some(task)) = (records.dumps.get(&dump), records.tasks.get(&id)) {
            let (record, uuid) = (stored.record.clone(), task.record.uuid);
            if let Some((_, index)) = records.index_of(uuid) {
                let schema = index.record.schema;
                self.in_store(move |dumps| write_manifest(dumps, dump, &record, &schema)).await?;
            }
        }
        let fresh = (self.origins.new_uuid)();
        let decision = |records: &Records| Ok(Decision::to(commit_dump(records, id, dump, fresh)));
        decide_as(leadership, &*self.store, decision).await.map(|((), then)| then)
    }

    async fn remove_files(&self, uuid: IndexUuid, dump: DumpId) -> Result<(), Failure> {
        self.in_store(move |dumps| match dumps.delete(uuid, dump) {
            Ok(()) | Err(DeleteDumpError::Absent(_)) => Ok(()),
            Err(error) => Err(Failure::new(ErrorCode::StorageFailed, error)),
        })
        .await
    }

    /// Works in the store of dumps, which takes its time.
    async fn in_store<R: Send + 'static>(
        &self,
        work: impl FnOnce(&DumpStore) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let (dumps, (says, done)) = (self.dumps.clone(), oneshot::channel());
        // Whoever waits for it may have gone: the leadership is over.
        (self.run_store_work)(Box::new(move || drop(says.send(work(&dumps))))).await;
        done.await.map_err(|_| internal(&"the work in the store of dumps ended without a word"))?
    }
}

/// What a process knows of what is due, whether or not it coordinates.
struct Outlook {
    waiting: Waiting,
    refresh: Refresh,
}

impl Outlook {
    fn look(&mut self, records: &Records, keeping: &Keeping, now: Instant) {
        self.waiting.renew(due(records, keeping), now);
        self.refresh.note(records, now);
    }
}

fn run_beside(work: StoreWork) -> BoxFuture<'static, ()> {
    #[expect(clippy::disallowed_methods, reason = "one at a time: the coordinator takes one step after the other")]
    let running = tokio::task::spawn_blocking(work);
    // One that was cut off in a panic has not said what came of it.
    Box::pin(async move { drop(running.await) })
}

/// Puts together what the primaries have left in the store.
fn write_manifest(dumps: &DumpStore, dump: DumpId, record: &DumpRecord, schema: &IndexSchema) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(ErrorCode::StorageFailed, error);
    let mut shards = Vec::new();
    for shard in record.shards.keys() {
        let found = dumps.record(record.uuid, dump, *shard).map_err(|error| failed(&error))?;
        let missing =
            || failed(&format_args!("dump {dump} lacks the record of shard {shard}, which its primary put there"));
        shards.push(found.ok_or_else(missing)?);
    }
    let head = ManifestHead {
        dump,
        index: record.index.clone(),
        index_uuid: record.uuid,
        created_at: record.created_at.clone(),
        schema: SchemaRecord::from(schema),
    };
    let manifest = Manifest::new(head, shards).map_err(|error| internal(&error))?;
    dumps.commit(&manifest).map_err(|error| failed(&error))
}

/// The dump that a task takes.
fn named(id: TaskId) -> Result<DumpId, Failure> {
    dump_of(id).ok_or_else(|| Failure::new(ErrorCode::Internal, format_args!("the id of task {id} names no dump")))
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, error)
}

#[cfg(test)]
mod tests;

//! A shard as others hold it.

mod failure;
mod open;
mod queue;
mod recover;

use crate::builder::Wake;
use crate::builds::Builds;
use crate::cpu_pool::CpuPool;
use crate::deadline::{Deadline, DeadlinePassed};
use crate::settings::{DELETE_STEP, JOBS_PER_SEARCH_MAX, QUERIES_PER_JOB_MIN, ShardSettings, WRITE_QUEUE_MAX};
use crate::stop::Stopper;
use crate::store::{Store, StoreError, StoreSnapshot};
use crate::view::View;
use crate::writer::{Command, WriteCommand, WriteError};
use annuli_api::shard_api::{
    ConditionalWrite, Counted, Deleted, Document, Got, Include, Listed, Outcome, Position, Read, ShardHits, ShardList,
    ShardSearch, ShardStatus, Write, Written,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, ShardId};
use arc_swap::ArcSwap;
use async_trait::async_trait;
pub(crate) use failure::store_code;
use failure::{check_position, closed};
pub use open::{OpenError, ShardParts};
use queue::{NotQueued, WriteQueue};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// A shard that is open: its store, its current view, and the threads that change them.
pub struct Shard {
    id: ShardId,
    folder: PathBuf,
    settings: ShardSettings,
    store: Arc<StoreSlot>,
    views: Arc<ArcSwap<View>>,
    queue: WriteQueue,
    builds: Arc<Builds>,
    pool: CpuPool,
    stopper: Stopper,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The store, until the shard is closed. Closing waits for who is reading, so that no file of the store is touched
/// afterwards: the same folder may then belong to another index.
pub struct StoreSlot(RwLock<Option<Store>>);

impl StoreSlot {
    pub(crate) fn new(store: Store) -> Self {
        Self(RwLock::new(Some(store)))
    }

    /// Uses the store; `None` once it is closed.
    pub fn with<R>(&self, work: impl FnOnce(&Store) -> R) -> Option<R> {
        // A panic of another reader has not changed the option.
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(work)
    }

    /// The same, without waiting for who closes it.
    fn try_with<R>(&self, work: impl FnOnce(&Store) -> R) -> Option<R> {
        self.0.try_read().ok()?.as_ref().map(work)
    }

    fn close(&self) {
        drop(self.0.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Shard {
    /// The current state.
    pub fn view(&self) -> Arc<View> {
        self.views.load_full()
    }

    /// Which shard this is.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The shard's folder; its store is in `db` below it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies the store into `db` in `folder`, which must be empty, and the segments into `segments` there, each under
    /// its number; returns the view that belongs to the copies. Waits for the writes that stand before it in the queue;
    /// those behind go on.
    pub fn capture(&self, folder: PathBuf) -> Result<View, WriteError> {
        let (reply, receiver) = oneshot::channel();
        self.queue.send(Command::Capture { folder, reply }).map_err(|_| WriteError::Closed)?;
        receiver.blocking_recv().unwrap_or(Err(WriteError::Closed))
    }

    /// Finishes what is queued, ends the threads and closes the files. Whoever still holds the shard gets errors.
    /// Blocks until it is done.
    pub fn close(&self) {
        self.stopper.stop();
        // A writer that is gone already has nothing to finish.
        let _ = self.queue.send(Command::Stop);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!(shard = self.id.0, "a thread of the shard ended in a panic");
            }
        }
        self.queue.close();
        self.store.close();
    }

    async fn write_batch(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        let (reply, receiver) = oneshot::channel();
        match self.queue.try_send(Command::Write(WriteCommand { writes, deadline, reply })) {
            Ok(()) => {}
            Err(NotQueued::Full) => {
                let message = format!("{WRITE_QUEUE_MAX} batches wait for shard {}, it takes no more", self.id);
                return Err(Failure::new(ErrorCode::Overloaded, message));
            }
            Err(NotQueued::Closed) => return Err(closed(self.id)),
        }
        let written = receiver.await.map_err(|_| closed(self.id))?;
        Ok(written?)
    }

    /// Runs `work` on the pool with the current view, checked against the position that the caller knows.
    async fn read<R: Send + 'static>(
        &self,
        after: Option<Position>,
        deadline: Instant,
        work: impl FnOnce(&View) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let view = self.view();
        check_position(self.id, view.position, after)?;
        let result = self.pool.run(move || {
            Deadline(deadline).check()?;
            work(&view)
        });
        result.await?
    }

    /// Runs `work` on the pool with a snapshot of the store, and says which position that is.
    async fn read_store<R: Send + 'static>(
        &self,
        read: Read,
        deadline: Instant,
        work: impl FnOnce(&StoreSnapshot<'_>) -> Result<R, ReadError> + Send + 'static,
    ) -> Result<(R, Position), Failure> {
        let (store, views, id) = (Arc::clone(&self.store), Arc::clone(&self.views), self.id);
        self.read(read.after, deadline, move |view| {
            let look = |store: &Store| {
                let snapshot = store.snapshot();
                Ok::<_, ReadError>((work(&snapshot)?, snapshot.seq()?))
            };
            let (result, seq) = store.with(look).ok_or_else(|| closed(id))??;
            // What is committed is about to be published. The caller may ask for this position next, of a view.
            while views.load().position.seq < seq {
                Deadline(deadline).check()?;
                std::thread::yield_now();
            }
            Ok((result, Position { seq, ..view.position }))
        })
        .await
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl ShardApi for Shard {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        self.write_batch(writes, deadline).await
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        let find = move |view: &View| Ok(view.matching(&filter, Deadline(deadline))?);
        let matching = self.read(None, deadline, find).await?;
        let mut deleted = 0;
        let mut position = self.view().position;
        for step in matching.chunks(DELETE_STEP) {
            let delete = |(id, seq): &(DocId, _)| ConditionalWrite {
                write: Write::Delete { id: id.clone() },
                if_seq: Some(*seq),
            };
            let written = self.write_batch(step.iter().map(delete).collect(), deadline).await;
            let written = written.map_err(|failure| failure::after_deletes(failure, deleted))?;
            deleted += written.outcomes.iter().filter(|&&outcome| outcome == Outcome::Written).count() as u64;
            position = written.position;
        }
        Ok(Deleted { deleted, position })
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        let view = self.view();
        check_position(self.id, view.position, search.read.after)?;
        for query in search.queries.iter() {
            view.schema.check(query).map_err(|error| failure::unfit_query(&error))?;
        }
        let position = view.position;
        if search.queries.len() < 2 * QUERIES_PER_JOB_MIN {
            let all = 0..search.queries.len();
            let short = view.is_short(&search);
            let job = move || {
                let allowed = view.allowed(search.filter.as_deref(), Deadline(deadline))?;
                search_some(&view, &search, &allowed, all, deadline)
            };
            let results = if short { self.pool.run_short(job).await } else { self.pool.run(job).await };
            return Ok(ShardHits { results: results??, position });
        }
        self.search_side_by_side(view, search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        let find = move |snapshot: &StoreSnapshot<'_>| {
            let get = |id: DocId| Ok(snapshot.document(&id)?.map(|found| document(id, found, read.include)));
            ids.into_iter().map(get).collect::<Result<_, _>>()
        };
        let (documents, position) = self.read_store(read, deadline, find).await?;
        Ok(Got { documents, position })
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        let find = move |snapshot: &StoreSnapshot<'_>| {
            let mut page = Vec::new();
            for (row, entry) in snapshot.documents(list.behind.as_ref()).enumerate() {
                if page.len() == list.limit {
                    break;
                }
                Deadline(deadline).look_at(row)?;
                let (id, found) = entry?;
                if list.filter.as_deref().is_none_or(|filter| filter.matches(&found.metadata)) {
                    page.push(document(id, found, read.include));
                }
            }
            Ok(page)
        };
        let (documents, position) = self.read_store(read, deadline, find).await?;
        Ok(Listed { documents, position })
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.read(read.after, deadline, move |view| {
            let count = view.count(filter.as_deref(), Deadline(deadline))? as u64;
            Ok(Counted { count, position: view.position })
        })
        .await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let view = self.view();
        Ok(ShardStatus {
            shard: self.id,
            position: view.position,
            documents: view.live() as u64,
            pending: view.pending(self.settings) as u64,
            queued: self.queue.len() as u64,
            store_bytes: self.store.try_with(Store::bytes).unwrap_or(0),
            segments: view.segments_status(),
            tail: view.tail_status(),
            seal: self.builds.seal(),
            merge: self.builds.merge(),
        })
    }
}

impl Shard {
    /// Spreads the queries of a large request over the threads of the pool.
    async fn search_side_by_side(
        &self,
        view: Arc<View>,
        search: ShardSearch,
        deadline: Instant,
    ) -> Result<ShardHits, Failure> {
        let position = view.position;
        let search = Arc::new(search);
        let allowed = {
            let (view, search) = (Arc::clone(&view), Arc::clone(&search));
            let find = move || view.allowed(search.filter.as_deref(), Deadline(deadline)).map(Arc::new);
            self.pool.run(find).await??
        };
        let queries = search.queries.len();
        let queries_per_job = queries.div_ceil(JOBS_PER_SEARCH_MAX).max(QUERIES_PER_JOB_MIN);
        let jobs = (0..queries).step_by(queries_per_job).map(|start| {
            let (view, search, allowed) = (Arc::clone(&view), Arc::clone(&search), Arc::clone(&allowed));
            let some = start..queries.min(start + queries_per_job);
            self.pool.run(move || search_some(&view, &search, &allowed, some, deadline))
        });
        let mut results = Vec::with_capacity(queries);
        for result in futures_util::future::join_all(jobs).await {
            results.extend(result??);
        }
        Ok(ShardHits { results, position })
    }
}

fn search_some(
    view: &View,
    search: &ShardSearch,
    allowed: &crate::view::Allowed,
    some: std::ops::Range<usize>,
    deadline: Instant,
) -> Result<Vec<Vec<annuli_api::shard_api::ShardHit>>, Failure> {
    let nearest = |query| Ok(view.nearest(query, search, allowed, Deadline(deadline))?);
    search.queries[some].iter().map(nearest).collect()
}

/// Why a read of the store has no result.
enum ReadError {
    Store(StoreError),
    Deadline(DeadlinePassed),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DeadlinePassed> for ReadError {
    fn from(passed: DeadlinePassed) -> Self {
        Self::Deadline(passed)
    }
}

fn document(id: DocId, found: crate::store::document::StoredDocument, include: Include) -> Document {
    Document {
        id,
        seq: found.seq,
        vector: include.vector.then_some(found.vector),
        metadata: include.metadata.then_some(found.metadata),
    }
}

/// Tells the builder to look for work at once.
fn wake_at_start(wake: &Wake) {
    wake.wake();
}

//! A shard as others hold it.

mod changes;
mod documents;
mod failure;
mod log_kept;
mod queue;
mod reading;
mod recover;

mod following;
mod frozen;
mod open;

use crate::builder::Wake;
use crate::builds::Builds;
use crate::deadline::Deadline;
use crate::settings::{DELETE_STEP, ShardSettings, WRITE_QUEUE_MAX};
use crate::stop::Stopper;
use crate::store::Store;
use crate::view::View;
use crate::writer::{Command, WriteCommand, WriteError};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Outcome, Read, ShardHits, ShardList,
    ShardSearch, ShardStatus, Write, Written,
};
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Seq, ShardId};
use async_trait::async_trait;
use failure::closed;
pub(crate) use failure::store_code;
pub use following::{Ended, FollowError, Told};
pub use frozen::{FrozenShard, OpenFrozenError};
pub(crate) use log_kept::LogKept;
pub use open::{OpenError, ShardParts};
use queue::{NotQueued, WriteQueue};
use reading::Reading;
pub(crate) use recover::Found;
pub use recover::Lost;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// A shard that is open: its store, its current view, and the threads that change them.
pub struct Shard {
    reading: Reading,
    folder: PathBuf,
    settings: ShardSettings,
    queue: WriteQueue,
    builds: Arc<Builds>,
    log_kept: LogKept,
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
    pub(crate) fn try_with<R>(&self, work: impl FnOnce(&Store) -> R) -> Option<R> {
        self.0.try_read().ok()?.as_ref().map(work)
    }

    fn close(&self) {
        drop(self.0.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Shard {
    /// The current state.
    pub fn view(&self) -> Arc<View> {
        self.reading.view()
    }

    /// Keeps the changes of the log that are behind this, however many there are; `None`: as many as usual.
    pub fn keep_log(&self, behind: Option<Seq>) {
        self.log_kept.keep(behind);
    }

    /// Which shard this is.
    pub fn id(&self) -> ShardId {
        self.reading.id
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
                tracing::error!(shard = self.id().0, "a thread of the shard ended in a panic");
            }
        }
        self.queue.close();
        self.reading.store.close();
    }

    async fn write_batch(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        let (reply, receiver) = oneshot::channel();
        match self.queue.try_send(Command::Write(WriteCommand { writes, deadline, reply })) {
            Ok(()) => {}
            Err(NotQueued::Full) => {
                let message = format!("{WRITE_QUEUE_MAX} batches wait for shard {}, it takes no more", self.id());
                return Err(Failure::new(ErrorCode::Overloaded, message));
            }
            Err(NotQueued::Closed) => return Err(closed(self.id())),
        }
        let written = receiver.await.map_err(|_| closed(self.id()))?;
        Ok(written?)
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
        let matching = self.reading.read(None, deadline, find).await?;
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
        self.reading.search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        self.reading.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        self.reading.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.reading.count(filter, read, deadline).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        self.reading.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let view = self.view();
        Ok(ShardStatus {
            pending: view.pending(self.settings) as u64,
            queued: self.queue.len() as u64,
            seal: self.builds.seal(),
            merge: self.builds.merge(),
            ..self.reading.status_of(&view)
        })
    }
}

/// Tells the builder to look for work at once.
fn wake_at_start(wake: &Wake) {
    wake.wake();
}

//! The store of one host: a folder on a local disk that any number of processes share, with nothing to install.
//!
//! ```text
//! <folder>/lock                locked for each commit; the holder's process id
//! <folder>/head                which log is the last, and up to where it is durable
//! <folder>/log.<generation>    the state when it began, and every transaction since, each with a checksum
//! <folder>/leases/<lease>      locked by its holder; a counter that the holder moves on
//! ```
//!
//! What is guaranteed:
//! - A commit is acknowledged after its record is on the disk. It happens under the lock, after all that came before it was
//!   read: commits are one after the other, and their conditions are looked at with none between.
//! - A process that is killed in the middle of a commit leaves its record whole or torn. Whole, it counts though nobody was
//!   told; torn, the next commit cuts it off. The lock goes with the process.
//! - A process that is *stopped* in the middle of a commit keeps the lock, for as long as it is stopped: the others read
//!   on and keep their leases, and their commits are refused after five seconds with the process's id.
//! - Watches of other processes see a commit within a tenth of a second.
//! - A lease ends when its holder's process ends, within a few tenths of a second of it; and when the holder does not keep
//!   it for its ttl, by the clock of whichever process looks. The end is a commit like any other. It takes a living
//!   process that has the store open; if there is none, the next one that opens it does it.
//! - A holder may be the last to learn that its lease has ended. That is what conditions are for.
//! - Whatever is damaged but the end of the log is an error that names the file. So is a log of a later release.
//!
//! `flock` must mean something on that disk: it does on local file systems.

mod clerk;
mod ledger;

mod head;
mod history;
mod log;
mod record;
mod state;

mod lease_file;
mod lock;
mod pulse;

mod request;
mod watcher;

mod disk;
mod field;

#[cfg(test)]
mod model;

use crate::clock::Clock;
use crate::key::{Key, Prefix};
use crate::lease::{Kept, Lease, LeaseId, Ttl};
use crate::limits::{REQUESTS_QUEUE_MAX, WATCH_QUEUE_MAX};
use crate::store::{CommitError, CoordinationStore, Entry, Listing, StoreError, Unavailable, Uncertain, Unusable};
use crate::txn::{Commit, Revision, Txn};
use crate::watch::Watch;
use async_trait::async_trait;
use clerk::{Books, Clerk};
use lease_file::LeaseFiles;
use ledger::{Ledger, LedgerError};
use lock::{CommitLock, TakeError};
use request::{Order, Reply, Request};
use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use tokio::sync::{mpsc, oneshot};

/// What may be chosen about an embedded store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// Bytes of the log above which it is written anew; it may become four times as large as what it holds.
    pub compact_at_bytes: u64,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        // Read within milliseconds by a process that starts.
        Self { compact_at_bytes: 4 * 1024 * 1024 }
    }
}

/// The store of one host. One for each process is enough; a thread of it does the work, and leases that were granted
/// through it end with it.
pub struct EmbeddedStore {
    name: String,
    requests: SyncSender<Request>,
}

impl EmbeddedStore {
    /// Opens the store in `folder`, which is made if it is not there. Blocks for some milliseconds, or for seconds if
    /// others hold the lock.
    pub fn open(folder: &Path, settings: EmbeddedSettings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let name = format!("the coordination store `{}`", folder.display());
        let in_words = |error| in_words(&name, error);
        let open = || {
            // Makes the folder as well.
            let leases = LeaseFiles::of(folder)?;
            let lock = CommitLock::open(folder)?;
            let held = lock.take().map_err(|error| match error {
                TakeError::Held(holder) => LedgerError::from(holder),
                TakeError::Disk(fault) => fault.into(),
            })?;
            let ledger = Ledger::open(folder, settings.compact_at_bytes, &held)?;
            leases.sweep(ledger.state().leases());
            drop(held);
            Ok((lock, Books { ledger, leases }))
        };
        let (lock, books) = open().map_err(in_words)?;
        let (requests, arriving) = sync_channel(REQUESTS_QUEUE_MAX);
        let (waiting, watchers) = (VecDeque::new(), Vec::new());
        let clerk =
            Clerk { name: name.clone(), clock, lock, books, requests: arriving, waiting, watchers, failing: false };
        let started = std::thread::Builder::new().name("coordination".to_owned()).spawn(move || clerk.run());
        started.map_err(|error| Unavailable::because(&name, error))?;
        Ok(Self { name, requests })
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply))?;
        match answer.await {
            Ok(answered) => answered.map_err(|error| in_words(&self.name, error)),
            Err(_) => Err(Uncertain::because(&self.name, ThreadEnded).into()),
        }
    }

    fn send(&self, request: Request) -> Result<(), StoreError> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Unavailable::because(&self.name, QueueFull).into(),
            TrySendError::Disconnected(_) => store_error(&self.name, ThreadEnded.into()),
        })
    }
}

#[async_trait]
impl CoordinationStore for EmbeddedStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let key = key.clone();
        self.ask(|reply| Request::Get { key, reply }).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        let prefix = prefix.clone();
        self.ask(|reply| Request::List { prefix, reply }).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
        txn.check_size()?;
        Ok(self.ask(|reply| Request::Order(Order::Commit { txn, reply })).await?)
    }

    async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError> {
        let (arrivals, watch) = mpsc::channel(WATCH_QUEUE_MAX);
        self.send(Request::Watch { prefix, after, arrivals })?;
        Ok(Watch::new(watch))
    }

    async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
        self.ask(|reply| Request::Order(Order::Grant { ttl, reply })).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
        self.ask(|reply| Request::KeepAlive { lease, reply }).await
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        let leases = vec![lease];
        self.ask(|reply| Request::Order(Order::End { leases, reply: Some(reply) })).await
    }
}

/// More waits than is done within a second.
#[derive(Debug, thiserror::Error)]
#[error("{REQUESTS_QUEUE_MAX} requests wait already: try again in a moment")]
struct QueueFull;

/// A defect, of which the log tells.
#[derive(Debug, thiserror::Error)]
#[error("its thread has ended: restart this process")]
struct ThreadEnded;

fn store_error(name: &str, reason: Box<dyn Error + Send + Sync>) -> StoreError {
    Unusable::because(name, reason).into()
}

fn in_words(name: &str, error: LedgerError) -> StoreError {
    match error {
        LedgerError::Disk(fault) => Unavailable::because(name, fault).into(),
        LedgerError::Locked(holder) => Unavailable::because(name, holder).into(),
        LedgerError::Unknown(fault) => Uncertain::because(name, fault).into(),
        LedgerError::Busy => Unavailable::because(name, QueueFull).into(),
        lasting @ (LedgerError::Damaged(_)
        | LedgerError::Log(_)
        | LedgerError::Missing { .. }
        | LedgerError::Full { .. }) => store_error(name, lasting.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Value;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;
    use tempfile::TempDir;

    /// A clock that goes on when it is told to.
    #[derive(Default)]
    struct Told(AtomicU64);

    impl Told {
        fn pass(&self, seconds: u64) {
            self.0.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    impl Clock for Told {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }
    }

    struct Folder {
        _root: TempDir,
        path: PathBuf,
        clock: Arc<Told>,
    }

    impl Folder {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("a/b");
            Self { _root: root, path, clock: Arc::default() }
        }

        fn open(&self) -> EmbeddedStore {
            self.try_open().unwrap()
        }

        fn try_open(&self) -> Result<EmbeddedStore, StoreError> {
            EmbeddedStore::open(&self.path, EmbeddedSettings::default(), self.clock.clone())
        }

        #[track_caller]
        fn check_refused(&self, expected: &str) {
            let error = self.try_open().err().expect("a store that cannot be used").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn put(text: &str) -> Txn {
        Txn::new().put(key(text), Value::new(b"1").unwrap())
    }

    async fn has(store: &EmbeddedStore, text: &str) -> bool {
        store.get(&key(text)).await.unwrap().is_some()
    }

    /// Three commits, in a log of which nothing is read any more.
    async fn written(folder: &Folder) -> PathBuf {
        let store = folder.open();
        for text in ["a", "b", "c"] {
            let _ = store.commit(put(text)).await.unwrap();
        }
        folder.path.join("log.0")
    }

    /// What is written to a file without a name, nobody will read: it must not be acknowledged.
    #[tokio::test]
    async fn a_log_whose_name_is_gone_takes_no_commits() {
        let folder = Folder::new();
        let store = folder.open();
        let _ = store.commit(put("a")).await.unwrap();
        fs::remove_file(folder.path.join("log.0")).unwrap();
        let refused = store.commit(put("b")).await.unwrap_err().to_string();
        assert!(refused.contains("log.0` is missing"), "{refused}");
    }

    #[tokio::test]
    async fn while_another_keeps_the_lock_reads_go_on_leases_are_kept_and_commits_are_refused_in_the_end() {
        let folder = Folder::new();
        let store = Arc::new(folder.open());
        let _ = store.commit(put("a")).await.unwrap();
        let lease = store.grant(Ttl::new(Duration::from_secs(60)).unwrap()).await.unwrap();
        let lock = CommitLock::open(&folder.path).unwrap();
        let held = lock.take().unwrap();
        let waiting = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.commit(put("b")).await }
        });
        assert!(has(&store, "a").await);
        assert_eq!(store.keep_alive(lease.id).await.unwrap(), Kept::Alive);
        assert!(!waiting.is_finished());
        // The clerk has the order by now or takes it later; each time it looks, the time is up.
        let refused = tokio::spawn(async move { waiting.await.unwrap() });
        while !refused.is_finished() {
            folder.clock.pass(1);
            assert!(has(&store, "a").await);
            tokio::task::yield_now().await;
        }
        let error = refused.await.unwrap().unwrap_err().to_string();
        let expected = format!("process {} has held", std::process::id());
        assert!(error.contains(&expected) && error.contains("nothing was changed"), "{error}");
        drop(held);
        assert!(!has(&store, "b").await);
    }

    #[tokio::test]
    async fn a_holder_that_is_silent_for_longer_than_the_ttl_loses_its_lease() {
        let folder = Folder::new();
        let (holder, other) = (folder.open(), folder.open());
        let lease = holder.grant(Ttl::new(Duration::from_secs(60)).unwrap()).await.unwrap();
        let leased = Txn::new().put_leased(key("a"), Value::new(b"1").unwrap(), lease.id);
        assert!(matches!(holder.commit(leased).await.unwrap(), Commit::Committed { .. }));
        let mut watch = other.watch(Prefix::all(), Revision(2)).await.unwrap();
        for _ in 0..100 {
            folder.clock.pass(1);
            assert_eq!(holder.keep_alive(lease.id).await.unwrap(), Kept::Alive);
        }
        assert!(has(&other, "a").await);
        let ended = tokio::spawn(async move { watch.next().await.unwrap() });
        while !ended.is_finished() {
            folder.clock.pass(1);
            // Each look at the key lets the clerks look at the lease now and then.
            let _ = has(&other, "a").await;
        }
        let changes = ended.await.unwrap();
        assert_eq!(changes.changes, [crate::watch::Change::Delete { key: key("a") }]);
        assert_eq!(holder.keep_alive(lease.id).await.unwrap(), Kept::Ended);
    }

    #[tokio::test]
    async fn a_torn_end_of_the_log_is_cut_off() {
        let folder = Folder::new();
        let log = written(&folder).await;
        let whole = fs::read(&log).unwrap();
        let head = folder.path.join("head");
        let record = whole.len() / 4;
        for cut in 1..record {
            // As after a power cut, of which the head knows nothing.
            fs::remove_file(&head).unwrap();
            fs::write(&log, &whole[..whole.len() - cut]).unwrap();
            let store = folder.open();
            assert!(has(&store, "b").await && !has(&store, "c").await, "{cut} bytes are missing");
            let _ = store.commit(put("d")).await.unwrap();
            assert!(has(&folder.open(), "d").await);
        }
    }

    #[tokio::test]
    async fn a_log_that_ends_before_what_the_head_says_is_damaged() {
        let folder = Folder::new();
        let log = written(&folder).await;
        let whole = fs::read(&log).unwrap();
        fs::write(&log, &whole[..whole.len() - 1]).unwrap();
        folder.check_refused("log.0` is damaged at byte");
    }

    #[tokio::test]
    async fn damage_before_the_end_is_an_error_that_names_the_file_with_or_without_a_head() {
        let folder = Folder::new();
        let log = written(&folder).await;
        let whole = fs::read(&log).unwrap();
        for remove_head in [false, true] {
            if remove_head {
                fs::remove_file(folder.path.join("head")).unwrap();
            }
            for at in 0..whole.len() * 3 / 4 {
                let mut damaged = whole.clone();
                damaged[at] ^= 4;
                fs::write(&log, damaged).unwrap();
                let error = folder.try_open().err().map(|error| error.to_string()).unwrap_or_default();
                // A version may be damaged into a later one.
                let named = error.contains("log.0` is damaged at byte") || error.contains("log.0` has format version");
                assert!(named, "byte {at}: {error}");
            }
        }
    }

    #[tokio::test]
    async fn a_log_of_a_later_release_and_a_missing_log_are_named() {
        let folder = Folder::new();
        let log = written(&folder).await;
        let mut later = fs::read(&log).unwrap();
        later[8] = 2;
        fs::write(&log, later).unwrap();
        folder.check_refused("log.0` has format version 2, this release reads up to 1: use a newer one");
        fs::remove_file(log).unwrap();
        folder.check_refused("log.0` is missing");
    }

    #[tokio::test]
    async fn a_log_whose_beginner_was_killed_before_the_head_told_of_it_is_gone_on_with() {
        let folder = Folder::new();
        written(&folder).await;
        let store = folder.open();
        let lock = CommitLock::open(&folder.path).unwrap();
        let held = lock.take().unwrap();
        let ledger = Ledger::open(&folder.path, u64::MAX, &held).unwrap();
        log::Log::create(&folder.path, 1, ledger.state()).unwrap();
        drop(held);
        let _ = store.commit(put("d")).await.unwrap();
        let other = folder.open();
        assert!(has(&other, "c").await && has(&other, "d").await);
        assert!(!folder.path.join("log.0").exists());
    }

    #[tokio::test]
    async fn a_full_store_takes_deletions_alone() {
        let folder = Folder::new();
        let store = folder.open();
        let large = Value::new(&vec![0; crate::limits::VALUE_BYTES_MAX]).unwrap();
        let fill = |n: usize| Txn::new().put(key(&n.to_string()), large.clone());
        for n in 0..63 {
            let _ = store.commit(fill(n)).await.unwrap();
        }
        let error = store.commit(fill(63)).await.unwrap_err().to_string();
        assert!(error.contains("the limit is 67108864: delete what is not needed"), "{error}");
        let _ = store.commit(Txn::new().delete(key("0"))).await.unwrap();
        let _ = store.commit(fill(63)).await.unwrap();
    }
}

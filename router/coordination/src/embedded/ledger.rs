//! The store as this process knows it, and the files that all processes share.
//!
//! A process reads on without any lock, as far as the head says. It changes something only while it holds the lock, and
//! only after it has read all that there is.

use super::disk::{DiskFault, sync_folder};
use super::head::{Head, HeadFile};
use super::history::History;
use super::lock::{Held, LockHeld};
use super::log::{AppendError, DamagedLog, DamagedOr, Log, LogError};
use super::record::{Operation, Record};
use super::state::State;
use crate::lease::{LeaseId, Ttl};
use crate::limits::{REQUESTS_QUEUE_MAX, STORE_BYTES_MAX};
use crate::txn::{Commit, Txn};
use std::fs;
use std::path::{Path, PathBuf};

/// The shared files, and what was read of them.
#[derive(Debug)]
pub(super) struct Ledger {
    folder: PathBuf,
    head: HeadFile,
    log: Log,
    state: State,
    history: History,
    /// Bytes of a log above which it is written anew.
    compact_at: u64,
}

/// Why the store did not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    /// The file system refused, and nothing was changed.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The file system refused, and what was written may be found there later.
    #[error(transparent)]
    Unknown(DiskFault),
    /// Others hold the lock.
    #[error(transparent)]
    Locked(#[from] LockHeld),
    /// As many wait for the lock already.
    #[error("{REQUESTS_QUEUE_MAX} commits wait already")]
    Busy,
    /// A file is not as it was written.
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
    /// A file is of a later release.
    #[error(transparent)]
    Log(LogError),
    /// The head tells of a log that is not there.
    #[error("`{}` is missing: bring the folder back from a copy, or start with an empty one", path.display())]
    Missing { path: PathBuf },
    /// No more fits.
    #[error("its keys and values would have {bytes} bytes, the limit is {STORE_BYTES_MAX}: delete what is not needed")]
    Full { bytes: usize },
}

impl Ledger {
    /// Opens the files in a folder, makes them if there are none, and mends what a crash has left.
    pub(super) fn open(folder: &Path, compact_at: u64, held: &Held<'_>) -> Result<Self, LedgerError> {
        let head = HeadFile::open(folder)?;
        let told = head.read()?.map(|head| head.generation);
        let newest = generations(folder)?.into_iter().max();
        let generation = match (newest, told) {
            (Some(newest), told) if told.is_none_or(|told| told <= newest) => newest,
            (None, None) => Log::create(folder, 0, &State::empty())?.generation(),
            (_, told) => return Err(LedgerError::Missing { path: Log::path(folder, told.unwrap_or_default()) }),
        };
        let (log, state) = Log::open(folder, generation)?;
        // Before an older one goes: who made it may not have lived to make its name last.
        sync_folder(folder)?;
        let history = History::beginning_after(state.revision());
        let mut ledger = Self { folder: folder.to_owned(), head, log, state, history, compact_at };
        ledger.catch_up(held)?;
        ledger.sweep();
        Ok(ledger)
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// Reads what others have made durable since.
    pub(super) fn refresh(&mut self) -> Result<(), LedgerError> {
        // Unreadable for an instant while another process writes it.
        let Some(head) = self.head.read()? else { return Ok(()) };
        if head.generation > self.log.generation() && !self.follow(head.generation)? {
            // Another log has taken its place meanwhile, of which the head tells by now.
            return Ok(());
        }
        if head.generation == self.log.generation() && head.end > self.log.end() {
            let records = self.log.read_to(head.end)?;
            self.apply(records)?;
        }
        Ok(())
    }

    /// Reads all that there is, and mends what somebody who was killed in the middle has left.
    pub(super) fn catch_up(&mut self, _held: &Held<'_>) -> Result<(), LedgerError> {
        self.refresh()?;
        // The head is a hint only. A later log may have been begun by somebody who did not live to write it, or to make
        // the log's name last.
        let newest = generations(&self.folder)?.into_iter().max();
        match newest {
            Some(newest) if newest > self.log.generation() => {
                if !self.follow(newest)? {
                    return Err(LedgerError::Missing { path: Log::path(&self.folder, newest) });
                }
                sync_folder(&self.folder)?;
            }
            Some(newest) if newest == self.log.generation() => {}
            // Ours has no name any longer: what is written there, nobody will read.
            Some(_) | None => {
                return Err(LedgerError::Missing { path: Log::path(&self.folder, self.log.generation()) });
            }
        }
        let told = self.head.read()?.filter(|head| head.generation == self.log.generation());
        let records = self.log.read_rest(told.map_or(0, |head| head.end))?;
        self.apply(records)?;
        if told != Some(self.position()) {
            self.head.write(self.position())?;
        }
        Ok(())
    }

    /// Commits a transaction. The caller has caught up under this lock.
    pub(super) fn commit(&mut self, held: &Held<'_>, txn: &Txn) -> Result<Commit, LedgerError> {
        if let Some(which) = self.state.failing(txn.conditions()) {
            return Ok(Commit::Conflict { which });
        }
        let operations = self.state.operations(txn);
        let bytes = self.state.bytes_after(&operations);
        // Deletions are always let through.
        if bytes > STORE_BYTES_MAX && bytes > self.state.bytes_after(&[]) {
            return Err(LedgerError::Full { bytes });
        }
        if !operations.is_empty() {
            self.append(held, operations)?;
        }
        Ok(Commit::Committed { revision: self.state.revision() })
    }

    /// Writes down that a lease was granted.
    pub(super) fn grant(&mut self, held: &Held<'_>, lease: LeaseId, ttl: Ttl) -> Result<(), LedgerError> {
        self.append(held, vec![Operation::Grant { lease, ttl }])
    }

    /// Ends those of the leases that have not ended.
    pub(super) fn end(&mut self, held: &Held<'_>, leases: &[LeaseId]) -> Result<(), LedgerError> {
        let standing = leases.iter().filter(|lease| self.state.leases().contains_key(lease));
        let operations: Vec<_> = standing.map(|lease| Operation::End { lease: *lease }).collect();
        if operations.is_empty() { Ok(()) } else { self.append(held, operations) }
    }

    fn append(&mut self, held: &Held<'_>, operations: Vec<Operation>) -> Result<(), LedgerError> {
        let record = self.state.next(operations);
        self.log.append(&record)?;
        self.apply(vec![record])?;
        // It is durable by now: who misses it in the head finds it in the log.
        self.head.write(self.position()).map_err(LedgerError::Unknown)?;
        if self.log.end() > self.compact_at.max(4 * self.state.bytes_after(&[]) as u64) {
            self.compact(held);
        }
        Ok(())
    }

    /// Begins a new log with the state as it is. Where that fails the old one goes on.
    fn compact(&mut self, _held: &Held<'_>) {
        let begun = Log::create(&self.folder, self.log.generation() + 1, &self.state).and_then(|log| {
            self.log = log;
            self.head.write(self.position())
        });
        match begun {
            Ok(()) => self.sweep(),
            Err(error) => tracing::warn!(%error, "the coordination log was not compacted, it goes on growing"),
        }
    }

    /// Goes on in a later log. Says no if it is not there any more.
    fn follow(&mut self, generation: u64) -> Result<bool, LedgerError> {
        let (log, state) = match Log::open(&self.folder, generation) {
            Err(LogError::Disk(fault)) if fault.is_not_found() => return Ok(false),
            opened => opened?,
        };
        // Nothing is written behind the end of a log once there is a later one: what is left of it can be read, though
        // its name may be gone.
        let records = self.log.read_to(self.log.length()?)?;
        self.apply(records)?;
        self.log = log;
        if self.state.revision() != state.revision() {
            // A whole log was missed.
            self.history = History::beginning_after(state.revision());
            self.state = state;
        }
        Ok(true)
    }

    fn apply(&mut self, records: Vec<Record>) -> Result<(), LedgerError> {
        for record in records {
            if record.revision.0 != self.state.revision().0 + 1 {
                return Err(self.log.damaged_at(self.log.end()).into());
            }
            let changes = self.state.apply(record);
            if !changes.changes.is_empty() {
                self.history.push(changes);
            }
        }
        Ok(())
    }

    const fn position(&self) -> Head {
        Head { generation: self.log.generation(), end: self.log.end() }
    }

    /// Removes earlier logs. What cannot be removed now is removed another time.
    fn sweep(&self) {
        for generation in generations(&self.folder).unwrap_or_default() {
            if generation < self.log.generation() {
                let _ = fs::remove_file(Log::path(&self.folder, generation));
            }
        }
    }
}

fn generations(folder: &Path) -> Result<Vec<u64>, DiskFault> {
    let fault = DiskFault::of("list", folder);
    let mut generations = Vec::new();
    for row in fs::read_dir(folder).map_err(&fault)? {
        let name = row.map_err(&fault)?.file_name();
        generations.extend(name.to_str().and_then(Log::generation_of));
    }
    Ok(generations)
}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Disk(fault) => Self::Disk(fault),
            LogError::Damaged(damage) => Self::Damaged(damage),
            newer @ LogError::NewerFormat { .. } => Self::Log(newer),
        }
    }
}

impl From<DamagedOr> for LedgerError {
    fn from(error: DamagedOr) -> Self {
        match error {
            DamagedOr::Disk(fault) => Self::Disk(fault),
            DamagedOr::Damaged(damage) => Self::Damaged(damage),
        }
    }
}

impl From<AppendError> for LedgerError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Undone(fault) => Self::Disk(fault),
            AppendError::Unknown(fault) => Self::Unknown(fault),
        }
    }
}

//! Dumps of an index: each shard is captured between two groups of writes, and streamed to the store while writes go
//! on.

mod archive;
mod canaries;
mod failure;
mod nearness;

use crate::clock;
use crate::deadline::DeadlinePassed;
use crate::shard::Shard;
use crate::stop::{Effort, Stop};
use crate::view::View;
use crate::writer::WriteError;
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Index, Position};
use annuli_core::{HistoryId, IndexUuid, ShardId};
use annuli_dump::{
    AppendEntryError, BeginDumpError, CommitDumpError, CreatedAt, DeleteDumpError, DumpId, DumpState, DumpStore,
    DumpSummary, EncodeCanariesError, FinishArchiveError, InvalidCompression, InvalidManifest, Manifest, ManifestHead,
    NewArchive, PendingDump, PublishError, PutRecordError, ReadRecordError, SchemaRecord, ShardRecord, StoreFault,
};
pub use archive::UnknownSegment;
pub(crate) use archive::{missing_segments, segment_file};
pub use canaries::WrongAnswer;
pub(crate) use canaries::{CanaryCheck, TIME_MAX as CANARIES_TIME_MAX, asked};
pub(crate) use nearness::Nearness;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Folders with the copy of a store, while it is streamed.
const CAPTURE: &str = ".capture-";

/// Why a dump was not made, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The store of dumps takes no new one.
    #[error(transparent)]
    Begin(#[from] BeginDumpError),
    /// A shard could not be captured.
    #[error("the shard could not be captured: {0}")]
    Capture(#[from] WriteError),
    /// The copy of a store could not be read.
    #[error("the copy `{}` cannot be read: {reason}", path.display())]
    Copy {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The canaries took too long.
    #[error("the canaries could not be computed: {0}")]
    Slow(#[from] DeadlinePassed),
    /// The canaries could not be written.
    #[error(transparent)]
    Canaries(#[from] EncodeCanariesError),
    /// The settings of the compression are out of bounds.
    #[error(transparent)]
    Compression(#[from] InvalidCompression),
    /// A file could not be put into an archive.
    #[error(transparent)]
    Append(#[from] AppendEntryError),
    /// An archive could not be ended.
    #[error(transparent)]
    Finish(#[from] FinishArchiveError),
    /// An archive could not be given its name.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The shards do not make a manifest.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// The dump could not be made official.
    #[error(transparent)]
    Commit(#[from] CommitDumpError),
    /// The store of dumps cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The dump cannot be removed.
    #[error(transparent)]
    Delete(#[from] DeleteDumpError),
    /// The record of a shard cannot be used.
    #[error(transparent)]
    ReadRecord(#[from] ReadRecordError),
    /// The record of a shard could not be written.
    #[error(transparent)]
    PutRecord(#[from] PutRecordError),
    /// There is no such shard here.
    #[error("there is no shard of the index {index} here that could be dumped")]
    NoShard {
        /// The index.
        index: IndexUuid,
    },
    /// The shard's place in the dump is taken by another line of writes.
    #[error(
        "shard {shard} of dump {dump} has been dumped from another folder: it is of history {found}, here is {here}; take \
         a new dump"
    )]
    OtherHistory {
        /// The shard.
        shard: ShardId,
        /// The dump.
        dump: DumpId,
        /// The history in the dump.
        found: HistoryId,
        /// The history here.
        here: HistoryId,
    },
    /// Nobody waits for it any longer, or the process ends.
    #[error("nobody waits for the dump any longer")]
    GivenUp,
    /// There is no such dump of this index.
    #[error("the index has no dump {dump}")]
    NotOfThisIndex {
        /// What was asked for.
        dump: Uuid,
    },
}

/// Takes a dump of an index. `progress` hears how many shards are done.
pub(crate) fn create(
    index: &Index,
    shards: &[Arc<Shard>],
    store: &DumpStore,
    progress: &(dyn Fn(u32) + Send + Sync),
) -> Result<DumpInfo, DumpError> {
    let dump = DumpId::new(clock::new_uuid()).expect("new uuids are ordered by time, as ids of dumps are");
    let pending = PendingDump::begin(store, index.uuid, dump)?;
    let created_at = CreatedAt::new(&clock::utc_now()).expect("the clock writes RFC 3339");
    // All are captured before any is streamed, so that their states lie close to each other.
    let captures: Vec<_> = shards.iter().map(|shard| Capture::take(shard, dump)).collect::<Result<_, _>>()?;
    let mut records = Vec::with_capacity(shards.len());
    // Whoever has asked for it waits to its end.
    let effort = Effort::new();
    let wanted = effort.stop();
    for ((shard, capture), done) in shards.iter().zip(captures).zip(1..) {
        records.push(capture.write(shard.id(), pending.create_archive(shard.id())?, wanted)?);
        progress(done);
    }
    let head = ManifestHead {
        dump,
        index: index.name.clone(),
        index_uuid: index.uuid,
        created_at,
        schema: SchemaRecord::from(&index.schema),
    };
    let manifest = Manifest::new(head, records)?;
    pending.commit(&manifest)?;
    tracing::info!(index = %index.name, %dump, documents = manifest.documents(), "took a dump");
    Ok(info(manifest.head(), manifest.documents(), manifest.archive_bytes()))
}

/// Dumps one shard for a dump that somebody else has begun, and puts its record beside its archive: whoever writes the
/// manifest needs nothing but the store. Dumped already, it is left as it is; given up, it leaves nothing.
pub(crate) fn of_shard(
    index: IndexUuid,
    shard: &Shard,
    dump: DumpId,
    store: &DumpStore,
    wanted: &Stop,
) -> Result<ShardRecord, DumpError> {
    if wanted.is_told() {
        return Err(DumpError::GivenUp);
    }
    let (id, here) = (shard.id(), shard.view().position.history);
    match store.record(index, dump, id)? {
        Some(record) if record.history == here => return Ok(record),
        Some(record) => return Err(DumpError::OtherHistory { shard: id, dump, found: record.history, here }),
        None => {}
    }
    let capture = Capture::take(shard, dump)?;
    let record = capture.write(id, store.create_archive(index, dump, id)?, wanted)?;
    store.put_record(index, dump, &record)?;
    tracing::info!(%index, shard = id.0, %dump, documents = record.documents, seq = record.seq.0, "dumped a shard");
    Ok(record)
}

/// The dumps of an index, the oldest first.
pub(crate) fn list(store: &DumpStore, index: IndexUuid) -> Result<Vec<DumpInfo>, DumpError> {
    let whole = |listed: annuli_dump::ListedDump| match listed.state {
        DumpState::Complete(summary) if listed.index == index => Some(info_of(&summary)),
        DumpState::Complete(_) | DumpState::Incomplete | DumpState::Damaged(_) => None,
    };
    Ok(store.list()?.into_iter().filter_map(whole).collect())
}

/// Removes a dump of an index.
pub(crate) fn remove(store: &DumpStore, index: IndexUuid, dump: Uuid) -> Result<(), DumpError> {
    // By its folder: what was cut off while it was written has no manifest, and can be removed all the same.
    let mut listed = store.list()?.into_iter();
    match listed.find(|listed| listed.dump.uuid() == dump && listed.index == index) {
        Some(listed) => Ok(store.delete(listed.index, listed.dump)?),
        None => Err(DumpError::NotOfThisIndex { dump }),
    }
}

/// Removes what an earlier process had not finished, from a store that no other process writes to.
pub(crate) fn sweep_store(store: &DumpStore) {
    let Ok(listed) = store.list() else { return };
    for dump in listed.into_iter().filter(|listed| matches!(listed.state, DumpState::Incomplete)) {
        tracing::info!(dump = %dump.dump, "removing a dump that was left unfinished");
        // What stays is no dump; the next start tries again.
        let _ = store.delete(dump.index, dump.dump);
    }
}

/// Removes the copies that an earlier process left in a shard's folder.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(CAPTURE) {
            // What stays is swept the next time; it only takes room.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The copy of a shard's store and segments, beside the shard so that hard links do, with the view that belongs to it.
pub(crate) struct Capture {
    folder: PathBuf,
    view: View,
}

impl Capture {
    fn take(shard: &Shard, dump: DumpId) -> Result<Self, DumpError> {
        let folder = shard.folder().join(format!("{CAPTURE}{dump}"));
        fs::create_dir(&folder).map_err(|reason| DumpError::Copy { path: folder.clone(), reason })?;
        let captured = shard.capture(folder.clone()).inspect_err(|_| {
            // What stays is swept when the shard is opened again.
            let _ = fs::remove_dir_all(&folder);
        });
        Ok(Self { view: captured?, folder })
    }

    /// Streams the archive, and publishes it.
    fn write(self, shard: ShardId, file: NewArchive, wanted: &Stop) -> Result<ShardRecord, DumpError> {
        let archive = archive::write(&self, file, wanted);
        // Before what went wrong is looked at: that may be because it was cut off.
        let archive = if wanted.is_told() { Err(DumpError::GivenUp) } else { archive }?;
        let Position { history, seq } = self.view.position;
        Ok(ShardRecord { shard, history, seq, documents: self.view.live() as u64, archive })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // What stays is swept when the shard is opened again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn info_of(summary: &DumpSummary) -> DumpInfo {
    info(&summary.head, summary.documents, summary.archive_bytes)
}

/// A dump in short.
pub fn info(head: &ManifestHead, documents: u64, bytes: u64) -> DumpInfo {
    DumpInfo {
        dump: head.dump.uuid(),
        index: head.index.as_str().to_owned(),
        index_uuid: head.index_uuid.0,
        created_at: head.created_at.as_str().to_owned(),
        shards: head.schema.shards.get(),
        documents,
        bytes,
        generation: None,
    }
}

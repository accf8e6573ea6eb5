//! From a dump to what may serve: fetched and verified, opened, tried, warmed. It all happens in a folder that is not
//! there yet, on one thread: searches on other generations need the rest.

use super::NewGeneration;
use super::at_hand::AtHand;
use super::dumped::{Dumped, OtherDump};
use super::folders::{MakeIndexFolderError, Unfinished};
use super::generation_file;
use super::settle::{SettleError, Settled, settle};
use super::trial::{self, Unfit};
use crate::build_pool::BuildPool;
use crate::fetch::Fetch;
use crate::segment_file::SegmentFolder;
use crate::settings::{ShardSettings, WARM_BYTES_MAX};
use crate::shard::{FollowError, OpenFrozenError};
use crate::snapshot::segment_file;
use crate::stop::Stop;
use crate::store::meta::Identity;
use crate::view::View;
use crate::workspace::disk::{DiskFault, make_folder, remove_folder, rename_folder};
use annuli_core::{Generation, ShardId};
use annuli_dump::{
    Canary, DumpId, DumpStore, EntryPath, EntryRecord, ExtractArchiveError, FindDumpError, ReadCanariesError,
    ShardRecord, StoredDump, extract_archive, extract_missing, read_canaries,
};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where an archive is unpacked, in the folder that becomes the generation.
const UNPACKED: &str = ".unpacked";

/// How far a preparation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preparation {
    /// The archive is fetched, and every byte of it checked.
    Fetching {
        /// Bytes that have come.
        bytes: u64,
        /// Bytes in all.
        of: u64,
    },
    /// Its store and its segments are opened.
    Opening,
    /// It is asked what the original was asked.
    Canaries,
    /// What the first searches read is read before them.
    Warming,
}

/// Why a generation was not prepared. Nothing of it is there, and what was there serves on.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// There is no such dump, or it cannot be read.
    #[error(transparent)]
    Find(#[from] FindDumpError),
    /// The dump is not of what the catalogue says.
    #[error(transparent)]
    OtherDump(#[from] OtherDump),
    /// The generation is there already, from another dump.
    #[error("generation {generation} is dump {found} here, it cannot become dump {wanted}: a generation never changes")]
    OtherGeneration {
        /// Its number.
        generation: Generation,
        /// The dump that it is.
        found: DumpId,
        /// The dump that was to be prepared.
        wanted: DumpId,
    },
    /// The archive does not come, or is not what the manifest says.
    #[error("dump {dump}: {reason}")]
    Fetch {
        /// The dump.
        dump: DumpId,
        /// Why.
        reason: ExtractArchiveError,
    },
    /// Its canaries cannot be read.
    #[error("dump {dump}, shard {shard}: {reason}")]
    Canaries {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// Why.
        reason: ReadCanariesError,
    },
    /// What was fetched cannot be served.
    #[error("dump {dump}, shard {shard}: {reason}")]
    Settle {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// Why.
        reason: SettleError,
    },
    /// It does not answer as the original did.
    #[error("dump {dump}, shard {shard}: {reason}")]
    Unfit {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// Why.
        reason: Unfit,
    },
    /// A file or folder cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The index cannot have its folder.
    #[error(transparent)]
    Folder(#[from] MakeIndexFolderError),
    /// Once it had its name, it did not open.
    #[error(transparent)]
    Open(#[from] OpenFrozenError),
    /// What other generations have followed could not be taken over.
    #[error("it cannot take over what the generation before has followed: {0}")]
    CatchUp(#[from] FollowError),
    /// Nobody waits for it any longer, or the process ends.
    #[error("nobody waits for the generation any longer")]
    Stopped,
}

impl PrepareError {
    /// Whether files that were whole when they came, and are not now, may have led to it.
    fn may_be_rot(&self) -> bool {
        match self {
            // More room is what it needs, and all of it would take even more.
            Self::Settle { reason, .. } => !reason.is_full(),
            Self::Unfit { .. } => true,
            Self::Find(_)
            | Self::OtherDump(_)
            | Self::OtherGeneration { .. }
            | Self::Fetch { .. }
            | Self::Canaries { .. }
            | Self::Disk(_)
            | Self::Folder(_)
            | Self::Open(_)
            | Self::CatchUp(_)
            | Self::Stopped => false,
        }
    }
}

/// A generation that may serve once its folder has its name.
pub(super) struct Prepared {
    pub(super) folder: Unfinished,
    pub(super) identity: Identity,
    pub(super) view: View,
}

/// What it takes to prepare one.
pub(super) struct Preparer<'a> {
    pub(super) root: &'a Path,
    /// Folders of other generations of the index.
    pub(super) generations: Vec<PathBuf>,
    pub(super) shard: ShardId,
    pub(super) settings: ShardSettings,
    /// Of one thread.
    pub(super) pool: &'a BuildPool,
    pub(super) recall_floor: f64,
    pub(super) stop: &'a Stop,
}

impl Preparer<'_> {
    pub(super) fn prepare(
        &self,
        new: &NewGeneration,
        store: &DumpStore,
        progress: &dyn Fn(Preparation),
    ) -> Result<Prepared, PrepareError> {
        let stored = store.open(new.uuid, new.dump)?;
        let dumped = Dumped::of(stored.manifest(), new, self.shard)?;
        let at_hand = AtHand::of(&self.generations, self.stop);
        if at_hand.has_any_of(dumped.record) {
            match self.attempt(&stored, &dumped, Some(&at_hand), progress) {
                Err(error) if error.may_be_rot() && !self.stop.is_told() => {
                    tracing::warn!(dump = %new.dump, %error, "what was at hand may be damaged: all is fetched");
                }
                other => return other,
            }
        }
        self.attempt(&stored, &dumped, None, progress)
    }

    fn attempt(
        &self,
        stored: &StoredDump,
        dumped: &Dumped<'_>,
        at_hand: Option<&AtHand<'_>>,
        progress: &dyn Fn(Preparation),
    ) -> Result<Prepared, PrepareError> {
        let folder = Unfinished::begin(self.root)?;
        let (dump, shard) = (stored.manifest().head().dump, self.shard);
        let unpacked = folder.path().join(UNPACKED);
        make_folder(&unpacked)?;
        self.fetch(stored, dumped.record, &unpacked, at_hand, progress)?;
        progress(Preparation::Opening);
        self.check_wanted()?;
        let canaries = canaries(&unpacked, dumped.record, dump)?;
        arrange(&unpacked, folder.path(), dumped.record)?;
        let settled = settle(folder.path(), dumped, self.settings, self.pool, self.stop);
        // Before what went wrong is looked at: that may be because it was cut off.
        self.check_wanted()?;
        let Settled { store, view } = settled.map_err(|reason| PrepareError::Settle { dump, shard, reason })?;
        progress(Preparation::Canaries);
        let tried = trial::check(&view, &store, &canaries, self.recall_floor, self.stop);
        self.check_wanted()?;
        tried.map_err(|reason| PrepareError::Unfit { dump, shard, reason })?;
        drop(store);
        progress(Preparation::Warming);
        self.warm(&view)?;
        generation_file::write(folder.path(), dump, dumped.record)?;
        Ok(Prepared { folder, identity: dumped.identity, view })
    }

    fn check_wanted(&self) -> Result<(), PrepareError> {
        if self.stop.is_told() { Err(PrepareError::Stopped) } else { Ok(()) }
    }

    /// Reads what searches read from the files, for the first of them not to wait for the disk. Codes and links are in
    /// memory since the segments were opened, and the canaries have walked them.
    fn warm(&self, view: &View) -> Result<(), PrepareError> {
        let mut left = WARM_BYTES_MAX;
        for part in &view.parts {
            self.check_wanted()?;
            left -= part.segment().touch(left);
        }
        self.check_wanted()
    }

    fn fetch(
        &self,
        stored: &StoredDump,
        record: &ShardRecord,
        folder: &Path,
        at_hand: Option<&AtHand<'_>>,
        progress: &dyn Fn(Preparation),
    ) -> Result<(), PrepareError> {
        let (of, dump) = (record.archive.bytes(), stored.manifest().head().dump);
        let (mut bytes, mut reused) = (0, 0);
        progress(Preparation::Fetching { bytes, of });
        let mut source = Fetch::new(stored, self.shard, of, self.stop);
        let mut heard = |more| {
            bytes += more;
            progress(Preparation::Fetching { bytes, of });
        };
        let fetched = match at_hand {
            None => extract_archive(record, &mut source, folder, &mut heard),
            Some(at_hand) => {
                let mut reuse = |entry: &EntryRecord, path: &Path| {
                    let linked = at_hand.link(entry, path);
                    reused += if linked { entry.bytes } else { 0 };
                    linked
                };
                extract_missing(record, &mut source, folder, &mut reuse, &mut heard)
            }
        };
        self.check_wanted()?;
        fetched.map_err(|reason| PrepareError::Fetch { dump, reason })?;
        let content = record.archive.content_bytes();
        tracing::info!(%dump, shard = self.shard.0, bytes = content, reused, "fetched a dump");
        Ok(())
    }
}

/// Puts what was unpacked where a shard has it.
fn arrange(unpacked: &Path, folder: &Path, record: &ShardRecord) -> Result<(), DiskFault> {
    let segments = SegmentFolder::of(folder);
    for entry in record.archive.entries() {
        if let Some(number) = entry.path.segment_number().filter(|&number| entry.path == segment_file(number)) {
            segments.adopt(number, &unpacked.join(entry.path.as_str()))?;
        }
    }
    rename_folder(&unpacked.join("db"), &folder.join("db"))?;
    remove_folder(unpacked)
}

/// A dump may have been taken without canaries.
fn canaries(folder: &Path, record: &ShardRecord, dump: DumpId) -> Result<Vec<Canary>, PrepareError> {
    let path = EntryPath::canaries();
    if record.archive.entry(&path).is_none() {
        return Ok(Vec::new());
    }
    let path = folder.join(path.as_str());
    let mut file = File::open(&path).map_err(DiskFault::of("read", &path))?;
    read_canaries(&mut file).map_err(|reason| PrepareError::Canaries { dump, shard: record.shard, reason })
}

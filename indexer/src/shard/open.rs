//! Opening a shard: what it has is recovered, and its threads are started.

use super::log_kept::LogKept;
use super::queue::WriteQueue;
use super::reading::Reading;
use super::recover::{Found, Recovered};
use super::{Shard, StoreSlot};
use crate::build_pool::BuildPool;
use crate::builder::{Builder, Wake};
use crate::builds::Builds;
use crate::cpu_pool::CpuPool;
use crate::meters::Meters;
use crate::segment_file::SegmentFolder;
use crate::settings::ShardSettings;
use crate::stop::Stop;
use crate::store::meta::{Counters, Identity};
use crate::store::{Store, StoreError};
use crate::workshop::Workshop;
use crate::writer::Writer;
use annuli_core::ShardId;
use arc_swap::ArcSwap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread;

/// What a shard shares with the others of its process.
#[derive(Clone)]
pub struct ShardParts {
    /// How writes are kept.
    pub settings: ShardSettings,
    /// Where searches run.
    pub search_pool: CpuPool,
    /// Where graphs are built.
    pub build_pool: BuildPool,
    /// What they count.
    pub meters: Meters,
}

/// Why a shard does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store does not open, or cannot be read to the end.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder holds a shard of another index, or another shard.
    #[error(
        "`{folder}` holds shard {found_shard} of the index {found_index}, shard {wanted_shard} of {wanted_index} belongs there"
    )]
    Foreign {
        /// The store's folder.
        folder: String,
        /// Whose shard is there.
        found_index: annuli_core::IndexUuid,
        /// Which shard is there.
        found_shard: ShardId,
        /// Whose shard belongs there.
        wanted_index: annuli_core::IndexUuid,
        /// Which shard belongs there.
        wanted_shard: ShardId,
    },
    /// The stored schema is not the index's.
    #[error("`{folder}` was made for another schema than its index has")]
    OtherSchema {
        /// The store's folder.
        folder: String,
    },
    /// The operating system gives no threads.
    #[error("no thread for the shard: {0}")]
    Thread(#[from] std::io::Error),
}

impl Shard {
    /// Opens the shard in `folder`, which must hold what `wanted` says; histories may differ.
    pub fn open(folder: &Path, wanted: &Identity, parts: &ShardParts) -> Result<Self, OpenError> {
        let db = folder.join("db");
        let (store, found, counters) = Store::open(&db)?;
        check_identity(&db, &found, wanted)?;
        let segments = SegmentFolder::of(folder);
        let recovered = Found::of(&store, &segments, &found, parts.build_pool.heads())?.recover(&store, &counters)?;
        Self::start(folder, store, Opened { shard: found.shard, counters, recovered }, parts)
    }

    fn start(folder: &Path, store: Store, opened: Opened, parts: &ShardParts) -> Result<Self, OpenError> {
        let Opened { shard, counters, recovered: Recovered { view, lost, next_segment } } = opened;
        let views = Arc::new(ArcSwap::from_pointee(view.clone()));
        let store = Arc::new(StoreSlot::new(store));
        parts.meters.watch(&store);
        let (queue, builder_queue, commands) = WriteQueue::new();
        let (wake, wakes) = Wake::new();
        let (stopper, stop) = Stop::new();
        let builds = Arc::new(Builds::default());
        super::wake_at_start(&wake);

        let log_kept = LogKept::default();
        let writer = Writer {
            store: Arc::clone(&store),
            settings: parts.settings,
            meters: parts.meters.clone(),
            log_kept: log_kept.clone(),
            counters,
            opened_before: counters.next_point,
            lost,
            view,
            views: Arc::clone(&views),
            queue: commands,
            builder: wake,
        };
        let workshop = Workshop {
            shard,
            folder: SegmentFolder::of(folder),
            store: Arc::clone(&store),
            next: Arc::new(AtomicU64::new(next_segment)),
            views: Arc::clone(&views),
            writer: builder_queue,
            pool: parts.build_pool.clone(),
            builds: Arc::clone(&builds),
            meters: parts.meters.clone(),
            stop,
        };
        let builder = Builder::new(parts.settings, workshop, wakes);
        let threads = vec![
            thread::Builder::new().name(format!("writer-{shard}")).spawn(move || writer.run())?,
            thread::Builder::new().name(format!("builder-{shard}")).spawn(move || builder.run())?,
        ];
        let reading = Reading { id: shard, store, views, pool: parts.search_pool.clone() };
        let (folder, settings, threads) = (folder.to_owned(), parts.settings, Mutex::new(threads));
        Ok(Self { reading, folder, settings, queue, builds, log_kept, stopper, threads })
    }
}

/// What the folder of a shard had.
struct Opened {
    shard: ShardId,
    counters: Counters,
    recovered: Recovered,
}

pub(super) fn check_identity(db: &Path, found: &Identity, wanted: &Identity) -> Result<(), OpenError> {
    let folder = db.display().to_string();
    if (found.index, found.shard) != (wanted.index, wanted.shard) {
        return Err(OpenError::Foreign {
            folder,
            found_index: found.index,
            found_shard: found.shard,
            wanted_index: wanted.index,
            wanted_shard: wanted.shard,
        });
    }
    if found.schema != wanted.schema {
        return Err(OpenError::OtherSchema { folder });
    }
    Ok(())
}

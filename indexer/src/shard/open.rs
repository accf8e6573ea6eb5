//! Opening a shard: the table is read from the rows of the store, the graph is built behind it.

use super::queue::WriteQueue;
use super::{Shard, StoreSlot};
use crate::builder::{Builder, Wake};
use crate::clock::Every;
use crate::cpu_pool::CpuPool;
use crate::head::Head;
use crate::settings::ShardSettings;
use crate::store::meta::{Counters, Identity};
use crate::store::{Store, StoreError};
use crate::table::{Row, Table};
use crate::view::View;
use crate::writer::Writer;
use annuli_api::shard_api::Position;
use annuli_core::{IndexSchema, ShardId};
use arc_swap::ArcSwap;
use rayon::ThreadPool;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a shard shares with the others of its process.
#[derive(Clone)]
pub struct ShardParts {
    /// How writes are kept.
    pub settings: ShardSettings,
    /// Where searches run.
    pub search_pool: CpuPool,
    /// Where graphs are built.
    pub build_pool: Arc<ThreadPool>,
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
        let table = read_table(&store, found.shard, &found.schema)?;
        let position = Position { history: found.history, seq: counters.seq };
        let head = Arc::new(Head::new(found.schema.metric, found.schema.hnsw));
        let view = View { schema: found.schema, position, table, head, covered: 0 };
        Self::start(folder, store, found.shard, counters, view, parts)
    }

    fn start(
        folder: &Path,
        store: Store,
        shard: ShardId,
        counters: Counters,
        view: View,
        parts: &ShardParts,
    ) -> Result<Self, OpenError> {
        let views = Arc::new(ArcSwap::from_pointee(view.clone()));
        let store = Arc::new(StoreSlot::new(store));
        let (queue, builder_queue, commands) = WriteQueue::new();
        let (wake, wakes) = Wake::new();
        let stop = Arc::new(AtomicBool::new(false));
        super::wake_at_start(&wake);

        let writer = Writer {
            store: Arc::clone(&store),
            settings: parts.settings,
            counters,
            opened_with: view.table.len(),
            view,
            views: Arc::clone(&views),
            queue: commands,
            builder: wake,
        };
        let builder = Builder {
            shard,
            views: Arc::clone(&views),
            wakes,
            writer: builder_queue,
            pool: Arc::clone(&parts.build_pool),
            stop: Arc::clone(&stop),
        };
        let threads = vec![
            thread::Builder::new().name(format!("writer-{shard}")).spawn(move || writer.run())?,
            thread::Builder::new().name(format!("builder-{shard}")).spawn(move || builder.run())?,
        ];
        let pool = parts.search_pool.clone();
        let folder = folder.to_owned();
        Ok(Self { id: shard, folder, store, views, queue, pool, stop, threads: Mutex::new(threads) })
    }
}

fn check_identity(db: &Path, found: &Identity, wanted: &Identity) -> Result<(), OpenError> {
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

/// Reads every document. Each block that holds one passes its checksum on the way, so damage to them is found now.
fn read_table(store: &Store, shard: ShardId, schema: &IndexSchema) -> Result<Table, StoreError> {
    let mut every = Every::new(Duration::from_secs(5));
    let mut rows = Vec::new();
    for entry in store.snapshot().documents(None) {
        let (id, document) = entry?;
        store.check_vector(&id, &document, schema)?;
        rows.push(Row::new(id, document));
        if every.is_due() {
            tracing::info!(shard = shard.0, documents = rows.len(), "reading documents");
        }
    }
    rows.sort_unstable_by_key(|row| row.point);
    let mut table = Table::default();
    rows.into_iter().for_each(|row| table.push(Arc::new(row)));
    tracing::info!(shard = shard.0, documents = table.len(), "opened the shard");
    Ok(table)
}

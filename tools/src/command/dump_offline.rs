//! Dumping and restoring without a server, on a workspace that no server has open.

use super::progress::{Progress, Unit};
use crate::cli::{DumpCreate, DumpRestore};
use crate::clock;
use crate::config::Settings;
use crate::serve::{OpenError, open_workspace};
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Catalogue, Failure};
use annuli_core::{IndexName, ShardCount};
use annuli_dump::FindDumpError;
use annuli_dump_s3::OpenS3Error;
use annuli_indexer::workspace::RestoreError;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a workspace was not dumped, or no index restored.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The workspace is not there: a dump is taken of what is.
    #[error("there is no workspace `{}`", path.display())]
    NoWorkspace {
        /// The folder.
        path: PathBuf,
    },
    /// The workspace does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The index was not dumped.
    #[error(transparent)]
    Dump(#[from] Failure),
    /// The bucket of dumps cannot be asked.
    #[error(transparent)]
    Dumps(#[from] OpenS3Error),
    /// The dump cannot be used.
    #[error(transparent)]
    Find(#[from] FindDumpError),
    /// The index was not restored.
    #[error("nothing was restored: {0}")]
    Restore(#[from] RestoreError),
    /// The operating system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The new index.
    #[serde(serialize_with = "as_text")]
    pub index: IndexName,
    /// Its shards.
    #[serde(serialize_with = "as_number")]
    pub shards: ShardCount,
    /// Its documents.
    pub documents: u64,
}

/// Dumps `args.index` of the workspace `args.workspace` to `args.place`, or to the workspace's own.
pub fn create(args: &DumpCreate) -> Result<DumpInfo, OfflineError> {
    let root = args.workspace.clone().unwrap_or_default();
    if !root.is_dir() {
        return Err(OfflineError::NoWorkspace { path: root });
    }
    let (dumps, dumps_endpoint) = (args.place.dumps.clone(), args.place.dumps_endpoint.clone());
    let workspace = open_workspace(&Settings { workspace: root, dumps, dumps_endpoint, ..Settings::default() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(OfflineError::Threads)?;
    let index = workspace.resolve(&args.index)?;
    let dump = runtime.block_on(workspace.create_dump(&index, Arc::new(|_| {})))?;
    workspace.close();
    Ok(dump)
}

/// Makes the index `args.index` of `args.dump` in the workspace `root`.
pub fn restore(root: &Path, args: &DumpRestore) -> Result<Restored, OfflineError> {
    // Before the workspace is touched: what is not there cannot be restored.
    let dump = args.place.open(root)?.find(args.dump)?;
    let workspace = open_workspace(&Settings { workspace: root.to_owned(), ..Settings::default() })?;
    let mut progress = Progress::open(Unit::Documents, dump.manifest().documents(), clock::now());
    let restored =
        workspace.restore(&dump, &args.index, args.shards, &mut |documents| progress.show(documents, clock::now()));
    progress.close();
    let restored = restored?;
    workspace.close();
    Ok(Restored { index: args.index.clone(), shards: restored.shards, documents: restored.documents })
}

fn as_text<S: serde::Serializer>(index: &IndexName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(index.as_str())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_number<S: serde::Serializer>(shards: &ShardCount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(shards.get())
}

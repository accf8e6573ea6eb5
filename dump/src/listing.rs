//! What a store holds, at a glance.

use crate::dump_id::DumpId;
use crate::manifest::{Manifest, ManifestHead};
use crate::stored::ReadManifestError;
use annuli_core::id::IndexUuid;

/// A folder of the store that bears a dump's id.
#[derive(Debug)]
pub struct ListedDump {
    /// The index, by the folder's name.
    pub index: IndexUuid,
    /// The dump, by the folder's name.
    pub dump: DumpId,
    /// Whether it is a dump at all.
    pub state: DumpState,
}

/// What became of a dump.
#[derive(Debug)]
pub enum DumpState {
    /// Its manifest is valid.
    Complete(Box<DumpSummary>),
    /// It has no manifest: it is being written, was cut off, or is being deleted.
    Incomplete,
    /// It has a manifest that cannot be trusted.
    Damaged(ReadManifestError),
}

/// A manifest without its entries, so that a listing of many dumps stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpSummary {
    /// What the dump is.
    pub head: ManifestHead,
    /// Number of documents.
    pub documents: u64,
    /// Length of all archives.
    pub archive_bytes: u64,
    /// Length of all files in them.
    pub content_bytes: u64,
}

impl DumpSummary {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            head: manifest.head().clone(),
            documents: manifest.documents(),
            archive_bytes: manifest.archive_bytes(),
            content_bytes: manifest.content_bytes(),
        }
    }
}

//! The dump: a consistent snapshot of all shards of one index, in files that verify themselves.
//!
//! ```text
//! <place>/                                a folder, or what starts with a prefix in a bucket: DumpFiles
//! └── <index-uuid>/                       the index, whatever its name is today
//!     └── <dump-id>/                      a UUID of version 7, never used twice
//!         ├── shard-0.tar.zst             one archive a shard, written in any order by any process
//!         ├── shard-1.tar.zst
//!         ├── shard-1.json.blake3         the record of an archive whose writer does not write the manifest,
//!         ├── shard-1.json                and its digest, as for the manifest
//!         ├── manifest.json.blake3        the manifest's digest, as hex text
//!         └── manifest.json               written last: before it, there is no dump
//!
//! shard-<k>.tar.zst                       a plain tar: `tar --zstd -tf` lists it
//! ├── [frame] db/<file>                   one zstd frame an entry: tar header, content, padding
//! ├── [frame] segments/<n>/<file>         its offset, its length and its content's blake3 stand in the manifest
//! ├── [frame] canaries.json               sample queries with exact answers
//! └── [frame] 1024 zero bytes             the end of a tar
//! ```
//!
//! **A dump without a valid manifest does not exist.** A crash while dumping leaves a folder that `list` calls
//! incomplete; deleting a dump takes its manifest away first.
//!
//! **Reading trusts nothing.** An archive is held against its [`ArchiveRecord`] while it streams by: the recorded
//! entries in the recorded order and nothing else, each header byte for byte the one that this crate writes, every
//! length and digest checked, and memory bounded by [`limits`]. What is refused leaves no file behind.
//!
//! **Versions.** `manifest.json`, `shard-<k>.json` and `canaries.json` carry a `format_version`. A release reads every version up to
//! its own and refuses a newer one by an error that names both; unknown fields are refused, because a field that is
//! ignored today may have been the one that changed the meaning. A new field or a change to the archive's layout is a
//! new version.
//!
//! **What this crate never knows:** tokio, axum, RocksDB, the network, the clock and randomness. Ids and times are
//! arguments, work happens on the calling thread, and a RocksDB checkpoint is a flat folder of files. It does not
//! decide when to dump, what to keep, or what a replica serves.
//!
//! The text of an error is whole: it names the dump, the archive or the entry, and what was wrong with it. Modules in
//! reading order.

pub mod limits;

mod created_at;
mod dump_id;
mod entry_path;

mod manifest;
mod manifest_json;
mod record;

mod compression;
mod tap;
mod tar_header;
mod writer;

mod archive_reader;
mod entry_content;
mod extract;
mod extract_missing;
mod frame;
mod frame_header;
mod read_entry;
mod refusal;
mod verify;

mod canary;

mod disk;
mod file;
mod files;
mod local;

mod checked;
mod listing;
mod pending;
mod shard_json;
mod store;
mod stored;

pub use canary::{
    Canary, CanaryHit, EncodeCanariesError, ReadCanariesError, UnknownCanariesVersion, read_canaries, write_canaries,
};
pub use compression::{Compression, InvalidCompression};
pub use created_at::{CreatedAt, InvalidCreatedAt};
pub use disk::DiskError;
pub use dump_id::{DumpId, InvalidDumpId};
pub use entry_path::{EntryPath, InvalidEntryPath};
pub use extract::{ExtractArchiveError, extract_archive, extract_entries};
pub use extract_missing::extract_missing;
pub use file::{DumpFile, DumpKey};
pub use files::{BeginDumpError, DumpFiles, NewFile, PublishError, StoreFault};
pub use frame::FrameFault;
pub use frame_header::FrameHeaderFault;
pub use listing::{DumpState, DumpSummary, ListedDump};
pub use local::LocalFiles;
pub use manifest::{
    HnswRecord, InvalidManifest, Manifest, ManifestHead, SchemaRecord, ShardRecord, UnusableSchema, archive_name,
};
pub use manifest_json::{DecodeManifestError, ManifestTooLarge, UnknownManifestVersion};
pub use pending::PendingDump;
pub use read_entry::{ReadEntryError, read_entry};
pub use record::{ArchiveRecord, EntryRecord, FrameSpan, InvalidArchiveRecord};
pub use refusal::{EntryFault, EntryRefused, ReadArchiveError, TrailerFault};
pub use shard_json::{PutRecordError, ReadRecordError};
pub use store::{CommitDumpError, DeleteDumpError, DumpStore, FindDumpError, NewArchive, NoSuchDump, OpenArchiveError};
pub use stored::{ReadManifestError, StoredDump, VerifyDumpError, verify_dump};
pub use tar_header::HeaderFault;
pub use verify::verify_archive;
pub use writer::{AppendEntryError, ArchiveWriter, FinishArchiveError};

//! `manifest.json`: the stored form of a [`Manifest`], and nothing else's. Persisted, keep stable.

use crate::created_at::{CreatedAt, InvalidCreatedAt};
use crate::dump_id::{DumpId, InvalidDumpId, parse_uuid};
use crate::entry_path::{EntryPath, InvalidEntryPath};
use crate::limits::MANIFEST_BYTES_MAX;
use crate::manifest::{HnswRecord, InvalidManifest, Manifest, ManifestHead, SchemaRecord, ShardRecord};
use crate::record::{ArchiveRecord, EntryRecord, FrameSpan, InvalidArchiveRecord};
use annuli_core::id::{HistoryId, IndexName, IndexUuid, InvalidIndexName, InvalidShardCount, Seq, ShardCount, ShardId};
use serde::{Deserialize, Serialize};

/// The version that this release writes, and the newest that it reads.
const FORMAT_VERSION: u64 = 2;

/// The oldest that it reads: without the quantization, which was [`QUANTIZATION_BEFORE`] for every index.
const FORMAT_VERSION_MIN: u64 = 1;

const QUANTIZATION_BEFORE: &str = "int8";

/// A manifest of a version that this release does not know: a newer release wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the manifest has format version {found}, this release reads versions {FORMAT_VERSION_MIN} to {FORMAT_VERSION}"
)]
pub struct UnknownManifestVersion {
    found: u64,
}

/// A manifest beyond what a reader takes into memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the manifest has {bytes} bytes, the limit is {MANIFEST_BYTES_MAX}")]
pub struct ManifestTooLarge {
    bytes: u64,
}

/// Bytes that are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum DecodeManifestError {
    /// Not JSON, or not the fields of a manifest.
    #[error("the manifest is malformed: {0}")]
    Json(serde_json::Error),
    /// Written by a newer release.
    #[error(transparent)]
    Version(#[from] UnknownManifestVersion),
    /// A UUID in another form than ours.
    #[error("the manifest's `{field}` is no UUID in lower case with hyphens")]
    Uuid {
        /// Its name.
        field: &'static str,
    },
    /// A digest in another form than ours.
    #[error("the manifest's `{field}` of shard {shard} is no blake3 in lower-case hex")]
    Digest {
        /// Its name.
        field: &'static str,
        /// Where it stands.
        shard: ShardId,
    },
    /// The dump's id is none.
    #[error("the manifest's `dump_id` is wrong: {0}")]
    DumpId(#[from] InvalidDumpId),
    /// The index's name is none.
    #[error("the manifest's `index` is wrong: {0}")]
    Index(#[from] InvalidIndexName),
    /// The time is none.
    #[error("the manifest's `created_at` is wrong: {0}")]
    CreatedAt(#[from] InvalidCreatedAt),
    /// A number of shards that no index has.
    #[error("the manifest's `schema` is wrong: {0}")]
    ShardCount(#[from] InvalidShardCount),
    /// An archive under another name than its shard's.
    #[error("the manifest calls the archive of shard {shard} {found:?}, its name is `{expected}`")]
    ArchiveName {
        /// The shard.
        shard: ShardId,
        /// The start of the name in the manifest.
        found: String,
        /// The name of every such archive.
        expected: String,
    },
    /// A path that is unsafe to write to.
    #[error("the manifest's shard {shard} is wrong: {error}")]
    EntryPath {
        /// The shard.
        shard: ShardId,
        /// What is wrong.
        error: InvalidEntryPath,
    },
    /// An archive that no writer can have made.
    #[error("the manifest's archive of shard {shard} is wrong: {error}")]
    Archive {
        /// The shard.
        shard: ShardId,
        /// What is wrong.
        error: InvalidArchiveRecord,
    },
    /// Shards that do not make an index.
    #[error(transparent)]
    Shards(#[from] InvalidManifest),
}

/// The bytes of `manifest.json`.
pub(crate) fn encode(manifest: &Manifest) -> Result<Vec<u8>, ManifestTooLarge> {
    let mut json =
        serde_json::to_vec_pretty(&ManifestFile::from(manifest)).expect("text and numbers always have a JSON form");
    json.push(b'\n');
    match json.len() as u64 {
        bytes if bytes > MANIFEST_BYTES_MAX => Err(ManifestTooLarge { bytes }),
        _ => Ok(json),
    }
}

/// Reads the bytes of `manifest.json`, whose digest and length are the caller's to check.
pub(crate) fn decode(json: &[u8]) -> Result<Manifest, DecodeManifestError> {
    // The version is looked at alone first: a newer manifest may have fields that are no fields here, and the reader
    // deserves to hear of the version, not of them.
    let Version { format_version } = serde_json::from_slice(json).map_err(DecodeManifestError::Json)?;
    if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&format_version) {
        return Err(UnknownManifestVersion { found: format_version }.into());
    }
    let file: ManifestFile = serde_json::from_slice(json).map_err(DecodeManifestError::Json)?;
    Manifest::try_from(file)
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    format_version: u64,
    dump_id: String,
    index: String,
    index_uuid: String,
    created_at: String,
    schema: SchemaFile,
    shards: Vec<ShardFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaFile {
    dim: u32,
    metric: String,
    shards: u32,
    hnsw: HnswFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantization: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HnswFile {
    m: u32,
    ef_construction: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardFile {
    shard: u32,
    history: String,
    seq: u64,
    documents: u64,
    archive: String,
    archive_bytes: u64,
    archive_blake3: String,
    entries: Vec<EntryFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFile {
    path: String,
    bytes: u64,
    blake3: String,
    frame_offset: u64,
    frame_bytes: u64,
}

impl From<&Manifest> for ManifestFile {
    fn from(manifest: &Manifest) -> Self {
        let head = manifest.head();
        Self {
            format_version: FORMAT_VERSION,
            dump_id: head.dump.to_string(),
            index: head.index.to_string(),
            index_uuid: head.index_uuid.to_string(),
            created_at: head.created_at.to_string(),
            schema: SchemaFile {
                dim: head.schema.dim,
                metric: head.schema.metric.clone(),
                shards: head.schema.shards.get(),
                hnsw: HnswFile { m: head.schema.hnsw.m, ef_construction: head.schema.hnsw.ef_construction },
                quantization: Some(head.schema.quantization.clone()),
            },
            shards: manifest.shards().iter().map(ShardFile::from).collect(),
        }
    }
}

impl From<&ShardRecord> for ShardFile {
    fn from(record: &ShardRecord) -> Self {
        Self {
            shard: record.shard.0,
            history: record.history.to_string(),
            seq: record.seq.0,
            documents: record.documents,
            archive: record.archive_name(),
            archive_bytes: record.archive.bytes(),
            archive_blake3: record.archive.blake3().to_hex().to_string(),
            entries: record.archive.entries().iter().map(EntryFile::from).collect(),
        }
    }
}

impl From<&EntryRecord> for EntryFile {
    fn from(entry: &EntryRecord) -> Self {
        Self {
            path: entry.path.to_string(),
            bytes: entry.bytes,
            blake3: entry.blake3.to_hex().to_string(),
            frame_offset: entry.frame.offset,
            frame_bytes: entry.frame.bytes,
        }
    }
}

impl TryFrom<ManifestFile> for Manifest {
    type Error = DecodeManifestError;

    fn try_from(file: ManifestFile) -> Result<Self, Self::Error> {
        let head = ManifestHead {
            dump: DumpId::parse(&file.dump_id)?,
            index: IndexName::new(&file.index)?,
            index_uuid: IndexUuid(
                parse_uuid(&file.index_uuid).ok_or(DecodeManifestError::Uuid { field: "index_uuid" })?,
            ),
            created_at: CreatedAt::new(&file.created_at)?,
            schema: SchemaRecord {
                dim: file.schema.dim,
                metric: file.schema.metric,
                shards: ShardCount::new(file.schema.shards)?,
                hnsw: HnswRecord { m: file.schema.hnsw.m, ef_construction: file.schema.hnsw.ef_construction },
                quantization: file.schema.quantization.unwrap_or_else(|| QUANTIZATION_BEFORE.to_owned()),
            },
        };
        let shards = file.shards.into_iter().map(ShardRecord::try_from).collect::<Result<_, _>>()?;
        Ok(Self::new(head, shards)?)
    }
}

impl TryFrom<ShardFile> for ShardRecord {
    type Error = DecodeManifestError;

    fn try_from(file: ShardFile) -> Result<Self, Self::Error> {
        let shard = ShardId(file.shard);
        let expected = crate::manifest::archive_name(shard);
        if file.archive != expected {
            let found = file.archive.chars().take(64).collect();
            return Err(DecodeManifestError::ArchiveName { shard, found, expected });
        }
        let history = parse_uuid(&file.history).ok_or(DecodeManifestError::Uuid { field: "history" })?;
        let blake3 =
            parse_digest(&file.archive_blake3).ok_or(DecodeManifestError::Digest { field: "archive_blake3", shard })?;
        let entries = file.entries.iter().map(|entry| entry_of(entry, shard)).collect::<Result<_, _>>()?;
        let archive = ArchiveRecord::new(entries, file.archive_bytes, blake3)
            .map_err(|error| DecodeManifestError::Archive { shard, error })?;
        Ok(Self { shard, history: HistoryId(history), seq: Seq(file.seq), documents: file.documents, archive })
    }
}

fn entry_of(file: &EntryFile, shard: ShardId) -> Result<EntryRecord, DecodeManifestError> {
    Ok(EntryRecord {
        path: EntryPath::new(&file.path).map_err(|error| DecodeManifestError::EntryPath { shard, error })?,
        bytes: file.bytes,
        blake3: parse_digest(&file.blake3).ok_or(DecodeManifestError::Digest { field: "blake3", shard })?,
        frame: FrameSpan { offset: file.frame_offset, bytes: file.frame_bytes },
    })
}

/// Reads lower-case hex only: the one form that this crate writes.
fn parse_digest(text: &str) -> Option<blake3::Hash> {
    blake3::Hash::from_hex(text).ok().filter(|digest| digest.to_hex().as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_manifest_that_no_reader_would_take_is_not_written() {
        let entry = |number: u64| EntryRecord {
            path: EntryPath::new(&format!("db/{number}")).unwrap(),
            bytes: 1,
            blake3: blake3::hash(b""),
            frame: FrameSpan { offset: number, bytes: 1 },
        };
        let archive = ArchiveRecord::new((0..100_000).map(entry).collect(), 100_001, blake3::hash(b"")).unwrap();
        let shard = |number| ShardRecord {
            shard: ShardId(number),
            history: HistoryId(Uuid::nil()),
            seq: Seq(1),
            documents: 1,
            archive: archive.clone(),
        };
        let manifest = |shards| {
            let head = ManifestHead {
                dump: DumpId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap(),
                index: IndexName::new("faces").unwrap(),
                index_uuid: IndexUuid(Uuid::nil()),
                created_at: CreatedAt::new("2026-01-31T12:00:00Z").unwrap(),
                schema: SchemaRecord {
                    dim: 128,
                    metric: "cosine".to_owned(),
                    shards: ShardCount::new(shards).unwrap(),
                    hnsw: HnswRecord { m: 16, ef_construction: 200 },
                    quantization: "int8".to_owned(),
                },
            };
            Manifest::new(head, (0..shards).map(shard).collect()).unwrap()
        };
        let taken = manifest(2);
        assert_eq!(decode(&encode(&taken).unwrap()).unwrap(), taken);
        let error = encode(&manifest(4)).unwrap_err();
        assert!(error.to_string().ends_with(" bytes, the limit is 67108864"), "{error}");
    }
}

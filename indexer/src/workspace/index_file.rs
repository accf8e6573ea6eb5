//! `index.json`: what an index is.

use super::disk::{DiskFault, replace_file};
use annuli_api::Failure;
use annuli_api::v1::index::{CreateIndex, WireHnsw};
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardCount};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use uuid::Uuid;

/// Version of the workspace's layout that this release writes; it reads every one up to this.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexFile {
    format_version: u32,
    name: String,
    uuid: Uuid,
    created_at: String,
    dim: u64,
    metric: String,
    shards: u32,
    hnsw: WireHnsw,
}

/// Only what tells whether the rest can be read.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexFileError {
    /// The file cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// It is not what was written.
    #[error("`{path}` cannot be read: {reason}")]
    Json {
        /// The file.
        path: String,
        /// Why.
        reason: serde_json::Error,
    },
    /// Written by a later release.
    #[error("`{path}` has format version {found}, this release reads up to {FORMAT}: use a newer one")]
    NewerFormat {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
    },
    /// The folder was copied or renamed by hand.
    #[error("`{path}` is of the index `{found}`: an index lives in the folder of its name")]
    OtherName {
        /// The file.
        path: String,
        /// The name in it.
        found: String,
    },
    /// A schema that no release wrote.
    #[error("`{path}`: {reason}")]
    Schema {
        /// The file.
        path: String,
        /// Why.
        reason: Failure,
    },
}

pub(super) fn read(folder: &Path, name: &IndexName) -> Result<(IndexUuid, IndexSchema), IndexFileError> {
    let path = folder.join("index.json");
    let bytes = fs::read(&path).map_err(DiskFault::of("read", &path))?;
    let path = path.display().to_string();
    let json = |reason| IndexFileError::Json { path: path.clone(), reason };
    let version: Version = serde_json::from_slice(&bytes).map_err(json)?;
    if version.format_version > FORMAT {
        return Err(IndexFileError::NewerFormat { path, found: version.format_version });
    }
    let file: IndexFile = serde_json::from_slice(&bytes).map_err(json)?;
    if file.name != name.as_str() {
        return Err(IndexFileError::OtherName { path, found: file.name });
    }
    let create = CreateIndex { dim: file.dim, metric: file.metric, shards: Some(file.shards), hnsw: Some(file.hnsw) };
    let schema = create.schema(ShardCount::ONE).map_err(|reason| IndexFileError::Schema { path, reason })?;
    Ok((IndexUuid(file.uuid), schema))
}

pub(super) fn write(
    folder: &Path,
    name: &IndexName,
    uuid: IndexUuid,
    schema: &IndexSchema,
    created_at: String,
) -> Result<(), DiskFault> {
    let hnsw = WireHnsw { m: Some(schema.hnsw.m()), ef_construction: Some(schema.hnsw.ef_construction()) };
    let file = IndexFile {
        format_version: FORMAT,
        name: name.as_str().to_owned(),
        uuid: uuid.0,
        created_at,
        dim: schema.dim.get() as u64,
        metric: schema.metric.name().to_owned(),
        shards: schema.shards.get(),
        hnsw,
    };
    let bytes = serde_json::to_vec_pretty(&file).expect("texts and numbers");
    replace_file(&folder.join("index.json"), &bytes)
}

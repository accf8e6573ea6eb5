//! `index.json`: what an index is.

use super::disk::DiskFault;
use super::json_file::{self, JsonFileError};
use annuli_api::Failure;
use annuli_api::v1::index::CreateIndex;
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardCount};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct IndexFile {
    name: String,
    uuid: Uuid,
    created_at: String,
    schema: CreateIndex,
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IndexFileError {
    /// There is none: the folder is no index, or was not made by this program.
    #[error("`{}` is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is not a file of this release.
    #[error(transparent)]
    File(#[from] JsonFileError),
    /// The folder was copied or renamed by hand.
    #[error("`{}` is of the index `{found}`: an index lives in the folder of its name", path.display())]
    OtherName {
        /// The file.
        path: PathBuf,
        /// The name in it.
        found: String,
    },
    /// A schema that no release wrote.
    #[error("`{}`: {reason}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Failure,
    },
}

impl IndexFileError {
    pub(super) fn is_of_content(&self) -> bool {
        match self {
            Self::File(JsonFileError::Disk(_) | JsonFileError::NewerFormat { .. }) => false,
            Self::File(JsonFileError::Json { .. })
            | Self::Missing { .. }
            | Self::OtherName { .. }
            | Self::Schema { .. } => true,
        }
    }
}

pub(super) fn read(folder: &Path, name: &IndexName) -> Result<(IndexUuid, IndexSchema), IndexFileError> {
    let path = folder.join("index.json");
    let Some(file) = json_file::read::<IndexFile>(&path)? else { return Err(IndexFileError::Missing { path }) };
    if file.name != name.as_str() {
        return Err(IndexFileError::OtherName { path, found: file.name });
    }
    // The number of shards is always written; the default is never used.
    let schema = file.schema.schema(ShardCount::ONE).map_err(|reason| IndexFileError::Schema { path, reason })?;
    Ok((IndexUuid(file.uuid), schema))
}

pub(super) fn write(
    folder: &Path,
    name: &IndexName,
    uuid: IndexUuid,
    schema: &IndexSchema,
    created_at: String,
) -> Result<(), DiskFault> {
    let file =
        IndexFile { name: name.as_str().to_owned(), uuid: uuid.0, created_at, schema: CreateIndex::from(schema) };
    json_file::write(&folder.join("index.json"), file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::{HnswParams, Metric, Quantization, vector::Dim};
    use std::fs;

    fn schema(quantization: Quantization) -> IndexSchema {
        IndexSchema {
            dim: Dim::new(3).unwrap(),
            metric: Metric::Cosine,
            shards: ShardCount::new(2).unwrap(),
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization,
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let (name, uuid) = (IndexName::new("faces").unwrap(), IndexUuid(Uuid::from_u128(7)));
        for quantization in Quantization::ALL {
            let schema = schema(quantization);
            write(folder.path(), &name, uuid, &schema, "2026-01-31T12:00:00Z".to_owned()).unwrap();
            assert_eq!(read(folder.path(), &name).unwrap(), (uuid, schema));
        }
    }

    /// The file of format 1, to the letter.
    #[test]
    fn an_index_of_format_1_is_of_8_bit_codes() {
        let before = r#"{
  "format_version": 1,
  "name": "faces",
  "uuid": "00000000-0000-0000-0000-000000000007",
  "created_at": "2026-01-31T12:00:00Z",
  "schema": {
    "dim": 3,
    "metric": "cosine",
    "shards": 2,
    "hnsw": {
      "m": 16,
      "ef_construction": 200
    }
  }
}"#;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.json"), before).unwrap();
        let read = read(folder.path(), &IndexName::new("faces").unwrap()).unwrap();
        assert_eq!(read, (IndexUuid(Uuid::from_u128(7)), schema(Quantization::Int8)));
    }
}

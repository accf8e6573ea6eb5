//! `shard-<k>.json`: what is known of a shard's archive, stored beside it by whoever wrote the archive and does not
//! write the manifest. Persisted, keep stable.

use crate::checked::{PutCheckedError, ReadCheckedError};
use crate::dump_id::DumpId;
use crate::file::{DumpFile, DumpKey};
use crate::files::StoreFault;
use crate::limits::SHARD_RECORD_BYTES_MAX;
use crate::manifest::ShardRecord;
use crate::manifest_json::{DecodeManifestError, ShardFile};
use crate::store::DumpStore;
use annuli_core::id::{IndexUuid, ShardId};
use serde::{Deserialize, Serialize};

/// The version that this release writes, and the only one that it reads.
const FORMAT_VERSION: u64 = 1;

/// A record that was not written.
#[derive(Debug, thiserror::Error)]
pub enum PutRecordError {
    /// Another process has written the shard's archive.
    #[error("dump {dump} has another `{}` already: what is published never changes", DumpFile::Record(*shard))]
    Differs {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
    },
    /// No reader would accept it.
    #[error(
        "`{}` of dump {dump} would have {bytes} bytes, the limit is {SHARD_RECORD_BYTES_MAX}", DumpFile::Record(*shard)
    )]
    TooLarge {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// Its length.
        bytes: u64,
    },
    /// The store could not be written to.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// A record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordError {
    /// It is not what was written: it, or the digest beside it, is damaged or gone.
    #[error("`{}` of dump {dump} is damaged: it does not have the digest in `{}`",
        DumpFile::Record(*shard), DumpFile::RecordDigest(*shard))]
    Damaged {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
    },
    /// Too long to be read.
    #[error("`{}` of dump {dump} has more than {SHARD_RECORD_BYTES_MAX} bytes", DumpFile::Record(*shard))]
    TooLarge {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
    },
    /// Not JSON, or not the fields of a record.
    #[error("`{}` of dump {dump} is malformed: {error}", DumpFile::Record(*shard))]
    Json {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// A newer release wrote it.
    #[error(
        "`{}` of dump {dump} has format version {found}, this release reads version {FORMAT_VERSION}",
        DumpFile::Record(*shard)
    )]
    Version {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// The version.
        found: u64,
    },
    /// No manifest could hold what it says.
    #[error("`{}` of dump {dump} says what no manifest may: {error}", DumpFile::Record(*shard))]
    Refused {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
        /// What is wrong.
        error: DecodeManifestError,
    },
    /// The record of another shard or dump.
    #[error("`{}` of dump {dump} is that of another shard or dump", DumpFile::Record(*shard))]
    Other {
        /// The dump.
        dump: DumpId,
        /// The shard.
        shard: ShardId,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl DumpStore {
    /// Puts the record of a published archive beside it, so that who writes the manifest needs nothing but the store.
    /// The same record may be put again.
    pub fn put_record(&self, index: IndexUuid, dump: DumpId, record: &ShardRecord) -> Result<(), PutRecordError> {
        let shard = record.shard;
        let file = RecordFile {
            format_version: FORMAT_VERSION,
            dump_id: dump.to_string(),
            index_uuid: index.to_string(),
            record: ShardFile::from(record),
        };
        let mut json = serde_json::to_vec_pretty(&file).expect("text and numbers always have a JSON form");
        json.push(b'\n');
        match json.len() as u64 {
            bytes if bytes > SHARD_RECORD_BYTES_MAX => return Err(PutRecordError::TooLarge { dump, shard, bytes }),
            _ => {}
        }
        self.checked_record(DumpKey { index, dump }, shard).put(&json).map_err(|error| match error {
            PutCheckedError::Differs => PutRecordError::Differs { dump, shard },
            PutCheckedError::Store(fault) => PutRecordError::Store(fault),
        })
    }

    /// The record of a shard's archive, if it has been put: then the archive is published.
    pub fn record(
        &self,
        index: IndexUuid,
        dump: DumpId,
        shard: ShardId,
    ) -> Result<Option<ShardRecord>, ReadRecordError> {
        match self.checked_record(DumpKey { index, dump }, shard).read(SHARD_RECORD_BYTES_MAX) {
            Ok(json) => decode(&json, index, dump, shard).map(Some),
            Err(ReadCheckedError::Absent) => Ok(None),
            Err(ReadCheckedError::NoDigest | ReadCheckedError::Digest) => Err(ReadRecordError::Damaged { dump, shard }),
            Err(ReadCheckedError::TooLarge) => Err(ReadRecordError::TooLarge { dump, shard }),
            Err(ReadCheckedError::Store(fault)) => Err(fault.into()),
        }
    }
}

fn decode(json: &[u8], index: IndexUuid, dump: DumpId, shard: ShardId) -> Result<ShardRecord, ReadRecordError> {
    let malformed = |error| ReadRecordError::Json { dump, shard, error };
    // As for the manifest: a newer file should be called newer, not malformed.
    let Version { format_version: found } = serde_json::from_slice(json).map_err(malformed)?;
    if found != FORMAT_VERSION {
        return Err(ReadRecordError::Version { dump, shard, found });
    }
    let file: RecordFile = serde_json::from_slice(json).map_err(malformed)?;
    if (file.dump_id, file.index_uuid) != (dump.to_string(), index.to_string()) {
        return Err(ReadRecordError::Other { dump, shard });
    }
    let record = ShardRecord::try_from(file.record).map_err(|error| ReadRecordError::Refused { dump, shard, error })?;
    if record.shard == shard { Ok(record) } else { Err(ReadRecordError::Other { dump, shard }) }
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    format_version: u64,
    dump_id: String,
    index_uuid: String,
    record: ShardFile,
}

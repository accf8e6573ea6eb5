//! The index that an import goes to: found, or created.

use crate::cli::ImportArgs;
use crate::client::{Client, ClientError};
use crate::command::index::hnsw;
use annuli_api::v1::index::{CreateIndex, IndexInfo};
use annuli_api::{ErrorCode, Failure};
use annuli_core::vector::Dim;
use annuli_core::{IndexName, IndexSchema, Metric, ShardCount};
use uuid::Uuid;

/// An index that cannot take the file.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody said how its vectors are compared.
    #[error("there is no index `{index}`: name a metric with --metric, and it is created with dimension {dim}")]
    Missing {
        /// Its name.
        index: IndexName,
        /// Components of the file's vectors.
        dim: Dim,
    },
    /// Vectors of another size.
    #[error("the file's vectors have {file} dimensions, index `{index}` has {wanted}")]
    Dim {
        /// Its name.
        index: IndexName,
        /// Components of the file's vectors.
        file: Dim,
        /// Components of the index's.
        wanted: Dim,
    },
    /// Another metric than the one that was asked for.
    #[error("index `{index}` has the metric {found}, not {asked}: leave out --metric, or choose another name")]
    Metric {
        /// Its name.
        index: IndexName,
        /// Its metric.
        found: Metric,
        /// The one asked for.
        asked: Metric,
    },
    /// Another number of shards than was asked for.
    #[error("index `{index}` has {found} shards, not {asked}: leave out --shards, or choose another name")]
    Shards {
        /// Its name.
        index: IndexName,
        /// How many it has.
        found: ShardCount,
        /// The number asked for.
        asked: ShardCount,
    },
    /// A server whose schema breaks the bounds of the API.
    #[error("the server describes index `{index}` with a schema that none can have: {failure}")]
    Schema {
        /// Its name.
        index: IndexName,
        /// What is wrong with it.
        failure: Failure,
    },
}

/// An index that can take the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) uuid: Uuid,
    pub(super) schema: IndexSchema,
}

/// The index, which is created if there is none and a metric was named.
pub(super) fn find_or_create(client: &Client, args: &ImportArgs, dim: Dim) -> Result<Target, TargetError> {
    let index = &args.index;
    let info = match (client.index(index), args.metric) {
        (Ok(info), _) => info,
        (Err(error), Some(metric)) if error.code() == Some(ErrorCode::IndexNotFound) => {
            client.create_index(index, &schema_of(args, dim, metric))?
        }
        (Err(error), None) if error.code() == Some(ErrorCode::IndexNotFound) => {
            return Err(TargetError::Missing { index: index.clone(), dim });
        }
        (Err(error), _) => return Err(error.into()),
    };
    let schema = read_schema(index, &info)?;
    check(args, dim, &schema)?;
    Ok(Target { uuid: info.uuid, schema })
}

/// What is to be created.
pub(super) fn schema_of(args: &ImportArgs, dim: Dim, metric: Metric) -> CreateIndex {
    CreateIndex {
        dim: dim.get() as u64,
        metric: metric.name().to_owned(),
        shards: args.shards.map(ShardCount::get),
        hnsw: hnsw(args.m, args.ef_construction),
        quantization: args.quantization.map(|quantization| quantization.name().to_owned()),
    }
}

fn read_schema(index: &IndexName, info: &IndexInfo) -> Result<IndexSchema, TargetError> {
    let schema = info.schema.schema(ShardCount::ONE);
    schema.map_err(|failure| TargetError::Schema { index: index.clone(), failure })
}

fn check(args: &ImportArgs, dim: Dim, schema: &IndexSchema) -> Result<(), TargetError> {
    let index = args.index.clone();
    if schema.dim != dim {
        return Err(TargetError::Dim { index, file: dim, wanted: schema.dim });
    }
    if let Some(asked) = args.metric.filter(|asked| *asked != schema.metric) {
        return Err(TargetError::Metric { index, found: schema.metric, asked });
    }
    if let Some(asked) = args.shards.filter(|asked| *asked != schema.shards) {
        return Err(TargetError::Shards { index, found: schema.shards, asked });
    }
    Ok(())
}

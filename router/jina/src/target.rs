//! Which index a request is about.

use crate::parameters::Parameters;
use annuli_api::v1::index::CreateIndex;
use annuli_api::v1::vector::WireVector;
use annuli_api::{Created, ErrorCode, Failure, Index};
use annuli_core::{Metric, Vector};
use annuli_router::{Router, parse_name};
use std::sync::Arc;

/// The index of requests that name none.
pub const DEFAULT_INDEX: &str = "default";

/// How an index is that a request creates.
#[derive(Debug, Clone, Copy)]
pub struct Founding {
    /// How its vectors are compared.
    pub metric: Metric,
}

/// The index of a request.
pub(crate) async fn find(router: &Router, parameters: &Parameters) -> Result<Arc<Index>, Failure> {
    router.index(name(parameters)?).await
}

/// The index of a request that stores documents: `default` comes into being with the dimension of the first `vector`.
pub(crate) async fn find_or_found(
    router: &Router,
    parameters: &Parameters,
    founding: Founding,
    vector: &WireVector,
) -> Result<Arc<Index>, Failure> {
    let name = name(parameters)?;
    match router.index(name).await {
        Err(failure) if failure.code == ErrorCode::IndexNotFound && name == DEFAULT_INDEX => {}
        found => return found,
    }
    let unreadable = |error| Failure::new(ErrorCode::InvalidVector, format_args!("the first embedding {error}"));
    let dim = Vector::try_from(vector.clone()).map_err(unreadable)?.as_slice().len() as u64;
    let schema =
        CreateIndex { dim, metric: founding.metric.name().to_owned(), shards: None, hnsw: None, quantization: None };
    match router.create_index(parse_name(name)?, &schema).await {
        Ok(Created::New(index) | Created::Existing(index)) => Ok(index),
        // Another request was first, with another dimension: its documents are told apart there.
        Err(failure) if failure.code == ErrorCode::IndexExists => router.index(name).await,
        Err(failure) => Err(failure),
    }
}

fn name(parameters: &Parameters) -> Result<&str, Failure> {
    Ok(parameters.text("index")?.unwrap_or(DEFAULT_INDEX))
}

//! Which index a request is about.

use crate::endpoint::Call;
use crate::parameters::Parameters;
use annuli_api::shard_api::Consistency;
use annuli_api::v1::document::IndexRequest;
use annuli_api::v1::index::CreateIndex;
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
    let consistency = (parameters.text("consistency")? == Some("primary")).then_some(Consistency::Primary);
    router.index_read(name(parameters)?, parameters.text("after")?, consistency).await
}

/// The index of a request that stores documents, and the request: `default` comes into being with the dimension of the
/// first vector, if it can take all of the documents then.
pub(crate) async fn find_or_found(
    call: &Call<'_>,
    request: IndexRequest,
) -> Result<(Arc<Index>, IndexRequest), Failure> {
    let (router, name) = (call.router, name(call.parameters)?);
    match router.index(name).await {
        Err(failure) if failure.code == ErrorCode::IndexNotFound && name == DEFAULT_INDEX => {}
        found => return found.map(|index| (index, request)),
    }
    let unreadable = |error| Failure::new(ErrorCode::InvalidVector, format_args!("the first embedding {error}"));
    let first = request.documents.first().map(|document| Vector::try_from(document.vector.clone()));
    let dim = first.transpose().map_err(unreadable)?.map_or(0, |vector| vector.as_slice().len() as u64);
    let metric = call.founding.metric.name().to_owned();
    let schema = CreateIndex { dim, metric, shards: None, hnsw: None, quantization: None };
    let to_be = parse_name(name)?;
    let request = router.check_documents(&to_be, &schema, request, call.arrived).await?;
    let index = match router.create_index(to_be, &schema).await {
        Ok(Created::New(index) | Created::Existing(index)) => index,
        // Another request was first, with another dimension: its documents are told apart there.
        Err(failure) if failure.code == ErrorCode::IndexExists => router.index(name).await?,
        Err(failure) => return Err(failure),
    };
    Ok((index, request))
}

fn name(parameters: &Parameters) -> Result<&str, Failure> {
    Ok(parameters.text("index")?.unwrap_or(DEFAULT_INDEX))
}

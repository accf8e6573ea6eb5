//! Managing indexes and aliases.

use super::address::Path;
use super::answer::{Answer, HttpFailure, Reply, ok};
use super::body::Content;
use crate::{Router, parse_name};
use annuli_api::Created;
use annuli_api::v1::index::{AliasList, CreateIndex, IndexInfo, IndexList, SetAlias};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// `PUT /v1/indexes/{name}`
pub(super) async fn create(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, _): Content<CreateIndex>,
) -> Reply<IndexInfo> {
    let (status, index) = match router.create_index(parse_name(&name)?, &request).await? {
        Created::New(index) => (StatusCode::CREATED, index),
        Created::Existing(index) => (StatusCode::OK, index),
    };
    Ok(Answer::new(status, router.index_info(&index, super::now()).await))
}

/// `GET /v1/indexes/{name}`
pub(super) async fn info(State(router): State<Arc<Router>>, Path(name): Path<String>) -> Reply<IndexInfo> {
    let index = router.index(&name).await?;
    Ok(Answer::new(StatusCode::OK, router.index_info(&index, super::now()).await))
}

/// `DELETE /v1/indexes/{name}`
pub(super) async fn remove(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
) -> Result<StatusCode, HttpFailure> {
    router.catalogue.remove(parse_name(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/indexes`
pub(super) async fn list(State(router): State<Arc<Router>>) -> Reply<IndexList> {
    let mut list = IndexList { indexes: Vec::new(), unavailable: Vec::new() };
    for index in router.catalogue.indexes() {
        match index {
            Ok(index) => list.indexes.push(router.index_info(&index, super::now()).await),
            Err(failure) => list.unavailable.push(failure),
        }
    }
    Ok(Answer::new(StatusCode::OK, list))
}

/// `GET /v1/aliases`
pub(super) async fn aliases(State(router): State<Arc<Router>>) -> Reply<AliasList> {
    let text = |name: annuli_core::IndexName| name.as_str().to_owned();
    let aliases = router.catalogue.aliases().into_iter().map(|(alias, index)| (text(alias), text(index))).collect();
    Ok(Answer::new(StatusCode::OK, AliasList { aliases }))
}

/// `PUT /v1/aliases/{alias}`
pub(super) async fn set_alias(
    State(router): State<Arc<Router>>,
    Path(alias): Path<String>,
    Content(request, _): Content<SetAlias>,
) -> Reply<SetAlias> {
    let (alias, index) = (parse_name(&alias)?, parse_name(&request.index)?);
    ok(router.catalogue.set_alias(alias, index).await.map(|()| request))
}

/// `DELETE /v1/aliases/{alias}`
pub(super) async fn remove_alias(
    State(router): State<Arc<Router>>,
    Path(alias): Path<String>,
) -> Result<StatusCode, HttpFailure> {
    router.catalogue.remove_alias(parse_name(&alias)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

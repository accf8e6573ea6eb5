//! Writing, searching and reading documents.

use super::body::{Json, OptionalJson};
use super::failure::{HttpFailure, Reply, ok};
use crate::Router;
use annuli_api::v1::document::{
    CountReply, CountRequest, DeleteReply, DeleteRequest, GetReply, GetRequest, IndexReply, IndexRequest, ListQuery,
    ListReply, StoredDocument, UpdateReply, UpdateRequest,
};
use annuli_api::v1::search::{SearchReply, SearchRequest};
use annuli_api::{ErrorCode, Failure};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use std::sync::Arc;

/// `POST …/index`
pub(super) async fn index(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Json(request): Json<IndexRequest>,
) -> Reply<IndexReply> {
    let index = router.index(&name)?;
    ok(router.index_documents(&index, request, super::now()).await)
}

/// `POST …/update`
pub(super) async fn update(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Json(request): Json<UpdateRequest>,
) -> Reply<UpdateReply> {
    let index = router.index(&name)?;
    ok(router.update_documents(&index, request, super::now()).await)
}

/// `POST …/delete`
pub(super) async fn delete(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Json(request): Json<DeleteRequest>,
) -> Reply<DeleteReply> {
    let index = router.index(&name)?;
    ok(router.delete_documents(&index, request, super::now()).await)
}

/// `POST …/search`
pub(super) async fn search(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Json(request): Json<SearchRequest>,
) -> Reply<SearchReply> {
    let started = super::now();
    let index = router.index(&name)?;
    ok(router.search(&index, request, started).await)
}

/// `GET …/documents/{id}`
pub(super) async fn get_one(
    State(router): State<Arc<Router>>,
    Path((name, id)): Path<(String, String)>,
) -> Reply<StoredDocument> {
    let index = router.index(&name)?;
    ok(router.get_document(&index, &id, super::now()).await)
}

/// `POST …/documents`
pub(super) async fn get_many(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Json(request): Json<GetRequest>,
) -> Reply<GetReply> {
    let index = router.index(&name)?;
    ok(router.get_documents(&index, request, super::now()).await)
}

/// `GET …/documents`
pub(super) async fn list(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Reply<ListReply> {
    let Query(query) = query.map_err(|error| HttpFailure(Failure::new(ErrorCode::InvalidRequest, error)))?;
    let index = router.index(&name)?;
    ok(router.list_documents(&index, query, super::now()).await)
}

/// `POST …/count`
pub(super) async fn count(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    OptionalJson(request): OptionalJson<CountRequest>,
) -> Reply<CountReply> {
    let index = router.index(&name)?;
    ok(router.count_documents(&index, request, super::now()).await)
}

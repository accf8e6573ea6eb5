//! Writing, searching and reading documents.

use super::address::{Path, Query};
use super::answer::{Reply, ok, ok_large};
use super::body::{Content, OptionalContent};
use crate::Router;
use annuli_api::v1::document::{
    CountReply, CountRequest, DeleteReply, DeleteRequest, GetOneQuery, GetOneReply, GetReply, GetRequest, IndexReply,
    IndexRequest, ListQuery, ListReply, UpdateReply, UpdateRequest,
};
use annuli_api::v1::search::{SearchReply, SearchRequest};
use axum::extract::State;
use std::sync::Arc;

/// `POST …/index`
pub(super) async fn index(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, arrived): Content<IndexRequest>,
) -> Reply<IndexReply> {
    let index = router.index(&name).await?;
    ok(router.index_documents(&index, request, arrived).await)
}

/// `POST …/update`
pub(super) async fn update(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, arrived): Content<UpdateRequest>,
) -> Reply<UpdateReply> {
    let index = router.index(&name).await?;
    ok(router.update_documents(&index, request, arrived).await)
}

/// `POST …/delete`
pub(super) async fn delete(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, arrived): Content<DeleteRequest>,
) -> Reply<DeleteReply> {
    let index = router.index(&name).await?;
    ok(router.delete_documents(&index, request, arrived.at).await)
}

/// `POST …/search`
pub(super) async fn search(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, arrived): Content<SearchRequest>,
) -> Reply<SearchReply> {
    let index = router.index_read(&name, request.after.as_deref(), request.consistency).await?;
    ok_large(router.search(&index, request, arrived).await, SearchReply::bytes_about)
}

/// `GET …/documents/{id}`
pub(super) async fn get_one(
    State(router): State<Arc<Router>>,
    Path((name, id)): Path<(String, String)>,
    Query(query): Query<GetOneQuery>,
) -> Reply<GetOneReply> {
    let index = router.index_read(&name, query.after.as_deref(), query.consistency).await?;
    ok(router.get_document(&index, &id, query, super::now()).await)
}

/// `POST …/documents`
pub(super) async fn get_many(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(request, arrived): Content<GetRequest>,
) -> Reply<GetReply> {
    let index = router.index_read(&name, request.after.as_deref(), request.consistency).await?;
    ok_large(router.get_documents(&index, request, arrived.at).await, GetReply::bytes_about)
}

/// `GET …/documents`
pub(super) async fn list(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
) -> Reply<ListReply> {
    let index = router.index_read(&name, query.after.as_deref(), query.consistency).await?;
    ok_large(router.list_documents(&index, query, super::now()).await, ListReply::bytes_about)
}

/// `POST …/count`
pub(super) async fn count(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    OptionalContent(request, arrived): OptionalContent<CountRequest>,
) -> Reply<CountReply> {
    let index = router.index_read(&name, request.after.as_deref(), request.consistency).await?;
    ok(router.count_documents(&index, request, arrived.at).await)
}

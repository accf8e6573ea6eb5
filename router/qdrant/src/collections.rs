//! Collections come, are looked at, and go.

use crate::collection_name::{of_index, to_index};
use crate::envelope::{Refusal, Reply, said};
use crate::schema::{CreateCollection, UpdateCollection};
use crate::{QDRANT_VERSION, collection_info};
use annuli_api::shard_api::Consistency;
use annuli_api::{Created, ErrorCode, Failure, Index};
use annuli_router::Router;
use annuli_router::http::dialect::{self, Body, Path};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// The index that a collection, or an alias of one, is.
pub(crate) async fn find(router: &Router, collection: &str) -> Result<Arc<Index>, Failure> {
    named(router.index(to_index(collection)?.as_str()).await, collection)
}

/// The same, to be read by whom `consistency` lets answer.
pub(crate) async fn find_to_read(
    router: &Router,
    collection: &str,
    consistency: Option<Consistency>,
) -> Result<Arc<Index>, Failure> {
    named(router.index_read(to_index(collection)?.as_str(), None, consistency).await, collection)
}

/// A collection that is missing is called by its own name.
fn named(found: Result<Arc<Index>, Failure>, collection: &str) -> Result<Arc<Index>, Failure> {
    found.map_err(|failure| if failure.code == ErrorCode::IndexNotFound { missing(collection) } else { failure })
}

/// There is no such collection.
pub(crate) fn missing(collection: &str) -> Failure {
    let message = format!("Not found: Collection `{collection}` doesn't exist!");
    Failure::new(ErrorCode::IndexNotFound, message)
}

/// `GET /`
pub(crate) async fn about() -> Response {
    let about = json!({
        "title": "annuli - the REST API of Qdrant",
        "version": QDRANT_VERSION,
        "commit": null,
        "annuli": env!("CARGO_PKG_VERSION"),
    });
    dialect::answer(StatusCode::OK, about, 128)
}

/// `GET /collections`
pub(crate) async fn list(State(router): State<Arc<Router>>) -> Reply<Value> {
    let started = dialect::now();
    let names = router.catalogue.indexes().into_iter().flatten();
    let collections: Vec<_> = names.map(|index| json!({"name": of_index(index.name.as_str())})).collect();
    Ok(said(started, json!({ "collections": collections })))
}

/// `GET /collections/{collection}/exists`
pub(crate) async fn exists(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<Value> {
    let started = dialect::now();
    let exists = match find(&router, &collection).await {
        Ok(_) => true,
        Err(failure) if failure.code == ErrorCode::IndexNotFound => false,
        Err(failure) => return Err(Refusal(failure)),
    };
    Ok(said(started, json!({ "exists": exists })))
}

/// `GET /collections/{collection}`
pub(crate) async fn info(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<Value> {
    let started = dialect::now();
    let index = find(&router, &collection).await?;
    Ok(said(started, collection_info::info(&router.index_info(&index, started).await)))
}

/// `GET /collections/{collection}/cluster`
pub(crate) async fn cluster(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<Value> {
    let started = dialect::now();
    let index = find(&router, &collection).await?;
    Ok(said(started, collection_info::cluster(&router.index_info(&index, started).await)))
}

/// `PUT /collections/{collection}`
pub(crate) async fn create(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Body(read): Body<CreateCollection>,
) -> Reply<bool> {
    let (request, arrived) = read?;
    let name = to_index(&collection)?;
    let taken = || {
        let message = format!("Wrong input: Collection `{collection}` already exists!");
        Failure::new(ErrorCode::IndexExists, message)
    };
    match router.create_index(name, &request.schema()?).await {
        Ok(Created::New(_)) => Ok(said(arrived.at, true)),
        Ok(Created::Existing(_)) => Err(Refusal(taken())),
        Err(failure) if failure.code == ErrorCode::IndexExists => Err(Refusal(taken())),
        Err(failure) => Err(Refusal(failure)),
    }
}

/// `PATCH /collections/{collection}`
pub(crate) async fn update(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Body(read): Body<UpdateCollection>,
) -> Reply<bool> {
    let (request, arrived) = read?;
    let index = find(&router, &collection).await?;
    request.check(&index.schema)?;
    Ok(said(arrived.at, true))
}

/// `DELETE /collections/{collection}`
pub(crate) async fn remove(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<bool> {
    let started = dialect::now();
    match router.catalogue.remove(to_index(&collection)?).await {
        Ok(()) => Ok(said(started, true)),
        Err(failure) if failure.code == ErrorCode::IndexNotFound => Ok(said(started, false)),
        Err(failure) => Err(Refusal(failure)),
    }
}

//! The public HTTP API. A handler parses, calls, converts; nothing else.

mod address;
mod answer;
mod body;
mod cluster;
mod documents;
mod dumps;
mod events;
mod format;
mod guard;
mod health;
mod indexes;
mod metrics;
mod rollouts;
mod sending;
pub mod server;
mod tasks;
pub mod threads;
mod unread;

use crate::Router;
use annuli_api::v1::path;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use std::sync::Arc;
use std::time::Instant;

/// The API over a router.
pub fn api(router: Arc<Router>) -> axum::Router {
    let service = axum::Router::new()
        .route(path::INDEXES, get(indexes::list))
        .route(path::INDEX, put(indexes::create).get(indexes::info).delete(indexes::remove))
        .route(path::DOCUMENTS_INDEX, post(documents::index))
        .route(path::DOCUMENTS_UPDATE, post(documents::update))
        .route(path::DOCUMENTS_DELETE, post(documents::delete))
        .route(path::SEARCH, post(documents::search))
        .route(path::DOCUMENT, get(documents::get_one))
        .route(path::DOCUMENTS, get(documents::list).post(documents::get_many))
        .route(path::COUNT, post(documents::count))
        .route(path::DUMPS, get(dumps::list).post(dumps::create))
        .route(path::DUMP, get(dumps::info).delete(dumps::remove))
        .route(path::RESTORE, post(dumps::restore))
        .route(path::ROLLOUTS, post(rollouts::start))
        .route(path::ROLLOUT, get(rollouts::info))
        .route(path::ROLLOUT_WORD, post(rollouts::say))
        .route(path::CLUSTER, get(cluster::info))
        .route(path::STEP_DOWN, post(cluster::step_down))
        .route(path::ALIASES, get(indexes::aliases))
        .route(path::ALIAS, put(indexes::set_alias).delete(indexes::remove_alias))
        .route(path::TASKS, get(tasks::list))
        .route(path::TASK, get(tasks::info))
        .layer(from_fn_with_state(Arc::clone(&router), guard::limit_requests));
    // Who watches is answered also when there are too many requests.
    let watched = axum::Router::new()
        .route(path::LIVEZ, get(health::live))
        .route(path::HEALTHZ, get(health::live))
        .route(path::READYZ, get(health::ready))
        .route(path::METRICS, get(metrics::metrics))
        // Who listens has a place among listeners.
        .route(path::EVENTS, get(events::listen));
    service
        .merge(watched)
        // The same for everybody, and no work.
        .merge(annuli_console::console())
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(from_fn_with_state(Arc::clone(&router), guard::observe))
        .with_state(router)
}

/// The moment that a request's deadline counts from.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

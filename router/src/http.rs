//! The public HTTP API. A handler parses, calls, converts; nothing else.

mod address;
mod answer;
mod asker;
mod audit;
mod body;
mod cluster;
pub mod dialect;
mod docs;
mod documents;
mod doors;
mod dumps;
mod events;
mod format;
mod guard;
mod health;
mod indexes;
mod metrics;
mod openapi;
mod pace;
mod rollouts;
mod routes;
mod sending;
pub mod server;
mod strangers;
mod tasks;
pub mod threads;
pub mod tls;
mod unread;

use crate::Router;
use axum::middleware::from_fn_with_state;
use dialect::Dialect;
use doors::Doors;
use std::sync::Arc;
use std::time::Instant;

/// The console's pages: they are the same for everybody, and ask for a key themselves where what they show needs one.
const CONSOLE_PATHS: [&str; 3] = [annuli_console::CONSOLE, annuli_console::FIRST_PAGE, annuli_console::FILE];

/// The API over a router.
pub fn api(router: Arc<Router>) -> axum::Router {
    api_with(router, Vec::new())
}

/// The API over a router, and dialects on the same port.
pub fn api_with(router: Arc<Router>, dialects: Vec<Dialect>) -> axum::Router {
    let (requests, watchers) = (routes::requests(), routes::watchers());
    let doors = Doors::of(requests.iter().chain(&watchers)).open_at(CONSOLE_PATHS);
    let watch = guard::Watch::over(&router, dialects.iter().fold(doors, Doors::with_dialect));
    let join = |service, route: routes::Route| route.join(service);
    let service = requests.into_iter().fold(axum::Router::new(), join);
    let service = service.layer(from_fn_with_state(Arc::clone(&router), guard::limit_requests));
    let ours = watchers
        .into_iter()
        .fold(service, join)
        // The same for everybody, and no work.
        .merge(annuli_console::console());
    dialects
        .into_iter()
        .fold(ours, |all, dialect| all.merge(dialect.guarded(&router)))
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(from_fn_with_state(watch, guard::observe))
        .with_state(router)
}

/// The moment that a request's deadline counts from.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

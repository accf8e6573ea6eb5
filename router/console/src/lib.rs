//! The console: pages for a browser, in the binary.
//!
//! What is in `pages/` is sent as it stands there; nothing is built before the compiler reads it, and nothing is asked of
//! another host once a browser has it. The pages know the server by its public API alone, and so does this crate: it
//! knows nothing of a router, and needs no key, since what it sends is the same for everybody.

mod page;
mod shelf;

pub use page::CONTENT_SECURITY_POLICY;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Where the console is.
pub const CONSOLE: &str = "/console";
/// Where its first page is: the others are found from there.
pub const FIRST_PAGE: &str = "/console/";
/// Where each of its files is.
pub const FILE: &str = "/console/{*file}";

/// The console, for whoever has a state of its own.
pub fn console<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(CONSOLE, get(to_first_page))
        .route(FIRST_PAGE, get(|asked: HeaderMap| async move { page::answer("index.html", &asked) }))
        .route(FILE, get(|Path(file): Path<String>, asked: HeaderMap| async move { page::answer(&file, &asked) }))
}

/// Where the pages stand below is said relative to here, so that a proxy may put the server below a path of its own.
async fn to_first_page() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "console/")]).into_response()
}

#[cfg(test)]
mod tests;

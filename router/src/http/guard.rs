//! What every request passes: a place among those at once, a line in the log, an answer where there is no handler.

use super::failure::HttpFailure;
use super::unread::ReadToEnd;
use crate::Router;
use annuli_api::{ErrorCode, Failure};
use axum::extract::{Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Refuses a request when there are too many, or the process is about to end.
pub(super) async fn limit_requests(State(router): State<Arc<Router>>, request: Request, next: Next) -> Response {
    if router.is_draining() {
        let message = "the server is about to end: ask another one, or this one in a moment";
        return HttpFailure(Failure::new(ErrorCode::ShuttingDown, message)).into_response();
    }
    match router.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => {
            let message = "too many requests at once: wait a moment, or raise `limits.concurrent_requests_max`";
            HttpFailure(Failure::new(ErrorCode::Overloaded, message)).into_response()
        }
    }
}

/// Writes a line for each request, and sees to it that its body is read to the end, whoever refuses it.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = tokio::time::Instant::now();
    let response = next.run(request.map(ReadToEnd::wrap)).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    tracing::debug!(%method, path, status = response.status().as_u16(), milliseconds, "request");
    response
}

/// The answer where there is no path.
pub(super) async fn no_such_path(uri: Uri) -> HttpFailure {
    HttpFailure(Failure::new(ErrorCode::NotFound, format_args!("there is no path `{}`", uri.path())))
}

/// The answer where the path has no such method.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> HttpFailure {
    let message = format!("the path `{}` takes no {method}", uri.path());
    HttpFailure(Failure::new(ErrorCode::MethodNotAllowed, message))
}

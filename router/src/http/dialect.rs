//! Other wire protocols over the router's operations: clients that people have, unmodified.
//!
//! A dialect lives in a crate of its own. It reads requests, calls what our own handlers call, and says answers and
//! failures as its clients expect them. What every request passes — places, limits, the log, metrics — is here.

pub use super::address::{Path, Query};
pub use super::asker::{Admitted, Asker};
pub use super::health::readiness;

use super::answer::{self, HttpFailure};
use super::body::Content;
use super::doors::Doors;
use super::{guard, health};
use crate::access::Needs;
use crate::{Arrival, Router};
use annuli_api::v1::path;
use annuli_api::{ErrorCode, Failure};
use axum::extract::{FromRequest, Request};
use axum::handler::Handler;
use axum::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

/// How a dialect says a failure.
pub type Say = fn(&Failure) -> Response;

/// One call of a dialect.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, as axum writes it.
    pub path: &'static str,
    /// What its caller must be allowed to do.
    pub needs: Needs,
    /// Who answers it.
    pub handler: MethodRouter<Arc<Router>>,
}

impl Route {
    /// A call that `handler` answers.
    ///
    /// # Panics
    /// On a method that axum does not route, which is a mistake in a dialect's table.
    pub fn new<H, T>(method: Method, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Arc<Router>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a table of routes names methods that there are");
        Self { method, path, needs, handler: on(filter, handler) }
    }
}

/// A wire protocol.
pub struct Dialect {
    /// Its calls.
    pub routes: Vec<Route>,
    /// How it says a failure that nobody has said yet.
    pub say: Say,
    /// The header by which its clients show a key, beside `authorization: Bearer KEY`. Looked at on a port of its own.
    pub key_header: Option<HeaderName>,
}

impl Dialect {
    /// Its calls with all that each passes.
    pub(super) fn guarded(self, router: &Arc<Router>) -> axum::Router<Arc<Router>> {
        let say = self.say;
        let routes =
            self.routes.into_iter().fold(axum::Router::new(), |all, route| all.route(route.path, route.handler));
        routes
            .layer(from_fn_with_state(Arc::clone(router), guard::limit_requests))
            .layer(map_response(move |response| translated(say, response)))
    }
}

/// A dialect alone, for a port of its own. Who watches finds the process's health there too.
pub fn alone(router: Arc<Router>, dialect: Dialect) -> axum::Router {
    let (say, watch) = (dialect.say, guard::Watch::over(&router, Doors::alone(&dialect)));
    dialect
        .guarded(&router)
        .route(path::LIVEZ, get(health::live))
        .route(path::HEALTHZ, get(health::live))
        .route(path::READYZ, get(health::ready))
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(map_response(move |response| translated(say, response)))
        .layer(from_fn_with_state(watch, guard::observe))
        .with_state(router)
}

#[expect(clippy::unused_async, reason = "axum maps responses with async functions")]
async fn translated(say: Say, response: Response) -> Response {
    in_words(say, response)
}

/// The same failure in the words of a dialect, if the response is one.
pub(super) fn in_words(say: Say, mut response: Response) -> Response {
    let Some(Refused(failure)) = response.extensions_mut().remove() else { return response };
    let mut said = say(&failure);
    said.extensions_mut().insert(failure.code);
    for name in [RETRY_AFTER, WWW_AUTHENTICATE] {
        if let Some(value) = response.headers_mut().remove(&name) {
            said.headers_mut().insert(name, value);
        }
    }
    said
}

/// A failure that may be said in other words yet.
#[derive(Clone)]
pub(super) struct Refused(pub(super) Failure);

/// The body of a request as JSON or MessagePack, within the limits of the server; or why it was not read.
pub struct Body<T>(pub Result<(T, Arrival), Failure>);

impl<T: DeserializeOwned + Send + 'static> FromRequest<Arc<Router>> for Body<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, router: &Arc<Router>) -> Result<Self, Infallible> {
        let read = Content::from_request(request, router).await;
        Ok(Self(read.map(|Content(value, arrival)| (value, arrival)).map_err(|HttpFailure(failure)| failure)))
    }
}

/// Does work on about so many bytes: where they are many, beside the thread of the connection, on which others' requests wait.
///
/// # Errors
/// `deadline_exceeded`, when it could not be begun by then.
pub async fn work<R: Send + 'static>(
    router: &Router,
    deadline: Instant,
    bytes: usize,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Failure> {
    router.offload.run_by(deadline, bytes, work).await
}

/// An answer of about so many bytes: what is large is written beside the thread of the connection.
pub fn answer<T: Serialize + Send + Sync + 'static>(status: StatusCode, value: T, bytes_about: usize) -> Response {
    answer::weighed(status, value, bytes_about)
}

/// A failure, which the dialect says.
pub fn refuse(failure: Failure) -> Response {
    use axum::response::IntoResponse;
    HttpFailure(failure).into_response()
}

/// Marks a response that a dialect has made of a failure by itself, for who counts.
pub fn mark(response: &mut Response, code: ErrorCode) {
    response.extensions_mut().insert(code);
}

/// The moment that a request without a body counts its deadline from.
pub fn now() -> Instant {
    super::now()
}

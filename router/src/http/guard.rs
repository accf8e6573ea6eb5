//! What every request passes: a place among those at once, a line in the log, an answer where there is no handler.

use super::answer::{self, HttpFailure};
use super::audit::Action;
use super::dialect;
use super::doors::Doors;
use super::format::accepted;
use super::sending::Sending;
use super::strangers::Strangers;
use super::unread::{self, ReadToEnd};
use crate::Router;
use crate::access::{Caller, Needs, Role};
use annuli_api::{ErrorCode, Failure};
use annuli_traces::Span;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Refuses a request when there are too many, or the process is about to end. A request has its place until its answer
/// has been sent.
pub(super) async fn limit_requests(State(router): State<Arc<Router>>, request: Request, next: Next) -> Response {
    if router.is_draining() {
        return shutting_down();
    }
    let Ok(place) = Arc::clone(&router.places).try_acquire_owned() else {
        let message = "too many requests at once: wait a moment, or raise `limits.concurrent_requests_max`";
        return HttpFailure(Failure::new(ErrorCode::Overloaded, message)).into_response();
    };
    // There is one for each place, unless whoever ends the process waits for all of them by now.
    let Ok(under_way) = router.under_way.try_acquire() else { return shutting_down() };
    let format = accepted(request.headers());
    let sending = request.extensions().get::<Sending>().cloned();
    let span = span(&router, &request);
    let answered = async { answer::write(next.run(request).await, format, &router.offload).await };
    let response = span.around(answered, tell).await;
    drop(under_way);
    match sending {
        Some(sending) => response.map(|body| sending.hold(place, body)),
        // Who called has the answer when this returns.
        None => response,
    }
}

/// What the request is in a trace, if it is traced: from its place to the answer that is there to be sent. Who is not let
/// in has none, whatever he says.
fn span(router: &Router, request: &Request) -> Span {
    let Some(traces) = &router.traces else { return Span::NONE };
    let span = traces.take_up(request.headers());
    if span.is_kept() {
        let method = request.method();
        // Not the path as it was asked for: that has the ids of documents.
        if let Some(route) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            span.rename(format!("{method} {route}"));
            span.set("http.route", route.to_owned());
        }
        span.set("http.request.method", method.to_string());
    }
    span
}

fn tell(span: &Span, response: &Response) {
    span.set("http.response.status_code", i64::from(response.status().as_u16()));
    if let Some(&code) = response.extensions().get::<ErrorCode>() {
        span.fail(code);
    }
}

fn shutting_down() -> Response {
    let message = "the server is about to end: ask another one, or this one in a moment";
    HttpFailure(Failure::new(ErrorCode::ShuttingDown, message)).into_response()
}

/// What is needed to tell who may ask, and to say who did.
#[derive(Clone)]
pub(super) struct Watch {
    router: Arc<Router>,
    doors: Arc<Doors>,
    strangers: Arc<Strangers>,
}

impl Watch {
    /// Over the requests of a port with these doors.
    pub(super) fn over(router: &Arc<Router>, doors: Doors) -> Self {
        Self { router: Arc::clone(router), doors: Arc::new(doors), strangers: Arc::default() }
    }
}

/// Lets in who may ask, by the head alone; counts each request, writes a line for it and what nobody has written yet,
/// and sees to it that its body is read to the end, whoever refuses it.
pub(super) async fn observe(
    State(Watch { router, doors, strangers }): State<Watch>,
    request: Request,
    next: Next,
) -> Response {
    let started = tokio::time::Instant::now();
    let method = request.method().clone();
    let endpoint = request.extensions().get::<MatchedPath>().cloned();
    // Kept for the line below, wanted or not: to ask whether it is leaves a filter of the log in doubt of the next line,
    // which may be for the audit alone.
    let uri = request.uri().clone();
    let format = accepted(request.headers());
    let needs = doors.needs(endpoint.as_ref().map(MatchedPath::as_str), &method);
    let admitted = router.access.admit(doors.key(request.headers()), needs);
    let is_action = needs == Needs::Role(Role::Admin);
    let is_stranger = admitted.as_ref().is_err_and(|refused| refused.code == ErrorCode::Unauthenticated);
    let action = |who| Action::new(who, method.clone(), uri.path());
    let known = (is_action && !is_stranger).then(|| action(name_of(&admitted)));
    let response = match admitted {
        Ok(_) => next.run(request.map(ReadToEnd::wrap)).await,
        Err(failure) => {
            unread::hear_a_stranger(request.into_body());
            let refusal = HttpFailure(failure).into_response();
            match doors.words(endpoint.as_ref().map(MatchedPath::as_str)) {
                Some(say) => dialect::in_words(say, refusal),
                None => refusal,
            }
        }
    };
    let response = answer::write(response, format, &router.offload).await;
    if let Some(action) = known {
        action.ended(&response);
    } else if is_action {
        strangers.came(|| action(None).ended(&response));
    }
    let took = started.elapsed();
    let meters = &router.metrics.requests;
    meters.answered(endpoint.as_ref().map(MatchedPath::as_str), &method, response.status(), took);
    if let Some(&code) = response.extensions().get::<ErrorCode>() {
        meters.failed(code);
    }
    let milliseconds = took.as_secs_f64() * 1e3;
    tracing::debug!(%method, path = uri.path(), status = response.status().as_u16(), milliseconds, "request");
    response
}

/// The name of the key that was shown, if it is one of this server's.
pub(super) fn name_of(admitted: &Result<Option<Caller>, Failure>) -> Option<String> {
    match admitted {
        Ok(caller) => caller.as_ref().map(|caller| caller.name().to_owned()),
        Err(refused) => refused.details.get("key").and_then(|name| name.as_str()).map(str::to_owned),
    }
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

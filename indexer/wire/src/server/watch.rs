//! What whoever watches over this process asks of it: whether it runs, whether it serves, its figures.
//!
//! They come to the port of the calls, without the secret: an orchestrator and Prometheus read, and change nothing.

use super::reply::{self, Reply};
use annuli_api::Failure;
use async_trait::async_trait;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

/// What a process tells of itself.
#[async_trait]
pub trait Watched: Send + Sync {
    /// Whether it serves what it is to serve.
    ///
    /// # Errors
    /// Why it does not.
    fn ready(&self) -> Result<(), String>;

    /// Its figures, in Prometheus' text format.
    async fn metrics(&self) -> Result<String, Failure>;
}

/// A page for those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The process runs.
    Live,
    /// It serves.
    Ready,
    /// Its figures.
    Metrics,
}

impl Page {
    /// The page that a request asks for; `None`: it is a call.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        if head.method != Method::GET {
            return None;
        }
        match head.uri.path() {
            "/livez" | "/healthz" => Some(Self::Live),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    pub(super) async fn answer(self, watched: &dyn Watched) -> Response<Reply> {
        let not_now = |reason| reply::text(StatusCode::SERVICE_UNAVAILABLE, reason);
        match self {
            Self::Live => reply::text(StatusCode::OK, "ok\n".to_owned()),
            Self::Ready => match watched.ready() {
                Ok(()) => reply::text(StatusCode::OK, "ok\n".to_owned()),
                Err(reason) => not_now(format!("not ready: {reason}\n")),
            },
            Self::Metrics => match watched.metrics().await {
                Ok(text) => reply::text(StatusCode::OK, text),
                Err(failure) => not_now(format!("{failure}\n")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[track_caller]
    fn check(method: Method, path: &str, expected: Option<Page>) {
        let head = Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0;
        assert_eq!(Page::of(&head), expected, "{path}");
    }

    #[test]
    fn pages_are_read_and_everything_else_is_a_call() {
        check(Method::GET, "/livez", Some(Page::Live));
        check(Method::GET, "/readyz", Some(Page::Ready));
        check(Method::GET, "/metrics?name[]=up", Some(Page::Metrics));
        check(Method::POST, "/metrics", None);
        check(Method::GET, "/shard/v1/metrics", None);
    }
}

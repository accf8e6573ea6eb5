//! What is said of everything that only an admin may do, done or refused: who, what, and how it ended.

use annuli_api::ErrorCode;
use axum::http::{Method, StatusCode};
use axum::response::Response;

/// Under this target the lines can be found, and be written to a file of their own.
const TARGET: &str = "audit";

/// An action, before it is known how it ends. Dropped before that, it says so: the client has left, and what was begun
/// may go on.
pub(super) struct Action {
    /// The name of a key; nobody, where none is asked for or none was right.
    who: Option<String>,
    /// How it was asked for.
    method: Method,
    /// What it is about.
    path: String,
    has_ended: bool,
}

impl Action {
    /// What `who` asks for.
    pub(super) fn new(who: Option<String>, method: Method, path: &str) -> Self {
        Self { who, method, path: path.to_owned(), has_ended: false }
    }

    /// Says how it ended.
    pub(super) fn ended(mut self, response: &Response) {
        let status = response.status();
        let code = response.extensions().get::<ErrorCode>();
        let outcome = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refused",
            // Not every protocol says by its status that something failed.
            _ if code.is_some() => "failed",
            StatusCode::ACCEPTED => "begun",
            status if status.is_success() => "done",
            _ => "failed",
        };
        let code = code.map(ErrorCode::to_string).unwrap_or_default();
        self.has_ended = true;
        self.say(outcome, status.as_u16(), &code);
    }

    fn say(&self, outcome: &str, status: u16, code: &str) {
        let Self { who, method, path, .. } = self;
        let who = who.as_deref().unwrap_or("nobody known");
        tracing::info!(target: TARGET, who, %method, path, outcome, status, code, "admin");
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        if !self.has_ended {
            self.say("left", 0, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is said of an action that ends so.
    fn said(end: impl FnOnce(Action)) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log =
            tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || writer.clone()).finish();
        let action = Action::new(Some("root".to_owned()), Method::DELETE, "/v1/indexes/faces");
        tracing::subscriber::with_default(log, || end(action));
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap().trim().to_owned()
    }

    #[test]
    fn an_action_says_once_how_it_ended() {
        let end = |action: Action| action.ended(&Response::builder().status(204).body(Body::empty()).unwrap());
        let line = "INFO audit: admin who=\"root\" method=DELETE path=\"/v1/indexes/faces\" outcome=\"done\" status=204 \
                    code=\"\"";
        assert_eq!(said(end), line);
    }

    /// The first clients of Jina are told of failures under status 200.
    #[test]
    fn an_action_that_failed_is_not_done_whatever_its_status() {
        let end = |action: Action| {
            let mut response = Response::builder().status(200).body(Body::empty()).unwrap();
            response.extensions_mut().insert(ErrorCode::IndexNotFound);
            action.ended(&response);
        };
        let line = "INFO audit: admin who=\"root\" method=DELETE path=\"/v1/indexes/faces\" outcome=\"failed\" status=200 \
                    code=\"index_not_found\"";
        assert_eq!(said(end), line);
    }

    #[test]
    fn of_an_action_whose_client_has_left_it_is_not_known_how_it_ended() {
        let line = "INFO audit: admin who=\"root\" method=DELETE path=\"/v1/indexes/faces\" outcome=\"left\" status=0 code=\"\"";
        assert_eq!(said(drop), line);
    }
}

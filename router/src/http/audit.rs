//! What is said of everything that only an admin may do, done or refused: who, what, and how it ended.

use annuli_api::ErrorCode;
use axum::http::{Method, StatusCode};
use axum::response::Response;

/// Under this target the lines can be found, and be written to a file of their own.
const TARGET: &str = "audit";

/// Longest part of a path in a line: names of indexes, aliases and dumps are shorter, and who asks chooses the rest.
const PATH_BYTES_MAX: usize = 256;

/// An action, before it is known how it ends. Dropped before that, it says so: the client has left, and what was begun
/// may go on.
pub(super) struct Action {
    /// The name of a key; nobody, where none is asked for or none was right.
    who: Option<String>,
    /// How it was asked for.
    method: Method,
    /// What it is about; its beginning, if it is long.
    path: String,
    has_ended: bool,
}

impl Action {
    /// What `who` asks for.
    pub(super) fn new(who: Option<String>, method: Method, path: &str) -> Self {
        let path = path[..path.floor_char_boundary(PATH_BYTES_MAX)].to_owned();
        Self { who, method, path, has_ended: false }
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

/// Says how many strangers came of whom nothing else was said.
pub(super) fn more_strangers(left_out: u64) {
    tracing::info!(target: TARGET, left_out, "strangers asked for what only an admin may do, and were refused");
}

/// What is said, as tests hear it.
#[cfg(test)]
pub(super) mod heard {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::DefaultGuard;

    /// Lines of the log of a thread.
    #[derive(Clone, Default)]
    pub(in crate::http) struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Heard {
        /// Hears what this thread says, until the guard is dropped.
        pub(in crate::http) fn listen(&self) -> DefaultGuard {
            let writer = self.clone();
            let log = tracing_subscriber::fmt().without_time().with_ansi(false);
            tracing::subscriber::set_default(log.with_writer(move || writer.clone()).finish())
        }

        pub(in crate::http) fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| line.trim().to_owned()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::heard::Heard;
    use super::*;
    use axum::body::Body;

    /// What is said of an action that ends so.
    #[track_caller]
    fn check(path: &str, end: impl FnOnce(Action), says: &str) {
        let heard = Heard::default();
        let log = heard.listen();
        end(Action::new(Some("root".to_owned()), Method::DELETE, path));
        drop(log);
        assert_eq!(heard.lines(), [format!("INFO audit: admin who=\"root\" method=DELETE {says}")]);
    }

    fn done(action: Action) {
        action.ended(&Response::builder().status(204).body(Body::empty()).unwrap());
    }

    #[test]
    fn an_action_says_once_how_it_ended() {
        let says = "path=\"/v1/indexes/faces\" outcome=\"done\" status=204 code=\"\"";
        check("/v1/indexes/faces", done, says);
    }

    /// The first clients of Jina are told of failures under status 200.
    #[test]
    fn an_action_that_failed_is_not_done_whatever_its_status() {
        let end = |action: Action| {
            let mut response = Response::builder().status(200).body(Body::empty()).unwrap();
            response.extensions_mut().insert(ErrorCode::IndexNotFound);
            action.ended(&response);
        };
        let says = "path=\"/v1/indexes/faces\" outcome=\"failed\" status=200 code=\"index_not_found\"";
        check("/v1/indexes/faces", end, says);
    }

    #[test]
    fn of_an_action_whose_client_has_left_it_is_not_known_how_it_ended() {
        let says = "path=\"/v1/indexes/faces\" outcome=\"left\" status=0 code=\"\"";
        check("/v1/indexes/faces", drop, says);
    }

    #[test]
    fn of_a_long_path_its_beginning_is_said() {
        let path = format!("/{}\u{fc}{}", "x".repeat(PATH_BYTES_MAX - 2), "y".repeat(60_000));
        let says = format!("path=\"/{}\" outcome=\"done\" status=204 code=\"\"", "x".repeat(PATH_BYTES_MAX - 2));
        check(&path, done, &says);
    }
}

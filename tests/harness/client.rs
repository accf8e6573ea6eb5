//! A client of the HTTP API that takes a refusal for an answer.

use annuli_api::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use ureq::http::{Method, Request};
use ureq::{Agent, Error};

/// The longest that a test waits for one answer: longer than any request is allowed to take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest answer that a test asks for: ten thousand documents with their vectors.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A client of one run of a server. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    key: Option<String>,
}

/// What the server answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, if it is JSON; else null.
    pub json: Value,
    /// The body as text.
    pub text: String,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Connection`.
    pub connection: Option<String>,
}

impl Client {
    /// A client of the server at `url`.
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The server is on this machine, whatever the environment says about proxies.
            .proxy(None)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Self { agent: config.new_agent(), url: url.to_owned(), key: None }
    }

    /// The same, with that API key.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// Where it sends its requests.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        answered(self.try_send(Method::GET, path, None))
    }

    /// Sends a GET, to a server that may be down.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send(Method::GET, path, None).ok()
    }

    /// Sends a PUT of JSON.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        answered(self.try_send(Method::PUT, path, Some(&body.to_string())))
    }

    /// Sends a POST of JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string())
    }

    /// Sends a POST of a text that says it is JSON.
    #[track_caller]
    pub fn post_text(&self, path: &str, body: &str) -> Answer {
        answered(self.try_send(Method::POST, path, Some(body)))
    }

    /// Sends a DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        answered(self.try_send(Method::DELETE, path, None))
    }

    /// Sends a request, with a body that says it is JSON or none. An error is the connection's: the server may have
    /// been killed.
    pub fn try_send(&self, method: Method, path: &str, body: Option<&str>) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.header("content-type", "application/json").body(body.to_owned())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (retry_after, connection) = (header("retry-after"), header("connection"));
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        let text = String::from_utf8(bytes).expect("answers are text");
        Ok(Answer { retry_after, connection, ..Answer::new(status, text) })
    }
}

#[track_caller]
fn answered(answer: Result<Answer, Error>) -> Answer {
    answer.unwrap_or_else(|error| panic!("no answer: {error}"))
}

impl Answer {
    /// An answer without headers.
    pub fn new(status: u16, text: String) -> Self {
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, json, text, retry_after: None, connection: None }
    }

    /// Whether the server did what it was asked.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The JSON of a success.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.is_success(), "status {}: {}", self.status, self.text);
        self.json
    }

    /// A success, read as a wire type.
    ///
    /// # Panics
    /// When it is none, or of another shape.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(self) -> T {
        let text = self.text.clone();
        let json = self.ok();
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of a refusal, as it is written.
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or("none")
    }

    /// The message of a refusal.
    pub fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    /// Asserts a refusal of that code, with the status that goes with it and a message that holds `says`.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode, says: &str) {
        assert_eq!(self.code(), code.to_string(), "status {}: {}", self.status, self.text);
        assert_eq!(self.status, code.status(), "{}", self.text);
        assert!(self.message().contains(says), "the message does not say {says:?}: {}", self.text);
        assert!(self.json["error"]["details"].is_object(), "details are always there: {}", self.text);
    }
}

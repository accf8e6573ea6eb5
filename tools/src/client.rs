//! A thin client of the HTTP API: one method a call, on the wire types of `annuli_api`.

mod error;
mod server;
mod stream;

pub use error::{ClientError, InvalidUrl, NoAnswer, NotBelieved, Refused, Unexpected, Unreachable};
pub use server::{InvalidServer, Server};
pub use stream::{EventStream, SentEvent};

use annuli_api::v1::cluster::{ClusterInfo, Reshard, Resharding, SteppedDown};
use annuli_api::v1::document::{CountReply, CountRequest, IndexReply, IndexRequest, ListQuery, ListReply};
use annuli_api::v1::dump::{DumpList, RestoreDump};
use annuli_api::v1::event::EventsQuery;
use annuli_api::v1::index::{AliasList, CreateIndex, IndexInfo, IndexList};
use annuli_api::v1::path;
use annuli_api::v1::rollout::{RolloutPlan, RolloutWord, StartRollout};
use annuli_api::v1::search::{SearchReply, SearchRequest};
use annuli_api::v1::task::{TaskInfo, TaskList, TaskStarted};
use annuli_core::IndexName;
use annuli_core::limits::TIMEOUT_MS_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader};
use std::time::Duration;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use ureq::http::{Method, Request, Response, Uri};
use ureq::{Agent, Body};
use uuid::Uuid;

/// Longest wait for a connection. A server that is there takes one within a round trip.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the beginning of an answer: what the server may take, and a little for the way.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(TIMEOUT_MS_MAX + 10_000);

/// Largest answer that is read: the largest search with its vectors, and a bound on what a stranger can send.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A client of one server. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    /// How it shows its key, if it has one. Marked as not to be printed.
    authorization: Option<HeaderValue>,
}

impl Client {
    /// A client of the server at `url` without a key, which keeps at most `connections` open between requests.
    pub fn new(url: &str, connections: usize) -> Result<Self, InvalidUrl> {
        Self::of(&Server::without_key(url), connections)
    }

    /// A client of that server, which keeps at most `connections` open between requests.
    pub fn of(server: &Server, connections: usize) -> Result<Self, InvalidUrl> {
        let url = server.url.as_str();
        let base = url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|_| InvalidUrl::Malformed { url: url.to_owned() })?;
        match uri.scheme_str() {
            Some("http" | "https") if uri.query().is_none() => {}
            Some(_) | None => return Err(InvalidUrl::Malformed { url: url.to_owned() }),
        }
        let config = Agent::config_builder()
            // A refusal has a body that says why.
            .http_status_as_error(false)
            // The server is the user's own, most often on this machine: a proxy to the outside cannot reach it.
            .proxy(None)
            .tls_config(server.tls_config())
            .user_agent(concat!("annuli/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .build();
        Ok(Self { agent: config.new_agent(), base, authorization: server.authorization.clone() })
    }

    /// `GET /v1/indexes`
    pub fn indexes(&self) -> Result<IndexList, ClientError> {
        self.call(Method::GET, path::INDEXES, &NO_BODY)
    }

    /// `GET /v1/indexes/{name}`
    pub fn index(&self, name: &IndexName) -> Result<IndexInfo, ClientError> {
        self.call(Method::GET, &of_index(path::INDEX, name), &NO_BODY)
    }

    /// `PUT /v1/indexes/{name}`
    pub fn create_index(&self, name: &IndexName, schema: &CreateIndex) -> Result<IndexInfo, ClientError> {
        self.call(Method::PUT, &of_index(path::INDEX, name), &Some(schema))
    }

    /// `DELETE /v1/indexes/{name}`
    pub fn delete_index(&self, name: &IndexName) -> Result<(), ClientError> {
        self.send(Method::DELETE, &of_index(path::INDEX, name), Vec::new()).map(drop)
    }

    /// `POST …/index`
    pub fn index_documents(&self, name: &IndexName, request: &IndexRequest) -> Result<IndexReply, ClientError> {
        self.call(Method::POST, &of_index(path::DOCUMENTS_INDEX, name), &Some(request))
    }

    /// `GET …/documents`
    pub fn list_documents(&self, name: &IndexName, query: &ListQuery) -> Result<ListReply, ClientError> {
        let query = serde_urlencoded::to_string(query).expect("a query is a list of texts and numbers");
        self.call(Method::GET, &format!("{}?{query}", of_index(path::DOCUMENTS, name)), &NO_BODY)
    }

    /// `POST …/count`
    pub fn count(&self, name: &IndexName, request: &CountRequest) -> Result<CountReply, ClientError> {
        self.call(Method::POST, &of_index(path::COUNT, name), &Some(request))
    }

    /// `POST …/search`
    pub fn search(&self, name: &IndexName, request: &SearchRequest) -> Result<SearchReply, ClientError> {
        self.call(Method::POST, &of_index(path::SEARCH, name), &Some(request))
    }

    /// `POST …/dumps`
    pub fn start_dump(&self, name: &IndexName) -> Result<TaskStarted, ClientError> {
        self.call(Method::POST, &of_index(path::DUMPS, name), &Some(serde_json::json!({})))
    }

    /// `GET …/dumps`
    pub fn dumps(&self, name: &IndexName) -> Result<DumpList, ClientError> {
        self.call(Method::GET, &of_index(path::DUMPS, name), &NO_BODY)
    }

    /// `DELETE …/dumps/{dump}`
    pub fn delete_dump(&self, name: &IndexName, dump: Uuid) -> Result<(), ClientError> {
        let path = of_index(path::DUMP, name).replace("{dump}", &dump.to_string());
        self.send(Method::DELETE, &path, Vec::new()).map(drop)
    }

    /// `POST …/rollouts`
    pub fn start_rollout(&self, name: &IndexName, request: StartRollout) -> Result<TaskStarted, ClientError> {
        let request = StartRollout { plan: None, ..request };
        self.call(Method::POST, &of_index(path::ROLLOUTS, name), &Some(request))
    }

    /// `POST …/rollouts`, without effect.
    pub fn plan_rollout(&self, name: &IndexName, request: StartRollout) -> Result<RolloutPlan, ClientError> {
        let request = StartRollout { plan: Some(true), ..request };
        self.call(Method::POST, &of_index(path::ROLLOUTS, name), &Some(request))
    }

    /// `GET …/rollouts/{id}`
    pub fn rollout(&self, name: &IndexName, id: Uuid) -> Result<TaskInfo, ClientError> {
        self.call(Method::GET, &of_index(path::ROLLOUT, name).replace("{id}", &id.to_string()), &NO_BODY)
    }

    /// `POST …/rollouts/{id}/{word}`
    pub fn say(&self, name: &IndexName, id: Uuid, word: RolloutWord) -> Result<(), ClientError> {
        let path = of_index(path::ROLLOUT_WORD, name).replace("{id}", &id.to_string());
        self.send(Method::POST, &path.replace("{word}", word.name()), b"{}".to_vec()).map(drop)
    }

    /// `GET /v1/aliases`
    pub fn aliases(&self) -> Result<AliasList, ClientError> {
        self.call(Method::GET, path::ALIASES, &NO_BODY)
    }

    /// `GET /v1/cluster`
    pub fn cluster(&self) -> Result<ClusterInfo, ClientError> {
        self.call(Method::GET, path::CLUSTER, &NO_BODY)
    }

    /// `POST /v1/cluster/reshard`
    pub fn reshard(&self, shards: u32) -> Result<Resharding, ClientError> {
        self.call(Method::POST, path::RESHARD, &Some(Reshard { shards }))
    }

    /// `DELETE /v1/cluster/reshard`
    pub fn cancel_reshard(&self) -> Result<Resharding, ClientError> {
        self.call(Method::DELETE, path::RESHARD, &NO_BODY)
    }

    /// `POST /v1/cluster/coordinator/step-down`
    pub fn step_down(&self) -> Result<SteppedDown, ClientError> {
        self.call(Method::POST, path::STEP_DOWN, &Some(serde_json::json!({})))
    }

    /// `GET /v1/events`; they are read as they come, for as long as the server goes on.
    pub fn events(&self, query: &EventsQuery) -> Result<EventStream<impl BufRead + use<>>, ClientError> {
        let EventsQuery { after, follow } = query;
        let after = after.iter().map(|after| format!("after={after}"));
        let words: Vec<_> = after.chain(follow.iter().map(|follow| format!("follow={follow}"))).collect();
        let (_, body) = self.open(Method::GET, &format!("{}?{}", path::EVENTS, words.join("&")), Vec::new())?;
        Ok(EventStream::new(BufReader::new(body.into_reader())))
    }

    /// `GET /v1/tasks`
    pub fn tasks(&self) -> Result<TaskList, ClientError> {
        self.call(Method::GET, path::TASKS, &NO_BODY)
    }

    /// `POST …/restore`
    pub fn restore_dump(&self, name: &IndexName, dump: Uuid) -> Result<TaskStarted, ClientError> {
        self.call(Method::POST, &of_index(path::RESTORE, name), &Some(RestoreDump { dump }))
    }

    /// `GET /v1/tasks/{id}`
    pub fn task(&self, id: Uuid) -> Result<TaskInfo, ClientError> {
        self.call(Method::GET, &path::TASK.replace("{id}", &id.to_string()), &NO_BODY)
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: &Option<impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = request.as_ref().map(|body| serde_json::to_vec(body).expect("wire types have a JSON form"));
        let (status, answer) = self.send(method, path, body.unwrap_or_default())?;
        serde_json::from_slice(&answer).map_err(|error| Unexpected::new(self.url(path), status, &answer, &error).into())
    }

    /// Sends a request and reads the whole answer, which is an error unless its status is a success.
    fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), ClientError> {
        let (status, mut body) = self.open(method, path, body)?;
        let failed = |error| ClientError::of_transport(&self.url(path), error);
        Ok((status, body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?))
    }

    /// Sends a request and waits for the beginning of its answer, of which nothing else is read if it is a success.
    fn open(&self, method: Method, path: &str, body: Vec<u8>) -> Result<(u16, Body), ClientError> {
        let url = self.url(path);
        let failed = |error| ClientError::of_transport(&url, error);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        // A request without a body says so by its length, or by not having one where that is usual.
        let mut response = if body.is_empty() {
            self.agent.run(request.body(()).map_err(|error| failed(error.into()))?).map_err(failed)?
        } else {
            let request = request.header(CONTENT_TYPE, "application/json").body(body);
            self.agent.run(request.map_err(|error| failed(error.into()))?).map_err(failed)?
        };
        let status = response.status();
        if status.is_success() {
            return Ok((status.as_u16(), response.into_body()));
        }
        let retry_after = retry_after(&response);
        let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
        Err(ClientError::of_refusal(url, status.as_u16(), &answer, retry_after))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

const NO_BODY: Option<()> = None;

/// An index's name needs no escaping: it has letters, digits, `_` and `-` only.
fn of_index(path: &str, name: &IndexName) -> String {
    path.replace("{name}", name.as_str())
}

/// The header's seconds. Its other form, a date, is not what our servers send.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let header = response.headers().get(RETRY_AFTER)?;
    Some(Duration::from_secs(header.to_str().ok()?.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_url(url: &str, message: &str) {
        assert_eq!(Client::new(url, 1).map(drop).map_err(|error| error.to_string()), Err(message.to_owned()));
    }

    #[test]
    fn a_url_is_that_of_a_server() {
        for url in ["http://127.0.0.1:7700", "https://h", "http://annuli.example/behind/a/proxy/"] {
            assert!(Client::new(url, 1).is_ok(), "{url}");
        }
        for url in ["localhost:7700", "ftp://h", "http://", "http://h/?q", ""] {
            check_url(url, &format!("`{url}` is no URL of a server: write it like http://127.0.0.1:7700"));
        }
    }
}

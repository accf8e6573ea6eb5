//! A service and its model, side by side.

use super::plain::{PlainIndex, PlainService, Schema};
use super::seed;
use annuli_tests::{Answer, Client, Launch, Server};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use ureq::http::Method;

/// How much of a request or an answer the trace shows.
const TRACE_CHARACTERS: usize = 400;

/// A service and its model. When a test fails, the operations so far are shown.
pub(super) struct Run {
    server: Server,
    client: Client,
    pub(super) plain: PlainService,
    pub(super) random: StdRng,
    trace: Vec<String>,
}

impl Run {
    /// Starts a service with one index.
    pub(super) fn start(metric: &'static str, shards: u32, seed: u64) -> Self {
        // So few that segments come and go all the time.
        let server = Launch::new().variable("ANNULI_SEAL_POINTS", "20").start();
        let client = server.client();
        let random = seed::random(seed, u64::from(shards));
        let trace = vec![format!("seed {seed}, {metric}, {shards} shards")];
        let mut run = Self { server, client, plain: PlainService::default(), random, trace };
        run.create("alpha", Schema { dim: 4, metric, shards, scale: 1.0 });
        run
    }

    /// One random operation.
    pub(super) fn do_something(&mut self) {
        match self.random.random_range(0..1000) {
            0..260 => self.store_some(),
            260..370 => self.update_some(),
            370..450 => self.delete_some(),
            450..475 => self.delete_matching(),
            475..555 => self.get_some(),
            555..595 => self.get_one(),
            595..665 => self.list_all(),
            665..735 => self.count(),
            735..935 => self.search(),
            935..950 => self.set_alias(),
            950..955 => self.remove_alias(),
            955..975 => self.create_some(),
            975..983 => self.remove_some(),
            983..990 => self.ask_for_what_is_not_there(),
            990..995 => self.restart("SIGTERM"),
            _ => self.restart("SIGKILL"),
        }
    }

    /// Compares all that there is.
    pub(super) fn check_everything(&mut self) {
        self.check_names();
        let names: Vec<_> = self.plain.indexes.keys().cloned().collect();
        for name in &names {
            self.check_info(name);
            self.check_documents(name);
        }
    }

    fn restart(&mut self, signal: &str) {
        self.trace.push(signal.to_owned());
        if signal == "SIGKILL" {
            self.server.kill9();
        } else {
            assert!(self.server.sigterm().success(), "a server that is told to end, ends well");
        }
        self.server.restart();
        self.client = self.server.client();
        self.check_everything();
    }

    /// A name to ask with, which may be an alias, and the index that is meant.
    pub(super) fn some_index(&mut self) -> (String, String) {
        if self.plain.indexes.is_empty() {
            self.create("alpha", Schema { dim: 4, metric: "cosine", shards: 2, scale: 1.0 });
        }
        let names = self.plain.indexes.keys().chain(self.plain.aliases.keys());
        let name = names.choose(&mut self.random).unwrap().clone();
        let index = self.plain.resolve(&name).unwrap();
        (name, index)
    }

    /// The model of an index.
    pub(super) fn index(&mut self, name: &str) -> &mut PlainIndex {
        self.plain.indexes.get_mut(name).unwrap()
    }

    /// Adds to some reads that they must know the last reply.
    pub(super) fn with_after(&mut self, index: &str, mut body: Value) -> Value {
        if self.random.random_bool(0.4)
            && let Some(token) = self.plain.indexes[index].token.clone()
        {
            body["after"] = json!(token);
        }
        body
    }

    /// Sends a request, and remembers it.
    #[track_caller]
    pub(super) fn call(&mut self, method: &Method, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string);
        let number = self.trace.len();
        self.trace.push(format!("{number} {method} {path} {}", start_of(text.as_deref().unwrap_or_default())));
        let answer = self.client.try_send(method.clone(), path, text.as_deref()).unwrap();
        self.trace.push(format!("    {} {}", answer.status, start_of(&answer.text)));
        answer
    }

    /// Posts to an index.
    #[track_caller]
    pub(super) fn post(&mut self, name: &str, endpoint: &str, body: &Value) -> Answer {
        self.call(&Method::POST, &format!("/v1/indexes/{name}/{endpoint}"), Some(body))
    }

    /// Remembers the token of a reply.
    pub(super) fn keep_token(&mut self, index: &str, reply: &Value) {
        let token = reply["as_of"].as_str().expect("every reply about documents has a token").to_owned();
        self.index(index).token = Some(token);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- operations:\n{}\n---", self.trace.join("\n"));
        }
    }
}

fn start_of(text: &str) -> String {
    let mut start: String = text.trim_end().chars().take(TRACE_CHARACTERS).collect();
    if start.len() < text.trim_end().len() {
        start.push('…');
    }
    start
}

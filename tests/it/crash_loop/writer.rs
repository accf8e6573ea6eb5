//! A client that writes until the server is gone.

use super::SCHEMA;
use super::ledger::Ledger;
use super::operation::Operation;
use crate::model::nearest::check_parts;
use crate::model::vectors::vector;
use annuli_tests::Index;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use ureq::http::Method;

/// A client with its documents.
pub(super) struct Writer<'a> {
    index: Index,
    ledger: &'a mut Ledger,
    random: StdRng,
}

/// The connection is broken.
struct Gone;

impl<'a> Writer<'a> {
    pub(super) fn new(index: Index, ledger: &'a mut Ledger, random: StdRng) -> Self {
        Self { index, ledger, random }
    }

    /// Writes until the server does not answer, which must be because it was killed.
    pub(super) fn run(&mut self, killed: &AtomicBool, acknowledge: &SyncSender<()>) {
        while let Ok(()) = self.write() {
            acknowledge.send(()).expect("somebody counts");
        }
        assert!(killed.load(Ordering::SeqCst), "the server does not answer and was not killed");
    }

    fn write(&mut self) -> Result<(), Gone> {
        let operation = Operation::draw(&mut self.random, self.ledger);
        let (endpoint, body) = (operation.endpoint, operation.body.clone());
        self.ledger.begin(operation);
        let reply = self.post(endpoint, &body)?;
        self.ledger.acknowledge(&reply);
        match self.random.random_range(0..10) {
            0 | 1 => self.read_own(&reply["as_of"]),
            2 | 3 => self.search_own(&reply["as_of"]),
            _ => Ok(()),
        }
    }

    /// Reads some documents again: what was acknowledged is there at once.
    fn read_own(&mut self, token: &Value) -> Result<(), Gone> {
        let ids: Vec<_> = self.ledger.documents.keys().cloned().sample(&mut self.random, 20);
        let reply = self.post("documents", &json!({"ids": ids, "after": token}))?;
        let (there, missing): (Vec<_>, Vec<_>) = ids.iter().partition(|id| self.ledger.documents[*id].is_some());
        assert_eq!(reply["missing"], json!(missing));
        for (found, id) in reply["documents"].as_array().unwrap().iter().zip(there) {
            assert_eq!(found["id"], id.as_str());
            check_parts(found, self.ledger.documents[id].as_ref().unwrap(), &["metadata", "vector"]);
        }
        Ok(())
    }

    /// Searches near the own documents: those that are found are there, as they were last acknowledged.
    fn search_own(&mut self, token: &Value) -> Result<(), Gone> {
        let queries: Vec<_> = (0..4).map(|_| vector(&mut self.random, SCHEMA.dim, SCHEMA.scale)).collect();
        let parts = ["metadata", "vector"];
        let body = json!({"vectors": queries, "limit": 50, "include": parts, "after": token});
        let reply = self.post("search", &body)?;
        let results = reply["results"].as_array().unwrap();
        let hits = results.iter().flat_map(|result| result["hits"].as_array().unwrap());
        for hit in hits.filter(|hit| hit["metadata"]["owner"] == self.ledger.owner) {
            let known = &self.ledger.documents[hit["id"].as_str().unwrap()];
            let document = known.as_ref().unwrap_or_else(|| panic!("{hit} was deleted, as was acknowledged"));
            check_parts(hit, document, &parts);
        }
        Ok(())
    }

    fn post(&self, endpoint: &str, body: &Value) -> Result<Value, Gone> {
        let path = self.index.path(&format!("/{endpoint}"));
        let answer = self.index.client.try_send(Method::POST, &path, Some(&body.to_string())).map_err(|_| Gone)?;
        Ok(answer.ok())
    }
}

//! A write of one client.

use super::SCHEMA;
use super::ledger::{GROUPS, Ledger, new_document};
use crate::model::condition;
use crate::model::plain::PlainDocument;
use crate::model::vectors::{to_json, vector};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A write, and what it does.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Where it is sent.
    pub(crate) endpoint: &'static str,
    /// What is sent.
    pub(crate) body: Value,
    /// Every document that it changes, as it will be.
    pub(crate) changes: BTreeMap<String, Option<PlainDocument>>,
    /// Whether each shard does its part as one group.
    pub(crate) is_one_group: bool,
    /// Ids of documents that are to be changed and are not there.
    missing: Vec<String>,
}

impl Operation {
    /// A random write of documents of that ledger.
    pub(crate) fn draw(random: &mut StdRng, ledger: &Ledger) -> Self {
        let kind = random.random_range(0..100);
        let mut store = |most| {
            let ids = some_ids(random, ledger, most);
            Self::store(random, ledger.owner, &ids)
        };
        match kind {
            0..30 => store(60),
            30..45 => store(1),
            45..50 => store(400),
            50..80 => Self::update(random, ledger),
            80..95 => Self::delete(&some_ids(random, ledger, 20), ledger),
            _ => Self::delete_group(random, ledger),
        }
    }

    /// Stores documents.
    pub(crate) fn store(random: &mut StdRng, owner: usize, ids: &[String]) -> Self {
        let (mut changes, mut documents) = (BTreeMap::new(), Vec::new());
        for id in ids {
            let (document, json) = new_document(random, owner, id);
            changes.insert(id.clone(), Some(document));
            documents.push(json);
        }
        let body = json!({"documents": documents});
        Self { endpoint: "index", body, changes, is_one_group: true, missing: Vec::new() }
    }

    fn update(random: &mut StdRng, ledger: &Ledger) -> Self {
        let (mut changes, mut documents, mut missing) = (BTreeMap::new(), Vec::new(), Vec::new());
        let what = random.random_range(0..3);
        for id in some_ids(random, ledger, 15) {
            let mut json = json!({"id": id});
            let mut document = ledger.documents[&id].clone().map(|document| PlainDocument { seq: 0, ..document });
            if what != 0 {
                let patch = condition::patch(random);
                json["metadata"] = patch.clone().into();
                if let Some(document) = &mut document {
                    condition::merge(&mut document.metadata, &patch);
                }
            }
            if what != 1 {
                let vector = vector(random, SCHEMA.dim, SCHEMA.scale);
                json["vector"] = to_json(random, &vector);
                if let Some(document) = &mut document {
                    document.vector = vector;
                }
            }
            documents.push(json);
            match document {
                Some(document) => drop(changes.insert(id, Some(document))),
                None => missing.push(id),
            }
        }
        let body = json!({"documents": documents});
        Self { endpoint: "update", body, changes, is_one_group: true, missing }
    }

    fn delete(ids: &[String], ledger: &Ledger) -> Self {
        let there = ids.iter().filter(|id| ledger.documents[*id].is_some());
        let changes = there.map(|id| (id.clone(), None)).collect();
        Self { endpoint: "delete", body: json!({"ids": ids}), changes, is_one_group: true, missing: Vec::new() }
    }

    /// Deletes by filter: in steps, each of which is a group of its own.
    fn delete_group(random: &mut StdRng, ledger: &Ledger) -> Self {
        let group = json!(random.random_range(0..GROUPS));
        let is_in_group = |document: &Option<PlainDocument>| {
            document.as_ref().is_some_and(|document| document.metadata.get("group") == Some(&group))
        };
        let in_group = ledger.documents.iter().filter(|(_, document)| is_in_group(document));
        let changes = in_group.map(|(id, _)| (id.clone(), None)).collect();
        let body = json!({"filter": {"owner": ledger.owner, "group": group}});
        Self { endpoint: "delete", body, changes, is_one_group: false, missing: Vec::new() }
    }

    /// The reply says what was done.
    pub(crate) fn check_reply(&self, reply: &Value) {
        let counted = match self.endpoint {
            "index" => "indexed",
            "update" => "updated",
            _ => "deleted",
        };
        assert_eq!(reply[counted], self.changes.len(), "{}: {reply}", self.endpoint);
        if self.endpoint == "update" {
            let mut missing: Vec<_> = reply["missing"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            missing.sort_unstable();
            assert_eq!(missing, self.missing, "{reply}");
        }
    }
}

/// Up to that many ids, in their order.
fn some_ids(random: &mut StdRng, ledger: &Ledger, most: usize) -> Vec<String> {
    let number = random.random_range(1..=most);
    let mut ids: Vec<_> = ledger.documents.keys().cloned().sample(random, number);
    ids.sort();
    ids
}

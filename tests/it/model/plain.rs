//! The service as a plain data structure.

use annuli_core::placement::shard_of;
use annuli_core::{DocId, ShardCount};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the service should hold.
#[derive(Debug, Default)]
pub(crate) struct PlainService {
    /// By name.
    pub(crate) indexes: BTreeMap<String, PlainIndex>,
    /// Each with its index.
    pub(crate) aliases: BTreeMap<String, String>,
}

/// What an index should hold.
#[derive(Debug)]
pub(crate) struct PlainIndex {
    /// Its identity, as the service said at its creation.
    pub(crate) uuid: String,
    /// What it was created with.
    pub(crate) schema: Schema,
    /// By id; texts are ordered by their bytes, as ids are.
    pub(crate) documents: BTreeMap<String, PlainDocument>,
    /// The last write of each shard.
    pub(crate) seqs: Vec<u64>,
    /// The token of the last reply.
    pub(crate) token: Option<String>,
}

/// What an index is created with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schema {
    pub(crate) dim: usize,
    pub(crate) metric: &'static str,
    pub(crate) shards: u32,
    /// How large the vectors are that are put into it; the service does not know.
    pub(crate) scale: f32,
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlainDocument {
    pub(crate) seq: u64,
    pub(crate) vector: Vec<f32>,
    pub(crate) metadata: Map<String, Value>,
}

/// What a write changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put { vector: Vec<f32>, metadata: Map<String, Value> },
    Patch { vector: Option<Vec<f32>>, metadata: Option<Map<String, Value>> },
    Delete,
}

/// What a batch did.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) written: u64,
    pub(crate) missing: Vec<String>,
    /// With the seqs that the documents are at.
    pub(crate) conflicts: Vec<(String, u64)>,
    /// The shards that were written to.
    pub(crate) shards: Vec<u32>,
}

impl Schema {
    pub(crate) fn to_json(self) -> Value {
        json!({"dim": self.dim, "metric": self.metric, "shards": self.shards})
    }
}

impl PlainService {
    /// The index of that name or alias.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.indexes.contains_key(name).then(|| name.to_owned())
    }
}

impl PlainIndex {
    pub(crate) fn new(uuid: &str, schema: Schema) -> Self {
        let seqs = vec![0; schema.shards as usize];
        Self { uuid: uuid.to_owned(), schema, documents: BTreeMap::new(), seqs, token: None }
    }

    pub(crate) fn shard(&self, id: &str) -> u32 {
        shard_of(&DocId::new(id).unwrap(), ShardCount::new(self.schema.shards).unwrap()).0
    }

    /// Does a batch; each write with its condition, if it has one. The replies list by shard.
    pub(crate) fn write(&mut self, batch: &[(String, Option<u64>, Change)]) -> Outcome {
        let mut outcome = Outcome::default();
        for shard in 0..self.schema.shards {
            let of_shard: Vec<_> = batch.iter().filter(|(id, ..)| self.shard(id) == shard).collect();
            if !of_shard.is_empty() {
                outcome.shards.push(shard);
            }
            of_shard.into_iter().for_each(|(id, if_seq, change)| self.write_one(id, *if_seq, change, &mut outcome));
        }
        outcome
    }

    fn write_one(&mut self, id: &str, if_seq: Option<u64>, change: &Change, outcome: &mut Outcome) {
        let current = self.documents.get(id);
        let seq = current.map_or(0, |document| document.seq);
        if if_seq.is_some_and(|wanted| wanted != seq) {
            outcome.conflicts.push((id.to_owned(), seq));
            return;
        }
        let next = match (change, current) {
            (Change::Put { vector, metadata }, _) => Some((vector.clone(), metadata.clone())),
            (Change::Patch { vector, metadata }, Some(document)) => {
                let mut merged = document.metadata.clone();
                super::condition::merge(&mut merged, metadata.as_ref().unwrap_or(&Map::new()));
                Some((vector.as_ref().unwrap_or(&document.vector).clone(), merged))
            }
            (Change::Delete, Some(_)) => None,
            (Change::Patch { .. } | Change::Delete, None) => {
                outcome.missing.push(id.to_owned());
                return;
            }
        };
        outcome.written += 1;
        let shard = self.shard(id) as usize;
        self.seqs[shard] += 1;
        match next {
            Some((vector, metadata)) => {
                let document = PlainDocument { seq: self.seqs[shard], vector, metadata };
                self.documents.insert(id.to_owned(), document);
            }
            None => drop(self.documents.remove(id)),
        }
    }

    /// Removes what matches, and tells how many documents that were.
    pub(crate) fn delete_matching(&mut self, matches: impl Fn(&Map<String, Value>) -> bool) -> u64 {
        let matching = self.documents.iter().filter(|(_, document)| matches(&document.metadata));
        let batch: Vec<_> = matching.map(|(id, _)| (id.clone(), None, Change::Delete)).collect();
        self.write(&batch).written
    }

    /// Documents on that shard.
    pub(crate) fn documents_on(&self, shard: u32) -> usize {
        self.documents.keys().filter(|id| self.shard(id) == shard).count()
    }
}

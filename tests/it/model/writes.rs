//! Operations that change documents.

use super::condition::{self, Condition};
use super::plain::{Change, Outcome};
use super::run::Run;
use super::vectors;
use annuli_api::ErrorCode;
use annuli_tests::Answer;
use rand::RngExt;
use rand::seq::IteratorRandom;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Ids that documents have. Few, so that most writes meet a document.
const IDS: usize = 120;

/// Most documents of one batch.
const BATCH: usize = 40;

type Batch = Vec<(String, Option<u64>, Change)>;

impl Run {
    /// Stores a batch, sometimes with an id that stands in it twice.
    pub(super) fn store_some(&mut self) {
        let (name, index) = self.some_index();
        let (mut batch, mut documents) = (Batch::new(), Vec::new());
        for _ in 0..self.random.random_range(1..=BATCH) {
            let (id, vector) = (self.some_id(), self.some_vector(&index));
            let if_seq = self.some_condition(&index, &id);
            let metadata = condition::metadata(&mut self.random);
            let mut document = json!({"id": id, "vector": vectors::to_json(&mut self.random, &vector)});
            if !metadata.is_empty() || self.random.random_bool(0.5) {
                document["metadata"] = metadata.clone().into();
            }
            batch.push((id, if_seq, Change::Put { vector, metadata }));
            documents.push(with_if_seq(document, if_seq));
        }
        let answer = self.post(&name, "index", &json!({"documents": documents}));
        self.check_write(&index, answer, "indexed", batch);
    }

    /// Changes vectors and metadata of documents, some of which are not there.
    pub(super) fn update_some(&mut self) {
        let (name, index) = self.some_index();
        let (mut batch, mut documents) = (Batch::new(), Vec::new());
        for _ in 0..self.random.random_range(1..=BATCH / 4) {
            let id = self.some_id();
            let if_seq = self.some_condition(&index, &id);
            let what = self.random.random_range(0..3);
            let vector = (what != 0).then(|| self.some_vector(&index));
            let metadata = (what != 1).then(|| condition::patch(&mut self.random));
            let mut document = json!({"id": id});
            if let Some(vector) = &vector {
                document["vector"] = vectors::to_json(&mut self.random, vector);
            }
            if let Some(metadata) = &metadata {
                document["metadata"] = metadata.clone().into();
            }
            batch.push((id, if_seq, Change::Patch { vector, metadata }));
            documents.push(with_if_seq(document, if_seq));
        }
        let answer = self.post(&name, "update", &json!({"documents": documents}));
        self.check_write(&index, answer, "updated", batch);
    }

    /// Deletes by id, a single one sometimes with a condition.
    pub(super) fn delete_some(&mut self) {
        let (name, index) = self.some_index();
        let number = self.random.random_range(1..=6);
        let mut batch: Batch = (0..number).map(|_| (self.some_id(), None, Change::Delete)).collect();
        let ids: Vec<_> = batch.iter().map(|(id, ..)| id.clone()).collect();
        let mut body = json!({"ids": ids});
        if number == 1 {
            batch[0].1 = self.some_condition(&index, &ids[0]);
            body = with_if_seq(body, batch[0].1);
        }
        let answer = self.post(&name, "delete", &body);
        self.check_write(&index, answer, "deleted", batch);
    }

    /// Deletes by filter.
    pub(super) fn delete_matching(&mut self) {
        let (name, index) = self.some_index();
        // Two conditions at once, so that something is left most of the time.
        let condition =
            Condition::All(vec![Condition::draw(&mut self.random, 1), Condition::draw(&mut self.random, 1)]);
        let answer = self.post(&name, "delete", &json!({"filter": condition.to_json()})).ok();
        let plain = self.index(&index);
        let deleted = plain.delete_matching(|metadata| condition.matches(metadata));
        assert_eq!(answer["deleted"], deleted);
        let seqs: Vec<_> = (0..plain.schema.shards).map(|shard| answer["shards"][shard.to_string()].as_u64()).collect();
        assert_eq!(seqs, plain.seqs.iter().map(|&seq| Some(seq)).collect::<Vec<_>>());
        self.keep_token(&index, &answer);
    }

    /// Does the batch to the model, and compares the replies.
    fn check_write(&mut self, index: &str, answer: Answer, counted: &str, batch: Batch) {
        let (batch, duplicates) = last_of_each(batch);
        let plain = self.index(index);
        let outcome = plain.write(&batch);
        if !outcome.conflicts.is_empty() && outcome.written == 0 {
            answer.refused(ErrorCode::SeqConflict, "nothing was written");
            assert_eq!(answer.json["error"]["details"]["conflicts"], conflicts_json(&outcome));
            return;
        }
        let reply = answer.ok();
        assert_eq!(reply[counted], outcome.written, "number of documents that were {counted}");
        let shards: serde_json::Map<_, _> =
            outcome.shards.iter().map(|&shard| (shard.to_string(), json!(plain.seqs[shard as usize]))).collect();
        assert_eq!(reply["shards"], Value::from(shards));
        if counted != "deleted" {
            assert_eq!(reply["duplicates"], json!(duplicates));
            let conflicts = reply.get("conflicts").cloned().unwrap_or(json!([]));
            assert_eq!(conflicts, conflicts_json(&outcome));
        }
        if counted == "updated" {
            assert_eq!(reply["missing"], json!(outcome.missing));
        }
        self.keep_token(index, &reply);
    }

    pub(super) fn some_id(&mut self) -> String {
        vectors::id(self.random.random_range(0..IDS))
    }

    /// A vector that fits the index; sometimes one that it holds already.
    pub(super) fn some_vector(&mut self, index: &str) -> Vec<f32> {
        let plain = &self.plain.indexes[index];
        if self.random.random_bool(0.15)
            && let Some(document) = plain.documents.values().choose(&mut self.random)
        {
            return document.vector.clone();
        }
        vectors::vector(&mut self.random, plain.schema.dim, plain.schema.scale)
    }

    /// Most often none, else one that holds, or one that does not.
    fn some_condition(&mut self, index: &str, id: &str) -> Option<u64> {
        let seq = self.plain.indexes[index].documents.get(id).map_or(0, |document| document.seq);
        match self.random.random_range(0..10) {
            0 => Some(seq),
            1 => Some(self.random.random_range(0..=seq + 2)),
            _ => None,
        }
    }
}

fn with_if_seq(mut json: Value, if_seq: Option<u64>) -> Value {
    if let Some(seq) = if_seq {
        json["if_seq"] = json!(seq);
    }
    json
}

fn conflicts_json(outcome: &Outcome) -> Value {
    outcome.conflicts.iter().map(|(id, seq)| json!({"id": id, "seq": seq})).collect()
}

/// The last write of each document, and the ids that had more than one.
fn last_of_each(batch: Batch) -> (Batch, BTreeSet<String>) {
    let (mut seen, mut duplicates) = (BTreeSet::new(), BTreeSet::new());
    let mut kept = Batch::new();
    for write in batch.into_iter().rev() {
        if seen.insert(write.0.clone()) {
            kept.push(write);
        } else {
            duplicates.insert(write.0);
        }
    }
    kept.reverse();
    (kept, duplicates)
}

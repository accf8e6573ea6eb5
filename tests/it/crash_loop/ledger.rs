//! What one client knows about the documents that it alone writes.

use super::operation::Operation;
use crate::model::condition;
use crate::model::plain::{PlainDocument, PlainIndex};
use crate::model::seed;
use crate::model::vectors::{bits, to_json, vector};
use annuli_tests::Index;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Documents of one batch when the ledger is filled.
const FILL_BATCH: usize = 500;

/// Values of the field that deletes by filter go by.
pub(crate) const GROUPS: u32 = 40;

/// What one client knows.
pub(crate) struct Ledger {
    /// Whose documents these are.
    pub(crate) owner: usize,
    /// The last acknowledged state of every document that the owner may write; `None`: there is no such document.
    /// A seq of 0 is one that nobody has read yet.
    pub(crate) documents: BTreeMap<String, Option<PlainDocument>>,
    /// What was asked for and not answered.
    pub(crate) in_flight: Option<Operation>,
    /// The highest seq that was acknowledged, by shard.
    pub(crate) seqs: BTreeMap<u32, u64>,
}

/// How often what happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Parts of unanswered requests that had been done.
    pub(crate) in_flight_there: u64,
    /// Parts of unanswered requests that had not.
    pub(crate) in_flight_absent: u64,
}

impl Ledger {
    /// None of the owner's documents is there.
    pub(crate) fn empty(owner: usize, documents: usize) -> Self {
        let ids = (0..documents).map(|number| (id(owner, number), None));
        Self { owner, documents: ids.collect(), in_flight: None, seqs: BTreeMap::new() }
    }

    /// Stores every document of the owner once.
    pub(super) fn filled(index: &Index, owner: usize, documents: usize, seed: u64) -> Self {
        let mut random = seed::random(seed, 10 + owner as u64);
        let mut ledger = Self::empty(owner, documents);
        let ids: Vec<_> = ledger.documents.keys().cloned().collect();
        for some in ids.chunks(FILL_BATCH) {
            ledger.begin(Operation::store(&mut random, owner, some));
            let body = ledger.in_flight.as_ref().unwrap().body.clone();
            let reply = index.post("index", &body).ok();
            ledger.acknowledge(&reply);
        }
        ledger
    }

    /// An operation is about to be sent.
    pub(crate) fn begin(&mut self, operation: Operation) {
        assert!(self.in_flight.is_none(), "one at a time");
        self.in_flight = Some(operation);
    }

    /// The operation was done, as the reply says.
    pub(crate) fn acknowledge(&mut self, reply: &Value) {
        let operation = self.in_flight.take().expect("an operation that was sent");
        operation.check_reply(reply);
        self.documents.extend(operation.changes);
        for (shard, seq) in reply["shards"].as_object().expect("a reply to a write names its shards") {
            let highest = self.seqs.entry(shard.parse().unwrap()).or_default();
            *highest = seq.as_u64().unwrap().max(*highest);
        }
    }

    /// Compares every document with what is there, and takes over what became of the operation in flight. Of that,
    /// what one shard was to write is there wholly or not at all.
    pub(crate) fn settle(&mut self, found: &PlainIndex, tally: &mut Tally) {
        let operation = self.in_flight.take();
        let mut fates: BTreeMap<u32, bool> = BTreeMap::new();
        for (id, known) in &mut self.documents {
            let found_here = found.documents.get(id);
            let changed = operation.as_ref().and_then(|operation| operation.changes.get(id));
            let as_before = same(found_here, known.as_ref());
            let as_changed = changed.is_some_and(|changed| same(found_here, changed.as_ref()));
            assert!(
                as_before || as_changed,
                "`{id}` is {found_here:?}\nacknowledged: {known:?}\nin flight: {changed:?}"
            );
            if changed.is_some() && as_before != as_changed {
                let fate = *fates.entry(found.shard(id)).or_insert(as_changed);
                let whole = operation.as_ref().is_none_or(|operation| !operation.is_one_group) || fate == as_changed;
                assert!(whole, "`{id}` is {found_here:?}, unlike others of the same unanswered batch and shard");
            }
            *known = found_here.cloned();
        }
        tally.in_flight_there += fates.values().filter(|&&there| there).count() as u64;
        tally.in_flight_absent += fates.values().filter(|&&there| !there).count() as u64;
        for (&shard, &seq) in &self.seqs {
            let found = found.seqs[shard as usize];
            assert!(found >= seq, "shard {shard} has acknowledged seq {seq}, and is at {found}");
        }
    }
}

/// Whether a document is as it should be. Its seq is compared where it is known.
fn same(found: Option<&PlainDocument>, wanted: Option<&PlainDocument>) -> bool {
    match (found, wanted) {
        (None, None) => true,
        (Some(found), Some(wanted)) => {
            bits(&found.vector) == bits(&wanted.vector)
                && found.metadata == wanted.metadata
                && (wanted.seq == 0 || found.seq == wanted.seq)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn id(owner: usize, number: usize) -> String {
    format!("{owner}/{number:04}")
}

/// A new document of that owner, and how it is sent.
pub(crate) fn new_document(random: &mut StdRng, owner: usize, id: &str) -> (PlainDocument, Value) {
    let vector = vector(random, super::SCHEMA.dim, super::SCHEMA.scale);
    let mut metadata = condition::metadata(random);
    metadata.insert("owner".to_owned(), json!(owner));
    metadata.insert("group".to_owned(), json!(random.random_range(0..GROUPS)));
    let json = json!({"id": id, "vector": to_json(random, &vector), "metadata": metadata});
    (PlainDocument { seq: 0, vector, metadata }, json)
}

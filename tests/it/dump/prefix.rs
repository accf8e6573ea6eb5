//! A dump that is taken while clients write holds, of each shard, exactly what was written up to one seq.

use super::cli::Dumps;
use super::task;
use crate::crash_loop::SCHEMA;
use crate::crash_loop::ledger::Ledger;
use crate::crash_loop::operation::Operation;
use crate::model::nearest::check_parts;
use crate::model::plain::{PlainDocument, PlainIndex};
use crate::model::seed;
use annuli_dump::{DumpId, DumpStore};
use annuli_indexer::store::Store;
use annuli_indexer::store::change::LoggedChange;
use annuli_tests::wait::wait_until;
use annuli_tests::{Index, Server};
use rand::rngs::StdRng;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const WRITERS: usize = 4;

/// Documents that one writer minds.
const DOCUMENTS: usize = 150;

/// Dumps of one run, taken one after the other while the writers go on.
const DUMPS: usize = 3;

/// Writes that must be acknowledged between two dumps.
const WRITES_BETWEEN: usize = 200;

/// All that one writer did, in the order in which it was acknowledged.
type History = Vec<(String, Option<PlainDocument>)>;

/// A dump, and how much of each writer's history was acknowledged before it was asked for.
struct Taken {
    dump: String,
    before: Vec<usize>,
}

#[test]
fn a_dump_under_writes_is_a_prefix_of_the_history_of_each_shard() {
    let seed = seed::seed(5);
    for run in 0..2 {
        let mut server = Server::start();
        let index = Index::create_named(&server.client(), "written", &SCHEMA.to_json());
        let (histories, dumps) = dump_under_writes(&index, seed + run);
        let info = index.info();
        assert!(server.sigterm().success());
        let logs: Vec<_> = (0..SCHEMA.shards).map(|shard| log(&server.workspace().join("written"), shard)).collect();
        for (taken, shards) in dumps.iter().zip([2, 1, 3]) {
            let restored = tempfile::tempdir().unwrap();
            let report = Dumps(server.workspace()).restore(&taken.dump, restored.path(), "copy", Some(shards)).json();
            let seqs = dumped_seqs(server.workspace(), &taken.dump);
            let wanted = replayed(&logs, &histories, &seqs, taken);
            assert_eq!(report, json!({"index": "copy", "shards": shards, "documents": wanted.len()}));
            check_restored(restored.path(), &wanted, &info["uuid"]);
        }
    }
}

/// Lets several clients write, and takes dumps meanwhile.
fn dump_under_writes(index: &Index, seed: u64) -> (Vec<History>, Vec<Taken>) {
    let stop = AtomicBool::new(false);
    let acknowledged: Vec<_> = (0..WRITERS).map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        let writer = |(owner, acknowledged)| {
            let (index, stop, random) = (index.clone(), &stop, seed::random(seed, owner as u64));
            scope.spawn(move || write(&index, owner, random, acknowledged, stop))
        };
        let writers: Vec<_> = acknowledged.iter().enumerate().map(writer).collect();
        let all = || acknowledged.iter().map(|number| number.load(Ordering::SeqCst)).collect::<Vec<_>>();
        let mut dumps = Vec::new();
        for number in 1..=DUMPS {
            let enough = || all().iter().sum::<usize>() >= number * WRITES_BETWEEN;
            wait_until("enough writes", || enough() || writers.iter().any(|writer| writer.is_finished()));
            let before = all();
            dumps.push(Taken { dump: task::dump(index), before });
        }
        stop.store(true, Ordering::SeqCst);
        (writers.into_iter().map(|writer| writer.join().unwrap()).collect(), dumps)
    })
}

/// Writes until it is told to stop.
fn write(index: &Index, owner: usize, mut random: StdRng, acknowledged: &AtomicUsize, stop: &AtomicBool) -> History {
    let mut ledger = Ledger::empty(owner, DOCUMENTS);
    let mut history = History::new();
    while !stop.load(Ordering::SeqCst) {
        let operation = Operation::draw(&mut random, &ledger);
        let changes = operation.changes.clone();
        let reply = index.post(operation.endpoint, &operation.body).ok();
        ledger.begin(operation);
        ledger.acknowledge(&reply);
        history.extend(changes);
        acknowledged.store(history.len(), Ordering::SeqCst);
    }
    history
}

/// The change log of a shard. Nothing has been trimmed from one this short.
fn log(index: &Path, shard: u32) -> Vec<LoggedChange> {
    let (store, ..) = Store::open(&index.join(shard.to_string()).join("db")).unwrap();
    let changes: Vec<_> = store.snapshot().changes().map(Result::unwrap).collect();
    assert!((1..).zip(&changes).all(|(seq, change)| change.seq.0 == seq), "every seq is one change");
    changes
}

/// The seq that each shard was dumped at.
fn dumped_seqs(workspace: &Path, dump: &str) -> Vec<u64> {
    let dump = DumpStore::in_folder(workspace.join(".dumps")).find(DumpId::parse(dump).unwrap()).unwrap();
    dump.manifest().shards().iter().map(|shard| shard.seq.0).collect()
}

/// The documents that the logs leave up to those seqs. The log names a document, its writer knows what it wrote: the
/// nth change of a document in the log is the nth that was acknowledged.
fn replayed(
    logs: &[Vec<LoggedChange>],
    histories: &[History],
    seqs: &[u64],
    taken: &Taken,
) -> BTreeMap<String, PlainDocument> {
    let mut states: BTreeMap<&str, Vec<&Option<PlainDocument>>> = BTreeMap::new();
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for (history, &acknowledged) in histories.iter().zip(&taken.before) {
        for (number, (id, state)) in history.iter().enumerate() {
            states.entry(id).or_default().push(state);
            *before.entry(id).or_default() += usize::from(number < acknowledged);
        }
    }
    let mut logged: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dumped: BTreeMap<&str, usize> = BTreeMap::new();
    for (log, &seq) in logs.iter().zip(seqs) {
        for change in log {
            *logged.entry(change.id.as_str()).or_default() += 1;
            *dumped.entry(change.id.as_str()).or_default() += usize::from(change.seq.0 <= seq);
        }
    }
    let acknowledged: BTreeMap<_, _> = states.iter().map(|(id, states)| (*id, states.len())).collect();
    assert_eq!(logged, acknowledged, "changes of each document in the log, and acknowledged");
    for (id, &acknowledged) in &before {
        assert!(dumped[id] >= acknowledged, "`{id}`: a write that was acknowledged before the dump is not in it");
    }
    let last = |(id, states): (&str, Vec<&Option<PlainDocument>>)| {
        let state = states[..dumped[id]].last()?.as_ref()?;
        Some((id.to_owned(), state.clone()))
    };
    states.into_iter().filter_map(last).collect()
}

/// A server over the restored workspace has exactly these documents, in an index of another identity.
fn check_restored(workspace: &Path, wanted: &BTreeMap<String, PlainDocument>, original: &serde_json::Value) {
    let server = annuli_tests::Launch::new().over(workspace).start();
    let copy = Index::named(&server.client(), "copy");
    let info = copy.info();
    assert_ne!(info["uuid"], *original);
    let mut found = PlainIndex::new(info["uuid"].as_str().unwrap(), SCHEMA);
    for document in copy.documents() {
        let id = document["id"].as_str().unwrap();
        let wanted = wanted.get(id).unwrap_or_else(|| panic!("`{id}` is restored and was not there at that seq"));
        check_parts(&document, wanted, &["metadata", "vector"]);
        found.documents.insert(id.to_owned(), wanted.clone());
    }
    assert_eq!(found.documents.len(), wanted.len(), "documents that are there and documents that should be");
}

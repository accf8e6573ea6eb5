//! The ledger beside a model of it: two processes' worth of it over one folder, compactions and torn ends included.

use super::ledger::Ledger;
use super::lock::CommitLock;
use super::log::Log;
use crate::key::{Key, Prefix, Value};
use crate::lease::{LeaseId, Ttl};
use crate::txn::{Commit, Condition, Revision, Txn};
use crate::watch::Change;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Small, so that a log lasts for a few transactions.
const COMPACT_AT: u64 = 300;

#[derive(Debug, Clone)]
enum Act {
    Commit { who: usize, conditions: Vec<Wish>, writes: Vec<(u8, Writing)> },
    Grant { who: usize },
    End { who: usize, lease: u64 },
    Reopen { who: usize },
    Tear { bytes: Vec<u8> },
}

/// A condition, before it is known which revision a key is at.
#[derive(Debug, Clone)]
enum Wish {
    At { key: u8, off: bool },
    Absent { key: u8 },
    Lease { lease: u64 },
}

#[derive(Debug, Clone)]
enum Writing {
    Put { value: Vec<u8>, lease: Option<u64> },
    Delete,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Model {
    revision: u64,
    entries: BTreeMap<u8, (Vec<u8>, u64, Option<u64>)>,
    leases: BTreeSet<u64>,
    granted: u64,
}

fn key(number: u8) -> Key {
    Key::new(&format!("key/{number}")).unwrap()
}

fn any_act() -> impl Strategy<Value = Act> {
    let (who, key, lease) = (0..2_usize, 0..4_u8, 1..5_u64);
    let wish = prop_oneof![
        3 => (key.clone(), prop::bool::weighted(0.2)).prop_map(|(key, off)| Wish::At { key, off }),
        1 => key.clone().prop_map(|key| Wish::Absent { key }),
        1 => lease.clone().prop_map(|lease| Wish::Lease { lease }),
    ];
    let writing = prop_oneof![
        3 => (prop::collection::vec(any::<u8>(), 0..40), prop::option::weighted(0.3, lease.clone()))
            .prop_map(|(value, lease)| Writing::Put { value, lease }),
        1 => Just(Writing::Delete),
    ];
    let writes = prop::collection::vec((key, writing), 0..4);
    let conditions = prop::collection::vec(wish, 0..2);
    prop_oneof![
        8 => (who.clone(), conditions, writes)
            .prop_map(|(who, conditions, writes)| Act::Commit { who, conditions, writes }),
        2 => who.clone().prop_map(|who| Act::Grant { who }),
        1 => (who.clone(), lease).prop_map(|(who, lease)| Act::End { who, lease }),
        1 => who.prop_map(|who| Act::Reopen { who }),
        1 => prop::collection::vec(any::<u8>(), 1..30).prop_map(|bytes| Act::Tear { bytes }),
    ]
}

impl Model {
    fn commit(&mut self, conditions: &[Condition], writes: &BTreeMap<u8, Writing>) -> Commit {
        let fails = |condition: &&Condition| match condition {
            Condition::KeyAt { key, revision } => self.at(key) != Some(revision.0),
            Condition::KeyAbsent { key } => self.at(key).is_some(),
            Condition::LeaseHolds(lease) => !self.leases.contains(&lease.0),
        };
        if let Some(which) = conditions.iter().find(fails) {
            return Commit::Conflict { which: which.clone() };
        }
        let changes = |(key, writing): (&u8, &Writing)| match writing {
            Writing::Put { .. } => true,
            Writing::Delete => self.entries.contains_key(key),
        };
        if writes.iter().any(changes) {
            self.revision += 1;
        }
        for (key, writing) in writes {
            match writing.clone() {
                Writing::Put { value, lease } => drop(self.entries.insert(*key, (value, self.revision, lease))),
                Writing::Delete => drop(self.entries.remove(key)),
            }
        }
        Commit::Committed { revision: Revision(self.revision) }
    }

    fn at(&self, wanted: &Key) -> Option<u64> {
        self.entries.iter().find(|(number, _)| key(**number) == *wanted).map(|(_, (_, revision, _))| *revision)
    }

    fn end(&mut self, lease: u64) {
        if self.leases.remove(&lease) {
            self.revision += 1;
            self.entries.retain(|_, (_, _, bound)| *bound != Some(lease));
        }
    }
}

/// One process's view, and what its watch over everything has told.
struct Process {
    ledger: Ledger,
    seen: Revision,
    told: BTreeMap<Key, Value>,
}

impl Process {
    fn open(folder: &Path) -> Self {
        let lock = CommitLock::open(folder).unwrap();
        let ledger = Ledger::open(folder, COMPACT_AT, &lock.take().unwrap()).unwrap();
        let told = listed(&ledger);
        Self { seen: ledger.state().revision(), told, ledger }
    }

    /// What the watch tells, put on top of what it told before; one that has missed a log lists again.
    fn watch(&mut self) {
        match self.ledger.history().after(self.seen) {
            None => self.told = listed(&self.ledger),
            Some(missed) => {
                for changes in missed {
                    assert!(changes.revision > self.seen, "changes come in their order");
                    self.seen = changes.revision;
                    for change in changes.changes.clone() {
                        match change {
                            Change::Put { key, value, .. } => drop(self.told.insert(key, value)),
                            Change::Delete { key } => drop(self.told.remove(&key)),
                        }
                    }
                }
            }
        }
        self.seen = self.ledger.state().revision();
    }
}

fn listed(ledger: &Ledger) -> BTreeMap<Key, Value> {
    ledger.state().list(&Prefix::all()).into_iter().map(|(key, entry)| (key, entry.value)).collect()
}

fn perform(act: Act, folder: &Path, processes: &mut [Process; 2], model: &mut Model) {
    let lock = CommitLock::open(folder).unwrap();
    match act {
        Act::Commit { who, conditions, writes } => {
            let condition = |wish: Wish| match wish {
                Wish::At { key: number, off } => {
                    let revision = model.entries.get(&number).map_or(0, |(_, revision, _)| *revision);
                    Condition::KeyAt { key: key(number), revision: Revision(revision + u64::from(off)) }
                }
                Wish::Absent { key: number } => Condition::KeyAbsent { key: key(number) },
                Wish::Lease { lease } => Condition::LeaseHolds(LeaseId(lease)),
            };
            let mut txn = conditions.into_iter().map(condition).fold(Txn::new(), Txn::when);
            for (number, writing) in writes.clone() {
                txn = match writing {
                    Writing::Put { value, lease: None } => txn.put(key(number), Value::new(&value).unwrap()),
                    Writing::Put { value, lease: Some(lease) } => {
                        txn.put_leased(key(number), Value::new(&value).unwrap(), LeaseId(lease))
                    }
                    Writing::Delete => txn.delete(key(number)),
                };
            }
            let expected = model.commit(&txn.conditions(), &writes.into_iter().collect());
            let held = lock.take().unwrap();
            processes[who].ledger.catch_up(&held).unwrap();
            assert_eq!(processes[who].ledger.commit(&held, &txn).unwrap(), expected);
        }
        Act::Grant { who } => {
            let held = lock.take().unwrap();
            processes[who].ledger.catch_up(&held).unwrap();
            let lease = processes[who].ledger.state().next_lease();
            model.granted += 1;
            model.revision += 1;
            model.leases.insert(model.granted);
            assert_eq!(lease, LeaseId(model.granted), "a lease's number is never given twice");
            processes[who].ledger.grant(&held, lease, Ttl::new(Duration::from_secs(5)).unwrap()).unwrap();
        }
        Act::End { who, lease } => {
            model.end(lease);
            let held = lock.take().unwrap();
            processes[who].ledger.catch_up(&held).unwrap();
            processes[who].ledger.end(&held, &[LeaseId(lease)]).unwrap();
        }
        Act::Reopen { who } => processes[who] = Process::open(folder),
        Act::Tear { bytes } => {
            let newest = fs::read_dir(folder).unwrap().flatten();
            let newest = newest.filter_map(|row| Log::generation_of(row.file_name().to_str()?)).max().unwrap();
            let path = Log::path(folder, newest);
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(&bytes).unwrap();
        }
    }
}

#[track_caller]
fn check(process: &mut Process, model: &Model) {
    process.ledger.refresh().unwrap();
    let state = process.ledger.state();
    assert_eq!(state.revision(), Revision(model.revision));
    let entries = state.list(&Prefix::all()).into_iter();
    let entries: Vec<_> = entries
        .map(|(key, entry)| (key, entry.value.as_bytes().to_vec(), entry.revision.0, entry.lease.map(|lease| lease.0)))
        .collect();
    let expected = model.entries.iter();
    let expected: Vec<_> =
        expected.map(|(number, (value, revision, lease))| (key(*number), value.clone(), *revision, *lease)).collect();
    assert_eq!(entries, expected);
    assert_eq!(state.leases().keys().map(|lease| lease.0).collect::<BTreeSet<_>>(), model.leases);
    process.watch();
    assert_eq!(process.told, listed(&process.ledger), "the watch has told of every change");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn two_processes_over_one_folder_do_as_the_model_does(acts in prop::collection::vec(any_act(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = [Process::open(folder.path()), Process::open(folder.path())];
        let mut model = Model::default();
        for act in acts {
            perform(act, folder.path(), &mut processes, &mut model);
            processes.iter_mut().for_each(|process| check(process, &model));
        }
        let mut late = Process::open(folder.path());
        check(&mut late, &model);
    }
}

//! Who sees everything, and says what must not be.

use crate::authors::check_author;
use crate::catalogue_rules::check_commit;
use crate::ledger::Ledger;
use crate::moves::check_moves;
use crate::rollouts::check_rollouts;
use crate::shelf::Shelf;
use crate::world::Who;
use annuli_api::shard_api::{Outcome, Position};
use annuli_cluster::Records;
use annuli_cluster::record::{LayoutId, NodeId, TaskId};
use annuli_coordination::{Change, Changes};
use annuli_core::{Generation, HistoryId, IndexUuid, ShardId};
use annuli_dump::DumpId;
use std::collections::{BTreeMap, BTreeSet};

/// What has been seen, and what of it must not be.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) violations: Vec<String>,
    pub(crate) ledger: Ledger,
    /// The records, as they stand in the store.
    pub(crate) records: Records,
    /// Other keys: seats and epochs.
    pub(crate) seats: BTreeMap<String, String>,
    /// Since when each run of a process has told of itself: one that was frozen beyond its lease tells anew.
    pub(crate) joined: BTreeMap<NodeId, u64>,
    /// What each identity of an index was at first.
    pub(crate) firsts: BTreeMap<IndexUuid, IndexUuid>,
    /// And the layout that it is of.
    pub(crate) layouts: BTreeMap<IndexUuid, LayoutId>,
    /// Generations of an index that a search may be answered from together.
    pub(crate) mixed: BTreeSet<(IndexUuid, BTreeSet<Generation>)>,
    /// Rollouts, each with the attempt in which a replica of that shard has said that it failed.
    pub(crate) failed: BTreeSet<(TaskId, u32, ShardId)>,
    /// Indexes and dumps that were deleted.
    pub(crate) gone: BTreeSet<IndexUuid>,
    pub(crate) gone_dumps: BTreeSet<DumpId>,
    /// What every shard's disk took, in order, by its line of writes.
    written: BTreeMap<HistoryId, Vec<(u64, String, Option<u32>)>>,
    /// Since when each process runs without having been stopped.
    up: BTreeMap<Who, u64>,
    /// When each node's record, and each index's, was written last.
    pub(crate) node_changed: BTreeMap<NodeId, u64>,
    pub(crate) index_changed: BTreeMap<IndexUuid, u64>,
    /// Since when nothing is wrong with the network; `None`: something is.
    pub(crate) calm_since: Option<u64>,
    /// From which generation each search was answered, by its mark.
    answers: BTreeMap<u32, BTreeMap<ShardId, BTreeSet<Option<Generation>>>>,
    /// How often each kind of thing went well.
    pub(crate) tally: BTreeMap<&'static str, u64>,
}

/// The number that a vector is made of.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a whole number, and small")]
pub(crate) fn number(component: f32) -> u32 {
    component as u32
}

impl Witness {
    /// Takes in a commit of the coordination store; returns what it breaks.
    pub(crate) fn saw_commit(&mut self, by: Option<Who>, changes: &Changes, now: u64, shelf: &Shelf) -> Vec<String> {
        let before = self.records.clone();
        let mut broken = Vec::new();
        for change in &changes.changes {
            match change {
                Change::Put { key, value, .. } if key.as_str().starts_with("elections/") => {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    broken.extend(self.check_seat(key.as_str(), &value));
                    self.seats.insert(key.as_str().to_owned(), value);
                }
                Change::Put { key, value, .. } => {
                    self.records.put(key.as_str(), changes.revision.0, value.as_bytes());
                }
                Change::Delete { key } => {
                    self.seats.remove(key.as_str());
                    self.records.delete(key.as_str());
                }
            }
        }
        self.know_firsts();
        self.know_mixed();
        self.know_failed();
        self.count_tasks(&before);
        self.count_failing(&before);
        self.joined.retain(|node, _| self.records.nodes.contains_key(node));
        for (node, stored) in &self.records.nodes {
            self.joined.entry(*node).or_insert(now);
            if stored.revision == changes.revision.0 {
                self.node_changed.insert(*node, now);
            }
        }
        let changed = self.records.indexes.values().filter(|stored| stored.revision == changes.revision.0);
        self.index_changed.extend(changed.map(|stored| (stored.record.uuid, now)));
        broken.extend(check_commit(&before, self, now, shelf));
        broken.extend(check_moves(&before, &self.records));
        broken.extend(check_rollouts(&before, &self.records));
        broken.extend(self.check_pauses(&before, now));
        broken.extend(by.into_iter().flat_map(|by| check_author(by, &before, self)));
        self.gone.extend(
            before.indexes.values().map(|it| it.record.uuid).filter(|uuid| self.records.index_of(*uuid).is_none()),
        );
        self.gone_dumps.extend(before.dumps.keys().filter(|dump| !self.records.dumps.contains_key(dump)));
        broken
    }

    /// Whether a process has a seat, as the store has it.
    pub(crate) fn has_seat(&self, who: Who, election: &str) -> bool {
        let seat = self.seats.get(&format!("elections/{election}/leader"));
        seat.is_some_and(|leader| leader.contains(&format!("\"{who}\"")))
    }

    fn check_seat(&self, key: &str, value: &str) -> Option<String> {
        let before = self.seats.get(key)?;
        if key.ends_with("/leader") {
            return Some(format!("`{key}` is taken by {value} while {before} has it"));
        }
        let epoch = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok()?["epoch"].as_u64();
        (epoch(value) <= epoch(before)).then(|| format!("`{key}` goes back from {before} to {value}"))
    }

    /// A shard's disk has taken these changes.
    pub(crate) fn saw_write(
        &mut self,
        shard: ShardId,
        position: Position,
        before: u64,
        changes: &[(String, Option<u32>)],
        outcomes: &[Outcome],
    ) {
        let line = self.written.entry(position.history).or_default();
        if line.last().is_some_and(|(seq, _, _)| *seq != before) {
            self.violations.push(format!("shard {shard} goes on from seq {before}, where it has not been"));
        }
        let done = changes.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Written);
        line.extend((before + 1..).zip(done).map(|(seq, ((id, number), _))| (seq, id.clone(), *number)));
    }

    /// A shard was made of a dump with these documents, each written by itself.
    pub(crate) fn saw_restored(&mut self, history: HistoryId, documents: Vec<(u64, String, Option<u32>)>) {
        self.written.insert(history, documents);
    }

    /// What a shard held at that position.
    pub(crate) fn held_at(&self, position: Position) -> BTreeMap<String, u32> {
        let mut held = BTreeMap::new();
        for (_, id, number) in
            self.written.get(&position.history).into_iter().flatten().take_while(|it| it.0 <= position.seq.0)
        {
            match number {
                Some(number) => drop(held.insert(id.clone(), *number)),
                None => drop(held.remove(id)),
            }
        }
        held
    }

    /// A search of that mark was answered, by the primary or from a generation.
    pub(crate) fn saw_answer(&mut self, marks: &[f32], shard: ShardId, generation: Option<Generation>) {
        for mark in marks {
            self.answers.entry(mark.to_bits()).or_default().entry(shard).or_default().insert(generation);
        }
    }

    /// The generations that a search was answered from.
    pub(crate) fn generations(&mut self, mark: f32) -> BTreeSet<Generation> {
        let answers = self.answers.remove(&mark.to_bits()).unwrap_or_default();
        answers.into_values().flatten().flatten().collect()
    }

    pub(crate) fn started(&mut self, who: Who, now: u64) {
        self.up.insert(who, now);
    }

    pub(crate) fn stopped(&mut self, who: Who) {
        self.up.remove(&who);
    }

    /// Since when a process runs without a stop.
    pub(crate) fn up_since(&self, who: Who) -> Option<u64> {
        self.up.get(&who).copied()
    }

    /// The processes that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = Who> {
        self.up.keys().copied()
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }
}

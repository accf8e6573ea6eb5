//! Every record of the coordination store, as of one revision: what routers and nodes decide by.

use crate::record::{
    AliasRecord, ClusterRecord, Comparisons, CoordinatorRecord, DumpRecord, Generations, IndexRecord, IndexState, Key,
    Layout, LayoutId, Moving, NodeId, NodeRecord, NumberedDump, Place, Prepared, Preparing, ReplicaId, ReplicaRecord,
    Role, RouterId, ShardComparison, TaskId, TaskRecord, TermRecord, Tombstone, UnreadableRecord,
};
use annuli_core::{Generation, IndexName, IndexUuid, ShardId};
use annuli_dump::DumpId;
use std::collections::BTreeMap;

/// A record, and the revision at which it was written: what a transaction names to be sure that it still stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// When it was written.
    pub revision: u64,
    /// What was written.
    pub record: T,
}

/// A replica that lives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveReplica<'a> {
    /// Its process.
    pub node: NodeId,
    /// When that has said so.
    pub revision: u64,
    /// Where it is asked.
    pub address: &'a str,
    /// The shard that it holds, of which layout.
    pub place: Place,
    /// What it says of itself.
    pub record: &'a ReplicaRecord,
}

impl LiveReplica<'_> {
    /// How a generation is on it; `None`: it has not heard of it yet.
    pub fn prepared(&self, index: IndexUuid, generation: Generation) -> Option<&Prepared> {
        self.record.generations.get(&(index, generation))
    }

    /// Whether it serves a generation.
    pub fn is_ready(&self, index: IndexUuid, generation: Generation) -> bool {
        self.prepared(index, generation) == Some(&Prepared::Ready)
    }

    /// Whether it says so knowing of what is prepared now: what it has had ready for a rollout before that is about to go.
    pub fn has_heard(&self, index: IndexUuid, preparing: &Preparing) -> bool {
        self.record.heard.get(&index) == Some(&(preparing.rollout, preparing.of.generation))
    }
}

/// The records, a pure function of what was stored. Unreadable ones are kept apart: they do not keep the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    /// What the cluster is, once a process has said so.
    pub cluster: Option<Stored<ClusterRecord>>,
    /// Who coordinates; nobody at the moment, if there is none.
    pub coordinator: Option<Stored<CoordinatorRecord>>,
    /// Indexes by name.
    pub indexes: BTreeMap<IndexName, Stored<IndexRecord>>,
    /// Aliases by name. One whose index is gone stands for nothing: ask [`Records::resolve`].
    pub aliases: BTreeMap<IndexName, Stored<AliasRecord>>,
    /// Deleted indexes that are not removed everywhere.
    pub gone: BTreeMap<IndexUuid, Stored<Tombstone>>,
    /// Processes that live.
    pub nodes: BTreeMap<NodeId, Stored<NodeRecord>>,
    /// In which epoch each shard was served last.
    pub terms: BTreeMap<Place, Stored<TermRecord>>,
    /// Dumps.
    pub dumps: BTreeMap<DumpId, Stored<DumpRecord>>,
    /// Tasks.
    pub tasks: BTreeMap<TaskId, Stored<TaskRecord>>,
    /// What routers have compared for rollouts.
    pub compared: BTreeMap<(TaskId, RouterId), Stored<Comparisons>>,
    /// Why a record cannot be used.
    pub unreadable: BTreeMap<Key, String>,
}

impl Records {
    /// Takes a record in. Keys of later releases are passed over.
    pub fn put(&mut self, key: &str, revision: u64, value: &[u8]) {
        let Some(key) = Key::parse(key) else { return };
        self.forget(&key);
        if let Err(error) = self.read(&key, revision, value) {
            tracing::error!(%error, "a record is left out");
            self.unreadable.insert(key, error.to_string());
        }
    }

    /// Takes a record out.
    pub fn delete(&mut self, key: &str) {
        if let Some(key) = Key::parse(key) {
            self.forget(&key);
        }
    }

    /// The index of that name, or the one that the alias of that name stands for.
    pub fn resolve(&self, name: &IndexName) -> Option<(&IndexName, &Stored<IndexRecord>)> {
        let name = match self.alias(name) {
            Some(index) => index,
            None => name,
        };
        self.indexes.get_key_value(name)
    }

    /// The index that an alias stands for, if it still does.
    pub fn alias(&self, name: &IndexName) -> Option<&IndexName> {
        let alias = &self.aliases.get(name)?.record;
        let index = self.indexes.get(&alias.index)?;
        (index.record.first == alias.uuid).then_some(&alias.index)
    }

    /// Whether an alias stands for an index that was deleted, and not merely for one whose record this release cannot read.
    pub(crate) fn is_dangling(&self, alias: &AliasRecord) -> bool {
        let unreadable = self.unreadable.keys().any(|key| matches!(key, Key::Index(_)));
        !unreadable && !self.indexes.values().any(|stored| stored.record.first == alias.uuid)
    }

    /// The index of that identity.
    pub fn index_of(&self, uuid: IndexUuid) -> Option<(&IndexName, &Stored<IndexRecord>)> {
        self.indexes.iter().find(|(_, stored)| stored.record.uuid == uuid)
    }

    /// The index that is about to become the one of that identity.
    pub fn moving_to(&self, uuid: IndexUuid) -> Option<(&IndexName, &Stored<IndexRecord>, &Moving)> {
        self.indexes.iter().find_map(|(name, stored)| {
            let moving = stored.record.moving.as_ref().filter(|moving| moving.uuid == uuid)?;
            Some((name, stored, moving))
        })
    }

    /// The index that had that identity before it moved to where it is.
    pub fn moved_from(&self, uuid: IndexUuid) -> Option<(&IndexName, &IndexRecord)> {
        let indexes = self.indexes.iter().map(|(name, stored)| (name, &stored.record));
        let mut moved = indexes.filter(|(_, index)| index.behind().is_some_and(|behind| behind.uuid == uuid));
        moved.next()
    }

    /// The layout of that number, unless it is over.
    pub fn layout(&self, id: LayoutId) -> Option<Layout> {
        self.cluster.as_ref()?.record.layouts().find(|layout| layout.id == id)
    }

    /// The primary of a shard that lives; of two processes the later.
    pub fn primary(&self, place: Place) -> Option<&NodeRecord> {
        self.primary_node(place).map(|(_, stored)| &stored.record)
    }

    /// The same, with its process.
    pub(crate) fn primary_node(&self, place: Place) -> Option<(NodeId, &Stored<NodeRecord>)> {
        let primaries = self.nodes.iter().filter(|(_, stored)| {
            let node = &stored.record;
            (node.role, node.place) == (Role::Primary, place)
        });
        primaries.max_by_key(|(_, stored)| stored.revision).map(|(node, stored)| (*node, stored))
    }

    /// Whether the index was deleted, and is not merely one whose record this release cannot read. One that has moved to
    /// another layout is not, for as long as somebody may read where it was.
    pub fn is_deleted(&self, uuid: IndexUuid) -> bool {
        let unreadable = self.unreadable.keys().any(|key| matches!(key, Key::Index(_)));
        !self.indexes.values().any(|stored| stored.record.identities().any(|known| known == uuid)) && !unreadable
    }

    /// The dumps of an index that are generations, the oldest first: by their numbers, since ids go by the clocks of those
    /// who asked for them.
    pub fn dumps_of(&self, uuid: IndexUuid) -> Vec<NumberedDump> {
        let of_index = self.dumps.iter().filter(|(_, stored)| stored.record.uuid == uuid);
        let numbered = |(dump, stored): (&DumpId, &Stored<DumpRecord>)| {
            Some(NumberedDump { generation: stored.record.generation()?, dump: *dump })
        };
        let mut dumps: Vec<_> = of_index.filter_map(numbered).collect();
        dumps.sort_by_key(|dump| dump.generation);
        dumps
    }

    /// What uses a dump of an index, as messages say it.
    pub fn user_of(&self, uuid: IndexUuid, dump: DumpId) -> Option<&'static str> {
        let moving = |index: &IndexRecord| index.moving.as_ref().is_some_and(|moving| moving.dump == dump);
        if self.indexes.values().any(|index| moving(&index.record)) {
            return Some("is what the index is made of on another number of shards");
        }
        self.user_beside_move(uuid, dump)
    }

    /// What uses it, beside the move of the index to another layout.
    pub(crate) fn user_beside_move(&self, uuid: IndexUuid, dump: DumpId) -> Option<&'static str> {
        let waits =
            |task: &TaskRecord| task.rollout().is_some_and(|rollout| rollout.to.dump == dump) && !task.is_over();
        if let Some((_, index)) = self.index_of(uuid) {
            let Generations { official, retiring, preparing, .. } = &index.record.generations;
            if official.is_some_and(|official| official.dump == dump) {
                return Some("is what the replicas serve");
            }
            if retiring.is_some_and(|retiring| retiring.dump == dump) {
                return Some("was served until a moment ago, and may be rolled back to");
            }
            if preparing.as_ref().is_some_and(|preparing| preparing.of.dump == dump) {
                return Some("is being rolled out");
            }
        }
        let restored = |index: &IndexRecord| {
            index.state() == IndexState::Creating && index.origin.is_some_and(|origin| origin.dump == dump)
        };
        if self.indexes.values().any(|index| restored(&index.record)) {
            return Some("is being restored");
        }
        self.tasks.values().any(|task| waits(&task.record)).then_some("waits to be rolled out")
    }

    /// What was compared for a rollout of each shard, by all routers.
    pub fn comparisons(&self, rollout: TaskId) -> BTreeMap<ShardId, ShardComparison> {
        let of_rollout = self.compared.iter().filter(|((task, _), _)| *task == rollout);
        let mut sums: BTreeMap<ShardId, ShardComparison> = BTreeMap::new();
        for (shard, of) in of_rollout.flat_map(|(_, stored)| &stored.record.0) {
            let sum = sums.entry(*shard).or_default();
            *sum = std::mem::take(sum) + of.clone();
        }
        sums
    }

    /// Every replica that lives; of two processes over one folder the later.
    pub fn replicas(&self) -> impl Iterator<Item = LiveReplica<'_>> {
        let mut live: BTreeMap<ReplicaId, LiveReplica<'_>> = BTreeMap::new();
        for (node, stored) in &self.nodes {
            let NodeRecord { address, place, replica: Some(replica), .. } = &stored.record else { continue };
            let (node, revision) = (*node, stored.revision);
            let found = LiveReplica { node, revision, address, place: *place, record: replica };
            match live.get(&replica.id) {
                Some(known) if known.revision > revision => {}
                _ => drop(live.insert(replica.id, found)),
            }
        }
        live.into_values()
    }

    /// Those of a layout.
    pub fn replicas_on(&self, layout: LayoutId) -> impl Iterator<Item = LiveReplica<'_>> {
        self.replicas().filter(move |replica| replica.place.layout == layout)
    }

    fn read(&mut self, key: &Key, revision: u64, value: &[u8]) -> Result<(), UnreadableRecord> {
        match key {
            Key::Cluster => self.cluster = Some(Stored { revision, record: ClusterRecord::decode(value)? }),
            Key::Coordinator => {
                self.coordinator = Some(Stored { revision, record: CoordinatorRecord::decode(key, value)? });
            }
            Key::Index(name) => {
                let record = IndexRecord::decode(key, value)?;
                self.indexes.insert(name.clone(), Stored { revision, record });
            }
            Key::Alias(name) => {
                let record = AliasRecord::decode(key, value)?;
                self.aliases.insert(name.clone(), Stored { revision, record });
            }
            Key::Gone(uuid) => {
                let record = Tombstone::decode(key, value)?;
                self.gone.insert(*uuid, Stored { revision, record });
            }
            Key::Node(id) => {
                let record = NodeRecord::decode(key, value)?;
                self.nodes.insert(*id, Stored { revision, record });
            }
            Key::Dump(dump) => {
                let record = DumpRecord::decode(key, value)?;
                self.dumps.insert(*dump, Stored { revision, record });
            }
            Key::Task(id) => {
                let record = TaskRecord::decode(key, value)?;
                self.tasks.insert(*id, Stored { revision, record });
            }
            Key::Compared(task, router) => {
                let record = Comparisons::decode(key, value)?;
                self.compared.insert((*task, *router), Stored { revision, record });
            }
            Key::Term(place) => {
                let record = TermRecord::decode(key, value)?;
                self.terms.insert(*place, Stored { revision, record });
            }
        }
        Ok(())
    }

    fn forget(&mut self, key: &Key) {
        self.unreadable.remove(key);
        match key {
            Key::Cluster => self.cluster = None,
            Key::Coordinator => self.coordinator = None,
            Key::Index(name) => {
                self.indexes.remove(name);
            }
            Key::Alias(name) => {
                self.aliases.remove(name);
            }
            Key::Gone(uuid) => {
                self.gone.remove(uuid);
            }
            Key::Node(id) => {
                self.nodes.remove(id);
            }
            Key::Dump(dump) => {
                self.dumps.remove(dump);
            }
            Key::Task(id) => {
                self.tasks.remove(id);
            }
            Key::Compared(task, router) => {
                self.compared.remove(&(*task, *router));
            }
            Key::Term(place) => {
                self.terms.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{name, schema, uuid};

    fn with_index(records: &mut Records, index: &str, number: u128) {
        records.put(&format!("index/{index}"), 1, &IndexRecord::new(uuid(number), schema(1)).encode());
    }

    #[test]
    fn an_alias_of_a_deleted_index_stands_for_nothing() {
        let mut records = Records::default();
        with_index(&mut records, "faces-1", 1);
        let alias = AliasRecord { index: name("faces-1"), uuid: uuid(1) };
        records.put("alias/faces", 2, &alias.encode());
        assert_eq!(records.resolve(&name("faces")).map(|(found, _)| found), Some(&name("faces-1")));
        // Deleted, and another index takes the name.
        records.delete("index/faces-1");
        with_index(&mut records, "faces-1", 2);
        assert!(records.resolve(&name("faces")).is_none());
        assert!(records.resolve(&name("faces-1")).is_some());
    }

    #[test]
    fn what_cannot_be_read_does_not_keep_the_others() {
        let mut records = Records::default();
        with_index(&mut records, "faces", 1);
        records.put("index/songs", 2, b"{");
        records.put("rollout/7", 3, b"of a later release");
        assert_eq!(records.indexes.len(), 1);
        assert_eq!(records.unreadable.keys().collect::<Vec<_>>(), [&Key::Index(name("songs"))]);
        with_index(&mut records, "songs", 2);
        assert!(records.unreadable.is_empty());
    }

    #[test]
    fn what_became_unreadable_is_served_no_longer() {
        let mut records = Records::default();
        with_index(&mut records, "faces", 1);
        records.put("index/faces", 2, b"{");
        assert!(records.indexes.is_empty());
    }
}

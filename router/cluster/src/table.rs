//! Who is asked for what: a pure function of the records.

pub use crate::absent::Absent;
use crate::canaries::{Beside, Canaries};
use crate::decide::{comparing, serves};
use crate::record::{IndexRecord, IndexState, NodeRecord, Place, Preparing, Role, TaskId};
use crate::records::{LiveReplica, Records};
use annuli_api::catalogue::refusal;
use annuli_api::{Effect, ErrorCode, Failure, Index, Position, ShardApi};
use annuli_core::{Generation, IndexName, IndexUuid, ShardId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How to reach a shard of another process.
pub trait Reach: Send + Sync {
    /// A handle on a shard. Making one asks nobody anything.
    fn shard(&self, address: &str, index: IndexUuid, shard: ShardId) -> Arc<dyn ShardApi>;

    /// A handle on a generation of a shard, at one replica, that serves it or fails.
    fn generation(&self, address: &str, index: IndexUuid, shard: ShardId, generation: Generation) -> Arc<dyn ShardApi>;

    /// A handle on a shard that has replicas: they answer reads, and `primary` the rest.
    fn replicated(&self, replicated: Replicated<'_>, primary: Arc<dyn ShardApi>) -> Arc<dyn ShardApi>;

    /// Handles were made anew, and those before are held by requests under way alone.
    fn made_anew(&self);
}

/// A shard as its replicas serve it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicated<'a> {
    /// The index.
    pub index: IndexUuid,
    /// The shard.
    pub shard: ShardId,
    /// Which state of it.
    pub generation: Generation,
    /// What is in that state.
    pub holds: Position,
    /// Where the replicas are that have it ready, at least one.
    pub addresses: Vec<&'a str>,
}

/// Every index with handles of its shards, as of some records.
#[derive(Default)]
pub struct Table {
    indexes: BTreeMap<IndexName, Result<Arc<Index>, Failure>>,
    aliases: BTreeMap<IndexName, IndexName>,
    /// Indexes that are not known to have each of their shards.
    unfinished: BTreeSet<IndexName>,
}

impl Table {
    /// The table that the records amount to. What is tried on live searches is counted by `canaries`.
    pub(crate) fn of(records: &Records, reach: &dyn Reach, canaries: &Canaries) -> Self {
        let asked = asked(records);
        let replicas: Vec<_> = records.replicas().collect();
        let index = |(name, stored): (&IndexName, &crate::records::Stored<IndexRecord>)| {
            let served = served(records, &stored.record, &replicas);
            let mut index = index(name, &stored.record, &asked, served, reach);
            if let Some(trial) = Trial::of(records, &stored.record, &replicas) {
                trial.put_beside(&mut index, reach, canaries);
            }
            (name.clone(), Ok(Arc::new(index)))
        };
        let mut indexes: BTreeMap<_, _> = records.indexes.iter().map(index).collect();
        for (key, reason) in &records.unreadable {
            if let crate::record::Key::Index(name) = key {
                let failure = Failure::new(ErrorCode::IndexUnavailable, reason).with("index", name.as_str());
                indexes.insert(name.clone(), Err(failure));
            }
        }
        let alias = |alias: &IndexName| Some((alias.clone(), records.alias(alias)?.clone()));
        let unfinished = records.indexes.iter().filter(|(_, stored)| stored.record.state() == IndexState::Creating);
        Self {
            indexes,
            aliases: records.aliases.keys().filter_map(alias).collect(),
            unfinished: unfinished.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether there is such an index, or alias of one, with each of its shards.
    pub fn is_whole(&self, name: &IndexName) -> bool {
        let name = self.aliases.get(name).unwrap_or(name);
        self.indexes.contains_key(name) && !self.unfinished.contains(name)
    }

    /// The index of that name, or the one that the alias of that name stands for.
    pub fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        let name = self.aliases.get(name).unwrap_or(name);
        self.indexes.get(name).cloned().unwrap_or_else(|| Err(refusal::index_not_found(name)))
    }

    /// Every index, by name.
    pub fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>> {
        self.indexes.values().cloned().collect()
    }

    /// Every alias with the index that it stands for.
    pub fn aliases(&self) -> &BTreeMap<IndexName, IndexName> {
        &self.aliases
    }
}

/// A generation that is tried on live searches.
struct Trial<'a> {
    rollout: TaskId,
    percent: u32,
    generation: Generation,
    /// Where the official generation stands, by shard; `None`: nothing is official.
    official: Option<BTreeMap<ShardId, Position>>,
    /// Replicas of the index, of any shard.
    replicas: Vec<&'a LiveReplica<'a>>,
}

impl<'a> Trial<'a> {
    fn of(records: &Records, record: &IndexRecord, replicas: &'a [LiveReplica<'a>]) -> Option<Self> {
        let Preparing { of, rollout, .. } = record.generations.preparing.as_ref()?;
        let (generation, percent) = (of.generation, comparing(records, *rollout)?.percent);
        let is_ready = |replica: &&LiveReplica<'_>| {
            replica.place.layout == record.layout && replica.is_ready(record.uuid, generation)
        };
        let official = record.generations.official.map(|official| {
            let dump = records.dumps.get(&official.dump);
            let done = dump.iter().flat_map(|dump| dump.record.done());
            done.map(|(shard, done)| (shard, Position { history: done.history(), seq: done.seq() })).collect()
        });
        let replicas = replicas.iter().filter(is_ready).collect();
        Some(Self { rollout: *rollout, percent, generation, official, replicas })
    }

    fn put_beside(&self, index: &mut Index, reach: &dyn Reach, canaries: &Canaries) {
        let uuid = index.uuid;
        for (shard, official) in index.schema.shards.shards().zip(&mut index.shards) {
            let of_shard = self.replicas.iter().filter(|replica| replica.place.shard == shard);
            let candidates: Arc<[_]> =
                of_shard.map(|replica| reach.generation(replica.address, uuid, shard, self.generation)).collect();
            let official_at = self.official.as_ref().map(|official| official.get(&shard).copied());
            // Where it is not known what is official, there is nothing to compare with.
            if candidates.is_empty() || official_at == Some(None) {
                continue;
            }
            let (official_at, percent) = (official_at.flatten(), self.percent);
            let (answers, tally) = (Arc::clone(official), canaries.tally(self.rollout, shard));
            *official = Arc::new(Beside { official: answers, official_at, candidates, percent, tally });
        }
    }
}

/// Who is asked for each shard: its primary; of two records the later, since a process that was started again joins
/// before the lease of its earlier run has ended. Where there is none, who stands aside can say why.
fn asked(records: &Records) -> BTreeMap<Place, &NodeRecord> {
    let mut nodes: Vec<_> = records.nodes.values().filter(|stored| stored.record.role != Role::Replica).collect();
    nodes.sort_by_key(|stored| (stored.record.role == Role::Primary, stored.revision));
    nodes.into_iter().map(|stored| (stored.record.place, &stored.record)).collect()
}

/// The shards of an index of which a replica serves what is asked for: the official generation, or, where replicas are
/// drained, another one of some shards.
fn served<'a>(
    records: &Records,
    record: &IndexRecord,
    replicas: &[LiveReplica<'a>],
) -> BTreeMap<ShardId, Replicated<'a>> {
    let (index, layout) = (record.uuid, record.layout);
    let of_shard = |shard: ShardId| {
        let asked = record.generations.of_shard(shard)?;
        // It is there as long as it is served.
        let dump = &records.dumps.get(&asked.dump)?.record;
        let (_, done) = dump.done().find(|(of, _)| *of == shard)?;
        let generation = asked.generation;
        let ready =
            replicas.iter().filter(|replica| replica.place == Place { layout, shard } && serves(record, replica));
        let addresses: Vec<_> = ready.map(|replica| replica.address).collect();
        let holds = Position { history: done.history(), seq: done.seq() };
        (!addresses.is_empty()).then_some((shard, Replicated { index, shard, generation, holds, addresses }))
    };
    record.schema.shards.shards().filter_map(of_shard).collect()
}

fn index(
    name: &IndexName,
    record: &IndexRecord,
    asked: &BTreeMap<Place, &NodeRecord>,
    mut served: BTreeMap<ShardId, Replicated<'_>>,
    reach: &dyn Reach,
) -> Index {
    let (uuid, schema) = (record.uuid, record.schema);
    let mut handle = |shard: ShardId| {
        let primary = match asked.get(&Place { layout: record.layout, shard }) {
            // Whether it serves this index it knows best, and says so: what its record says of it may be older.
            Some(node) => reach.shard(&node.address, uuid, shard),
            None => Arc::new(Absent(nobody(name, shard))) as Arc<dyn ShardApi>,
        };
        match served.remove(&shard) {
            Some(replicated) => reach.replicated(replicated, primary),
            None => primary,
        }
    };
    let shards = schema.shards.shards().map(&mut handle).collect();
    Index { name: name.clone(), uuid, schema, shards }
}

fn nobody(name: &IndexName, shard: ShardId) -> Failure {
    let message = format!("no process serves shard {shard}: its primary is down, or has not started yet");
    let failure = Failure::new(ErrorCode::ShardUnavailable, message).with("index", name.as_str());
    failure.with("shard", shard.0).with_effect(Effect::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{AliasRecord, NodeId};
    use crate::testing::{name, schema, uuid};
    use annuli_core::HistoryId;
    use std::sync::Mutex;
    use uuid::Uuid;

    /// Reaches nobody, and remembers who was to be reached.
    #[derive(Default)]
    struct Asked(Mutex<Vec<(String, IndexUuid, ShardId)>>);

    impl Reach for Asked {
        fn shard(&self, address: &str, index: IndexUuid, shard: ShardId) -> Arc<dyn ShardApi> {
            self.0.lock().expect("no test panics in between").push((address.to_owned(), index, shard));
            Arc::new(Absent(Failure::new(ErrorCode::ShardUnavailable, "reached")))
        }

        fn replicated(&self, replicated: Replicated<'_>, _: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
            let Replicated { generation, addresses, .. } = replicated;
            let message = format!("generation {generation} at {}", addresses.join(", "));
            Arc::new(Absent(Failure::new(ErrorCode::ShardUnavailable, message)))
        }

        fn generation(&self, _: &str, _: IndexUuid, _: ShardId, _: Generation) -> Arc<dyn ShardApi> {
            panic!("nothing is tried")
        }

        fn made_anew(&self) {}
    }

    fn address(port: u16) -> String {
        format!("127.0.0.1:{port}")
    }

    fn put_node(records: &mut Records, id: u128, revision: u64, shard: u32, port: u16) {
        let (address, serves) = (address(port), BTreeMap::new());
        let record =
            NodeRecord { address, role: Role::Primary, place: Place::first(ShardId(shard)), serves, replica: None };
        records.put(&format!("node/{}", NodeId(Uuid::from_u128(id))), revision, &record.encode());
    }

    fn faces() -> Records {
        let mut records = Records::default();
        records.put("index/faces", 1, &IndexRecord::new(uuid(1), schema(2)).encode());
        records
    }

    /// Why each shard of `faces` does not answer.
    async fn answers(records: &Records, asked: &Asked) -> Vec<String> {
        let index = Table::of(records, asked, &Canaries::default()).resolve(&name("faces")).expect("it is there");
        let mut answers = Vec::new();
        for shard in &index.shards {
            answers.push(shard.status().await.expect_err("nobody is there").message);
        }
        answers
    }

    #[tokio::test]
    async fn each_shard_is_asked_of_its_primary() {
        let (mut records, asked) = (faces(), Asked::default());
        put_node(&mut records, 1, 2, 0, 7000);
        put_node(&mut records, 2, 3, 1, 7001);
        assert_eq!(answers(&records, &asked).await, ["reached", "reached"]);
        let asked = asked.0.into_inner().expect("no test panics in between");
        assert_eq!(asked, [(address(7000), uuid(1), ShardId(0)), (address(7001), uuid(1), ShardId(1))]);
    }

    #[tokio::test]
    async fn a_shard_that_nobody_serves_says_so() {
        let (mut records, asked) = (faces(), Asked::default());
        put_node(&mut records, 2, 3, 1, 7001);
        let [first, second] = answers(&records, &asked).await.try_into().expect("two shards");
        assert!(first.contains("no process serves shard 0"), "{first}");
        assert_eq!(second, "reached");
    }

    #[tokio::test]
    async fn of_two_runs_of_a_primary_the_later_is_asked() {
        let (mut records, asked) = (faces(), Asked::default());
        put_node(&mut records, 9, 2, 0, 7000);
        put_node(&mut records, 3, 5, 0, 7009);
        answers(&records, &asked).await;
        assert_eq!(asked.0.into_inner().expect("no test panics in between")[0].0, address(7009));
    }

    #[tokio::test]
    async fn who_stands_aside_is_asked_only_where_there_is_no_primary() {
        let (mut records, asked) = (faces(), Asked::default());
        put_node(&mut records, 1, 2, 0, 7000);
        for shard in [0, 1] {
            let (address, serves) = (address(7009), BTreeMap::new());
            let aside =
                NodeRecord { address, role: Role::Aside, place: Place::first(ShardId(shard)), serves, replica: None };
            let id = NodeId(Uuid::from_u128(9 + u128::from(shard)));
            records.put(&format!("node/{id}"), 5, &aside.encode());
        }
        answers(&records, &asked).await;
        let asked = asked.0.into_inner().expect("no test panics in between");
        assert_eq!([&asked[0].0, &asked[1].0], [&address(7000), &address(7009)]);
    }

    #[test]
    fn an_index_is_whole_once_each_shard_was_made() {
        let mut records = faces();
        records.put("alias/people", 2, &AliasRecord { index: name("faces"), uuid: uuid(1) }.encode());
        let whole = |records: &Records| {
            let table = Table::of(records, &Asked::default(), &Canaries::default());
            ["faces", "people", "films"].map(|index| table.is_whole(&name(index)))
        };
        assert_eq!(whole(&records), [false, false, false]);
        let histories = [0, 1].map(|shard| (ShardId(shard), HistoryId(Uuid::from_u128(5))));
        let ready = IndexRecord { histories: histories.into(), ..IndexRecord::new(uuid(1), schema(2)) };
        records.put("index/faces", 3, &ready.encode());
        assert_eq!(whole(&records), [true, true, false]);
    }

    #[test]
    fn an_alias_resolves_and_an_unreadable_index_says_so() {
        let mut records = faces();
        records.put("alias/people", 2, &AliasRecord { index: name("faces"), uuid: uuid(1) }.encode());
        records.put("index/songs", 3, b"{");
        let table = Table::of(&records, &Asked::default(), &Canaries::default());
        assert_eq!(table.resolve(&name("people")).map(|index| index.uuid).ok(), Some(uuid(1)));
        let failure = |index: &str| table.resolve(&name(index)).err().expect("it does not resolve");
        assert_eq!(failure("songs").code, ErrorCode::IndexUnavailable);
        assert_eq!(failure("films").code, ErrorCode::IndexNotFound);
    }
}

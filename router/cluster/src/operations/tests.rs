//! What is asked of a cluster is done once, though it is decided again: because somebody else was faster, or because the
//! answer to a commit was lost.

use super::*;
use crate::catalogue::Dumps;
use crate::decide::{
    Removal, await_approval, cancel_reshard, end_reshard, flip, pause_rollout, remove_alias, request_reshard, say,
    set_alias,
};
use crate::record::{
    Approval, ClusterRecord, DumpRecord, DumpState, Generations, Key, NodeId, NodeRecord, Preparing, Role,
};
use crate::testing::{Alone, Eventful, Happens, Other, dump, history, name, schema, uuid};
use annuli_dump::{CreatedAt, DumpStore};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const ID: u64 = 9;

fn id() -> TaskId {
    TaskId(dump(ID).uuid())
}

fn numbered(number: u64) -> NumberedDump {
    NumberedDump { generation: Generation(number), dump: dump(number) }
}

/// A rollout from generation 1 to generation 2.
fn rollout(way: Way, approval: Approval) -> Rollout {
    Rollout {
        to: numbered(2),
        max_unavailable: 1,
        way,
        approval,
        canary: None,
        asked_by: AskedBy::Person,
        flipped_from: None,
    }
}

/// A cluster of two shards with their primaries, an index `faces` with two dumps, and a rollout that stands there.
fn change(rollout: Rollout, status: TaskStatus) -> Change {
    let (uuid, over) = (uuid(1), (rollout.way == Way::Drain).then(|| [ShardId(0)].into()));
    let preparing = Preparing { of: rollout.to, rollout: id(), allowed: [].into(), over, known: [].into(), attempt: 0 };
    let is_over = status == TaskStatus::Succeeded;
    let generations = Generations {
        last: 2,
        official: Some(if is_over { numbered(2) } else { numbered(1) }),
        preparing: Some(preparing).filter(|_| !is_over),
        ..Generations::default()
    };
    let histories = [(ShardId(0), history(1)), (ShardId(1), history(2))].into();
    let index = IndexRecord { histories, generations, ..IndexRecord::new(uuid, schema(2)) };
    let task = TaskRecord { index: name("faces"), uuid, work: Work::Rollout(rollout), status, error: None };
    let change = Change::new()
        .put(Key::Cluster, ClusterRecord::founded(ShardCount::new(2).unwrap()).encode())
        .put(Key::Index(name("faces")), index.encode())
        .put(Key::Task(id()), task.encode());
    let change = [1, 2].into_iter().fold(change, |change, number| {
        let record = DumpRecord {
            index: name("faces"),
            uuid,
            created_at: CreatedAt::new("2026-01-02T03:04:05Z").expect("a time"),
            state: DumpState::Taken(Generation(number)),
            shards: BTreeMap::new(),
        };
        change.put(Key::Dump(dump(number)), record.encode())
    });
    [0, 1].into_iter().fold(change, |change, shard| {
        let (role, place) = (Role::Primary, Place::first(ShardId(shard)));
        let address = format!("127.0.0.1:{}", 7000 + shard);
        let node = NodeRecord { address, role, place, serves: BTreeMap::new(), replica: None };
        change.put(Key::Node(NodeId(Uuid::from_u128(u128::from(shard)))), node.encode())
    })
}

struct Cluster {
    store: Arc<Eventful>,
    catalogue: ClusterCatalogue,
}

impl Cluster {
    async fn of(change: &Change) -> Self {
        let store = Eventful::with(change).await;
        let dumps = Dumps::Kept(DumpStore::in_folder(store.root().path().join("dumps")));
        let catalogue =
            ClusterCatalogue::start(Arc::clone(&store) as _, Arc::new(Alone), new_uuid, dumps).await.unwrap();
        Self { store, catalogue }
    }

    /// With a rollout that is so.
    async fn with(rollout: Rollout, status: TaskStatus) -> Self {
        Self::of(&change(rollout, status)).await
    }

    async fn say(&self, word: RolloutWord, happens: Happens) -> Result<(), ErrorCode> {
        self.store.next(happens);
        let index = self.catalogue.resolve(&name("faces")).unwrap();
        self.catalogue.say(&index, id().0, word).await.map_err(|failure| failure.code)
    }

    async fn index(&self) -> IndexRecord {
        self.store.records().await.indexes[&name("faces")].record.clone()
    }

    async fn task(&self) -> TaskRecord {
        self.store.records().await.tasks[&id()].record.clone()
    }

    async fn status(&self) -> TaskStatus {
        self.task().await.status
    }
}

fn new_uuid() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(1_000);
    dump(LAST.fetch_add(1, Relaxed)).uuid()
}

/// Somebody else says something to the rollout.
fn other(word: Word) -> Other {
    Box::new(move |records| say(records, id(), word).unwrap())
}

fn why() -> Failure {
    Failure::new(ErrorCode::ShardUnavailable, "the disk is full")
}

async fn check_turned(cluster: &Cluster) {
    let generations = cluster.index().await.generations;
    let preparing = generations.preparing.map(|preparing| preparing.of);
    assert_eq!((generations.official, preparing), (Some(numbered(2)), Some(numbered(1))));
    assert_eq!(cluster.status().await, TaskStatus::Running);
}

/// It was decided again as a second word, which ends the rollout where it is: with what was to be taken back.
#[tokio::test]
async fn a_rollback_whose_answer_is_lost_is_not_said_twice() {
    let cluster = Cluster::with(rollout(Way::Drain, Approval::NotNeeded), TaskStatus::Running).await;
    assert_eq!(cluster.say(RolloutWord::Rollback, Happens::Lost).await, Ok(()));
    check_turned(&cluster).await;
    // Another word is one.
    assert_eq!(cluster.say(RolloutWord::Rollback, Happens::Lost).await, Ok(()));
    assert_eq!(cluster.status().await, TaskStatus::RolledBack);
}

#[tokio::test]
async fn two_who_roll_back_at_the_same_moment_roll_back_once() {
    let cluster = Cluster::with(rollout(Way::Drain, Approval::NotNeeded), TaskStatus::Running).await;
    assert_eq!(cluster.say(RolloutWord::Rollback, Happens::After(other(Word::RollBack))).await, Ok(()));
    check_turned(&cluster).await;
}

/// What was only resumed was approved, by nobody.
#[tokio::test]
async fn whoever_resumes_agrees_to_nothing_that_is_asked_only_then() {
    let asked = || -> Other { Box::new(|records| await_approval(records, id()).unwrap()) };
    let cluster = Cluster::with(rollout(Way::Beside, Approval::Awaited), TaskStatus::Paused).await;
    assert_eq!(cluster.say(RolloutWord::Resume, Happens::LostBefore(asked())).await, Ok(()));
    let task = cluster.task().await;
    assert_eq!((task.status, task.rollout().unwrap().approval), (TaskStatus::Paused, Approval::Asked));
    // Who is asked is.
    assert_eq!(cluster.say(RolloutWord::Resume, Happens::Lost).await, Ok(()));
    let task = cluster.task().await;
    assert_eq!((task.status, task.rollout().unwrap().approval), (TaskStatus::Running, Approval::Given));
}

#[tokio::test]
async fn what_is_paused_again_for_another_reason_is_not_resumed_by_the_word_of_before() {
    let paused = || -> Other { Box::new(|records| pause_rollout(records, id(), why()).unwrap()) };
    let cluster = Cluster::with(rollout(Way::Drain, Approval::NotNeeded), TaskStatus::Paused).await;
    assert_eq!(cluster.say(RolloutWord::Resume, Happens::LostBefore(paused())).await, Ok(()));
    assert_eq!((cluster.task().await.error, cluster.status().await), (Some(why()), TaskStatus::Paused));
    assert_eq!(cluster.index().await.generations.preparing.unwrap().attempt, 1);
}

#[tokio::test]
async fn what_somebody_has_resumed_is_not_paused_by_the_word_of_before() {
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Running).await;
    assert_eq!(cluster.say(RolloutWord::Pause, Happens::LostBefore(other(Word::Resume))).await, Ok(()));
    assert_eq!(cluster.status().await, TaskStatus::Running);
    assert_eq!(cluster.say(RolloutWord::Pause, Happens::After(other(Word::Pause))).await, Ok(()));
    assert_eq!(cluster.status().await, TaskStatus::Paused);
}

/// It was answered as done.
#[tokio::test]
async fn a_word_that_comes_too_late_is_refused() {
    let flipped = || -> Other { Box::new(|records| flip(records, id()).unwrap()) };
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Running).await;
    let said = cluster.say(RolloutWord::Pause, Happens::After(flipped())).await;
    assert_eq!((said, cluster.status().await), (Err(ErrorCode::TaskConflict), TaskStatus::Succeeded));
    // What has come to be official since is taken back all the same.
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Running).await;
    let said = cluster.say(RolloutWord::Rollback, Happens::After(flipped())).await;
    assert_eq!((said, cluster.status().await), (Ok(()), TaskStatus::RolledBack));
    assert_eq!(cluster.index().await.generations.official, Some(numbered(1)));
    // And of two who resume one has, whatever comes of it.
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Paused).await;
    assert_eq!(cluster.say(RolloutWord::Resume, Happens::After(other(Word::Resume))).await, Ok(()));
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Paused).await;
    let said = cluster.say(RolloutWord::Resume, Happens::After(other(Word::RollBack))).await;
    assert_eq!((said, cluster.status().await), (Err(ErrorCode::TaskConflict), TaskStatus::RolledBack));
}

/// It was answered as done, and the dump stayed.
#[tokio::test]
async fn a_dump_that_has_come_to_be_used_is_not_said_to_be_deleted() {
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Succeeded).await;
    let index = cluster.catalogue.resolve(&name("faces")).unwrap();
    let moves = || -> Other {
        Box::new(|records| {
            let stored = &records.indexes[&name("faces")];
            let generations = Generations { retiring: Some(numbered(1)), ..stored.record.generations.clone() };
            let record = IndexRecord { generations, ..stored.record.clone() };
            Change::new().put(Key::Index(name("faces")), record.encode())
        })
    };
    cluster.store.next(Happens::After(moves()));
    let refused = cluster.catalogue.remove_dump(&index, dump(1).uuid()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::DumpInUse);
    // One that is deleted is, by whomever.
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Succeeded).await;
    cluster.store.next(Happens::Lost);
    cluster.catalogue.remove_dump(&index, dump(1).uuid()).await.unwrap();
    assert_eq!(cluster.store.records().await.dumps[&dump(1)].record.state, DumpState::Deleting);
}

#[tokio::test]
async fn an_alias_that_somebody_has_set_anew_stays() {
    let set = || -> Other { Box::new(|records| set_alias(records, &name("people"), &name("faces")).unwrap()) };
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Succeeded).await;
    cluster.catalogue.set_alias(name("people"), name("faces")).await.unwrap();
    cluster.store.next(Happens::LostBefore(set()));
    cluster.catalogue.remove_alias(name("people")).await.unwrap();
    assert!(cluster.store.records().await.aliases.contains_key(&name("people")));
    let removed = || -> Other { Box::new(|records| remove_alias(records, &name("people")).unwrap()) };
    cluster.store.next(Happens::After(removed()));
    cluster.catalogue.remove_alias(name("people")).await.unwrap();
    assert!(cluster.store.records().await.aliases.is_empty());
    let absent = cluster.catalogue.remove_alias(name("people")).await.unwrap_err();
    assert_eq!(absent.code, ErrorCode::AliasNotFound);
}

/// It was begun anew, behind the back of whoever had cancelled it.
#[tokio::test]
async fn a_move_that_somebody_has_cancelled_is_not_begun_again() {
    let three = ShardCount::new(3).unwrap();
    let cluster = Cluster::with(rollout(Way::Beside, Approval::NotNeeded), TaskStatus::Succeeded).await;
    let cancelled = || -> Other { Box::new(|records| cancel_reshard(records).unwrap().unwrap()) };
    cluster.store.next(Happens::LostBefore(cancelled()));
    let Resharding { shards, next } = cluster.catalogue.reshard(three).await.unwrap();
    assert_eq!((shards, next.map(|next| next.shards)), (Some(2), None));
    // Nor is one cancelled that was asked for behind the cancellation.
    let asked = || -> Other { Box::new(move |records| request_reshard(records, three).unwrap().unwrap()) };
    cluster.catalogue.reshard(three).await.unwrap();
    cluster.store.next(Happens::LostBefore(asked()));
    let Resharding { next, .. } = cluster.catalogue.cancel_reshard().await.unwrap();
    assert_eq!(next.map(|next| next.shards), Some(3));
}

/// It was refused, since the cluster has as many shards: it had moved there at once.
#[tokio::test]
async fn a_cluster_without_indexes_has_moved_before_it_is_looked_at_again() {
    let three = ShardCount::new(3).unwrap();
    let cluster = ClusterRecord::founded(ShardCount::new(2).unwrap());
    let cluster = Cluster::of(&Change::new().put(Key::Cluster, cluster.encode())).await;
    cluster.store.next(Happens::LostBefore(Box::new(|records| end_reshard(records).unwrap())));
    let Resharding { shards, next } = cluster.catalogue.reshard(three).await.unwrap();
    assert_eq!((shards, next), (Some(3), None));
    assert_eq!(cluster.catalogue.reshard(three).await.unwrap_err().code, ErrorCode::InvalidRequest);
}

/// It was made again with the identity of one that was being removed.
#[tokio::test]
async fn an_index_that_somebody_has_deleted_at_once_is_not_made_again() {
    let cluster = ClusterRecord::founded(ShardCount::new(2).unwrap());
    let cluster = Cluster::of(&Change::new().put(Key::Cluster, cluster.encode())).await;
    let deleted: Other = Box::new(|records| Removal::default().decide(records, &name("faces")).unwrap().unwrap());
    cluster.store.next(Happens::LostBefore(deleted));
    let refused = cluster.catalogue.create(name("faces"), schema(2)).await.err().expect("it is gone");
    assert_eq!(refused.code, ErrorCode::IndexNotFound);
    let records = cluster.store.records().await;
    assert_eq!((records.indexes.len(), records.gone.len()), (0, 1));
}

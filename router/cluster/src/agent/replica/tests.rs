//! What a replica does about what it could not do.

use super::*;
use crate::agent::OlderFolder;
use crate::record::{ClusterRecord, Generations, IndexRecord, Key, NodeId, NumberedDump, Preparing};
use crate::testing::{dump, name, schema, uuid};
use annuli_coordination::{EmbeddedSettings, EmbeddedStore, SystemClock};
use annuli_core::{ShardCount, ShardId};
use uuid::Uuid;

/// A folder that lets go of nothing, on a disk that takes nothing.
struct Stuck;

#[async_trait]
impl ReplicaHolder for Stuck {
    fn id(&self) -> ReplicaId {
        ReplicaId(Uuid::nil())
    }

    fn held(&self) -> Held {
        Held::default()
    }

    async fn prepare(&self, _: NewGeneration, _: PreparationProgress) -> Result<(), Failure> {
        Err(Failure::new(ErrorCode::StorageFull, "the disk is full"))
    }

    async fn retire(&self, _: IndexUuid, _: Generation) -> Result<(), Failure> {
        Err(Failure::new(ErrorCode::StorageFailed, "the disk is read-only"))
    }
}

#[test]
fn reasons_are_told_until_a_record_is_full() {
    let failure = Failure::new(ErrorCode::StorageFailed, "rotten".repeat(100));
    let mut left = 310;
    assert_eq!(shown(&failure, &mut left).len(), WHY_CHARS_MAX);
    assert_eq!(shown(&failure, &mut left), "rottenrott");
    assert_eq!((shown(&failure, &mut left), left), ("see the log of the replica".to_owned(), 0));
}

/// It was tried again as soon as it had failed, as fast as the disk could say no.
#[tokio::test(start_paused = true)]
async fn a_retirement_that_failed_rests_before_it_is_tried_again() {
    let began = Instant::now();
    let (_, retired) = retire_in_time(Arc::new(Stuck), (uuid(1), Generation(1))).await;
    assert!(retired.is_err());
    assert_eq!(began.elapsed(), RETRY_AFTER);
}

const ROLLOUT: TaskId = TaskId(Uuid::from_u128(9));

/// A rollout that lets the replica prepare generation 1, and how often somebody has had that tried again.
fn rolled_out(attempt: u32) -> Records {
    let of = NumberedDump { generation: Generation(1), dump: dump(1) };
    let allowed = [Stuck.id()].into();
    let preparing = Preparing { of, rollout: ROLLOUT, allowed, over: None, known: BTreeMap::new(), attempt };
    let generations = Generations { preparing: Some(preparing), ..Generations::default() };
    let record = IndexRecord { generations, ..IndexRecord::new(uuid(1), schema(1)) };
    let mut records = Records::default();
    records.put("cluster", 1, &ClusterRecord::founded(ShardCount::ONE).encode());
    records.put(&Key::Index(name("faces")).to_string(), 2, &record.encode());
    records
}

/// It had waited for its next turn, five minutes at most, and said meanwhile that it had failed.
#[tokio::test]
async fn what_failed_is_tried_at_once_when_somebody_says_so() {
    let root = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(root.path(), EmbeddedSettings::default(), Arc::new(SystemClock::new())).unwrap();
    let post = Post {
        node: NodeId(Uuid::from_u128(1)),
        address: "127.0.0.1:1".to_owned(),
        shard: ShardId(0),
        shards: ShardCount::ONE,
        older: OlderFolder::Refuse,
    };
    let mut agent = ReplicaAgent::join(Arc::new(store), Arc::new(Stuck), post).await.unwrap();
    let says = |agent: &ReplicaAgent| agent.record().replica.unwrap().generations[&(uuid(1), Generation(1))].clone();
    let failed = |attempt| {
        let (why, rollout) = ("the disk is full".to_owned(), Some(ROLLOUT));
        Prepared::Failed { why, rollout, attempt, blame: Blame::Replica }
    };
    assert_eq!(agent.step(&rolled_out(0)), None);
    for attempt in [0, 1] {
        while agent.under.as_ref().is_some_and(|under| under.ended().is_none()) {
            hear(&mut agent.under).await;
        }
        assert!(agent.step(&rolled_out(attempt)).is_some(), "it rests");
        assert_eq!(says(&agent), failed(attempt));
        assert_eq!(agent.step(&rolled_out(attempt + 1)), None);
        assert_eq!(says(&agent), Prepared::Under("waiting".to_owned()), "it has not failed in this attempt");
    }
}

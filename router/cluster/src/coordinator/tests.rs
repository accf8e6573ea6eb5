//! What one step of a coordinator does to the others.

use super::*;
use crate::catalogue::Dumps;
use crate::record::{
    Approval, AskedBy, Generations, IndexRecord, Key, NumberedDump, Preparing, Rollout, TaskRecord, Way, Work,
};
use crate::testing::{Alone, Plain, dump, name, schema, uuid};
use annuli_api::v1::task::TaskStatus;
use annuli_coordination::{Commit, EmbeddedSettings, EmbeddedStore, SystemClock, Txn, Value};
use annuli_core::Generation;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

fn task(index: u128, work: Work) -> Vec<u8> {
    let status = TaskStatus::Queued;
    TaskRecord { index: name("faces"), uuid: uuid(index), work, status, error: None }.encode()
}

/// A rollout that waits behind one whose record cannot be read is due and comes to nothing.
fn records() -> Vec<(Key, Vec<u8>)> {
    let to = NumberedDump { generation: Generation(1), dump: dump(1) };
    let rollout = Rollout {
        to,
        max_unavailable: 1,
        way: Way::Beside,
        approval: Approval::NotNeeded,
        canary: None,
        asked_by: AskedBy::Schedule,
        flipped_from: None,
    };
    let unreadable = TaskId(dump(2).uuid());
    let (allowed, known) = ([].into(), [].into());
    let preparing = Preparing { of: to, rollout: unreadable, allowed, over: None, known, attempt: 0 };
    let generations = Generations { last: 1, preparing: Some(preparing), ..Generations::default() };
    let index = IndexRecord { generations, ..IndexRecord::new(uuid(1), schema(2)) };
    let cluster = Plain::of_two_shards().records.cluster.expect("it was founded").record;
    vec![
        (Key::Cluster, cluster.encode()),
        (Key::Index(name("faces")), index.encode()),
        (Key::Task(unreadable), b"of a later release".to_vec()),
        (Key::Task(TaskId(dump(3).uuid())), task(1, Work::Rollout(rollout))),
        // Its index is gone.
        (Key::Task(TaskId(dump(4).uuid())), task(2, Work::Dump { then_rollout: None })),
    ]
}

/// It was taken again at once, as fast as the store could be read, and no other step ever came to its turn.
#[tokio::test]
async fn a_step_that_comes_to_nothing_does_not_keep_the_others() {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let store = EmbeddedStore::open(&root.path().join("store"), EmbeddedSettings::default(), clock).unwrap();
    let store: Arc<dyn CoordinationStore> = Arc::new(store);
    for (key, value) in records() {
        let key = annuli_coordination::Key::new(&key.to_string()).unwrap();
        let written = store.commit(Txn::new().put(key, Value::new(&value).unwrap())).await.unwrap();
        assert!(matches!(written, Commit::Committed { .. }), "{written:?}");
    }
    let dumps = DumpStore::in_folder(root.path().join("dumps"));
    let kept = Dumps::Kept(dumps.clone());
    let catalogue =
        ClusterCatalogue::start(Arc::clone(&store), Arc::new(Alone), || Uuid::from_u128(9), kept).await.unwrap();
    let catalogue = Arc::new(catalogue);
    let keeping = Keeping { dumps: 2, retiring: Duration::from_secs(60) };
    let settings = CoordinatorSettings { name: "alone".to_owned(), keeping, schedule: Schedule::default(), term: None };
    let origins = Origins { new_uuid: || Uuid::from_u128(9), utc_now: || "2026-01-02T03:04:05Z".to_owned() };
    let coordinator = Coordinator::new(store, Arc::clone(&catalogue), dumps, settings, origins);
    let is_cancelled = |records: &Records| {
        let task = &records.tasks[&TaskId(dump(4).uuid())].record;
        task.status == TaskStatus::Cancelled
    };
    tokio::select! {
        () = coordinator.run() => unreachable!("it runs for as long as it is polled"),
        came = catalogue.mirror().wait_until(Instant::now() + PATIENCE, |seen| is_cancelled(&seen.records)) => {
            assert!(came, "{:?} is never done", Step::Cancel(TaskId(dump(4).uuid())));
        }
    }
}

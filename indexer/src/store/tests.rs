use super::change::ChangeKind;
use super::*;
use annuli_core::id::{HistoryId, IndexUuid, ShardCount, ShardId};
use annuli_core::vector::Dim;
use annuli_core::{HnswParams, IndexSchema, Metadata, Metric, Point, Quantization, Vector};
use tempfile::TempDir;
use uuid::Uuid;

fn identity() -> Identity {
    Identity {
        index: IndexUuid(Uuid::from_u128(1)),
        history: HistoryId(Uuid::from_u128(2)),
        shard: ShardId(0),
        schema: IndexSchema {
            dim: Dim::new(2).unwrap(),
            metric: Metric::Euclidean,
            shards: ShardCount::ONE,
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        },
    }
}

fn id(text: &str) -> DocId {
    DocId::new(text).unwrap()
}

fn put(seq: u64, text: &str) -> Change {
    let document = StoredDocument {
        seq: Seq(seq),
        point: Point(seq),
        vector: Vector::new(vec![seq as f32, 1.0]).unwrap(),
        metadata: Metadata::default(),
    };
    Change { seq: Seq(seq), id: id(text), kind: ChangeKind::Put, document: Some(document), killed: None }
}

fn delete(seq: u64, text: &str) -> Change {
    Change { seq: Seq(seq), id: id(text), kind: ChangeKind::Delete, document: None, killed: Some(Point(0)) }
}

fn counters(seq: u64) -> Counters {
    Counters { seq: Seq(seq), next_point: Point(seq + 1) }
}

fn commit(store: &Store, changes: &[Change]) {
    let last = changes.last().unwrap().seq.0;
    store.commit(changes, &counters(last), None, Durability::Fsync).unwrap();
}

fn ids(store: &Store, behind: Option<&str>) -> Vec<String> {
    let behind = behind.map(id);
    let snapshot = store.snapshot();
    snapshot.documents(behind.as_ref()).map(|entry| entry.unwrap().0.to_string()).collect()
}

fn new_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("db"), &identity()).unwrap();
    (folder, store)
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let (folder, store) = new_store();
    commit(&store, &[put(1, "a"), put(2, "b"), delete(3, "a")]);
    drop(store);
    let (store, found, counters_found) = Store::open(&folder.path().join("db")).unwrap();
    assert_eq!((found, counters_found), (identity(), counters(3)));
    assert_eq!(store.document(&id("a")).unwrap(), None);
    assert_eq!(store.document(&id("b")).unwrap(), put(2, "b").document);
    let head = store.document_head(&id("b")).unwrap();
    assert_eq!(head, Some(DocumentHead { seq: Seq(2), point: Point(2) }));
}

#[test]
fn documents_come_in_the_order_of_their_ids_from_behind_the_cursor() {
    let (_folder, store) = new_store();
    commit(&store, &[put(1, "b"), put(2, "a"), put(3, "a\0"), put(4, "ab"), put(5, "ä")]);
    assert_eq!(ids(&store, None), ["a", "a\0", "ab", "b", "ä"]);
    assert_eq!(ids(&store, Some("a")), ["a\0", "ab", "b", "ä"]);
    assert_eq!(ids(&store, Some("aa")), ["ab", "b", "ä"]);
    assert_eq!(ids(&store, Some("ä")), Vec::<String>::new());
}

#[test]
fn a_snapshot_does_not_see_later_writes() {
    let (_folder, store) = new_store();
    commit(&store, &[put(1, "a")]);
    let snapshot = store.snapshot();
    commit(&store, &[put(2, "b"), delete(3, "a")]);
    assert_eq!(snapshot.seq().unwrap(), Seq(1));
    assert!(snapshot.document(&id("a")).unwrap().is_some());
    assert_eq!(snapshot.document(&id("b")).unwrap(), None);
    assert_eq!(snapshot.documents(None).count(), 1);
}

#[test]
fn the_log_holds_every_change_in_order() {
    let (_folder, store) = new_store();
    commit(&store, &[put(1, "a")]);
    commit(&store, &[delete(2, "a"), put(3, "b")]);
    let logged: Vec<_> = store.snapshot().changes().map(|change| change.unwrap()).collect();
    let short: Vec<_> = logged.iter().map(|change| (change.seq.0, change.id.as_str(), change.kind)).collect();
    assert_eq!(short, [(1, "a", ChangeKind::Put), (2, "a", ChangeKind::Delete), (3, "b", ChangeKind::Put)]);
    assert_eq!((logged[1].born, logged[1].killed), (None, Some(Point(0))));
    assert_eq!((logged[2].born, logged[2].killed), (Some(Point(3)), None));
}

#[test]
fn the_log_is_trimmed_in_steps_and_keeps_what_it_promises() {
    let (_folder, store) = new_store();
    let kept_from = LOG_TRIM_STEP;
    commit(&store, &[put(kept_from - 1, "old"), put(kept_from, "kept")]);
    let oldest = |store: &Store| store.snapshot().changes().next().unwrap().unwrap().seq.0;
    commit(&store, &[put(LOG_CHANGES_KEPT + LOG_TRIM_STEP - 1, "a")]);
    assert_eq!(oldest(&store), kept_from - 1);
    commit(&store, &[put(LOG_CHANGES_KEPT + LOG_TRIM_STEP, "b")]);
    assert_eq!(oldest(&store), kept_from);
    assert_eq!(ids(&store, None).len(), 4);
}

#[test]
fn changes_that_the_next_opening_goes_through_are_not_trimmed() {
    let (_folder, store) = new_store();
    let commit = |seq: u64, needed| {
        store.commit(&[put(seq, "a")], &counters(seq), Some(Seq(needed)), Durability::Os).unwrap();
    };
    let oldest = |after: u64| store.snapshot().changes_after(Seq(after)).next().unwrap().unwrap().seq.0;
    commit(5, 0);
    commit(7, 4);
    commit(LOG_CHANGES_KEPT + 2 * LOG_TRIM_STEP, 6);
    assert_eq!((oldest(0), oldest(6), oldest(7)), (7, 7, LOG_CHANGES_KEPT + 2 * LOG_TRIM_STEP));
    commit(LOG_CHANGES_KEPT + 3 * LOG_TRIM_STEP, LOG_CHANGES_KEPT);
    assert_eq!(oldest(0), LOG_CHANGES_KEPT + 2 * LOG_TRIM_STEP);
}

#[test]
fn segments_are_there_as_they_were_last_committed() {
    let (_folder, store) = new_store();
    assert_eq!((store.segments().unwrap(), store.replay_after().unwrap()), (Vec::new(), None));
    let record = |number, dead| SegmentRecord { number, checksum: 9, rows: 70, dead };
    let change = |put, removed, replay_after| {
        store.commit_segments(&SegmentsChange { put, removed, replay_after }, Durability::Fsync).unwrap();
    };
    change(vec![record(300, Vec::new()), record(2, vec![1, 2])], Vec::new(), Some(Seq(7)));
    assert_eq!(store.segments().unwrap(), [record(2, vec![1, 2]), record(300, Vec::new())]);
    assert_eq!(store.replay_after().unwrap(), Some(Seq(7)));
    change(vec![record(300, vec![4, 0])], vec![2, 5], None);
    assert_eq!((store.segments().unwrap(), store.replay_after().unwrap()), (vec![record(300, vec![4, 0])], None));
}

#[test]
fn a_checkpoint_is_a_store_of_its_own() {
    let (folder, store) = new_store();
    commit(&store, &[put(1, "a")]);
    let copy = folder.path().join("copy");
    store.checkpoint(&copy).unwrap();
    commit(&store, &[put(2, "b")]);
    let (copy, _, counters_found) = Store::open(&copy).unwrap();
    assert_eq!(counters_found, counters(1));
    assert_eq!(ids(&copy, None), ["a"]);
}

#[track_caller]
fn check_refused<T>(result: Result<T, StoreError>, reason: &str) {
    let error = result.err().expect("a refusal").to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_store_is_created_once() {
    let (folder, store) = new_store();
    drop(store);
    check_refused(Store::create(&folder.path().join("db"), &identity()), "exists");
}

#[test]
fn a_missing_store_is_damage_and_not_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    check_refused(Store::open(&folder.path().join("db")), "is damaged");
    assert!(!folder.path().join("db").join("CURRENT").exists());
}

#[test]
fn a_newer_format_is_refused() {
    let (folder, store) = new_store();
    let mut batch = rocksdb::WriteBatch::default();
    batch.put(meta::format_key(), meta::ser_format(meta::STORE_FORMAT + 1));
    store.write(batch, Durability::Fsync).unwrap();
    drop(store);
    check_refused(Store::open(&folder.path().join("db")), "has store format 3, this release reads up to 2");
}

#[test]
fn a_store_of_format_1_opens_as_one_of_8_bit_codes() {
    let (folder, store) = new_store();
    let mut before = meta::ser_identity(&identity());
    before[0] = 1;
    before.pop();
    let mut batch = rocksdb::WriteBatch::default();
    batch.put(meta::format_key(), meta::ser_format(1));
    batch.put(meta::identity_key(), before);
    store.write(batch, Durability::Fsync).unwrap();
    drop(store);
    let (_, found, _) = Store::open(&folder.path().join("db")).unwrap();
    assert_eq!(found, identity());
}

#[test]
fn a_document_that_cannot_be_read_is_named_as_damage() {
    let (_folder, store) = new_store();
    let mut batch = rocksdb::WriteBatch::default();
    batch.put(document::ser_key(&id("a")), [1, 2, 3]);
    store.write(batch, Durability::Fsync).unwrap();
    check_refused(store.document(&id("a")), "a document cannot be read");
    check_refused(
        store.snapshot().documents(None).collect::<Result<Vec<_>, _>>(),
        "restore the index from its last dump",
    );
}

//! Indexes that are made of dumps.

use super::*;
use crate::record::{DumpRecord, DumpState, Key, Work};
use annuli_core::Generation;
use annuli_dump::CreatedAt;

const ID: u64 = 50;

fn id() -> TaskId {
    TaskId(dump(ID).uuid())
}

fn request(store: &Plain, index: &str) -> Result<Change, Failure> {
    let origin = Origin { index: uuid(9), dump: dump(1) };
    request_restore(&store.records, &name(index), uuid(2), id(), origin, &schema(3))
}

/// A cluster of two shards, in which `faces` is being made of a dump.
fn restoring() -> Plain {
    let mut store = Plain::of_two_shards();
    let change = request(&store, "faces").unwrap();
    assert!(store.commit(&change));
    store
}

fn put_dump(store: &mut Plain, state: DumpState) {
    let record = DumpRecord {
        index: name("songs"),
        uuid: uuid(9),
        created_at: CreatedAt::new("2026-01-02T03:04:05Z").unwrap(),
        state,
        shards: BTreeMap::new(),
    };
    assert!(store.commit(&Change::new().put(Key::Dump(dump(1)), record.encode())));
}

fn status(store: &Plain) -> TaskStatus {
    store.records.tasks[&id()].record.status
}

fn made(store: &mut Plain, shard: u32) {
    let Reported::New(change) =
        report_made(&store.records, &name("faces"), uuid(2), ShardId(shard), history(u128::from(shard) + 1))
    else {
        panic!("it is waited for")
    };
    assert!(store.commit(&change));
}

#[test]
fn a_restored_index_has_the_shards_of_its_cluster_and_is_there_when_all_are_made() {
    let mut store = restoring();
    let index = &store.records.indexes[&name("faces")].record;
    assert_eq!((index.schema, index.state()), (schema(2), IndexState::Creating));
    let origin = index.origin.unwrap();
    assert_eq!(store.records.tasks[&id()].record.work, Work::Restore(origin));
    let steps = plan(&store.records, Place::first(ShardId(0)), &BTreeMap::new(), OlderFolder::Refuse);
    assert_eq!((steps.steps.len(), steps.restores[&uuid(2)].origin), (0, origin));
    let refused = steps.serves[&uuid(2)].clone().unwrap_err();
    assert!(refused.message.contains("is being restored from dump"), "{refused}");
    made(&mut store, 0);
    assert_eq!(status(&store), TaskStatus::Running);
    made(&mut store, 1);
    assert_eq!(status(&store), TaskStatus::Succeeded);
}

#[test]
fn a_shard_that_cannot_be_restored_takes_the_index_away_again() {
    let mut store = restoring();
    made(&mut store, 0);
    let rotten = Failure::new(ErrorCode::StorageFailed, "entry 3 is damaged");
    let unmade = |store: &Plain| report_unmade(&store.records, &name("faces"), uuid(2), ShardId(1), &rotten);
    let Reported::New(change) = unmade(&store) else { panic!("it is waited for") };
    assert!(store.commit(&change));
    assert_eq!(unmade(&store), Reported::TooLate);
    let task = &store.records.tasks[&id()].record;
    let error = task.error.as_ref().unwrap();
    assert_eq!((task.status, error.code), (TaskStatus::Failed, ErrorCode::StorageFailed));
    assert_eq!(error.message, "shard 1 was not restored: entry 3 is damaged");
    assert!(store.records.indexes.is_empty());
    // Both have something to remove: what was made, and what may have been.
    assert_eq!(store.records.gone[&uuid(2)].record.left, [ShardId(0), ShardId(1)].into());
}

/// A primary whose word comes late must not take away what the one after it has made.
#[test]
fn who_has_made_its_shard_cannot_say_any_longer_that_it_could_not() {
    let mut store = restoring();
    made(&mut store, 1);
    let full = Failure::new(ErrorCode::StorageFull, "full");
    let late = report_unmade(&store.records, &name("faces"), uuid(2), ShardId(1), &full);
    assert_eq!(late, Reported::TooLate);
    let of_another = report_unmade(&store.records, &name("faces"), uuid(3), ShardId(0), &full);
    assert_eq!(of_another, Reported::TooLate);
}

#[test]
fn a_name_that_is_taken_is_not_restored_over() {
    let mut store = restoring();
    let refused = request(&store, "faces").unwrap_err();
    assert_eq!(refused.code, ErrorCode::IndexExists);
    assert!(refused.message.contains("index `faces` exists: delete it first"), "{refused}");
    let change = set_alias(&store.records, &name("songs"), &name("faces")).unwrap();
    assert!(store.commit(&change));
    assert_eq!(request(&store, "songs").unwrap_err().code, ErrorCode::AliasConflict);
}

#[test]
fn a_dump_that_is_being_restored_is_in_use() {
    let mut store = Plain::of_two_shards();
    put_dump(&mut store, DumpState::Taken(Generation(1)));
    let change = request(&store, "faces").unwrap();
    // Decided before the restore was asked for, and too late.
    let deletion = request_deletion(&store.records, uuid(9), dump(1)).unwrap();
    assert!(store.commit(&change) && !store.commit(&deletion));
    let refused = request_deletion(&store.records, uuid(9), dump(1)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::DumpInUse);
    assert!(retire_dump(&store.records, dump(1)).is_none());
    (0..2).for_each(|shard| made(&mut store, shard));
    assert!(retire_dump(&store.records, dump(1)).is_some());
}

#[test]
fn a_dump_that_is_taken_or_deleted_at_the_moment_is_not_restored() {
    for state in [DumpState::Taking, DumpState::Deleting] {
        let mut store = Plain::of_two_shards();
        put_dump(&mut store, state);
        assert_eq!(request(&store, "faces").unwrap_err().code, ErrorCode::DumpNotFound);
    }
}

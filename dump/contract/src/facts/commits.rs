//! How a dump becomes one.

use crate::given::{dump, dump_id, head, index_uuid, shard, small, write};
use crate::subject::Subject;
use annuli_core::id::ShardId;
use annuli_dump::{CommitDumpError, DumpStore, Manifest, PendingDump, verify_dump};
use std::io::Write;

/// A dump of one shard, begun and written, and the manifest that would make it a dump.
fn written(store: &DumpStore) -> Manifest {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let (record, bytes) = small();
    write(store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap(), &bytes);
    Manifest::new(head(index_uuid(1), dump_id(1), 1), vec![record]).unwrap()
}

/// With every byte of every archive.
pub fn a_committed_dump_is_found_and_sound(Subject { store, .. }: &Subject) {
    let manifest = dump(store, index_uuid(1), dump_id(1));
    let stored = store.find(dump_id(1)).unwrap();
    assert_eq!(*stored.manifest(), manifest);
    let mut read = 0;
    verify_dump(&stored, &mut |bytes| read += bytes).unwrap();
    assert_eq!(read, manifest.archive_bytes());
}

/// Another coordinator goes on where one has stopped, and may not know how far that was.
pub fn a_dump_may_be_committed_again_and_never_changes(Subject { store, .. }: &Subject) {
    let manifest = written(store);
    store.commit(&manifest).unwrap();
    store.commit(&manifest).unwrap();
    let later = annuli_dump::CreatedAt::new("2026-01-31T12:00:01Z").unwrap();
    let head = annuli_dump::ManifestHead { created_at: later, ..manifest.head().clone() };
    let other = Manifest::new(head, manifest.shards().to_vec()).unwrap();
    let error = store.commit(&other).unwrap_err();
    assert_eq!(error.to_string(), CommitDumpError::OtherManifest { dump: dump_id(1) }.to_string());
    assert_eq!(*store.find(dump_id(1)).unwrap().manifest(), manifest);
}

/// An archive that is missing, or has another length.
pub fn a_dump_is_not_committed_without_its_archives(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let (record, bytes) = small();
    let manifest = |record| Manifest::new(head(index_uuid(1), dump_id(1), 1), vec![record]).unwrap();
    let error = store.commit(&manifest(record.clone())).unwrap_err();
    let text = "archive `shard-0.tar.zst` of dump 01890000-0001-7000-8000-000000000000";
    assert_eq!(error.to_string(), format!("{text} is missing"));
    write(store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap(), b"short");
    let error = store.commit(&manifest(record)).unwrap_err();
    assert_eq!(error.to_string(), format!("{text} has 5 bytes, {} are recorded", bytes.len()));
    assert!(store.find(dump_id(1)).is_err());
}

/// The coordinator needs the store alone.
pub fn a_dump_is_committed_by_who_did_not_write_it(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let (record, bytes) = small();
    for number in [1, 0] {
        write(store.create_archive(index_uuid(1), dump_id(1), ShardId(number)).unwrap(), &bytes);
        store.put_record(index_uuid(1), dump_id(1), &shard(number, record.archive.clone())).unwrap();
    }
    let record = |number| store.record(index_uuid(1), dump_id(1), ShardId(number)).unwrap().unwrap();
    let manifest = Manifest::new(head(index_uuid(1), dump_id(1), 2), vec![record(0), record(1)]).unwrap();
    store.commit(&manifest).unwrap();
    verify_dump(&store.open(index_uuid(1), dump_id(1)).unwrap(), &mut |_| {}).unwrap();
}

/// Of one that a single process makes: what it does not finish is removed.
pub fn a_dropped_dump_leaves_nothing(Subject { store, .. }: &Subject) {
    let pending = PendingDump::begin(store, index_uuid(1), dump_id(1)).unwrap();
    write(pending.create_archive(ShardId(0)).unwrap(), b"an archive");
    let mut half = pending.create_archive(ShardId(1)).unwrap();
    half.write_all(b"half an archive").unwrap();
    drop(pending);
    drop(half);
    assert_eq!(store.list().unwrap().len(), 0);
}

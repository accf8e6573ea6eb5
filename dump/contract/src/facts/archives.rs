//! Archives on their way into a place and out of it.

use crate::given::{dump_id, index_uuid, noise, write};
use crate::subject::Subject;
use annuli_core::id::ShardId;
use annuli_dump::{DumpStore, NewArchive, OpenArchiveError, PublishError};
use std::io::{Read, Write};
use std::thread;

/// Several parts of an upload, and a last one that is not full.
const LARGE_BYTES: usize = 21 * 1024 * 1024 + 7;

fn create(store: &DumpStore, shard: u32) -> NewArchive {
    store.create_archive(index_uuid(1), dump_id(1), ShardId(shard)).unwrap()
}

fn read(store: &DumpStore, shard: u32, from: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = store.open_archive(index_uuid(1), dump_id(1), ShardId(shard), from).unwrap();
    archive.read_to_end(&mut bytes).unwrap();
    bytes
}

#[track_caller]
fn check_absent(store: &DumpStore, shard: u32) {
    let error = store.open_archive(index_uuid(1), dump_id(1), ShardId(shard), 0).err().expect("there is no archive");
    let absent = OpenArchiveError::Absent { dump: dump_id(1), shard: ShardId(shard) };
    assert_eq!(error.to_string(), absent.to_string());
}

/// To the byte, whatever the portions that it was written in; a file without bytes is a file.
pub fn a_published_archive_reads_back(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let bytes = noise("archive", 10_000);
    let mut archive = create(store, 0);
    bytes.chunks(777).for_each(|portion| archive.write_all(portion).unwrap());
    archive.flush().unwrap();
    archive.publish().unwrap();
    assert!(read(store, 0, 0) == bytes);
    create(store, 1).publish().unwrap();
    assert_eq!(read(store, 1, 0).len(), 0);
}

/// From its end on, and beyond, there is nothing.
pub fn an_archive_is_read_from_any_byte_on(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let bytes = noise("archive", 1_000);
    write(create(store, 0), &bytes);
    for from in [0, 1, 500, 999, 1_000] {
        assert_eq!(read(store, 0, from as u64), bytes[from..], "from {from}");
    }
    assert_eq!(read(store, 0, 1_001).len(), 0);
}

/// In as many parts as the place needs.
pub fn a_large_archive_reads_back(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let bytes = noise("large", LARGE_BYTES);
    write(create(store, 0), &bytes);
    assert!(read(store, 0, 0) == bytes);
    assert!(read(store, 0, 20_000_000) == bytes[20_000_000..]);
}

/// A reader never sees half an archive.
pub fn an_archive_is_not_there_before_it_is_published(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let mut archive = create(store, 0);
    archive.write_all(&noise("large", LARGE_BYTES)).unwrap();
    check_absent(store, 0);
    archive.publish().unwrap();
    assert_eq!(read(store, 0, LARGE_BYTES as u64 - 1).len(), 1);
}

/// And the next one takes its place.
pub fn an_archive_that_is_dropped_leaves_nothing(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let mut archive = create(store, 0);
    archive.write_all(&noise("large", LARGE_BYTES)).unwrap();
    drop(archive);
    check_absent(store, 0);
    write(create(store, 0), b"another");
    assert_eq!(read(store, 0, 0), b"another");
}

/// A process that was slow, or was thought dead, comes too late with what it has written.
pub fn a_published_archive_is_never_overwritten(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let (mut late, mut early) = (create(store, 0), create(store, 0));
    early.write_all(b"early").unwrap();
    late.write_all(b"late").unwrap();
    early.publish().unwrap();
    let error = late.publish().unwrap_err();
    assert!(matches!(error, PublishError::Exists { .. }), "{error}");
    let mut later = create(store, 0);
    later.write_all(&noise("large", LARGE_BYTES)).unwrap();
    let error = later.publish().unwrap_err();
    assert!(matches!(error, PublishError::Exists { .. }), "{error}");
    assert_eq!(read(store, 0, 0), b"early");
}

/// Each by a thread of its own, as the primaries of a cluster write them.
pub fn archives_are_written_side_by_side(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let of = |shard: u32| noise(&shard.to_string(), 300_000);
    thread::scope(|scope| {
        for shard in 0..4 {
            scope.spawn(move || write(create(store, shard), &of(shard)));
        }
    });
    for shard in 0..4 {
        assert!(read(store, shard, 0) == of(shard), "shard {shard}");
    }
}

/// Else files would gather that no listing shows.
pub fn an_archive_of_a_dump_that_was_never_begun_is_refused(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    for (index, dump) in [(1, 2), (2, 1)] {
        assert!(store.create_archive(index_uuid(index), dump_id(dump), ShardId(0)).is_err(), "{index} {dump}");
    }
}

/// It would come back from the dead.
pub fn an_archive_of_a_deleted_dump_is_not_published(Subject { store, .. }: &Subject) {
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let mut archive = create(store, 0);
    archive.write_all(b"late").unwrap();
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert!(archive.publish().is_err());
    assert_eq!(store.list().unwrap().len(), 0);
    check_absent(store, 0);
}

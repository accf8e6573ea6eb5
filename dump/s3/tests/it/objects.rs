//! What is in the bucket.

use crate::store;
use annuli_core::id::ShardId;
use annuli_dump::{DumpState, DumpStore, verify_dump};
use annuli_dump_contract::given::{dump, dump_id, index_uuid, noise, write};
use annuli_tests_s3::S3Server;
use std::fs;
use std::io::Write;
use std::sync::Arc;

/// A prefix on a server that tells and lets anybody.
fn place() -> (Arc<S3Server>, String, DumpStore) {
    let server = S3Server::moto();
    let place = server.new_place();
    let store = store(&place, server.variables());
    (server, place, store)
}

/// A file of the first dump of the first index.
fn key(name: &str) -> String {
    format!("{}/{}/{name}", index_uuid(1), dump_id(1))
}

#[test]
fn objects_are_called_as_the_files_of_a_folder_are() {
    let (server, place, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    let names = ["begun", "manifest.json", "manifest.json.blake3", "shard-0.tar.zst", "shard-1.tar.zst"];
    assert_eq!(server.keys(&place), names.map(key));
}

/// By whatever tool: it has no mark of a beginning, and needs none.
#[test]
fn a_dump_that_was_copied_from_a_folder_is_a_dump() {
    let (server, place, store) = place();
    let root = tempfile::tempdir().unwrap();
    let manifest = dump(&DumpStore::in_folder(root.path()), index_uuid(1), dump_id(1));
    for row in fs::read_dir(root.path().join(key(""))).unwrap() {
        let row = row.unwrap();
        server.put(&place, &key(row.file_name().to_str().unwrap()), &fs::read(row.path()).unwrap());
    }
    let stored = store.find(dump_id(1)).unwrap();
    assert_eq!(*stored.manifest(), manifest);
    verify_dump(&stored, &mut |_| {}).unwrap();
    assert!(store.begin(index_uuid(1), dump_id(1)).is_err());
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert_eq!(server.keys(&place), [] as [&str; 0]);
}

/// A crash after the manifest and an archive, before the mark of the beginning.
#[test]
fn a_deletion_that_was_cut_off_can_be_finished() {
    let (server, place, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    for name in ["manifest.json", "shard-0.tar.zst"] {
        server.delete(&place, &key(name));
    }
    let listed = store.list().unwrap();
    assert!(matches!(listed[0].state, DumpState::Incomplete), "{:?}", listed[0].state);
    assert!(store.begin(index_uuid(1), dump_id(1)).is_err());
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert_eq!(server.keys(&place), [] as [&str; 0]);
}

/// Objects of others beside ours, and what is almost called as ours are.
#[test]
fn what_is_no_dump_is_passed_over() {
    let (server, place, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    for name in ["notes.txt", "lost+found/x", &format!("{}/notes/x", index_uuid(1))] {
        server.put(&place, name, b"x");
    }
    assert_eq!(store.list().unwrap().iter().map(|listed| listed.dump).collect::<Vec<_>>(), [dump_id(1)]);
}

/// Nobody would find them, and they would be paid for.
#[test]
fn parts_of_an_archive_that_is_given_up_are_removed() {
    let (server, place, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let create = || store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
    let mut archive = create();
    archive.write_all(&noise("given up", 17 * 1024 * 1024)).unwrap();
    assert_eq!(server.uploads(&place), [key("shard-0.tar.zst")]);
    drop(archive);
    assert_eq!(server.uploads(&place), [] as [&str; 0]);

    let mut late = create();
    late.write_all(&noise("late", 17 * 1024 * 1024)).unwrap();
    write(create(), b"early");
    assert!(late.publish().is_err());
    assert_eq!(server.uploads(&place), [] as [&str; 0]);
}

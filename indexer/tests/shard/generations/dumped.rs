//! The dump of one shard.

use super::super::parts;
use super::setting::{PLACE, Setting, dump_shard, manifest, new_dump, new_index};
use annuli_core::ShardId;
use annuli_dump::DumpStore;
use annuli_indexer::Node;
use std::fs;

#[tokio::test]
async fn a_shards_record_stands_beside_its_archive() {
    let setting = Setting::start();
    setting.fill(0, 700).await;
    let dump = new_dump();
    setting.dumps.begin(setting.faces.uuid, dump).unwrap();
    let record = dump_shard(&setting.node, setting.faces.uuid, dump, &setting.dumps).unwrap();
    assert_eq!((record.documents, record.seq.0), (700, 700));
    let found = setting.dumps.record(setting.faces.uuid, dump, ShardId(0)).unwrap();
    assert_eq!(found, Some(record.clone()));
    // From the store alone.
    setting.commit(dump, found.unwrap());
    assert_eq!(*setting.dumps.find(dump).unwrap().manifest(), manifest(&setting.faces, dump, record));
}

#[tokio::test]
async fn a_shard_that_was_dumped_is_not_dumped_again() {
    let setting = Setting::start();
    setting.fill(0, 100).await;
    let dump = new_dump();
    setting.dumps.begin(setting.faces.uuid, dump).unwrap();
    let record = dump_shard(&setting.node, setting.faces.uuid, dump, &setting.dumps).unwrap();
    setting.fill(100, 200).await;
    assert_eq!(dump_shard(&setting.node, setting.faces.uuid, dump, &setting.dumps).unwrap(), record);
}

#[tokio::test]
async fn what_another_folder_has_dumped_is_not_this_shards() {
    let setting = Setting::start();
    let dump = new_dump();
    setting.dumps.begin(setting.faces.uuid, dump).unwrap();
    dump_shard(&setting.node, setting.faces.uuid, dump, &setting.dumps).unwrap();
    let other = Node::open(&setting.folder.path().join("other"), PLACE, parts(1_000)).unwrap();
    other.make(&setting.faces).unwrap();
    let error = dump_shard(&other, setting.faces.uuid, dump, &setting.dumps).unwrap_err().to_string();
    assert!(error.contains("has been dumped from another folder"), "{error}");
}

#[tokio::test]
async fn a_dump_that_fails_leaves_no_copy_behind() {
    let setting = Setting::start();
    setting.fill(0, 100).await;
    let dump = new_dump();
    // It was never begun.
    dump_shard(&setting.node, setting.faces.uuid, dump, &setting.dumps).unwrap_err();
    let shard = setting.folder.path().join("primary/faces/0");
    let names: Vec<_> = fs::read_dir(shard).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with(".capture-")), "{names:?}");
}

#[tokio::test]
async fn a_node_dumps_what_it_holds() {
    let setting = Setting::start();
    let nowhere = DumpStore::in_folder(setting.folder.path().join("nowhere"));
    let songs = new_index("songs", 7);
    let error = dump_shard(&setting.node, songs.uuid, new_dump(), &nowhere).unwrap_err().to_string();
    assert!(error.contains(&format!("no shard of the index {}", songs.uuid)), "{error}");
}

//! What a replica keeps, over restarts and retirements.

use super::super::{parts, soon};
use super::setting::{PLACE, Setting, document_id, documents, new_index, read};
use annuli_core::Generation;
use annuli_indexer::replica::PrepareError;
use annuli_indexer::{Node, Replica};
use std::fs;
use std::thread;

#[tokio::test]
async fn generations_are_there_after_a_restart() {
    let mut setting = Setting::with_generation(1_500).await;
    setting.fill(1_500, 1_600).await;
    let position = setting.prepare(2, setting.dump()).unwrap();
    let (id, held) = (setting.replica.id(), setting.replica.held());
    setting.reopen();
    assert_eq!((setting.replica.id(), setting.replica.held()), (id, held.clone()));
    assert_eq!(held[1].state, Ok(position));
    assert_eq!((documents(&setting.shard(1)).await, documents(&setting.shard(2)).await), (1_500, 1_600));
}

#[tokio::test]
async fn what_is_prepared_already_is_left_as_it_is() {
    let setting = Setting::with_generation(100).await;
    let dump = setting.replica.held()[0].dump.unwrap();
    setting.dumps.delete(setting.faces.uuid, dump).unwrap();
    setting.prepare(1, dump).unwrap();
    let error = setting.prepare(1, setting.dump()).unwrap_err();
    assert!(matches!(error, PrepareError::OtherGeneration { .. }), "{error}");
    assert!(error.to_string().contains(&format!("generation 1 is dump {dump} here")), "{error}");
}

#[tokio::test]
async fn a_retired_generation_is_gone_and_the_others_are_not() {
    let mut setting = Setting::with_generation(100).await;
    setting.prepare(2, setting.dump()).unwrap();
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    // It is not here any more: nothing to do.
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    assert!(setting.replica.shard(setting.faces.uuid, Generation(1)).is_none());
    assert!(!setting.generation_folder(1).exists());
    setting.reopen();
    assert_eq!(setting.replica.held().len(), 1);
    assert_eq!(documents(&setting.shard(2)).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_retired_when_the_last_request_has_let_go() {
    let setting = Setting::with_generation(100).await;
    let shard = setting.shard(1);
    let (replica, index) = (setting.replica.clone(), setting.faces.uuid);
    let retiring = thread::spawn(move || replica.retire(index, Generation(1)));
    while setting.replica.shard(index, Generation(1)).is_some() {
        thread::yield_now();
    }
    for _ in 0..200 {
        // From its store, which is closed in the end.
        let got = shard.get(vec![document_id(7)], read(None), soon()).await.unwrap();
        assert!(got.documents[0].is_some());
    }
    assert!(setting.generation_folder(1).exists());
    drop(shard);
    retiring.join().unwrap().unwrap();
    assert!(!setting.generation_folder(1).exists());
}

#[tokio::test]
async fn an_index_is_gone_with_the_last_of_its_generations() {
    let setting = Setting::with_generation(100).await;
    setting.prepare(2, setting.dump()).unwrap();
    let (folder, faces) = (setting.root().join("faces"), setting.faces.uuid);
    setting.replica.retire(faces, Generation(1)).unwrap();
    assert!(folder.exists());
    setting.replica.retire(faces, Generation(2)).unwrap();
    assert!(!folder.exists());
    setting.prepare(3, setting.dump()).unwrap();
    assert_eq!(documents(&setting.shard(3)).await, 100);
}

#[tokio::test]
async fn a_name_holds_one_index_at_a_time() {
    let setting = Setting::with_generation(100).await;
    let later = new_index("faces", 2);
    setting.node.remove(&setting.faces.name, setting.faces.uuid).unwrap();
    setting.node.make(&later).unwrap();
    let old = setting.faces.uuid;
    let setting = Setting { faces: later, ..setting };
    let dump = setting.dump();
    let error = setting.prepare(1, dump).unwrap_err().to_string();
    assert!(error.contains(&format!("holds the index {old}")), "{error}");
    let folder = setting.root().join("faces");
    let description = fs::read(folder.join("index.json")).unwrap();
    setting.replica.retire(old, Generation(1)).unwrap();
    // A crash in between leaves the folder of an index of which there is nothing.
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("index.json"), description).unwrap();
    setting.prepare(1, dump).unwrap();
    assert_eq!(documents(&setting.shard(1)).await, 0);
}

#[tokio::test]
async fn what_was_left_unfinished_is_swept() {
    let mut setting = Setting::with_generation(100).await;
    let half = setting.root().join(".new-half").join("db");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("000012.sst"), "half a file").unwrap();
    fs::create_dir_all(setting.root().join(".removed-half")).unwrap();
    setting.reopen();
    assert_eq!(setting.unfinished(), Vec::<String>::new());
    assert_eq!(documents(&setting.shard(1)).await, 100);
}

#[test]
fn folders_of_primaries_and_replicas_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (primary, replica) = (folder.path().join("primary"), folder.path().join("replica"));
    let node = Node::open(&primary, PLACE, parts(1_000)).unwrap();
    node.make(&new_index("faces", 1)).unwrap();
    drop(node);
    let error = Replica::open(&primary, PLACE, parts(1_000)).err().unwrap().to_string();
    assert!(error.contains("is the folder of a primary of this shard, not of a replica"), "{error}");

    // Nothing is kept there yet: it may have been started wrongly.
    drop(Node::open(&replica, PLACE, parts(1_000)).unwrap());
    drop(Replica::open(&replica, PLACE, parts(1_000)).unwrap());
    fs::create_dir_all(replica.join("faces")).unwrap();
    fs::copy(primary.join("faces").join("index.json"), replica.join("faces").join("index.json")).unwrap();
    let error = Node::open(&replica, PLACE, parts(1_000)).err().unwrap().to_string();
    assert!(error.contains("is the folder of a replica of this shard, not of a primary"), "{error}");
}

//! Nodes: one shard of every index, made and removed as somebody else decides.

mod restores;

use super::{id, name, open, schema, soon, vector};
use annuli_api::ShardApi;
use annuli_api::shard_api::{ConditionalWrite, Position, Write};
use annuli_core::{IndexUuid, Metadata, Metric, Seq, ShardCount, ShardId};
use annuli_dump::DumpStore;
use annuli_indexer::node::{NewShard, OpenNodeError, Place, Term};
use annuli_indexer::{Node, Workspace};
use std::fs;
use std::path::Path;
use uuid::Uuid;

const PLACE: Place = Place { shard: ShardId(0), shards: ShardCount::ONE };

fn start(root: &Path, place: Place) -> Result<Node, OpenNodeError> {
    Node::open(root, place, super::parts(100_000))
}

fn new(index: &str, uuid: u128) -> NewShard {
    NewShard { name: name(index), uuid: IndexUuid(Uuid::from_u128(uuid)), schema: schema(2, Metric::Euclidean) }
}

async fn write(node: &Node, new: &NewShard) {
    let write = Write::Put { id: id("a"), vector: vector(&[1.0, 2.0]), metadata: Metadata::default() };
    let shard = node.shard(new.uuid).unwrap();
    shard.write(vec![ConditionalWrite { write, if_seq: None }], soon()).await.unwrap();
}

async fn documents(node: &Node, new: &NewShard) -> u64 {
    node.shard(new.uuid).unwrap().status().await.unwrap().documents
}

#[tokio::test]
async fn a_shard_that_was_made_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let faces = new("faces", 1);
    let history = node.make(&faces).unwrap();
    write(&node, &faces).await;
    node.close();
    drop(node);
    let node = start(folder.path(), PLACE).unwrap();
    assert_eq!(documents(&node, &faces).await, 1);
    let held: Vec<_> = node.held().into_iter().map(|held| (held.uuid, held.state)).collect();
    assert_eq!(held, [(Some(faces.uuid), Ok(Position { history, seq: Seq(1) }))]);
}

#[tokio::test]
async fn a_shard_that_begins_a_history_goes_on_from_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let (faces, songs) = (new("faces", 1), new("songs", 2));
    let before = node.make(&faces).unwrap();
    write(&node, &faces).await;
    let elsewhere = node.begin_anew(&faces.name, songs.uuid).unwrap_err();
    assert!(elsewhere.message.contains("has no shard of the index"), "{elsewhere}");
    let begun = node.begin_anew(&faces.name, faces.uuid).unwrap();
    assert_ne!(begun, before);
    write(&node, &faces).await;
    assert_eq!(documents(&node, &faces).await, 1);
    node.close();
    drop(node);
    let held = start(folder.path(), PLACE).unwrap().held();
    assert_eq!(held[0].state, Ok(Position { history: begun, seq: Seq(2) }));
}

#[tokio::test]
async fn what_is_made_already_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let faces = new("faces", 1);
    let history = node.make(&faces).unwrap();
    write(&node, &faces).await;
    assert_eq!(node.make(&faces).unwrap(), history);
    assert_eq!(documents(&node, &faces).await, 1);
}

#[tokio::test]
async fn a_name_holds_one_index_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let (old, later) = (new("faces", 1), new("faces", 2));
    node.make(&old).unwrap();
    write(&node, &old).await;
    let refused = node.make(&later).unwrap_err();
    assert!(refused.message.contains(&format!("holds the index {}", old.uuid)), "{refused}");
    assert_eq!(documents(&node, &old).await, 1);
    node.remove(&old.name, old.uuid).unwrap();
    node.make(&later).unwrap();
    assert_eq!(documents(&node, &later).await, 0);
}

#[tokio::test]
async fn what_is_removed_is_gone_and_the_rest_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let (faces, songs) = (new("faces", 1), new("songs", 2));
    node.make(&faces).unwrap();
    node.make(&songs).unwrap();
    write(&node, &songs).await;
    node.remove(&faces.name, faces.uuid).unwrap();
    // It is not here: nothing to do, and nothing else is touched.
    node.remove(&faces.name, faces.uuid).unwrap();
    assert!(node.shard(faces.uuid).is_none());
    assert!(!folder.path().join("faces").exists());
    assert_eq!(documents(&node, &songs).await, 1);
}

#[test]
fn a_folder_belongs_to_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let two = ShardCount::new(2).unwrap();
    // Nothing is kept there yet: it may have been started wrongly.
    drop(start(folder.path(), Place { shard: ShardId(1), shards: two }).unwrap());
    let node = start(folder.path(), Place { shard: ShardId(0), shards: two }).unwrap();
    node.make(&new("faces", 1)).unwrap();
    node.close();
    drop(node);
    let error = start(folder.path(), Place { shard: ShardId(1), shards: two }).err().unwrap().to_string();
    assert!(error.contains("holds shard 0 of 2, not shard 1 of 2"), "{error}");
    assert!(start(folder.path(), Place { shard: ShardId(0), shards: two }).is_ok());
}

#[test]
fn a_folder_remembers_when_it_served() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    assert_eq!(node.term(), Term::default());
    let term = Term { served: Some(3), begun: Some(4) };
    node.keep_term(term).unwrap();
    drop(node);
    assert_eq!(start(folder.path(), PLACE).unwrap().term(), term);
    // Its documents were deleted, perhaps; it is still the folder that served.
    let other = Place { shard: ShardId(1), shards: ShardCount::new(2).unwrap() };
    assert!(matches!(start(folder.path(), other), Err(OpenNodeError::OtherPlace { .. })));
}

#[tokio::test]
async fn workspaces_and_nodes_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open(folder.path());
    super::create(&workspace, schema(2, Metric::Euclidean)).await;
    workspace.close();
    drop(workspace);
    let error = start(folder.path(), PLACE).err().unwrap().to_string();
    assert!(error.contains("is the workspace of a server"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    drop(start(folder.path(), PLACE).unwrap());
    let dumps = DumpStore::in_folder(folder.path().join(".dumps"));
    let error = Workspace::open(folder.path(), dumps, super::parts(100_000)).err().unwrap().to_string();
    assert!(error.contains("holds one shard of a cluster"), "{error}");
}

#[tokio::test]
async fn a_damaged_shard_does_not_keep_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    let (faces, songs) = (new("faces", 1), new("songs", 2));
    node.make(&faces).unwrap();
    node.make(&songs).unwrap();
    write(&node, &songs).await;
    drop(node);
    fs::write(folder.path().join("faces").join("index.json"), "{").unwrap();
    let node = start(folder.path(), PLACE).unwrap();
    assert_eq!(documents(&node, &songs).await, 1);
    assert!(node.shard(faces.uuid).is_none());
    let [damaged, _] = node.held().try_into().unwrap();
    assert!(damaged.state.unwrap_err().message.contains("index `faces` does not open"));
    // What cannot be read is not made anew over what may be saved.
    assert!(node.make(&faces).is_err());
    let refused = node.remove(&faces.name, faces.uuid).unwrap_err();
    assert!(refused.message.contains("does not say whose it is"), "{refused}");
    assert!(folder.path().join("faces").join("0").exists());
}

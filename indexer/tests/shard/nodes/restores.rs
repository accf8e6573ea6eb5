//! A node makes its shard of a dump.

use super::super::{id, name, open, read, schema, soon, vector};
use super::start;
use annuli_api::shard_api::{ConditionalWrite, Write};
use annuli_api::{Catalogue, Created, ErrorCode, Failure, ShardApi};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, HistoryId, IndexSchema, IndexUuid, Metadata, Metric, ShardCount, ShardId};
use annuli_dump::{DumpId, DumpStore};
use annuli_indexer::node::{NewShard, Place, RestoredShard};
use annuli_indexer::{Node, Workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

const DOCUMENTS: usize = 90;

/// A dump of an index of two shards, in a store of its own.
struct Dumped {
    folder: TempDir,
    store: DumpStore,
    index: IndexUuid,
    dump: DumpId,
}

fn shards(count: u32) -> ShardCount {
    ShardCount::new(count).unwrap()
}

fn of_shards(count: u32) -> IndexSchema {
    IndexSchema { shards: shards(count), ..schema(2, Metric::Euclidean) }
}

fn ids() -> impl Iterator<Item = DocId> {
    (0..DOCUMENTS).map(|number| id(&format!("doc-{number}")))
}

impl Dumped {
    async fn take() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace: Workspace = open(&folder.path().join("workspace"));
        let (Created::New(index) | Created::Existing(index)) =
            workspace.create(name("faces"), of_shards(2)).await.unwrap();
        for (number, id) in (0_u16..).zip(ids()) {
            let shard = &index.shards[shard_of(&id, shards(2)).0 as usize];
            let write = Write::Put { id, vector: vector(&[f32::from(number), 1.0]), metadata: Metadata::default() };
            shard.write(vec![ConditionalWrite { write, if_seq: None }], soon()).await.unwrap();
        }
        let dump = workspace.create_dump(&index, Arc::new(|_| {})).await.unwrap();
        let store = workspace.dump_store().clone();
        workspace.close();
        Self { folder, store, index: index.uuid, dump: DumpId::new(dump.dump).unwrap() }
    }

    fn node(&self, shard: u32, of: u32) -> Node {
        start(&self.root(shard, of), Place { shard: ShardId(shard), shards: shards(of) }).unwrap()
    }

    fn root(&self, shard: u32, of: u32) -> PathBuf {
        self.folder.path().join(format!("node-{shard}-of-{of}"))
    }

    fn restore(&self, node: &Node) -> Result<HistoryId, Failure> {
        let uuid = IndexUuid(Uuid::from_u128(7));
        let new = NewShard { name: name("restored"), uuid, schema: of_shards(node.place().shards.get()) };
        node.restore(&RestoredShard { new, of: self.index, dump: self.dump }, &self.store)
    }
}

/// Documents of the restored shard of a node.
async fn found(node: &Node) -> Vec<DocId> {
    let shard = node.shard(IndexUuid(Uuid::from_u128(7))).unwrap();
    let got = shard.get(ids().collect(), read(false), soon()).await.unwrap();
    ids().zip(got.documents).filter_map(|(id, document)| document.map(|_| id)).collect()
}

fn owned(shard: u32, of: u32) -> Vec<DocId> {
    ids().filter(|id| shard_of(id, shards(of)) == ShardId(shard)).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.contains("lock") && !name.starts_with(".node"));
    names
}

#[tokio::test]
async fn a_shard_that_is_made_of_a_dump_has_the_documents_that_it_owns() {
    let dumped = Dumped::take().await;
    for (shard, of) in [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 1)] {
        let node = dumped.node(shard, of);
        let history = dumped.restore(&node).unwrap();
        assert_eq!(found(&node).await, owned(shard, of), "shard {shard} of {of}");
        // Asked for again, it is left as it is.
        assert_eq!(dumped.restore(&node), Ok(history));
        drop(node);
        let node = dumped.node(shard, of);
        assert_eq!(found(&node).await, owned(shard, of), "shard {shard} of {of}, opened again");
        assert_eq!(node.held()[0].state.clone().map(|found| found.history), Ok(history));
    }
}

#[tokio::test]
async fn a_shard_of_as_many_goes_on_from_the_dumped_seq_in_another_history() {
    let dumped = Dumped::take().await;
    let stored = dumped.store.find(dumped.dump).unwrap();
    let record = stored.manifest().shard(ShardId(1)).unwrap();
    let node = dumped.node(1, 2);
    let history = dumped.restore(&node).unwrap();
    assert_ne!(history, record.history);
    let status = node.shard(IndexUuid(Uuid::from_u128(7))).unwrap().status().await.unwrap();
    assert_eq!((status.position.history, status.position.seq), (history, record.seq));
}

/// A write with the seq that its document had on another shard before may hold by chance where seqs begin with 1 again.
#[tokio::test]
async fn a_shard_of_another_number_gives_no_seq_that_a_document_had_before() {
    let dumped = Dumped::take().await;
    let stored = dumped.store.find(dumped.dump).unwrap();
    let last = [0, 1].map(|shard| stored.manifest().shard(ShardId(shard)).unwrap().seq).into_iter().max().unwrap();
    for (shard, of) in [(0, 3), (1, 3), (0, 1)] {
        let node = dumped.node(shard, of);
        dumped.restore(&node).unwrap();
        drop(node);
        let node = dumped.node(shard, of);
        let shard = node.shard(IndexUuid(Uuid::from_u128(7))).unwrap();
        let got = shard.get(ids().collect(), read(false), soon()).await.unwrap();
        let seqs: Vec<_> = got.documents.into_iter().flatten().map(|document| document.seq).collect();
        assert!(!seqs.is_empty() && seqs.iter().all(|seq| seq.0 > last.0 + (1 << 39)), "{seqs:?}");
    }
}

#[tokio::test]
async fn of_a_dump_that_cannot_be_used_nothing_is_left() {
    let dumped = Dumped::take().await;
    let archive = dumped.folder.path().join("workspace/.dumps");
    let archive = archive.join(dumped.index.to_string()).join(dumped.dump.to_string()).join("shard-1.tar.zst");
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    for (shard, of) in [(1, 2), (0, 3)] {
        let node = dumped.node(shard, of);
        assert_eq!(dumped.restore(&node).unwrap_err().code, ErrorCode::StorageFailed);
        assert!(node.held().is_empty());
        assert_eq!(names(&dumped.root(shard, of)), [] as [String; 0]);
    }
    // On as many shards each needs its own archive alone.
    assert!(dumped.restore(&dumped.node(0, 2)).is_ok());
    dumped.store.delete(dumped.index, dumped.dump).unwrap();
    assert_eq!(dumped.restore(&dumped.node(1, 2)).unwrap_err().code, ErrorCode::DumpNotFound);
}

#[tokio::test]
async fn a_name_that_another_index_has_is_not_restored_over() {
    let dumped = Dumped::take().await;
    let node = dumped.node(0, 2);
    let other = NewShard { name: name("restored"), uuid: IndexUuid(Uuid::from_u128(9)), schema: of_shards(2) };
    node.make(&other).unwrap();
    let refused = dumped.restore(&node).unwrap_err();
    assert!(refused.message.contains("is to be made there"), "{refused}");
    assert!(node.shard(other.uuid).is_some());
}

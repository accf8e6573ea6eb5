//! A primary of one shard, a place for its dumps, and a replica.

use super::super::{number, parts, random_vector, schema};
use annuli_api::ShardApi;
use annuli_api::shard_api::{
    ConditionalWrite, Consistency, Include, Position, Read, SearchMode, ShardList, ShardSearch, Write,
};
use annuli_core::{DocId, Generation, IndexUuid, Metric, ShardCount, ShardId, Vector};
use annuli_dump::{CreatedAt, DumpId, DumpStore, HnswRecord, Manifest, ManifestHead, SchemaRecord, ShardRecord};
use annuli_indexer::node::{NewShard, Place};
use annuli_indexer::replica::{HeldGeneration, NewGeneration, PrepareError};
use annuli_indexer::settings::{FOLLOWED_BYTES_MAX, RECALL_FLOOR};
use annuli_indexer::snapshot::DumpError;
use annuli_indexer::{Effort, Node, Replica, clock};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;
use uuid::Uuid;

pub(super) const PLACE: Place = Place { shard: ShardId(0), shards: ShardCount::ONE };
pub(super) const DIM: usize = 8;
/// New documents to a segment of the primary.
const SEAL_POINTS: usize = 1_000;

/// What a test begins with: the index `faces`, without a document.
pub(super) struct Setting {
    pub(super) folder: TempDir,
    pub(super) node: Node,
    pub(super) faces: NewShard,
    pub(super) dumps: DumpStore,
    pub(super) replica: Replica,
}

impl Setting {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(&folder.path().join("primary"), PLACE, parts(SEAL_POINTS)).unwrap();
        let faces = new_index("faces", 1);
        node.make(&faces).unwrap();
        let dumps = DumpStore::in_folder(folder.path().join("dumps"));
        let replica = Replica::open(&folder.path().join("replica"), PLACE, parts(SEAL_POINTS)).unwrap();
        Self { folder, node, faces, dumps, replica }
    }

    /// With documents in it, and generation 1 of them served.
    pub(super) async fn with_generation(documents: usize) -> Self {
        let setting = Self::start();
        setting.fill(0, documents).await;
        setting.prepare(1, setting.dump()).unwrap();
        setting
    }

    /// The folder of the replica.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("replica")
    }

    /// The folder of one of its generations.
    pub(super) fn generation_folder(&self, generation: u64) -> PathBuf {
        self.root().join(format!("faces/0/generations/{generation}"))
    }

    /// The archive of a dump.
    pub(super) fn archive(&self, dump: DumpId) -> PathBuf {
        self.folder.path().join(format!("dumps/{}/{dump}/shard-0.tar.zst", self.faces.uuid))
    }

    /// Closes the replica and opens it again.
    pub(super) fn reopen(&mut self) {
        self.reopen_with_memory(FOLLOWED_BYTES_MAX);
    }

    /// The same, with another memory for what it follows, in bytes.
    pub(super) fn reopen_with_memory(&mut self, followed_bytes_max: usize) {
        self.replica.close();
        // The folder is locked until the last handle is gone.
        let elsewhere = tempfile::tempdir().unwrap();
        self.replica = Replica::open(elsewhere.path(), PLACE, parts(SEAL_POINTS)).unwrap();
        let bounds = (RECALL_FLOOR, followed_bytes_max);
        self.replica = Replica::open_with(&self.root(), PLACE, parts(SEAL_POINTS), bounds).unwrap();
    }

    /// Closes the primary and opens it again: what its store had in memory is in tables then.
    pub(super) fn reopen_primary(&mut self) {
        self.node.close();
        // The folder is locked until the last handle is gone.
        let elsewhere = tempfile::tempdir().unwrap();
        self.node = Node::open(elsewhere.path(), PLACE, parts(SEAL_POINTS)).unwrap();
        self.node = Node::open(&self.folder.path().join("primary"), PLACE, parts(SEAL_POINTS)).unwrap();
    }

    pub(super) fn primary(&self) -> Arc<dyn ShardApi> {
        self.node.shard(self.faces.uuid).unwrap()
    }

    /// Writes the documents of these numbers to the primary.
    pub(super) async fn fill(&self, from: usize, to: usize) {
        write_documents(&self.primary(), from, to).await;
    }

    /// Dumps the index as the coordinator of a cluster has it done.
    pub(super) fn dump(&self) -> DumpId {
        let dump = new_dump();
        self.dumps.begin(self.faces.uuid, dump).unwrap();
        let record = dump_shard(&self.node, self.faces.uuid, dump, &self.dumps).unwrap();
        self.commit(dump, record);
        dump
    }

    /// Makes a dump of what is in the store.
    pub(super) fn commit(&self, dump: DumpId, record: ShardRecord) {
        self.dumps.commit(&manifest(&self.faces, dump, record)).unwrap();
    }

    pub(super) fn new_generation(&self, generation: u64, dump: DumpId) -> NewGeneration {
        let NewShard { name, uuid, schema } = self.faces.clone();
        NewGeneration { name, uuid, schema, generation: Generation(generation), dump }
    }

    pub(super) fn prepare(&self, generation: u64, dump: DumpId) -> Result<Position, PrepareError> {
        self.replica.prepare(&self.new_generation(generation, dump), &self.dumps, &|_| {}, &Effort::new())
    }

    /// What serves a generation.
    pub(super) fn shard(&self, generation: u64) -> Arc<dyn ShardApi> {
        self.replica.shard(self.faces.uuid, Generation(generation)).unwrap()
    }

    /// What is wrong with the generation that is not whole.
    pub(super) fn rotten(&self) -> (Generation, String) {
        let failed = |held: HeldGeneration| Some((held.generation, held.state.err()?.message));
        let [rotten] =
            <[_; 1]>::try_from(self.replica.held().into_iter().filter_map(failed).collect::<Vec<_>>()).unwrap();
        rotten
    }

    /// Refused, and nothing of it is left; generation 1 serves on.
    #[track_caller]
    pub(super) fn check_refused(&self, dump: DumpId, message: &str) {
        let error = self.prepare(2, dump).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        let held: Vec<_> = self.replica.held().iter().map(|held| held.generation.0).collect();
        assert_eq!(held, [1]);
        assert!(!self.generation_folder(2).exists());
        assert_eq!(self.unfinished(), Vec::<String>::new());
    }

    /// Folders of the replica that are neither an index nor a file of its own.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let names = fs::read_dir(self.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".new-") || name.starts_with(".removed-")).collect()
    }
}

pub(super) fn new_index(name: &str, uuid: u128) -> NewShard {
    let (name, uuid) = (super::super::name(name), IndexUuid(Uuid::from_u128(uuid)));
    NewShard { name, uuid, schema: schema(DIM as u64, Metric::Euclidean) }
}

/// Off the runtime of the test: it blocks.
pub(super) fn dump_shard(
    node: &Node,
    index: IndexUuid,
    dump: DumpId,
    store: &DumpStore,
) -> Result<ShardRecord, DumpError> {
    thread::scope(|scope| scope.spawn(|| node.dump_shard(index, dump, store, &Effort::new())).join().unwrap())
}

pub(super) fn new_dump() -> DumpId {
    DumpId::new(clock::new_uuid()).unwrap()
}

pub(super) fn manifest(of: &NewShard, dump: DumpId, record: ShardRecord) -> Manifest {
    let schema = SchemaRecord {
        dim: u32::try_from(DIM).unwrap(),
        metric: "euclidean".to_owned(),
        shards: ShardCount::ONE,
        hnsw: HnswRecord { m: 16, ef_construction: 200 },
        quantization: "int8".to_owned(),
    };
    let created_at = CreatedAt::new("2026-01-31T12:00:00Z").unwrap();
    let head = ManifestHead { dump, index: of.name.clone(), index_uuid: of.uuid, created_at, schema };
    Manifest::new(head, vec![record]).unwrap()
}

pub(super) fn document_id(number: usize) -> DocId {
    DocId::new(&format!("doc-{number:06}")).unwrap()
}

pub(super) async fn write_documents(shard: &Arc<dyn ShardApi>, from: usize, to: usize) {
    for start in (from..to).step_by(500) {
        let write = |n: usize| {
            let mut random = StdRng::seed_from_u64(n as u64);
            let vector = Vector::new(random_vector(&mut random, DIM)).unwrap();
            let metadata = number("n", i64::try_from(n % 10).unwrap());
            ConditionalWrite { write: Write::Put { id: document_id(n), vector, metadata }, if_seq: None }
        };
        let batch = (start..to.min(start + 500)).map(write).collect();
        shard.write(batch, super::super::soon()).await.unwrap();
    }
}

pub(super) fn read(after: Option<Position>) -> Read {
    let include = Include { metadata: true, vector: true };
    Read { include, after, consistency: Consistency::Replica }
}

/// Everything that a client can ask of a shard, as text.
pub(super) async fn answers(shard: &Arc<dyn ShardApi>, mode: SearchMode) -> Vec<String> {
    let soon = super::super::soon();
    let mut random = StdRng::seed_from_u64(99);
    let queries: Vec<_> = (0..10).map(|_| Vector::new(random_vector(&mut random, DIM)).unwrap()).collect();
    let search = ShardSearch { queries: queries.into(), k: 5, mode, filter: None, except: None, read: read(None) };
    let list = ShardList { behind: Some(document_id(5)), limit: 20, filter: None };
    let ids = vec![document_id(0), document_id(7), document_id(999_999)];
    vec![
        format!("{:?}", shard.search(search, soon).await.unwrap()),
        format!("{:?}", shard.get(ids, read(None), soon).await.unwrap()),
        format!("{:?}", shard.list(list, read(None), soon).await.unwrap()),
        format!("{:?}", shard.count(None, read(None), soon).await.unwrap()),
        format!("{:?}", shard.status().await.unwrap().position),
    ]
}

pub(super) async fn documents(shard: &Arc<dyn ShardApi>) -> u64 {
    shard.count(None, read(None), super::super::soon()).await.unwrap().count
}

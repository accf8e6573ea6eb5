use super::*;
use crate::build_pool::BuildPool;
use crate::clock;
use crate::cpu_pool::CpuPool;
use crate::meters::Meters;
use crate::settings::{Durability, SEAL_POINTS, ShardSettings};
use crate::shard::ShardParts;
use annuli_api::shard_api::{
    ChangesAsked, ConditionalWrite, Consistency, Include, Position, Read, SearchMode, ShardSearch, Write,
};
use annuli_api::{Catalogue, ShardApi};
use annuli_core::{Dim, HnswParams, Metric, Quantization, Seq, ShardCount};
use annuli_dump::DumpStore;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn open(root: &Path) -> Workspace {
    let parts = ShardParts {
        settings: ShardSettings { durability: Durability::Os, seal_points: SEAL_POINTS },
        search_pool: CpuPool::start("search", 2, 64),
        build_pool: BuildPool::start(2).unwrap(),
        meters: Meters::default(),
    };
    Workspace::open(root, DumpStore::in_folder(root.join(".dumps")), parts).unwrap()
}

fn schema() -> IndexSchema {
    IndexSchema {
        dim: Dim::new(2).unwrap(),
        metric: Metric::Euclidean,
        shards: ShardCount::ONE,
        hnsw: HnswParams::new(None, None).unwrap(),
        quantization: Quantization::Int8,
    }
}

fn name(text: &str) -> IndexName {
    IndexName::new(text).unwrap()
}

fn add(bulk: &mut Bulk, number: u16, components: [f32; 2]) -> Result<(), BulkError> {
    let id = DocId::new(&format!("doc-{number:03}")).unwrap();
    bulk.add(id, Vector::new(components.to_vec()).unwrap(), Metadata::default())
}

fn folders(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != ".lock").collect()
}

async fn nearest(shard: &Arc<dyn ShardApi>, place: f32) -> Vec<String> {
    let queries = [Vector::new(vec![place, 0.0]).unwrap()].into();
    let include = Include { metadata: false, vector: false };
    let read = Read { include, after: None, consistency: Consistency::Replica };
    let search = ShardSearch { queries, k: 3, mode: SearchMode::Exact, filter: None, except: None, read };
    let found = shard.search(search, clock::now() + Duration::from_secs(60)).await.unwrap();
    found.results[0].iter().map(|hit| hit.id.to_string()).collect()
}

#[tokio::test]
async fn documents_that_do_not_fit_into_one_segment_are_in_several() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("large"), schema()).unwrap();
    for number in 0..250 {
        add(&mut bulk, number, [-1.0, f32::from(number)]).unwrap();
    }
    // Every second again, elsewhere.
    for number in (0..250).step_by(2) {
        add(&mut bulk, number, [f32::from(number), 0.0]).unwrap();
    }
    let Bulk { loading, new, workspace: same, .. } = bulk;
    let built = AtomicUsize::new(0);
    let graphs = Graphs { new: &new, schema: schema(), threads: 2, segment_points_max: 100, built: &built };
    for loaded in loading.finish() {
        let (shard, store) = loaded.unwrap();
        assert_eq!(graphs.build(shard, &store).unwrap(), 250);
        let rows: Vec<_> = store.segments().unwrap().iter().map(|segment| segment.rows).collect();
        assert_eq!((rows, store.replay_after().unwrap()), (vec![100, 100, 50], Some(Seq(375))));
    }
    assert_eq!(built.load(Ordering::Relaxed), 250);
    new.publish(&name("large")).unwrap();
    drop((workspace, same));

    // They are merged now, if anybody has the time.
    let workspace = open(root.path());
    let index = workspace.resolve(&name("large")).unwrap();
    let status = index.shards[0].status().await.unwrap();
    assert_eq!((status.documents, status.position.seq), (250, Seq(375)));
    assert_eq!(nearest(&index.shards[0], 100.2).await, ["doc-100", "doc-102", "doc-098"]);
}

#[tokio::test]
async fn who_asks_for_changes_of_before_is_told_that_there_is_no_log_of_them() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    (0..3).for_each(|number| add(&mut bulk, number, [1.0, 2.0]).unwrap());
    bulk.finish(&AtomicUsize::new(0)).unwrap();
    let shard = Arc::clone(&workspace.resolve(&name("new")).unwrap().shards[0]);
    let now = shard.status().await.unwrap().position;
    let changes = async |seq| {
        let after = Position { seq: Seq(seq), ..now };
        let asked = ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 10 };
        shard.changes(asked, clock::now() + Duration::from_secs(60)).await
    };
    assert!(changes(0).await.unwrap_err().message.contains("does not reach back as far"));
    assert!(changes(2).await.is_err());
    assert_eq!(changes(3).await.unwrap().writes, []);
    let write = Write::Delete { id: DocId::new("doc-001").unwrap() };
    let writes = vec![ConditionalWrite { write: write.clone(), if_seq: None }];
    shard.write(writes, clock::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(changes(3).await.unwrap().writes, [write]);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    add(&mut bulk, 1, [1.0, 2.0]).unwrap();
    assert_eq!(folders(root.path()).len(), 1);
    drop(bulk);
    assert_eq!(folders(root.path()), Vec::<String>::new());
    assert!(workspace.resolve(&name("new")).is_err());
}

#[test]
fn what_the_index_cannot_take_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    let wrong = bulk.add(DocId::new("a").unwrap(), Vector::new(vec![1.0]).unwrap(), Metadata::default()).unwrap_err();
    assert_eq!(wrong.to_string(), "vector of document `a` has 1 dimensions, the index has 2");
    assert_eq!(bulk.finish(&AtomicUsize::new(0)).unwrap(), 0);
    let taken = workspace.bulk(&name("new"), schema()).err().unwrap().to_string();
    assert_eq!(taken, "index or alias `new` exists: delete it first, or choose another name");
}

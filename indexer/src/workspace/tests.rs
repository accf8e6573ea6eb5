use super::*;
use crate::build_pool::BuildPool;
use crate::meters::Meters;
use crate::settings::{Durability, SEAL_POINTS, ShardSettings};
use annuli_api::{Catalogue, Created, ErrorCode};
use annuli_core::limits::{ALIASES_MAX, INDEXES_MAX};
use annuli_core::{Dim, HnswParams, IndexSchema, Metric, Quantization, ShardCount};
use annuli_dump::DumpId;

/// A workspace in that folder.
pub(super) fn open(root: &Path) -> Workspace {
    let parts = ShardParts {
        settings: ShardSettings { durability: Durability::Os, seal_points: SEAL_POINTS },
        search_pool: CpuPool::start("search", 2, 64),
        build_pool: BuildPool::start(2).unwrap(),
        meters: Meters::default(),
    };
    Workspace::open(root, DumpStore::in_folder(root.join(".dumps")), parts).unwrap()
}

pub(super) fn schema() -> IndexSchema {
    IndexSchema {
        dim: Dim::new(2).unwrap(),
        metric: Metric::Euclidean,
        shards: ShardCount::ONE,
        hnsw: HnswParams::new(None, None).unwrap(),
        quantization: Quantization::Int8,
    }
}

pub(super) fn name(text: &str) -> IndexName {
    IndexName::new(text).unwrap()
}

/// What is in a workspace's folder, beside its lock.
pub(super) fn folders(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name != ".lock").collect()
}

#[tokio::test]
async fn there_are_no_more_aliases_than_there_may_be() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    for index in ["first", "second"] {
        workspace.create(name(index), schema()).await.unwrap();
    }
    workspace.0.replace(|state| {
        state.aliases = (0..ALIASES_MAX).map(|number| (name(&format!("a{number}")), name("first"))).collect();
    });
    let refused = workspace.set_alias(name("one-more"), name("second")).await.unwrap_err().message;
    assert!(refused.starts_with("there are 1000 aliases, the limit is 1000: "), "{refused}");
    assert_eq!(workspace.aliases().len(), ALIASES_MAX);
    // What is there is switched.
    workspace.set_alias(name("a7"), name("second")).await.unwrap();
    workspace.remove_alias(name("a7")).await.unwrap();
    workspace.set_alias(name("one-more"), name("second")).await.unwrap();
}

/// A restore made one index more, and the next was refused.
#[tokio::test]
async fn there_are_no_more_indexes_than_there_may_be_wherever_they_come_from() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let (Created::New(index) | Created::Existing(index)) = workspace.create(name("first"), schema()).await.unwrap();
    let dumped = workspace.create_dump(&index, Arc::new(|_| {})).await.unwrap();
    let dump = workspace.dump_store().find(DumpId::new(dumped.dump).unwrap()).unwrap();
    // The others do not open, which is quicker.
    let damaged = Entry::Damaged(Failure::new(ErrorCode::IndexUnavailable, "made up"));
    workspace.0.replace(|state| {
        (1..INDEXES_MAX).for_each(|number| drop(state.indexes.insert(name(&format!("i{number}")), damaged.clone())));
    });
    let before = folders(root.path());

    let refused = [
        workspace.create(name("new"), schema()).await.map(drop).unwrap_err().message,
        workspace.bulk(&name("new"), schema()).map(drop).unwrap_err().to_string(),
        workspace.restore(&dump, &name("new"), None, &mut |_| {}).map(drop).unwrap_err().to_string(),
    ];
    refused.iter().for_each(|said| assert!(said.starts_with("there are 1000 indexes, the limit is 1000: "), "{said}"));
    assert_eq!(folders(root.path()), before);

    workspace.0.replace(|state| drop(state.indexes.remove(&name("i1"))));
    workspace.restore(&dump, &name("new"), None, &mut |_| {}).unwrap();
    assert!(workspace.resolve(&name("new")).is_ok());
}

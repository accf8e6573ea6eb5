//! Shards in a workspace, without HTTP: what writes do, what searches see, what a restart finds.
#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod contract;
mod generations;
mod model;
mod nodes;
mod segments;

use annuli_api::shard_api::{
    ConditionalWrite, Consistency, Include, Outcome, Read, SearchMode, ShardHits, ShardSearch, Write, Written,
};
use annuli_api::{Catalogue, Created, ErrorCode, Failure, Index, ShardApi};
use annuli_core::filter::{FieldPath, Scalar, Test};
use annuli_core::vector::Dim;
use annuli_core::{
    DocId, Filter, HnswParams, IndexName, IndexSchema, Metadata, Metric, Number, Quantization, Seq, ShardCount, Value,
    Vector,
};
use annuli_dump::DumpStore;
use annuli_indexer::settings::SEAL_POINTS;
use annuli_indexer::shard::ShardParts;
use annuli_indexer::{BuildPool, CpuPool, Durability, Meters, ShardSettings, Workspace, clock};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn open(root: &Path) -> Workspace {
    open_with(root, SEAL_POINTS.get())
}

/// With that many new documents to a segment.
fn open_with(root: &Path, seal_points: usize) -> Workspace {
    Workspace::open(root, DumpStore::in_folder(root.join(".dumps")), parts(seal_points)).unwrap()
}

fn parts(seal_points: usize) -> ShardParts {
    let seal_points = NonZeroUsize::new(seal_points).unwrap();
    ShardParts {
        settings: ShardSettings { durability: Durability::Os, seal_points },
        search_pool: CpuPool::start("search", 2, 64),
        build_pool: BuildPool::start(2).unwrap(),
        meters: Meters::default(),
    }
}

fn schema(dim: u64, metric: Metric) -> IndexSchema {
    IndexSchema {
        dim: Dim::new(dim).unwrap(),
        metric,
        shards: ShardCount::ONE,
        hnsw: HnswParams::new(None, None).unwrap(),
        quantization: Quantization::Int8,
    }
}

fn name(text: &str) -> IndexName {
    IndexName::new(text).unwrap()
}

async fn create(workspace: &Workspace, schema: IndexSchema) -> Arc<Index> {
    match workspace.create(name("test"), schema).await.unwrap() {
        Created::New(index) | Created::Existing(index) => index,
    }
}

async fn new_shard(dim: u64, metric: Metric) -> (TempDir, Workspace, Arc<dyn ShardApi>) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open(folder.path());
    let index = create(&workspace, schema(dim, metric)).await;
    (folder, workspace, Arc::clone(&index.shards[0]))
}

fn soon() -> Instant {
    clock::now() + Duration::from_secs(60)
}

fn id(text: &str) -> DocId {
    DocId::new(text).unwrap()
}

fn vector(components: &[f32]) -> Vector {
    Vector::new(components.to_vec()).unwrap()
}

fn number(field: &str, value: i64) -> Metadata {
    Metadata::new([(field.into(), Value::Number(Number::Integer(i128::from(value))))].into()).unwrap()
}

fn put(text: &str, components: &[f32]) -> Write {
    Write::Put { id: id(text), vector: vector(components), metadata: Metadata::default() }
}

fn patch(text: &str, metadata: Metadata) -> Write {
    Write::Patch { id: id(text), vector: None, metadata: Some(metadata) }
}

fn delete(text: &str) -> Write {
    Write::Delete { id: id(text) }
}

async fn write(shard: &Arc<dyn ShardApi>, writes: Vec<Write>) -> Result<Written, Failure> {
    let writes = writes.into_iter().map(|write| ConditionalWrite { write, if_seq: None }).collect();
    shard.write(writes, soon()).await
}

async fn write_if(shard: &Arc<dyn ShardApi>, write: Write, if_seq: u64) -> Outcome {
    let writes = vec![ConditionalWrite { write, if_seq: Some(Seq(if_seq)) }];
    shard.write(writes, soon()).await.unwrap().outcomes[0]
}

fn read(metadata: bool) -> Read {
    Read { include: Include { metadata, vector: false }, after: None, consistency: Consistency::Replica }
}

fn query(components: &[f32], k: usize, mode: SearchMode, filter: Option<Filter>) -> ShardSearch {
    let queries = [vector(components)].into();
    ShardSearch { queries, k, mode, filter: filter.map(Arc::new), except: None, read: read(false) }
}

fn ids(hits: &ShardHits) -> Vec<String> {
    hits.results[0].iter().map(|hit| hit.id.to_string()).collect()
}

async fn search(shard: &Arc<dyn ShardApi>, components: &[f32], k: usize, mode: SearchMode) -> Vec<String> {
    ids(&shard.search(query(components, k, mode, None), soon()).await.unwrap())
}

async fn wait_for_graph(shard: &Arc<dyn ShardApi>) {
    while shard.status().await.unwrap().pending > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_search() {
    let (_folder, _workspace, shard) = new_shard(1, Metric::Euclidean).await;
    let written = write(&shard, vec![put("a", &[1.0]), put("b", &[2.0])]).await.unwrap();
    assert_eq!(written.position.seq, Seq(2));
    assert_eq!(search(&shard, &[1.9], 2, SearchMode::Exact).await, ["b", "a"]);
    write(&shard, vec![put("b", &[9.0]), delete("a")]).await.unwrap();
    assert_eq!(search(&shard, &[1.9], 2, SearchMode::Exact).await, ["b"]);
    assert_eq!(shard.status().await.unwrap().documents, 1);
}

#[tokio::test]
async fn writes_of_one_batch_see_each_other() {
    let (_folder, _workspace, shard) = new_shard(1, Metric::Euclidean).await;
    let batch = vec![
        delete("a"),
        put("a", &[1.0]),
        patch("a", number("n", 7)),
        delete("a"),
        patch("a", number("n", 8)),
        put("a", &[3.0]),
    ];
    let outcomes = write(&shard, batch).await.unwrap().outcomes;
    let (missing, written) = (Outcome::Missing, Outcome::Written);
    assert_eq!(outcomes, [missing, written, written, written, missing, written]);
    assert_eq!(shard.status().await.unwrap().documents, 1);
}

#[tokio::test]
async fn a_condition_is_on_the_last_write_of_the_document() {
    let (_folder, _workspace, shard) = new_shard(1, Metric::Euclidean).await;
    assert_eq!(write_if(&shard, put("a", &[1.0]), 1).await, Outcome::Conflict(Seq(0)));
    assert_eq!(write_if(&shard, put("a", &[1.0]), 0).await, Outcome::Written);
    assert_eq!(write_if(&shard, put("a", &[1.0]), 0).await, Outcome::Conflict(Seq(1)));
    assert_eq!(write_if(&shard, patch("a", number("n", 1)), 1).await, Outcome::Written);
    assert_eq!(write_if(&shard, delete("a"), 1).await, Outcome::Conflict(Seq(2)));
    assert_eq!(write_if(&shard, delete("a"), 2).await, Outcome::Written);
}

#[tokio::test]
async fn a_refused_batch_leaves_no_trace() {
    let (_folder, _workspace, shard) = new_shard(2, Metric::Cosine).await;
    let zero = write(&shard, vec![put("a", &[1.0, 0.0]), put("b", &[0.0, 0.0])]).await.unwrap_err();
    assert_eq!(zero.code, ErrorCode::InvalidVector);
    assert!(zero.message.starts_with("vector of document `b` has length 0"), "{zero}");
    let wrong = write(&shard, vec![put("a", &[1.0, 0.0]), put("b", &[1.0])]).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::DimensionMismatch);
    let status = shard.status().await.unwrap();
    assert_eq!((status.documents, status.position.seq), (0, Seq::ZERO));
    write(&shard, vec![put("c", &[1.0, 0.0])]).await.unwrap();
    assert_eq!(search(&shard, &[1.0, 0.0], 9, SearchMode::Exact).await, ["c"]);
}

#[tokio::test]
async fn a_write_whose_time_is_over_is_not_done() {
    let (_folder, _workspace, shard) = new_shard(1, Metric::Euclidean).await;
    let writes = vec![ConditionalWrite { write: put("a", &[1.0]), if_seq: None }];
    let failure = shard.write(writes, clock::now()).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::DeadlineExceeded);
    assert_eq!(shard.status().await.unwrap().documents, 0);
}

fn random_vector(random: &mut StdRng, dim: usize) -> Vec<f32> {
    (0..dim).map(|_| random.random_range(-1.0f32..1.0)).collect()
}

async fn fill(shard: &Arc<dyn ShardApi>, random: &mut StdRng, documents: usize, dim: usize) {
    for start in (0..documents).step_by(1000) {
        let batch = (start..documents.min(start + 1000))
            .map(|n| Write::Put {
                id: id(&format!("doc-{n:06}")),
                vector: vector(&random_vector(random, dim)),
                metadata: number("n", i64::try_from(n % 10).unwrap()),
            })
            .collect();
        write(shard, batch).await.unwrap();
    }
}

async fn recall(shard: &Arc<dyn ShardApi>, random: &mut StdRng, dim: usize, filter: Option<Filter>) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for _ in 0..50 {
        let components = random_vector(random, dim);
        let exact = shard.search(query(&components, 10, SearchMode::Exact, filter.clone()), soon()).await.unwrap();
        let mode = SearchMode::Approximate { ef: 128 };
        let approximate = shard.search(query(&components, 10, mode, filter.clone()), soon()).await.unwrap();
        let (exact, approximate) = (ids(&exact), ids(&approximate));
        assert_eq!(exact.len(), approximate.len());
        found += approximate.iter().filter(|id| exact.contains(id)).count();
        wanted += exact.len();
    }
    found as f64 / wanted as f64
}

async fn check_recall(metric: Metric) {
    let (_folder, _workspace, shard) = new_shard(16, metric).await;
    let mut random = StdRng::seed_from_u64(7);
    fill(&shard, &mut random, 6_000, 16).await;
    wait_for_graph(&shard).await;
    let unfiltered = recall(&shard, &mut random, 16, None).await;
    assert!(unfiltered >= 0.95, "{metric}: {unfiltered}");
    let third =
        Filter::Field(FieldPath::new("n"), Test::In((0..6).map(|n| Scalar::Number(Number::Integer(n))).collect()));
    let filtered = recall(&shard, &mut random, 16, Some(third)).await;
    assert!(filtered >= 0.95, "{metric}, filtered: {filtered}");
}

#[tokio::test]
async fn the_graph_finds_what_is_near_by_cosine() {
    check_recall(Metric::Cosine).await;
}

#[tokio::test]
async fn the_graph_finds_what_is_near_by_euclidean_distance() {
    check_recall(Metric::Euclidean).await;
}

#[tokio::test]
async fn the_graph_finds_what_is_near_by_inner_product() {
    check_recall(Metric::InnerProduct).await;
}

#[tokio::test]
async fn dead_points_are_cleared_away_and_answers_stay() {
    let (_folder, _workspace, shard) = new_shard(4, Metric::Euclidean).await;
    let mut random = StdRng::seed_from_u64(8);
    // Thrice over: two of three points are dead.
    for _ in 0..3 {
        fill(&shard, &mut random, 4_000, 4).await;
    }
    let gone: Vec<_> = (0..4_000).filter(|n| n % 3 == 0).map(|n| delete(&format!("doc-{n:06}"))).collect();
    write(&shard, gone).await.unwrap();
    wait_for_graph(&shard).await;
    assert_eq!(shard.status().await.unwrap().documents, 2_666);
    assert!(recall(&shard, &mut random, 4, None).await >= 0.95);
    let all = search(&shard, &[0.0; 4], 10_000, SearchMode::Approximate { ef: 64 }).await;
    assert_eq!(all.len(), 2_666);
    assert!(all.iter().all(|id| id[4..].parse::<u32>().unwrap() % 3 != 0));
}

/// The builder once forgot which slots it had inserted whenever it ran out of work, and read from a view that did not
/// know of them yet: they entered the graph twice, and searches found them twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_never_finds_a_document_twice_while_the_graph_grows() {
    let (_folder, _workspace, shard) = new_shard(2, Metric::Euclidean).await;
    let mut random = StdRng::seed_from_u64(11);
    fill(&shard, &mut random, 2_100, 2).await;
    for n in 0..1_000 {
        let components = random_vector(&mut random, 2);
        write(&shard, vec![put(&format!("new-{n}"), &components)]).await.unwrap();
        let mut found = search(&shard, &components, 30, SearchMode::Approximate { ef: 30 }).await;
        assert_eq!(found[0], format!("new-{n}"));
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 30, "after {n} writes");
    }
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let (folder, workspace, shard) = new_shard(3, Metric::Cosine).await;
    let mut random = StdRng::seed_from_u64(9);
    fill(&shard, &mut random, 2_500, 3).await;
    write(&shard, vec![delete("doc-000001"), patch("doc-000002", number("n", 77))]).await.unwrap();
    let before = search(&shard, &[1.0, 2.0, 3.0], 20, SearchMode::Exact).await;
    let position = shard.status().await.unwrap().position;
    workspace.close();
    let refused = shard.count(None, read(false), soon()).await;
    assert!(refused.is_ok(), "a view outlives its store: {refused:?}");
    assert_eq!(
        shard.get(vec![id("doc-000002")], read(true), soon()).await.unwrap_err().code,
        ErrorCode::ShardUnavailable
    );
    drop((workspace, shard));

    let workspace = open(folder.path());
    let shard = Arc::clone(&workspace.resolve(&name("test")).unwrap().shards[0]);
    assert_eq!(shard.status().await.unwrap().position, position);
    assert_eq!(search(&shard, &[1.0, 2.0, 3.0], 20, SearchMode::Exact).await, before);
    let got = shard.get(vec![id("doc-000001"), id("doc-000002")], read(true), soon()).await.unwrap();
    assert_eq!(got.documents[0], None);
    assert_eq!(got.documents[1].as_ref().unwrap().metadata, Some(number("n", 77)));
}

#[tokio::test]
async fn a_delete_by_filter_takes_what_matches() {
    let (_folder, _workspace, shard) = new_shard(2, Metric::Euclidean).await;
    let mut random = StdRng::seed_from_u64(10);
    fill(&shard, &mut random, 3_000, 2).await;
    let filter = Filter::Field(FieldPath::new("n"), Test::Equal(Scalar::Number(Number::Integer(3))));
    let deleted = shard.delete_matching(Arc::new(filter.clone()), soon()).await.unwrap();
    assert_eq!((deleted.deleted, deleted.position.seq), (300, Seq(3_300)));
    let count = |filter| shard.count(filter, read(false), soon());
    assert_eq!(count(Some(Arc::new(filter))).await.unwrap().count, 0);
    assert_eq!(count(None).await.unwrap().count, 2_700);
}

#[tokio::test]
async fn a_damaged_index_does_not_keep_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open(folder.path());
    create(&workspace, schema(1, Metric::Euclidean)).await;
    workspace.create(name("other"), schema(1, Metric::Euclidean)).await.unwrap();
    drop(workspace);
    std::fs::write(folder.path().join("other").join("index.json"), "{").unwrap();

    let workspace = open(folder.path());
    assert!(workspace.resolve(&name("test")).is_ok());
    let failure = workspace.resolve(&name("other")).err().unwrap();
    assert_eq!(failure.code, ErrorCode::IndexUnavailable);
    assert!(failure.message.contains("other/index.json` cannot be read"), "{failure}");
    workspace.remove(name("other")).await.unwrap();
    assert!(matches!(workspace.create(name("other"), schema(1, Metric::Euclidean)).await.unwrap(), Created::New(_)));
}

//! The life of segments: made, merged, opened, lost, without anybody noticing.

use super::{
    create, delete, fill, id, ids, name, number, open_with, patch, put, query, random_vector, read, recall, schema,
    search, soon, wait_for_graph, write,
};
use annuli_api::Catalogue;
use annuli_api::shard_api::{SearchMode, ShardApi};
use annuli_core::segment::{Precision, Segment};
use annuli_core::{IndexSchema, Metric, Quantization, Seq};
use annuli_indexer::Durability;
use annuli_indexer::Workspace;
use annuli_indexer::store::{SegmentsChange, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const SEAL_POINTS: usize = 100;

fn shard_of(workspace: &Workspace) -> Arc<dyn ShardApi> {
    Arc::clone(&workspace.resolve(&name("test")).unwrap().shards[0])
}

fn open(folder: &TempDir) -> (Workspace, Arc<dyn ShardApi>) {
    let workspace = open_with(folder.path(), SEAL_POINTS);
    let shard = shard_of(&workspace);
    (workspace, shard)
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("test/0/segments")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn store(folder: &TempDir) -> Store {
    Store::open(&folder.path().join("test/0/db")).unwrap().0
}

/// A shard of some hundred documents in segments, which was closed; and what it answers.
async fn closed_shard() -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), SEAL_POINTS);
    let shard = Arc::clone(&create(&workspace, schema(4, Metric::Euclidean)).await.shards[0]);
    fill(&shard, &mut StdRng::seed_from_u64(5), 1_050, 4).await;
    wait_for_graph(&shard).await;
    // Some die in segments, some are born behind them.
    write(&shard, (0..20).map(|n| delete(&format!("doc-{:06}", n * 50))).collect()).await.unwrap();
    write(&shard, (0..20).map(|n| patch(&format!("doc-{:06}", n * 50 + 1), number("n", 77))).collect()).await.unwrap();
    let answer = answers(&shard).await;
    workspace.close();
    (folder, answer)
}

async fn answers(shard: &Arc<dyn ShardApi>) -> Vec<String> {
    let mut answers = search(shard, &[0.1, 0.2, -0.3, 0.4], 2_000, SearchMode::Exact).await;
    assert_eq!(answers.len() as u64, shard.count(None, read(false), soon()).await.unwrap().count);
    let got = shard.get(vec![id("doc-000001"), id("doc-000050")], read(true), soon()).await.unwrap();
    answers.extend(got.documents.iter().map(|document| format!("{:?}", document.as_ref().map(|d| &d.metadata))));
    answers
}

#[tokio::test]
async fn segments_are_walked_as_the_index_says() {
    for (quantization, precision) in [
        (Quantization::None, Precision::Full),
        (Quantization::Int8, Precision::Codes8),
        (Quantization::Int4, Precision::Halves),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let workspace = open_with(folder.path(), SEAL_POINTS);
        let schema = IndexSchema { quantization, ..schema(4, Metric::Euclidean) };
        let shard = Arc::clone(&create(&workspace, schema).await.shards[0]);
        fill(&shard, &mut StdRng::seed_from_u64(6), 250, 4).await;
        wait_for_graph(&shard).await;
        workspace.close();
        let files = segments(&folder);
        assert!(!files.is_empty());
        for file in files {
            assert_eq!(Segment::open(&file).unwrap().precision(), precision, "{quantization}");
        }
    }
}

#[tokio::test]
async fn an_opening_goes_through_what_came_after_the_last_seal_alone() {
    let (folder, before) = closed_shard().await;
    let (records, replay_after) = {
        let store = store(&folder);
        (store.segments().unwrap(), store.replay_after().unwrap())
    };
    let rows: usize = records.iter().map(|record| record.rows).sum();
    assert!(rows >= 1_000 && !records.is_empty(), "{rows} rows in {} segments", records.len());
    assert!((Seq(1_000)..=Seq(1_050)).contains(&replay_after.unwrap()), "{replay_after:?}");
    assert_eq!(segments(&folder).len(), records.len());
    for _ in 0..2 {
        let (workspace, shard) = open(&folder);
        assert_eq!(answers(&shard).await, before);
        workspace.close();
    }
}

#[tokio::test]
async fn a_damaged_or_missing_segment_is_built_again_and_answers_stay() {
    let flip = |percent: usize| {
        move |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            let place = (bytes.len() - 1) * percent / 100;
            bytes[place] ^= 4;
            fs::write(path, bytes).unwrap();
        }
    };
    type Damage = Box<dyn Fn(&Path)>;
    let damages: [Damage; 7] = [
        Box::new(flip(0)),
        Box::new(flip(3)),
        Box::new(flip(50)),
        Box::new(flip(100)),
        Box::new(|path| fs::write(path, "").unwrap()),
        Box::new(|path| fs::remove_file(path).unwrap()),
        Box::new(|path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
    ];
    let (folder, before) = closed_shard().await;
    for damage in damages {
        damage(&segments(&folder)[0]);
        let (workspace, shard) = open(&folder);
        assert_eq!(answers(&shard).await, before);
        wait_for_graph(&shard).await;
        assert_eq!(answers(&shard).await, before);
        workspace.close();
        assert!(store(&folder).replay_after().unwrap().is_some(), "all is in segments again");
    }
}

#[tokio::test]
async fn a_segment_of_another_time_is_not_taken_for_the_one_that_is_meant() {
    let (folder, before) = closed_shard().await;
    let other = tempfile::tempdir().unwrap();
    let foreign = {
        let workspace = open_with(other.path(), SEAL_POINTS);
        let shard = Arc::clone(&create(&workspace, schema(4, Metric::Euclidean)).await.shards[0]);
        fill(&shard, &mut StdRng::seed_from_u64(6), 1_050, 4).await;
        wait_for_graph(&shard).await;
        workspace.close();
        segments(&other).remove(0)
    };
    fs::copy(foreign, &segments(&folder)[0]).unwrap();
    let (_workspace, shard) = open(&folder);
    assert_eq!(answers(&shard).await, before);
}

#[tokio::test]
async fn what_a_crash_left_in_the_folder_is_swept_and_its_number_is_not_given_again() {
    let (folder, before) = closed_shard().await;
    let kept = segments(&folder);
    let at = |name: &str| kept[0].with_file_name(name);
    for name in ["4000", "5000.tmp", "what.tmp", "0007"] {
        fs::write(at(name), "half").unwrap();
    }
    let (workspace, shard) = open(&folder);
    assert_eq!(segments(&folder), kept);
    assert_eq!(answers(&shard).await, before);
    fill(&shard, &mut StdRng::seed_from_u64(6), 200, 4).await;
    wait_for_graph(&shard).await;
    workspace.close();
    let numbers: Vec<_> = store(&folder).segments().unwrap().iter().map(|record| record.number).collect();
    assert!(numbers.iter().any(|&number| number > 5_000), "{numbers:?}");
}

#[tokio::test]
async fn a_checkpoint_that_the_log_does_not_bear_out_is_not_believed() {
    let (folder, before) = closed_shard().await;
    let change = SegmentsChange { put: Vec::new(), removed: Vec::new(), replay_after: Some(Seq(9_999)) };
    store(&folder).commit_segments(&change, Durability::Fsync).unwrap();
    let (_workspace, shard) = open(&folder);
    assert_eq!(answers(&shard).await, before);
}

#[tokio::test]
async fn segments_end_few_and_without_most_of_the_dead() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), SEAL_POINTS);
    let shard = Arc::clone(&create(&workspace, schema(4, Metric::Cosine)).await.shards[0]);
    let mut random = StdRng::seed_from_u64(12);
    for _ in 0..3 {
        fill(&shard, &mut random, 3_000, 4).await;
    }
    wait_for_graph(&shard).await;
    assert!(recall(&shard, &mut random, 4, None).await >= 0.95);
    workspace.close();
    let records = store(&folder).segments().unwrap();
    let rows: usize = records.iter().map(|record| record.rows).sum();
    assert!(records.len() <= 4 && rows < 4_400, "{rows} rows in {} segments", records.len());
}

/// Writes and deletes go on while searches look: each search sees every document once, as the last write before it or
/// one under way has left it, and none that was dead before it began.
#[tokio::test(flavor = "multi_thread")]
async fn searches_are_whole_while_segments_are_made_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), 40);
    let shard = Arc::clone(&create(&workspace, schema(2, Metric::Euclidean)).await.shards[0]);
    let mut random = StdRng::seed_from_u64(13);
    fill(&shard, &mut random, 2_600, 2).await;
    let writing = tokio::spawn({
        let shard = Arc::clone(&shard);
        let mut random = StdRng::seed_from_u64(14);
        async move {
            for round in 0..300 {
                // These come and go: of each pair one is there, and which one says when.
                let (born, dead) = (format!("new-{round}"), format!("new-{}", round - 1));
                write(&shard, vec![put(&born, &[9.0, 9.0]), delete(&dead)]).await.unwrap();
                let again = random.random_range(0..2_600);
                write(&shard, vec![put(&format!("doc-{again:06}"), &random_vector(&mut random, 2))]).await.unwrap();
            }
        }
    });
    let mut rounds = Vec::new();
    while !writing.is_finished() {
        for mode in [SearchMode::Exact, SearchMode::Approximate { ef: 50 }] {
            let hits = shard.search(query(&[9.0, 9.0], 30, mode, None), soon()).await.unwrap();
            let mut found = ids(&hits);
            let new: Vec<_> = found.iter().filter_map(|id| id.strip_prefix("new-")).collect();
            assert!(new.len() <= 1, "{new:?}");
            rounds.extend(new.iter().map(|round| round.parse::<i32>().unwrap()));
            found.sort();
            found.dedup();
            assert_eq!(found.len(), 30);
        }
        assert!([2_600, 2_601].contains(&shard.count(None, read(false), soon()).await.unwrap().count));
    }
    writing.await.unwrap();
    assert!(rounds.is_sorted(), "{rounds:?}");
    assert_eq!(search(&shard, &[9.0, 9.0], 1, SearchMode::Exact).await, ["new-299"]);
    wait_for_graph(&shard).await;
    assert_eq!(search(&shard, &[9.0, 9.0], 1, SearchMode::Exact).await, ["new-299"]);
    drop((workspace, shard));
    let (_workspace, shard) = open(&folder);
    assert_eq!(search(&shard, &[9.0, 9.0], 1, SearchMode::Exact).await, ["new-299"]);
    assert_eq!(shard.count(None, read(false), soon()).await.unwrap().count, 2_601);
}

/// The builder once waited for an answer that the writer, told to end before it took the question, never gave.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_closes_whatever_it_is_about_to_build() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for round in 0..100 {
        let workspace = open_with(folder.path(), 1);
        let shard = Arc::clone(&create(&workspace, schema(2, Metric::Euclidean)).await.shards[0]);
        for n in 0..round % 7 {
            write(&shard, vec![put(&format!("{round}-{n}"), &[1.0, 2.0])]).await.unwrap();
            written += 1;
        }
        workspace.close();
        drop((workspace, shard));
    }
    let workspace = open_with(folder.path(), 1);
    assert_eq!(shard_of(&workspace).count(None, read(false), soon()).await.unwrap().count, written);
}

#[tokio::test]
async fn when_writes_pause_the_log_of_the_store_is_written_out() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), SEAL_POINTS);
    let shard = Arc::clone(&create(&workspace, schema(4, Metric::Euclidean)).await.shards[0]);
    let log_bytes = || -> u64 {
        let entries = fs::read_dir(folder.path().join("test/0/db")).unwrap().map(|entry| entry.unwrap());
        let logs = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".log"));
        // One may go between the two looks at it.
        logs.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    };
    fill(&shard, &mut StdRng::seed_from_u64(15), 2_000, 4).await;
    let written = log_bytes();
    assert!(written > 100_000, "{written} bytes");
    while log_bytes() > written / 4 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_equally_far_documents_those_with_the_first_ids_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), SEAL_POINTS);
    let shard = Arc::clone(&create(&workspace, schema(1, Metric::Euclidean)).await.shards[0]);
    let all: Vec<_> = (100..300).map(|n| format!("{n}")).collect();
    write(&shard, all.iter().rev().map(|id| put(id, &[1.0])).collect()).await.unwrap();
    wait_for_graph(&shard).await;
    for k in [1, 5, 77, 200] {
        assert_eq!(search(&shard, &[0.0], k, SearchMode::Exact).await, all[..k]);
    }
}

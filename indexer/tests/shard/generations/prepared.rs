//! What a prepared generation answers.

use super::super::{parts, soon};
use super::setting::{DIM, PLACE, Setting, answers, document_id, documents, new_index, read, write_documents};
use annuli_api::shard_api::{Position, SearchMode};
use annuli_api::{Effect, ErrorCode};
use annuli_core::{Filter, Generation, HistoryId, Seq};
use annuli_indexer::replica::Preparation;
use annuli_indexer::{Effort, Replica};
use std::cell::RefCell;
use std::sync::Arc;
use uuid::Uuid;

#[tokio::test]
async fn a_generation_answers_as_the_dumped_shard_did() {
    let setting = Setting::start();
    // Segments and a tail, dead documents in both.
    setting.fill(0, 3_300).await;
    setting.fill(0, 300).await;
    let dump = setting.dump();
    let then = answers(&setting.primary(), SearchMode::Exact).await;
    let position = setting.primary().status().await.unwrap().position;
    setting.fill(100, 5_000).await;
    assert_eq!(setting.prepare(7, dump).unwrap(), position);
    assert_eq!(answers(&setting.shard(7), SearchMode::Exact).await, then);
    // 80 hits, most of them found: the canaries have seen to that.
    let approximate = answers(&setting.shard(7), SearchMode::Approximate { ef: 300 }).await;
    assert_eq!(approximate, then);
}

#[tokio::test]
async fn each_generation_answers_its_own() {
    let setting = Setting::with_generation(1_500).await;
    setting.fill(1_500, 2_500).await;
    setting.prepare(2, setting.dump()).unwrap();
    assert_eq!((documents(&setting.shard(1)).await, documents(&setting.shard(2)).await), (1_500, 2_500));
    assert!(setting.replica.shard(setting.faces.uuid, Generation(3)).is_none());
    assert!(setting.replica.shard(new_index("faces", 2).uuid, Generation(1)).is_none());
}

#[tokio::test]
async fn an_empty_shard_becomes_a_generation() {
    let setting = Setting::with_generation(0).await;
    assert_eq!(documents(&setting.shard(1)).await, 0);
}

#[tokio::test]
async fn what_no_segment_held_is_in_one_and_small_rests_are_scanned() {
    let mut setting = Setting::start();
    setting.fill(0, 10).await;
    setting.prepare(1, setting.dump()).unwrap();
    assert_eq!(setting.shard(1).status().await.unwrap().tail.documents, 10);
    setting.fill(10, 2_900).await;
    setting.prepare(2, setting.dump()).unwrap();
    let status = setting.shard(2).status().await.unwrap();
    assert_eq!((status.tail.documents, status.segments.live, status.pending), (0, 2_900, 0));
    setting.reopen();
    let reopened = setting.shard(2).status().await.unwrap();
    assert_eq!((reopened.tail, reopened.segments), (status.tail, status.segments));
}

#[tokio::test]
async fn a_generation_is_never_written() {
    let setting = Setting::with_generation(10).await;
    let shard = setting.shard(1);
    let written = shard.write(Vec::new(), soon()).await.unwrap_err();
    let deleted = shard.delete_matching(Arc::new(Filter::All(Vec::new())), soon()).await.unwrap_err();
    for refused in [written, deleted] {
        assert_eq!((refused.code, refused.effect()), (ErrorCode::ShardUnavailable, Some(Effect::None)));
        assert!(refused.message.contains("a replica of shard 0, which is never written"), "{refused}");
    }
    assert_eq!(documents(&shard).await, 10);
}

#[tokio::test]
async fn tokens_of_the_primary_mean_the_same_to_a_generation() {
    let setting = Setting::with_generation(10).await;
    setting.fill(10, 11).await;
    let Position { history, seq } = setting.primary().status().await.unwrap().position;
    let count = |position| {
        let shard = setting.shard(1);
        async move { shard.count(None, read(Some(position)), soon()).await.map(|counted| counted.count) }
    };
    assert_eq!(count(Position { history, seq: Seq(10) }).await, Ok(10));
    let ahead = count(Position { history, seq }).await.unwrap_err();
    assert_eq!(ahead.code, ErrorCode::StaleToken);
    let elsewhere = count(Position { history: HistoryId(Uuid::from_u128(3)), seq: Seq(1) }).await.unwrap_err();
    assert_eq!(elsewhere.code, ErrorCode::StaleToken);
}

#[tokio::test]
async fn a_preparation_says_what_it_does() {
    let setting = Setting::start();
    setting.fill(0, 100).await;
    let heard = RefCell::new(Vec::new());
    let new = setting.new_generation(1, setting.dump());
    setting.replica.prepare(&new, &setting.dumps, &|step| heard.borrow_mut().push(step), &Effort::new()).unwrap();
    let heard = heard.into_inner();
    let (fetching, rest) = heard.split_at(heard.len() - 3);
    assert_eq!(rest, [Preparation::Opening, Preparation::Canaries, Preparation::Warming]);
    let Some(Preparation::Fetching { bytes, of }) = fetching.last() else { panic!("{fetching:?}") };
    assert_eq!(bytes, of);
    assert!(fetching.is_sorted_by_key(|step| match step {
        Preparation::Fetching { bytes, .. } => *bytes,
        Preparation::Opening | Preparation::Canaries | Preparation::Warming => u64::MAX,
    }));
}

#[tokio::test]
async fn a_generation_that_misses_too_much_does_not_serve() {
    let setting = Setting::with_generation(200).await;
    setting.replica.close();
    let strict = Replica::open_with(&setting.folder.path().join("strict"), PLACE, parts(1_000), (1.5, 0)).unwrap();
    let new = setting.new_generation(1, setting.dump());
    let error = strict.prepare(&new, &setting.dumps, &|_| {}, &Effort::new()).unwrap_err().to_string();
    let figures = "find 80 of the 80 nearest documents of its canaries, a share of 1.000, and 1.5 is the least";
    assert!(error.contains(figures), "{error}");
    assert!(strict.held().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_under_writes_is_an_exact_prefix() {
    let setting = Setting::start();
    setting.fill(0, 500).await;
    let primary = setting.primary();
    let writer = tokio::spawn(async move { write_documents(&primary, 500, 6_000).await });
    let dump = setting.dump();
    writer.await.unwrap();
    let seq = setting.prepare(1, dump).unwrap().seq.0;
    let shard = setting.shard(1);
    assert_eq!(documents(&shard).await, seq);
    let (last, next) = (usize::try_from(seq).unwrap() - 1, usize::try_from(seq).unwrap());
    let got = shard.get(vec![document_id(last), document_id(next)], read(None), soon()).await.unwrap();
    assert!(
        got.documents[0].as_ref().is_some_and(|document| document.vector.as_ref().unwrap().as_slice().len() == DIM)
    );
    assert_eq!(got.documents[1], None);
}

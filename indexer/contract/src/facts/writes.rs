//! What writes do.

use super::Make;
use crate::given::{
    delete, equal, now, number, on_a_line, order, patch, put, put_with, read_all, schema, soon, vector,
};
use annuli_api::ErrorCode;
use annuli_api::shard_api::{ConditionalWrite, Outcome, Write};
use annuli_core::filter::Side;
use annuli_core::{Filter, Metric, Seq};
use std::sync::Arc;

/// A batch is there, whole, for whoever asks next.
pub async fn a_write_is_seen_by_the_next_read(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let written = it.write(vec![put("a", &[1.0]), put("b", &[2.0])]).await;
    assert_eq!(written.outcomes, [Outcome::Written; 2]);
    assert_eq!(it.nearest(&[1.9], 2).await, ["b", "a"]);
    it.write(vec![put("b", &[9.0]), delete("a")]).await;
    assert_eq!(it.nearest(&[1.9], 2).await, ["b"]);
    assert_eq!(it.count(None).await, 1);
}

/// In their order.
pub async fn writes_of_one_batch_see_each_other(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let batch = vec![
        delete("a"),
        put("a", &[1.0]),
        patch("a", number("n", 7)),
        delete("a"),
        patch("a", number("n", 8)),
        put("a", &[3.0]),
    ];
    let (missing, written) = (Outcome::Missing, Outcome::Written);
    assert_eq!(it.write(batch).await.outcomes, [missing, written, written, written, missing, written]);
    assert_eq!(it.count(None).await, 1);
}

/// Missing documents and conflicts are outcomes, and no changes.
pub async fn every_change_has_a_seq_and_what_changes_nothing_has_none(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    assert_eq!(it.seq().await, Seq::ZERO);
    assert_eq!(it.write(vec![put("a", &[1.0]), delete("b"), put("c", &[1.0])]).await.position.seq, Seq(2));
    assert_eq!(it.write_if(put("a", &[2.0]), 9).await, Outcome::Conflict(Seq(1)));
    assert_eq!(it.write(vec![delete("c")]).await.position.seq, Seq(3));
    assert_eq!(it.seq().await, Seq(3));
    let got = it.shard.get(vec![crate::given::id("a")], read_all(), soon()).await.unwrap();
    assert_eq!(got.documents[0].as_ref().unwrap().seq, Seq(1));
}

/// 0 stands for a document that does not exist.
pub async fn a_condition_is_on_the_last_write_of_the_document(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    assert_eq!(it.write_if(put("a", &[1.0]), 1).await, Outcome::Conflict(Seq(0)));
    assert_eq!(it.write_if(put("a", &[1.0]), 0).await, Outcome::Written);
    assert_eq!(it.write_if(put("a", &[1.0]), 0).await, Outcome::Conflict(Seq(1)));
    assert_eq!(it.write_if(patch("a", number("n", 1)), 1).await, Outcome::Written);
    assert_eq!(it.write_if(delete("a"), 1).await, Outcome::Conflict(Seq(2)));
    assert_eq!(it.write_if(delete("a"), 2).await, Outcome::Written);
    assert_eq!(it.write_if(delete("a"), 2).await, Outcome::Conflict(Seq(0)));
}

/// One vector that does not fit refuses all of the batch.
pub async fn a_refused_batch_leaves_no_trace(make: &impl Make) {
    let it = make.make(schema(2, Metric::Cosine)).await;
    let zero = it.try_write(vec![put("a", &[1.0, 0.0]), put("b", &[0.0, 0.0])]).await.unwrap_err();
    assert_eq!(zero.code, ErrorCode::InvalidVector);
    let wrong = it.try_write(vec![put("a", &[1.0, 0.0]), put("b", &[1.0])]).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::DimensionMismatch);
    assert_eq!((it.count(None).await, it.seq().await), (0, Seq::ZERO));
    assert_eq!(it.write(vec![put("c", &[1.0, 0.0])]).await.position.seq, Seq(1));
}

/// Nobody waits for it.
pub async fn a_write_whose_time_is_over_is_not_done(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let writes = vec![ConditionalWrite { write: put("a", &[1.0]), if_seq: None }];
    assert_eq!(it.shard.write(writes, now()).await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    let delete = it.shard.delete_matching(Arc::new(Filter::All(vec![])), now()).await;
    assert_eq!(delete.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert_eq!((it.count(None).await, it.seq().await), (0, Seq::ZERO));
}

/// By RFC 7396: null removes.
pub async fn a_patch_merges_metadata_and_keeps_the_vector(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put_with("a", &[5.0], number("n", 1)), patch("a", number("m", 2))]).await;
    it.write(vec![patch("a", crate::given::metadata([("n", annuli_core::Value::Null)]))]).await;
    let got = it.shard.get(vec![crate::given::id("a")], read_all(), soon()).await.unwrap();
    let document = got.documents[0].clone().unwrap();
    assert_eq!(document.metadata, Some(number("m", 2)));
    assert_eq!(document.vector, Some(vector(&[5.0])));
}

/// And what it does not name stays.
pub async fn a_patch_with_a_vector_keeps_the_metadata(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put_with("a", &[5.0], number("n", 1))]).await;
    it.write(vec![Write::Patch { id: crate::given::id("a"), vector: Some(vector(&[6.0])), metadata: None }]).await;
    let got = it.shard.get(vec![crate::given::id("a")], read_all(), soon()).await.unwrap();
    let document = got.documents[0].clone().unwrap();
    assert_eq!((document.metadata, document.vector), (Some(number("n", 1)), Some(vector(&[6.0]))));
}

/// And tells how many there were.
pub async fn a_delete_by_filter_takes_what_matches(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write((0..50).map(|n| put_with(&format!("{n:02}"), &[n as f32], number("n", n % 5))).collect()).await;
    let deleted = it.shard.delete_matching(Arc::new(order("n", Side::AtLeast, 3)), soon()).await.unwrap();
    assert_eq!((deleted.deleted, deleted.position.seq), (20, Seq(70)));
    assert_eq!(it.count(None).await, 30);
    assert_eq!(it.count(Some(equal("n", 3))).await, 0);
    assert_eq!(it.nearest(&[3.1], 2).await, ["02", "05"]);
}

/// Not even the seq.
pub async fn a_delete_of_nothing_changes_nothing(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put("a", &[1.0])]).await;
    let deleted = it.shard.delete_matching(Arc::new(equal("n", 3)), soon()).await.unwrap();
    assert_eq!((deleted.deleted, deleted.position.seq), (0, Seq(1)));
}

/// It has no outcomes.
pub async fn an_empty_batch_is_written(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let written = it.write(vec![]).await;
    assert_eq!((written.outcomes, written.position.seq), (vec![], Seq::ZERO));
}

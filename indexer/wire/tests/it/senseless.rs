//! Answers that a peer of this release would not give.

use super::answers;
use super::running::{any_read, one_search, one_write, remote, soon};
use super::samples::position;
use super::scripted::{Step, scripted};
use annuli_api::shard_api::{ChangesAsked, Position, ShardList, ShardSearch};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Seq, ShardCount, ShardId};
use annuli_wire::{PeerSettings, RemoteShard};
use std::sync::Arc;

async fn answering(step: Step) -> Arc<dyn ShardApi> {
    let (address, _) = scripted(vec![vec![step]]).await;
    remote(address, None, PeerSettings::default())
}

#[track_caller]
fn check<A: std::fmt::Debug>(answer: Result<A, Failure>, effect: Effect, cause: &str) {
    let failure = answer.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(effect)), "{failure}");
    assert!(failure.message.contains(cause), "{failure}");
}

#[tokio::test]
async fn an_answer_of_another_version_names_both() {
    let shard = answering(Step::Answer(vec![2, 0, 0])).await;
    let cause = "version 2 of the shard protocol, this process speaks version 1";
    check(shard.write(one_write(), soon()).await, Effect::Unknown, cause);
}

#[tokio::test]
async fn an_answer_of_anything_but_a_message_is_refused() {
    for step in [Step::Answer(vec![]), Step::Answer(b"<html>".to_vec()), Step::Answer(vec![1; 20])] {
        let shard = answering(step).await;
        check(shard.search(one_search(), soon()).await, Effect::None, "gave an answer that makes no sense");
    }
    let teapot = b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let shard = answering(Step::Raw(teapot)).await;
    check(shard.search(one_search(), soon()).await, Effect::None, "status 418 I'm a teapot without a reason");
}

#[tokio::test]
async fn there_is_an_answer_for_each_that_was_asked() {
    let none_written = answers::bytes_of_outcomes(0);
    let shard = answering(Step::Answer(none_written)).await;
    check(shard.write(one_write(), soon()).await, Effect::Unknown, "0 outcomes for 1 that were asked for");
    let shard = answering(Step::Answer(answers::bytes_of_hits(&[]))).await;
    check(shard.search(one_search(), soon()).await, Effect::None, "0 results for 1 that were asked for");
    let shard = answering(Step::Answer(answers::bytes_of_got(&["a"]))).await;
    check(shard.get(vec![], any_read(), soon()).await, Effect::None, "1 documents for 0 that were asked for");
}

#[tokio::test]
async fn hits_are_as_many_as_asked_and_in_order() {
    let hits = answers::bytes_of_hits(&[&[("a", 1.0), ("b", 2.0)]]);
    let shard = answering(Step::Answer(hits.clone())).await;
    check(shard.search(one_search(), soon()).await, Effect::None, "2 hits for 1 that were asked for");
    let two = || ShardSearch { k: 2, ..one_search() };
    let shard = answering(Step::Answer(hits)).await;
    assert_eq!(shard.search(two(), soon()).await.unwrap().results[0].len(), 2);
    for unordered in [[("a", 2.0), ("b", 1.0)], [("b", 1.0), ("a", 1.0)], [("a", 1.0), ("a", 1.0)]] {
        let shard = answering(Step::Answer(answers::bytes_of_hits(&[&unordered]))).await;
        check(shard.search(two(), soon()).await, Effect::None, "hits are not in order");
    }
    for distance in [f32::NAN, f32::INFINITY] {
        let shard = answering(Step::Answer(answers::bytes_of_hits(&[&[("a", distance)]]))).await;
        check(shard.search(two(), soon()).await, Effect::None, "which is no finite number");
    }
}

#[tokio::test]
async fn documents_are_those_that_were_asked_for() {
    let id = |text| DocId::new(text).unwrap();
    let shard = answering(Step::Answer(answers::bytes_of_got(&["b"]))).await;
    check(shard.get(vec![id("a")], any_read(), soon()).await, Effect::None, "documents are not in order");
    let page = |behind, limit| ShardList { behind, limit, filter: None };
    for (ids, list, cause) in [
        (&["a", "b"][..], page(None, 1), "2 documents for 1 that were asked for"),
        (&["b", "a"], page(None, 9), "documents are not in order"),
        (&["a"], page(Some(id("a")), 9), "documents are not in order"),
    ] {
        let shard = answering(Step::Answer(answers::bytes_of_listed(ids))).await;
        check(shard.list(list, any_read(), soon()).await, Effect::None, cause);
    }
}

/// Whoever is told nothing, and that there is more, asked the same again at once, for ever.
#[tokio::test]
async fn changes_go_on_from_where_they_are_asked_for_and_not_beyond_the_end() {
    let after = Position { seq: Seq(10), ..position() };
    let asked = ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 9 };
    for (through, end, makes_sense) in
        [(11, 20, true), (20, 20, true), (10, 10, true), (10, 20, false), (9, 20, false), (21, 20, false)]
    {
        let shard = answering(Step::Answer(answers::bytes_of_changes(through, end))).await;
        let told = shard.changes(asked, soon()).await;
        if makes_sense {
            assert_eq!(told.unwrap().through, Seq(through));
        } else {
            check(told, Effect::None, "it does not go on from where it was asked to begin");
        }
    }
}

#[tokio::test]
async fn a_status_is_that_of_the_shard() {
    let (address, _) = scripted(vec![vec![Step::status()]]).await;
    let peer = annuli_wire::Peer::new(&address.to_string(), None, PeerSettings::default()).unwrap();
    let shard = RemoteShard::new(peer, super::running::INDEX, ShardId(3));
    check(shard.status().await, Effect::None, "it is shard 0, not shard 3");
}

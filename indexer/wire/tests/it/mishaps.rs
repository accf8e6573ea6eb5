//! What a caller is told when a peer is gone, slow or dying, and what the peer does when the caller is.

use super::running::{
    Hanging, Notice, OneShard, Running, Setup, nobody, now, one_search, one_write, remote, soon, until_too_late,
};
use super::scripted::{Step, scripted};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_contract::ModelShard;
use annuli_core::vector::Dim;
use annuli_core::{HnswParams, IndexSchema, Metric, Quantization, ShardCount};
use annuli_wire::{PeerSettings, ServerSettings};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

pub(crate) fn schema() -> IndexSchema {
    let hnsw = HnswParams::new(None, None).unwrap();
    IndexSchema {
        dim: Dim::new(1).unwrap(),
        metric: Metric::Euclidean,
        shards: ShardCount::ONE,
        hnsw,
        quantization: Quantization::Int8,
    }
}

fn model() -> Arc<dyn annuli_wire::Shards> {
    OneShard::of(ModelShard::new(schema()))
}

async fn search(shard: &Arc<dyn ShardApi>) -> Failure {
    shard.search(one_search(), soon()).await.unwrap_err()
}

async fn write(shard: &Arc<dyn ShardApi>) -> Failure {
    shard.write(one_write(), soon()).await.unwrap_err()
}

#[track_caller]
fn check(failure: &Failure, code: ErrorCode, effect: Effect, address: SocketAddr) {
    assert_eq!((failure.code, failure.effect()), (code, Some(effect)), "{failure:?}");
    assert_eq!(failure.details["address"], address.to_string());
    assert!(failure.message.contains(&address.to_string()), "{failure}");
}

#[tokio::test]
async fn a_peer_that_is_not_there_has_done_nothing() {
    let address = nobody().await;
    let shard = remote(address, None, PeerSettings::default());
    for failure in [search(&shard).await, write(&shard).await] {
        check(&failure, ErrorCode::ShardUnavailable, Effect::None, address);
        assert!(failure.message.contains("refused"), "{failure}");
    }
}

#[tokio::test]
async fn a_name_that_leads_nowhere_has_done_nothing() {
    let peer = annuli_wire::Peer::new("nobody.invalid:7701", None, PeerSettings::default()).unwrap();
    let shard = annuli_wire::RemoteShard::new(peer, super::running::INDEX, annuli_core::ShardId(0));
    let failure = shard.write(one_write(), soon()).await.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(Effect::None)), "{failure}");
}

#[tokio::test]
async fn a_write_without_an_answer_may_have_been_done_and_a_search_has_done_nothing() {
    let (address, peer) = scripted(vec![vec![Step::Close], vec![Step::Close]]).await;
    let shard = remote(address, None, PeerSettings::default());
    check(&write(&shard).await, ErrorCode::ShardUnavailable, Effect::Unknown, address);
    check(&search(&shard).await, ErrorCode::ShardUnavailable, Effect::None, address);
    assert_eq!(peer.await.unwrap(), [1, 1], "on a new connection nothing is sent twice");
}

#[tokio::test]
async fn an_answer_that_ends_in_its_middle_is_none() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    let (address, peer) = scripted(vec![vec![Step::Raw(half.clone())], vec![Step::Raw(half)]]).await;
    let shard = remote(address, None, PeerSettings::default());
    check(&write(&shard).await, ErrorCode::ShardUnavailable, Effect::Unknown, address);
    check(&search(&shard).await, ErrorCode::ShardUnavailable, Effect::None, address);
    assert_eq!(peer.await.unwrap(), [1, 1]);
}

#[tokio::test]
async fn a_server_that_is_killed_during_a_call_leaves_its_caller_a_failure() {
    let (hanging, mut notices) = Hanging::new();
    let running = Running::start(OneShard::of(hanging)).await;
    let (address, shard) = (running.address, running.remote());
    let call = tokio::spawn(async move { write(&shard).await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    running.kill().await;
    check(&call.await.unwrap(), ErrorCode::ShardUnavailable, Effect::Unknown, address);
    assert_eq!(notices.recv().await, Some(Notice::Dropped));
}

#[tokio::test]
async fn a_slow_shard_is_given_up_at_the_deadline_on_both_sides() {
    let (hanging, mut notices) = Hanging::new();
    let running = Running::start(OneShard::of(hanging)).await;
    let shard = running.remote();
    let call = tokio::spawn(async move { write(&shard).await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    until_too_late().await;
    let failure = call.await.unwrap();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::DeadlineExceeded, Some(Effect::Unknown)), "{failure}");
    assert_eq!(notices.recv().await, Some(Notice::Dropped));
}

#[tokio::test]
async fn a_peer_that_says_nothing_at_all_is_given_up_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let shard = remote(address, None, PeerSettings::default());
    let calls = [
        (
            Effect::Unknown,
            tokio::spawn({
                let shard = Arc::clone(&shard);
                async move { write(&shard).await }
            }),
        ),
        (
            Effect::None,
            tokio::spawn({
                let shard = Arc::clone(&shard);
                async move { search(&shard).await }
            }),
        ),
    ];
    // Both were sent, and nobody reads on.
    let mut open = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = silent.accept().await.unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();
        open.push(stream);
    }
    until_too_late().await;
    for (effect, call) in calls {
        check(&call.await.unwrap(), ErrorCode::DeadlineExceeded, effect, address);
    }
}

#[tokio::test]
async fn a_call_that_finds_no_connection_before_its_deadline_was_never_sent() {
    let (hanging, mut notices) = Hanging::new();
    let running = Running::start(OneShard::of(hanging)).await;
    let shard = remote(running.address, None, PeerSettings { connections_max: 1, ..PeerSettings::default() });
    let much_later = soon() + Duration::from_secs(1_000);
    let first = tokio::spawn({
        let shard = Arc::clone(&shard);
        async move { shard.write(one_write(), much_later).await }
    });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    let second = tokio::spawn(async move { write(&shard).await });
    tokio::task::yield_now().await;
    until_too_late().await;
    check(&second.await.unwrap(), ErrorCode::DeadlineExceeded, Effect::None, running.address);
    first.abort();
}

#[tokio::test]
async fn work_is_dropped_when_its_caller_leaves() {
    let (hanging, mut notices) = Hanging::new();
    let running = Running::start(OneShard::of(hanging)).await;
    let shard = running.remote();
    let call = tokio::spawn(async move { shard.search(one_search(), soon()).await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    call.abort();
    assert_eq!(notices.recv().await, Some(Notice::Dropped));
}

#[tokio::test]
async fn a_failure_of_the_shard_is_the_callers_to_the_letter() {
    let running = Running::start(model()).await;
    let shard = running.remote();
    let failure = shard.count(None, super::running::any_read(), now()).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::DeadlineExceeded);
    let wrong = annuli_api::shard_api::ShardSearch {
        queries: [annuli_core::Vector::new(vec![1.0, 2.0]).unwrap()].into(),
        ..one_search()
    };
    let far = shard.search(wrong.clone(), soon()).await.unwrap_err();
    let near = ModelShard::new(schema()).search(wrong, soon()).await.unwrap_err();
    assert_eq!(far, near);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_at_once_are_all_answered() {
    let running = Running::start(model()).await;
    let shard = running.remote();
    shard.write(one_write(), soon()).await.unwrap();
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let shard = Arc::clone(&shard);
            tokio::spawn(async move { shard.search(one_search(), soon()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().results[0][0].id.as_str(), "a");
    }
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_and_have_done_nothing() {
    let (hanging, mut notices) = Hanging::new();
    let settings = ServerSettings { concurrent_calls_max: 1, ..ServerSettings::default() };
    let running = Running::set_up(Setup { shards: OneShard::of(hanging), secret: None, settings }).await;
    let shard = running.remote();
    let first = tokio::spawn({
        let shard = Arc::clone(&shard);
        async move { shard.search(one_search(), soon()).await }
    });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    let failure = write(&shard).await;
    assert_eq!((failure.code, failure.effect()), (ErrorCode::Overloaded, Some(Effect::None)), "{failure}");
    // The place is free once the first has left.
    first.abort();
    assert_eq!(notices.recv().await, Some(Notice::Dropped));
    let second = tokio::spawn(async move { shard.search(one_search(), soon()).await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    second.abort();
}

#[tokio::test]
async fn a_server_that_is_told_to_end_answers_what_is_under_way() {
    let (hanging, mut notices) = Hanging::new();
    let mut running = Running::start(OneShard::of(Arc::clone(&hanging) as Arc<dyn ShardApi>)).await;
    let (address, shard) = (running.address, running.remote());
    let call = tokio::spawn(async move { shard.status().await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    running.tell();
    // Nobody is let in any more, and who is in is answered.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    hanging.release();
    assert_eq!(call.await.unwrap().unwrap().documents, 7);
    running.ended().await;
}

//! Connections between two calls: kept while they are good, given up quietly when the peer has closed them.

use super::mishaps::schema;
use super::running::{OneShard, Running, Setup, one_search, one_write, remote, soon};
use super::scripted::{Step, scripted};
use annuli_api::{Effect, ErrorCode};
use annuli_contract::ModelShard;
use annuli_core::Seq;
use annuli_wire::{PeerSettings, ServerSettings};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

#[tokio::test]
async fn one_connection_carries_one_call_after_the_other() {
    let (address, peer) = scripted(vec![vec![Step::status(); 20]]).await;
    let shard = remote(address, None, PeerSettings::default());
    for _ in 0..20 {
        shard.status().await.unwrap();
    }
    assert_eq!(peer.await.unwrap(), [20]);
}

#[tokio::test]
async fn a_peer_that_was_started_again_is_asked_over_a_new_connection() {
    let model = ModelShard::new(schema());
    let mut running = Running::start(OneShard::of(Arc::clone(&model))).await;
    let (address, shard) = (running.address, running.remote());
    for seq in 1..5 {
        assert_eq!(shard.write(one_write(), soon()).await.unwrap().position.seq, Seq(seq));
        running.kill().await;
        let setup =
            Setup { shards: OneShard::of(Arc::clone(&model)), secret: None, settings: ServerSettings::default() };
        running = Running::on(TcpListener::bind(address).await.unwrap(), setup);
        assert_eq!(shard.search(one_search(), soon()).await.unwrap().position.seq, Seq(seq));
    }
}

#[tokio::test]
async fn a_search_whose_connection_was_closed_unanswered_is_sent_again_once() {
    // The peer closes the second connection too: that is a failure, and no third is tried.
    let (address, peer) = scripted(vec![vec![Step::status(), Step::Close], vec![Step::Close], vec![]]).await;
    let shard = remote(address, None, PeerSettings::default());
    shard.status().await.unwrap();
    let failure = shard.search(one_search(), soon()).await.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(Effect::None)));
    peer.abort();
    let (address, peer) = scripted(vec![vec![Step::status(), Step::Close], vec![Step::status()]]).await;
    let shard = remote(address, None, PeerSettings::default());
    shard.status().await.unwrap();
    shard.status().await.unwrap();
    assert_eq!(peer.await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn a_write_whose_connection_was_closed_unanswered_is_never_sent_again() {
    let (address, peer) = scripted(vec![vec![Step::status(), Step::Close]]).await;
    let shard = remote(address, None, PeerSettings::default());
    shard.status().await.unwrap();
    let failure = shard.write(one_write(), soon()).await.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(Effect::Unknown)));
    assert_eq!(peer.await.unwrap(), [2]);
}

#[tokio::test]
async fn a_write_goes_over_a_new_connection_when_the_old_one_is_known_to_be_closed() {
    let model = ModelShard::new(schema());
    let running = Running::start(OneShard::of(Arc::clone(&model))).await;
    let (address, shard) = (running.address, running.remote());
    shard.write(one_write(), soon()).await.unwrap();
    let mut probe = TcpStream::connect(address).await.unwrap();
    running.kill().await;
    // When the later of two connections is known to be closed, so is the earlier.
    assert_eq!(probe.read(&mut [0]).await.unwrap_or(0), 0);
    let setup = Setup { shards: OneShard::of(model), secret: None, settings: ServerSettings::default() };
    let _running = Running::on(TcpListener::bind(address).await.unwrap(), setup);
    assert_eq!(shard.write(one_write(), soon()).await.unwrap().position.seq, Seq(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_may_be_used_from_runtimes_that_come_and_go() {
    let running = Running::start(OneShard::of(ModelShard::new(schema()))).await;
    let shard = running.remote();
    for _ in 0..3 {
        let (elsewhere, (tell, told)) = (Arc::clone(&shard), oneshot::channel());
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let status = runtime.block_on(async { elsewhere.status().await });
            drop(runtime);
            tell.send(status).unwrap();
        });
        told.await.unwrap().unwrap();
        shard.status().await.unwrap();
    }
}

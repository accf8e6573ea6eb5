//! What a server refuses before a shard sees it, in the bytes of HTTP.

use super::answers;
use super::mishaps::schema;
use super::running::{Hanging, Notice, OneShard, Running, Setup, one_search, one_write, remote, soon, until_too_late};
use annuli_api::{Effect, ErrorCode, ShardApi};
use annuli_contract::ModelShard;
use annuli_wire::{PeerSettings, ServerSettings};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECRET: &str = "the-secret-of-this-cluster";

async fn server(secret: Option<&'static str>, settings: ServerSettings) -> (Running, Arc<dyn ShardApi>) {
    let model = ModelShard::new(schema());
    let setup = Setup { shards: OneShard::of(Arc::clone(&model)), secret, settings };
    (Running::set_up(setup).await, model)
}

fn small() -> ServerSettings {
    ServerSettings { request_bytes_max: 1_000, ..ServerSettings::default() }
}

/// Sends these bytes and no more, and reads the answer: its status, and the message of its failure.
async fn say(address: SocketAddr, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    loop {
        stream.read_buf(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() < length.parse().unwrap() {
            continue;
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let failure: serde_json::Value = serde_json::from_str(body).unwrap();
        return (status, failure["error"]["message"].as_str().unwrap().to_owned());
    }
}

fn path(version: u8, call: &str) -> String {
    format!("/shard/v{version}/{}/0/{call}", super::running::INDEX)
}

fn head(path: &str, headers: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\nannuli-deadline-ms: 60000\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_refused_before_its_body_is_read() {
    let (running, _) = server(Some(SECRET), ServerSettings::default()).await;
    for sent in ["", "annuli-secret: another-secret-altogether\r\n"] {
        // The body is announced and never sent.
        let bytes = head(&path(1, "write"), &format!("content-length: 1000\r\n{sent}"));
        let (status, message) = say(running.address, &bytes).await;
        assert_eq!(status, 401);
        assert!(message.contains("the cluster secret is missing or not that of this shard"), "{message}");
    }
}

#[tokio::test]
async fn a_peer_with_another_secret_is_told_so_and_has_done_nothing() {
    let (running, _) = server(Some(SECRET), ServerSettings::default()).await;
    for secret in [None, Some("another-secret-altogether")] {
        let shard = remote(running.address, secret, PeerSettings::default());
        let failure = shard.write(one_write(), soon()).await.unwrap_err();
        assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(Effect::None)));
        assert!(failure.message.contains("cluster secret"), "{failure}");
        assert_eq!(failure.details["address"], running.address.to_string());
    }
    let shard = remote(running.address, Some(SECRET), PeerSettings::default());
    shard.write(one_write(), soon()).await.unwrap();
}

#[tokio::test]
async fn a_call_of_another_version_is_refused_by_both_names_before_its_body_is_read() {
    let (running, _) = server(None, ServerSettings::default()).await;
    let (status, message) = say(running.address, &head(&path(2, "write"), "content-length: 1000\r\n")).await;
    assert_eq!(status, 400);
    assert!(message.contains("version 2 of the shard protocol, this shard speaks version 1"), "{message}");
}

#[tokio::test]
async fn a_message_of_another_version_is_refused_by_both_names() {
    let (running, _) = server(None, ServerSettings::default()).await;
    let mut bytes = head(&path(1, "status"), "content-length: 1\r\n");
    bytes.push(9);
    let (status, message) = say(running.address, &bytes).await;
    assert_eq!(status, 422);
    assert!(message.contains("version 9 of the shard protocol, this process speaks version 1"), "{message}");
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_read() {
    let (running, _) = server(None, small()).await;
    let (status, message) = say(running.address, &head(&path(1, "write"), "content-length: 1001\r\n")).await;
    assert_eq!((status, message.contains("larger than 1000 bytes")), (413, true), "{message}");
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused() {
    let (running, _) = server(None, small()).await;
    let mut bytes = head(&path(1, "write"), "transfer-encoding: chunked\r\n");
    for _ in 0..3 {
        bytes.extend_from_slice(format!("190\r\n{}\r\n", "x".repeat(400)).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let (status, message) = say(running.address, &bytes).await;
    assert_eq!((status, message.contains("larger than 1000 bytes")), (413, true), "{message}");
}

#[tokio::test]
async fn a_large_batch_that_is_refused_is_refused_in_words() {
    let (running, _) = server(None, small()).await;
    let shard = running.remote();
    let failure = shard.write(vec![one_write().remove(0); 500_000], soon()).await.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::BodyTooLarge, Some(Effect::None)), "{failure}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_a_limit_on_both_sides() {
    let settings = ServerSettings { answer_bytes_max: 20, ..ServerSettings::default() };
    let (running, model) = server(None, settings).await;
    model.write(one_write(), soon()).await.unwrap();
    let failure = running.remote().search(one_search(), soon()).await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::LimitExceeded);
    assert!(failure.message.contains("the limit is 20: ask for less"), "{failure}");

    let (running, model) = server(None, ServerSettings::default()).await;
    model.write(one_write(), soon()).await.unwrap();
    let settings = PeerSettings { answer_bytes_max: 20, ..PeerSettings::default() };
    let failure = remote(running.address, None, settings).search(one_search(), soon()).await.unwrap_err();
    assert_eq!((failure.code, failure.effect()), (ErrorCode::ShardUnavailable, Some(Effect::None)));
    assert!(failure.message.contains("the answer is larger than 20 bytes"), "{failure}");
}

#[tokio::test]
async fn what_is_no_call_is_refused_by_name() {
    let (running, _) = server(None, ServerSettings::default()).await;
    let none = "content-length: 0\r\n";
    let status = async |bytes: &[u8]| say(running.address, bytes).await.0;
    assert_eq!(status(&head("/v1/indexes", none)).await, 404);
    assert_eq!(status(&head(&path(1, "promote"), none)).await, 404);
    assert_eq!(status(&head(&path(1, "status"), none)).await, 422);
    let get = format!("GET {} HTTP/1.1\r\nhost: test\r\n\r\n", path(1, "status"));
    assert_eq!(status(get.as_bytes()).await, 405);
    let timeless = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n", path(1, "status"));
    assert_eq!(status(timeless.as_bytes()).await, 422);
    let elsewhere = path(1, "status").replace(&super::running::INDEX.to_string(), &uuid::Uuid::nil().to_string());
    assert_eq!(status(&[head(&elsewhere, none)].concat()).await, 404);
}

#[tokio::test]
async fn the_time_left_is_the_servers_deadline_too() {
    let (hanging, mut notices) = Hanging::new();
    let running = Running::start(OneShard::of(hanging)).await;
    let (address, message) = (running.address, answers::bytes_of_count());
    let bytes = [head(&path(1, "count"), &format!("content-length: {}\r\n", message.len())), message].concat();
    let said = tokio::spawn(async move { say(address, &bytes).await });
    assert_eq!(notices.recv().await, Some(Notice::Begun));
    until_too_late().await;
    assert_eq!(said.await.unwrap(), (504, "shard 0 had no answer before the deadline".to_owned()));
    assert_eq!(notices.recv().await, Some(Notice::Dropped));
}

#[tokio::test]
async fn a_call_of_hostile_bytes_is_refused_and_the_server_goes_on() {
    let (running, _) = server(None, ServerSettings::default()).await;
    for call in annuli_wire::Call::ALL {
        for body in
            [&[][..], &[1, 255, 255, 255, 255], &[1; 50], &[255; 50], &[1, 253, 255, 255, 255, 255, 255, 255, 255, 127]]
        {
            let bytes =
                [head(&path(1, call.name()), &format!("content-length: {}\r\n", body.len())), body.to_vec()].concat();
            let (status, message) = say(running.address, &bytes).await;
            assert_eq!(status, 422, "{call:?} {body:?}: {message}");
        }
    }
    running.remote().status().await.unwrap();
}

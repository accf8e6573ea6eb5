//! Pages for those who watch over a process: on the port of the calls, without their secret.

use super::mishaps::schema;
use super::running::{OneShard, Running, remote};
use annuli_api::Failure;
use annuli_contract::ModelShard;
use annuli_wire::{CallMeters, ClusterSecret, PeerSettings, ServerSettings, ShardServer, Watched};
use async_trait::async_trait;
use prometheus::{Registry, TextEncoder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "a-secret-of-the-cluster";

/// A process that is ready when somebody says so.
struct Process {
    ready: AtomicBool,
    registry: Registry,
}

#[async_trait]
impl Watched for Process {
    fn ready(&self) -> Result<(), String> {
        self.ready.load(Ordering::Relaxed).then_some(()).ok_or_else(|| "it is being opened".to_owned())
    }

    async fn metrics(&self) -> Result<String, Failure> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap())
    }
}

async fn start() -> (Running, Arc<Process>) {
    let (process, meters) =
        (Process { ready: AtomicBool::new(false), registry: Registry::new() }, CallMeters::default());
    meters.register(&process.registry);
    let (process, shards) = (Arc::new(process), OneShard::of(ModelShard::new(schema())));
    let secret = Some(ClusterSecret::new(SECRET).unwrap());
    let server =
        ShardServer::watched(shards, secret, ServerSettings::default(), Arc::clone(&process) as _, meters, None);
    (Running::serving(TcpListener::bind("127.0.0.1:0").await.unwrap(), server), process)
}

/// Status line and body of a page.
async fn page(server: &Running, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn health_is_told_without_the_secret() {
    let (server, process) = start().await;
    assert_eq!(page(&server, "/livez").await, ("HTTP/1.1 200 OK".to_owned(), "ok\n".to_owned()));
    let (status, reason) = page(&server, "/readyz").await;
    assert_eq!((&*status, &*reason), ("HTTP/1.1 503 Service Unavailable", "not ready: it is being opened\n"));
    process.ready.store(true, Ordering::Relaxed);
    assert_eq!(page(&server, "/readyz").await.0, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn calls_are_told_to_prometheus_and_need_the_secret() {
    let (server, _) = start().await;
    let _: Failure = remote(server.address, None, PeerSettings::default()).status().await.unwrap_err();
    remote(server.address, Some(SECRET), PeerSettings::default()).status().await.unwrap();
    let (_, figures) = page(&server, "/metrics").await;
    for line in [
        r#"annuli_shard_calls_total{call="status",outcome="answered"} 1"#,
        "annuli_shard_calls_refused_total 1",
        "annuli_shard_calls_in_flight 0",
        r#"annuli_shard_call_seconds_count{call="status"} 1"#,
    ] {
        assert!(figures.contains(line), "{line} is not in {figures}");
    }
    let (status, _) = page(&server, "/shard/v1/elsewhere").await;
    assert_eq!(status, "HTTP/1.1 401 Unauthorized");
}

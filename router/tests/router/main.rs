//! The router over fake shards: what failing and slow shards do to a request.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

mod builds;
mod console;
mod described;
mod encrypted;
mod world;

use annuli_api::{AsOf, ErrorCode};
use annuli_core::{IndexUuid, ShardId};
use annuli_router::access::{Access, Key, KeyRing, Keys, MetricsAccess, Role};
use annuli_router::http::server::{End, serve};
use annuli_router::http::threads::ConnectionThreads;
use annuli_router::{Limits, Polling};
use axum::body::Body;
use axum::http::Request;
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use uuid::Uuid;
use world::{Fake, World, position};

fn near() -> Fake {
    Fake::Finds(vec![("a", 0.1), ("c", 0.5)])
}

fn far() -> Fake {
    Fake::Finds(vec![("d", 0.2), ("b", 0.5)])
}

/// Two routers do not see at the same moment that an index has moved: `after` of the one was refused as stale by the other, and
/// reads of everything that was acknowledged missed what was written where it is now.
#[tokio::test]
async fn a_router_that_has_not_seen_an_index_move_looks_before_it_reads() {
    let moved = || World::moved(&[near()], &[far(), far()]);
    let token =
        |index: u128| AsOf { index: IndexUuid(Uuid::from_u128(index)), epoch: 0, positions: Vec::new() }.encode();
    let search = json!({"vector": [0, 0], "limit": 1});
    assert_eq!(moved().post("search", &search).await.ids(), ["a"]);
    let newest = json!({"vector": [0, 0], "limit": 1, "consistency": "primary"});
    assert_eq!(moved().post("search", &newest).await.ids(), ["d"]);
    let newer = json!({"vector": [0, 0], "limit": 1, "after": token(2)});
    assert_eq!(moved().post("search", &newer).await.ids(), ["d"]);
    let count = json!({"consistency": "primary"});
    assert_eq!(moved().post("count", &count).await.body["count"], 20);
    // What is of neither is refused, as ever.
    let foreign = json!({"vector": [0, 0], "after": token(3)});
    let refused = moved().post("search", &foreign).await;
    assert_eq!(refused.body["error"]["code"], "stale_token");
}

#[tokio::test]
async fn the_nearest_of_all_shards_are_merged_by_distance_and_id() {
    for fakes in [[near(), far()], [far(), near()]] {
        let answer = World::new(&fakes).post("search", &json!({"vector": [0, 0], "limit": 3})).await;
        assert_eq!(answer.ids(), ["a", "d", "b"]);
        assert_eq!(answer.body["shards"]["seqs"], json!({"0": 7, "1": 7}));
    }
}

#[tokio::test]
async fn an_offset_leaves_out_the_nearest_of_all() {
    let answer = World::new(&[near(), far()]).post("search", &json!({"vector": [0, 0], "limit": 2, "offset": 1})).await;
    assert_eq!(answer.ids(), ["d", "b"]);
}

#[tokio::test]
async fn a_score_threshold_cuts_off_the_far_ones() {
    let body = json!({"vector": [0, 0], "score_threshold": 0.8});
    assert_eq!(World::new(&[near(), far()]).post("search", &body).await.ids(), ["a", "d"]);
}

#[tokio::test]
async fn a_failed_shard_fails_the_search_and_is_named() {
    let world = World::new(&[near(), Fake::Fails(ErrorCode::ShardUnavailable)]);
    let answer = world.post("search", &json!({"vector": [0, 0]})).await;
    let message = "1 of 2 shards failed: shard 1: so said the test";
    assert_eq!(answer.failure(), (503, "shard_unavailable", message));
    assert_eq!(answer.body["error"]["details"]["failed"][0]["shard"], 1);
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_partial_answer_names_who_is_missing() {
    let world = World::new(&[near(), Fake::Fails(ErrorCode::ShardUnavailable)]);
    let answer = world.post("search", &json!({"vector": [0, 0], "allow_partial": true})).await;
    assert_eq!(answer.ids(), ["a", "c"]);
    let shards = &answer.body["shards"];
    assert_eq!((&shards["total"], &shards["successful"]), (&json!(2), &json!(1)));
    assert_eq!(shards["failed"][0]["error"]["code"], "shard_unavailable");
}

#[tokio::test]
async fn an_answer_of_nobody_is_not_partial() {
    let world = World::new(&[Fake::Fails(ErrorCode::ShardUnavailable), Fake::Fails(ErrorCode::Internal)]);
    let answer = world.post("search", &json!({"vector": [0, 0], "allow_partial": true})).await;
    assert_eq!(answer.failure().0, 503);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_hangs_is_given_up_at_the_deadline() {
    let world = World::new(&[near(), Fake::Hangs]);
    let answer = world.post("search", &json!({"vector": [0, 0], "timeout_ms": 250})).await;
    let message = "1 of 2 shards failed: shard 1: shard 1 did not answer before the deadline";
    assert_eq!(answer.failure(), (504, "deadline_exceeded", message));
    let answer = world.post("search", &json!({"vector": [0, 0], "timeout_ms": 250, "allow_partial": true})).await;
    assert_eq!(answer.ids(), ["a", "c"]);
}

#[tokio::test]
async fn a_refusal_of_a_shard_is_the_answer() {
    let answer = World::new(&[near(), Fake::Fails(ErrorCode::StaleToken)]).post("count", &json!({})).await;
    assert_eq!(answer.failure(), (409, "stale_token", "so said the test"));
}

#[tokio::test]
async fn a_write_says_what_was_written_when_a_shard_failed() {
    let world = World::new(&[near(), Fake::Fails(ErrorCode::StorageFull)]);
    let documents: Vec<_> = (0..20).map(|n| json!({"id": format!("doc-{n}"), "vector": [0, n]})).collect();
    let answer = world.post("index", &json!({"documents": documents})).await;
    let (status, code, message) = answer.failure();
    assert_eq!((status, code), (507, "storage_full"));
    assert!(message.ends_with("without `if_seq`, a retry of the whole is harmless"), "{message}");
    assert_eq!(answer.body["error"]["details"]["acknowledged"], json!({"0": 7}));
}

#[tokio::test]
async fn only_the_owner_of_a_document_is_written_to() {
    let world = World::new(&[near(), Fake::Fails(ErrorCode::Internal)]);
    // Shard 0 of 2 owns `nginx`, by the golden values of placement.
    let answer = world.post("index", &json!({"documents": [{"id": "nginx", "vector": [0, 1]}]})).await;
    assert_eq!(answer.body["shards"], json!({"0": 7}), "{}", answer.body);
}

#[tokio::test]
async fn a_request_of_which_only_conflicts_came_has_failed() {
    let world = World::new(&[near()]);
    let document = |id: &str, if_seq: u64| json!({"id": id, "vector": [0, 1], "if_seq": if_seq});
    let answer = world.post("index", &json!({"documents": [document("a", 3), document("b", 4)]})).await;
    let message = "document `a` is at seq 7, not at its `if_seq`, and 1 more; nothing was written";
    assert_eq!(answer.failure(), (409, "seq_conflict", message));
    let answer = world.post("index", &json!({"documents": [document("a", 3), document("b", 7)]})).await;
    assert_eq!(answer.body["indexed"], 1);
    assert_eq!(answer.body["conflicts"], json!([{"id": "a", "seq": 7}]));
}

#[tokio::test]
async fn polling_any_asks_one_shard() {
    let fakes = [near(), Fake::Fails(ErrorCode::Internal)];
    let world = World::with(&fakes, Limits::default(), &[("/count", Polling::Any)]);
    assert_eq!(world.post("count", &json!({})).await.body["count"], 10);
    assert_eq!(world.post("count", &json!({})).await.failure().0, 500);
}

#[tokio::test]
async fn a_token_is_checked_against_index_and_history() {
    let world = World::new(&[near()]);
    let token = |index, history| {
        let positions = vec![(ShardId(0), position(history))];
        AsOf { index: IndexUuid(Uuid::from_u128(index)), epoch: 0, positions }.encode()
    };
    let search = async |after: String| world.post("search", &json!({"vector": [0, 0], "after": after})).await;
    assert_eq!(search(token(1, 0)).await.ids(), ["a", "c"]);
    assert_eq!(search(token(2, 0)).await.failure().1, "stale_token");
    assert_eq!(search(token(1, 9)).await.failure().1, "stale_token");
    assert_eq!(search("nonsense".to_owned()).await.failure().1, "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_at_once_are_refused() {
    let limits = Limits { concurrent_requests_max: 1, ..Limits::default() };
    let world = World::with(&[Fake::Hangs], limits, &[]);
    let body = json!({"vector": [0, 0]});
    let (first, second) = tokio::join!(biased; world.post("search", &body), world.post("search", &body));
    assert_eq!(first.failure().1, "deadline_exceeded");
    assert_eq!((second.failure().0, second.failure().1), (429, "overloaded"));
    assert_eq!(second.headers["retry-after"], "1");
    assert_eq!(world.get("/livez").await.status, 200);
}

/// Half a body held its place for a minute.
#[tokio::test(start_paused = true)]
async fn who_sends_half_a_body_keeps_no_place_from_others_for_long() {
    let limits = Limits { concurrent_requests_max: 1, ..Limits::default() };
    let world = World::with(&[near()], limits, &[]);
    let half = Body::from_stream(stream::iter([Ok::<_, Infallible>("{\"vector\": ")]).chain(stream::pending()));
    let slow = Request::post("/v1/indexes/test/search").header("content-type", "application/json");
    let (began, all) = (Instant::now(), json!({}));
    let (late, refused) = tokio::join!(biased; world.send(slow.body(half).unwrap()), world.post("count", &all));
    assert_eq!(refused.failure().1, "overloaded");
    let message = "the body did not arrive in time: 11 bytes in 10 seconds";
    assert_eq!(late.failure(), (504, "deadline_exceeded", message));
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(world.post("count", &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_process_that_drains_is_not_ready() {
    let world = World::new(&[near()]);
    assert_eq!(world.get("/readyz").await.status, 200);
    world.drain();
    let answer = world.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), &answer.body), (503, &json!("not ready: the process is about to end\n")));
    assert_eq!(world.get("/livez").await.status, 200);
    assert_eq!(world.post("count", &json!({})).await.failure().1, "shutting_down");
}

#[tokio::test(start_paused = true)]
async fn a_process_is_idle_when_the_last_request_has_its_answer() {
    let world = World::new(&[Fake::Hangs]);
    let body = json!({"vector": [0, 0], "timeout_ms": 3_000});
    let mut request = std::pin::pin!(world.post("search", &body));
    assert!(futures_util::poll!(request.as_mut()).is_pending());
    world.drain();
    let mut idle = std::pin::pin!(world.idle());
    assert!(futures_util::poll!(idle.as_mut()).is_pending());
    assert_eq!(request.await.failure().1, "deadline_exceeded");
    idle.await;
}

/// An answer that no socket's buffers hold, of which the client takes the first bytes.
#[tokio::test]
async fn a_client_that_does_not_take_its_answer_does_not_keep_the_process() {
    let long: &'static str = "an id as long as ids may be ".repeat(17).leak();
    let world = World::new(&[Fake::Finds(vec![(long, 0.1); 1_000])]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let threads = ConnectionThreads::start(1).unwrap();
    let end = End { told: pending(), idle: pending(), drain: Duration::from_secs(1) };
    let service = world.service();
    let server = tokio::spawn(async move { serve(listener, service, &threads, end).await });
    let mut client = TcpStream::connect(address).await.unwrap();
    let body = json!({"vectors": vec![[0, 0]; 100], "limit": 1_000}).to_string();
    let head = "POST /v1/indexes/test/search HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    client.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    client.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    world.drain();
    assert!(futures_util::poll!(std::pin::pin!(world.idle())).is_ready());
    server.abort();
}

#[tokio::test]
async fn an_answer_says_that_its_format_was_chosen() {
    let answer = World::new(&[near()]).post("count", &json!({})).await;
    assert_eq!(answer.headers["vary"], "accept");
}

#[tokio::test]
async fn a_process_whose_shard_does_not_answer_is_not_ready() {
    let answer = World::new(&[near(), Fake::Fails(ErrorCode::Overloaded)]).get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "not ready: index `test`: 1 of 2 shards failed: shard 1: so said the test\n");
}

/// The text names indexes, and what is the matter with them.
#[tokio::test]
async fn a_stranger_hears_that_a_process_is_not_ready_and_not_why() {
    let keys = Keys::new(vec![Key::new("reader", Role::Read, "correct-horse-battery").unwrap()]).unwrap();
    let access = Access::Keys { ring: KeyRing::new(keys), metrics: MetricsAccess::Read };
    let world = World::guarded(&[Fake::Fails(ErrorCode::Overloaded)], access);
    let ask = async |key: &str| {
        let request = Request::get("/readyz").header("authorization", format!("Bearer {key}"));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        (answer.status.as_u16(), answer.body)
    };
    assert_eq!(ask("another-horse-battery").await, (503, json!("not ready\n")));
    let why = "not ready: index `test`: 1 of 1 shards failed: shard 0: so said the test\n";
    assert_eq!(ask("correct-horse-battery").await, (503, json!(why)));
    let answer = world.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), answer.body), (503, json!("not ready\n")));
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let limits = Limits { body_bytes_max: 100, ..Limits::default() };
    let world = World::with(&[near()], limits, &[]);
    let chunks = (0..50).map(|_| Ok::<_, std::io::Error>("          "));
    let request = Request::post("/v1/indexes/test/search")
        .header("content-type", "application/json")
        .body(Body::from_stream(stream::iter(chunks)))
        .unwrap();
    assert_eq!(world.send(request).await.failure().1, "body_too_large");
}

/// A body of twenty kilobytes once could ask for gigabytes.
#[tokio::test]
async fn a_reply_is_bounded() {
    let world = World::new(&[near()]);
    let search = async |queries: usize, limit: usize, include: &str| {
        let body = json!({"vectors": vec![[0, 0]; queries], "limit": limit, "include": [include]});
        world.post("search", &body).await
    };
    assert_eq!(search(10, 10_000, "metadata").await.status, 200);
    let message = "the number of queries times `offset` plus `limit` is 110000, the limit is 100000";
    assert_eq!(search(11, 10_000, "metadata").await.failure(), (422, "limit_exceeded", message));
}

#[tokio::test]
async fn a_failed_task_says_why() {
    let world = World::new(&[near()]);
    let answer = world.post("dumps", &json!({})).await;
    assert_eq!(answer.status, 202);
    let path = format!("/v1/tasks/{}", answer.body["task"].as_str().unwrap());
    let task = loop {
        let task = world.get(&path).await.body;
        if task["status"] != "running" {
            break task;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("storage_full")));
    assert_eq!(task["progress"], json!({"shards_done": 1, "shards_total": 1}));
}

//! The console beside the API: for a browser, and never in the way of requests.

use super::near;
use super::world::World;
use axum::body::Body;
use axum::http::Request;

#[tokio::test]
async fn the_console_is_beside_the_api_with_its_own_headers() {
    let world = World::new(&[near()]);
    let answer = world.get("/console/").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self';"));
    assert_eq!(world.get("/console").await.status, 308);
    assert_eq!(world.get("/v1/indexes").await.status, 200);
}

#[tokio::test]
async fn whoever_looks_at_a_server_that_ends_can_see_the_console() {
    let world = World::new(&[near()]);
    world.drain();
    assert_eq!(world.get("/v1/indexes").await.status, 503);
    assert_eq!(world.get("/console/main.js").await.status, 200);
}

#[tokio::test]
async fn nothing_can_be_sent_to_the_console() {
    let answer = World::new(&[near()]).send(Request::post("/console/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.failure(), (405, "method_not_allowed", "the path `/console/` takes no POST"));
}

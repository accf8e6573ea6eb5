//! Payloads are changed, vectors exchanged, several writes sent at once.

use crate::server::{Server, UUID};
use serde_json::{Value, json};

const PAYLOAD: &str = "/collections/c/points/payload";

async fn payload(server: &Server, id: u64) -> Value {
    server.get(&format!("/collections/c/points/{id}")).await.ok()["payload"].clone()
}

#[tokio::test]
async fn fields_are_set_and_removed() {
    let server = Server::with_points("Euclid").await;
    let set = json!({"payload": {"at": {"z": 3}, "size": null, "new": true}, "points": [1]});
    server.post(&format!("{PAYLOAD}?wait=true"), &set).await.ok();
    assert_eq!(payload(&server, 1).await, json!({"at": {"z": 3}, "color": "red", "new": true}));
    server.post(&format!("{PAYLOAD}/delete"), &json!({"keys": ["at.z", "color"], "points": [1]})).await.ok();
    assert_eq!(payload(&server, 1).await, json!({"at": {}, "new": true}));
    server.put(PAYLOAD, &json!({"payload": {"only": 1}, "points": [1]})).await.ok();
    assert_eq!(payload(&server, 1).await, json!({"only": 1}));
    server.post(&format!("{PAYLOAD}/clear"), &json!({"points": [1]})).await.ok();
    assert_eq!(payload(&server, 1).await, json!({}));
    assert_eq!(server.get("/collections/c/points/1").await.ok()["vector"], json!([3.0, 4.0]));
}

#[tokio::test]
async fn a_filter_chooses_whose_payload_is_changed() {
    let server = Server::with_points("Euclid").await;
    let red = json!({"must": [{"key": "color", "match": {"value": "red"}}]});
    server.post(PAYLOAD, &json!({"payload": {"seen": 1}, "filter": red})).await.ok();
    for (id, seen) in [(1, json!(1)), (2, json!(1)), (10, Value::Null)] {
        assert_eq!(payload(&server, id).await["seen"], seen);
    }
}

#[tokio::test]
async fn a_filter_chooses_more_points_than_are_changed_at_once() {
    let server = Server::with_points("Euclid").await;
    let points: Vec<_> =
        (100..1_300).map(|id| json!({"id": id, "vector": [id, 0], "payload": {"many": true}})).collect();
    server.put("/collections/c/points", &json!({ "points": points })).await.ok();
    let many = json!({"must": [{"key": "many", "match": {"value": true}}]});
    server.post(PAYLOAD, &json!({"payload": {"seen": 1}, "filter": many})).await.ok();
    let seen = json!({"filter": {"must": [{"key": "seen", "match": {"value": 1}}]}});
    assert_eq!(server.post("/collections/c/points/count", &seen).await.ok()["count"], 1_200);
}

/// A change that takes longer than a request may is finished by the same request sent again: it once began with the same
/// points every time.
#[tokio::test]
async fn a_payload_that_is_as_it_is_to_be_is_not_written() {
    let server = Server::with_points("Euclid").await;
    let red = json!({"must": [{"key": "color", "match": {"value": "red"}}]});
    let written = async |body: Value| server.post(PAYLOAD, &body).await.ok()["operation_id"].as_u64().unwrap() > 0;
    let set = |payload: Value| json!({"payload": payload, "filter": red});
    assert!(written(set(json!({"seen": 1, "at": {"x": 1}}))).await);
    assert!(!written(set(json!({"seen": 1, "at": {"x": 1}}))).await);
    assert!(!written(json!({"payload": {"color": "red", "gone": null}, "points": [1, 2]})).await);
    // Equal for filters, but not written in the same way.
    assert!(written(set(json!({"seen": 1.0}))).await);
    assert!(written(set(json!({"at": {"x": 1.0}}))).await);
    assert_eq!(payload(&server, 1).await, json!({"at": {"x": 1.0}, "color": "red", "seen": 1.0, "size": 1}));
}

#[tokio::test]
async fn a_missing_point_is_named_after_the_others_are_changed() {
    let server = Server::with_points("Euclid").await;
    let answer = server.post(PAYLOAD, &json!({"payload": {"seen": 1}, "points": [99, 2]})).await;
    assert_eq!(answer.refused(), (404, "Not found: No point with id 99 found"));
    assert_eq!(payload(&server, 2).await["seen"], 1);
}

#[tokio::test]
async fn a_change_without_what_it_changes_is_refused() {
    let server = Server::with_points("Euclid").await;
    assert_eq!(server.post(PAYLOAD, &json!({"points": [1]})).await.refused(), (400, "`payload` is missing"));
    let nested = json!({"payload": {}, "points": [1], "key": "at"});
    assert_eq!(server.post(PAYLOAD, &nested).await.refused(), (400, "`key` is not supported by Annuli: leave it out"));
}

#[tokio::test]
async fn a_vector_is_exchanged_and_the_payload_stays() {
    let server = Server::with_points("Euclid").await;
    let vectors = |id: Value| json!({"points": [{"id": id, "vector": [9, 9]}]});
    server.put("/collections/c/points/vectors", &vectors(json!(2))).await.ok();
    let point = server.get("/collections/c/points/2").await.ok();
    assert_eq!((&point["vector"], &point["payload"]["size"]), (&json!([9.0, 9.0]), &json!(2)));
    assert_eq!(server.put("/collections/c/points/vectors", &vectors(json!(99))).await.status, 404);
}

#[tokio::test]
async fn several_writes_are_done_in_their_order() {
    let server = Server::with_points("Euclid").await;
    let operations = json!({"operations": [
        {"upsert": {"points": [{"id": 3, "vector": [1, 1], "payload": {"a": 1}}]}},
        {"set_payload": {"payload": {"b": 2}, "points": [3]}},
        {"delete_payload": {"keys": ["a"], "points": [3]}},
        {"update_vectors": {"points": [{"id": 3, "vector": [2, 2]}]}},
        {"delete": {"points": [1, UUID]}},
    ]});
    let results = server.post("/collections/c/points/batch?wait=true", &operations).await.ok();
    assert_eq!(results.as_array().unwrap().len(), 5);
    let point = server.get("/collections/c/points/3").await.ok();
    assert_eq!((&point["payload"], &point["vector"]), (&json!({"b": 2}), &json!([2.0, 2.0])));
    assert_eq!(server.post("/collections/c/points/count", &json!({})).await.ok()["count"], 3);
}

#[tokio::test]
async fn fields_have_indexes_already() {
    let server = Server::with_points("Euclid").await;
    let index = async |schema: Value| {
        let body = json!({"field_name": "size", "field_schema": schema});
        server.put("/collections/c/index?wait=true", &body).await
    };
    assert_eq!(index(json!("integer")).await.ok()["status"], "completed");
    assert_eq!(index(json!({"type": "keyword", "is_tenant": true})).await.ok()["status"], "completed");
    assert!(
        index(json!("geo")).await.refused().1.starts_with("an index of the field `size` as `geo` is not supported")
    );
    assert_eq!(server.send("DELETE", "/collections/c/index/size", None).await.status, 200);
}

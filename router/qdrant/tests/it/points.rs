//! Points are written, found and read.

use crate::server::{Server, UUID, ids};
use serde_json::{Value, json};

#[tokio::test]
async fn scores_are_what_each_distance_calls_so() {
    let search = json!({"query": [1, 0], "limit": 2});
    let scores = async |distance: &str| {
        let found = Server::with_points(distance).await.query(&search).await.ok();
        json!([found["points"][0]["id"], found["points"][0]["score"], found["points"][1]["score"]])
    };
    assert_eq!(scores("Euclid").await, json!([2, 0.0, 2.0]));
    assert_eq!(scores("Dot").await, json!([1, 3.0, 1.0]));
    let cosine = scores("Cosine").await;
    assert_eq!((&cosine[0], cosine[2].as_f64().unwrap().mul_add(10.0, 0.5).floor()), (&json!(2), 6.0));
}

#[tokio::test]
async fn a_query_is_a_vector_a_point_or_nothing() {
    let server = Server::with_points("Euclid").await;
    let found = async |query| ids(&server.query(&query).await.ok()["points"]);
    assert_eq!(found(json!({"query": {"nearest": [0, 2]}, "limit": 1})).await, json!([10]));
    assert_eq!(found(json!({"query": 2, "limit": 2})).await, json!([UUID, 10]));
    assert_eq!(found(json!({"query": {"nearest": UUID}, "limit": 1})).await, json!([2]));
    assert_eq!(found(json!({"limit": 2, "offset": 1})).await, json!([10, 2]));
    assert_eq!(found(json!({"query": [0, 2], "limit": 2, "offset": 1})).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_threshold_leaves_out_what_is_not_better() {
    let euclid = Server::with_points("Euclid").await;
    let near = json!({"query": [1, 0], "score_threshold": 2.0});
    assert_eq!(ids(&euclid.query(&near).await.ok()["points"]), json!([2]));
    let dot = Server::with_points("Dot").await;
    let similar = json!({"query": [1, 0], "score_threshold": 1.0});
    assert_eq!(ids(&dot.query(&similar).await.ok()["points"]), json!([1]));
}

#[tokio::test]
async fn an_answer_has_the_parts_that_were_asked_for() {
    let server = Server::with_points("Euclid").await;
    let point = async |mut query: Value| {
        query["query"] = json!([3, 4]);
        query["limit"] = json!(1);
        server.query(&query).await.ok()["points"][0].clone()
    };
    let bare = point(json!({})).await;
    assert_eq!((&bare["payload"], &bare["vector"], &bare["version"]), (&json!(null), &json!(null), &json!(0)));
    let whole = point(json!({"with_payload": true, "with_vector": true})).await;
    assert_eq!((&whole["payload"]["at"]["y"], &whole["vector"]), (&json!(2), &json!([3.0, 4.0])));
    let part = point(json!({"with_payload": {"include": ["at.x"]}})).await;
    assert_eq!(part["payload"], json!({"at": {"x": 1}}));
}

#[tokio::test]
async fn filters_choose_points() {
    let server = Server::with_points("Euclid").await;
    let count = async |filter| {
        server.post("/collections/c/points/count", &json!({"filter": filter})).await.ok()["count"].clone()
    };
    assert_eq!(count(json!({"must": [{"key": "color", "match": {"value": "red"}}]})).await, 2);
    assert_eq!(count(json!({"must_not": [{"key": "color", "match": {"value": "red"}}]})).await, 2);
    assert_eq!(count(json!({"must": [{"key": "size", "range": {"gte": 2}}]})).await, 2);
    assert_eq!(count(json!({"must": [{"key": "tags[]", "match": {"any": ["b"]}}]})).await, 1);
    assert_eq!(count(json!({"must": [{"key": "color", "match": {"except": ["red"]}}]})).await, 1);
    assert_eq!(count(json!({"must": [{"is_empty": {"key": "color"}}]})).await, 1);
    assert_eq!(count(json!({})).await, 4);
}

#[tokio::test]
async fn pages_meet_each_point_once() {
    let server = Server::with_points("Euclid").await;
    let scroll = async |body| server.post("/collections/c/points/scroll", &body).await.ok();
    let first = scroll(json!({"limit": 3})).await;
    assert_eq!((ids(&first["points"]), &first["next_page_offset"]), (json!([1, 10, 2]), &json!(UUID)));
    assert_eq!(first["points"][0]["payload"]["size"], 1);
    let second = scroll(json!({"limit": 3, "offset": UUID})).await;
    assert_eq!((ids(&second["points"]), &second["next_page_offset"]), (json!([UUID]), &json!(null)));
    let all = scroll(json!({"limit": 4, "offset": 1, "with_payload": false})).await;
    assert_eq!((ids(&all["points"]), &all["points"][0]["payload"]), (json!([1, 10, 2, UUID]), &json!(null)));
}

/// Ids of other protocols: a UUID in another form than the usual, and texts. The offset was read as an id and so became
/// another, or none.
#[tokio::test]
async fn pages_go_on_at_whatever_id_they_said() {
    let server = Server::with_foreign_ids(&FOREIGN).await;
    let (mut met, mut body) = (Vec::new(), json!({"limit": 1}));
    while met.len() < 10 {
        let page = server.post("/collections/c/points/scroll", &body).await.ok();
        met.extend(page["points"].as_array().unwrap().iter().map(|point| point["id"].clone()));
        if page["next_page_offset"].is_null() {
            break;
        }
        body["offset"] = page["next_page_offset"].clone();
    }
    assert_eq!(json!(met), json!([7, "936DA01F9ABD4D9D80C702AF85C822A8", "a\0", "a\u{e000}", "doc-17"]));
}

/// In the order of their texts.
const FOREIGN: [&str; 5] = ["7", "936DA01F9ABD4D9D80C702AF85C822A8", "a\0", "a\u{e000}", "doc-17"];

#[tokio::test]
async fn points_are_named_by_a_filter_that_asks_for_nothing_else() {
    let server = Server::with_points("Euclid").await;
    let named = json!({"must": [{"has_id": [2, 99, 1, UUID]}]});
    let count = async || server.post("/collections/c/points/count", &json!({ "filter": named })).await.ok();
    assert_eq!(count().await["count"], 3);
    let scroll = async |page: Value| {
        let mut body = json!({ "filter": named });
        body.as_object_mut().unwrap().extend(page.as_object().unwrap().clone());
        server.post("/collections/c/points/scroll", &body).await.ok()
    };
    let first = scroll(json!({"limit": 2})).await;
    assert_eq!((ids(&first["points"]), &first["next_page_offset"]), (json!([1, 2]), &json!(UUID)));
    assert_eq!(first["points"][0]["payload"]["color"], "red");
    // 99 is missing, which makes its page shorter.
    let second = scroll(json!({"limit": 2, "offset": UUID})).await;
    assert_eq!((ids(&second["points"]), &second["next_page_offset"]), (json!([UUID]), &json!(null)));
    server.post("/collections/c/points/delete", &json!({ "filter": named })).await.ok();
    assert_eq!(count().await["count"], 0);
    assert_eq!(server.post("/collections/c/points/count", &json!({})).await.ok()["count"], 1);
}

#[tokio::test]
async fn a_long_page_is_made_of_ours() {
    let limits = annuli_router::Limits { page_documents_max: 2, ..annuli_router::Limits::default() };
    let server = Server::with(limits);
    server.put("/collections/c", &json!({"vectors": {"size": 1, "distance": "Dot"}})).await.ok();
    let points: Vec<_> = (10..17).map(|id| json!({"id": id, "vector": [id]})).collect();
    server.put("/collections/c/points", &json!({ "points": points })).await.ok();
    let page = server.post("/collections/c/points/scroll", &json!({"limit": 5})).await.ok();
    assert_eq!((ids(&page["points"]), &page["next_page_offset"]), (json!([10, 11, 12, 13, 14]), &json!(15)));
}

#[tokio::test]
async fn points_are_read_by_id() {
    let server = Server::with_points("Euclid").await;
    let read =
        server.post("/collections/c/points", &json!({"ids": [UUID, 99, 1], "with_payload": ["size"]})).await.ok();
    assert_eq!(ids(&read), json!([UUID, 1]));
    assert_eq!(read[1]["payload"], json!({"size": 1}));
    assert_eq!(server.get("/collections/c/points/10").await.ok()["vector"], json!([0.0, 2.0]));
    assert_eq!(server.get("/collections/c/points/99").await.refused(), (404, "Not found: No point with id 99 found"));
}

#[tokio::test]
async fn a_batch_of_parts_is_stored_as_points() {
    let server = Server::with_points("Euclid").await;
    let batch = json!({"ids": [5, 6], "vectors": [[5, 5], [6, 6]], "payloads": [{"a": 1}, null]});
    let said = server.put("/collections/c/points?wait=true", &json!({ "batch": batch })).await.ok();
    assert_eq!(said["status"], "completed");
    assert!(said["operation_id"].as_u64().unwrap() > 0);
    assert_eq!(server.get("/collections/c/points/5").await.ok()["payload"], json!({"a": 1}));
    let short = json!({"batch": {"ids": [5, 6], "vectors": [[5, 5]]}});
    let refused = server.put("/collections/c/points", &short).await;
    let says = "a batch has as many of each part: there are 2 ids, 1 vectors and 2 payloads";
    assert_eq!(refused.refused(), (400, says));
    let not_waiting =
        server.put("/collections/c/points", &json!({"points": [{"id": 7, "vector": {"": [7, 7]}}]})).await.ok();
    assert_eq!(not_waiting["status"], "acknowledged");
}

#[tokio::test]
async fn points_are_deleted_by_id_and_by_filter() {
    let server = Server::with_points("Euclid").await;
    let left = async || server.post("/collections/c/points/count", &json!({})).await.ok()["count"].clone();
    server.post("/collections/c/points/delete", &json!({"points": [1, 99]})).await.ok();
    assert_eq!(left().await, 3);
    let red = json!({"filter": {"must": {"key": "color", "match": {"value": "red"}}}});
    server.post("/collections/c/points/delete", &red).await.ok();
    assert_eq!(left().await, 2);
    for count in [0, 1, 2] {
        let none = json!({"filter": {"min_should": {"conditions": [], "min_count": count}}});
        assert_eq!(server.post("/collections/c/points/delete", &none).await.status, 400);
    }
    assert_eq!(left().await, 2);
    server.post("/collections/c/points/delete", &json!({"filter": {}})).await.ok();
    assert_eq!(left().await, 0);
}

#[tokio::test]
async fn several_queries_have_an_answer_each_and_older_clients_a_bare_list() {
    let server = Server::with_points("Euclid").await;
    let searches = json!({"searches": [{"query": [3, 4], "limit": 1}, {"query": 1, "limit": 1}]});
    let answers = server.post("/collections/c/points/query/batch", &searches).await.ok();
    assert_eq!((ids(&answers[0]["points"]), ids(&answers[1]["points"])), (json!([1]), json!([10])));
    let old = server.post("/collections/c/points/search", &json!({"vector": [3, 4], "limit": 1})).await.ok();
    assert_eq!(ids(&old), json!([1]));
}

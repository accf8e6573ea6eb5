//! The examples of the OpenAPI document, sent as they stand there.

use annuli_tests::Server;
use serde_json::Value;

/// A body as the document shows it.
#[track_caller]
fn example(document: &Value, schema: &str) -> Value {
    let schema = &document["components"]["schemas"][schema];
    let example = schema.get("example").or_else(|| schema["examples"].get(0));
    example.unwrap_or_else(|| panic!("no example: {schema}")).clone()
}

#[test]
fn every_example_of_a_request_works() {
    let server = Server::start();
    let client = server.client();
    let document = client.get("/openapi.json").ok();
    let example = |schema: &str| example(&document, schema);
    let of_index = |call: &str| format!("/v1/indexes/faces/{call}");
    assert_eq!(client.put("/v1/indexes/faces", &example("CreateIndex")).ok()["dim"], 3);
    assert_eq!(client.post(&of_index("index"), &example("IndexRequest")).ok()["indexed"], 2);
    let found = client.post(&of_index("search"), &example("SearchRequest")).ok();
    assert_eq!(found["results"][0]["hits"][0]["id"], "ann", "{found}");
    assert_eq!(client.post(&of_index("count"), &example("CountRequest")).ok()["count"], 1);
    assert_eq!(client.post(&of_index("update"), &example("UpdateRequest")).ok()["updated"], 1);
    let read = client.post(&of_index("documents"), &example("GetRequest")).ok();
    assert_eq!(read["documents"][1]["metadata"]["age"], 45, "{read}");
    assert_eq!(client.post(&of_index("delete"), &example("DeleteRequest")).ok()["deleted"], 1);
    assert_eq!(client.put("/v1/aliases/people", &example("SetAlias")).ok()["index"], "faces");
}

//! Collections and their aliases.

use crate::server::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn clients_are_told_a_version_that_they_know() {
    let about = Server::new().get("/").await.body;
    assert_eq!((&about["version"], &about["commit"]), (&json!("1.20.0"), &json!(null)));
}

#[tokio::test]
async fn a_collection_comes_is_looked_at_and_goes() {
    let server = Server::new();
    let schema = json!({"vectors": {"size": 3, "distance": "Euclid"}, "shard_number": 2, "hnsw_config": {"m": 24}});
    assert_eq!(server.get("/collections/My.Docs/exists").await.ok(), json!({"exists": false}));
    assert_eq!(server.put("/collections/My.Docs", &schema).await.ok(), true);
    assert_eq!(server.get("/collections/My.Docs/exists").await.ok(), json!({"exists": true}));
    assert_eq!(server.get("/collections").await.ok(), json!({"collections": [{"name": "My.Docs"}]}));
    let info = server.get("/collections/My.Docs").await.ok();
    assert_eq!((&info["status"], &info["points_count"]), (&json!("green"), &json!(0)));
    assert_eq!(info["config"]["params"]["vectors"], json!({"size": 3, "distance": "Euclid"}));
    assert_eq!(
        (&info["config"]["params"]["shard_number"], &info["config"]["hnsw_config"]["m"]),
        (&json!(2), &json!(24))
    );
    let again = server.put("/collections/My.Docs", &schema).await;
    assert_eq!(again.refused(), (409, "Wrong input: Collection `My.Docs` already exists!"));
    assert_eq!(server.send("DELETE", "/collections/My.Docs", None).await.ok(), true);
    assert_eq!(server.send("DELETE", "/collections/My.Docs", None).await.ok(), false);
    let gone = server.get("/collections/My.Docs").await;
    assert_eq!(gone.refused(), (404, "Not found: Collection `My.Docs` doesn't exist!"));
}

#[tokio::test]
async fn a_change_is_taken_if_it_changes_no_answer() {
    let server = Server::with_points("Dot").await;
    let change = |body| {
        let server = &server;
        async move { server.send("PATCH", "/collections/c", Some(&body)).await }
    };
    assert_eq!(change(json!({"optimizers_config": {"indexing_threshold": 0}})).await.ok(), true);
    assert_eq!(change(json!({"hnsw_config": {"m": 16}})).await.ok(), true);
    let refused = change(json!({"hnsw_config": {"m": 32}})).await;
    assert!(refused.refused().1.ends_with("which cannot be changed: create another collection"));
    assert_eq!(change(json!({"params": {"replication_factor": 2}})).await.status, 400);
}

#[tokio::test]
async fn aliases_stand_for_collections() {
    let server = Server::with_points("Dot").await;
    let act = |action| {
        let server = &server;
        async move { server.post("/collections/aliases", &json!({"actions": [action]})).await }
    };
    act(json!({"create_alias": {"collection_name": "c", "alias_name": "Latest"}})).await.ok();
    let aliases = json!({"aliases": [{"alias_name": "Latest", "collection_name": "c"}]});
    assert_eq!(server.get("/aliases").await.ok(), aliases);
    assert_eq!(server.get("/collections/c/aliases").await.ok(), aliases);
    assert_eq!(server.post("/collections/Latest/points/count", &json!({})).await.ok(), json!({"count": 4}));
    act(json!({"rename_alias": {"old_alias_name": "Latest", "new_alias_name": "newest"}})).await.ok();
    assert_eq!(server.get("/collections/Latest/exists").await.ok(), json!({"exists": false}));
    act(json!({"delete_alias": {"alias_name": "newest"}})).await.ok();
    assert_eq!(server.get("/aliases").await.ok(), json!({"aliases": []}));
    assert_eq!(act(json!({"rename_alias": {"old_alias_name": "x", "new_alias_name": "y"}})).await.status, 404);
}

#[tokio::test]
async fn several_actions_on_aliases_are_one_switch() {
    let server = Server::with_points("Dot").await;
    server.put("/collections/d", &json!({"vectors": {"size": 2, "distance": "Dot"}})).await.ok();
    let act = async |actions: Value| server.post("/collections/aliases", &json!({ "actions": actions })).await;
    let create =
        |collection: &str, alias: &str| json!({"create_alias": {"collection_name": collection, "alias_name": alias}});
    let delete = |alias: &str| json!({"delete_alias": {"alias_name": alias}});
    let rename = |old: &str, new: &str| json!({"rename_alias": {"old_alias_name": old, "new_alias_name": new}});
    let aliases = async || {
        let listed = server.get("/aliases").await.ok()["aliases"].clone();
        let one = |alias: &Value| format!("{} {}", alias["alias_name"], alias["collection_name"]).replace('"', "");
        listed.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    act(json!([create("c", "live"), create("c", "old")])).await.ok();
    // What is refused changes nothing, whatever stands before it.
    let refused = [
        (json!([delete("live"), create("nowhere", "live")]), 404),
        (json!([delete("live"), delete("nobody")]), 404),
        (json!([delete("live"), delete("live")]), 404),
        (json!([create("d", "live"), create("c", "d")]), 409),
        (json!([create("d", "live"), create("c", "")]), 400),
        (json!([delete("live"), create("live", "other")]), 404),
    ];
    for (actions, status) in refused {
        assert_eq!(act(actions.clone()).await.status, status, "{actions}");
        assert_eq!(aliases().await, ["live c", "old c"], "{actions}");
    }
    act(json!([rename("live", "live")])).await.ok();
    assert_eq!(aliases().await, ["live c", "old c"]);
    act(json!([delete("live"), create("d", "live"), rename("old", "older"), create("live", "same")])).await.ok();
    assert_eq!(aliases().await, ["live d", "older c", "same d"]);
    act(json!([rename("live", "x"), rename("older", "live"), rename("x", "older")])).await.ok();
    assert_eq!(aliases().await, ["live c", "older d", "same d"]);
}

//! Aliases: second names, which are switched from one index to another between two requests and not within one.

use annuli_api::ErrorCode;
use annuli_tests::{Answer, Client, Index, Server};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

fn schema() -> Value {
    json!({"dim": 1, "metric": "euclidean", "shards": 2})
}

/// An index with documents whose ids start with `start`.
fn index(start: &str) -> Index {
    let index = Index::fresh(&schema());
    let document = |n| json!({"id": format!("{start}-{n}"), "vector": [n]});
    index.store(&json!((0..20).map(document).collect::<Vec<_>>()));
    index
}

/// A name that no other test has.
fn alias_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("alias-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn point(client: &Client, alias: &str, index: &str) -> Answer {
    client.put(&format!("/v1/aliases/{alias}"), &json!({"index": index}))
}

fn aliases(client: &Client) -> Value {
    client.get("/v1/aliases").ok()["aliases"].clone()
}

#[test]
fn an_alias_stands_for_its_index_in_every_call() {
    let index = index("a");
    let name = alias_name();
    assert_eq!(point(&index.client, &name, &index.name).ok(), json!({"index": index.name}));
    let alias = Index::named(&index.client, &name);
    assert_eq!(alias.count(), 20);
    assert_eq!(alias.found(&json!({"vector": [3], "limit": 1})), ["a-3"]);
    assert_eq!(alias.info(), index.info());
    alias.store(&json!([{"id": "by alias", "vector": [100]}]));
    alias.post("update", &json!({"documents": [{"id": "a-1", "metadata": {"x": 1}}]})).ok();
    alias.post("delete", &json!({"ids": ["a-2"]})).ok();
    assert_eq!(alias.documents(), index.documents());
    assert_eq!(index.count_matching(&json!({"x": 1})), 1);
    assert_eq!(index.document("by alias")["vector"], json!([100.0]));
}

#[test]
fn an_alias_is_listed_and_the_index_names_it() {
    let index = index("a");
    let name = alias_name();
    point(&index.client, &name, &index.name).ok();
    assert_eq!(aliases(&index.client)[&name], index.name);
    assert_eq!(index.info()["aliases"], json!([name]));
    assert_eq!(index.client.delete(&format!("/v1/aliases/{name}")).status, 204);
    assert_eq!(aliases(&index.client).get(&name), None);
    assert_eq!(index.info()["aliases"], json!([]));
    let gone = Index::named(&index.client, &name).post("count", &json!({}));
    gone.refused(ErrorCode::IndexNotFound, &format!("there is no index `{name}`"));
}

#[test]
fn a_switch_is_seen_by_whole_requests_and_fails_none() {
    let (blue, green) = (index("blue"), index("green"));
    let name = alias_name();
    point(&blue.client, &name, &blue.name).ok();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let searchers: Vec<_> = (0..3).map(|_| scope.spawn(|| search_until(&stop, &blue.client, &name))).collect();
        for target in [&green, &blue].iter().cycle().take(40) {
            point(&blue.client, &name, &target.name).ok();
        }
        stop.store(true, Ordering::Relaxed);
        let seen: Vec<_> = searchers.into_iter().flat_map(|searcher| searcher.join().expect("no failure")).collect();
        assert!(seen.contains(&"blue".to_owned()) && seen.contains(&"green".to_owned()), "both were searched");
    });
}

/// Searches by the alias, checks that every answer is of one index, and returns the colours in the order seen.
fn search_until(stop: &AtomicBool, client: &Client, alias: &str) -> Vec<String> {
    let alias = Index::named(client, alias);
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let found = alias.found(&json!({"vector": [5], "limit": 20}));
        let colours: Vec<_> = found.iter().map(|id| id.split('-').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(colours.len(), 20);
        assert!(colours.iter().all(|colour| *colour == colours[0]), "one answer of two indexes: {found:?}");
        seen.extend(colours.into_iter().next());
    }
    seen
}

#[test]
fn an_alias_is_never_an_index_too() {
    let index = index("a");
    let (name, client) = (alias_name(), &index.client);
    let taken = format!("`{}` is an index: choose another name for the alias", index.name);
    point(client, &index.name, &index.name).refused(ErrorCode::AliasConflict, &taken);
    point(client, &name, &index.name).ok();
    let taken = format!("`{name}` is an alias: remove the alias, or choose another name for the index");
    client.put(&format!("/v1/indexes/{name}"), &schema()).refused(ErrorCode::AliasConflict, &taken);
}

#[test]
fn an_index_is_not_deleted_by_its_alias() {
    let index = index("a");
    let name = alias_name();
    point(&index.client, &name, &index.name).ok();
    let says = format!("`{name}` is an alias of `{}`: delete the alias, or the index by its own name", index.name);
    index.client.delete(&format!("/v1/indexes/{name}")).refused(ErrorCode::AliasConflict, &says);
    assert_eq!(index.count(), 20);
}

#[test]
fn an_alias_needs_an_index_and_a_name() {
    let index = index("a");
    let (name, client) = (alias_name(), &index.client);
    point(client, &name, "nowhere").refused(ErrorCode::IndexNotFound, "there is no index `nowhere`");
    point(client, &name, "No Name").refused(ErrorCode::InvalidName, "`No Name` cannot name an index");
    point(client, "No%20Name", &index.name).refused(ErrorCode::InvalidName, "`No Name` cannot name an index");
    client.put(&format!("/v1/aliases/{name}"), &json!({})).refused(ErrorCode::InvalidRequest, "missing field `index`");
    client
        .delete(&format!("/v1/aliases/{name}"))
        .refused(ErrorCode::AliasNotFound, &format!("there is no alias `{name}`"));
    point(client, &name, &index.name).ok();
    let second = point(client, &alias_name(), &name);
    second.refused(ErrorCode::IndexNotFound, &format!("there is no index `{name}`"));
}

#[test]
fn deleting_an_index_removes_its_aliases() {
    let (doomed, other) = (index("a"), index("b"));
    let [first, second, kept] = [alias_name(), alias_name(), alias_name()];
    for (alias, target) in [(&first, &doomed), (&second, &doomed), (&kept, &other)] {
        point(&doomed.client, alias, &target.name).ok();
    }
    assert_eq!(doomed.client.delete(&doomed.path("")).status, 204);
    let left = aliases(&doomed.client);
    assert_eq!([left.get(&first), left.get(&second), left.get(&kept)], [None, None, Some(&json!(other.name))]);
    // Its name is free again, and so are they.
    Index::create_named(&doomed.client, &first, &schema());
}

#[test]
fn aliases_are_there_after_a_restart() {
    let mut server = Server::start();
    for name in ["one", "two"] {
        Index::create_named(&server.client(), name, &schema()).store(&json!([{"id": name, "vector": [1]}]));
    }
    point(&server.client(), "current", "one").ok();
    point(&server.client(), "current", "two").ok();
    server.kill9();
    server.restart();
    assert_eq!(aliases(&server.client()), json!({"current": "two"}));
    assert_eq!(Index::named(&server.client(), "current").found(&json!({"vector": [1]})), ["two"]);
}

#[test]
fn the_list_of_indexes_has_each_once_under_its_own_name() {
    let server = Server::shared();
    let index = index("a");
    let name = alias_name();
    point(&server.client(), &name, &index.name).ok();
    let list = server.client().get("/v1/indexes").ok();
    let names: Vec<_> = list["indexes"].as_array().expect("a list").iter().map(|index| index["name"].clone()).collect();
    assert_eq!(names.iter().filter(|listed| **listed == json!(index.name)).count(), 1);
    assert!(!names.contains(&json!(name)));
}

//! Which shards a request goes to, as the configuration says.

use annuli_tests::{Index, Launch, Server};
use serde_json::json;

/// Twenty documents on three shards.
fn index(server: &Server) -> Index {
    let index = Index::create_named(&server.client(), "polled", &json!({"dim": 1, "metric": "euclidean", "shards": 3}));
    let document = |n| json!({"id": format!("{n}"), "vector": [n]});
    index.store(&json!((0..20).map(document).collect::<Vec<_>>()));
    index
}

/// A server with polling set by a configuration file.
fn server(polling: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("annuli.toml");
    std::fs::write(&file, format!("[polling]\n{polling}\n")).expect("written");
    let server = Launch::new().argument("--config").argument(&file.display().to_string()).start();
    (folder, server)
}

#[test]
fn a_search_goes_to_all_shards_and_documents_to_their_owners() {
    let server = Server::start();
    let index = index(&server);
    assert_eq!(index.search(&json!({"vector": [0], "limit": 20})).shards.total, 3);
    assert_eq!(index.documents().len(), 20, "each document is on one shard");
    assert!(index.seqs().iter().all(|&seq| seq > 0), "and every shard has some");
}

#[test]
fn a_search_that_goes_to_any_shard_asks_one_after_the_other() {
    let (_folder, server) = server(r#""/search" = "ANY""#);
    let index = index(&server);
    let mut found = Vec::new();
    for _ in 0..3 {
        let reply = index.search(&json!({"vector": [0], "limit": 20}));
        assert_eq!((reply.shards.total, reply.shards.successful, reply.shards.seqs.len()), (1, 1, 1));
        found.extend(reply.results[0].hits.iter().map(|hit| hit.id.clone()));
    }
    found.sort_by_key(|id| id.parse::<u32>().expect("a number"));
    assert_eq!(found, (0..20).map(|n| format!("{n}")).collect::<Vec<_>>(), "three turns see each document once");
    assert_eq!(index.count(), 20, "what is not named goes to all");
}

#[test]
fn the_star_stands_for_what_is_not_named() {
    let (_folder, server) = server("\"*\" = \"ANY\"\n\"/count\" = \"ALL\"");
    let index = index(&server);
    assert_eq!(index.count(), 20);
    assert!(index.documents().len() < 20, "a listing asks one shard");
    assert_eq!(index.search(&json!({"vector": [0]})).shards.total, 3, "the default names a search");
}

#[test]
fn documents_cannot_be_sent_to_all_shards() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("annuli.toml");
    std::fs::write(&file, "[polling]\n\"/index\" = \"ALL\"\n").expect("written");
    let ended = Launch::new().argument("--config").argument(&file.display().to_string()).refused();
    assert!(!ended.status.success());
    let says = "it can only be ANY: every shard would hold a copy of each document";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}

//! Who is who: an index, a shard's history and a copy of either are never taken for one another, whatever their names
//! and folders are.

use crate::dump::cli::Dumps;
use crate::dump::task;
use annuli_api::ErrorCode;
use annuli_tests::index::percent_encoded;
use annuli_tests::{Answer, Index, Launch, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

fn schema() -> Value {
    json!({"dim": 2, "metric": "euclidean", "shards": 2})
}

fn documents(prefix: &str) -> Value {
    (0..20).map(|n| json!({"id": format!("{prefix}{n}"), "vector": [n, 1], "metadata": {"n": n}})).collect()
}

fn filled(server: &Server, name: &str) -> Index {
    let index = Index::create_named(&server.client(), name, &schema());
    index.store(&documents("d"));
    index
}

#[track_caller]
fn token(answer: Answer) -> String {
    answer.ok()["as_of"].as_str().expect("a token").to_owned()
}

/// A token that names every shard.
#[track_caller]
fn current_token(index: &Index) -> String {
    token(index.post("count", &json!({})))
}

/// Every read that takes a token.
fn reads(index: &Index, after: &str) -> [Answer; 5] {
    [
        index.post("search", &json!({"vector": [1, 1], "after": after})),
        index.post("search", &json!({"id": "d1", "after": after})),
        index.post("count", &json!({"after": after})),
        index.post("documents", &json!({"ids": ["d1", "d2", "d3", "d4"], "after": after})),
        index.client.get(&index.path(&format!("/documents?after={}", percent_encoded(after)))),
    ]
}

#[track_caller]
fn check_taken(index: &Index, after: &str) {
    for answer in reads(index, after) {
        answer.ok();
    }
}

#[track_caller]
fn check_stale(index: &Index, after: &str, says: &str) {
    for answer in reads(index, after) {
        answer.refused(ErrorCode::StaleToken, says);
    }
}

#[test]
fn an_index_created_again_has_nothing_of_the_old_one() {
    let mut server = Server::start();
    let old = filled(&server, "again");
    let (old_info, old_token) = (old.info(), current_token(&old));
    old.client.put("/v1/aliases/second", &json!({"index": "again"})).ok();
    let alias_token = current_token(&Index::named(&old.client, "second"));
    old.client.delete(&old.path("")).ok();
    let new = Index::create_named(&old.client, "again", &schema());
    for _ in 0..2 {
        let new = Index::named(&server.client(), "again");
        let info = new.info();
        assert_ne!(info["uuid"], old_info["uuid"]);
        assert_eq!((&info["documents"], &info["aliases"]), (&json!(0), &json!([])));
        assert_eq!((new.seqs(), new.documents()), (vec![0, 0], vec![]));
        assert_eq!(new.found(&json!({"vector": [1, 1], "exact": true})), Vec::<String>::new());
        // The next look is after a restart.
        server.kill9();
        server.restart();
    }
    drop(new);
    let new = Index::named(&server.client(), "again");
    new.store(&documents("d"));
    check_stale(&new, &old_token, "the index of this name now has");
    new.client.put("/v1/aliases/second", &json!({"index": "again"})).ok();
    check_stale(&Index::named(&new.client, "second"), &alias_token, "the index of this name now has");
    check_taken(&new, &current_token(&new));
}

#[test]
fn an_alias_that_is_switched_does_not_carry_tokens_over() {
    let server = Server::start();
    let [blue, green] = ["blue", "green"].map(|name| filled(&server, name));
    let alias = Index::named(&server.client(), "live");
    alias.client.put("/v1/aliases/live", &json!({"index": "blue"})).ok();
    let of_blue = current_token(&alias);
    check_taken(&blue, &of_blue);
    alias.client.put("/v1/aliases/live", &json!({"index": "green"})).ok();
    check_stale(&alias, &of_blue, "the index of this name now has");
    check_taken(&green, &current_token(&alias));
    check_taken(&blue, &of_blue);
}

#[test]
fn tokens_survive_restarts() {
    let mut server = Server::start();
    let first = current_token(&filled(&server, "kept"));
    let mut tokens = vec![first];
    for round in 0..4 {
        if round % 2 == 0 {
            server.kill9();
        } else {
            assert!(server.sigterm().success());
        }
        server.restart();
        let index = Index::named(&server.client(), "kept");
        tokens.iter().for_each(|token| check_taken(&index, token));
        tokens.push(token(index.post("delete", &json!({"ids": [format!("d{}", 10 + round)]}))));
    }
}

#[test]
fn a_restored_index_refuses_the_tokens_of_its_original() {
    let mut server = Server::start();
    let original = filled(&server, "same");
    let old = current_token(&original);
    let dump = task::dump(&original);
    let restored = tempfile::tempdir().unwrap();
    Dumps(server.workspace()).restore(&dump, restored.path(), "same", None).json();
    let second = Launch::new().over(restored.path()).start();
    let copy = Index::named(&second.client(), "same");
    assert_eq!(copy.count(), original.count());
    check_stale(&copy, &old, "the index of this name now has");
    check_taken(&copy, &current_token(&copy));

    // In place: the index is dropped, and restored under its own name.
    original.client.delete(&original.path("")).ok();
    assert!(server.sigterm().success());
    Dumps(server.workspace()).restore(&dump, server.workspace(), "same", None).json();
    server.restart();
    let again = Index::named(&server.client(), "same");
    assert_eq!(again.count(), 20);
    check_stale(&again, &old, "the index of this name now has");
    check_stale(&again, &current_token(&copy), "the index of this name now has");
}

#[test]
fn a_token_of_writes_that_an_older_copy_of_the_workspace_lacks_is_stale() {
    let mut server = Server::start();
    let before = current_token(&filled(&server, "older"));
    assert!(server.sigterm().success());
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    copy_folder(server.workspace(), &copy);
    server.restart();
    let index = Index::named(&server.client(), "older");
    // Every shard gets something.
    let ahead = token(index.post("index", &json!({"documents": documents("new")})));
    check_taken(&index, &ahead);

    let back = Launch::new().over(&copy).start();
    let index = Index::named(&back.client(), "older");
    assert_eq!(index.count(), 20);
    check_taken(&index, &before);
    check_stale(&index, &ahead, "later writes were lost");
}

#[test]
fn shards_in_each_others_folders_make_their_index_unavailable() {
    let mut server = Server::start();
    let (mixed, sound) = (filled(&server, "mixed"), filled(&server, "sound"));
    let uuid = mixed.info()["uuid"].as_str().unwrap().to_owned();
    let root = server.workspace().to_owned();
    assert!(server.sigterm().success());
    let exchange = || swap(&root.join("mixed/0/db"), &root.join("mixed/1/db"));
    exchange();
    server.restart();
    let says = format!("holds shard 1 of the index {uuid}, shard 0 of {uuid} belongs there");
    check_unavailable(&server, "mixed", &says);
    assert_eq!(Index::named(&server.client(), "sound").count(), 20, "the others serve");

    assert!(server.sigterm().success());
    exchange();
    server.restart();
    assert_eq!(Index::named(&server.client(), "mixed").count(), 20, "nothing was lost by it");
    drop((mixed, sound));
}

#[test]
fn stores_in_each_others_indexes_make_both_unavailable() {
    let mut server = Server::start();
    let uuids = ["one", "two"].map(|name| filled(&server, name).info()["uuid"].as_str().unwrap().to_owned());
    let root = server.workspace().to_owned();
    assert!(server.sigterm().success());
    swap(&root.join("one/1"), &root.join("two/1"));
    server.restart();
    let [one, two] = uuids;
    check_unavailable(&server, "one", &format!("holds shard 1 of the index {two}, shard 1 of {one} belongs there"));
    check_unavailable(&server, "two", &format!("holds shard 1 of the index {one}, shard 1 of {two} belongs there"));
    let client = server.client();
    assert_eq!(client.get("/readyz").status, 200, "they do not keep the process from serving");
    // A name that cannot be served is not free, and its data is not touched by asking for it.
    client.put("/v1/indexes/one", &schema()).refused(ErrorCode::IndexUnavailable, "`one` does not open");

    assert!(server.sigterm().success());
    swap(&root.join("one/1"), &root.join("two/1"));
    server.restart();
    for name in ["one", "two"] {
        assert_eq!(Index::named(&server.client(), name).count(), 20, "nothing was lost by it");
    }
}

#[test]
fn an_index_in_a_folder_of_another_name_is_unavailable() {
    let mut server = Server::start();
    filled(&server, "original");
    let root = server.workspace().to_owned();
    assert!(server.sigterm().success());
    copy_folder(&root.join("original"), &root.join("copied"));
    server.restart();
    check_unavailable(&server, "copied", "is of the index `original`: an index lives in the folder of its name");
    assert_eq!(Index::named(&server.client(), "original").count(), 20);
}

#[track_caller]
fn check_unavailable(server: &Server, name: &str, says: &str) {
    let index = Index::named(&server.client(), name);
    let answers = [
        index.post("search", &json!({"vector": [1, 1]})),
        index.post("index", &json!({"documents": documents("d")})),
        index.post("count", &json!({})),
        index.post("dumps", &json!({})),
        index.client.get(&index.path("")),
        index.client.get(&index.path("/documents")),
    ];
    for answer in answers {
        answer.refused(ErrorCode::IndexUnavailable, says);
    }
    let list = index.client.get("/v1/indexes").ok();
    let unavailable = list["unavailable"].as_array().expect("an index cannot be served");
    let named = unavailable.iter().find(|failure| failure["details"]["index"] == name);
    assert!(named.is_some_and(|failure| failure["message"].as_str().unwrap().contains(says)), "{list}");
}

fn swap(one: &Path, other: &Path) {
    let aside = one.with_extension("aside");
    fs::rename(one, &aside).unwrap();
    fs::rename(other, one).unwrap();
    fs::rename(&aside, other).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// A read by id looks into the store, a search into the view that is published a moment after the store has changed:
/// a client that goes from one to the other must not be told that its token is of a lost write.
#[test]
fn a_token_is_taken_at_once_whoever_gave_it() {
    let server = Server::start();
    let index = filled(&server, "racing");
    let batch: Vec<_> = (0..10_000).map(|n| json!({"id": format!("e{n}"), "vector": [n, 2]})).collect();
    let body = json!({"documents": batch});
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..20).for_each(|_| drop(index.post("index", &body).ok())));
        while !writer.is_finished() {
            let after = token(index.post("documents", &json!({"ids": ["d1", "d2", "d3", "d4"]})));
            index.post("count", &json!({"after": after})).ok();
        }
    });
}

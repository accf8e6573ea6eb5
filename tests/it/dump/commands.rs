//! Listing, showing, checking and deleting dumps, over HTTP and on the command line: both say the same.

use super::cli::{Dumps, annuli};
use super::task;
use annuli_api::ErrorCode;
use annuli_tests::store_files::flip_bit;
use annuli_tests::{Index, Server};
use serde_json::{Value, json};

struct Scene {
    server: Server,
    index: Index,
    other: Index,
    dumps: [String; 2],
}

/// A server with two indexes, and two dumps of the first.
fn scene() -> Scene {
    let server = Server::start();
    let client = server.client();
    let schema = json!({"dim": 2, "metric": "euclidean", "shards": 2});
    let index = Index::create_named(&client, "dumped", &schema);
    let other = Index::create_named(&client, "other", &schema);
    index.store(&json!([{"id": "a", "vector": [1, 2]}, {"id": "nginx", "vector": [3, 4]}]));
    let first = task::dump(&index);
    index.store(&json!([{"id": "b", "vector": [5, 6]}]));
    let second = task::dump(&index);
    Scene { server, index, other, dumps: [first, second] }
}

fn ids(list: &Value) -> Vec<&str> {
    list["dumps"].as_array().unwrap().iter().map(|dump| dump["dump"].as_str().unwrap()).collect()
}

impl Scene {
    fn dumps(&self) -> Dumps<'_> {
        Dumps(self.server.workspace())
    }

    fn over_http(&self, rest: &str) -> annuli_tests::Answer {
        self.index.client.get(&self.index.path(&format!("/dumps{rest}")))
    }
}

#[test]
fn dumps_are_listed_from_old_to_new() {
    let scene = scene();
    let list = scene.over_http("").ok();
    assert_eq!(ids(&list), scene.dumps);
    let uuid = &scene.index.info()["uuid"];
    for (dump, documents) in list["dumps"].as_array().unwrap().iter().zip([2, 3]) {
        assert_eq!((&dump["index"], &dump["index_uuid"]), (&json!("dumped"), uuid));
        assert_eq!((&dump["documents"], &dump["shards"]), (&json!(documents), &json!(2)));
        assert_eq!(scene.over_http(&format!("/{}", dump["dump"].as_str().unwrap())).ok(), *dump);
    }
    let listed = scene.dumps().call("list", &[]).json();
    assert_eq!(listed, json!({"dumps": list["dumps"], "unusable": []}));
    assert_eq!(scene.dumps().call("list", &["--index", "dumped"]).json()["dumps"], list["dumps"]);
    assert_eq!(scene.dumps().call("list", &["--index", "other"]).json()["dumps"], json!([]));
}

#[test]
fn a_dump_shows_what_it_holds() {
    let scene = scene();
    let manifest = scene.dumps().call("inspect", &[&scene.dumps[1]]).json();
    assert_eq!((&manifest["dump_id"], &manifest["index"]), (&json!(scene.dumps[1]), &json!("dumped")));
    let shards = manifest["shards"].as_array().unwrap();
    let seqs: Vec<_> = shards.iter().map(|shard| shard["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, scene.index.seqs(), "nothing was written since");
    let workspace = scene.server.workspace().to_str().unwrap();
    let text = annuli(&["dump", "inspect", &scene.dumps[1], "--workspace", workspace]).text();
    for shown in [&scene.dumps[1], "dumped", "euclidean"] {
        assert!(text.contains(shown), "{text}");
    }
}

#[test]
fn a_dump_is_taken_by_the_command_line_too() {
    let scene = scene();
    let url = format!("http://{}", scene.server.address());
    let task = annuli(&["dump", "create", "dumped", "--url", &url, "--output", "json"]).json();
    let dump = task["result"]["dump"].as_str().expect("the id of a dump").to_owned();
    assert_eq!(ids(&scene.over_http("").ok()), [scene.dumps.as_slice(), std::slice::from_ref(&dump)].concat());
    assert_eq!(scene.dumps().call("verify", &[&dump]).json()["sound"], true);
}

#[test]
fn a_deleted_dump_is_gone_everywhere() {
    let scene = scene();
    let [first, second] = &scene.dumps;
    let answer = scene.index.client.delete(&scene.index.path(&format!("/dumps/{first}")));
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(ids(&scene.dumps().call("list", &[]).json()), [second]);
    scene.over_http(&format!("/{first}")).refused(ErrorCode::DumpNotFound, first);
    scene.index.client.delete(&scene.index.path(&format!("/dumps/{first}"))).refused(ErrorCode::DumpNotFound, first);

    scene.dumps().call("delete", &[second, "--yes"]).text();
    assert_eq!(scene.over_http("").ok(), json!({"dumps": []}));
    let into = tempfile::tempdir().unwrap();
    for verb in ["verify", "inspect"] {
        scene.dumps().call(verb, &[second]).refused(second);
    }
    scene.dumps().call("delete", &[second, "--yes"]).refused(second);
    scene.dumps().restore(second, into.path(), "again", None).refused(second);
}

#[test]
fn a_dump_is_not_deleted_unless_somebody_says_yes() {
    let scene = scene();
    // Nobody sits at the terminal of a test.
    scene.dumps().call("delete", &[&scene.dumps[0]]).refused("--yes");
    assert_eq!(ids(&scene.over_http("").ok()), scene.dumps);
}

#[test]
fn a_dump_of_one_index_is_none_of_another() {
    let scene = scene();
    let client = &scene.other.client;
    let path = scene.other.path(&format!("/dumps/{}", scene.dumps[0]));
    client.get(&path).refused(ErrorCode::DumpNotFound, &scene.dumps[0]);
    client.delete(&path).refused(ErrorCode::DumpNotFound, &scene.dumps[0]);
    client.get(&scene.other.path("/dumps/no-uuid")).refused(ErrorCode::DumpNotFound, "no-uuid");
    assert_eq!(client.get(&scene.other.path("/dumps")).ok(), json!({"dumps": []}));
    assert_eq!(ids(&scene.over_http("").ok()), scene.dumps);
}

#[test]
fn a_dump_without_a_sound_manifest_is_listed_as_unusable_only() {
    let scene = scene();
    let uuid = scene.index.info()["uuid"].as_str().unwrap().to_owned();
    let manifest = scene.server.workspace().join(".dumps").join(&uuid).join(&scene.dumps[0]).join("manifest.json");
    flip_bit(&manifest, 50);
    assert_eq!(ids(&scene.over_http("").ok()), [&scene.dumps[1]]);
    let listed = scene.dumps().call("list", &[]).json();
    assert_eq!(ids(&listed), [&scene.dumps[1]]);
    let unusable = listed["unusable"].as_array().unwrap();
    assert_eq!((unusable.len(), &unusable[0]["dump"]), (1, &json!(scene.dumps[0])));
    assert!(unusable[0]["reason"].as_str().unwrap().contains("damaged"), "{unusable:?}");
    scene.over_http(&format!("/{}", scene.dumps[0])).refused(ErrorCode::DumpNotFound, &scene.dumps[0]);
}

/// Dumps belong to an index's identity, not to its name.
#[test]
fn an_index_created_again_has_no_dumps_of_the_old_one() {
    let scene = scene();
    scene.index.client.delete(&scene.index.path("")).ok();
    let again = Index::create_named(&scene.index.client, "dumped", &json!({"dim": 2, "metric": "euclidean"}));
    assert_eq!(scene.over_http("").ok(), json!({"dumps": []}));
    let path = again.path(&format!("/dumps/{}", scene.dumps[0]));
    again.client.delete(&path).refused(ErrorCode::DumpNotFound, &scene.dumps[0]);
    assert_eq!(ids(&scene.dumps().call("list", &[]).json()), scene.dumps, "the store still has them");
}

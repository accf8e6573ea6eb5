//! Dumps in buckets of real S3 servers, by the real program.

use super::cli::{Called, annuli_with};
use super::task;
use annuli_tests::{Index, Launch, Server};
use annuli_tests_s3::S3Server;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Where the dumps of a test are.
struct Place {
    server: Arc<S3Server>,
    name: String,
    endpoint: String,
}

impl Place {
    fn on(server: Arc<S3Server>) -> Self {
        let (name, endpoint) = (server.new_place(), server.endpoint());
        Self { server, name, endpoint }
    }

    /// A server that keeps its dumps there.
    fn launch(&self) -> Launch {
        let arguments = ["--dumps", &self.name, "--dumps-endpoint", &self.endpoint];
        let launch = arguments.iter().fold(Launch::new(), |launch, argument| launch.argument(argument));
        self.server.variables().iter().fold(launch, |launch, (name, value)| launch.variable(name, value))
    }

    /// `annuli dump VERB … --dumps PLACE --output json`
    fn call(&self, verb: &str, arguments: &[&str]) -> Called {
        self.call_with(verb, arguments, &self.server.variables())
    }

    fn call_with(&self, verb: &str, arguments: &[&str], variables: &[(String, String)]) -> Called {
        let place = ["--dumps", &self.name, "--dumps-endpoint", &self.endpoint, "--output", "json"];
        annuli_with(&[&["dump", verb], arguments, &place].concat(), variables)
    }
}

fn filled(server: &Server) -> Index {
    let index = Index::create_named(&server.client(), "kept", &json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    let document = |number: u32| json!({"id": format!("d{number}"), "vector": [number, 1], "metadata": {"n": number}});
    index.store(&(0..300).map(document).collect());
    index
}

/// Every document, without the seq that it has on its shard.
fn contents(index: &Index) -> Vec<Value> {
    let without_seq = |mut document: Value| {
        document.as_object_mut().unwrap().remove("seq");
        document
    };
    index.documents().into_iter().map(without_seq).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of these tests is text")
}

fn check_round_trip(server: Arc<S3Server>) {
    let place = Place::on(server);
    let source = place.launch().start();
    let index = filled(&source);
    let dump = task::dump(&index);
    let listed = place.call("list", &[]).json();
    assert_eq!(listed["dumps"], index.client.get(&index.path("/dumps")).ok()["dumps"]);
    assert_eq!(listed["dumps"][0]["dump"], json!(dump));
    assert_eq!(place.call("verify", &[&dump]).json()["sound"], true);
    assert_eq!(place.call("inspect", &[&dump]).json()["dump_id"], json!(dump));

    for (name, shards) in [("same", "2"), ("spread", "3")] {
        let into = tempfile::tempdir().unwrap();
        let arguments = [&dump, "--workspace", text(into.path()), "--index", name, "--shards", shards];
        assert_eq!(place.call("restore", &arguments).json()["documents"], 300);
        let restored = Launch::new().over(into.path()).start();
        let restored = contents(&Index::named(&restored.client(), name));
        assert_eq!(restored, contents(&index), "on {shards} shards");
    }

    place.call("delete", &[&dump, "--yes"]).text();
    assert_eq!(place.call("list", &[]).json(), json!({"dumps": [], "unusable": []}));
}

#[test]
fn a_dump_in_a_bucket_is_listed_verified_and_restored() {
    check_round_trip(S3Server::moto());
    check_round_trip(S3Server::rclone());
}

#[test]
fn a_workspace_without_a_server_is_dumped_into_a_bucket() {
    let place = Place::on(S3Server::rclone());
    let source = Server::start();
    filled(&source);
    let workspace = source.workspace().to_owned();
    let launch = source.launch().clone();
    drop(source);
    let created = place.call("create", &["kept", "--workspace", text(&workspace)]).json();
    assert_eq!(place.call("verify", &[created["dump"].as_str().unwrap()]).json()["sound"], true);
    drop(launch);
}

/// What is wrong with a place shows when it is first asked, and says what to do; the secret is never repeated.
#[test]
fn credentials_that_are_wrong_are_said_to_be() {
    let place = Place::on(S3Server::rclone());
    let mut variables = place.server.variables();
    variables.push(("AWS_SECRET_ACCESS_KEY".to_owned(), "another-secret".to_owned()));
    let called = place.call_with("list", &[], &variables);
    called.refused(
        "the credentials are not valid (SignatureDoesNotMatch): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
    );
    assert!(!format!("{called:?}").contains("another-secret"), "{called:?}");
}

#[test]
fn a_place_that_is_none_is_refused_before_anything_is_started() {
    let ended = Launch::new().argument("--dumps").argument("gs://dumps").refused();
    assert!(
        ended.stderr.contains("dumps = \"gs://dumps\" from flag --dumps: `gs://` is no place of dumps"),
        "{ended:?}"
    );
    let ended = Launch::new().argument("--dumps").argument("s3://key:secret@dumps").refused();
    assert!(ended.stderr.contains("a place in a bucket holds no credentials"), "{ended:?}");
    assert!(!ended.stderr.contains("secret@"), "{ended:?}");
    let public = ["--dumps", "s3://dumps", "--dumps-endpoint", "http://s3.example"];
    let ended = public.iter().fold(Launch::new(), |launch, argument| launch.argument(argument)).refused();
    assert!(ended.stderr.contains("would be asked without TLS: use https://, or set AWS_ALLOW_HTTP=true"), "{ended:?}");
}

//! API keys: who is let in where, and how keys are replaced.

use annuli_api::ErrorCode;
use annuli_tests::program::program;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::wait::wait_for;
use annuli_tests::{Client, Index, Launch, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const READ: &str = "key-of-the-reader-0001";
const WRITE: &str = "key-of-the-writer-0002";
const ADMIN: &str = "key-of-the-admin-00003";

/// `printf %s key-of-the-admin-00003 | sha256sum`
const ADMIN_SHA256: &str = "961098de117ffeb231ab1c5b7034a4d893188ddcd35f59b505df929ca845d96e";

const ROLES: [(&str, &str); 3] = [("read", READ), ("write", WRITE), ("admin", ADMIN)];

/// A file of keys.
struct KeyFile {
    _folder: TempDir,
    path: PathBuf,
}

impl KeyFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = Self { path: folder.path().join("keys.toml"), _folder: folder };
        file.write(&format!(
            "[[keys]]\nname = \"reader\"\nrole = \"read\"\nkey = \"{READ}\"\n\
             [[keys]]\nname = \"writer\"\nrole = \"write\"\nkey = \"{WRITE}\"\n\
             [[keys]]\nname = \"root\"\nrole = \"admin\"\nsha256 = \"{ADMIN_SHA256}\"\n"
        ));
        file
    }

    /// In one piece, as a careful hand replaces a file.
    fn write(&self, text: &str) {
        let beside = self.path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &self.path).unwrap();
    }

    fn launch(&self) -> Launch {
        Launch::new().argument("--api-keys").argument(self.path.to_str().unwrap())
    }
}

/// A path of the OpenAPI document with something in each pair of braces that is not there.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{word}" => "pause".to_owned(),
        "{file}" => "page.js".to_owned(),
        part if part.starts_with('{') => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The status of a request without a body.
fn status(server: &Server, method: &str, path: &str, key: Option<&str>) -> u16 {
    let header = key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
    RawConnection::open(server.address()).request(&method.to_uppercase(), path, &header, "").answer().status
}

/// Every operation of the document with every role, without a key, and with one that is none.
#[test]
fn every_route_asks_for_the_role_that_the_document_says() {
    let keys = KeyFile::new();
    let server = keys.launch().start();
    let document = server.client().get("/openapi.json").ok();
    let (mut guarded, mut open) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let address = filled(path);
            let status = |key| status(&server, method, &address, key);
            let Some(needed) = operation["x-role"].as_str() else {
                assert_eq!(operation["security"], json!([]), "{method} {path}");
                open.push(path.as_str());
                assert!(![401, 403].contains(&status(None)), "{method} {path}");
                continue;
            };
            assert_eq!(operation["security"], json!([{"key": [needed]}]), "{method} {path}");
            guarded += 1;
            assert_eq!(status(None), 401, "{method} {path} without a key");
            assert_eq!(status(Some("key-of-nobody-at-all")), 401, "{method} {path} with a key of nobody");
            let needed = ROLES.iter().position(|(role, _)| *role == needed).unwrap();
            for (has, (role, key)) in ROLES.iter().enumerate() {
                let got = status(Some(key));
                if has >= needed {
                    assert!(![401, 403].contains(&got), "{method} {path} as {role}: {got}");
                } else {
                    assert_eq!(got, 403, "{method} {path} as {role}");
                }
            }
        }
    }
    assert!(guarded > 25, "{guarded}");
    assert_eq!(open, ["/docs", "/docs/{file}", "/healthz", "/livez", "/openapi.json", "/readyz"]);
    // Not of the API, and the same for everybody: it asks for a key itself.
    assert_eq!(status(&server, "get", "/console/", None), 200);
}

#[test]
fn a_refusal_says_what_is_needed() {
    let keys = KeyFile::new();
    let server = keys.launch().start();
    let schema = json!({"dim": 1, "metric": "euclidean"});
    let refused = server.client().put("/v1/indexes/faces", &schema);
    refused.refused(ErrorCode::Unauthenticated, "authorization: Bearer KEY");
    let refused = server.client().with_key(WRITE).put("/v1/indexes/faces", &schema);
    refused.refused(ErrorCode::Forbidden, "key `writer` has the role write, this needs admin");
    assert_eq!(refused.json["error"]["details"], json!({"key": "writer", "needs": "admin", "has": "write"}));
    let mut connection = RawConnection::open(server.address()).send("GET /v1/indexes HTTP/1.0\r\n\r\n");
    let said = connection.until_closed().to_ascii_lowercase();
    assert!(said.contains("www-authenticate: bearer realm=\"annuli\""), "{said}");
}

#[test]
fn a_stranger_is_refused_before_the_body_is_read() {
    let keys = KeyFile::new();
    let server = keys.launch().start();
    // A body of a gigabyte is announced, and nothing of it is sent.
    let head = "POST /v1/indexes/faces/index HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                content-length: 1000000000\r\n\r\n";
    let answer = RawConnection::open(server.address()).send(head).answer();
    answer.refused(ErrorCode::Unauthenticated, "asks for a key");
}

#[test]
fn keys_are_replaced_without_a_restart_and_a_broken_file_changes_nothing() {
    let keys = KeyFile::new();
    let server = keys.launch().start();
    let with = |key: &str| server.client().with_key(key).get("/v1/indexes").status;
    assert_eq!((with(READ), with("key-of-a-new-reader")), (200, 401));

    keys.write("[[keys]]\nname = \"reader\"\nrole = \"read\"\nkey = \"key-of-a-new-reader\"\n");
    wait_for("the new key to open", || (with("key-of-a-new-reader") == 200).then_some(()));
    assert_eq!((with(READ), with(ADMIN)), (401, 401));

    keys.write("[[keys]]\nname = \"reader\"\nrole = \"read\"\nkey = \"key-in-a-broken-file\n");
    wait_for("a line about the broken file", || server.log().contains("the API keys stay as they were").then_some(()));
    assert_eq!(with("key-of-a-new-reader"), 200);
    assert!(!server.log().contains("key-in-a-broken-file"), "{}", server.log());

    fs::remove_file(&keys.path).unwrap();
    wait_for("a line about the lost file", || server.log().contains("cannot read API keys from").then_some(()));
    assert_eq!(with("key-of-a-new-reader"), 200);
}

#[test]
fn no_key_is_ever_logged() {
    let keys = KeyFile::new();
    let wrong = "key-of-nobody-at-all";
    let server = keys
        .launch()
        .argument("--log")
        .argument("trace")
        .variable("ANNULI_API_KEY_READ", "key-of-a-variable-04")
        .start();
    for key in [READ, WRITE, ADMIN, wrong, "key-of-a-variable-04"] {
        let client = server.client().with_key(key);
        client.get("/v1/indexes");
        client.put("/v1/indexes/faces", &json!({"dim": 1, "metric": "euclidean"}));
        client.post("/v1/indexes/faces/search", &json!({"vector": [1]}));
        client.get(&format!("/v1/indexes/{}", "x".repeat(70)));
    }
    let log = server.log();
    assert!(log.contains("request"), "{log}");
    for secret in [READ, WRITE, ADMIN, wrong, "key-of-a-variable-04"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn metrics_are_open_where_the_operator_says_so() {
    let keys = KeyFile::new();
    assert_eq!(keys.launch().start().client().get("/metrics").status, 401);
    let server = keys.launch().argument("--metrics-open").start();
    assert_eq!(server.client().get("/metrics").status, 200);
    assert_eq!(server.client().get("/v1/indexes").status, 401);
}

#[test]
fn a_public_address_is_taken_with_keys_alone() {
    let ended = Launch::new().listening_on("0.0.0.0:0").refused();
    assert_eq!(ended.status.code(), Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains("Name a file of keys with --api-keys"), "{}", ended.stderr);
    let keys = KeyFile::new();
    let server = keys.launch().listening_on("0.0.0.0:0").start();
    assert_eq!(server.client().get("/v1/indexes").status, 401);
    let ended = Launch::new().argument("--api-keys").argument("/nowhere/keys.toml").refused();
    assert!(ended.stderr.contains("cannot read API keys from `/nowhere/keys.toml`"), "{}", ended.stderr);
}

#[test]
fn the_command_line_shows_a_key() {
    let keys = KeyFile::new();
    let server = keys.launch().start();
    let client: Client = server.client().with_key(ADMIN);
    Index::create_named(&client, "faces", &json!({"dim": 1, "metric": "euclidean"}));
    let file = keys.path.with_extension("txt");
    fs::write(&file, format!("{READ}\n")).unwrap();
    let list = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Command::new(program());
        command.args(["index", "list", "--output", "json", "--url", client.url()]).args(arguments);
        command.env_remove("ANNULI_API_KEY").env_remove("ANNULI_API_KEY_FILE");
        variable.map(|key| command.env("ANNULI_API_KEY", key));
        let output = command.output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), told["indexes"][0]["name"].clone(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(list(&["--api-key-file", file.to_str().unwrap()], None).1, "faces");
    assert_eq!(list(&[], Some(READ)).1, "faces");
    let (code, _, said) = list(&[], None);
    assert_eq!(code, Some(1));
    assert!(said.contains("asks for a key"), "{said}");
}

#[test]
fn every_admin_action_is_written_down_with_who_did_it_whatever_the_log_is_asked_for() {
    for filter in ["info,audit=off", "debug"] {
        check_written_down(filter);
    }
}

#[track_caller]
fn check_written_down(filter: &str) {
    let keys = KeyFile::new();
    let file = keys.path.with_extension("audit");
    let launch = keys.launch().argument("--audit-log").argument(file.to_str().unwrap());
    let server = launch.argument("--log").argument(filter).start();
    let schema = json!({"dim": 1, "metric": "euclidean"});
    let root = server.client().with_key(ADMIN);
    Index::create_named(&root, "faces", &schema).store(&json!([{"id": "a", "vector": [1]}]));
    server.client().with_key(WRITE).delete("/v1/indexes/faces");
    server.client().put("/v1/indexes/other", &schema);
    root.put("/v1/aliases/people", &json!({"index": "nowhere"}));
    root.post("/v1/indexes/faces/dumps", &json!({})).ok();

    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["target"] == "audit"), "{text}");
    let told = |line: &Value| {
        let part = |name: &str| line[name].as_str().unwrap().to_owned();
        format!("{} {} {} {} {}", part("who"), part("method"), part("path"), part("outcome"), part("code"))
            .trim()
            .to_owned()
    };
    let told: Vec<_> = lines.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "root PUT /v1/indexes/faces done",
            "writer DELETE /v1/indexes/faces refused forbidden",
            "nobody known PUT /v1/indexes/other refused unauthenticated",
            "root PUT /v1/aliases/people failed index_not_found",
            "root POST /v1/indexes/faces/dumps begun",
        ],
        "with --log {filter}"
    );
    assert!(!text.contains("key-of-"), "{text}");
}

/// A line for each would let them fill the disk.
#[test]
fn strangers_are_counted_in_the_audit_log_and_not_written_down_one_by_one() {
    let keys = KeyFile::new();
    let file = keys.path.with_extension("audit");
    let server = keys.launch().argument("--audit-log").argument(file.to_str().unwrap()).start();
    let path = format!("/v1/indexes/{}", "x".repeat(10_000));
    for key in ["", "authorization: Bearer key-of-nobody-at-all\r\n"].into_iter().cycle().take(100) {
        let answer = RawConnection::open(server.address()).request("DELETE", &path, key, "").answer();
        assert_eq!(answer.status, 401);
    }
    let lines = || -> Vec<Value> {
        fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let told = |line: &Value| line["left_out"].as_u64().unwrap_or(1);
    wait_for("all to be told of", || (lines().iter().map(told).sum::<u64>() == 100).then_some(()));
    assert!(lines().iter().any(|line| line["left_out"].as_u64().is_some()), "{:?}", lines());
    assert_eq!(lines()[0]["path"], path[..256]);
}

/// What a command that is refused says.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ANNULI_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn check_cluster_refused(variables: &[(&str, &str)], says: &str) {
    let said = refused(&["cluster", "up", "--listen", "0.0.0.0:0"], variables);
    assert!(said.contains(says), "{said}");
}

/// They were passed over, as if there were none.
#[test]
fn a_cluster_on_a_public_address_knows_the_keys_that_its_routers_inherit() {
    let keys = KeyFile::new();
    let file = keys.path.to_str().unwrap();
    let check = check_cluster_refused;
    check(&[], "and there are no API keys");
    check(&[("ANNULI_INSECURE", "true")], "and there are no API keys");
    check(&[("ANNULI_API_KEY_ADMIN", "too-short")], "environment variable ANNULI_API_KEY_ADMIN: a key has to be 16");
    check(&[("ANNULI_API_KEYS", "/nowhere/keys.toml")], "cannot read API keys from `/nowhere/keys.toml`");
    // What is said of the port comes later.
    check(&[("ANNULI_API_KEY_ADMIN", ADMIN)], "choose a port");
    check(&[("ANNULI_API_KEYS", file)], "choose a port");
}

#[test]
fn who_has_no_clients_takes_no_flags_about_them() {
    for flag in ["--api-keys", "--audit-log", "--tls-cert", "--tls-key"] {
        let said = refused(&["indexer", "--shard", "0", "--coordination", "nowhere", flag, "file"], &[]);
        assert!(said.contains(&format!("{flag} is for routers")), "{said}");
    }
}

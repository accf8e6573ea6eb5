//! The binary: exit codes, what goes to stdout, and the commands that need no story of their own.

use crate::server::{Answer, Server, index};
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The output, which must be that of a success.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }
}

/// The binary, with nothing in its environment.
fn annuli() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annuli"));
    command.env_clear().stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    run_in(&[], arguments)
}

/// Runs a command with variables.
pub(crate) fn run_in(variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let command = &mut annuli();
    let Output { status, stdout, stderr } = command.envs(variables.iter().copied()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command against a server.
pub(crate) fn run_with(server: &Server, arguments: &[&str]) -> Run {
    run(&[&["--url", server.url.as_str()], arguments].concat())
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("69  the server cannot be reached"), "{}", help.stdout);
    assert_eq!(run(&["--version"]).done(), format!("annuli {}\n", env!("CARGO_PKG_VERSION")));

    assert_eq!(run(&["index", "shuffle"]).code, 2);

    let wrong = run(&["config", "--listen", "nonsense"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (78, ""));
    assert_eq!(wrong.stderr, "error: listen = \"nonsense\" from flag --listen: invalid socket address syntax\n");
    assert_eq!(run(&["serve", "--listen", "0.0.0.0:7700"]).code, 78);

    // Port 1 is reserved, and nobody listens there.
    let alone = run(&["--url", "http://127.0.0.1:1", "index", "list"]);
    assert_eq!(alone.code, 69, "{}", alone.stderr);
    assert!(alone.stderr.starts_with("error: no server at http://127.0.0.1:1/v1/indexes: "), "{}", alone.stderr);

    let server = Server::start(|_, _| Answer::refusal(404, "index_not_found", "there is no index `faces`"));
    let refused = run_with(&server, &["index", "info", "faces"]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "error: there is no index `faces` (index_not_found, HTTP 404)\n");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = annuli().args(["completions", "zsh"]).stdout(Stdio::piped()).spawn().unwrap();
    // Whether this comes before the child writes or after: it must end well.
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    run(&["man", folder.path().to_str().unwrap()]).done();
    for page in ["annuli.1", "annuli-serve.1", "annuli-cluster-up.1", "annuli-dump-restore.1"] {
        let page = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).done();
        assert!(script.contains("annuli") && script.contains("ef-construction"), "{shell}");
    }
}

#[test]
fn variables_reach_the_configuration_and_the_client() {
    let mut command = annuli();
    command.env("ANNULI_SHARDS", "3").env("ANNULI_OTHER", "x").args(["config", "--output", "json"]);
    let printed: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(printed["shards"], json!({"value": 3, "source": "environment variable ANNULI_SHARDS"}));
    assert_eq!(printed["listen"], json!({"value": "127.0.0.1:7700", "source": "default"}));

    let server = Server::start(|_, _| Answer::ok(&json!({"indexes": []})));
    let listed = annuli().env("ANNULI_URL", &server.url).args(["index", "list"]).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "no indexes\n");
}

#[test]
fn a_log_filter_that_cannot_be_read_is_named() {
    let wrong = run(&["--log", "annuli=loud", "index", "list"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.starts_with("error: `annuli=loud` is no filter of the log: "), "{}", wrong.stderr);
}

#[test]
fn indexes_are_listed_as_a_table_or_as_the_apis_json() {
    let server = Server::start(|_, _| Answer::ok(&json!({"indexes": [index("faces", 2), index("packages", 256)]})));
    let expected = "\
name      status  documents  dim  metric  shards  aliases
faces     ready           7    2  cosine       2  now
packages  ready           7  256  cosine       2  now
";
    assert_eq!(run_with(&server, &["index", "list"]).done(), expected);
    let listed = run_with(&server, &["index", "list", "--output", "json"]).json();
    assert_eq!(listed, json!({"indexes": [index("faces", 2), index("packages", 256)]}));
}

#[test]
fn an_index_is_described_with_its_shards() {
    let server = Server::start(|_, _| Answer::ok(&index("faces", 2)));
    let text = run_with(&server, &["index", "info", "faces"]).done();
    let lines = [
        "metric        cosine",
        "hnsw          m 16, ef_construction 200",
        "quantization  int8",
        "    0    9          7         2     3        5  merge of 4 at 75 %",
    ];
    for line in lines {
        assert!(text.lines().any(|printed| printed.trim_end() == line), "{line}\n---\n{text}");
    }
}

#[test]
fn an_index_is_created_as_the_flags_say() {
    let server = Server::start(|_, _| Answer::ok(&index("faces", 2)));
    run_with(&server, &["index", "create", "faces", "--dim", "2", "--metric", "cosine"]).done();
    let all = ["--shards", "2", "--m", "8", "--ef-construction", "50", "--quantization", "int4"];
    run_with(&server, &[&["index", "create", "faces", "--dim", "2", "--metric", "euclidean"], &all[..]].concat())
        .done();
    let bodies: Vec<Value> = server.seen().into_iter().map(|seen| seen.body).collect();
    let hnsw = json!({"m": 8, "ef_construction": 50});
    let spelled_out = json!({"dim": 2, "metric": "euclidean", "shards": 2, "hnsw": hnsw, "quantization": "int4"});
    assert_eq!(bodies, [json!({"dim": 2, "metric": "cosine"}), spelled_out]);
}

#[test]
fn an_index_is_deleted_only_after_a_yes() {
    let server = Server::start(|_, _| Answer::ok(&index("faces", 2)));
    let refused = run_with(&server, &["index", "delete", "faces"]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "error: nothing was deleted: say --yes where there is no terminal to ask on\n");
    assert_eq!(server.calls(), ["GET /v1/indexes/faces"]);
    let deleted = run_with(&server, &["index", "delete", "faces", "--yes"]).done();
    assert_eq!(deleted, "index `faces` is deleted\n");
    assert_eq!(server.calls().last().unwrap(), "DELETE /v1/indexes/faces");
}

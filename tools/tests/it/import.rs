//! `annuli import`

use crate::cli::{Run, run_with};
use crate::server::{Answer, Seen, Server, index};
use annuli_api::v1::vector::WireVector;
use annuli_core::Vector;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const WRITE: &str = "POST /v1/indexes/faces/index";

/// A folder with a matrix of that many rows: row i is (i + 1, 1).
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(rows: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let row = |row: u16| [2_i32.to_le_bytes(), (f32::from(row) + 1.0).to_le_bytes(), 1_f32.to_le_bytes()].concat();
        fs::write(folder.path().join("v.fvecs"), (0..rows).flat_map(row).collect::<Vec<u8>>()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn import(&self, server: &Server, flags: &[&str]) -> Run {
        let path = self.path("v.fvecs");
        run_with(server, &[&["import", path.to_str().unwrap(), "--index", "faces"], flags].concat())
    }
}

fn documents(seen: &Seen) -> &Vec<Value> {
    seen.body["documents"].as_array().unwrap()
}

fn stored(seen: &Seen) -> Answer {
    Answer::ok(&json!({"indexed": documents(seen).len(), "duplicates": [], "shards": {"0": 1}, "as_of": ""}))
}

/// A server that has the index and stores everything.
fn willing(dim: u64) -> Server {
    Server::start(move |seen, _| if seen.call == WRITE { stored(seen) } else { Answer::ok(&index("faces", dim)) })
}

/// Id and vector of every document that was written.
fn written(server: &Server) -> BTreeMap<String, Vec<f32>> {
    let writes = server.seen().into_iter().filter(|seen| seen.call == WRITE);
    let document = |document: &Value| {
        let vector: WireVector = serde_json::from_value(document["vector"].clone()).unwrap();
        assert!(matches!(vector, WireVector::Base64(_)), "{document}");
        let vector = Vector::try_from(vector).unwrap().as_slice().to_vec();
        (document["id"].as_str().unwrap().to_owned(), vector)
    };
    writes.flat_map(|seen| documents(&seen).iter().map(document).collect::<Vec<_>>()).collect()
}

#[test]
fn every_row_is_written_once_over_all_connections() {
    let (server, files) = (willing(2), Files::new(1000));
    let run = files.import(&server, &["--batch", "7", "--connections", "5"]);
    assert!(run.stdout.starts_with("1000 documents in "), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with(" documents/s, 0 duplicates\n"), "{}", run.stdout);
    let expected = (0..1000_u16).map(|row| (row.to_string(), vec![f32::from(row) + 1.0, 1.0])).collect();
    assert_eq!(written(&server), expected);
    let sizes: Vec<usize> =
        server.seen().iter().filter(|seen| seen.call == WRITE).map(|seen| documents(seen).len()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (143, 1000));
    assert!(sizes.iter().all(|size| *size <= 7));
}

#[test]
fn the_summary_is_json_for_programs() {
    let server = Server::start(|seen, _| {
        let reply = json!({"indexed": 2, "duplicates": ["a"], "shards": {}, "as_of": ""});
        if seen.call == WRITE { Answer::ok(&reply) } else { Answer::ok(&index("faces", 2)) }
    });
    let files = Files::new(3);
    let ids = files.write("ids.txt", "a\nb\na\n");
    let summary = files.import(&server, &["--ids", &ids, "--output", "json"]).json();
    assert_eq!((&summary["documents"], &summary["duplicates"]), (&json!(2), &json!(1)));
    assert!(summary["seconds"].as_f64().unwrap() > 0.0 && summary["documents_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_large_document_fills_a_batch_alone() {
    let (server, files) = (willing(2), Files::new(4));
    let line = format!("{{\"id\": \"x\", \"metadata\": {{\"text\": \"{}\"}}}}\n", "x".repeat(9_000_000));
    let metadata = files.write("m.jsonl", &line.repeat(4));
    files.import(&server, &["--metadata", &metadata]).done();
    let writes: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.call == WRITE).collect();
    assert_eq!(writes.iter().map(|seen| documents(seen).len()).collect::<Vec<_>>(), [1, 1, 1, 1]);
}

/// A server without the index until it is created.
fn empty() -> Server {
    Server::start(|seen, _| match seen.call.as_str() {
        WRITE => stored(seen),
        "PUT /v1/indexes/faces" => Answer::ok(&index("faces", 2)),
        _ => Answer::refusal(404, "index_not_found", "there is no index `faces`"),
    })
}

#[test]
fn a_missing_index_is_created_when_a_metric_is_named() {
    let (server, files) = (empty(), Files::new(2));
    files.import(&server, &["--metric", "cosine", "--shards", "2"]).done();
    let seen = &server.seen()[1];
    assert_eq!(seen.call, "PUT /v1/indexes/faces");
    assert_eq!(seen.body, json!({"dim": 2, "metric": "cosine", "shards": 2}));
}

#[track_caller]
fn check_nothing_written(server: &Server, run: &Run, message: &str) {
    assert_eq!((run.code, run.stderr.as_str()), (1, format!("error: {message}\n").as_str()));
    assert!(!server.calls().iter().any(|call| call.starts_with("P")), "{:?}", server.calls());
}

#[test]
fn what_does_not_fit_the_index_is_refused_before_anything_is_written() {
    let files = Files::new(2);
    let server = empty();
    let message = "there is no index `faces`: name a metric with --metric, and it is created with dimension 2";
    check_nothing_written(&server, &files.import(&server, &[]), message);
    let server = willing(3);
    let message = "the file's vectors have 2 dimensions, index `faces` has 3";
    check_nothing_written(&server, &files.import(&server, &[]), message);
    let server = willing(2);
    let message = "index `faces` has the metric cosine, not euclidean: leave out --metric, or choose another name";
    check_nothing_written(&server, &files.import(&server, &["--metric", "euclidean"]), message);
    let message = "index `faces` has 2 shards, not 3: leave out --shards, or choose another name";
    check_nothing_written(&server, &files.import(&server, &["--metric", "cosine", "--shards", "3"]), message);
}

#[test]
fn files_that_do_not_fit_each_other_are_refused_before_anybody_is_asked() {
    let (server, files) = (willing(2), Files::new(2));
    let ids = files.write("ids.txt", "a\nb\nc\n");
    let run = files.import(&server, &["--ids", &ids]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("has 3 lines") && run.stderr.contains("has 2 rows"), "{}", run.stderr);
    assert_eq!(server.seen(), []);
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|seen, before| match before {
        0 => Answer::ok(&index("faces", 2)),
        1 => Answer::refusal(429, "overloaded", "later").with_header("retry-after: 0"),
        2 => Answer::text(503, "<html>later").with_header("retry-after: 0"),
        _ => stored(seen),
    });
    let files = Files::new(2);
    files.import(&server, &["--connections", "1"]).done();
    let bodies: Vec<Value> = server.seen().into_iter().skip(1).map(|seen| seen.body).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[2]));
}

#[test]
fn a_server_that_stays_busy_is_left_alone() {
    let server = Server::start(|_, before| match before {
        0 => Answer::ok(&index("faces", 2)),
        _ => Answer::refusal(429, "overloaded", "later").with_header("retry-after: 0"),
    });
    let run = Files::new(2).import(&server, &["--connections", "1"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: rows 0 to 1: later (overloaded, HTTP 429)\n"), "{}", run.stderr);
    assert_eq!(server.seen().len(), 1 + 21);
}

#[test]
fn after_a_failure_it_is_said_what_is_certain() {
    let server = Server::start(|seen, before| match before {
        0 => Answer::ok(&index("faces", 2)),
        1 | 2 => stored(seen),
        _ => Answer::refusal(422, "invalid_metadata", "document `4` is wrong"),
    });
    let run = Files::new(9).import(&server, &["--connections", "1", "--batch", "2"]);
    let expected = "\
error: rows 4 to 5: document `4` is wrong (invalid_metadata, HTTP 422)
the import has stopped: stored for certain are rows 0 to 3 (4 of 9); rows that were on their way may be stored too. \
Running the import again is harmless: a document replaces the one of the same id
";
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (1, "", expected));
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn an_import_goes_on_where_it_stopped() {
    let files = Files::new(9);
    let checkpoint = files.path("c.json");
    let flags = ["--connections", "1", "--batch", "2", "--checkpoint", checkpoint.to_str().unwrap()];
    let server = Server::start(|seen, before| match before {
        0 => Answer::ok(&index("faces", 2)),
        1 | 2 => stored(seen),
        _ => Answer::refusal(422, "invalid_metadata", "document `4` is wrong"),
    });
    assert_eq!(files.import(&server, &flags).code, 1);
    let server = willing(2);
    let run = files.import(&server, &flags);
    assert!(run.stdout.starts_with("5 documents in "), "{}{}", run.stdout, run.stderr);
    assert_eq!(written(&server).into_keys().collect::<Vec<_>>(), ["4", "5", "6", "7", "8"]);
    assert!(files.import(&server, &flags).done().starts_with("0 documents in "));
    assert_eq!(written(&server).len(), 5, "an import that is complete sends nothing");
}

#[test]
fn a_checkpoint_of_another_import_is_refused() {
    let (server, files) = (willing(2), Files::new(3));
    let checkpoint = files.path("c.json");
    let flags = ["--checkpoint", checkpoint.to_str().unwrap()];
    files.import(&server, &flags).done();
    let longer = Files::new(4);
    let run = longer.import(&server, &flags);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("is of another import: the file had 36 bytes and 3 rows"), "{}", run.stderr);
    assert_eq!(written(&server).len(), 3);
}

#[test]
fn rows_before_the_checkpoint_are_passed_over_in_every_file() {
    let (server, files) = (willing(2), Files::new(4));
    let ids = files.write("ids.txt", "a\nb\nc\nd\n");
    let about = "\"index\": \"01890a5d-ac96-774b-bcce-b302099a8057\", \"bytes\": 48, \"rows\": 4, \"stored\": 3";
    let checkpoint = files.write("c.json", &format!("{{{about}}}"));
    files.import(&server, &["--ids", &ids, "--checkpoint", &checkpoint]).done();
    assert_eq!(written(&server), BTreeMap::from([("d".to_owned(), vec![4.0, 1.0])]));
}

#[test]
fn a_row_that_cannot_be_read_stops_an_import() {
    let (server, files) = (willing(2), Files::new(4));
    let ids = files.write("ids.txt", "a\nb\n\nd\n");
    let run = files.import(&server, &["--ids", &ids, "--connections", "1", "--batch", "2"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("line 3: a document id is empty"), "{}", run.stderr);
    assert!(!written(&server).contains_key("d"));
}

#[test]
fn without_a_server_nothing_is_imported() {
    let files = Files::new(2);
    let path = files.path("v.fvecs");
    // Port 1 is reserved, and nobody listens there.
    let run = crate::cli::run(&["--url", "http://127.0.0.1:1", "import", path.to_str().unwrap(), "--index", "faces"]);
    assert_eq!(run.code, 69, "{}", run.stderr);
}

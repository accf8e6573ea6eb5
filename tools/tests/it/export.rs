//! `annuli export`

use crate::cli::{Run, run_with};
use crate::server::{Answer, Seen, Server, index};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Documents of the server: d00 to d22.
const DOCUMENTS: usize = 23;

fn document(number: usize) -> Value {
    json!({"id": format!("d{number:02}"), "seq": 1, "vector": [number, 1.5], "metadata": {"n": number}})
}

/// The words of a call's query.
fn query(seen: &Seen) -> HashMap<String, String> {
    let query = seen.call.split_once('?').map_or("", |(_, query)| query);
    serde_urlencoded::from_str(query).unwrap()
}

fn page(seen: &Seen) -> Answer {
    let query = query(seen);
    let begin = query.get("cursor").map_or(0, |cursor| cursor[1..].parse::<usize>().unwrap() + 1);
    let end = DOCUMENTS.min(begin + query["limit"].parse::<usize>().unwrap());
    let mut reply = json!({"documents": (begin..end).map(document).collect::<Vec<_>>(), "as_of": ""});
    if end < DOCUMENTS {
        reply["next"] = json!(format!("d{:02}", end - 1));
    }
    Answer::ok(&reply)
}

/// A server that refuses the page of that number, once.
fn server(refused: usize) -> Server {
    let pages = AtomicUsize::new(0);
    Server::start(move |seen, _| match seen.call.as_str() {
        "GET /v1/indexes/faces" => Answer::ok(&index("faces", 2)),
        "POST /v1/indexes/faces/count" => Answer::ok(&json!({"count": DOCUMENTS, "as_of": ""})),
        _ if pages.fetch_add(1, Ordering::Relaxed) == refused => Answer::refusal(500, "internal", "out of luck"),
        _ => page(seen),
    })
}

fn willing() -> Server {
    server(usize::MAX)
}

fn export(server: &Server, folder: &TempDir, format: &str, flags: &[&str]) -> Run {
    let path = folder.path().join("out");
    let words = ["export", path.to_str().unwrap(), "--index", "faces", "--format", format, "--page", "3"];
    run_with(server, &[&words, flags].concat())
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join("out")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The ids, vectors and metadata that an import sends of a file.
fn imported(file: &Path) -> Vec<Value> {
    let server = Server::start(|seen, _| match seen.body["documents"].as_array() {
        Some(documents) => {
            Answer::ok(&json!({"indexed": documents.len(), "duplicates": [], "shards": {"0": 1}, "as_of": ""}))
        }
        None => Answer::ok(&index("faces", 2)),
    });
    run_with(&server, &["import", file.to_str().unwrap(), "--index", "faces", "--connections", "1"]).done();
    server.seen().into_iter().flat_map(|seen| seen.body["documents"].as_array().cloned().unwrap_or_default()).collect()
}

#[test]
fn an_import_reads_what_an_export_has_written() {
    for format in ["jsonl", "parquet"] {
        let (server, folder) = (willing(), tempfile::tempdir().unwrap());
        let told = export(&server, &folder, format, &["--part-documents", "10"]).done();
        assert!(told.starts_with("23 documents in 3 files, "), "{told}");
        let parts: Vec<_> = (0..3).map(|part| format!("part-{part:05}.{format}")).collect();
        assert_eq!(names(&folder), [&["_export.json".to_owned()], &parts[..]].concat());
        let documents: Vec<_> = parts.iter().flat_map(|part| imported(&folder.path().join("out").join(part))).collect();
        let of = |name: &str| documents.iter().map(|document| document[name].clone()).collect::<Vec<_>>();
        let expected = |name: &str| (0..DOCUMENTS).map(|number| document(number)[name].clone()).collect::<Vec<_>>();
        assert_eq!((of("id"), of("metadata")), (expected("id"), expected("metadata")));
        // (22, 1.5) as float32 in base64.
        assert_eq!(documents[22]["vector"], "AACwQQAAwD8=");
    }
}

#[test]
fn an_export_goes_on_behind_the_last_whole_file() {
    // Two parts of two pages each are whole; the refused page is the second of the third.
    let (server, folder) = (server(5), tempfile::tempdir().unwrap());
    let run = export(&server, &folder, "jsonl", &["--part-documents", "6"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, "error: out of luck (internal, HTTP 500)\n"));
    assert_eq!(names(&folder), [".part-00002.jsonl", "_export.json", "part-00000.jsonl", "part-00001.jsonl"]);
    let before = server.seen().len();
    let told = export(&server, &folder, "jsonl", &["--part-documents", "6"]).done();
    assert!(told.starts_with("23 documents in 4 files, "), "{told}");
    let lines: Vec<_> = (0..4)
        .flat_map(|part| {
            let text = fs::read_to_string(folder.path().join(format!("out/part-{part:05}.jsonl"))).unwrap();
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(lines, (0..DOCUMENTS).map(|number| document(number)["id"].clone()).collect::<Vec<_>>());
    assert_eq!(query(&server.seen()[before + 2])["cursor"], "d11");
    let all = server.seen().len();
    assert!(
        export(&server, &folder, "jsonl", &["--part-documents", "6"]).done().starts_with("23 documents in 4 files")
    );
    assert_eq!(server.seen().len(), all + 2, "no page is asked for when all are there");
}

#[test]
fn a_folder_of_another_export_is_left_alone() {
    let (server, folder) = (willing(), tempfile::tempdir().unwrap());
    export(&server, &folder, "jsonl", &[]).done();
    for flags in [&["--filter", "{\"n\": 1}"][..], &["--part-documents", "5"]] {
        let run = export(&server, &folder, "jsonl", flags);
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("holds the export of another index, or one with another"), "{}", run.stderr);
    }
}

#[test]
fn the_last_file_is_not_empty() {
    let (server, folder) = (willing(), tempfile::tempdir().unwrap());
    let told = export(&server, &folder, "parquet", &["--part-documents", "23"]).done();
    assert!(told.starts_with("23 documents in 1 files, "), "{told}");
    assert_eq!(names(&folder), ["_export.json", "part-00000.parquet"]);
}

#[test]
fn a_filter_is_sent_with_every_page() {
    let (server, folder) = (willing(), tempfile::tempdir().unwrap());
    export(&server, &folder, "jsonl", &["--filter", "{\"n\": {\"$lt\": 50}}"]).done();
    let seen = server.seen();
    assert_eq!(seen[1].body, json!({"filter": {"n": {"$lt": 50}}}));
    assert!(seen[2..].iter().all(|seen| query(seen)["filter"] == "{\"n\": {\"$lt\": 50}}"));
    let run = export(&server, &folder, "jsonl", &["--filter", "n < 50"]);
    assert!(run.stderr.starts_with("error: --filter is not the JSON that it should be: "), "{}", run.stderr);
}

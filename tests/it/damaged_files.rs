//! Files that a failing disk has changed: the index says which folder and what to do, the others serve, and nothing is
//! silently missing.

use annuli_api::ErrorCode;
use annuli_tests::store_files::{append, cut, files, flip_bit, logged_write, newest_log};
use annuli_tests::{Index, Server};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Documents of each index: enough for a table file of many blocks.
const DOCUMENTS: u64 = 300;

fn schema() -> Value {
    json!({"dim": 64, "metric": "euclidean"})
}

fn create(server: &Server, name: &str) -> Index {
    let index = Index::create_named(&server.client(), name, &schema());
    let rng = &mut StdRng::seed_from_u64(3);
    // Random, so that nothing is compressed away and every part of a file matters.
    let mut vector = || -> Vec<f32> { (0..64).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let documents: Vec<_> = (0..DOCUMENTS).map(|n| json!({"id": format!("{n:03}"), "vector": vector()})).collect();
    index.store(&json!(documents));
    index
}

/// A damage done to the folder of an index, and what the server is to say about it.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

/// Does each damage to an index of its own, and starts the server again. Everything lies in table files by then.
fn restarted_with(damages: &[Damage<'_>]) -> Server {
    let mut server = Server::start();
    create(&server, "healthy");
    for (name, ..) in damages {
        create(&server, name);
    }
    // A store writes its log out as tables when it is opened.
    server.sigterm();
    server.restart();
    server.sigterm();
    for (name, damage, _) in damages {
        damage(&server.workspace().join(name));
    }
    server.restart();
    server
}

#[track_caller]
fn check_unavailable(server: &Server, name: &str, says: &str) {
    let index = Index::named(&server.client(), name);
    for (endpoint, body) in [
        ("search", json!({"vector": vec![1; 64]})),
        ("count", json!({})),
        ("documents", json!({"ids": ["000"]})),
        ("index", json!({"documents": [{"id": "a", "vector": vec![1; 64]}]})),
    ] {
        let answer = index.post(endpoint, &body);
        answer.refused(ErrorCode::IndexUnavailable, &format!("index `{name}` does not open: "));
        answer.refused(ErrorCode::IndexUnavailable, says);
        let folder = server.workspace().join(name).display().to_string();
        answer.refused(ErrorCode::IndexUnavailable, &folder);
    }
}

#[test]
fn a_damaged_index_is_unavailable_and_the_others_serve() {
    let restore = "restore the index from its last dump";
    let tables = |folder: &Path| files(&folder.join("0/db"), ".sst").remove(0);
    let damages: [Damage<'_>; 8] = [
        ("flipped", &|folder| flip_bit(&tables(folder), 50), restore),
        ("truncated", &|folder| cut(&tables(folder), 50), restore),
        ("emptied", &|folder| cut(&tables(folder), 0), restore),
        ("missing", &|folder| fs::remove_file(tables(folder)).expect("removed"), restore),
        ("no-manifest", &|folder| fs::remove_file(folder.join("0/db/CURRENT")).expect("removed"), restore),
        ("bad-manifest", &|folder| fs::write(folder.join("0/db/CURRENT"), "MANIFEST").expect("written"), restore),
        ("no-shard", &|folder| fs::remove_dir_all(folder.join("0")).expect("removed"), restore),
        ("bad-json", &|folder| fs::write(folder.join("index.json"), "{").expect("written"), "cannot be read: "),
    ];
    let server = restarted_with(&damages);
    for (name, _, says) in damages {
        check_unavailable(&server, name, says);
    }
    let healthy = Index::named(&server.client(), "healthy");
    assert_eq!(healthy.count(), DOCUMENTS);
    healthy.store(&json!([{"id": "new", "vector": vec![9; 64]}]));
    assert_eq!(healthy.found(&json!({"vector": vec![9; 64], "limit": 1})), ["new"]);
    assert_eq!(server.client().get("/readyz").status, 200);
    let unavailable = server.client().get("/v1/indexes").ok()["unavailable"].clone();
    assert_eq!(unavailable.as_array().map(Vec::len), Some(damages.len()));
}

#[test]
fn a_damaged_index_can_be_deleted_and_made_again() {
    let server = restarted_with(&[("damaged", &|folder| flip_bit(&files(&folder.join("0/db"), ".sst")[0], 50), "")]);
    let index = Index::named(&server.client(), "damaged");
    let says = "index `damaged` does not open";
    index.client.put(&index.path(""), &schema()).refused(ErrorCode::IndexUnavailable, says);
    assert_eq!(index.client.delete(&index.path("")).status, 204);
    assert_eq!(index.client.put(&index.path(""), &schema()).status, 201);
    assert_eq!(index.count(), 0);
    index.store(&json!([{"id": "again", "vector": vec![1; 64]}]));
    assert_eq!(index.found(&json!({"vector": vec![1; 64]})), ["again"]);
}

/// Damages the write-ahead log of an index whose documents are nowhere else, each in a write of its own, and starts
/// the server again.
fn restarted_with_log(damage: impl FnOnce(&Path)) -> Server {
    let mut server = Server::start();
    let index = Index::create_named(&server.client(), "logged", &json!({"dim": 2, "metric": "euclidean"}));
    for n in 0..50 {
        index.store(&json!([{"id": format!("{n:02}"), "vector": [n, n]}]));
    }
    server.kill9();
    damage(&newest_log(&server.workspace().join("logged/0/db")));
    server.restart();
    server
}

#[test]
fn a_flipped_bit_in_the_middle_of_the_log_loses_nothing_silently() {
    let server = restarted_with_log(|log| flip_bit(log, 50));
    check_unavailable_log(&server);
}

#[track_caller]
fn check_unavailable_log(server: &Server) {
    let answer = Index::named(&server.client(), "logged").post("count", &json!({}));
    assert_eq!(answer.code(), "index_unavailable", "acknowledged writes are silently gone: {}", answer.text);
    answer.refused(ErrorCode::IndexUnavailable, "logged/0/db` is damaged: ");
}

#[test]
fn half_a_record_at_the_end_of_the_log_is_what_a_crash_leaves() {
    let record = logged_write(&[1, 0], &2_u32.to_le_bytes());
    let server = restarted_with_log(|log| append(log, &record[..record.len() / 2]));
    assert_eq!(Index::named(&server.client(), "logged").count(), 50);
}

#[test]
fn a_flipped_bit_anywhere_in_a_table_is_found_or_does_no_harm() {
    let places: Vec<(String, usize)> = (0..20).map(|n| (format!("at-{}", n * 5), n * 5)).collect();
    let flips: Vec<_> = places
        .iter()
        .map(|(_, percent)| |folder: &Path| flip_bit(&files(&folder.join("0/db"), ".sst")[0], *percent))
        .collect();
    let damages: Vec<Damage<'_>> =
        places.iter().zip(&flips).map(|((name, _), flip)| (name.as_str(), flip as &dyn Fn(&Path), "")).collect();
    let server = restarted_with(&damages);
    let whole = Index::named(&server.client(), "healthy").documents();
    let mut found = 0;
    for (name, ..) in damages {
        let index = Index::named(&server.client(), name);
        let answer = index.post("count", &json!({}));
        if answer.is_success() {
            assert_eq!(index.documents(), whole, "{name} serves something else than was stored");
        } else {
            answer.refused(ErrorCode::IndexUnavailable, "is damaged: ");
            found += 1;
        }
    }
    assert!(found >= 15, "only {found} of {} flips were found", places.len());
}

#[test]
fn a_damaged_segment_is_said_and_built_again_and_answers_stay() {
    let launch = || annuli_tests::Launch::new().variable("ANNULI_SEAL_POINTS", "50");
    let mut server = launch().start();
    let index = create(&server, "sealed");
    let built = |index: &Index| {
        annuli_tests::wait_until("an index that is built", || index.info()["status"] == "ready");
    };
    built(&index);
    let search = json!({"vector": vec![0.1; 64], "exact": true, "limit": 300, "include": ["vector"]});
    let answer = |index: &Index| index.post("search", &search).ok()["results"].clone();
    let before = answer(&index);
    for percent in [1, 30, 60, 99] {
        assert_eq!(server.sigterm().code(), Some(0));
        flip_bit(&files(&server.workspace().join("sealed/0/segments"), "")[0], percent);
        server.restart();
        let index = Index::named(&server.client(), "sealed");
        assert_eq!(answer(&index), before);
        built(&index);
        assert_eq!((answer(&index), index.count()), (before.clone(), DOCUMENTS));
        let log = server.log();
        assert!(log.contains("WARN") && log.contains("a segment cannot be used"), "{log}");
        assert!(log.contains("segments/") && log.contains("documents are read from the store"), "{log}");
    }
}

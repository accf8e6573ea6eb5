//! What a dump looks like to tools that know nothing of Annuli.

use super::task;
use annuli_tests::{Index, Server};
use serde_json::json;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

#[test]
fn an_archive_is_a_tar_under_zstd() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "plain", &json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 2]}, {"id": "nginx", "vector": [3, 4]}]));
    let dump = task::dump(&index);
    let uuid = index.info()["uuid"].as_str().unwrap().to_owned();
    let folder = server.workspace().join(".dumps").join(uuid).join(dump);

    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["manifest.json", "manifest.json.blake3", "shard-0.tar.zst", "shard-1.tar.zst"]);
    for shard in 0..2 {
        let archive = folder.join(format!("shard-{shard}.tar.zst"));
        let entries = entries(&archive);
        for wanted in ["canaries.json", "db/CURRENT", "db/MANIFEST-"] {
            assert!(
                entries.iter().any(|entry| entry.starts_with(wanted)),
                "shard {shard} has no {wanted}: {entries:?}"
            );
        }
        match entries_by_commands(&archive) {
            Some(listed) => assert_eq!(listed, entries),
            None => eprintln!("this machine has no zstd or no tar to list the archive with"),
        }
    }
}

/// The archive's entries, as crates read them that have nothing to do with Annuli.
fn entries(archive: &Path) -> Vec<String> {
    let plain = zstd::Decoder::new(File::open(archive).unwrap()).unwrap();
    let mut tar = tar::Archive::new(plain);
    let path = |entry: std::io::Result<tar::Entry<'_, _>>| entry.unwrap().path().unwrap().display().to_string();
    tar.entries().unwrap().map(path).collect()
}

/// The same, as a person would list them.
fn entries_by_commands(archive: &Path) -> Option<Vec<String>> {
    for command in ["zstd", "tar"] {
        Command::new(command).arg("--version").output().ok()?;
    }
    let pipe = format!("zstd -dc '{}' | tar -tf -", archive.display());
    let output = Command::new("sh").args(["-c", &pipe]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

//! Manifests that lie under a digest that matches.

use annuli_dump::{DumpStore, Manifest};
use annuli_dump_contract::given::{dump, dump_id, head, index_uuid, shard, small};
use serde_json::{Value, json};
use std::fs;

/// Edits the manifest of a sound dump, digests it anew, looks for the dump, and says why it is no dump any more.
#[track_caller]
fn refusal(edit: impl FnOnce(&mut Value)) -> String {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    rewrite(&store, edit);
    store.find(dump_id(1)).unwrap_err().to_string()
}

/// Edits the manifest of the first dump, and digests it anew.
fn rewrite(store: &DumpStore, edit: impl FnOnce(&mut Value)) {
    let folder = crate::first_folder(store);
    let mut manifest = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    edit(&mut manifest);
    let text = manifest.to_string();
    fs::write(folder.join("manifest.json"), &text).unwrap();
    fs::write(folder.join("manifest.json.blake3"), format!("{}\n", blake3::hash(text.as_bytes()))).unwrap();
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Value), expected: &str) {
    let found = refusal(edit);
    let prefix = "dump 01890000-0001-7000-8000-000000000000 cannot be read: ";
    assert_eq!(found.strip_prefix(prefix).unwrap_or(&found), expected);
}

#[test]
fn a_newer_version_is_named_with_ours() {
    let newer = |manifest: &mut Value| {
        manifest["format_version"] = json!(3);
        manifest["colour"] = json!("yellow");
    };
    check(newer, "the manifest has format version 3, this release reads versions 1 to 2");
}

#[test]
fn a_version_that_never_was_is_refused() {
    let old = |manifest: &mut Value| manifest["format_version"] = json!(0);
    check(old, "the manifest has format version 0, this release reads versions 1 to 2");
}

#[test]
fn unknown_fields_are_refused_at_every_level() {
    for place in ["", "/schema", "/schema/hnsw", "/shards/1", "/shards/1/entries/0"] {
        let found = refusal(|manifest| manifest.pointer_mut(place).unwrap()["colour"] = json!("yellow"));
        assert!(found.contains("the manifest is malformed: unknown field `colour`"), "{place}: {found}");
    }
}

#[test]
fn missing_fields_and_wrong_types_are_refused() {
    for (place, field) in
        [("", "shards"), ("", "format_version"), ("/schema", "hnsw"), ("/shards/0/entries/0", "blake3")]
    {
        let found = refusal(|manifest| {
            manifest.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field);
        });
        assert!(found.contains(&format!("the manifest is malformed: missing field `{field}`")), "{place}: {found}");
    }
    for value in [json!(-1), json!(1.5), json!(1e30), json!("1"), json!(null)] {
        let found = refusal(|manifest| manifest["shards"][0]["archive_bytes"] = value);
        assert!(
            found.contains("the manifest is malformed: invalid type") || found.contains("invalid value"),
            "{found}"
        );
    }
}

#[test]
fn every_shard_stands_in_it_once() {
    let twice = |manifest: &mut Value| manifest["shards"][1] = manifest["shards"][0].clone();
    check(twice, "the manifest lists shard 0 in place of shard 1: each shard stands in it once");
    let beyond = |manifest: &mut Value| {
        manifest["shards"][1]["shard"] = json!(2);
        manifest["shards"][1]["archive"] = json!("shard-2.tar.zst");
    };
    check(beyond, "the manifest lists shard 2 in place of shard 1: each shard stands in it once");
    let missing = |manifest: &mut Value| drop(manifest["shards"].as_array_mut().unwrap().pop());
    check(missing, "the manifest lists 1 shards, its schema says 2");
    let fewer = |manifest: &mut Value| manifest["schema"]["shards"] = json!(1);
    check(fewer, "the manifest lists 2 shards, its schema says 1");
    let none = |manifest: &mut Value| manifest["schema"]["shards"] = json!(0);
    check(none, "the manifest's `schema` is wrong: an index cannot have 0 shards: it needs 1 to 256");
}

#[test]
fn an_archive_has_its_shards_name_and_no_path() {
    for name in ["../shard-0.tar.zst", "/etc/passwd", "shard-1.tar.zst", "shard-00.tar.zst", "./shard-0.tar.zst", ""] {
        check(
            |manifest| manifest["shards"][0]["archive"] = json!(name),
            &format!("the manifest calls the archive of shard 0 {name:?}, its name is `shard-0.tar.zst`"),
        );
    }
}

#[test]
fn an_entry_cannot_leave_its_folder() {
    for path in ["/etc/passwd", "../x", "db/../../x", "db/./x", "", "a/b/c/d", "db\\x"] {
        check(
            |manifest| manifest["shards"][1]["entries"][0]["path"] = json!(path),
            &format!(
                "the manifest's shard 1 is wrong: {path:?} cannot be the path of an entry: it needs 1 to 3 components \
                 of letters, digits, `.`, `_` or `-`, none of them `.` or `..`, in at most 100 bytes"
            ),
        );
    }
}

#[test]
fn an_archive_that_cannot_be_is_refused() {
    let double = |manifest: &mut Value| manifest["shards"][1]["entries"][1]["path"] = json!("db/CURRENT");
    check(double, "the manifest's archive of shard 1 is wrong: entry `db/CURRENT` occurs twice");
    let offset = |manifest: &mut Value| manifest["shards"][1]["entries"][0]["frame_offset"] = json!(1);
    check(
        offset,
        "the manifest's archive of shard 1 is wrong: the frame of entry `db/CURRENT` is said to start at byte 1, the \
         one before ends at 0",
    );
    let huge = |manifest: &mut Value| manifest["shards"][1]["entries"][0]["bytes"] = json!(u64::MAX);
    check(
        huge,
        "the manifest's archive of shard 1 is wrong: entry `db/CURRENT` has 18446744073709551615 bytes, the limit is \
         1099511627776",
    );
    let bomb = |manifest: &mut Value| manifest["shards"][1]["entries"][0]["bytes"] = json!(1_u64 << 39);
    assert!(refusal(bomb).contains("more than 1000 for one"));
}

#[test]
fn ids_and_digests_have_one_spelling() {
    let upper = |manifest: &mut Value, place: &str| {
        let value = manifest.pointer_mut(place).unwrap();
        *value = json!(value.as_str().unwrap().to_uppercase().replace('0', "A"));
    };
    check(
        |manifest| upper(manifest, "/index_uuid"),
        "the manifest's `index_uuid` is no UUID in lower case with hyphens",
    );
    check(
        |manifest| upper(manifest, "/shards/0/history"),
        "the manifest's `history` is no UUID in lower case with hyphens",
    );
    check(
        |manifest| upper(manifest, "/shards/1/archive_blake3"),
        "the manifest's `archive_blake3` of shard 1 is no blake3 in lower-case hex",
    );
    check(
        |manifest| upper(manifest, "/shards/1/entries/2/blake3"),
        "the manifest's `blake3` of shard 1 is no blake3 in lower-case hex",
    );
    check(
        |manifest| manifest["dump_id"] = json!("f47ac10b-58cc-4372-a567-0e02b2c3d479"),
        "the manifest's `dump_id` is wrong: \"f47ac10b-58cc-4372-a567-0e02b2c3d479\" cannot name a dump: a dump id is a \
         UUID of version 7, in lower case with hyphens",
    );
    check(
        |manifest| manifest["created_at"] = json!("yesterday"),
        "the manifest's `created_at` is wrong: \"yesterday\" is not a time as RFC 3339 writes it, like \
         2026-01-31T12:00:00Z",
    );
    assert!(refusal(|manifest| manifest["index"] = json!("../x")).contains("`../x` cannot name an index"));
}

#[test]
fn a_manifest_in_another_dumps_folder_is_refused() {
    check(
        |manifest| manifest["dump_id"] = json!(dump_id(2).to_string()),
        "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 has the manifest of \
         dump 01890000-0002-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001",
    );
    check(
        |manifest| manifest["index_uuid"] = json!(index_uuid(2).to_string()),
        "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 has the manifest of \
         dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000002",
    );
}

#[test]
fn shards_are_put_in_order() {
    let (record, _) = small();
    let shards = vec![shard(2, record.archive.clone()), shard(0, record.archive.clone()), shard(1, record.archive)];
    let manifest = Manifest::new(head(index_uuid(1), dump_id(1), 3), shards).unwrap();
    assert_eq!(manifest.shards().iter().map(|record| record.shard.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(manifest.documents(), 51);
}

/// Its stored form has no quantization, and every index of it was of 8-bit codes.
#[test]
fn a_manifest_of_version_1_is_read() {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path());
    let mut wanted = dump(&store, index_uuid(1), dump_id(1)).head().clone();
    rewrite(&store, |manifest| {
        manifest["format_version"] = json!(1);
        manifest["schema"].as_object_mut().unwrap().remove("quantization");
    });
    wanted.schema.quantization = "int8".to_owned();
    assert_eq!(store.find(dump_id(1)).unwrap().manifest().head(), &wanted);
}

/// The stored form, to the letter: a change to it is a new version.
#[test]
fn a_manifest_looks_like_this() {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path());
    let manifest = dump(&store, index_uuid(1), dump_id(1));
    let text = fs::read_to_string(crate::first_folder(&store).join("manifest.json")).unwrap();
    let start = r#"{
  "format_version": 2,
  "dump_id": "01890000-0001-7000-8000-000000000000",
  "index": "faces",
  "index_uuid": "00000000-0000-0000-0000-000000000001",
  "created_at": "2026-01-31T12:00:00Z",
  "schema": {
    "dim": 128,
    "metric": "cosine",
    "shards": 2,
    "hnsw": {
      "m": 16,
      "ef_construction": 200
    },
    "quantization": "int4"
  },
  "shards": [
    {
      "shard": 0,
      "history": "00000000-0000-0000-0000-000000000064",
      "seq": 41,
      "documents": 17,
      "archive": "shard-0.tar.zst",
      "archive_bytes": "#;
    assert!(text.starts_with(start), "{text}");
    let read: Value = serde_json::from_str(&text).unwrap();
    let entry = &manifest.shards()[1].archive.entries()[2];
    let expected = json!({
        "path": "segments/0/ids",
        "bytes": 512,
        "blake3": blake3::hash(&[7; 512]).to_hex().as_str(),
        "frame_offset": entry.frame.offset,
        "frame_bytes": entry.frame.bytes,
    });
    assert_eq!(read["shards"][1]["entries"][2], expected);
}

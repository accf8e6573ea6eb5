//! The folder of dumps, as it looks on the disk, and as a crash or a bad disk leaves it.

use annuli_core::id::ShardId;
use annuli_dump::{DumpState, DumpStore, Manifest, PendingDump, verify_dump};
use annuli_dump_contract::Subject;
use annuli_dump_contract::given::{dump, dump_id, head, index_uuid, shard, small, write};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::TempDir;

mod contract {
    use super::{DumpStore, Subject};

    annuli_dump_contract::hold!(|| {
        let root = tempfile::tempdir().unwrap();
        Subject::with(DumpStore::in_folder(root.path().join("not/there/yet")), root)
    });
}

fn place() -> (TempDir, DumpStore) {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path());
    (root, store)
}

/// Where the n-th dump of the first index is.
fn folder(root: &TempDir, number: u8) -> PathBuf {
    root.path().join(index_uuid(1).to_string()).join(dump_id(number).to_string())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|row| row.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_files_of_a_dump_have_the_names_that_are_documented() {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    let committed = ["manifest.json", "manifest.json.blake3", "shard-0.tar.zst", "shard-1.tar.zst"];
    assert_eq!(names(&folder(&root, 1)), committed);
    store.begin(index_uuid(1), dump_id(2)).unwrap();
    store.put_record(index_uuid(1), dump_id(2), &small().0).unwrap();
    assert_eq!(names(&folder(&root, 2)), ["shard-0.json", "shard-0.json.blake3"]);
}

#[test]
fn reading_an_absent_folder_does_not_make_it() {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path().join("nowhere"));
    assert!(store.list().unwrap().is_empty());
    assert!(store.find(dump_id(1)).is_err());
    assert!(store.delete(index_uuid(1), dump_id(1)).is_err());
    assert!(!root.path().join("nowhere").exists());
}

fn state(state: &DumpState) -> String {
    match state {
        DumpState::Complete(summary) => format!("{}, {} documents", summary.head.index, summary.documents),
        DumpState::Incomplete => "incomplete".to_owned(),
        DumpState::Damaged(error) => error.to_string(),
    }
}

#[test]
fn damage_is_named_in_a_listing_and_what_is_no_dump_is_left_out() {
    let (root, store) = place();
    for number in 2..=4 {
        dump(&store, index_uuid(1), dump_id(number));
    }
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    fs::remove_file(folder(&root, 3).join("manifest.json.blake3")).unwrap();
    fs::write(folder(&root, 4).join("manifest.json.blake3"), "0".repeat(64) + "\n").unwrap();
    // Nothing of this is a dump.
    fs::create_dir_all(root.path().join("lost+found/01890000-0009-7000-8000-000000000000")).unwrap();
    fs::create_dir_all(root.path().join(index_uuid(1).to_string()).join("notes")).unwrap();
    fs::write(folder(&root, 9), "a file").unwrap();
    fs::write(root.path().join(index_uuid(7).to_string()), "a file").unwrap();

    let listed: Vec<_> = store.list().unwrap().iter().map(|row| (row.dump, state(&row.state))).collect();
    let digest =
        "dump 01890000-0003-7000-8000-000000000000 is damaged: it has a manifest and no `manifest.json.blake3`";
    let other = "dump 01890000-0004-7000-8000-000000000000 is damaged: its manifest does not have the digest in \
                 `manifest.json.blake3`";
    let expected = [(1, "incomplete"), (2, "faces, 34 documents"), (3, digest), (4, other)];
    assert_eq!(listed, expected.map(|(dump, text)| (dump_id(dump), text.to_owned())));
}

#[test]
fn a_dump_without_a_manifest_does_not_exist() {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    fs::remove_file(folder(&root, 1).join("manifest.json")).unwrap();
    let text = "dump 01890000-0001-7000-8000-000000000000 is incomplete: it has no manifest";
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), text);
    // Whoever made it may not make it again under the same id.
    let error = store.begin(index_uuid(1), dump_id(1)).unwrap_err();
    let text = "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 exists already: \
                a dump needs a new id";
    assert_eq!(error.to_string(), text);
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert!(!folder(&root, 1).exists());
}

#[test]
fn a_manifest_or_a_record_that_is_too_long_is_not_read() {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    store.put_record(index_uuid(1), dump_id(1), &small().0).unwrap();
    for name in ["manifest.json", "shard-0.json"] {
        fs::File::options().write(true).open(folder(&root, 1).join(name)).unwrap().set_len(1 << 40).unwrap();
    }
    let text = "dump 01890000-0001-7000-8000-000000000000 is damaged: its manifest has more than 67108864 bytes";
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), text);
    let text = "`shard-0.json` of dump 01890000-0001-7000-8000-000000000000 has more than 67108864 bytes";
    assert_eq!(store.record(index_uuid(1), dump_id(1), ShardId(0)).unwrap_err().to_string(), text);
}

#[test]
fn an_archive_in_the_making_has_another_name_and_leaves_none() {
    let (root, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let create = || store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
    let (mut one, two) = (create(), create());
    one.write_all(b"half an archive").unwrap();
    assert_eq!(names(&folder(&root, 1)), ["shard-0.tar.zst.part-0", "shard-0.tar.zst.part-1"]);
    drop(one);
    two.publish().unwrap();
    assert_eq!(names(&folder(&root, 1)), ["shard-0.tar.zst"]);
}

#[test]
fn of_many_that_publish_the_same_archive_at_once_one_does() {
    let (root, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let publish = |number: u8| {
        let mut archive = store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
        archive.write_all(&[number]).unwrap();
        archive.publish().is_ok().then_some(number)
    };
    let published: Vec<u8> = thread::scope(|scope| {
        let publish = &publish;
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || publish(number))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(published.len(), 1);
    assert_eq!(fs::read(folder(&root, 1).join("shard-0.tar.zst")).unwrap(), published);
}

/// What this release makes of the records of its dumps is read by the next.
#[test]
fn a_record_is_stored_as_it_always_was() {
    let (root, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    let record = small().0;
    store.put_record(index_uuid(1), dump_id(1), &record).unwrap();
    let json = fs::read_to_string(folder(&root, 1).join("shard-0.json")).unwrap();
    let (before, entries) = json.split_once("\"entries\": [").unwrap();
    let expected = format!(
        r#"{{
  "format_version": 1,
  "dump_id": "01890000-0001-7000-8000-000000000000",
  "index_uuid": "00000000-0000-0000-0000-000000000001",
  "record": {{
    "shard": 0,
    "history": "00000000-0000-0000-0000-000000000064",
    "seq": 41,
    "documents": 17,
    "archive": "shard-0.tar.zst",
    "archive_bytes": {},
    "archive_blake3": "{}",
    "#,
        record.archive.bytes(),
        record.archive.blake3()
    );
    assert_eq!(before, expected);
    assert!(
        entries.trim_start().starts_with("{\n        \"path\": \"db/CURRENT\",\n        \"bytes\": 16,"),
        "{entries}"
    );
}

/// The text of `shard-0.json` after a change by somebody who writes a digest for it.
#[track_caller]
fn check_record(change: impl FnOnce(String) -> String, expected: &str) {
    let (root, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    store.put_record(index_uuid(1), dump_id(1), &small().0).unwrap();
    let path = folder(&root, 1).join("shard-0.json");
    let json = change(fs::read_to_string(&path).unwrap());
    fs::write(folder(&root, 1).join("shard-0.json.blake3"), format!("{}\n", blake3::hash(json.as_bytes()))).unwrap();
    fs::write(&path, json).unwrap();
    let error = store.record(index_uuid(1), dump_id(1), ShardId(0)).unwrap_err().to_string();
    assert_eq!(error.replace(&dump_id(1).to_string(), "…"), expected);
}

#[test]
fn a_record_that_is_not_one_of_ours_is_refused() {
    check_record(
        |json| json.replace("\"format_version\": 1", "\"format_version\": 2, \"new\": 3"),
        "`shard-0.json` of dump … has format version 2, this release reads version 1",
    );
    check_record(
        |json| json.replace("\"dump_id\"", "\"dump\""),
        "`shard-0.json` of dump … is malformed: unknown field `dump`, expected one of `format_version`, `dump_id`, \
         `index_uuid`, `record` at line 3 column 8",
    );
    let other = "`shard-0.json` of dump … is that of another shard or dump";
    check_record(|json| json.replace("01890000-0001", "01890000-0002"), other);
    check_record(|json| json.replace("000000000001\"", "000000000002\""), other);
    check_record(|json| json.replace("\"shard\": 0", "\"shard\": 1").replace("shard-0.tar", "shard-1.tar"), other);
    check_record(
        |json| json.replace("\"documents\": 17", "\"documents\": -1"),
        "`shard-0.json` of dump … is malformed: invalid value: integer `-1`, expected u64 at line 9 column 19",
    );
    check_record(
        |json| json.replace("db/CURRENT", "../CURRENT"),
        "`shard-0.json` of dump … says what no manifest may: the manifest's shard 0 is wrong: \"../CURRENT\" \
         cannot be the path of an entry: it needs 1 to 3 components of letters, digits, `.`, `_` or `-`, none of them `.` \
         or `..`, in at most 100 bytes",
    );
}

#[test]
fn a_record_whose_digest_is_wrong_or_gone_is_damaged() {
    let (root, store) = place();
    store.begin(index_uuid(1), dump_id(1)).unwrap();
    store.put_record(index_uuid(1), dump_id(1), &small().0).unwrap();
    let digest = folder(&root, 1).join("shard-0.json.blake3");
    let text = "`shard-0.json` of dump 01890000-0001-7000-8000-000000000000 is damaged: it does not have the digest in \
                `shard-0.json.blake3`";
    fs::write(&digest, "0".repeat(64) + "\n").unwrap();
    assert_eq!(store.record(index_uuid(1), dump_id(1), ShardId(0)).unwrap_err().to_string(), text);
    fs::remove_file(&digest).unwrap();
    assert_eq!(store.record(index_uuid(1), dump_id(1), ShardId(0)).unwrap_err().to_string(), text);
}

#[test]
fn a_dump_is_not_committed_with_a_manifest_of_another() {
    let (_root, store) = place();
    let text =
        "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 cannot be committed";
    let (record, bytes) = small();
    for (index, number) in [(2, 1), (1, 2)] {
        let pending = PendingDump::begin(&store, index_uuid(1), dump_id(1)).unwrap();
        write(pending.create_archive(ShardId(0)).unwrap(), &bytes);
        let head = head(index_uuid(index), dump_id(number), 1);
        let manifest = Manifest::new(head, vec![shard(0, record.archive.clone())]).unwrap();
        let error = pending.commit(&manifest).unwrap_err();
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(store.list().unwrap().is_empty());
    }
}

/// A crash between the digest and the manifest.
#[test]
fn a_commit_that_was_cut_off_can_be_finished() {
    let (root, store) = place();
    let manifest = dump(&store, index_uuid(1), dump_id(1));
    fs::remove_file(folder(&root, 1).join("manifest.json")).unwrap();
    fs::write(folder(&root, 1).join("manifest.json.part-0"), "{").unwrap();
    assert!(store.find(dump_id(1)).is_err());
    store.commit(&manifest).unwrap();
    assert_eq!(*store.find(dump_id(1)).unwrap().manifest(), manifest);
}

/// A crash right after the manifest's name was taken away.
#[test]
fn a_deletion_that_was_cut_off_can_be_finished() {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    fs::rename(folder(&root, 1).join("manifest.json"), folder(&root, 1).join("manifest.json.deleted")).unwrap();
    assert_eq!(state(&store.list().unwrap()[0].state), "incomplete");
    store.delete(index_uuid(1), dump_id(1)).unwrap();
    assert!(store.list().unwrap().is_empty());
}

/// Whatever stops a deletion at its first step leaves the dump whole, never without some of its archives.
#[test]
fn a_dump_whose_manifest_cannot_be_taken_away_stays_whole() {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    fs::create_dir_all(folder(&root, 1).join("manifest.json.deleted/in the way")).unwrap();
    let error = store.delete(index_uuid(1), dump_id(1)).unwrap_err().to_string();
    assert!(error.starts_with("cannot rename"), "{error}");
    verify_dump(&store.find(dump_id(1)).unwrap(), &mut |_| {}).unwrap();
}

#[track_caller]
fn check_damaged(damage: impl FnOnce(&Path), expected: &str) {
    let (root, store) = place();
    dump(&store, index_uuid(1), dump_id(1));
    let archive = folder(&root, 1).join("shard-1.tar.zst");
    damage(&archive);
    let error = verify_dump(&store.find(dump_id(1)).unwrap(), &mut |_| {}).unwrap_err().to_string();
    let text = error.strip_prefix("dump 01890000-0001-7000-8000-000000000000 ");
    assert_eq!(text.unwrap_or(&error).replace(archive.to_str().unwrap(), "…"), expected);
}

#[test]
fn verifying_a_dump_names_the_archive_that_is_wrong() {
    check_damaged(|archive| fs::remove_file(archive).unwrap(), "is damaged: its archive `shard-1.tar.zst` is missing");
    check_damaged(
        |archive| fs::write(archive, "short").unwrap(),
        "is damaged: entry `db/CURRENT` of archive `shard-1.tar.zst` is refused: the archive ends 99 bytes before its \
         frame does",
    );
    let folder = |archive: &Path| {
        fs::remove_file(archive).unwrap();
        fs::create_dir(archive).unwrap();
    };
    check_damaged(folder, "cannot be verified: cannot open `…`: it is not a regular file");
}

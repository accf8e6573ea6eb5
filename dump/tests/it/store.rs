//! The folder of dumps.

use crate::sample::{dump, dump_id, head, index_uuid, shard, small};
use annuli_core::id::ShardId;
use annuli_dump::{DumpState, LocalStore, Manifest, PendingDump, read_canaries, read_entry, verify_dump};
use std::fs;
use std::io::Write;
use std::path::Path;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|row| row.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_committed_dump_is_found_and_sound() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path().join("not/there/yet"));
    let manifest = dump(&store, index_uuid(1), dump_id(1));
    let stored = store.find(dump_id(1)).unwrap();
    assert_eq!(*stored.manifest(), manifest);
    assert_eq!(names(stored.folder()), ["manifest.json", "manifest.json.blake3", "shard-0.tar.zst", "shard-1.tar.zst"]);
    let mut read = 0;
    verify_dump(&stored, &mut |bytes| read += bytes).unwrap();
    assert_eq!(read, manifest.archive_bytes());

    let record = manifest.shard(ShardId(1)).unwrap();
    let mut archive = stored.open_archive(ShardId(1)).unwrap();
    let canaries = read_entry(record, &crate::sample::path("canaries.json"), &mut archive, 1000).unwrap();
    assert_eq!(read_canaries(&mut &canaries[..]).unwrap(), []);
}

#[test]
fn an_absent_root_holds_no_dumps() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path().join("nowhere"));
    assert!(store.list().unwrap().is_empty());
    let absent = format!("the store `{}` has no dump {}", store.root().display(), dump_id(1));
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), absent);
    assert_eq!(store.delete(dump_id(1)).unwrap_err().to_string(), absent);
    assert!(!store.root().exists());
}

fn state(state: &DumpState) -> String {
    match state {
        DumpState::Complete(summary) => format!("{}, {} documents", summary.head.index, summary.documents),
        DumpState::Incomplete => "incomplete".to_owned(),
        DumpState::Damaged(error) => error.to_string(),
    }
}

#[test]
fn dumps_of_all_indexes_are_listed_from_old_to_new_and_damage_is_named() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    for (index, number) in [(2, 5), (1, 4), (2, 3), (1, 2)] {
        dump(&store, index_uuid(index), dump_id(number));
    }
    let pending = store.begin(index_uuid(1), dump_id(1)).unwrap();
    fs::remove_file(store.find(dump_id(3)).unwrap().folder().join("manifest.json.blake3")).unwrap();
    fs::write(store.find(dump_id(4)).unwrap().folder().join("manifest.json.blake3"), "0".repeat(64) + "\n").unwrap();
    // Nothing of this is a dump.
    fs::create_dir_all(root.path().join("lost+found/01890000-0009-7000-8000-000000000000")).unwrap();
    fs::create_dir_all(root.path().join(index_uuid(1).to_string()).join("notes")).unwrap();
    fs::write(root.path().join(index_uuid(1).to_string()).join(dump_id(9).to_string()), "a file").unwrap();
    fs::write(root.path().join(index_uuid(7).to_string()), "a file").unwrap();

    let listed: Vec<_> = store.list().unwrap().iter().map(|row| (row.index, row.dump, state(&row.state))).collect();
    let digest =
        "dump 01890000-0003-7000-8000-000000000000 is damaged: it has a manifest and no `manifest.json.blake3`";
    let other = "dump 01890000-0004-7000-8000-000000000000 is damaged: its manifest does not have the digest in \
                 `manifest.json.blake3`";
    let expected = [
        (1, 1, "incomplete"),
        (1, 2, "faces, 34 documents"),
        (2, 3, digest),
        (1, 4, other),
        (2, 5, "faces, 34 documents"),
    ];
    assert_eq!(listed, expected.map(|(index, dump, text)| (index_uuid(index), dump_id(dump), text.to_owned())));
    drop(pending);
}

#[test]
fn a_dump_without_a_manifest_does_not_exist() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let folder = store.find(dump_id(1)).unwrap().folder().to_owned();
    fs::remove_file(folder.join("manifest.json")).unwrap();
    let text = "dump 01890000-0001-7000-8000-000000000000 is incomplete: it has no manifest";
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), text);
    // Whoever made it may not make it again under the same id.
    let error = store.begin(index_uuid(1), dump_id(1)).unwrap_err();
    let text = "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 exists already: \
                a dump needs a new id";
    assert_eq!(error.to_string(), text);
    store.delete(dump_id(1)).unwrap();
    assert!(!folder.exists());
}

#[test]
fn a_manifest_that_is_too_long_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let manifest = store.find(dump_id(1)).unwrap().folder().join("manifest.json");
    fs::File::options().write(true).open(manifest).unwrap().set_len(1 << 40).unwrap();
    let text = "dump 01890000-0001-7000-8000-000000000000 is damaged: its manifest has more than 67108864 bytes";
    assert_eq!(store.find(dump_id(1)).unwrap_err().to_string(), text);
}

#[test]
fn a_dropped_dump_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    let pending = store.begin(index_uuid(1), dump_id(1)).unwrap();
    pending.create_archive(ShardId(0)).unwrap().write_all(b"half an archive").unwrap();
    drop(pending);
    assert!(store.list().unwrap().is_empty());
    assert_eq!(names(&root.path().join(index_uuid(1).to_string())), [] as [&str; 0]);
}

#[test]
fn a_begun_dump_is_refused_a_second_time() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    let pending = store.begin(index_uuid(1), dump_id(1)).unwrap();
    pending.create_archive(ShardId(0)).unwrap();
    assert!(store.begin(index_uuid(1), dump_id(1)).is_err());
    // The refusal has not harmed the first one.
    assert_eq!(names(&root.path().join(index_uuid(1).to_string()).join(dump_id(1).to_string())), ["shard-0.tar.zst"]);
    assert!(pending.create_archive(ShardId(0)).unwrap_err().to_string().ends_with("File exists (os error 17)"));
}

/// A dump of one shard, begun by one process and written by another.
fn pending(store: &LocalStore) -> (PendingDump, Manifest) {
    let pending = store.begin(index_uuid(1), dump_id(1)).unwrap();
    let (record, bytes) = small();
    let mut archive = store.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
    archive.write_all(&bytes).unwrap();
    let manifest = Manifest::new(head(index_uuid(1), dump_id(1), 1), vec![record]).unwrap();
    (pending, manifest)
}

#[test]
fn an_archive_may_come_from_another_process() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    let (pending, manifest) = pending(&store);
    pending.commit(&manifest).unwrap();
    verify_dump(&store.find(dump_id(1)).unwrap(), &mut |_| {}).unwrap();
}

#[track_caller]
fn check_not_committed(pending: PendingDump, manifest: &Manifest, store: &LocalStore, expected: &str) {
    let error = pending.commit(manifest).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn a_dump_is_not_committed_with_a_manifest_of_another() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    let text =
        "dump 01890000-0001-7000-8000-000000000000 of index 00000000-0000-0000-0000-000000000001 cannot be committed";
    let archive = small().0.archive;
    for (index, dump) in [(2, 1), (1, 2)] {
        let (pending, _) = pending(&store);
        let head = head(index_uuid(index), dump_id(dump), 1);
        let manifest = Manifest::new(head, vec![shard(0, archive.clone())]).unwrap();
        check_not_committed(pending, &manifest, &store, text);
    }
}

#[test]
fn a_dump_is_not_committed_without_its_archives() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    let (missing, manifest) = pending(&store);
    let archive = root.path().join(index_uuid(1).to_string()).join(dump_id(1).to_string()).join("shard-0.tar.zst");
    fs::remove_file(&archive).unwrap();
    check_not_committed(missing, &manifest, &store, "shard-0.tar.zst`: No such file or directory");
    let (short, manifest) = pending(&store);
    fs::write(&archive, "short").unwrap();
    let recorded = manifest.archive_bytes();
    let text = format!("archive `shard-0.tar.zst` of dump {} has 5 bytes, {recorded} are recorded", dump_id(1));
    check_not_committed(short, &manifest, &store, &text);
}

#[test]
fn a_deleted_dump_is_gone_and_its_neighbours_stay() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    dump(&store, index_uuid(1), dump_id(2));
    store.delete(dump_id(1)).unwrap();
    assert!(store.find(dump_id(1)).is_err());
    assert_eq!(store.list().unwrap().iter().map(|row| row.dump).collect::<Vec<_>>(), [dump_id(2)]);
    verify_dump(&store.find(dump_id(2)).unwrap(), &mut |_| {}).unwrap();
}

/// A crash right after the manifest's name was taken away.
#[test]
fn a_deletion_that_was_cut_off_can_be_finished() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let folder = store.find(dump_id(1)).unwrap().folder().to_owned();
    fs::rename(folder.join("manifest.json"), folder.join("manifest.json.deleted")).unwrap();
    assert_eq!(state(&store.list().unwrap()[0].state), "incomplete");
    store.delete(dump_id(1)).unwrap();
    assert!(store.list().unwrap().is_empty());
}

/// Whatever stops a deletion at its first step leaves the dump whole, never without some of its archives.
#[test]
fn a_dump_whose_manifest_cannot_be_taken_away_stays_whole() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let stored = store.find(dump_id(1)).unwrap();
    fs::create_dir_all(stored.folder().join("manifest.json.deleted/in the way")).unwrap();
    let error = store.delete(dump_id(1)).unwrap_err().to_string();
    assert!(error.starts_with("cannot rename"), "{error}");
    verify_dump(&store.find(dump_id(1)).unwrap(), &mut |_| {}).unwrap();
}

#[track_caller]
fn check_damaged(damage: impl FnOnce(&Path), expected: &str) {
    let root = tempfile::tempdir().unwrap();
    let store = LocalStore::new(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let stored = store.find(dump_id(1)).unwrap();
    let archive = stored.folder().join("shard-1.tar.zst");
    damage(&archive);
    let error = verify_dump(&stored, &mut |_| {}).unwrap_err().to_string();
    let text = error.strip_prefix("dump 01890000-0001-7000-8000-000000000000 is damaged: ");
    assert_eq!(text.unwrap_or(&error).replace(archive.to_str().unwrap(), "…"), expected);
}

#[test]
fn verifying_a_dump_names_the_archive_that_is_wrong() {
    check_damaged(
        |archive| fs::remove_file(archive).unwrap(),
        "cannot open `…`: No such file or directory (os error 2)",
    );
    check_damaged(
        |archive| fs::write(archive, "short").unwrap(),
        "entry `db/CURRENT` of archive `shard-1.tar.zst` is refused: the archive ends 99 bytes before its frame does",
    );
    let folder = |archive: &Path| {
        fs::remove_file(archive).unwrap();
        fs::create_dir(archive).unwrap();
    };
    check_damaged(folder, "cannot open `…`: it is not a regular file");
}

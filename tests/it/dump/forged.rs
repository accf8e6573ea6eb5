//! Dumps whose every digest is right, and which are not what their manifest says: made by a defect, or by somebody with
//! our own tools.

use super::cli::Dumps;
use super::damage::{Dumped, check_not_restored, dumped};
use annuli_core::{DocId, HistoryId};
use annuli_dump::{
    ArchiveWriter, Canary, CanaryHit, Compression, DumpId, DumpStore, EntryPath, Manifest, ManifestHead, PendingDump,
    ShardRecord, extract_archive, write_canaries,
};
use annuli_indexer::Durability;
use annuli_indexer::store::{SegmentsChange, Store};
use annuli_tests::store_files::{flip_bit, newest_log};
use annuli_tests::{Index, Launch};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

/// One shard of a dump, unpacked.
struct Part {
    folder: TempDir,
    record: ShardRecord,
}

impl Part {
    fn db(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    /// The file of its first segment.
    fn segment(&self) -> PathBuf {
        let path = paths(self.folder.path()).into_iter().find(|path| path.starts_with("segments/"));
        self.folder.path().join(path.expect("a shard with segments"))
    }
}

fn unpacked(store: &DumpStore, dump: &str) -> (ManifestHead, Vec<Part>) {
    let dump = store.find(DumpId::parse(dump).unwrap()).unwrap();
    let unpack = |record: &ShardRecord| {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = dump.open_archive(record.shard).unwrap();
        extract_archive(record, &mut archive, folder.path(), &mut |_| {}).unwrap();
        Part { folder, record: record.clone() }
    };
    (dump.manifest().head().clone(), dump.manifest().shards().iter().map(unpack).collect())
}

/// Packs the parts as a dump of its own, and returns its id.
fn packed(store: &DumpStore, head: ManifestHead, parts: Vec<Part>) -> String {
    let head = ManifestHead { dump: DumpId::new(Uuid::now_v7()).unwrap(), ..head };
    let pending = PendingDump::begin(store, head.index_uuid, head.dump).unwrap();
    let pack = |part: Part| {
        let file = pending.create_archive(part.record.shard).unwrap();
        let mut archive = ArchiveWriter::new(file, Compression { level: 1, threads: 1 }).unwrap();
        for path in paths(part.folder.path()) {
            let mut content = File::open(part.folder.path().join(&path)).unwrap();
            let bytes = content.metadata().unwrap().len();
            archive.append(&EntryPath::new(&path).unwrap(), bytes, &mut content).unwrap();
        }
        let (archive, file) = archive.finish().unwrap();
        file.publish().unwrap();
        ShardRecord { archive, ..part.record }
    };
    let records = parts.into_iter().map(pack).collect();
    let manifest = Manifest::new(head, records).unwrap();
    pending.commit(&manifest).unwrap();
    manifest.head().dump.to_string()
}

fn paths(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            paths.extend(paths_below(&entry.path(), &name));
        } else {
            paths.push(name);
        }
    }
    paths.sort();
    paths
}

fn paths_below(folder: &Path, name: &str) -> Vec<String> {
    paths(folder).into_iter().map(|path| format!("{name}/{path}")).collect()
}

/// A dump of which every file is sound.
fn forge(dumped: &Dumped, change: impl FnOnce(&mut Vec<Part>)) -> String {
    let store = DumpStore::in_folder(dumped.server.workspace().join(".dumps"));
    let (head, mut parts) = unpacked(&store, &dumped.dumps[0]);
    change(&mut parts);
    let forged = packed(&store, head, parts);
    assert_eq!(Dumps(dumped.server.workspace()).call("verify", &[&forged]).json()["sound"], true);
    forged
}

#[track_caller]
fn check_refused(dumped: &Dumped, says: &str, change: impl FnOnce(&mut Vec<Part>)) {
    let forged = forge(dumped, change);
    check_not_restored(dumped.server.workspace(), &forged, says);
}

#[test]
fn a_dump_that_is_packed_again_is_restored() {
    let dumped = dumped();
    let forged = forge(&dumped, |_| {});
    let into = tempfile::tempdir().unwrap();
    let report = Dumps(dumped.server.workspace()).restore(&forged, into.path(), "copy", None).json();
    assert_eq!(report["documents"], 200);
}

#[test]
fn a_store_of_another_shard_index_or_history_is_refused() {
    let dumped = dumped();
    let says = "the store in the archive is not the one that the manifest names";
    check_refused(&dumped, says, |parts| {
        let (first, second) = parts.split_at_mut(1);
        std::mem::swap(&mut first[0].folder, &mut second[0].folder);
    });
    check_refused(&dumped, says, |parts| parts[1].record.history = HistoryId(Uuid::now_v7()));
    check_refused(&dumped, says, |parts| parts[1].record.seq = parts[1].record.seq.next());
    let store = DumpStore::in_folder(dumped.server.workspace().join(".dumps"));
    let (_, others) = unpacked(&store, &dumped.dumps[1]);
    check_refused(&dumped, says, |parts| {
        for (part, other) in parts.iter_mut().zip(others) {
            part.folder = other.folder;
        }
    });
}

#[test]
fn another_number_of_documents_is_refused() {
    let dumped = dumped();
    check_refused(&dumped, "documents, the manifest says ", |parts| parts[0].record.documents += 1);
}

#[test]
fn answers_that_are_not_the_originals_are_refused() {
    let dumped = dumped();
    let canary = |distance| {
        let hit = CanaryHit { id: DocId::new("7").unwrap(), distance };
        write_canaries(&[Canary { vector: vec![1e6; 4], hits: vec![hit] }]).unwrap()
    };
    let says = "canary 0 finds other documents than it did in the original";
    check_refused(&dumped, says, |parts| fs::write(parts[1].folder.path().join("canaries.json"), canary(1.0)).unwrap());
    let mut other_dim = canary(1.0);
    other_dim = String::from_utf8(other_dim).unwrap().replacen("1000000.0,", "", 1).into_bytes();
    check_refused(&dumped, "canary 0 is no query of this index", |parts| {
        fs::write(parts[0].folder.path().join("canaries.json"), &other_dim).unwrap();
    });
    check_refused(&dumped, "shard 0: ", |parts| fs::write(parts[0].folder.path().join("canaries.json"), "[]").unwrap());
}

#[test]
fn a_store_that_does_not_open_or_has_lost_its_end_is_refused() {
    let dumped = dumped();
    let says = "nothing was restored";
    check_refused(&dumped, says, |parts| flip_bit(&newest_log(&parts[0].db()), 50));
    check_refused(&dumped, says, |parts| flip_bit(&newest_log(&parts[0].db()), 99));
    check_refused(&dumped, says, |parts| fs::write(newest_log(&parts[1].db()), "").unwrap());
    check_refused(&dumped, says, |parts| fs::remove_file(parts[0].db().join("CURRENT")).unwrap());
    check_refused(&dumped, says, |parts| fs::remove_dir_all(parts[1].db()).unwrap());
}

#[test]
fn a_segment_that_is_not_the_stores_is_refused() {
    let dumped = dumped();
    let other = "it is another file than the store knows by this number";
    check_refused(&dumped, other, |parts| {
        fs::copy(parts[1].segment(), parts[0].segment()).unwrap();
    });
    let damaged = "segment 0 in the archive is not one of the store's: ";
    check_refused(&dumped, damaged, |parts| flip_bit(&parts[0].segment(), 50));
    check_refused(&dumped, damaged, |parts| fs::write(parts[1].segment(), "").unwrap());
    check_refused(&dumped, "the store does not know it", |parts| {
        let unknown = parts[0].folder.path().join("segments/4000");
        fs::create_dir(&unknown).unwrap();
        fs::copy(parts[0].segment(), unknown.join("segment")).unwrap();
    });
}

#[test]
fn a_store_that_calls_other_documents_of_a_segment_dead_is_refused() {
    let dumped = dumped();
    check_refused(&dumped, "the restored index would serve 199 documents, its stores hold 200", |parts| {
        let (store, ..) = Store::open(&parts[0].db()).unwrap();
        let mut record = store.segments().unwrap().remove(0);
        record.dead = vec![0; record.rows.div_ceil(64)];
        record.dead[0] = 1;
        let replay_after = store.replay_after().unwrap();
        let change = SegmentsChange { put: vec![record], removed: Vec::new(), replay_after };
        store.commit_segments(&change, Durability::Fsync).unwrap();
    });
}

/// As a dump of an earlier release is, or of a shard that had lost one.
#[test]
fn a_dump_without_its_segments_is_whole() {
    let dumped = dumped();
    let forged = forge(&dumped, |parts| {
        for part in parts {
            fs::remove_dir_all(part.folder.path().join("segments")).unwrap();
        }
    });
    let into = tempfile::tempdir().unwrap();
    Dumps(dumped.server.workspace()).restore(&forged, into.path(), "copy", None).json();
    let server = Launch::new().over(into.path()).start();
    let index = Index::named(&server.client(), "copy");
    assert_eq!(index.built()["documents"], 200);
    assert!(!server.log().contains("cannot be used"), "{}", server.log());
}

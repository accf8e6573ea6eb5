//! Dumps and generations that are not as they were written: refused or told, while the others serve.

use super::super::schema;
use super::setting::{DIM, Setting, documents, new_dump};
use annuli_core::{Generation, Metric};
use annuli_dump::{
    ArchiveWriter, Canary, Compression, DumpId, ShardRecord, extract_archive, read_canaries, write_canaries,
};
use annuli_indexer::Effort;
use annuli_indexer::replica::NewGeneration;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

impl Setting {
    /// The dump of somebody who writes whatever he likes, with all digests right.
    fn forge(&self, change: impl FnOnce(&Path)) -> DumpId {
        self.forge_record(change, |_| {})
    }

    fn forge_record(&self, change: impl FnOnce(&Path), say: impl FnOnce(&mut ShardRecord)) -> DumpId {
        let (original, dump) = (self.dump(), new_dump());
        let stored = self.dumps.open(self.faces.uuid, original).unwrap();
        let mut record = stored.manifest().shards()[0].clone();
        let unpacked = tempfile::tempdir().unwrap();
        let mut archive = stored.open_archive(record.shard).unwrap();
        extract_archive(&record, &mut archive, unpacked.path(), &mut |_| {}).unwrap();
        change(unpacked.path());
        self.dumps.begin(self.faces.uuid, dump).unwrap();
        let mut packed = self.dumps.create_archive(self.faces.uuid, dump, record.shard).unwrap();
        let mut writer = ArchiveWriter::new(&mut packed, Compression { level: 1, threads: 1 }).unwrap();
        for entry in record.archive.entries() {
            let path = unpacked.path().join(entry.path.as_str());
            if let Ok(mut file) = File::open(&path) {
                writer.append(&entry.path, file.metadata().unwrap().len(), &mut file).unwrap();
            }
        }
        (record.archive, _) = writer.finish().unwrap();
        packed.publish().unwrap();
        say(&mut record);
        self.commit(dump, record);
        dump
    }
}

fn change_file(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn change_canaries(folder: &Path, change: impl FnOnce(&mut Vec<Canary>)) {
    let path = folder.join("canaries.json");
    let mut canaries = read_canaries(&mut File::open(&path).unwrap()).unwrap();
    change(&mut canaries);
    fs::write(&path, write_canaries(&canaries).unwrap()).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_in_an_archive_is_refused() {
    let setting = Setting::with_generation(300).await;
    for (part, of) in [(1, 5), (2, 5), (4, 5)] {
        let dump = setting.dump();
        change_file(&setting.archive(dump), |bytes| {
            let place = bytes.len() / of * part;
            bytes[place] ^= 0x10;
        });
        setting.check_refused(dump, "of archive `shard-0.tar.zst` is refused");
    }
    assert_eq!(documents(&setting.shard(1)).await, 300);
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.dump();
    let half = fs::metadata(setting.archive(dump)).unwrap().len() / 2;
    File::options().write(true).open(setting.archive(dump)).unwrap().set_len(half).unwrap();
    setting.check_refused(dump, &format!("it breaks off at byte {half} of "));
    assert_eq!(documents(&setting.shard(1)).await, 300);
}

#[tokio::test]
async fn an_archive_that_goes_on_is_refused() {
    let setting = Setting::start();
    let dump = setting.dump();
    File::options().append(true).open(setting.archive(dump)).unwrap().write_all(b"more").unwrap();
    let error = setting.prepare(1, dump).unwrap_err().to_string();
    assert!(error.contains("goes on after its recorded"), "{error}");
    assert_eq!(setting.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_archive_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.dump();
    fs::remove_file(setting.archive(dump)).unwrap();
    setting.check_refused(dump, "archive `shard-0.tar.zst` of dump");
}

#[tokio::test]
async fn a_dump_without_a_manifest_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.dump();
    fs::remove_file(setting.archive(dump).with_file_name("manifest.json")).unwrap();
    setting.check_refused(dump, "is incomplete: it has no manifest");
    setting.check_refused(new_dump(), "has no dump");
}

#[tokio::test]
async fn a_dump_of_another_index_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.dump();
    let dumps = setting.folder.path().join("dumps");
    let other = setting.folder.path().join("dumps/00000000-0000-0000-0000-000000000002");
    fs::create_dir(&other).unwrap();
    fs::rename(dumps.join(format!("{}/{dump}", setting.faces.uuid)), other.join(dump.to_string())).unwrap();
    setting.check_refused(dump, "has no dump");
    fs::rename(other.join(dump.to_string()), dumps.join(format!("{}/{dump}", setting.faces.uuid))).unwrap();
    setting.prepare(2, dump).unwrap();
}

#[tokio::test]
async fn a_dump_of_another_schema_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.dump();
    let new = NewGeneration { schema: schema(DIM as u64, Metric::Cosine), ..setting.new_generation(2, dump) };
    let error = setting.replica.prepare(&new, &setting.dumps, &|_| {}, &Effort::new()).unwrap_err().to_string();
    assert!(error.contains("has another schema than index `faces`"), "{error}");
    assert_eq!(setting.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_is_not_the_manifests_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.forge_record(|_| {}, |record| record.seq = record.seq.next());
    setting.check_refused(dump, "the store in the archive is not the one that the manifest names");
    let dump = setting.forge_record(|_| {}, |record| record.documents += 1);
    setting.check_refused(dump, "the archive holds 300 documents, the manifest says 301");
}

#[tokio::test]
async fn a_dump_of_a_later_release_is_refused() {
    let setting = Setting::with_generation(300).await;
    let later = r#"{"format_version": 99, "what": "nobody knows yet"}"#;
    let dump = setting.forge(|folder| fs::write(folder.join("canaries.json"), later).unwrap());
    setting.check_refused(dump, "canaries.json has format version 99, this release reads version 1");
}

#[tokio::test]
async fn a_generation_that_answers_otherwise_is_refused() {
    let setting = Setting::with_generation(300).await;
    let dump = setting.forge(|folder| change_canaries(folder, |canaries| canaries[3].hits[4].distance *= 0.5));
    setting.check_refused(dump, "canary 3 finds other documents than it did in the original");
    let dump = setting.forge(|folder| {
        change_canaries(folder, |canaries| {
            let stranger = canaries[1].hits[9].id.clone();
            canaries[2].hits[0].id = stranger;
        });
    });
    setting.check_refused(dump, "canary 2: the store does not have document `doc-");
    let dump = setting.forge(|folder| change_canaries(folder, |canaries| canaries[0].vector.truncate(3)));
    setting.check_refused(dump, "canary 0 is no query of this index");
    let dump = setting.forge(|folder| fs::write(folder.join("canaries.json"), "{").unwrap());
    setting.check_refused(dump, "canaries.json");
}

#[tokio::test]
async fn a_segment_that_is_not_the_stores_is_refused() {
    let setting = Setting::with_generation(1_500).await;
    super::super::wait_for_graph(&setting.primary()).await;
    let number = |folder: &Path| {
        let entry = fs::read_dir(folder.join("segments")).unwrap().next().unwrap().unwrap();
        entry.file_name().into_string().unwrap()
    };
    let dump = setting.forge(|folder| {
        let segment = folder.join("segments").join(number(folder)).join("segment");
        change_file(&segment, |bytes| bytes[5_000] ^= 1);
    });
    setting.check_refused(dump, "the archive is not of one piece: segment");
}

#[tokio::test]
async fn a_dump_without_its_segments_is_built_again() {
    let setting = Setting::with_generation(1_500).await;
    super::super::wait_for_graph(&setting.primary()).await;
    let dump = setting.forge(|folder| fs::remove_dir_all(folder.join("segments")).unwrap());
    setting.prepare(2, dump).unwrap();
    let status = setting.shard(2).status().await.unwrap();
    assert_eq!((status.documents, status.segments.live), (1_500, 1_500));
}

/// A file of a generation, what is said when it is rotten, and how it rots.
type Rot = (&'static str, &'static str, fn(&Path));

#[tokio::test]
async fn a_rotten_generation_says_so_and_is_made_anew() {
    let mut setting = Setting::with_generation(1_500).await;
    setting.fill(1_500, 1_600).await;
    let dump = setting.dump();
    setting.prepare(2, dump).unwrap();
    let rots: [Rot; 5] = [
        ("segments", "cannot be used", |path| change_file(&first_file(path), |bytes| bytes[5_000] ^= 1)),
        ("db/CURRENT", "is damaged", |path| fs::remove_file(path).unwrap()),
        ("generation.json", "is not there", |path| fs::remove_file(path).unwrap()),
        ("generation.json", "stands at seq 1600 of its history, the dump at seq 7", |path| {
            let said = fs::read_to_string(path).unwrap();
            fs::write(path, said.replace("\"seq\": 1600", "\"seq\": 7")).unwrap();
        }),
        ("generation.json", "has format version 99", |path| {
            change_file(path, |bytes| *bytes = br#"{"format_version": 99}"#.to_vec());
        }),
    ];
    for (file, why, damage) in rots {
        damage(&setting.generation_folder(2).join(file));
        setting.reopen();
        let (generation, message) = setting.rotten();
        assert_eq!(generation, Generation(2));
        assert!(
            message.starts_with("generation 2 of index `faces` does not open") && message.contains(why),
            "{message}"
        );
        assert!(setting.replica.shard(setting.faces.uuid, Generation(2)).is_none());
        assert_eq!(documents(&setting.shard(1)).await, 1_500);
        setting.prepare(2, dump).unwrap();
        assert_eq!(documents(&setting.shard(2)).await, 1_600);
        assert_eq!(setting.unfinished(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_rotten_generation_can_be_retired() {
    let mut setting = Setting::with_generation(100).await;
    setting.prepare(2, setting.dump()).unwrap();
    fs::remove_file(setting.generation_folder(2).join("generation.json")).unwrap();
    setting.reopen();
    setting.replica.retire(setting.faces.uuid, Generation(2)).unwrap();
    assert!(!setting.generation_folder(2).exists());
    assert_eq!(setting.replica.held().len(), 1);
}

/// Of a folder of segments.
fn first_file(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[tokio::test]
async fn an_index_that_does_not_say_what_it_is_makes_room() {
    let mut setting = Setting::with_generation(100).await;
    fs::write(setting.root().join("faces").join("index.json"), "{").unwrap();
    setting.reopen();
    assert!(setting.replica.held().is_empty());
    setting.prepare(2, setting.dump()).unwrap();
    assert_eq!(documents(&setting.shard(2)).await, 100);
}

/// It made room, with its generations, for a disk that did not answer for a moment.
#[tokio::test]
async fn an_index_that_cannot_be_read_now_or_by_this_release_keeps_its_place() {
    let mut setting = Setting::with_generation(100).await;
    let (file, aside) = (setting.root().join("faces/index.json"), setting.folder.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    let unreadable: [fn(&Path); 2] =
        [|path| fs::create_dir(path).unwrap(), |path| fs::write(path, r#"{"format_version": 99}"#).unwrap()];
    for make in unreadable {
        make(&file);
        setting.reopen();
        assert!(setting.replica.held().is_empty());
        let error = setting.prepare(2, setting.dump()).unwrap_err().to_string();
        assert!(error.contains("cannot be read, and stays: "), "{error}");
        assert_eq!(setting.unfinished(), Vec::<String>::new());
        if file.is_dir() { fs::remove_dir(&file).unwrap() } else { fs::remove_file(&file).unwrap() }
    }
    fs::rename(&aside, &file).unwrap();
    setting.reopen();
    assert_eq!(documents(&setting.shard(1)).await, 100);
}

//! Honest archives after an accident.

use crate::forge::Forgery;
use annuli_dump::{ArchiveRecord, Compression, DumpStore, ShardRecord, extract_archive, read_entry, verify_archive};
use annuli_dump_contract::given::{FILES, archive, dump, dump_id, index_uuid, noise, path, shard, small};
use proptest::prelude::*;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::FileExt;

#[test]
fn every_flipped_bit_of_an_archive_is_refused() {
    let (record, sound) = small();
    for bit in 0..8 * sound.len() {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_archive(&record, &mut &bytes[..], &mut |_| {}).is_err(), "bit {bit}");
    }
}

#[test]
fn an_archive_with_a_flipped_bit_leaves_no_file() {
    let (record, sound) = small();
    let folder = tempfile::tempdir().unwrap();
    for position in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[position] ^= 1 << (position % 8);
        assert!(extract_archive(&record, &mut &bytes[..], folder.path(), &mut |_| {}).is_err(), "byte {position}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "byte {position}");
    }
}

/// Some bits of a zstd frame mean nothing. Without the archive's own digest they may flip, but never into other files.
#[test]
fn a_flipped_bit_under_a_matching_archive_digest_changes_no_file() {
    let (record, sound) = Forgery::honest().seal();
    for bit in 0..8 * sound.len() {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let record = resealed(&record, &bytes);
        for (name, content) in FILES {
            if let Ok(found) = read_entry(&record, &path(name), &mut Cursor::new(&bytes), 1000) {
                assert_eq!(found, content, "bit {bit}");
            }
        }
        // Accepted or not: it must not panic.
        let _ = verify_archive(&record, &mut &bytes[..], &mut |_| {});
    }
}

fn resealed(record: &ShardRecord, bytes: &[u8]) -> ShardRecord {
    let entries = record.archive.entries().to_vec();
    let archive = ArchiveRecord::new(entries, bytes.len() as u64, blake3::hash(bytes)).unwrap();
    shard(record.shard.0, archive)
}

#[test]
fn an_archive_cut_at_any_byte_is_refused() {
    let (record, sound) = small();
    for length in 0..sound.len() {
        assert!(verify_archive(&record, &mut &sound[..length], &mut |_| {}).is_err(), "{length} bytes");
    }
}

#[test]
fn an_archive_cut_at_any_percent_is_refused_and_leaves_no_file() {
    let content = noise("large", 1_000_000);
    let (record, sound) =
        archive(&[("db/1.sst", &content[..]), ("db/2.sst", &content[..300_000])], Compression::default());
    let record = shard(0, record);
    let folder = tempfile::tempdir().unwrap();
    for percent in 0..100 {
        let cut = &mut &sound[..sound.len() * percent / 100];
        let error = extract_archive(&record, cut, folder.path(), &mut |_| {}).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the archive ends") && text.contains("before its frame does"), "{percent} %: {text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{percent} %");
    }
    extract_archive(&record, &mut &sound[..], folder.path(), &mut |_| {}).unwrap();
}

#[test]
fn an_archive_cut_together_with_its_record_is_refused() {
    let (record, sound) = small();
    let entries_end = record.archive.entries().last().map(|entry| entry.frame.offset + entry.frame.bytes).unwrap();
    for length in usize::try_from(entries_end).unwrap() + 1..sound.len() {
        let cut = &sound[..length];
        assert!(verify_archive(&resealed(&record, cut), &mut &cut[..], &mut |_| {}).is_err(), "{length} bytes");
    }
}

#[test]
fn every_flipped_bit_and_every_cut_of_manifest_and_digest_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = DumpStore::in_folder(root.path());
    dump(&store, index_uuid(1), dump_id(1));
    let folder = crate::first_folder(&store);
    for name in ["manifest.json", "manifest.json.blake3"] {
        let file = fs::File::options().read(true).write(true).open(folder.join(name)).unwrap();
        let sound = fs::read(folder.join(name)).unwrap();
        for bit in 0..8 * sound.len() {
            let position = bit / 8;
            file.write_all_at(&[sound[position] ^ (1 << (bit % 8))], position as u64).unwrap();
            assert!(store.find(dump_id(1)).is_err(), "bit {bit} of {name}");
            file.write_all_at(&[sound[position]], position as u64).unwrap();
        }
        file.write_all_at(b" ", sound.len() as u64).unwrap();
        assert!(store.find(dump_id(1)).is_err(), "a space after {name}");
        for length in (0..sound.len()).rev() {
            file.set_len(length as u64).unwrap();
            assert!(store.find(dump_id(1)).is_err(), "{length} bytes of {name}");
        }
        file.write_all_at(&sound, 0).unwrap();
        store.find(dump_id(1)).unwrap();
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        start in 0_usize..1000,
        rubbish in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (record, sound) = small();
        let mut bytes = sound.clone();
        let start = start % sound.len();
        for (slot, byte) in bytes[start..].iter_mut().zip(&rubbish) {
            *slot = *byte;
        }
        let accepted = verify_archive(&resealed(&record, &bytes), &mut &bytes[..], &mut |_| {}).is_ok();
        prop_assert!(!accepted || rubbish.len() < 3 || bytes == sound, "rubbish was accepted");
    }
}

//! Writing an archive and reading it back.

use annuli_dump::limits::ENTRY_BYTES_MAX;
use annuli_dump::{ArchiveWriter, Compression, read_entry, verify_archive};
use annuli_dump_contract::given::{FILES, archive, noise, path, shard, small};
use proptest::prelude::*;
use std::io::{self, Cursor, Read, Write};

/// Content by length: zeros shrink, noise does not.
fn content(bytes: usize, noisy: bool) -> Vec<u8> {
    if noisy { noise("content", bytes) } else { vec![0; bytes] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read_back(
        shapes in prop::collection::vec((prop_oneof![0_usize..2000, 510_usize..515, 100_000_usize..400_000], any::<bool>()), 0..8),
        level in 1..6,
        threads in 1_u32..4,
    ) {
        let files: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(number, (bytes, noisy))| (format!("db/{number:06}.sst"), content(*bytes, *noisy)))
            .collect();
        let (record, bytes) = archive(&files, Compression { level, threads });
        prop_assert_eq!(record.bytes(), bytes.len() as u64);
        prop_assert_eq!(record.blake3(), blake3::hash(&bytes));
        prop_assert_eq!(record.content_bytes(), files.iter().map(|(_, content)| content.len() as u64).sum::<u64>());

        let record = shard(3, record);
        let mut read = 0;
        verify_archive(&record, &mut &bytes[..], &mut |bytes| read += bytes).unwrap();
        prop_assert_eq!(read, bytes.len() as u64);
        for (name, content) in &files {
            let found = read_entry(&record, &path(name), &mut Cursor::new(&bytes), u64::MAX).unwrap();
            prop_assert!(found == *content, "{}", name);
        }
    }
}

#[test]
fn any_tar_and_zstd_can_read_an_archive() {
    let (_, bytes) = small();
    let mut tar = tar::Archive::new(zstd::Decoder::new(&bytes[..]).unwrap());
    let mut found = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        assert!(entry.header().entry_type().is_file());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.push((entry.path().unwrap().to_str().unwrap().to_owned(), content));
    }
    assert_eq!(found, FILES.map(|(path, content)| (path.to_owned(), content.to_vec())));
}

#[test]
fn an_entry_is_one_frame_at_its_recorded_place() {
    let (record, bytes) = small();
    let spans = record.archive.entries().iter().map(|entry| entry.frame);
    for (span, (path, content)) in spans.zip(FILES) {
        let start = usize::try_from(span.offset).unwrap();
        let frame = &bytes[start..start + usize::try_from(span.bytes).unwrap()];
        assert_eq!(zstd::zstd_safe::find_frame_compressed_size(frame), Ok(frame.len()));
        assert_eq!(zstd::decompressed_size(frame), Some(512 + (content.len() as u64).next_multiple_of(512)));
        let expanded = zstd::decode_all(frame).unwrap();
        assert_eq!(&expanded[..path.len()], path.as_bytes());
        assert_eq!(&expanded[512..512 + content.len()], content);
    }
}

#[test]
fn the_same_files_give_the_same_bytes_on_any_number_of_threads() {
    // Several of zstd's jobs, which have 2 MiB at level 1.
    let content = [noise("a", 2_000_000), vec![7; 3_000_000], noise("b", 2_000_000)].concat();
    let files = [("db/000001.sst", &content[..]), ("db/CURRENT", b"x")];
    let (record, bytes) = archive(&files, Compression { level: 1, threads: 1 });
    for threads in [1, 2, 3] {
        assert!(
            (&record, &bytes) == (&archive(&files, Compression { level: 1, threads }).0, &bytes),
            "{threads} threads"
        );
        assert!(archive(&files, Compression { level: 1, threads }).1 == bytes, "{threads} threads");
    }
    verify_archive(&shard(0, record), &mut &bytes[..], &mut |_| {}).unwrap();
}

/// Gives one byte at a time, and is interrupted before each.
struct Dribble<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let portion = into.len().min(1);
        self.bytes.read(&mut into[..portion])
    }
}

#[test]
fn how_a_source_portions_its_bytes_does_not_matter() {
    let (record, bytes) = small();
    let mut writer = ArchiveWriter::new(Vec::new(), Compression::default()).unwrap();
    for (name, content) in FILES {
        let mut dribble = Dribble { bytes: content, interrupted: false };
        writer.append(&path(name), content.len() as u64, &mut dribble).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), (record.archive.clone(), bytes.clone()));
    verify_archive(&record, &mut Dribble { bytes: &bytes, interrupted: false }, &mut |_| {}).unwrap();
}

#[track_caller]
fn check_append(bytes: u64, content: &mut dyn Read, expected: &str) {
    let mut writer = ArchiveWriter::new(Vec::new(), Compression::default()).unwrap();
    let error = writer.append(&path("db/CURRENT"), bytes, content).unwrap_err();
    assert_eq!(error.to_string(), expected);
    let error = writer.append(&path("db/IDENTITY"), 0, &mut io::empty()).unwrap_err();
    assert_eq!(error.to_string(), "cannot append `db/IDENTITY`: an earlier entry failed half-way");
    assert_eq!(writer.finish().unwrap_err().to_string(), "cannot finish the archive: an entry failed half-way");
}

#[test]
fn a_content_of_another_length_than_announced_spoils_the_archive() {
    check_append(4, &mut &b"abc"[..], "the content of `db/CURRENT` ends after 3 bytes, 4 were announced");
    check_append(2, &mut &b"abc"[..], "the content of `db/CURRENT` goes on after the announced 2 bytes");
    check_append(0, &mut &b"abc"[..], "the content of `db/CURRENT` goes on after the announced 0 bytes");
    let failing = &mut b"abc".chain(Failing);
    check_append(4, failing, "cannot read the content of `db/CURRENT`: the disk is on fire");
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is on fire"))
    }
}

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is on fire"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_is_an_error() {
    let mut writer = ArchiveWriter::new(Failing, Compression::default()).unwrap();
    let error = writer.append(&path("db/CURRENT"), 3, &mut &b"abc"[..]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write `db/CURRENT` to the archive: the disk is on fire");
    let writer = ArchiveWriter::new(Failing, Compression::default()).unwrap();
    let error = writer.finish().map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "cannot write the end of the archive: the disk is on fire");
}

#[test]
fn an_archive_that_cannot_be_read_is_an_error() {
    let (record, bytes) = small();
    let error = verify_archive(&record, &mut bytes[..10].chain(Failing), &mut |_| {}).unwrap_err();
    let text = "entry `db/CURRENT` of archive `shard-0.tar.zst` is refused: it cannot be read: the disk is on fire";
    assert_eq!(error.to_string(), text);
    let error = verify_archive(&record, &mut bytes.chain(Failing), &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "archive `shard-0.tar.zst` cannot be read: the disk is on fire");
}

#[test]
fn settings_out_of_bounds_start_no_archive() {
    let start =
        |level, threads| ArchiveWriter::new(Vec::new(), Compression { level, threads }).map(|_| ()).unwrap_err();
    assert_eq!(start(20, 1).to_string(), "the compression level is 20: it can be 1 to 19");
    assert_eq!(start(3, 0).to_string(), "compression has 0 threads: it can have 1 to 16");
}

#[test]
fn a_refused_entry_leaves_the_archive_as_it_was() {
    let mut writer = ArchiveWriter::new(Vec::new(), Compression::default()).unwrap();
    writer.append(&path("db/CURRENT"), 3, &mut &b"abc"[..]).unwrap();
    let error = writer.append(&path("db/CURRENT"), 3, &mut &b"abc"[..]).unwrap_err();
    assert_eq!(error.to_string(), "entry `db/CURRENT` occurs twice");
    let error = writer.append(&path("db/LOCK"), ENTRY_BYTES_MAX + 1, &mut io::empty()).unwrap_err();
    assert_eq!(error.to_string(), "entry `db/LOCK` has 1099511627777 bytes, the limit is 1099511627776");
    assert_eq!(writer.finish().unwrap(), archive(&[("db/CURRENT", b"abc")], Compression::default()));
}

#[test]
fn an_entry_larger_than_the_callers_limit_is_not_read() {
    let (record, bytes) = small();
    let path = path("canaries.json");
    let mut archive = Cursor::new(bytes);
    assert_eq!(read_entry(&record, &path, &mut archive, 34).unwrap(), FILES[3].1);
    let error = read_entry(&record, &path, &mut archive, 33).unwrap_err();
    assert_eq!(error.to_string(), "entry `canaries.json` of archive `shard-0.tar.zst` has 34 bytes, the limit is 33");
}

#[test]
fn an_entry_that_is_not_recorded_is_not_looked_for() {
    let (record, bytes) = small();
    let error = read_entry(&record, &path("db/IDENTITY"), &mut Cursor::new(bytes), 1000).unwrap_err();
    assert_eq!(error.to_string(), "archive `shard-0.tar.zst` has no entry `db/IDENTITY`");
}

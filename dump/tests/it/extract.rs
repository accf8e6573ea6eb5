//! Extracting: all files or none.

use annuli_dump::{Compression, EntryRecord, extract_archive, extract_entries, extract_missing};
use annuli_dump_contract::given::{FILES, small};
use std::fs;
use std::io::Cursor;
use std::path::Path;

fn files_in(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for row in fs::read_dir(folder).unwrap() {
        let path = row.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path.to_str().unwrap().to_owned());
        }
    }
    files.sort();
    files
}

#[test]
fn extracting_gives_the_files_back() {
    let (record, bytes) = small();
    let folder = tempfile::tempdir().unwrap();
    let mut read = 0;
    extract_archive(&record, &mut &bytes[..], folder.path(), &mut |bytes| read += bytes).unwrap();
    assert_eq!(read, bytes.len() as u64);
    for (path, content) in FILES {
        assert_eq!(fs::read(folder.path().join(path)).unwrap(), content, "{path}");
    }
    assert_eq!(files_in(folder.path()).len(), FILES.len());
}

#[test]
fn what_is_not_wanted_is_checked_and_not_written() {
    let (record, mut bytes) = small();
    let without_segments = |bytes: &[u8], folder: &Path| {
        extract_entries(&record, &mut &*bytes, folder, &|path| path.segment_number().is_none(), &mut |_| {})
    };
    let folder = tempfile::tempdir().unwrap();
    without_segments(&bytes, folder.path()).unwrap();
    assert_eq!(files_in(folder.path()).len(), FILES.len() - 1);
    let segment = record.archive.entries().iter().find(|entry| entry.path.segment_number().is_some()).unwrap();
    bytes[usize::try_from(segment.frame.offset).unwrap() + 20] ^= 1;
    let empty = tempfile::tempdir().unwrap();
    assert!(without_segments(&bytes, empty.path()).is_err());
    assert_eq!(files_in(empty.path()), [""; 0]);
}

/// Puts the files of these paths there.
fn reuse(paths: &[&str]) -> impl FnMut(&EntryRecord, &Path) -> bool {
    move |entry, path| {
        let content = FILES.iter().find(|(file, _)| paths.contains(file) && *file == entry.path.as_str());
        content.is_some_and(|(_, content)| fs::write(path, content).is_ok())
    }
}

#[test]
fn what_is_at_hand_is_not_read() {
    let (record, bytes) = small();
    let paths: Vec<_> = FILES.iter().map(|(path, _)| *path).collect();
    for reused in [&[][..], &paths[..1], &paths[1..2], &paths[1..], &paths[..]] {
        let mut damaged = bytes.clone();
        for entry in record.archive.entries().iter().filter(|entry| reused.contains(&entry.path.as_str())) {
            damaged[usize::try_from(entry.frame.offset).unwrap() + 20] ^= 1;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut heard = 0;
        let mut progress = |bytes| heard += bytes;
        extract_missing(&record, &mut Cursor::new(damaged), folder.path(), &mut reuse(reused), &mut progress).unwrap();
        assert_eq!(heard, bytes.len() as u64);
        for (path, content) in FILES {
            assert_eq!(fs::read(folder.path().join(path)).unwrap(), content, "{path}");
        }
    }
}

#[test]
fn what_is_not_at_hand_is_checked_and_a_refusal_leaves_nothing() {
    let (record, mut bytes) = small();
    let last = record.archive.entries().last().unwrap();
    bytes[usize::try_from(last.frame.offset).unwrap() + 20] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let mut first = reuse(&[FILES[0].0]);
    let refused = extract_missing(&record, &mut Cursor::new(bytes), folder.path(), &mut first, &mut |_| {});
    assert!(refused.unwrap_err().to_string().contains(&format!("entry `{}`", last.path)));
    assert_eq!(files_in(folder.path()), [""; 0]);
}

#[test]
fn files_that_stand_in_the_folder_are_neither_overwritten_nor_removed() {
    let (record, bytes) = small();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("canaries.json"), "mine").unwrap();
    let error = extract_archive(&record, &mut &bytes[..], folder.path(), &mut |_| {}).unwrap_err();
    let at = folder.path().join("canaries.json");
    assert_eq!(error.to_string(), format!("cannot create `{}`: File exists (os error 17)", at.display()));
    assert_eq!(files_in(folder.path()), [at.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(at).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a folder is left");
}

/// A link in the target would lead the files to wherever it points.
#[test]
fn a_folder_that_is_a_link_is_not_followed() {
    let (record, bytes) = small();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("db")).unwrap();
    let error = extract_archive(&record, &mut &bytes[..], folder.path(), &mut |_| {}).unwrap_err();
    let at = folder.path().join("db");
    assert_eq!(error.to_string(), format!("cannot create `{}`: File exists (os error 17)", at.display()));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_file_and_a_folder_of_one_name_are_refused() {
    let (record, bytes) =
        annuli_dump_contract::given::archive(&[("db", "x"), ("db/CURRENT", "x")], Compression::default());
    let folder = tempfile::tempdir().unwrap();
    let record = annuli_dump_contract::given::shard(0, record);
    let error = extract_archive(&record, &mut &bytes[..], folder.path(), &mut |_| {}).unwrap_err();
    let at = folder.path().join("db");
    assert_eq!(error.to_string(), format!("cannot create `{}`: File exists (os error 17)", at.display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files are left");
}

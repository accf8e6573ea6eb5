//! The archive of one shard: the files of the copied store, the segments as they are, and the canaries.

use super::{Capture, DumpError, canaries};
use crate::stop::{Stop, WhileWanted};
use crate::store::segment::SegmentRecord;
use annuli_dump::{
    ArchiveRecord, ArchiveWriter, Compression, EntryPath, FinishArchiveError, NewArchive, ShardRecord, write_canaries,
};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Vectors hardly compress; level 1 takes what metadata gives, at the speed of the disk.
const COMPRESSION: Compression = Compression { level: 1, threads: 1 };

/// What the file of a segment is called in its folder.
const SEGMENT: &str = "segment";

/// Writes the archive into `file`, and publishes it, for as long as somebody waits for it.
pub(super) fn write(capture: &Capture, file: NewArchive, wanted: &Stop) -> Result<ArchiveRecord, DumpError> {
    let archive = ArchiveWriter::new(BufWriter::new(file), COMPRESSION)?;
    let mut archive = Packing { archive, wanted };
    let db = capture.folder.join("db");
    for name in file_names(&db)? {
        archive.append(&store_file(&name), &db.join(&name))?;
    }
    let segments = capture.folder.join("segments");
    for part in &capture.view.parts {
        let path = segments.join(part.number().to_string());
        // It could not be copied, which the log says: whoever restores the dump builds it again.
        if path.exists() {
            archive.append(&segment_file(part.number()), &path)?;
        }
    }
    let canaries = write_canaries(&canaries::of(&capture.view, wanted)?)?;
    let mut archive = archive.archive;
    archive.append(&EntryPath::canaries(), canaries.len() as u64, &mut canaries.as_slice())?;
    let (record, file) = archive.finish()?;
    if wanted.is_told() {
        return Err(DumpError::GivenUp);
    }
    let file = file.into_inner().map_err(|error| FinishArchiveError::Write(error.into_error()))?;
    file.publish()?;
    Ok(record)
}

struct Packing<'a> {
    archive: ArchiveWriter<BufWriter<NewArchive>>,
    wanted: &'a Stop,
}

impl Packing<'_> {
    fn append(&mut self, entry: &EntryPath, path: &Path) -> Result<(), DumpError> {
        let copy = |reason| DumpError::Copy { path: path.to_owned(), reason };
        let content = File::open(path).map_err(copy)?;
        let bytes = content.metadata().map_err(copy)?.len();
        Ok(self.archive.append(entry, bytes, &mut WhileWanted { source: content, stop: self.wanted })?)
    }
}

/// In the order of their names, so that equal stores give equal archives.
fn file_names(folder: &Path) -> Result<Vec<String>, DumpError> {
    let copy = |reason| DumpError::Copy { path: folder.to_owned(), reason };
    let entries = fs::read_dir(folder).map_err(copy)?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = entries.map(name).collect::<Result<_, _>>().map_err(copy)?;
    names.sort();
    Ok(names)
}

/// A segment that the store beside it in the archive does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the archive has a segment {number} that its store does not know")]
pub struct UnknownSegment {
    /// Its number.
    pub number: u64,
}

/// Of the segments that the store in an archive knows, those that the archive goes without.
pub(crate) fn missing_segments(record: &ShardRecord, known: &[SegmentRecord]) -> Result<Vec<u64>, UnknownSegment> {
    let is_known = |number: u64| known.iter().any(|known| known.number == number);
    let mut numbers = record.archive.entries().iter().filter_map(|entry| entry.path.segment_number());
    if let Some(number) = numbers.find(|&number| !is_known(number)) {
        return Err(UnknownSegment { number });
    }
    let is_missing = |number: &u64| record.archive.entry(&segment_file(*number)).is_none();
    Ok(known.iter().map(|known| known.number).filter(is_missing).collect())
}

/// Where an archive has the segment of that number. A segment is one file.
pub(crate) fn segment_file(number: u64) -> EntryPath {
    EntryPath::segment(number, SEGMENT).expect("a number and letters")
}

fn store_file(name: &str) -> EntryPath {
    EntryPath::db(name).expect("RocksDB names its files with letters, digits and `-`, `.`, `_`")
}

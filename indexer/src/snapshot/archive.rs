//! The archive of one shard: the files of the copied store, and the canaries.

use super::{Capture, DumpError, canaries};
use annuli_dump::{ArchiveRecord, ArchiveWriter, Compression, EntryPath, write_canaries};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Vectors hardly compress; level 1 takes what metadata gives, at the speed of the disk.
const COMPRESSION: Compression = Compression { level: 1, threads: 1 };

/// Writes the archive into `file`.
pub(super) fn write(capture: &Capture, file: File) -> Result<ArchiveRecord, DumpError> {
    let mut archive = ArchiveWriter::new(BufWriter::new(file), COMPRESSION)?;
    for name in file_names(&capture.folder)? {
        let path = capture.folder.join(&name);
        let copy = |reason| DumpError::Copy { path: path.clone(), reason };
        let mut content = File::open(&path).map_err(copy)?;
        let bytes = content.metadata().map_err(copy)?.len();
        archive.append(&store_file(&name), bytes, &mut content)?;
    }
    let canaries = write_canaries(&canaries::of(&capture.view)?)?;
    archive.append(&EntryPath::canaries(), canaries.len() as u64, &mut canaries.as_slice())?;
    let (record, _) = archive.finish()?;
    Ok(record)
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

fn store_file(name: &str) -> EntryPath {
    EntryPath::db(name).expect("RocksDB names its files with letters, digits and `-`, `.`, `_`")
}

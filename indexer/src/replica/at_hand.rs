//! What of a dump is here already. Segments and the tables of RocksDB are never written again once they have their names,
//! so that a file of the same content serves several generations: it has a name in the folder of each.

use super::generation_file::{self, KeptFile};
use annuli_dump::{EntryPath, EntryRecord, ShardRecord};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of generations that are here, by length and digest.
pub(super) struct AtHand(HashMap<(u64, String), PathBuf>);

impl AtHand {
    /// Those of the generations in these folders.
    pub(super) fn of(generations: &[PathBuf]) -> Self {
        let mut files = HashMap::new();
        for folder in generations {
            // One that cannot be read now is of no use here.
            let Ok(kept) = generation_file::read(folder) else { continue };
            for KeptFile { path, bytes, blake3 } in kept.files {
                if let Some(path) = unchanging(folder, &path) {
                    files.insert((bytes, blake3), path);
                }
            }
        }
        Self(files)
    }

    /// Whether anything of the shard is among them.
    pub(super) fn has_any_of(&self, shard: &ShardRecord) -> bool {
        shard.archive.entries().iter().any(|entry| self.file(entry).is_some())
    }

    /// Gives the file of an entry another name; says whether there was one. Its content was checked when it came.
    pub(super) fn link(&self, entry: &EntryRecord, path: &Path) -> bool {
        let is_as_long = |file: &&PathBuf| fs::metadata(file).is_ok_and(|found| found.len() == entry.bytes);
        self.file(entry).filter(is_as_long).is_some_and(|file| fs::hard_link(file, path).is_ok())
    }

    fn file(&self, entry: &EntryRecord) -> Option<&PathBuf> {
        self.0.get(&(entry.bytes, entry.blake3.to_hex().to_string()))
    }
}

/// Where a generation has the file of an entry, if it is of a kind that is never written again.
fn unchanging(folder: &Path, entry: &str) -> Option<PathBuf> {
    let entry = EntryPath::new(entry).ok()?;
    match entry.segment_number() {
        Some(number) => Some(folder.join("segments").join(number.to_string())),
        None if entry.as_str().starts_with("db/") && entry.as_str().ends_with(".sst") => {
            Some(folder.join(entry.as_str()))
        }
        None => None,
    }
}

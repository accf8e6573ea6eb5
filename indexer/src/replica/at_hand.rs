//! What of a dump is here already. Segments and the tables of RocksDB are never written again once they have their names,
//! so that a file of the same content serves several generations: it has a name in the folder of each. What was whole when
//! it came need not be so years and generations later: what gets another name is read and checked like what is fetched.

use super::generation_file::{self, KeptFile};
use crate::stop::{Stop, WhileWanted};
use annuli_dump::{EntryPath, EntryRecord, ShardRecord};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Files of generations that are here, by length and digest.
pub(super) struct AtHand<'a> {
    files: HashMap<(u64, String), PathBuf>,
    stop: &'a Stop,
}

impl<'a> AtHand<'a> {
    /// Those of the generations in these folders.
    pub(super) fn of(generations: &[PathBuf], stop: &'a Stop) -> Self {
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
        Self { files, stop }
    }

    /// Whether anything of the shard is among them.
    pub(super) fn has_any_of(&self, shard: &ShardRecord) -> bool {
        shard.archive.entries().iter().any(|entry| self.file(entry).is_some())
    }

    /// Gives the file of an entry another name; says whether there was one. One whose content is not the entry's any longer
    /// is none.
    pub(super) fn link(&self, entry: &EntryRecord, path: &Path) -> bool {
        let Some(file) = self.file(entry) else { return false };
        match self.is_whole(entry, file) {
            Ok(true) => fs::hard_link(file, path).is_ok(),
            Ok(false) => {
                tracing::warn!(file = %file.display(), "a file of a generation is not as it came: it is fetched again for the next; the generation that has it may fail");
                false
            }
            // One that is gone meanwhile, or was not read to its end, is of no use here.
            Err(_) => false,
        }
    }

    fn is_whole(&self, entry: &EntryRecord, file: &Path) -> io::Result<bool> {
        entry.is_content(&mut WhileWanted { source: File::open(file)?, stop: self.stop })
    }

    fn file(&self, entry: &EntryRecord) -> Option<&PathBuf> {
        self.files.get(&(entry.bytes, entry.blake3.to_hex().to_string()))
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

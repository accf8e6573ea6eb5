//! Turning an archive back into files, all of them or none.

use crate::archive_reader::ArchiveReader;
use crate::disk::{DiskError, sync_folder};
use crate::entry_content::EntryContent;
use crate::entry_path::EntryPath;
use crate::manifest::ShardRecord;
use crate::refusal::{EntryRefused, ReadArchiveError};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// An archive that was not extracted. No file of it is left.
#[derive(Debug, thiserror::Error)]
pub enum ExtractArchiveError {
    /// The archive is not what its record says.
    #[error(transparent)]
    Refused(#[from] ReadArchiveError),
    /// A file could not be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<EntryRefused> for ExtractArchiveError {
    fn from(refused: EntryRefused) -> Self {
        Self::Refused(refused.into())
    }
}

/// Writes the files of an archive into a folder that the caller made, checking every byte on the way as
/// [`crate::verify_archive`] does. Files are new and synced. On any error everything written is removed again; only
/// after success should the caller give the folder its final name.
pub fn extract_archive(
    shard: &ShardRecord,
    archive: &mut dyn Read,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ExtractArchiveError> {
    extract_entries(shard, archive, folder, &|_| true, progress)
}

/// Writes the files that are `wanted`, as [`extract_archive`] writes all of them. The others are checked all the same.
pub fn extract_entries(
    shard: &ShardRecord,
    archive: &mut dyn Read,
    folder: &Path,
    wanted: &dyn Fn(&EntryPath) -> bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ExtractArchiveError> {
    let mut reader = ArchiveReader::new(shard, archive, progress)?;
    let mut extraction = Extraction::begin(folder);
    for entry in shard.archive.entries() {
        let mut content = reader.entry(entry)?;
        if !wanted(&entry.path) {
            while content.next_chunk()?.is_some() {}
            content.close()?;
            continue;
        }
        extraction.write(&entry.path, content)?;
    }
    reader.finish()?;
    Ok(extraction.complete()?)
}

/// The files written so far. Dropped before it is complete, it removes them.
pub(crate) struct Extraction<'a> {
    root: &'a Path,
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    complete: bool,
}

impl<'a> Extraction<'a> {
    pub(crate) fn begin(root: &'a Path) -> Self {
        Self { root, folders: Vec::new(), files: Vec::new(), complete: false }
    }

    /// Where the file of an entry belongs. Whoever puts it there makes it new.
    pub(crate) fn place(&mut self, entry: &EntryPath) -> Result<PathBuf, DiskError> {
        let path = self.root.join(entry.as_str());
        if let Some(parent) = path.parent() {
            self.create_folder(parent)?;
        }
        Ok(path)
    }

    /// There is a file now, which goes with the others.
    pub(crate) fn placed(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    /// Writes the file of an entry, to its last byte.
    pub(crate) fn write(
        &mut self,
        entry: &EntryPath,
        mut content: EntryContent<'_>,
    ) -> Result<(), ExtractArchiveError> {
        let path = self.place(entry)?;
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = created.map_err(DiskError::at("create", &path))?;
        self.placed(path.clone());
        while let Some(chunk) = content.next_chunk()? {
            file.write_all(chunk).map_err(DiskError::at("write", &path))?;
        }
        content.close()?;
        Ok(file.sync_all().map_err(DiskError::at("sync", &path))?)
    }

    /// Folders too are new: one that stood there before might be a link to somewhere else.
    fn create_folder(&mut self, folder: &Path) -> Result<(), DiskError> {
        if folder == self.root || self.folders.iter().any(|created| created == folder) {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.create_folder(parent)?;
        }
        fs::create_dir(folder).map_err(DiskError::at("create", folder))?;
        self.folders.push(folder.to_owned());
        Ok(())
    }

    /// Makes the names last as the contents already do.
    pub(crate) fn complete(mut self) -> Result<(), DiskError> {
        for folder in &self.folders {
            sync_folder(folder)?;
        }
        sync_folder(self.root)?;
        self.complete = true;
        Ok(())
    }
}

impl Drop for Extraction<'_> {
    fn drop(&mut self) {
        if self.complete {
            return;
        }
        // Nobody can be told if removing fails too; the caller's folder is not published either way.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

//! A folder of dumps on a local disk, or on one that several machines mount.

use crate::disk::{DiskError, create_folders, folder_names, open_regular, sync_folder};
use crate::dump_id::{DumpId, parse_uuid};
use crate::file::{DumpFile, DumpKey};
use crate::files::{BeginDumpError, DumpFiles, NewFile, PublishError, StoreFault};
use annuli_core::id::IndexUuid;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Files of dumps in a folder. Its file system must know hard links.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    root: PathBuf,
}

impl LocalFiles {
    /// The files in that folder, which the first dump creates.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn index_folder(&self, index: IndexUuid) -> PathBuf {
        self.root.join(index.to_string())
    }

    fn folder(&self, dump: DumpKey) -> PathBuf {
        self.root.join(dump.to_string())
    }

    fn path(&self, dump: DumpKey, file: DumpFile) -> PathBuf {
        self.folder(dump).join(file.to_string())
    }
}

impl DumpFiles for LocalFiles {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn lies_in(&self, folder: &Path) -> bool {
        self.root.starts_with(folder)
    }

    fn begin(&self, dump: DumpKey) -> Result<(), BeginDumpError> {
        let index_folder = self.index_folder(dump.index);
        create_folders(&index_folder)?;
        let folder = self.folder(dump);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BeginDumpError::Exists { index: dump.index, dump: dump.dump });
            }
            other => other.map_err(DiskError::at("create", &folder))?,
        }
        Ok(sync_folder(&index_folder)?)
    }

    fn create(&self, dump: DumpKey, file: DumpFile) -> Result<Box<dyn NewFile>, StoreFault> {
        Ok(Box::new(Unnamed::create(self.path(dump, file))?))
    }

    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault> {
        let path = self.path(dump, file);
        let Some(mut file) = present(open_regular(&path))? else { return Ok(None) };
        file.seek(SeekFrom::Start(from)).map_err(DiskError::at("read", &path))?;
        Ok(Some(Box::new(file)))
    }

    fn bytes(&self, dump: DumpKey, file: DumpFile) -> Result<Option<u64>, StoreFault> {
        let path = self.path(dump, file);
        let Some(file) = present(open_regular(&path))? else { return Ok(None) };
        Ok(Some(file.metadata().map_err(DiskError::at("open", &path))?.len()))
    }

    fn dumps(&self) -> Result<Vec<DumpKey>, StoreFault> {
        let mut dumps = Vec::new();
        for index in folder_names(&self.root)?.iter().filter_map(|name| parse_uuid(name)).map(IndexUuid) {
            let names = folder_names(&self.index_folder(index))?;
            let key = |name: &String| DumpId::parse(name).ok().map(|dump| DumpKey { index, dump });
            dumps.extend(names.iter().filter_map(key));
        }
        Ok(dumps)
    }

    fn remove(&self, dump: DumpKey) -> Result<bool, StoreFault> {
        let folder = self.folder(dump);
        if !folder.is_dir() {
            return Ok(false);
        }
        let manifest = self.path(dump, DumpFile::Manifest);
        match fs::rename(&manifest, folder.join("manifest.json.deleted")) {
            // It was never committed, or an earlier deletion was cut off here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(DiskError::at("rename", &manifest))?,
        }
        sync_folder(&folder)?;
        fs::remove_dir_all(&folder).map_err(DiskError::at("remove", &folder))?;
        Ok(true)
    }
}

fn present<T>(found: Result<T, DiskError>) -> Result<Option<T>, DiskError> {
    match found {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}

/// A file beside the one that it is to become. What a crash leaves of it goes with the dump's folder.
struct Unnamed {
    /// What it is to become.
    path: PathBuf,
    part: PathBuf,
    file: File,
}

impl Unnamed {
    /// Takes the first free name: another process, or one that crashed, may write to the same file.
    fn create(path: PathBuf) -> Result<Self, DiskError> {
        let mut number = 0_u32;
        loop {
            let mut part = path.clone().into_os_string();
            part.push(format!(".part-{number}"));
            let part = PathBuf::from(part);
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                other => return Ok(Self { file: other.map_err(DiskError::at("create", &path))?, path, part }),
            }
        }
    }
}

impl Write for Unnamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFile for Unnamed {
    fn publish(self: Box<Self>) -> Result<(), PublishError> {
        self.file.sync_all().map_err(DiskError::at("sync", &self.path))?;
        // A link, where a renaming would replace what another process has published.
        match fs::hard_link(&self.part, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(PublishError::Exists { object: self.path.display().to_string() });
            }
            other => other.map_err(DiskError::at("link", &self.path))?,
        }
        Ok(sync_folder(self.path.parent().unwrap_or(Path::new(".")))?)
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // Nobody can be told if this fails: it only takes room, until the dump is deleted.
        let _ = fs::remove_file(&self.part);
    }
}

//! What the system's own tools make of the same files: a dump could hardly be faster than the slower of them.
//!
//! What they write is synced to the disk, as a dump and what is restored of it are.

use super::Failed;
use crate::clock::Stopwatch;
use crate::files::{self, FileFailed};
use crate::tool;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Level that dumps are compressed with (`annuli_dump::Compression`).
const LEVEL: u8 = 3;

/// Syncs every file of the folder `$0`.
const SYNC: &str = "find \"$0\" -type f -exec sync {} +";

/// A dump's archives.
pub(super) struct Archives {
    folder: PathBuf,
    shards: u32,
}

impl Archives {
    /// Of the dump that is in `folder`.
    pub(super) const fn of_dump(folder: PathBuf, shards: u32) -> Self {
        Self { folder, shards }
    }

    /// Has tar unpack all of them into the new folder `to`; seconds.
    pub(super) fn unpack(&self, to: &Path) -> Result<f64, Failed> {
        let watch = Stopwatch::start();
        for shard in 0..self.shards {
            let into = to.join(shard.to_string());
            files::create_folder(&into)?;
            let archive = self.folder.join(format!("shard-{shard}.tar.zst"));
            let mut tar = Command::new("tar");
            tool::output(tar.args(["--extract", "--zstd", "--directory"]).arg(into).arg("--file").arg(archive))?;
        }
        sync(to)?;
        Ok(watch.seconds())
    }
}

/// Has tar and zstd, on every core, pack the folder `from` into the new file `to`; seconds.
pub(super) fn pack(from: &Path, to: &Path) -> Result<f64, Failed> {
    let watch = Stopwatch::start();
    let zstd = format!("--use-compress-program=zstd -{LEVEL} -T0");
    let mut tar = Command::new("tar");
    tool::output(tar.args(["--create", &zstd, "--directory"]).arg(from).arg("--file").arg(to).arg("."))?;
    tool::output(Command::new("sync").arg(to))?;
    Ok(watch.seconds())
}

/// Has cp copy the folder `from` to the new folder `to`; seconds.
pub(super) fn copy(from: &Path, to: &Path) -> Result<f64, Failed> {
    let watch = Stopwatch::start();
    tool::output(Command::new("cp").arg("--recursive").arg(from).arg(to))?;
    sync(to)?;
    Ok(watch.seconds())
}

/// Bytes of all files below a folder, or of a file.
pub(super) fn bytes(path: &Path) -> Result<u64, FileFailed> {
    let failed = |source| FileFailed { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path).map_err(failed)?.map(|entry| bytes(&entry.map_err(failed)?.path())).sum()
}

/// Removes a file or a folder with all that is in it.
pub(super) fn remove(path: &Path) -> Result<(), FileFailed> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|source| FileFailed { path: path.to_owned(), source })
}

fn sync(folder: &Path) -> Result<(), Failed> {
    tool::output(Command::new("sh").args(["-c", SYNC]).arg(folder))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("files/below")).unwrap();
        fs::write(at("files/one"), "12345").unwrap();
        fs::write(at("files/below/two"), "678").unwrap();
        assert!(pack(&at("files"), &at("shard-0.tar.zst")).unwrap() > 0.0);
        let archives = Archives::of_dump(folder.path().to_owned(), 1);
        assert!(archives.unpack(&at("unpacked")).unwrap() > 0.0);
        assert_eq!(fs::read_to_string(at("unpacked/0/below/two")).unwrap(), "678");
        assert!(copy(&at("unpacked"), &at("copied")).unwrap() > 0.0);
        assert_eq!(bytes(&at("copied")).unwrap(), 8);
        remove(&at("copied")).unwrap();
        assert!(!at("copied").exists());
    }

    #[test]
    fn a_missing_archive_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Archives::of_dump(folder.path().to_owned(), 1).unpack(&folder.path().join("to")).unwrap_err();
        assert!(error.to_string().contains("shard-0.tar.zst"), "{error}");
    }
}

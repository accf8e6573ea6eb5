//! The folders of a replica: `<name>/index.json` and `<name>/<shard_id>/generations/<number>/`. A generation appears and
//! disappears by the renaming of its folder, so that a crash leaves all of it or nothing.

use super::NewGeneration;
use crate::workspace::MakeIndexError;
use crate::workspace::disk::{DiskFault, make_folder, rename_folder, sync_folder};
use crate::workspace::indexes::{self, NewIndex, OpenIndexError};
use annuli_core::{Generation, IndexName, IndexUuid, ShardId};
use std::fs;
use std::path::{Path, PathBuf};

const GENERATIONS: &str = "generations";

/// A folder that becomes a generation, or nothing.
pub(super) struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    pub(super) fn begin(root: &Path) -> Result<Self, DiskFault> {
        let path = indexes::unfinished(root);
        make_folder(&path)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it the generation in that folder, which must not exist.
    pub(super) fn publish(self, folder: &Path) -> Result<(), DiskFault> {
        sync_folder(&self.path)?;
        rename_folder(&self.path, folder)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone when it was published; else nothing of it shall stay, and the next start sweeps what does.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The folder of a generation, whether or not it is there.
pub(super) fn generation(root: &Path, name: &IndexName, shard: ShardId, generation: Generation) -> PathBuf {
    generations_folder(root, name, shard).join(generation.to_string())
}

/// The generations that are there.
pub(super) fn generations(root: &Path, name: &IndexName, shard: ShardId) -> Result<Vec<Generation>, DiskFault> {
    let folder = generations_folder(root, name, shard);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut generations = Vec::new();
    for entry in fs::read_dir(&folder).map_err(DiskFault::of("read the folder", &folder))? {
        let entry = entry.map_err(DiskFault::of("read the folder", &folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.parse::<u64>() {
            Ok(number) if number.to_string() == name => generations.push(Generation(number)),
            Ok(_) | Err(_) => {
                tracing::warn!(folder = %entry.path().display(), "no generation: its name is not a number; it is left alone");
            }
        }
    }
    generations.sort_unstable();
    Ok(generations)
}

/// Makes the folder of an index, unless it is there. What has the name makes room, if it does not say whose it is or is of
/// an index of which nothing is held: a replica has nothing but copies. What cannot be read now may be read later, by this
/// release or by the one that wrote it.
pub(super) fn make_index(
    root: &Path,
    new: &NewGeneration,
    shard: ShardId,
    is_held: impl Fn(IndexUuid) -> bool,
) -> Result<(), MakeIndexFolderError> {
    let NewGeneration { name, uuid, schema, .. } = new;
    match indexes::describe(root, name) {
        Ok(found) if found == (*uuid, *schema) => return Ok(()),
        Ok((found, _)) if is_held(found) => {
            let folder = root.join(name.as_str());
            return Err(MakeIndexFolderError::Taken { folder, found, wanted: *uuid });
        }
        // An index that had the name, and whose generations were retired.
        Ok(_) => indexes::discard(root, &root.join(name.as_str())).map_err(MakeIndexError::from)?,
        Err(error) if !error.is_of_content() => return Err(MakeIndexFolderError::Unread(error)),
        Err(error) if root.join(name.as_str()).exists() => {
            tracing::warn!(index = %name, %error, "removing a folder of which nobody can say whose it is");
            indexes::discard(root, &root.join(name.as_str())).map_err(MakeIndexError::from)?;
        }
        Err(_) => {}
    }
    let folder = NewIndex::begin_as(root, *uuid, *schema).map_err(MakeIndexError::from)?;
    make_folder(&folder.shard_folder(shard).join(GENERATIONS)).map_err(MakeIndexError::from)?;
    Ok(folder.publish(name)?)
}

/// Why an index has no folder.
#[derive(Debug, thiserror::Error)]
pub enum MakeIndexFolderError {
    /// Another index has it, or this one with another schema.
    #[error(
        "the folder `{}` holds the index {found}, {wanted} is to be prepared there: it must be removed first",
        folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        found: IndexUuid,
        /// Whose it was to be.
        wanted: IndexUuid,
    },
    /// What is there cannot be read now.
    #[error("what has the folder of the index cannot be read, and stays: {0}")]
    Unread(OpenIndexError),
    /// It cannot be made.
    #[error(transparent)]
    Make(#[from] MakeIndexError),
}

fn generations_folder(root: &Path, name: &IndexName, shard: ShardId) -> PathBuf {
    indexes::shard_folder(&root.join(name.as_str()), shard).join(GENERATIONS)
}

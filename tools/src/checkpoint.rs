//! A small file that says how far a long command is, so that the next run of it goes on from there.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The system refused.
    #[error("the checkpoint `{}` cannot be read or written: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Something else, or of another release.
    #[error("`{}` is no checkpoint of this command: {error}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// What the last run has left, if there was one.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CheckpointError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CheckpointError::System { path: path.to_owned(), error }),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| CheckpointError::Foreign { path: path.to_owned(), error })
}

/// Leaves `state` for the next run: at every moment the file is whole, as it was or as it is now.
pub fn write<T: Serialize>(path: &Path, state: &T) -> Result<(), CheckpointError> {
    let mut text = serde_json::to_vec_pretty(state).expect("a checkpoint has a JSON form");
    text.push(b'\n');
    replace(path, &text).map_err(|error| CheckpointError::System { path: path.to_owned(), error })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut new = OsString::from(path);
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        for state in [vec![1], vec![2, 3]] {
            write(&path, &state).unwrap();
            assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(state));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        fs::write(&path, "id,vector\n").unwrap();
        let message = read::<Vec<u32>>(&path).unwrap_err().to_string();
        assert!(message.contains("c.json` is no checkpoint of this command: expected value"), "{message}");
    }
}

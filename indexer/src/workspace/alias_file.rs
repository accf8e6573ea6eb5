//! `.aliases.json`: second names of indexes.

use super::disk::DiskFault;
use super::json_file::{self, JsonFileError};
use annuli_core::IndexName;
use annuli_core::id::InvalidIndexName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each alias with the index that it stands for.
pub(super) type Aliases = BTreeMap<IndexName, IndexName>;

#[derive(Serialize, Deserialize)]
struct AliasFile {
    aliases: BTreeMap<String, String>,
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AliasFileError {
    /// It is not a file of this release.
    #[error(transparent)]
    File(#[from] JsonFileError),
    /// A name that no release wrote.
    #[error("`{}`: {reason}", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: InvalidIndexName,
    },
}

pub(super) fn read(root: &Path) -> Result<Aliases, AliasFileError> {
    let path = path(root);
    let Some(file) = json_file::read::<AliasFile>(&path)? else { return Ok(Aliases::new()) };
    let name = |text: &str| IndexName::new(text).map_err(|reason| AliasFileError::Name { path: path.clone(), reason });
    file.aliases.iter().map(|(alias, index)| Ok((name(alias)?, name(index)?))).collect()
}

pub(super) fn write(root: &Path, aliases: &Aliases) -> Result<(), DiskFault> {
    let text = |name: &IndexName| name.as_str().to_owned();
    let aliases = aliases.iter().map(|(alias, index)| (text(alias), text(index))).collect();
    json_file::write(&path(root), AliasFile { aliases })
}

fn path(root: &Path) -> PathBuf {
    root.join(".aliases.json")
}

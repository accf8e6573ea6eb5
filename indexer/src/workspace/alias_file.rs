//! `.aliases.json`: second names of indexes.

use super::disk::{DiskFault, replace_file};
use annuli_core::IndexName;
use annuli_core::id::InvalidIndexName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Each alias with the index that it stands for.
pub(super) type Aliases = BTreeMap<IndexName, IndexName>;

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AliasFile {
    format_version: u32,
    aliases: BTreeMap<String, String>,
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AliasFileError {
    /// The file cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// It is not what was written.
    #[error("`{path}` cannot be read: {reason}")]
    Json {
        /// The file.
        path: String,
        /// Why.
        reason: serde_json::Error,
    },
    /// Written by a later release.
    #[error("`{path}` has format version {found}, this release reads up to {FORMAT}: use a newer one")]
    NewerFormat {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
    },
    /// A name that no release wrote.
    #[error("`{path}`: {reason}")]
    Name {
        /// The file.
        path: String,
        /// Why.
        reason: InvalidIndexName,
    },
}

pub(super) fn read(root: &Path) -> Result<Aliases, AliasFileError> {
    let path = root.join(".aliases.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Aliases::new()),
        Err(error) => return Err(DiskFault::of("read", &path)(error).into()),
    };
    let path = path.display().to_string();
    let file: AliasFile =
        serde_json::from_slice(&bytes).map_err(|reason| AliasFileError::Json { path: path.clone(), reason })?;
    if file.format_version > FORMAT {
        return Err(AliasFileError::NewerFormat { path, found: file.format_version });
    }
    let name = |text: &str| IndexName::new(text).map_err(|reason| AliasFileError::Name { path: path.clone(), reason });
    file.aliases.iter().map(|(alias, index)| Ok((name(alias)?, name(index)?))).collect()
}

pub(super) fn write(root: &Path, aliases: &Aliases) -> Result<(), DiskFault> {
    let text = |name: &IndexName| name.as_str().to_owned();
    let file = AliasFile {
        format_version: FORMAT,
        aliases: aliases.iter().map(|(alias, index)| (text(alias), text(index))).collect(),
    };
    let bytes = serde_json::to_vec_pretty(&file).expect("names are texts");
    replace_file(&root.join(".aliases.json"), &bytes)
}

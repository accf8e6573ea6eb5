//! Where dumps are kept, as people write it.

use annuli_dump::DumpStore;
use annuli_dump_s3::{InvalidS3Place, OpenS3Error, S3Files, S3Place, S3Settings};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// A folder, as its path or as `file:///path`, or a bucket, as `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpPlace {
    /// In a folder, of this machine or mounted.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Place),
}

/// A text that is no place of dumps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDumpPlace {
    /// Nothing at all.
    #[error("dumps need a place: a folder, or s3://bucket/prefix")]
    Empty,
    /// A folder of no root, or of another machine.
    #[error("a folder as a URL has three slashes and an absolute path: file:///path")]
    FileUrl,
    /// No store knows it.
    #[error("`{scheme}://` is no place of dumps: they are kept in a folder, file:///path or s3://bucket/prefix")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// No place in a bucket.
    #[error(transparent)]
    S3(#[from] InvalidS3Place),
}

impl DumpPlace {
    /// The dumps at that place. `endpoint` is a server with buckets, if it is not the one that the environment names.
    pub fn open(&self, endpoint: Option<&str>) -> Result<DumpStore, OpenS3Error> {
        match self {
            Self::Folder(folder) => Ok(DumpStore::in_folder(folder)),
            Self::S3(place) => {
                let settings = S3Settings::from_environment(endpoint.map(str::to_owned));
                Ok(DumpStore::new(Arc::new(S3Files::open(place.clone(), &settings)?)))
            }
        }
    }

    /// Where the dumps of a workspace are unless it is said.
    pub fn of_workspace(workspace: &Path) -> Self {
        Self::Folder(workspace.join(".dumps"))
    }
}

impl FromStr for DumpPlace {
    type Err = InvalidDumpPlace;

    fn from_str(text: &str) -> Result<Self, InvalidDumpPlace> {
        if text.is_empty() {
            return Err(InvalidDumpPlace::Empty);
        }
        match text.split_once("://") {
            Some(("s3", _)) => Ok(Self::S3(S3Place::parse(text)?)),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(path.into())),
            Some(("file", _)) => Err(InvalidDumpPlace::FileUrl),
            Some((scheme, _)) if is_scheme(scheme) => Err(InvalidDumpPlace::Scheme { scheme: scheme.to_owned() }),
            Some(_) | None => Ok(Self::Folder(text.into())),
        }
    }
}

/// Else it is a folder with an odd name.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

impl fmt::Display for DumpPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3(place) => place.fmt(f),
        }
    }
}

impl Serialize for DumpPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Refuses a path that is no text, as it does everywhere.
            Self::Folder(folder) => folder.serialize(serializer),
            Self::S3(place) => serializer.collect_str(place),
        }
    }
}

impl<'de> Deserialize<'de> for DumpPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, folder: &str) {
        assert_eq!(text.parse(), Ok(DumpPlace::Folder(folder.into())));
    }

    #[track_caller]
    fn check_refused(text: &str, says: &str) {
        assert_eq!(text.parse::<DumpPlace>().unwrap_err().to_string(), says);
    }

    #[test]
    fn a_place_is_a_folder_or_in_a_bucket() {
        check("./dumps", "./dumps");
        check("/var/dumps", "/var/dumps");
        check("file:///var/dumps", "/var/dumps");
        check("7", "7");
        check("a b://c", "a b://c");
        let place = "s3://dumps/annuli".parse::<DumpPlace>().unwrap();
        assert_eq!(place, DumpPlace::S3(S3Place::parse("s3://dumps/annuli").unwrap()));
        assert_eq!(place.to_string(), "s3://dumps/annuli");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        check_refused("", "dumps need a place: a folder, or s3://bucket/prefix");
        let says = "a folder as a URL has three slashes and an absolute path: file:///path";
        check_refused("file://dumps", says);
        check_refused("file://", says);
        let says = "is no place of dumps: they are kept in a folder, file:///path or s3://bucket/prefix";
        check_refused("gs://dumps", &format!("`gs://` {says}"));
        check_refused("https://dumps.example", &format!("`https://` {says}"));
        check_refused("s3://DUMPS", &S3Place::parse("s3://DUMPS").unwrap_err().to_string());
    }
}
